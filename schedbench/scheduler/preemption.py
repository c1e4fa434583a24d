"""DefaultPreemption: which pods of lower priority must go for one that fits nowhere.

Source: kubernetes v1.34 pkg/scheduler/framework/preemption and plugins/
defaultpreemption. On each node where it may help, all lower pods are removed; if the
pod then passes, as many as possible are given back, first those whose eviction breaks
a disruption budget. Five rules choose among the nodes. The nodes are looked at one
after another, where upstream looks at several at once, so that there the number of
candidates can be somewhat above what is enough.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.selectors import matches_label_selector
from schedbench.scheduler.dry_run import DryRun, PlacedPod, nominated_to
from schedbench.scheduler.explain import Rejected

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."
PRIORITY_SHIFT = 2**31


class Around(NamedTuple):
    """What preemption looks at besides the columns.

    Attributes
    ----------
    placed
        Returns the pods on the node of a slot, in the order in which they came.
    nominated
        The pods of the queue that are nominated to a node.
    budgets
        The disruption budgets.
    """

    placed: Callable[[int], Collection[PlacedPod]]
    nominated: Sequence[PlacedPod] = ()
    budgets: Sequence[PodDisruptionBudget] = ()


class Search(NamedTuple):
    """In which order nodes are looked at, and how many candidates are enough.

    Attributes
    ----------
    order
        Slots in the scheduler's order; those that it leaves out are not looked at.
    start
        Returns where to begin among so many nodes.
    percentage, absolute
        Of the nodes where eviction may help, so many candidates are enough: the
        greater of both.
    """

    order: Sequence[int] | NDArray[np.int32]
    start: Callable[[int], int]
    percentage: int = 10
    absolute: int = 100

    def enough(self, nodes: int) -> int:
        """Return how many candidates are enough among so many nodes."""
        return min(nodes, max(nodes * self.percentage // 100, self.absolute))


class Candidate(NamedTuple):
    """A node, who would go, the most important first, and how many break a budget."""

    slot: int
    victims: Sequence[PlacedPod]
    violations: int


@dataclasses.dataclass(frozen=True, slots=True)
class Preemption:
    """What came of trying to make room.

    Attributes
    ----------
    message
        Why nobody goes; empty if there is a candidate.
    error
        Whether it is an error's.
    candidates
        All nodes that would do, by slot.
    tied
        Those that no rule tells apart.
    clears
        Whether the pod loses the nomination it had.
    """

    message: str = ""
    error: bool = False
    candidates: Sequence[Candidate] = ()
    tied: Sequence[Candidate] = ()
    clears: bool = False

    def settle(self, index: int) -> None:
        """Work out a tied candidate now, if it is taken after the cluster changes."""
        _ = self.tied[index]


def preempt(
    run: DryRun,
    pod: Pod,
    rejected: Mapping[int, Rejected],
    around: Around,
    nominated: int | None = None,
    search: Search | None = None,
) -> Preemption:
    """Find out who would have to go for a pod that every node rejected.

    Nothing is changed.

    Parameters
    ----------
    run
        A dry run for the pod's class, made for the cluster as it is.
    rejected
        Node slot → who rejected it and why.
    nominated
        Slot of the node in the cluster to which the pod is nominated.
    search
        How the candidates are looked for; None = on every node.
    """
    if why := ineligible(pod, rejected, around, nominated):
        return Preemption(f"preemption: {why}")
    candidates: list[Candidate] = []
    errors = []
    reasons: collections.Counter[str] = collections.Counter()
    walk, enough = _walk(rejected, search)
    if len(walk) < len(rejected):
        reasons[NOT_HELPFUL] = len(rejected) - len(walk)
    for slot in walk:
        if len(candidates) >= enough and not all(one.violations for one in candidates):
            break
        found = select_victims(run, slot, pod, around)
        if not isinstance(found, Candidate):
            reasons.update(found)
        elif found.victims:
            candidates.append(found)
        else:
            name = run.session.nodes.objects[slot].metadata.name
            errors.append(f'expected at least one victim pod on node "{name}"')
    if candidates:
        candidates.sort(key=lambda one: one.slot)
        return Preemption(candidates=candidates, tied=best(candidates))
    if errors:
        text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
        return Preemption(f"preemption: {text}", error=True)
    text = fit_error(reasons, len(rejected))
    return Preemption(f"preemption: {text}", clears=True)


def without_victims(
    pod: Pod,
    rejected: Mapping[int, Rejected],
    around: Around,
    nominated: int | None = None,
) -> Preemption:
    """Return what `preempt` finds where no pod has a lower priority."""
    if why := ineligible(pod, rejected, around, nominated):
        return Preemption(f"preemption: {why}")
    walk, _ = _walk(rejected, None)
    reasons = {NO_VICTIMS: len(walk), NOT_HELPFUL: len(rejected) - len(walk)}
    counted = collections.Counter(
        {why: count for why, count in reasons.items() if count}
    )
    text = fit_error(counted, len(rejected))
    return Preemption(f"preemption: {text}", clears=True)


def _walk(
    rejected: Mapping[int, Rejected], search: Search | None
) -> tuple[list[int], int]:
    """Return the nodes where eviction may help, and how many candidates are enough."""
    order = sorted(rejected) if search is None else np.asarray(search.order).tolist()
    walk = [
        slot
        for slot in order
        if slot in rejected and not rejected[slot].status.unresolvable
    ]
    if search is None or not walk:
        return walk, len(walk)
    first = search.start(len(walk))
    return walk[first:] + walk[:first], search.enough(len(walk))


def ineligible(
    pod: Pod,
    rejected: Mapping[int, Rejected],
    around: Around,
    nominated: int | None = None,
) -> str:
    """Return why a pod may not evict others, empty if it may.

    It waits for those who are going from its nominated node because of an earlier
    preemption, unless that node would not do without them either.
    """
    if pod.spec.preemption_policy == "Never":
        return NEVER
    if nominated is None:
        return ""
    if nominated in rejected and rejected[nominated].status.unresolvable:
        return ""
    priority = pod.spec.priority or 0
    for other in around.placed(nominated):
        if other.priority < priority and was_evicted(other.pod):
            return TERMINATING
    return ""


def select_victims(
    run: DryRun, slot: int, pod: Pod, around: Around
) -> Candidate | Sequence[str]:
    """Return who must go from a node, or why no eviction there helps.

    Pods are removed and given back one by one, because the taken host ports depend on
    the way.
    """
    priority = pod.spec.priority or 0
    lower = [other for other in around.placed(slot) if other.priority < priority]
    if not lower:
        return (NO_VICTIMS,)
    guests = nominated_to(slot, around.nominated, pod)
    gone: list[PlacedPod] = []
    lower.sort(key=importance)
    violating = breaking(lower, around.budgets)
    with run.on(slot):
        for other in lower:
            run.take(other, slot)
        refusal = run.refusal(slot, guests)
        for other in sorted(lower, key=lambda one: id(one) not in violating):
            run.put(other, slot)
            if refusal is None and not run.fits(slot, guests):
                run.take(other, slot)
                gone.append(other)
        for other in gone:
            run.put(other, slot)
    if refusal is not None:
        return refusal.status.reasons
    gone.sort(key=importance)
    return Candidate(slot, gone, sum(id(other) in violating for other in gone))


def best(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the candidates that none of the five rules puts behind another."""
    left = candidates
    for rule in _RULES:
        least = min(map(rule, left))
        left = [one for one in left if rule(one) == least]
    return left


def importance(placed: PlacedPod) -> tuple[int, float]:
    """Return a key by which more important pods come first."""
    return -placed.priority, placed.start


def breaking(
    lower: Sequence[PlacedPod], budgets: Sequence[PodDisruptionBudget]
) -> set[int]:
    """Return the `id`s of those whose eviction breaks a budget.

    Budgets are counted down over all of them in order, whether they go in the end or
    not.
    """
    left = [budget.status.disruptions_allowed for budget in budgets]
    found = set()
    for placed in lower:
        for index, budget in enumerate(budgets):
            if protects(budget, placed.pod):
                left[index] -= 1
                if left[index] < 0:
                    found.add(id(placed))
    return found


def protects(budget: PodDisruptionBudget, pod: Pod) -> bool:
    """Return whether a budget counts a pod: never one without labels, nor by `{}`."""
    selector = budget.spec.selector
    if not pod.metadata.labels or selector is None:
        return False
    return (
        bool(selector.match_labels or selector.match_expressions)
        and (budget.metadata.namespace or "default") == pod.metadata.namespace
        and matches_label_selector(selector, pod.metadata.labels)
        and pod.metadata.name not in budget.status.disrupted_pods
    )


def fit_error(counts: Mapping[str, int], nodes: int) -> str:
    """Return the text of a FitError: reasons counted, sorted as strings."""
    reasons = ", ".join(sorted(f"{n} {reason}" for reason, n in counts.items()))
    text = f"0/{nodes} nodes are available"
    return f"{text}: {reasons}." if reasons else f"{text}."


def _latest_start(candidate: Candidate) -> float:
    """Return the earliest start of the highest victims, negative: latest first."""
    highest = candidate.victims[0].priority
    return -min(v.start for v in candidate.victims if v.priority == highest)


_RULES: Sequence[Callable[[Candidate], float]] = (
    lambda one: one.violations,
    lambda one: one.victims[0].priority,
    lambda one: sum(victim.priority + PRIORITY_SHIFT for victim in one.victims),
    lambda one: len(one.victims),
    _latest_start,
)
"""Violations, highest priority, sum of priorities, number: the least is the best."""


def was_evicted(pod: Pod) -> bool:
    """Return whether a pod is going because of an earlier preemption."""
    return pod.metadata.deletion_timestamp is not None and any(
        condition.type == "DisruptionTarget"
        and condition.status == "True"
        and condition.reason == "PreemptionByScheduler"
        for condition in pod.status.conditions
    )
