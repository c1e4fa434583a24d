"""Faults are read strictly, hit what they name, and end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.latency import Draws
from schedbench.errors import InputError
from schedbench.experiment.schema import decode
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.simulation.faults import Faults, Targets, faults_end
from schedbench.simulation.injector import ZONE, Injector

ON_NODES = {"targets": {"names": ["n1"]}, "start": 5, "duration": 10}


class FakeCluster:
    """Five nodes in two zones; writes down what is done to it, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[tuple] = []
        self.leaders: dict[str, int | None] = {"etcd": 2, "kube-scheduler": 1}

    def nodes(self):
        for number in range(5):
            zone = "east" if number < 2 else "west"
            labels = {ZONE: zone, "pool": "big" if number % 2 else "small"}
            yield Node(metadata=ObjectMeta(name=f"n{number}", labels=labels))

    def etcd_members(self):
        return 3

    def api_servers(self):
        return 2

    def leader(self, component):
        return self.leaders[component]

    def __getattr__(self, name):
        return lambda *given: self.calls.append((self.clock.now, name, *given))


def inject(*faults: dict, seed: int = 1, until: float = math.inf):
    clock = Clock()
    cluster = FakeCluster(clock)
    found = decode({"faults": list(faults)}, Faults, "scenario.yaml").faults
    injector = Injector(clock, cluster, found, seed)
    clock.run(until)
    return cluster.calls, injector


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (
            {"kind": "node-crash", **ON_NODES},
            [(5, "crash_node", "n1"), (15, "restore_node", "n1")],
        ),
        (
            {"kind": "partition", **ON_NODES},
            [(5, "partition", ["n1"]), (15, "heal", ["n1"])],
        ),
        (
            {"kind": "mass-eviction", **ON_NODES},
            [(5, "drain_node", "n1"), (15, "uncordon_node", "n1")],
        ),
        (
            {"kind": "flapping-heartbeat", "silent": 4, "speaking": 2, **ON_NODES},
            [
                (5, "stop_heartbeat", "n1"),
                (9, "start_heartbeat", "n1"),
                (11, "stop_heartbeat", "n1"),
                (15, "start_heartbeat", "n1"),
            ],
        ),
        (
            {"kind": "leader-loss", "start": 1, "duration": 2},
            [(1, "stop_etcd_member", 2), (3, "start_etcd_member", 2)],
        ),
        (
            {
                "kind": "leader-loss",
                "component": "kube-scheduler",
                "start": 1,
                "duration": 2,
            },
            [
                (1, "stop_replica", "kube-scheduler", 1),
                (3, "start_replica", "kube-scheduler", 1),
            ],
        ),
        (
            {"kind": "etcd-member-loss", "members": [0, 1], "start": 1},
            [(1, "stop_etcd_member", 0), (1, "stop_etcd_member", 1)],
        ),
        (
            {"kind": "api-server-loss", "servers": [1], "start": 1, "duration": 1},
            [(1, "stop_api_server", 1), (2, "start_api_server", 1)],
        ),
        (
            {"kind": "api-overload", "qps": 500, "start": 1, "duration": 1},
            [(1, "overload", 500), (2, "overload", 0)],
        ),
        (
            {"kind": "registry-outage", "start": 1, "duration": 60},
            [(1, "fail_registry", 61)],
        ),
        (
            {"kind": "registry-outage", "start": 1},
            [(1, "fail_registry", math.inf)],
        ),
        (
            {"kind": "zone-loss", "zone": "east", "start": 1},
            [(1, "crash_node", "n0"), (1, "crash_node", "n1")],
        ),
        (
            {"kind": "zone-loss", "zone": "east", "cut_off": True, "start": 1},
            [(1, "partition", ["n0", "n1"])],
        ),
        (
            {
                "kind": "clock-skew",
                "component": "kube-scheduler",
                "seconds": -3,
                "start": 1,
                "duration": 1,
            },
            [
                (1, "skew_clock", "kube-scheduler", -3),
                (2, "skew_clock", "kube-scheduler", 0),
            ],
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_fault_does_what_it_says_and_ends(fault: dict, calls: list):
    """It begins at its start, ends after its duration, and for good without one."""
    done, injector = inject(fault)

    assert done == calls
    ends = 1 if "duration" in fault else 0
    assert [event.what for event in injector.events] == ["begin", "end"][: 1 + ends]


def test_slow_disks_are_all_members_unless_some_are_named():
    """Each gets the latency, and its own back at the end; the latest holds."""
    done, _ = inject(
        {"kind": "slow-disk", "start": 0, "duration": 10},
        {"kind": "slow-disk", "start": 5, "duration": 1, "members": [1], "median": 0.1},
    )
    medians = [(at, member, slow and slow.median) for at, _, member, slow in done]

    assert medians == [
        (0, 0, 0.02), (0, 1, 0.02), (0, 2, 0.02), (5, 1, 0.1), (6, 1, 0.02),
        (10, 0, None), (10, 1, None), (10, 2, None),
    ]  # fmt: skip


def test_an_election_going_on_leaves_no_leader_to_lose():
    """Without a leader at that moment nothing happens."""
    clock = Clock()
    cluster = FakeCluster(clock)
    cluster.leaders["etcd"] = None
    document = {"faults": [{"kind": "leader-loss", "start": 1, "duration": 1}]}
    Injector(clock, cluster, decode(document, Faults, None).faults, 1)
    clock.run()

    assert cluster.calls == []


@pytest.mark.parametrize("kind", ["node-crash", "partition", "mass-eviction"])
def test_overlapping_faults_hold_until_the_last_one_ends(kind: str):
    """A node that two faults hit breaks once and comes back once, with the later."""
    first = {"kind": kind, "start": 0, "duration": 10, "targets": {"names": ["n1"]}}
    done, _ = inject(first, {**first, "start": 5})

    assert [at for at, *_ in done] == [0, 15]


def test_a_zone_and_a_node_of_it_overlap_too():
    """A node crashed by name stays down when its zone comes back."""
    done, _ = inject(
        {"kind": "zone-loss", "zone": "east", "start": 0, "duration": 5},
        {"kind": "node-crash", "start": 1, "targets": {"names": ["n1"]}},
    )

    assert (5, "restore_node", "n0") in done
    assert not any(call[1:] == ("restore_node", "n1") for call in done)


def test_overloads_and_skews_add_up():
    """Two clients send the sum of their rates; each stops on its own."""
    one = {"kind": "api-overload", "qps": 100, "start": 0, "duration": 10}
    done, _ = inject(one, {**one, "qps": 50, "start": 5})

    assert done == [
        (0, "overload", 100), (5, "overload", 150), (10, "overload", 50),
        (15, "overload", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "node-crahs", "start": 1}, "did you mean 'node-crash'"),
        ({"kind": "node-crash", "strat": 1}, "did you mean 'start'"),
        ({"kind": "node-crash", "start": 1}, "missing required field targets"),
        ({"kind": "registry-outage", "start": -1}, "faults.0..start"),
        ({"kind": "registry-outage", "start": 1, "duration": 0}, "duration"),
        ({"kind": "node-crash", "start": 1, "targets": {}}, "no targets"),
        ({"kind": "partition", "start": 1, "targets": {"names": []}}, "names is empty"),
        (
            {"kind": "partition", "start": 1, "targets": {"selector": {}}},
            "empty selector",
        ),
        ({"kind": "partition", "start": 1, "targets": {"share": 1.5}}, "share"),
        ({"kind": "api-overload", "start": 1, "qps": 0}, "qps"),
        ({"kind": "slow-disk", "start": 1, "p99": 0.001}, "p99 is below median"),
        (
            {"kind": "clock-skew", "start": 1, "component": "etcd", "seconds": 0},
            "other than 0",
        ),
    ],
)
def test_a_fault_that_is_written_wrongly_is_told(fault: dict, told: str):
    """The message names the field, the value, or what was probably meant."""
    with pytest.raises(InputError, match=told):
        decode({"faults": [fault]}, Faults, "scenario.yaml")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            {"kind": "etcd-member-loss", "members": [3]},
            r"faults\[0\].members.*use 0 to",
        ),
        ({"kind": "api-server-loss", "servers": [2]}, r"faults\[0\].servers.*use 0 to"),
        ({"kind": "node-crash", "targets": {"names": ["n9"]}}, "no such node: 'n9'"),
        (
            {
                "kind": "node-crash",
                "targets": {"selector": {"matchLabels": {"pool": "none"}}},
            },
            "hits no node",
        ),
        ({"kind": "zone-loss", "zone": "north"}, "no node is in the zone: 'north'"),
    ],
)
def test_a_fault_that_hits_nothing_is_told(fault: dict, told: str):
    """What the cluster does not have cannot break."""
    with pytest.raises(InputError, match=told):
        inject({"start": 1, **fault})


def test_targets_meet_all_conditions():
    """Names, selector and share narrow the choice one after the other."""
    nodes = list(FakeCluster(Clock()).nodes())
    document = {
        "names": ["n1", "n2", "n3"],
        "selector": {"matchLabels": {"pool": "big"}},
    }
    targets = decode(document, Targets, None)

    assert targets.choose(nodes, Draws(1, "t")) == ["n1", "n3"]


@given(st.floats(0.01, 1), st.integers(0, 50))
def test_a_share_is_rounded_up_and_drawn_from_the_seed(share: float, seed: int):
    """The same seed hits the same nodes; each at most once."""
    nodes = list(FakeCluster(Clock()).nodes())
    targets = Targets(share=share)
    chosen = targets.choose(nodes, Draws(seed, "t"))

    assert chosen == targets.choose(nodes[::-1], Draws(seed, "t"))
    assert chosen == sorted(set(chosen))
    assert len(chosen) == math.ceil(share * 5 - 1e-9)


def test_shares_of_different_seeds_differ():
    """Every node is hit under some seed."""
    nodes = list(FakeCluster(Clock()).nodes())
    hit = {Targets(share=0.2).choose(nodes, Draws(seed, "t"))[0] for seed in range(60)}

    assert hit == {f"n{number}" for number in range(5)}


def test_faults_end_with_the_last_of_them():
    """No faults end at once; one without a duration never."""
    lasting = {"kind": "registry-outage", "start": 3}
    read = decode(
        {"faults": [{**lasting, "duration": 4}, lasting]}, Faults, None
    ).faults

    assert faults_end([]) == 0.0
    assert faults_end(read[:1]) == 7.0
    assert faults_end(read) == math.inf
