"""Compiled stretches of preemption tell the same as one attempt after another."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import event, given, settings, target
from hypothesis import strategies as st
from naive.queue_objects import pod as queue_pod
from queued_sentences import ZONE, node, pod, workload

from schedbench.cluster.encode import encode
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.scheduler.node_memory import Memory
from schedbench.scheduler.occupants import Occupants
from schedbench.scheduler.victims import CANDIDATE
from schedbench.simulation.queued import run as queued_run
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.preempting import CompiledPreemption
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import Engine, replay

SPECS = (
    "kube-scheduler",
    "kube-scheduler[ties=first]",
    "kube-scheduler[percentageOfNodesToScore=0]",
    "most-allocated",
)
COLUMNS = ("time", "kind", "pod", "node", "devices", "pod_class")


def played(
    given: Workload, spec: str = SPECS[0], engine: Engine = "auto"
) -> tuple[Any, ...]:
    """Return all that a run tells but what it took."""
    record = replay(encode(given), make_policy(spec), seed=2, engine=engine)
    columns = [getattr(record, name).tolist() for name in COLUMNS]
    rest = record.rejections, record.horizon, record.digest, record.notes
    return *columns, *rest, record.wall.decisions


def played_one_by_one(given: Workload, spec: str = SPECS[0]) -> tuple[Any, ...]:
    """Play without the compiled stretches of preemption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledPreemption, "run", lambda self: 0)
        return played(given, spec)


def watched(patch: pytest.MonkeyPatch) -> list[int]:
    """Note how many pods each stretch tries."""
    found: list[int] = []
    run = CompiledPreemption.run

    def counted(self: CompiledPreemption) -> int:
        count = run(self)
        found.extend([count] if count else [])
        return count

    patch.setattr(CompiledPreemption, "run", counted)
    return found


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pods that are tried outside of compiled code, as they come."""
    found: list[str] = []
    attempt = queued_run.Attempt

    def counted(world: Any, tried: Any, *more: Any, **options: Any) -> Any:
        found.append(tried.metadata.name)
        return attempt(world, tried, *more, **options)

    monkeypatch.setattr(queued_run, "Attempt", counted)
    return found


@st.composite
def bursts(draw: st.DrawFn, *, max_pods: int = 40) -> Workload:
    """Draw pods of few kinds that come many at once, and make room for themselves."""
    nodes = [
        node(f"n{i}", draw(st.sampled_from("2348")), disk=draw(st.sampled_from("ab")))
        for i in range(draw(st.integers(1, 6)))
    ]
    if draw(st.booleans()):
        for one in nodes:
            one.status.allocatable["pods"] = draw(st.sampled_from(("2", "4", "110")))
    kinds = [_kind(draw) for _ in range(draw(st.integers(2, 4)))]
    kinds.sort(key=lambda one: one.spec.priority or 0)
    count = draw(st.integers(4, max_pods))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    arrival = np.sort(np.array(column(st.sampled_from((0.0, 0.0, 1.0, 1.0, 3.5)))))
    kind = np.array(column(st.integers(0, len(kinds) - 1)), dtype=np.int32)
    if draw(st.booleans()):
        kind.sort()  # the lowest first, so that the others have somebody to displace
    inf = np.inf
    places = st.sampled_from((-1, -1, -1, *range(len(nodes))))
    lengths = st.sampled_from((inf, inf, inf, inf, inf, 1e-9, 2.0, 7.0))
    lives = st.sampled_from((inf, inf, inf, inf, inf, inf, 0.0, 3.0))
    stream = PodStream.of(
        kinds,
        kind,
        arrival=arrival,
        duration=np.array(column(lengths)),
        deletion=arrival + np.array(column(lives)),
        node=np.array(column(places)),
    )
    objects = [_budget()] if draw(st.integers(0, 9)) == 0 else []
    return Workload("bursts", nodes, stream, objects, queue="kube-scheduler")


@st.composite
def crowds(draw: st.DrawFn) -> Workload:
    """Draw nodes that are full of low pods, and higher ones that come all at once."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(5, 40))
    sizes = draw(st.sampled_from((["2"], ["4"], ["2", "3", "8"])))
    zones = draw(st.sampled_from(("a", "ab")))
    nodes = [
        node(f"n{i}", str(rng.choice(sizes)), **{ZONE: zones[i % len(zones)]})
        for i in range(count)
    ]
    low = [_kind(draw, (0, 0, 1)) for _ in range(2)]
    high = [_kind(draw, (5, 5, 10)) for _ in range(2)]
    there = rng.permutation(np.repeat(np.arange(count), draw(st.integers(1, 4))))
    come = draw(st.integers(1, 60))
    kind = np.append(
        rng.integers(0, 2, len(there)), 2 + (np.arange(come) >= rng.integers(0, come))
    )
    early = np.sort(rng.choice([0.0, 0.5], len(there)))
    return Workload(
        "crowds",
        nodes,
        PodStream.of(
            [*low, *high],
            kind.astype(np.int32),
            arrival=np.append(early, np.sort(rng.choice([1.0, 1.0, 2.5], come))),
            duration=rng.choice([np.inf, np.inf, np.inf, 9.0], len(kind)),
            node=np.append(there, np.full(come, -1)),
        ),
        queue="kube-scheduler",
    )


def _kind(draw: st.DrawFn, priorities: tuple[int, ...] = (0, 0, 5, 10, 100)) -> Any:
    """Draw a kind of pods; one in ten is not that simple."""
    amount = draw(st.sampled_from(("500m", "1", "1500m", "2", "2")))
    port = draw(st.sampled_from((0, 0, 0, 80, 81)))
    container: dict[str, Any] = {"resources": {"requests": {"cpu": amount}}}
    if port:
        container["ports"] = [{"containerPort": port, "hostPort": port}]
    more: dict[str, Any] = {}
    labels = {"app": draw(st.sampled_from(("web", "db")))}
    odd = draw(st.integers(0, 39))
    if odd == 0:
        more["preemptionPolicy"] = "Never"
    elif odd == 1:
        more["nodeSelector"] = {"disk": "a"}
    elif odd == 2:
        term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "disk"}
        rules = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        more["affinity"] = {"podAntiAffinity": rules}
    elif odd == 3:
        more["schedulingGates"] = [{"name": "wait"}]
    priority = draw(st.sampled_from(priorities))
    return queue_pod(
        "kind", containers=[container], priority=priority, labels=labels, **more
    )


def _budget() -> PodDisruptionBudget:
    return msgspec.convert(
        {
            "metadata": {"name": "budget", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 1},
        },
        PodDisruptionBudget,
    )


@given(workload=bursts() | crowds(), spec=st.sampled_from(SPECS))
@settings(max_examples=max(200, settings().max_examples))
def test_a_stretch_tells_the_same_as_one_by_one(workload: Workload, spec: str) -> None:
    """Every entry of the log, every reason and the number of decisions."""
    with pytest.MonkeyPatch.context() as patch:
        tried = watched(patch)
        quick = played(workload, spec)
    event(f"longest stretch: {max(tried, default=0)}")
    target(float(sum(tried)))

    assert quick == played_one_by_one(workload, spec)


@given(workload=bursts(max_pods=20) | crowds())
def test_a_stretch_tells_the_same_as_the_readable_engine(workload: Workload) -> None:
    """That engine remembers nothing."""
    assert played(workload) == played(workload, engine="explain")


@given(workload=bursts() | crowds())
def test_the_columns_are_as_if_read_anew(workload: Workload) -> None:
    """After each stretch: who is on a node or nominated to it, and what is known."""
    run = CompiledPreemption.run

    def checked(self: CompiledPreemption) -> int:
        count = run(self)
        if count:
            check(self._cluster)
        return count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledPreemption, "run", checked)
        played(workload)


def check(cluster: QueuedCluster) -> None:
    """Compare what is remembered with what a world without memory finds."""
    evictions, nodes = cluster.world.evictions, len(cluster.world.names)
    known, anew = evictions.occupants, Occupants(cluster.world, nodes)
    known.now()
    anew.now()
    there = [one.columns for one in (known, anew)]
    assert (there[0].counts == there[1].counts).all()
    for slot, (pods, guests) in enumerate(there[0].counts.tolist()):
        for name, count in (("pods", pods), ("guests", guests)):
            ours, theirs = (getattr(one, name)[slot, :count].tolist() for one in there)
            assert ours == theirs
    for (_, pod_class, priority), memory in evictions._memories.items():
        if memory is None:
            continue
        memory.catch_up()
        fresh = Memory(cluster.session, pod_class, priority, anew)
        fresh.catch_up()
        candidates = fresh.rates.after == CANDIDATE
        for name in ("why", "after", "tally"):
            ours, theirs = (getattr(one.rates, name) for one in (memory, fresh))
            assert ours.tolist() == theirs.tolist()
        assert (memory.rates.rules == fresh.rates.rules)[candidates].all()


def test_a_burst_is_tried_in_compiled_code(attempts: list[str]) -> None:
    """Of pods of a kind the first alone is tried outside of it."""
    nodes = [node(f"n{i}", "4") for i in range(30)]
    given = workload(
        nodes,
        [pod("1"), pod("3", 10)],
        *([0.0] * 120 + [1.0] * 30),
        template=[0] * 120 + [1] * 30,
        node=[i // 4 for i in range(120)] + [-1] * 30,
    )
    kinds = played(given)[1]

    assert len(attempts) == 1
    assert kinds.count(EventKind.PREEMPT) == 30
    assert kinds.count(EventKind.DELETE) == 90
    assert kinds.count(EventKind.BIND) == 150


def test_a_stretch_ends_where_the_log_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another goes on in a log that has grown."""
    make_room = CompiledPreemption._make_room_in_log

    def barely(self: CompiledPreemption, pods: int, memory: Memory) -> None:
        make_room(self, pods, memory)
        cluster = self._cluster
        most = 2 + memory.occupants.columns.pods.shape[1]
        end = int(cluster.progress.counters.logged[0]) + 2 * most
        log = cluster.log
        shorter = {name: getattr(log, name)[:end] for name in log._fields[:5]}
        cluster.log = log._replace(**shorter)

    given = workload(
        [node(f"n{i}", "4") for i in range(9)],
        [pod("1"), pod("3", 10)],
        *([0.0] * 36 + [1.0] * 9),
        template=[0] * 36 + [1] * 9,
        node=[i // 4 for i in range(36)] + [-1] * 9,
    )
    expected = played_one_by_one(given)
    monkeypatch.setattr(CompiledPreemption, "_make_room_in_log", barely)
    tried = watched(monkeypatch)

    assert played(given) == expected
    assert 1 < max(tried) < 8
