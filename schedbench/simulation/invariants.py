"""What must hold whatever happens: laws over plain views of a cluster's state and past.

Every law is a pure function that returns its breaches; `watchdog` asks those that hold
at any moment, after every event or now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

CHANGING = frozenset({"create", "update", "patch", "delete", "bind", "evict"})
"""The verbs that change the store."""
OVER_COMMITTED = "over-committed node"


class Breach(NamedTuple):
    """A law that does not hold.

    Attributes
    ----------
    law
        Its name.
    subject
        The node, pod, key, watcher or component concerned.
    detail
        The values that contradict each other.
    """

    law: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.law}: {self.subject}: {self.detail}"


class BoundPod(NamedTuple):
    """A pod with a node, as the store has it.

    Attributes
    ----------
    requests
        Resource → amount in base units, `pods` included.
    over
        Whether it has ended (Succeeded or Failed), and so holds nothing.
    """

    uid: str
    key: str
    node: str
    requests: Mapping[str, int]
    over: bool = False


class Write(NamedTuple):
    """A committed change.

    Attributes
    ----------
    key
        `Kind/namespace/name`.
    value
        Something that differs where the objects do; None = a deletion.
    """

    revision: int
    key: str
    value: object


class Call(NamedTuple):
    """A call that a component made, at a simulated second."""

    time: float
    user: str
    verb: str
    kind: str


def overcommitted(
    allocatable: Mapping[str, Mapping[str, int]], pods: Iterable[BoundPod]
) -> list[Breach]:
    """Return the nodes whose bound pods ask for more than there is.

    Pods that have ended hold nothing; nodes that are gone cannot be over-committed.

    Source: docs.kubernetes.io, concepts/configuration/manage-resources-containers
    ("How Pods with resource requests are scheduled").
    """
    used: dict[str, dict[str, int]] = {}
    for pod in pods:
        if not pod.over and pod.node in allocatable:
            node = used.setdefault(pod.node, {})
            for resource, amount in pod.requests.items():
                node[resource] = node.get(resource, 0) + amount
    return [
        breach
        for node, resources in used.items()
        for breach in over(node, allocatable[node], resources, resources)
    ]


def over(
    node: str,
    allocatable: Mapping[str, int],
    used: Mapping[str, int],
    asked: Mapping[str, int],
) -> list[Breach]:
    """Return what a node lacks of what is asked for; what asks for none lacks none."""
    return [
        Breach(OVER_COMMITTED, node, f"{resource}: {used[resource]} of {there}")
        for resource, amount in asked.items()
        if amount and used[resource] > (there := allocatable.get(resource, 0))
    ]


def on_two_nodes(
    placements: Iterable[tuple[str, str]], known: dict[str, str] | None = None
) -> list[Breach]:
    """Return the pods that are, or ever were, on more than one node.

    Parameters
    ----------
    placements
        Pairs of uid and node: bindings, and what the kubelets run.
    known
        Where pods were seen before; filled in.

    Source: docs.kubernetes.io, concepts/workloads/pods/pod-lifecycle (a pod is
    scheduled once in its lifetime).
    """
    known = {} if known is None else known
    return [
        Breach("pod on two nodes", uid, f"{first} and {node}")
        for uid, node in placements
        if (first := known.setdefault(uid, node)) != node
    ]


def not_monotonic(log: Iterable[Write], last: int = 0) -> list[Breach]:
    """Return the writes whose revision is not above that of the one before.

    Source: etcd.io, learning/api_guarantees ("Revisions are monotonic").
    """
    breaches = []
    for write in log:
        if write.revision <= last:
            detail = f"revision {write.revision} after {last}"
            breaches.append(Breach("revisions monotonic", write.key, detail))
        last = write.revision
    return breaches


def lost_writes(
    acknowledged: Iterable[Write], log: Mapping[tuple[int, str], object]
) -> list[Breach]:
    """Return the acknowledged writes that a living quorum does not have.

    `log` maps revision and key to the value that the quorum's members agree on.

    Source: etcd.io, learning/api_guarantees ("Durability").
    """
    breaches = []
    for write in acknowledged:
        at = write.revision, write.key
        if at not in log:
            detail = f"revision {write.revision} is missing"
        elif log[at] != write.value:
            detail = f"revision {write.revision} has another value"
        else:
            continue
        breaches.append(Breach("acknowledged write lost", write.key, detail))
    return breaches


def forked(logs: Mapping[str, Sequence[Write]]) -> list[Breach]:
    """Return the members whose committed log is no prefix of the longest.

    Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus
    Algorithm" (2014), State Machine Safety.
    """
    longest = max(logs.values(), key=len, default=())
    breaches = []
    for member, log in logs.items():
        for mine, theirs in zip(log, longest, strict=False):
            if mine != theirs:
                detail = f"{mine.key} at {mine.revision}, others have {theirs.key}"
                breaches.append(Breach("logs fork", member, detail))
                break
    return breaches


def not_durable(entry: str, holders: int, quorum: int) -> list[Breach]:
    """Return a committed entry that fewer members than a quorum have on disk.

    Source: Ongaro and Ousterhout, Leader Completeness and §5.3.
    """
    if holders >= quorum:
        return []
    return [Breach("commit not durable", entry, f"{holders} of {quorum} members")]


def without_quorum(
    acknowledged: Iterable[tuple[float, Write]],
    outages: Sequence[tuple[float, float]],
) -> list[Breach]:
    """Return the writes acknowledged while there was no quorum.

    `acknowledged` has the second of each acknowledgement by etcd's leader, `outages`
    begin (exclusive) and end (exclusive) of each time without a quorum.

    Source: etcd.io, op-guide/failures ("Majority failure").
    """
    return [
        Breach("write without quorum", write.key, f"revision {write.revision} at {at}")
        for at, write in acknowledged
        if any(begin < at < end for begin, end in outages)
    ]


def unsettled(
    calls: Iterable[Call],
    since: float,
    *,
    ignored: frozenset[str] = frozenset({"Lease", "Event"}),
) -> list[Breach]:
    """Return, a component each, the changes it makes though it should have converged.

    `since` is when the last fault ended or the wishes last changed, plus the time
    allowed to settle. Reads, and kinds that change for ever, are `ignored`.

    Source: docs.kubernetes.io, concepts/architecture/controller ("Control loop").
    """
    found: dict[str, tuple[int, Call]] = {}
    for call in calls:
        if call.time > since and call.verb in CHANGING and call.kind not in ignored:
            count, _ = found.get(call.user, (0, call))
            found[call.user] = (count + 1, call)
    return [
        Breach(
            "controllers converge",
            user,
            f"{count} calls after {since} s, the last {last.verb} {last.kind}",
        )
        for user, (count, last) in found.items()
    ]
