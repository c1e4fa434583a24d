"""Which events help a pod that GangScheduling held or rejected."""

from __future__ import annotations

import pytest
from naive.pod_group_objects import composite, group, pod
from naive.queue_objects import helped

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.plugins.gang_scheduling import GangScheduling
from schedbench.scheduler.queue import SchedulingQueue
from schedbench.scheduler.queueing.entry import Place
from schedbench.scheduler.queueing.events import Action, Event, Resource
from schedbench.scheduler.queueing.hints import default_hints

MINE = pod("p0", "g")
G, H, OTHER = group("g", 3, "c"), group("h", 1, "c"), group("o", 1)
ABOVE = composite("c", 2)
AROUND = (G, H, OTHER, ABOVE)
PLUGIN = "GangScheduling"

CASES: dict[str, tuple[ApiObject | None, ApiObject | None, bool]] = {
    "a pod of the group is added": (None, pod("x", "g"), True),
    "a pod of the group comes with a node": (None, pod("x", "g", "n"), True),
    "a pod of the group is bound": (pod("x", "g"), pod("x", "g", "n"), True),
    "a pod of a group beside it is added": (None, pod("x", "h"), True),
    "a pod of another group is added": (None, pod("x", "o"), False),
    "a pod without a group is added": (None, pod("x"), False),
    "a pod of the group goes": (pod("x", "g", "n"), None, False),
    "the group comes": (None, G, True),
    "a group beside it comes": (None, H, True),
    "another group comes": (None, OTHER, False),
    "the group above comes": (None, ABOVE, True),
    "the group needs fewer pods": (group("g", 4, "c"), G, True),
    "the group needs more pods": (group("g", 2, "c"), G, False),
    "a group beside it needs fewer pods": (group("h", 2, "c"), H, True),
    "another group needs fewer pods": (group("o", 2), OTHER, False),
    "the group becomes a gang": (group("g", None, "c"), G, False),
}


def table(*groups: PodGroup | CompositePodGroup) -> PodGroupTable:
    """Make a table of groups."""
    found = PodGroupTable()
    for each in groups:
        found.put(each)
    return found


@pytest.mark.parametrize(("old", "new", "helps"), CASES.values(), ids=CASES)
def test_sentence(old: ApiObject | None, new: ApiObject | None, helps: bool) -> None:
    """The event of the case's sentence gets the pod tried, or not."""
    hints = default_hints(pod_groups=table(*AROUND))

    assert helped(PLUGIN, MINE, old, new, hints) == helps


def test_nothing_helps_while_a_group_is_missing() -> None:
    """A pod whose hierarchy is not whole is held whatever comes to it."""
    hints = default_hints(pod_groups=table(G))

    assert not helped(PLUGIN, MINE, None, pod("x", "g"), hints)


def test_without_groups_the_plugin_is_not_there() -> None:
    """The default plugins of v1.34 do not know groups."""
    assert not helped(PLUGIN, MINE, None, G, default_hints())


def test_held_pods_enter_the_queue_when_the_gang_is_there() -> None:
    """The queue lets both pods of a gang of two in when the second has come."""
    groups = table(group("g", 2))
    gang = GangScheduling(groups)
    queue = SchedulingQueue(
        hints=default_hints(pod_groups=groups), pre_enqueue={PLUGIN: gang.admits}
    )
    places = []
    for name in ("p0", "p1"):
        new: Pod = pod(name, "g")
        groups.add(new)
        queue.add(new, 0.0)
        queue.on_event(Event(Resource.UNSCHEDULED_POD, Action.ADD, None, new), 0.0)
        places.append(queue.counts()[Place.ACTIVE])

    assert places == [0, 2]
