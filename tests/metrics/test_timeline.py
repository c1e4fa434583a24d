"""The log as step functions."""

from __future__ import annotations

import numpy as np

from schedbench.objects.workload import NodeEvent
from schedbench.simulation.record import CapacityChange, EventKind


def test_stays_join_binds_with_their_ends(departures):
    """A stay begins with a bind and ends with the pod's next event."""
    stays = departures.intervals

    assert stays.pod.tolist() == [0, 1, 1, 2]
    assert stays.node.tolist() == [0, 0, 1, 0]
    assert stays.start.tolist() == [1, 3, 8, 9]
    assert stays.end.tolist() == [6, 7, 10, 11]


def test_open_stays_last_to_the_end(make):
    """A pod that never leaves stays until after the last event."""
    line = make.timeline(
        [make.node("a")], [make.pod()], (0, "ARRIVE", 0), (0, "BIND", 0, 0)
    )

    assert line.intervals.end.tolist() == [2]


def test_waiting_and_running_follow_every_event(departures):
    """Arrivals and evictions wait until they are bound."""
    assert departures.waiting.tolist() == [0, 1, 0, 1, 0, 1, 1, 1, 2, 1, 0, 0, 0]
    assert departures.running.tolist() == [0, 0, 1, 1, 2, 2, 2, 1, 0, 1, 2, 1, 0]


def test_a_pod_deleted_while_it_waits_no_longer_waits(make):
    """Deletion ends waiting, and is no end of a stay."""
    line = make.timeline(
        [make.node("a")],
        [make.pod(cpu=9)],
        (0, "ARRIVE", 0),
        (0, "UNSCHEDULABLE", 0),
        (5, "DELETE", 0),
    )

    assert line.waiting.tolist() == [0, 1, 1, 0]
    assert len(line.intervals.pod) == 0


def test_means_are_exact_integrals(departures):
    """Each state weighs as long as it lasts."""
    assert departures.dwell.tolist() == [0, 0, 0, 0, 1, 0, 3, 0, 2, 0, 4, 0, 0]
    assert departures.mean(departures.running) == (1 * 2 + 3 * 2 + 4 * 2) / 10


def test_states_that_are_not_defined_do_not_weigh(departures):
    """NaN is left out of a mean, and a last NaN is None."""
    step = np.full(departures.events + 1, np.nan)
    step[4] = 3.0

    assert departures.mean(step) == 3.0
    assert departures.final(step) is None


def test_a_run_without_time_is_its_last_state(make):
    """All at one instant, also a late one: the mean is the final value."""
    line = make.timeline(
        [make.node("a")],
        [make.pod()],
        (7, "ARRIVE", 0),
        (7, "BIND", 0, 0),
        arrival=np.array([7.0]),
    )

    assert line.timeless
    assert line.mean(line.running) == 1.0


def test_an_empty_log_has_its_state_at_the_start(make):
    """Without events there is one state."""
    line = make.timeline([make.node("a")], [make.pod()])

    assert line.mean(line.running) == 0.0
    assert line.total(line.states.capacity[0]).tolist() == [4000.0]


def test_node_states_follow_binds_releases_and_capacity(make):
    """Used and capacity of each node are right after every event."""
    grown = np.array([6000, 2**33, 0, 10])
    line = make.timeline(
        [make.node("a"), make.node("b")],
        [make.pod(cpu=2), make.pod(cpu=1)],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 1),
        (1, "NODE_UPDATE", -1, 1),
        (2, "ARRIVE", 1),
        (2, "BIND", 1, 1),
        (3, "DELETE", 0, 1),
        (4, "NODE_REMOVE", -1, 0),
        changes=[
            CapacityChange(1.0, 1, grown),
            CapacityChange(4.0, 0, np.zeros(4, dtype=np.int64)),
        ],
        arrival=np.array([0.0, 2.0]),
    )

    assert line.total(line.states.used[0]).tolist() == [
        *(0, 0, 2000, 2000, 2000, 3000, 1000, 1000)
    ]
    assert line.total(line.states.capacity[0]).tolist() == [
        *(8000, 8000, 8000, 10000, 10000, 10000, 10000, 6000)
    ]
    assert line.total(line.states.alive).tolist() == [2, 2, 2, 2, 2, 2, 2, 1]


def test_gpu_devices_are_followed_one_by_one(make):
    """Bits of the log say which devices a pod holds."""
    line = make.timeline(
        [make.node("a"), make.node("g", gpus=2)],
        [make.pod(gpu=(1, 300)), make.pod(gpu=(2, 1000))],
        (0, "ARRIVE", 0),
        (0, "BIND", 0, 1, 0b10),
        (1, "DELETE", 0, 1),
        (2, "ARRIVE", 1),
        (2, "BIND", 1, 1, 0b11),
    )
    on_gpu = line.states.node == 1

    assert line.states.gpu_free[:, on_gpu].tolist() == [
        [1000, 1000, 1000, 0],
        [1000, 700, 1000, 0],
    ]
    assert line.states.gpu_free[:, ~on_gpu].tolist() == [[-1], [-1]]
    assert line.total(line.states.gpu_used).tolist() == [0, 0, 300, 0, 0, 2000]


def test_gpu_devices_come_and_go_with_node_events(make):
    """A node that joins, grows and leaves brings and takes its devices."""
    events = [
        NodeEvent(1.0, "add", make.node("b", gpus=1)),
        NodeEvent(2.0, "update", make.node("b", gpus=3)),
        NodeEvent(3.0, "remove", make.node("b")),
    ]
    line = make.timeline(
        [make.node("a", gpus=2)],
        [],
        (1, "NODE_ADD", -1, 1),
        (2, "NODE_UPDATE", -1, 1),
        (3, "NODE_REMOVE", -1, 1),
        node_events=events,
    )

    assert line.total(line.states.gpu_capacity).tolist() == [2000, 3000, 5000, 2000]


def test_first_and_last_times_of_pods(departures):
    """A pod that never had such an event has NaN."""
    assert departures.first(EventKind.BIND).tolist() == [0.0, 0.0, 6.0]
    assert departures.last(EventKind.BIND).tolist() == [0.0, 6.0, 6.0]
    assert np.isnan(departures.first(EventKind.DELETE)).all()
