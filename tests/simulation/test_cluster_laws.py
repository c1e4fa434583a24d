"""A whole cluster keeps its laws under whatever users and faults do to it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
)
from simulation.whole_cluster import (
    CONTROL_PLANE,
    KINDS,
    REPLICATED,
    WholeCluster,
    budget,
    manifest,
    node,
    with_image,
    with_spec,
)

from schedbench.simulation import faults as kinds
from schedbench.simulation.faults import Fault, Targets

APPS = ("Deployment", "StatefulSet", "Job")
NAMES = st.sampled_from(("a", "b"))
NODES = ("n0", "n1", "n2", "m0", "m1")
SECONDS = st.sampled_from((0.001, 0.02, 0.3, 2.0, 8.0, 25.0, 70.0))
MEMBERS = st.lists(st.integers(0, CONTROL_PLANE.etcd - 1), min_size=1, unique=True)
SERVERS = st.lists(st.integers(0, CONTROL_PLANE.api_servers - 1), min_size=1)
CLOCKS = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager")
LED = ("etcd", "kube-scheduler", "kube-controller-manager")


class Laws(RuleBasedStateMachine):
    """Users, faults and time in any order; at the end all faults are over."""

    undoing = Bundle("undoing")

    @initialize(
        seed=st.integers(0, 99),
        count=st.integers(1, 4),
        replicas=st.tuples(*[st.integers(0, 5)] * 3),
        wait=SECONDS,
    )
    def begin(
        self, seed: int, count: int, replicas: tuple[int, ...], wait: float
    ) -> None:
        self.world = WholeCluster(seed, NODES[:count])
        self.users = self.world.users
        self.broken: dict[int, Callable[[], None]] = {}
        self.count = 0
        self.world.run(3.0)
        for kind, wanted in zip(APPS, replicas, strict=True):
            self.users.create(manifest(kind, "a", wanted, "900m"))
        self.world.run(wait)

    def names(self) -> list[str]:
        return [one.metadata.name for one in self.world.items("Node")]

    # -- users

    @rule(
        kind=st.sampled_from(sorted(KINDS)),
        name=NAMES,
        replicas=st.integers(0, 5),
        cpu=st.sampled_from(("100m", "900m", "3", "9")),
        wait=SECONDS,
    )
    def create(
        self, kind: str, name: str, replicas: int, cpu: str, wait: float
    ) -> None:
        self.users.create(manifest(kind, name, replicas, cpu))
        self.world.run(wait)

    @rule(
        kind=st.sampled_from(REPLICATED),
        name=NAMES,
        replicas=st.integers(0, 8),
        wait=SECONDS,
    )
    def scale(self, kind: str, name: str, replicas: int, wait: float) -> None:
        self.users.patch(kind, "default", name, with_spec(replicas=replicas))
        self.world.run(wait)

    @rule(
        kind=st.sampled_from(REPLICATED),
        name=NAMES,
        image=st.sampled_from(("web:1", "web:2", "big:3")),
        wait=SECONDS,
    )
    def update(self, kind: str, name: str, image: str, wait: float) -> None:
        self.users.patch(kind, "default", name, with_image(image))
        self.world.run(wait)

    @rule(kind=st.sampled_from(sorted(KINDS)), name=NAMES, wait=SECONDS)
    def delete(self, kind: str, name: str, wait: float) -> None:
        self.users.delete(kind, "default", name)
        self.world.run(wait)

    @rule(kind=st.sampled_from(REPLICATED), name=NAMES)
    def protect(self, kind: str, name: str) -> None:
        self.users.create(budget(kind, name))

    @rule(name=st.sampled_from(NODES), wanted=st.booleans())
    def cordon(self, name: str, wanted: bool) -> None:
        self.users.patch("Node", "", name, with_spec(unschedulable=wanted))

    @rule(name=st.sampled_from(NODES), wait=SECONDS)
    def add_node(self, name: str, wait: float) -> None:
        self.users.create(node(name))
        self.world.run(wait)

    @rule(name=st.sampled_from(NODES), wait=SECONDS)
    def remove_node(self, name: str, wait: float) -> None:
        self.users.delete("Node", "", name)
        self.world.run(wait)

    @rule(wait=SECONDS)
    def wait(self, wait: float) -> None:
        self.world.run(wait)

    # -- faults

    def hit(self, fault: Fault) -> int:
        self.count += 1
        self.broken[self.count] = self.world.begin(fault)
        return self.count

    @rule(target=undoing, draw=st.data(), wait=SECONDS)
    def nodes_break(self, draw: st.DataObject, wait: float) -> object:
        names = self.names()
        if not names:
            return multiple()
        of = Targets(
            names=draw.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        )
        now = self.world.clock.now
        fault = draw.draw(
            st.sampled_from(
                (
                    kinds.NodeCrash(start=now, targets=of),
                    kinds.Partition(start=now, targets=of),
                    kinds.FlappingHeartbeat(start=now, targets=of),
                    kinds.MassEviction(start=now, targets=of),
                    kinds.ZoneLoss(start=now, zone=names[0][0]),
                    kinds.ZoneLoss(start=now, zone=names[-1][0], cut_off=True),
                )
            )
        )
        number = self.hit(fault)
        self.world.run(wait)
        return number

    @rule(
        target=undoing,
        make=st.one_of(
            st.builds(kinds.EtcdMemberLoss, start=st.just(0.0), members=MEMBERS),
            st.builds(kinds.ApiServerLoss, start=st.just(0.0), servers=SERVERS),
            st.builds(
                kinds.LeaderLoss, start=st.just(0.0), component=st.sampled_from(LED)
            ),
            st.builds(
                kinds.SlowDisk,
                start=st.just(0.0),
                members=st.none() | MEMBERS,
                median=st.sampled_from((0.02, 0.5)),
                p99=st.sampled_from((0.5, 5.0)),
            ),
            st.builds(
                kinds.ClockSkew,
                start=st.just(0.0),
                component=st.sampled_from(CLOCKS),
                seconds=st.sampled_from((-40.0, 40.0)),
            ),
        ),
        wait=SECONDS,
    )
    def control_plane_breaks(self, make: Fault, wait: float) -> int:
        number = self.hit(make)
        self.world.run(wait)
        return number

    @rule(qps=st.sampled_from((50.0, 5e3)), seconds=st.sampled_from((0.3, 3.0)))
    def overload(self, qps: float, seconds: float) -> None:
        mend = self.world.begin(kinds.ApiOverload(start=0.0, qps=qps))
        self.world.run(seconds)
        mend()

    @rule(seconds=st.sampled_from((5.0, 100.0)))
    def registry_breaks(self, seconds: float) -> None:
        now = self.world.clock.now
        self.world.begin(kinds.RegistryOutage(start=now, duration=seconds))

    @rule(number=consumes(undoing), wait=SECONDS)
    def mend(self, number: int, wait: float) -> None:
        self.broken.pop(number)()
        self.world.run(wait)

    # -- the end

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for undo in self.broken.values():
            undo()
        self.world.settle()

        assert self.world.watchdog.missing() == []
        assert self.world.told.breaches() == []
        assert self.world.timelines.disorder() == []


TestLaws = Laws.TestCase
TestLaws.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=25
)
