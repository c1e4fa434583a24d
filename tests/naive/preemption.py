"""DefaultPreemption: which pods of lower priority must go for a pod that fits nowhere.

After "Pod Priority and Preemption" in the documentation and kube-scheduler v1.34's
recorded behaviour.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import NamedTuple

from naive.cycle import Decision, refused
from naive.label_selectors import is_empty, selects
from naive.message import fit_error
from naive.placed import Placed
from naive.priority import never_preempts, priority_of
from naive.profile import Profile
from naive.verdict import Reasons
from naive.world import World, namespace_of

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = Reasons(
    ["No preemption victims found for incoming pod"], unresolvable=True
)
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."


class Candidate(NamedTuple):
    """A node, who would go, the most important first, and how many break a budget."""

    node: str
    victims: list[Placed]
    violations: int


@dataclasses.dataclass
class Outcome:
    """What PostFilter says of a pod that no node took.

    Attributes
    ----------
    message
        Its text; empty after a preemption.
    error
        It failed, and preemption was not tried.
    candidates
        All nodes that would do, in node order.
    tied
        Those that no rule tells apart; the first is taken.
    clears
        The pod loses the nomination it had.
    """

    message: str = ""
    error: bool = False
    candidates: list[Candidate] = dataclasses.field(default_factory=list)
    tied: list[Candidate] = dataclasses.field(default_factory=list)
    clears: bool = False


def post_filter(
    pod: Pod, world: World, decision: Decision, profile: Profile
) -> Outcome:
    """Run DynamicResources, which has nothing to say, and DefaultPreemption."""
    says = []
    if "DynamicResources" in profile.post_filters:
        if decision.stopped:
            return Outcome("not found", error=True)
        says.append("no new claims to deallocate")
    if "DefaultPreemption" not in profile.post_filters:
        return Outcome(", ".join(says))
    if why := ineligible(pod, world, decision):
        return Outcome(", ".join([*says, f"preemption: {why}"]))
    found, failed = dry_run(pod, world, decision, profile)
    if found:
        return Outcome(candidates=found, tied=best(found, world))
    reasons = {
        node.metadata.name: failed.get(node.metadata.name, [NOT_HELPFUL])
        for node in world.nodes
    }
    text = fit_error(len(world.nodes), reasons)
    return Outcome(", ".join([*says, f"preemption: {text}"]), clears=True)


def ineligible(pod: Pod, world: World, decision: Decision) -> str:
    """Tell why the pod may not evict others; empty if it may."""
    if never_preempts(pod, world):
        return NEVER
    name = pod.status.nominated_node_name or ""
    if name in decision.infeasible and decision.infeasible[name][1].unresolvable:
        return ""
    alive = {node.metadata.name for node in world.nodes}
    for other in world.on(name) if name in alive else ():
        lower = priority_of(other, world) < priority_of(pod, world)
        if lower and _evicted(other):
            return TERMINATING
    return ""


def dry_run(
    pod: Pod, world: World, decision: Decision, profile: Profile
) -> tuple[list[Candidate], dict[str, Reasons]]:
    """Try every node on which evictions might help; return successes and failures."""
    candidates = []
    failed = {}
    for node in world.nodes:
        _, reasons = decision.infeasible[node.metadata.name]
        if reasons.unresolvable:
            continue
        found = select_victims(pod, node, world, profile)
        if isinstance(found, Candidate):
            candidates.append(found)
        else:
            failed[node.metadata.name] = found
    return candidates, failed


def select_victims(
    pod: Pod, node: Node, world: World, profile: Profile
) -> Candidate | Reasons:
    """Remove all lower pods, then give back as many as possible.

    Those whose eviction breaks a budget are given back first, each sort from the most
    important down. Step by step, for the taken ports depend on the way.
    """
    name = node.metadata.name
    lower = [
        one
        for one in world.placed.get(name, ())
        if priority_of(one.pod, world) < priority_of(pod, world)
    ]
    if not lower:
        return NO_VICTIMS
    without = world.changed(name, removed=lower)
    if verdict := refused(pod, node, without, profile):
        return verdict[1]
    lower.sort(key=lambda one: importance(one.pod, world))
    violating = _violating(lower, world)
    order = [one for one in lower if id(one) in violating]
    order += [one for one in lower if id(one) not in violating]
    gone = []
    for one in order:
        given_back = without.changed(name, added=[one])
        if refused(pod, node, given_back, profile):
            gone.append(one)
            without = given_back.changed(name, removed=[one])
        else:
            without = given_back
    gone = sorted(gone, key=lambda one: importance(one.pod, world))
    return Candidate(name, gone, sum(id(one) in violating for one in gone))


def best(candidates: list[Candidate], world: World) -> list[Candidate]:
    """Return the candidates that none of the five rules puts behind another."""
    rules = (
        lambda one: one.violations,
        lambda one: priority_of(one.victims[0].pod, world),
        lambda one: sum(priority_of(v.pod, world) + 2**31 for v in one.victims),
        lambda one: len(one.victims),
        lambda one: -_earliest_of_highest(one, world),
    )
    left = candidates
    for rule in rules:
        least = min(map(rule, left))
        left = [one for one in left if rule(one) == least]
    return left


def importance(pod: Pod, world: World) -> tuple[int, float]:
    """Return a key by which more important pods come first."""
    return -priority_of(pod, world), started(pod)


def started(pod: Pod) -> float:
    """Return when the pod started, in seconds; a pod that has not starts last."""
    if pod.status.start_time is None:
        return datetime.max.replace(tzinfo=UTC).timestamp()
    return datetime.fromisoformat(pod.status.start_time).timestamp()


def _earliest_of_highest(candidate: Candidate, world: World) -> float:
    pods = [one.pod for one in candidate.victims]
    highest = max(priority_of(pod, world) for pod in pods)
    return min(started(pod) for pod in pods if priority_of(pod, world) == highest)


def _violating(lower: list[Placed], world: World) -> set[int]:
    """Count budgets down over all pods in order; return those for whom one is spent."""
    budgets = world.kind(PodDisruptionBudget)
    left = {id(one): one.status.disruptions_allowed for one in budgets}
    violating = set()
    for placed in lower:
        for budget in _matching(placed.pod, budgets):
            left[id(budget)] -= 1
            if left[id(budget)] < 0:
                violating.add(id(placed))
    return violating


def _matching(
    pod: Pod, budgets: list[PodDisruptionBudget]
) -> list[PodDisruptionBudget]:
    """Return the budgets that count the pod; a pod without labels has none."""
    if not pod.metadata.labels:
        return []
    return [
        one
        for one in budgets
        if (one.metadata.namespace or "default") == namespace_of(pod)
        and not is_empty(one.spec.selector)
        and selects(one.spec.selector, pod.metadata.labels)
        and pod.metadata.name not in one.status.disrupted_pods
    ]


def _evicted(pod: Pod) -> bool:
    """Tell whether the pod is being deleted because of an earlier preemption."""
    return pod.metadata.deletion_timestamp is not None and any(
        one.type == "DisruptionTarget"
        and one.status == "True"
        and one.reason == "PreemptionByScheduler"
        for one in pod.status.conditions
    )
