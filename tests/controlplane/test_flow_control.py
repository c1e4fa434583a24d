"""API priority and fairness: levels, seats, queues, turns."""

from __future__ import annotations

import pytest
from controlplane.cluster_of_servers import Servers, pod

from schedbench.controlplane.authorization import User, rule
from schedbench.controlplane.flow_control import Level, flow_of, level_of, levels
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import ApiServerParameters


@pytest.mark.parametrize(
    ("user", "kind", "level"),
    [
        (User("a", ("system:masters",)), "Pod", "exempt"),
        (User("system:node:n", ("system:nodes",)), "Pod", "system"),
        (User("system:node:n", ("system:nodes",)), "Node", "node-high"),
        (User("system:kube-scheduler"), "Lease", "leader-election"),
        (User("system:kube-scheduler"), "Pod", "workload-high"),
        (User("system:kube-controller-manager"), "Pod", "workload-high"),
        (User("system:serviceaccount:kube-system:dns"), "Pod", "workload-high"),
        (User("system:serviceaccount:team:app"), "Pod", "workload-low"),
        (User("jane"), "Pod", "global-default"),
        (User(""), "Pod", "global-default"),
    ],
)
def test_suggested_flow_schemas(user, kind, level):
    """Each of Kubernetes' suggested schemas leads to its level."""
    assert level_of(user, kind, "kube-system") == level


def test_flows_are_users_or_the_namespaces_of_components():
    """The scheduler, the controller manager and kube-system's accounts by namespace."""
    scheduler = User("system:kube-scheduler")
    manager = User("system:kube-controller-manager")
    dns = User("system:serviceaccount:kube-system:dns")
    metrics = User("system:serviceaccount:kube-system:metrics")
    flows = {
        flow_of(user, "workload-high", namespace)
        for user in (scheduler, manager, dns, metrics)
        for namespace in ("a", "b")
    }

    assert len(flows) == 6
    assert flow_of(User("jane"), "global-default", "a") == "jane"
    assert flow_of(User("jane"), "global-default", "b") == "jane"


def test_seats_are_shared_out_by_the_nominal_shares():
    """400 + 200 seats: rounded up by the shares of the documentation."""
    seats = {name: level.seats for name, level in levels(600).items()}

    assert seats == {
        "exempt": float("inf"),
        "system": 74,
        "node-high": 98,
        "leader-election": 25,
        "workload-high": 98,
        "workload-low": 245,
        "global-default": 49,
        "catch-all": 13,
    }


def test_queue_is_bounded_by_the_hand():
    """One flow fills its six queues of 50 and is refused then."""
    level = Level("workload-low", 1)
    taken = [level.take(number, "flow") for number in range(400)]

    assert taken.count("seated") == 1
    assert taken.count("queued") == 6 * 50
    assert taken.count("refused") == level.refused == 99


def test_flows_take_turns():
    """A flow with few calls does not wait behind one with many."""
    level = Level("global-default", 1)
    for number in range(100):
        level.take(("many", number), "many")
    level.take(("few", 0), "few")
    turns = [level.free() for _ in range(10)]

    assert ("few", 0) in turns


def test_seats_are_given_on_and_given_back():
    """A freed seat goes to who waits; else it is free."""
    level = Level("global-default", 1)
    level.take("a", "x")
    level.take("b", "x")

    assert (level.free(), level.taken, level.waiting) == ("b", 1, 0)
    assert (level.free(), level.taken) == (None, 0)


def test_catch_all_has_no_queue():
    """Its calls have a seat or are refused."""
    level = Level("catch-all", 1)

    assert [level.take(n, "x") for n in range(2)] == ["seated", "refused"]


def overloaded():
    parameters = ApiServerParameters(
        max_requests_inflight=10,
        max_mutating_requests_inflight=0,
        read=Latency(0.1),
        mutate=Latency(0.1),
    )
    return Servers(parameters)


def test_flood_of_one_level_leaves_the_others_alone():
    """Who has another level's seats is served as if nothing were."""
    world = overloaded()
    world.ok(world.admin.create, pod())
    world.servers.authorizer.grant("jane", [rule("get", "pods")])
    jane, scheduler = world.client("jane"), world.client("system:kube-scheduler")
    flood, calm = [], []
    for _ in range(1000):
        jane.get("Pod", "default", "web", flood.append)
    scheduler.get("Pod", "default", "web", calm.append)
    world.run(0.15)
    refused = [answer.error and answer.error.reason for answer in flood]

    assert refused.count("TooManyRequests") == 1000 - 1 - 300
    assert [answer.error for answer in calm] == [None]


def test_queued_calls_are_served_in_the_end():
    """Beyond seats and queues the answer is 429 at once; the queued are served."""
    world = overloaded()
    world.ok(world.admin.create, pod())
    answers = []
    dns = world.client("system:serviceaccount:kube-system:metrics-server")
    for _ in range(1000):
        dns.get("Pod", "default", "web", answers.append)
    world.run(0.01)
    refused = len(answers)
    world.run(300)
    codes = {c: n for (v, _, c), n in world.servers.audit.calls.items() if v == "get"}

    assert refused == codes[429] == 1000 - 2 - 300
    assert codes[200] == 302
    assert world.servers.audit.waits["workload-high"].quantile(0.5) > 1
