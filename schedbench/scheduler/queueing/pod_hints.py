"""Hints of the plugins that look at other pods: ports, spreading, affinity, gates.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins: nodeports, schedulinggates,
podtopologyspread (plugin.go), interpodaffinity (plugin.go). As in v1.34.1 the
deletion of a pod whose own anti-affinity kept the waiting pod away is no help by
itself (kubernetes issue 134393, mended later), and a namespaceSelector is asked about
empty namespace labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from schedbench.cluster.ports import ANY_IP, host_ports
from schedbench.objects.node import Node
from schedbench.objects.pod import (
    Pod,
    PodAffinity,
    PodAffinityTerm,
    TopologySpreadConstraint,
)
from schedbench.objects.selectors import matches_label_selector
from schedbench.scheduler.queueing.events import Event, same_pod


def own_update(pod: Pod, event: Event) -> bool:
    """Return whether it is the waiting pod itself that was updated."""
    return isinstance(event.new, Pod) and same_pod(pod, event.new)


def freed_port(pod: Pod, event: Event) -> bool:
    """Return whether a pod that leaves a node held a host port that the pod wants."""
    gone = event.old
    if not isinstance(gone, Pod):
        return False
    if not (gone.spec.node_name or gone.status.nominated_node_name):
        return False
    return any(
        (mine.protocol, mine.port) == (theirs.protocol, theirs.port)
        and (mine.ip == theirs.ip or ANY_IP in {mine.ip, theirs.ip})
        for mine in host_ports(pod)
        for theirs in host_ports(gone)
    )


class SpreadHints:
    """Pods that count for the hard constraints, and nodes that make domains.

    Parameters
    ----------
    defaults
        The constraints of a pod that has none of its own.
    """

    def __init__(
        self,
        defaults: Callable[[Pod], Sequence[TopologySpreadConstraint]] | None = None,
    ) -> None:
        self._defaults = defaults

    def pod_changed(self, pod: Pod, event: Event) -> bool:
        """Return whether a pod of the namespace begins or ceases to be counted.

        Its own new toleration helps a pod if a constraint honours taints.
        """
        old, new = _pods(event)
        for one in (old, new):
            if one is not None and not _involved(one, pod):
                return False
        constraints = self._hard(pod)
        if old is None or new is None:
            only = new or old
            return only is not None and any(
                _counts(one, pod, only) for one in constraints
            )
        if (
            same_pod(pod, new)
            and old.spec.tolerations != new.spec.tolerations
            and any(one.node_taints_policy == "Honor" for one in constraints)
        ):
            return True
        return any(
            _counts(one, pod, old) != _counts(one, pod, new) for one in constraints
        )

    def node_changed(self, pod: Pod, event: Event) -> bool:
        """Return whether a node with all the topology keys comes, goes or changes.

        Of a node that keeps the keys, other values of them or other taints matter.
        """
        old = event.old if isinstance(event.old, Node) else None
        new = event.new if isinstance(event.new, Node) else None
        keys = [one.topology_key for one in self._hard(pod)]
        had = old is not None and _has_all(old, keys)
        has = new is not None and _has_all(new, keys)
        if old is None or new is None or had != has:
            return had or has
        return has and (
            any(_value(old, key) != _value(new, key) for key in keys)
            or old.spec.taints != new.spec.taints
        )

    def _hard(self, pod: Pod) -> list[TopologySpreadConstraint]:
        own: Iterable[TopologySpreadConstraint] = pod.spec.topology_spread_constraints
        if not own and self._defaults is not None:
            own = self._defaults(pod)
        return [one for one in own if one.when_unsatisfiable == "DoNotSchedule"]


def affinity_pod_changed(pod: Pod, event: Event) -> bool:
    """Return whether a placed pod begins to match all affinity terms of the pod.

    Or ceases to match all its anti-affinity terms, by a change or by leaving. The
    pod's own new labels help too.
    """
    old, new = _pods(event)
    if new is not None and same_pod(pod, new):
        return True
    if any(one is not None and not one.spec.node_name for one in (old, new)):
        return False
    affinity, anti = affinity_terms(pod), anti_affinity_terms(pod)
    if new is None:
        return old is not None and _matches_all(anti, pod, old)
    if old is None:
        return _matches_all(affinity, pod, new)
    gained = _matches_all(affinity, pod, new) and not _matches_all(affinity, pod, old)
    return gained or (_matches_all(anti, pod, old) and not _matches_all(anti, pod, new))


def affinity_node_changed(pod: Pod, event: Event) -> bool:
    """Return whether a node enters a domain of affinity or leaves one of anti-affinity.

    Every new node helps a pod with anti-affinity, one with the topology key a pod with
    affinity; another value of the key helps both.
    """
    old = event.old if isinstance(event.old, Node) else None
    new = event.new
    if not isinstance(new, Node):
        return False
    for term in affinity_terms(pod):
        value = _value(new, term.topology_key)
        if value is not None and (
            old is None or _value(old, term.topology_key) != value
        ):
            return True
    for term in anti_affinity_terms(pod):
        if old is None:
            return True
        value = _value(old, term.topology_key)
        if value is not None and _value(new, term.topology_key) != value:
            return True
    return False


def affinity_terms(pod: Pod) -> list[PodAffinityTerm]:
    """Return the required terms of the pod's affinity."""
    return _required(pod.spec.affinity.pod_affinity if pod.spec.affinity else None)


def anti_affinity_terms(pod: Pod) -> list[PodAffinityTerm]:
    """Return the required terms of the pod's anti-affinity."""
    return _required(pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None)


def _required(affinity: PodAffinity | None) -> list[PodAffinityTerm]:
    if affinity is None:
        return []
    return affinity.required_during_scheduling_ignored_during_execution


def _matches_all(terms: Sequence[PodAffinityTerm], owner: Pod, other: Pod) -> bool:
    """Return whether a pod matches all the terms of `owner`; never without terms."""
    return bool(terms) and all(_matches(term, owner, other) for term in terms)


def _matches(term: PodAffinityTerm, owner: Pod, other: Pod) -> bool:
    namespaces = set(term.namespaces)
    selector = term.namespace_selector
    if not namespaces and selector is None:
        namespaces = {owner.metadata.namespace}
    if other.metadata.namespace not in namespaces:
        no_labels: Mapping[str, str] = {}
        if not matches_label_selector(selector, no_labels):
            return False
    return matches_label_selector(term.label_selector, other.metadata.labels)


def _pods(event: Event) -> tuple[Pod | None, Pod | None]:
    old, new = event.old, event.new
    return (
        old if isinstance(old, Pod) else None,
        new if isinstance(new, Pod) else None,
    )


def _involved(other: Pod, pod: Pod) -> bool:
    return same_pod(other, pod) or (
        bool(other.spec.node_name)
        and other.metadata.namespace == pod.metadata.namespace
    )


def _counts(constraint: TopologySpreadConstraint, pod: Pod, other: Pod) -> bool:
    mine, theirs = pod.metadata.labels, other.metadata.labels
    if constraint.label_selector is None:
        return False
    return matches_label_selector(constraint.label_selector, theirs) and all(
        theirs.get(key) == mine[key]
        for key in constraint.match_label_keys
        if key in mine
    )


def _has_all(node: Node, keys: Sequence[str]) -> bool:
    return all(key in node.metadata.labels for key in keys)


def _value(node: Node, key: str) -> str | None:
    return node.metadata.labels.get(key)
