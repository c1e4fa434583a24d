"""The scheduling queue: order, backoff, events, gates, timeouts and nominations."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.queue_objects import node, pod, there

from schedbench.errors import InvariantError
from schedbench.objects.pod import Pod
from schedbench.scheduler.queue import SchedulingQueue
from schedbench.scheduler.queueing.backoff import BackoffQueue
from schedbench.scheduler.queueing.entry import Place, QueuedPod
from schedbench.scheduler.queueing.events import Action, Event, Resource
from schedbench.scheduler.queueing.hints import HintTable, Registration
from schedbench.scheduler.queueing.nominator import Nominator

FIT = ["NodeResourcesFit"]


def new_node(name: str = "node-0") -> Event:
    """Make the event of a new empty node."""
    added = node()
    added.metadata.name = name
    return Event(Resource.NODE, Action.ADD, None, added)


def popped(queue: SchedulingQueue, now: float) -> QueuedPod:
    """Pop a pod that must be there."""
    queued = queue.pop(now)
    assert queued is not None
    return queued


def drain(queue: SchedulingQueue, now: float) -> list[str]:
    """Pop and place all pods that are ready; return their names."""
    names = []
    while queued := queue.pop(now):
        names.append(queued.pod.metadata.name)
        queue.done(queued)
    return names


def failed(now: float = 0.0, *plugins: str, **options: Any) -> SchedulingQueue:
    """Make a queue with one pod that failed at a time."""
    queue = SchedulingQueue(**options)
    queue.add(pod(), now)
    queue.add_unschedulable(popped(queue, now), plugins or FIT, now)
    return queue


def place(queue: SchedulingQueue, one: Pod | None = None) -> Place | None:
    """Return where a pod is."""
    queued = queue.get(one or pod())
    return queued and queued.place


def test_order() -> None:
    """Pods leave by priority, then by the time at which they came, then in turn."""
    queue = SchedulingQueue()
    queue.add(pod("late"), 2)
    queue.add(pod("later", priority=0), 2)
    queue.add(pod("low", priority=-1), 2)
    queue.add(pod("high", priority=5), 3)
    assert drain(queue, 3) == ["high", "late", "later", "low"]


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0, 0, 1, 2.5]))))
def test_order_is_that_of_a_sort(pods: list[tuple[int, float]]) -> None:
    """The queue is a stable sort by priority down and time up."""
    queue = SchedulingQueue()
    now = 0.0
    expected = []
    for index, (priority, step) in enumerate(pods):
        now += step
        queue.add(pod(f"p{index}", priority=priority), now)
        expected.append((-priority, now, f"p{index}"))
    expected.sort(key=lambda one: one[:2])
    assert drain(queue, now) == [name for *_, name in expected]


def test_failed_pods_come_behind_equals() -> None:
    """A pod that failed counts as added when it came back."""
    queue = failed(1, "NodeName")
    queue.add(pod("second"), 2)
    queue.on_event(new_node(), 5)
    assert drain(queue, 5) == ["waiting", "second"]
    queue = failed(3, "NodeName")
    queue.add(pod("second"), 3)
    queue.on_event(new_node(), 6)
    assert drain(queue, 6) == ["waiting", "second"]
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queue.add(pod("second"), 0)
    queue.add_unschedulable(popped(queue, 0), ["NodeName"], 0)
    queue.on_event(new_node(), 5)
    assert drain(queue, 5) == ["second", "waiting"]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10)]
)
def test_backoff_doubles(failures: int, seconds: float) -> None:
    """A pod waits 1 s after its first failure, then twice as long, up to 10 s."""
    assert BackoffQueue(1, 10, early=True).duration(failures) == seconds


def test_backoff_survives_many_failures() -> None:
    """The wait does not overflow."""
    assert BackoffQueue(1, 10, early=True).duration(10_000) == 10


@pytest.mark.parametrize("early", [True, False])
def test_backoff_ends_with_its_second(early: bool) -> None:
    """A pod that failed at 0.3 s backs off to 1.3 s and is active at 2 s."""
    queue = failed(0.3, "NodeName", pop_from_backoff=early)
    queue.on_event(new_node(), 0.5)
    assert place(queue) is Place.BACKOFF
    queue.advance(1.99)
    assert place(queue) is Place.BACKOFF
    queue.advance(2)
    assert place(queue) is Place.ACTIVE


def test_events_after_the_backoff_make_pods_active() -> None:
    """A pod whose backoff is over by the time of the event is active at once."""
    queue = failed(0, "NodeName")
    queue.on_event(new_node(), 1.99)
    assert place(queue) is Place.BACKOFF
    queue = failed(0, "NodeName")
    queue.on_event(new_node(), 2)
    assert place(queue) is Place.ACTIVE
    queue = failed(0, "NodeName", pop_from_backoff=False)
    queue.on_event(new_node(), 1.5)
    assert place(queue) is Place.ACTIVE


def test_idle_schedulers_pop_from_backoff() -> None:
    """Without active pods, the pod whose backoff ends first is popped early."""
    queue = failed(0, "NodeName")
    queue.on_event(new_node(), 0)
    assert queue.next_time(0) == 0
    assert drain(queue, 0) == ["waiting"]
    queue = failed(0, "NodeName", pop_from_backoff=False)
    queue.on_event(new_node(), 0)
    assert queue.next_time(0) == 2
    assert drain(queue, 0) == []
    assert drain(queue, 2) == ["waiting"]


def test_early_pods_of_one_second_leave_by_priority() -> None:
    """Among pods whose backoff ends in the same second, priority decides."""
    queue = SchedulingQueue()
    for index, priority in enumerate([0, 7, 3]):
        queue.add(pod(f"p{index}", priority=priority), 0)
    tried = [popped(queue, 0) for _ in range(3)]
    for index, queued in enumerate(reversed(tried)):
        queue.add_unschedulable(queued, ["NodeName"], 0.2 * index)
    queue.on_event(new_node(), 0.5)
    assert queue.counts()[Place.BACKOFF] == 3
    assert drain(queue, 0.5) == ["p1", "p2", "p0"]


def test_errors_back_off_and_never_leave_early() -> None:
    """A pod that failed by an error waits its time, whatever is idle."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    assert queue.add_unschedulable(popped(queue, 0), [], 0) is Place.ERROR_BACKOFF
    assert queue.pop(1.9) is None
    assert queue.next_time(1.9) == 2
    assert drain(queue, 2) == ["waiting"]


def test_errors_and_rejections_are_counted_apart() -> None:
    """A rejection ends the row of errors; errors do not lengthen its backoff."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    for now in (0, 20, 40):
        queue.add_unschedulable(popped(queue, now), [], now)
    queued = popped(queue, 60)
    assert (queued.error_count, queued.unschedulable_count) == (3, 0)
    queue.add_unschedulable(queued, ["NodeName"], 60)
    assert (queued.error_count, queued.unschedulable_count) == (0, 1)
    assert queued.attempts == 4
    queue.on_event(new_node(), 60)
    assert queued.backoff_until == 61


def test_no_backoff() -> None:
    """A maximum of 0 s means no backoff."""
    queue = failed(0, "NodeName", backoff=(1, 0))
    queue.on_event(new_node(), 0)
    assert place(queue) is Place.ACTIVE


def test_only_events_that_help_move_pods() -> None:
    """A pod stays unschedulable until an event that its rejector waits for."""
    queue = failed(0, "NodeAffinity")
    assert queue.on_event(Event(Resource.ASSIGNED_POD, Action.DELETE, there()), 5) == 0
    assert queue.on_event(Event(Resource.NODE, Action.NODE_TAINT, None, node()), 5) == 0
    assert place(queue) is Place.UNSCHEDULABLE
    assert queue.on_event(new_node(), 5) == 1
    assert place(queue) is Place.ACTIVE


def test_one_rejector_is_enough() -> None:
    """An event that helps with one of several rejectors moves the pod."""
    queue = failed(0, "NodeAffinity", "NodeResourcesFit")
    queue.on_event(Event(Resource.ASSIGNED_POD, Action.DELETE, there()), 5)
    assert place(queue) is Place.ACTIVE


def test_unknown_rejectors_wait_for_the_timeout() -> None:
    """No event moves a pod whose rejector registered for none."""
    queue = failed(0, "Mine")
    queue.on_event(new_node(), 5)
    assert place(queue) is Place.UNSCHEDULABLE
    assert queue.next_time(5) == 330


@pytest.mark.parametrize(
    ("at", "tried"), [(0, 330), (0.5, 330), (29.9, 330), (30, 360), (31, 360)]
)
def test_timeout(at: float, tried: float) -> None:
    """After more than 5 minutes the next look, every 30 s, has the pod tried."""
    queue = failed(at)
    assert queue.next_time(at) == tried
    assert queue.pop(tried - 0.01) is None
    assert drain(queue, tried) == ["waiting"]


def test_timeouts_are_exact() -> None:
    """A look that times one pod out leaves the one that waited 300 s just so."""
    queue = SchedulingQueue()
    queue.add(pod("early"), 0)
    queue.add(pod("just"), 0)
    early, just = popped(queue, 0), popped(queue, 0)
    queue.add_unschedulable(early, FIT, 10)
    queue.add_unschedulable(just, FIT, 30)
    assert drain(queue, 330) == ["early"]
    assert drain(queue, 360) == ["just"]


def test_backoffs_are_exact() -> None:
    """A look that ends one backoff leaves the one that ends in the second begun."""
    queue = SchedulingQueue()
    queue.add(pod("first"), 0)
    queue.add(pod("second"), 0)
    first, second = popped(queue, 0), popped(queue, 0)
    queue.add_unschedulable(first, [], 0)
    queue.add_unschedulable(second, [], 1)
    assert drain(queue, 2) == ["first"]
    assert drain(queue, 3) == ["second"]


def test_timeouts_reach_pods_in_flight() -> None:
    """A pod in flight while others were timed out is tried again too."""
    queue = failed(0)
    queue.add(pod("slow"), 300)
    slow = popped(queue, 300)
    assert queue.add_unschedulable(slow, FIT, 331) is Place.BACKOFF


def test_events_in_flight() -> None:
    """What happens while a pod is tried is looked at when it comes back."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queued = popped(queue, 0)
    queue.on_event(new_node(), 1)
    assert queue.add_unschedulable(queued, FIT, 1) is Place.BACKOFF
    queued = popped(queue, 5)
    queue.on_event(Event(Resource.NODE, Action.NODE_TAINT, None, node()), 6)
    assert queue.add_unschedulable(queued, FIT, 6) is Place.UNSCHEDULABLE


def test_events_before_the_attempt_do_not_count() -> None:
    """An event from before a pod was popped is none of its business."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queue.add(pod("second"), 0)
    first = popped(queue, 0)
    queue.on_event(new_node(), 1)
    second = popped(queue, 1)
    assert queue.add_unschedulable(second, FIT, 1) is Place.UNSCHEDULABLE
    assert queue.add_unschedulable(first, FIT, 1) is Place.BACKOFF


def test_events_are_dropped_when_nobody_needs_them() -> None:
    """Events are kept from the pop of the oldest pod in flight on."""
    queue = SchedulingQueue()
    for index in range(3):
        queue.add(pod(f"p{index}"), 0)
    queue.on_event(new_node(), 0)
    assert queue._flight.kept == 0
    tried = []
    for _ in range(3):
        tried.append(popped(queue, 0))
        queue.on_event(new_node(), 0)
    assert queue._flight.kept == 3
    queue.done(tried[1])
    assert queue._flight.kept == 3
    queue.done(tried[0])
    assert queue._flight.kept == 1
    queue.done(tried[2])
    assert queue._flight.kept == 0


def test_pending_plugins_skip_the_backoff() -> None:
    """What a plugin only put off is tried at once when the event comes."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queue.add_unschedulable(popped(queue, 0), [], 0, pending=["NodeName"])
    queue.on_event(new_node(), 0)
    assert place(queue) is Place.ACTIVE


def test_gates() -> None:
    """A gated pod is held back, also from timeouts, until its last gate opens."""
    gated = pod(schedulingGates=[{"name": "a"}, {"name": "b"}])
    half = pod(schedulingGates=[{"name": "b"}])
    queue = SchedulingQueue()
    queue.add(gated, 0)
    assert place(queue) is Place.UNSCHEDULABLE
    queue.on_event(new_node(), 1)
    queue.activate([gated], 1)
    queue.update(gated, half, 1)
    assert queue.next_time(1000) == math.inf
    assert place(queue) is Place.UNSCHEDULABLE
    queue.update(half, pod(), 1001)
    assert drain(queue, 1001) == ["waiting"]


@pytest.mark.parametrize("early", [True, False])
def test_gates_that_close_later(early: bool) -> None:
    """Gates are asked when a backoff begins if it may be cut short, else at its end."""
    gated = pod(schedulingGates=[{"name": "a"}])
    queue = failed(0, "NodeName", pop_from_backoff=early)
    queue.update(pod(), gated, 0)
    queue.on_event(new_node(), 0)
    assert place(queue) is (Place.UNSCHEDULABLE if early else Place.BACKOFF)
    queue.advance(2)
    assert place(queue) is Place.UNSCHEDULABLE
    queue = failed(0, "NodeName", pop_from_backoff=early)
    queue.on_event(new_node(), 0)
    queue.update(pod(), gated, 0)
    queue.activate([gated], 0)
    assert place(queue) is (Place.ACTIVE if early else Place.UNSCHEDULABLE)


def test_own_gates() -> None:
    """Other plugins may hold pods back; the event they wait for has them ask again."""
    allowed: set[str] = set()
    hints = HintTable({"Gang": [Registration(Resource.NODE, Action.ADD)]})
    queue = SchedulingQueue(
        hints=hints, pre_enqueue={"Gang": lambda one: one.metadata.name in allowed}
    )
    queue.add(pod(), 0)
    queue.on_event(new_node(), 1)
    assert place(queue) is Place.UNSCHEDULABLE
    allowed.add("waiting")
    queue.on_event(new_node(), 2)
    assert place(queue) is Place.ACTIVE


def test_activation() -> None:
    """Activated pods skip hints and backoff; one in flight is tried once more."""
    queue = failed(0)
    queue.activate([pod(), pod("unknown")], 0)
    assert place(queue) is Place.ACTIVE
    queued = popped(queue, 0)
    queue.activate([pod()], 0)
    assert queue.add_unschedulable(queued, FIT, 0) is Place.BACKOFF
    queue.activate([pod()], 0)
    assert place(queue) is Place.ACTIVE


def test_updates_that_help() -> None:
    """A waiting pod is tried again if the change may help it, and only then."""
    tolerant = pod(tolerations=[{"operator": "Exists"}])
    queue = failed(0, "TaintToleration")
    queue.update(pod(), pod(labels={"a": "b"}), 5)
    assert place(queue) is Place.UNSCHEDULABLE
    queue.update(pod(labels={"a": "b"}), tolerant, 5)
    assert place(queue) is Place.ACTIVE
    assert popped(queue, 5).pod is tolerant


def test_updates_of_priority_reorder() -> None:
    """A pod that gets a higher priority overtakes."""
    queue = SchedulingQueue()
    queue.add(pod("first"), 0)
    queue.add(pod(), 0)
    queue.update(pod(), pod(priority=1), 0)
    assert drain(queue, 0) == ["waiting", "first"]


def test_updates_in_flight() -> None:
    """A pod that was changed while it was tried comes back as the new version."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queued = popped(queue, 0)
    new = pod(tolerations=[{"operator": "Exists"}])
    queue.update(pod(), new, 0)
    assert queue.add_unschedulable(queued, ["TaintToleration"], 0) is Place.BACKOFF
    assert popped(queue, 0).pod is new


def test_unknown_pods_are_added_by_updates() -> None:
    """An update of a pod that the queue does not know adds it."""
    queue = SchedulingQueue()
    queue.update(pod(), pod(labels={"a": "b"}), 0)
    assert drain(queue, 0) == ["waiting"]


def test_deletions_in_flight() -> None:
    """A pod that was deleted while it was tried does not come back."""
    queue = SchedulingQueue()
    queue.add(pod(), 0)
    queued = popped(queue, 0)
    queue.delete(pod(), 0)
    again = queue.add(pod(), 0)
    assert queue.add_unschedulable(queued, FIT, 0) is Place.GONE
    assert queue.get(pod()) is again
    assert len(queue) == 1
    assert drain(queue, 0) == ["waiting"]
    assert len(queue) == 0


def test_deletions_by_uid() -> None:
    """The deletion of an older pod of the same name is not that of the new one."""
    old, new = pod(), pod()
    old.metadata.uid, new.metadata.uid = "a", "b"
    queue = SchedulingQueue()
    queue.add(new, 0)
    queue.delete(old, 0)
    assert place(queue) is Place.ACTIVE


def test_observed_changes() -> None:
    """Pods without a node wait; all else is events."""
    queue = SchedulingQueue()
    queue.observe(None, pod(), 0)
    queue.add_unschedulable(popped(queue, 0), FIT, 0)
    queue.observe(None, node(), 5)
    assert place(queue) is Place.ACTIVE
    queue.observe(pod(), pod(priority=3), 5)
    assert popped(queue, 5).priority == 3
    queue.observe(pod(priority=3), there("waiting"), 5)
    assert len(queue) == 0
    queue.observe(None, pod("b"), 5)
    queue.observe(pod("b"), None, 5)
    assert len(queue) == 0


def test_own_profiles() -> None:
    """The hints of a pod are those of its profile."""
    deaf = HintTable({})
    queue = SchedulingQueue(profiles={"deaf": deaf})
    for name in ("default-scheduler", "deaf"):
        queue.add(pod(name, schedulerName=name), 0)
        queue.add_unschedulable(popped(queue, 0), FIT, 0)
    assert queue.on_event(new_node(), 5) == 1
    assert drain(queue, 5) == ["default-scheduler"]


def test_kinds_are_judged_together() -> None:
    """Of pods that differ in name alone one is asked about an event for all."""
    asked = []

    def hint(waiting: Pod, event: Event) -> bool:
        del event
        asked.append(waiting.metadata.name)
        return True

    table = HintTable({"Mine": [Registration(Resource.NODE, Action.ADD, hint)]})
    queue = SchedulingQueue(hints=table)
    for index in range(50):
        queue.add(pod(f"p{index}"), 0, kind="web")
    for queued in [popped(queue, 0) for _ in range(50)]:
        queue.add_unschedulable(queued, ["Mine"], 0)
    assert queue.on_event(new_node(), 5) == 50
    assert len(asked) == 1


def test_misuse() -> None:
    """Time does not go back, and a pod is in one place."""
    queue = SchedulingQueue()
    queued = queue.add(pod(), 5)
    with pytest.raises(InvariantError, match="time goes from"):
        queue.pop(4)
    with pytest.raises(InvariantError, match="time goes from"):
        queue.pop(math.inf)
    with pytest.raises(InvariantError, match="in the queue already"):
        queue.add(pod(), 5)
    with pytest.raises(InvariantError, match="not being scheduled"):
        queue.add_unschedulable(queued, FIT, 5)
    queue.done(queued)
    assert place(queue) is Place.ACTIVE


def test_nominations() -> None:
    """A pod is nominated to one node; pods of a node are in the order of nomination."""
    nominator = Nominator()
    high, low = pod("high", priority=5), pod("low", priority=1)
    nominator.nominate(low, "a")
    nominator.nominate(high, "a")
    assert nominator.pods("a") == [low, high]
    assert nominator.pods("a", min_priority=2) == [high]
    nominator.nominate(low, "b")
    assert (nominator.pods("a"), nominator.node_of(low)) == ([high], "b")
    nominator.nominate(low, "")
    nominator.remove(high)
    nominator.remove(high)
    assert (len(nominator), nominator.nodes()) == (0, [])


def test_nominations_through_updates() -> None:
    """An update that knows no nomination keeps the one made here; others replace it."""
    nominator = Nominator()
    nominator.nominate(pod(), "a")
    newer = pod(labels={"a": "b"})
    nominator.update(pod(), newer)
    assert nominator.pods("a") == [newer]
    nominator.update(newer, pod(nominated="b"))
    assert nominator.nodes() == ["b"]
    nominator.update(pod(nominated="b"), pod())
    assert nominator.nodes() == []


def test_nominations_in_the_queue() -> None:
    """Pods come with the nomination of their status and lose it when they go."""
    queue = SchedulingQueue()
    queue.add(pod(nominated="a"), 0)
    assert queue.nominator.nodes() == ["a"]
    queue.update(pod(nominated="a"), pod(nominated="b"), 0)
    assert queue.nominator.nodes() == ["b"]
    queue.delete(pod(nominated="b"), 0)
    assert queue.nominator.nodes() == []
    queue.add(pod(nominated="c"), 0)
    queue.done(popped(queue, 0))
    assert queue.nominator.nodes() == []


@pytest.mark.parametrize("ending", ["deleted", "changed"])
def test_ended_nominations_help_others(ending: str) -> None:
    """When a nomination ends, pods of its priority or less may take the room."""
    queue = SchedulingQueue()
    for name, priority in (("high", 9), ("same", 5), ("low", 1)):
        queue.add(pod(name, priority=priority), 0)
        queue.add_unschedulable(popped(queue, 0), FIT, 0)
    nominee = pod("nominee", priority=5, nominated="a")
    queue.add(nominee, 5)
    if ending == "deleted":
        queue.delete(nominee, 5)
    else:
        queue.update(nominee, pod("nominee", priority=5), 5)
        assert popped(queue, 5).pod.metadata.name == "same"
        queue.delete(nominee, 5, placed=True)
        queue.delete(pod("same"), 5)
        queue.add(pod("same", priority=5), 5)
    assert drain(queue, 5) == ["same", "low"]


@given(
    st.lists(st.sampled_from(["add", "pop", "fail", "event", "wait"]), max_size=40),
    st.booleans(),
)
def test_next_time_is_never_too_late(calls: list[str], early: bool) -> None:
    """Just before the time that was told nothing can be popped."""
    queue = SchedulingQueue(pop_from_backoff=early)
    now, tried = 0.0, []
    for index, call in enumerate(calls):
        match call:
            case "add":
                queue.add(pod(f"p{index}"), now)
            case "pop":
                tried += [one for one in [queue.pop(now)] if one]
            case "fail" if tried:
                queue.add_unschedulable(tried.pop(), ["NodeName"] * (index % 2), now)
            case "event":
                queue.on_event(new_node(), now)
            case "wait":
                now += 0.7
    told = queue.next_time(now)
    if told == math.inf:
        assert queue.pop(now + 10_000) is None
    elif told > now:
        copy = told - 0.001
        assert queue.pop(copy) is None
        assert queue.next_time(copy) == told
        assert queue.pop(told) is not None


def test_a_hundred_thousand_pods() -> None:
    """Many pods, many events: what an event does not concern costs nothing."""
    queue = SchedulingQueue()
    template = pod()
    for index in range(100_000):
        meta = msgspec.structs.replace(template.metadata, name=f"p{index}")
        queue.add(Pod(metadata=meta, spec=template.spec), index * 1e-4, kind="web")
    now = 10.0
    while queued := queue.pop(now):
        queue.add_unschedulable(queued, FIT, now)
    for _ in range(1000):
        queue.on_event(Event(Resource.NODE, Action.NODE_LABEL, node(), node()), now)
    assert queue.on_event(new_node(), now) == 100_000
    assert queue.counts()[Place.BACKOFF] == 100_000
    queue.advance(now + 5)
    assert queue.counts()[Place.ACTIVE] == 100_000
