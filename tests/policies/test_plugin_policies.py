"""Policies after scheduler-plugins: quotas, groups, the network, NUMA zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.cluster.encode import encode
from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.check import check_policy
from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.coscheduling import GROUP, MINIMUM
from schedbench.policies.network_aware import REGION, ZONE, distances
from schedbench.policies.numa_aware import LABEL
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

NAMES = ("capacity-scheduling", "coscheduling", "network-aware", "numa-aware")
APPLICATION = "app.kubernetes.io/part-of"


def pod_of(
    cpu: str = "1", namespace: str = "default", labels: Mapping[str, str] = {}
) -> Pod:
    """Return a pod with labels in a namespace."""
    pod = make_pod("pod", cpu, "1Gi")
    pod.metadata.namespace = namespace
    pod.metadata.labels |= labels
    return pod


def node_of(name: str, cpu: str = "4", labels: Mapping[str, str] = {}) -> Node:
    """Return a node with labels."""
    node = make_node(name, cpu, "64Gi")
    node.metadata.labels |= labels
    return node


def played(
    spec: str,
    nodes: Sequence[Node],
    pods: Sequence[Pod],
    arrival: Sequence[float] | float = 0.0,
    duration: float = np.inf,
) -> Record:
    """Run a policy on a few pods."""
    times = np.broadcast_to(np.asarray(arrival, dtype=float), len(pods))
    lifetimes = np.full(len(pods), duration)
    stream = PodStream.of(
        pods,
        np.arange(len(pods), dtype=np.int32),
        arrival=times.copy(),
        duration=lifetimes,
    )
    return replay(encode(Workload("t", list(nodes), stream)), make_policy(spec), seed=0)


def bound(record: Record) -> dict[int, int]:
    """Return pod → node."""
    made = record.kind == EventKind.BIND
    return dict(zip(record.pod[made].tolist(), record.node[made].tolist(), strict=True))


def bound_at(record: Record) -> dict[int, float]:
    """Return pod → when it was bound."""
    made = record.kind == EventKind.BIND
    return dict(zip(record.pod[made].tolist(), record.time[made].tolist(), strict=True))


class TestQuotas:
    """capacity-scheduling."""

    nodes = (node_of("a"), node_of("b"))

    def test_a_namespace_borrows_what_another_leaves(self) -> None:
        """One that has a half guaranteed may use all that nobody uses."""
        pods = [pod_of(namespace="a") for _ in range(7)] + [pod_of(namespace="b")]

        assert len(bound(played("capacity-scheduling", self.nodes, pods))) == 8

    def test_nobody_uses_more_than_its_max(self) -> None:
        """With a half as max, a half of the cluster waits for the other namespace."""
        pods = [pod_of(namespace="a") for _ in range(7)] + [pod_of(namespace="b")]
        found = bound(played("capacity-scheduling[most=0.5]", self.nodes, pods))

        assert set(found) == {0, 1, 2, 3, 7}

    def test_all_together_use_no_more_than_the_mins(self) -> None:
        """What no namespace has guaranteed is lent to none."""
        pods = [pod_of(namespace="ab"[i % 2]) for i in range(8)]
        found = bound(played("capacity-scheduling[guaranteed=0.5]", self.nodes, pods))

        assert set(found) == {0, 1, 2, 3}

    def test_an_owner_waits_until_borrowers_end(self) -> None:
        """Nobody is evicted: a min comes back when a borrower has ended."""
        pods = [pod_of(namespace="a") for _ in range(8)] + [pod_of(namespace="b")]
        arrival = [0.0] * 8 + [1.0]
        record = played("capacity-scheduling", self.nodes, pods, arrival, duration=10.0)

        assert bound_at(record)[8] == 10.0

    @settings(max_examples=25)
    @given(
        pods=st.lists(
            st.tuples(st.sampled_from("abc"), st.integers(1, 6)), min_size=1, max_size=9
        ),
        guaranteed=st.sampled_from([0.25, 0.5, 1.0]),
        most=st.sampled_from([0.25, 0.5, 1.0]),
    )
    def test_whom_quotas_admit_equals_a_count_by_hand(
        self, pods: list[tuple[str, int]], guaranteed: float, most: float
    ) -> None:
        """Pods of one node are admitted as sums of their cpu say."""
        whole, namespaces = 12_000, len({name for name, _ in pods})
        used = dict.fromkeys("abc", 0)
        admitted = set()
        for number, (name, cpu) in enumerate(pods):
            mins = namespaces * int(guaranteed * whole / namespaces)
            fits_max = used[name] + cpu * 1000 <= most * whole
            if fits_max and sum(used.values()) + cpu * 1000 <= mins:
                used[name] += cpu * 1000
                admitted.add(number)
        spec = f"capacity-scheduling[guaranteed={guaranteed},most={most}]"
        given_pods = [pod_of(str(cpu), name) for name, cpu in pods]

        assert admitted == set(bound(played(spec, [node_of("n", "12")], given_pods)))


class TestGroups:
    """coscheduling."""

    def test_a_group_without_room_for_all_has_none(self) -> None:
        """Three pods of a group do not start on a node for two; others do."""
        gang = [pod_of(labels={GROUP: "g"}) for _ in range(3)]
        found = bound(played("coscheduling", [node_of("n", "2")], [*gang, pod_of()]))

        assert set(found) == {3}

    def test_a_group_may_say_how_many_are_enough(self) -> None:
        """Two of three run where two are the minimum."""
        gang = [pod_of(labels={GROUP: "g", MINIMUM: "2"}) for _ in range(3)]

        assert set(bound(played("coscheduling", [node_of("n", "2")], gang))) == {0, 1}

    def test_groups_do_not_block_each_other(self) -> None:
        """Of two groups for which there is room for one and a half, one runs."""
        gangs = [pod_of(labels={GROUP: "gh"[i % 2]}) for i in range(4)]

        assert set(bound(played("coscheduling", [node_of("n", "3")], gangs))) == {0, 2}

    def test_groups_of_two_namespaces_are_two(self) -> None:
        """A name counts within its namespace."""
        gangs = [pod_of("2", "ab"[i], {GROUP: "g"}) for i in range(2)]

        assert set(bound(played("coscheduling", [node_of("n", "2")], gangs))) == {0}

    def test_a_group_starts_when_there_is_room_for_all(self) -> None:
        """A group that waits takes its nodes at one time."""
        first = [pod_of("3")]
        gang = [pod_of("2", labels={GROUP: "g"}) for _ in range(2)]
        record = played(
            "coscheduling", [node_of("n")], [*first, *gang], [0.0, 1.0, 1.0], 5.0
        )

        assert bound_at(record) == {0: 0.0, 1: 5.0, 2: 5.0}

    def test_members_that_run_count(self) -> None:
        """A pod that comes later to a complete group needs no second minimum."""
        gang = [pod_of(labels={GROUP: "g", MINIMUM: "2"}) for _ in range(3)]
        record = played("coscheduling", [node_of("n")], gang, [0.0, 0.0, 1.0])

        assert bound_at(record)[2] == 1.0

    def test_a_minimum_that_is_no_number_is_told(self) -> None:
        """A malformed label is the user's mistake."""
        with pytest.raises(InputError, match="not a number above 0"):
            played(
                "coscheduling",
                [node_of("n")],
                [pod_of(labels={GROUP: "g", MINIMUM: "two"})],
            )


def naive_cost(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    """Return the cost between two nodes, given as region, zone and number."""
    if one == other:
        return 0
    if one[:2] == other[:2]:
        return 1
    return 10 if one[0] == other[0] else 100


class TestNetwork:
    """network-aware."""

    nodes = (
        node_of("a", labels={REGION: "r", ZONE: "1"}),
        node_of("b", labels={REGION: "r", ZONE: "2"}),
        node_of("c", labels={REGION: "r", ZONE: "1"}),
        node_of("d", labels={REGION: "s", ZONE: "1"}),
        node_of("e"),
    )

    def test_pods_go_where_their_application_is(self) -> None:
        """Same node, then same zone, then same region, then anywhere."""
        pods = [pod_of("4", labels={APPLICATION: "shop"}) for _ in range(4)]
        found = bound(played("network-aware", self.nodes, pods))

        assert found == {0: 0, 1: 2, 2: 1, 3: 3}

    def test_pods_of_one_node_are_nearest(self) -> None:
        """As long as there is room, an application stays on its node."""
        pods = [pod_of(labels={APPLICATION: "shop"}) for _ in range(5)]
        found = bound(played("network-aware", self.nodes, pods))

        assert list(found.values()) == [0, 0, 0, 0, 2]

    def test_what_runs_counts_as_what_was_just_placed(self) -> None:
        """Pods that come one by one go where those that came together go."""
        pods = [pod_of("3", labels={APPLICATION: "shop"}) for _ in range(4)]
        together, apart = (
            bound(played("network-aware", self.nodes, pods, arrival))
            for arrival in (0.0, [0.0, 1.0, 2.0, 3.0])
        )

        assert together == apart

    def test_without_the_label_it_is_least_allocated(self) -> None:
        """Pods that name no application go to the emptiest node."""
        pods = [pod_of() for _ in range(5)]
        found = bound(played("network-aware", self.nodes, pods))

        assert sorted(found.values()) == [0, 1, 2, 3, 4]

    def test_nodes_too_far_away_are_out(self) -> None:
        """Where most dependencies cost more than the limit, a pod waits."""
        pods = [pod_of("4", labels={APPLICATION: "shop"}) for _ in range(4)]

        assert set(bound(played("network-aware[limit=9]", self.nodes, pods))) == {0, 1}

    @given(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 5)),
            min_size=1,
            max_size=8,
        )
    )
    def test_distances_add_up_as_pair_by_pair(
        self, places: list[tuple[int, int, int]]
    ) -> None:
        """The cost of a node is the sum over all pods, one by one."""
        nodes = [(region, zone, i) for i, (region, zone, _) in enumerate(places)]
        expected = [
            sum(naive_cost(node, other) * places[other[2]][2] for other in nodes)
            for node in nodes
        ]
        region = np.array([place[0] for place in places])
        pairs = sorted({place[:2] for place in places})
        zone = np.array([pairs.index(place[:2]) for place in places])
        count = np.array([place[2] for place in places])
        costs = distances(count, zone, region, 10, 100)

        assert expected == sum(cost * each for cost, each in costs).tolist()


class TestZones:
    """numa-aware."""

    def test_a_pod_larger_than_a_zone_waits(self) -> None:
        """A node of two zones of 2 cpu has no place for 3; with one zone it has."""
        assert bound(played("numa-aware", [node_of("n")], [pod_of("3")])) == {}
        assert bound(played("numa-aware[zones=1]", [node_of("n")], [pod_of("3")]))

    def test_what_is_free_in_two_zones_is_not_added_up(self) -> None:
        """Of pods of 1.2 cpu each zone of 2 holds one, though 1.6 cpu are left."""
        pods = [pod_of("1200m") for _ in range(3)]

        assert set(bound(played("numa-aware", [node_of("n")], pods))) == {0, 1}

    def test_a_label_says_how_many_zones_there_are(self) -> None:
        """The node's label goes before the parameter."""
        nodes = [node_of("n", labels={LABEL: "4"}), node_of("m", labels={LABEL: "1"})]

        assert bound(played("numa-aware", nodes, [pod_of("3")])) == {0: 1}

    @pytest.mark.parametrize(
        ("strategy", "node"), [("LeastAllocated", 0), ("MostAllocated", 1)]
    )
    def test_strategies_spread_or_pack(self, strategy: str, node: int) -> None:
        """The roomier zone, or the tighter one."""
        nodes = [node_of("n", "8"), node_of("m", "4")]
        found = bound(played(f"numa-aware[strategy={strategy}]", nodes, [pod_of()]))

        assert found == {0: node}

    @settings(max_examples=20)
    @given(
        sizes=st.lists(st.integers(1, 24), min_size=1, max_size=14),
        zones=st.integers(1, 3),
        duration=st.sampled_from([2.5, 6.5, np.inf]),
    )
    def test_every_pod_has_one_zone_for_its_time(
        self, sizes: list[int], zones: int, duration: float
    ) -> None:
        """Let into the lowest zone with room, as kubelet does, all pods find one."""
        pods = [pod_of(f"{100 * size}m") for size in sizes]
        nodes = [node_of("n", "4"), node_of("m", "2")]
        arrival = [float(i // 2) for i in range(len(sizes))]
        spec = f"numa-aware[zones={zones}]"
        record = played(spec, nodes, pods, arrival, duration)
        free = [[each * 1000 // zones] * zones for each in (4, 2)]
        held: dict[int, tuple[int, int]] = {}
        refused = []
        for kind, pod, node in zip(record.kind, record.pod, record.node, strict=True):
            if kind == EventKind.BIND:
                rooms = [z for z in range(zones) if free[node][z] >= 100 * sizes[pod]]
                refused += [] if rooms else [pod]
                held[pod] = node, rooms[0] if rooms else 0
                free[node][held[pod][1]] -= 100 * sizes[pod]
            elif kind == EventKind.FINISH:
                left, zone = held.pop(pod)
                free[left][zone] += 100 * sizes[pod]

        assert refused == []


@pytest.mark.parametrize("name", NAMES)
def test_every_check_passes(name: str) -> None:
    """Taints, ports, GPUs and changing nodes are respected."""
    assert [result for result in check_policy(name) if not result.passed] == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("capacity-scheduling[most=0]", "most is not within"),
        ("coscheduling[base=x]", "unknown base"),
        ("network-aware[zones=200]", "costs do not rise"),
        ("numa-aware[zones=0]", "zones is not within"),
        ("numa-aware[strategy=Most]", "known: LeastAllocated"),
    ],
)
def test_parameters_out_of_range_are_refused(spec: str, message: str) -> None:
    """A number or name that makes no sense is the user's mistake."""
    with pytest.raises((InputError, UnknownNameError), match=message):
        make_policy(spec)
