"""What the queue knows of a pod group, made ready for a group cycle.

A group waits as one entry: it is popped with all its waiting members, and comes back
with those that were not placed.

Source: kubernetes (after v1.34) pkg/scheduler/framework/types.go
(QueuedPodGroupInfo) and the validatePodGroup of schedule_one_podgroup.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from schedbench.cluster.nodes import ABSENT
from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, min_count, topology_key
from schedbench.scheduler.pod_group_types import Group, Refusal
from schedbench.scheduler.queueing.entry import QueuedPod

TWO_SCHEDULERS = (
    "all pods in a single pod group should have the same .spec.schedulerName set, "
    'got: "{}" and "{}"'
)
TWO_POLICIES = (
    "all pods in a single pod group should have the same preemption policy, "
    "got {} and {}"
)


def in_order(members: Iterable[QueuedPod]) -> list[QueuedPod]:
    """Return the members in the order in which they are tried.

    Those tried more often come first, then those that wait longer, then by name; but
    pods of one kind stay together, at the place of the first of them.
    """
    kinds: dict[object, list[QueuedPod]] = {}
    for queued in sorted(members, key=_rank):
        kinds.setdefault(queued.kind, []).append(queued)
    return [queued for kind in kinds.values() for queued in kind]


def _rank(queued: QueuedPod) -> tuple[float, float, str]:
    return -queued.attempts, queued.timestamp, queued.pod.metadata.name


class PlacedSlots(Collection[int]):
    """The slots of placed members; counting them does not look them up.

    Parameters
    ----------
    placed
        `namespace/name` → name of the node.
    slots
        Name of a node → its slot; others are `ABSENT`.
    """

    def __init__(self, placed: Mapping[str, str], slots: Mapping[str, int]) -> None:
        self._placed = placed
        self._slots = slots

    def __len__(self) -> int:
        return len(self._placed)

    def __iter__(self) -> Iterator[int]:
        return (self._slots.get(name, ABSENT) for name in self._placed.values())

    def __contains__(self, slot: object) -> bool:
        return any(one == slot for one in self)


def waiting_group(
    table: PodGroupTable,
    key: GroupKey,
    waiting: Mapping[GroupKey, Sequence[QueuedPod]],
    slots: Mapping[str, int],
) -> Group[QueuedPod]:
    """Return a group and all below it, as `schedule_group` takes them.

    Parameters
    ----------
    table
        The groups and their members.
    key
        A group that exists.
    waiting
        PodGroup → its waiting members, in any order.
    slots
        Name of a node → its slot.
    """
    group = table.get(key)
    assert group is not None
    members = in_order(waiting.get(key, ()))
    nominees = (
        (queued, queued.pod.status.nominated_node_name or "") for queued in members
    )
    return Group(
        key=key,
        min_count=min_count(group),
        members=members,
        bound=PlacedSlots(table.placed(key), slots),
        children=[
            waiting_group(table, child, waiting, slots) for child in table.children(key)
        ],
        composite=key.composite,
        topology=topology_key(group),
        nominated={queued: slots[name] for queued, name in nominees if name in slots},
    )


def mismatch(pods: Iterable[Pod]) -> Refusal | None:
    """Return why pods cannot be scheduled as one group; an error of all of them.

    Upstream also refuses pods whose priority is not their group's. Here that of the
    group takes its place (`PodGroupTable.priority`), as in upstream before July 2026:
    published templates still leave it out in the pods.
    """
    first: Pod | None = None
    for pod in pods:
        first = first or pod
        for text, ours, theirs in (
            (TWO_SCHEDULERS, _scheduler(pod), _scheduler(first)),
            (TWO_POLICIES, _policy(pod), _policy(first)),
        ):
            if ours != theirs:
                return Refusal(text.format(ours, theirs), error=True)
    return None


def _scheduler(pod: Pod) -> str:
    return pod.spec.scheduler_name or "default-scheduler"


def _policy(pod: Pod) -> str:
    return pod.spec.preemption_policy or "PreemptLowerPriority"
