"""Leader election: one leads, and another takes over when its lease has run out."""

from __future__ import annotations

from fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.leader_election import LeaderElection
from schedbench.controlplane.parameters import LeaderElectionParameters

NAMES = ("a", "b", "c")


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.log: list[tuple[float, str, str]] = []
        self.leading: set[str] = set()
        self.election = LeaderElection(
            self.clock, LeaderElectionParameters(), 1, lease="kube-scheduler"
        )
        for name in NAMES:
            self.election.join(name, self.api, self.note(name, 1), self.note(name, 0))

    def note(self, name: str, starts: int):
        def call() -> None:
            (self.leading.add if starts else self.leading.discard)(name)
            assert len(self.leading) <= 1
            self.log.append((self.clock.now, name, "start" if starts else "stop"))

        return call

    def crash(self, name: str) -> None:
        self.election.crash(name)
        self.leading.discard(name)


def test_one_replica_leads_and_waiting_costs_no_events() -> None:
    """At any time one instance of a component leads; the others stand by."""
    world = World()
    world.clock.run(until=1.0)
    before = world.clock.events
    world.clock.run(until=3600.0)

    assert world.log == [(0.0, "a", "start")]
    assert world.clock.events == before
    assert world.election.load(0, 3600) > 3600 / 2


def test_a_crashed_leader_is_followed_once_its_lease_has_run_out() -> None:
    """Candidates wait the lease duration after the last renewal they saw."""
    world = World()
    world.clock.run(until=101.0)
    world.crash("a")
    world.clock.run(until=200.0)

    assert len(world.log) == 2
    when, who, what = world.log[1]
    assert what == "start"
    assert who != "a"
    assert 100 + 15 <= when <= 100 + 15 + 2 * 2 * 2.2
    assert world.api.of("Lease")[0].spec.lease_transitions == 1


def test_a_leader_cut_off_gives_up_before_another_may_lead() -> None:
    """The renew deadline is shorter than the lease duration, so that never two lead."""
    world = World()
    world.clock.run(until=50.0)
    world.election.cut_off("a")
    world.clock.run(until=100.0)

    assert [entry[1:] for entry in world.log[:2]] == [("a", "start"), ("a", "stop")]
    assert world.log[1][0] == 60.0
    assert world.log[2][0] >= 65.0


def test_a_leader_that_reconnects_in_time_goes_on() -> None:
    """Renewals may fail for less than the renew deadline without effect."""
    world = World()
    world.clock.run(until=50.0)
    world.election.cut_off("a")
    world.clock.run(until=58.0)
    world.election.reconnect("a")
    world.clock.run(until=500.0)

    assert world.log == [(0.0, "a", "start")]


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 40.0),
            st.sampled_from(["crash", "restart", "cut_off", "reconnect"]),
            st.sampled_from(NAMES),
        ),
        max_size=15,
    )
)
def test_never_two_lead_and_one_does_once_faults_stop(steps) -> None:
    """Whatever fails, at most one leads; when all is well again, exactly one does."""
    world = World()
    for wait, what, name in steps:
        world.clock.run(until=world.clock.now + wait)
        if what == "crash":
            world.crash(name)
        else:
            getattr(world.election, what)(name)
    for name in NAMES:
        world.election.restart(name)
        world.election.reconnect(name)
    world.clock.run(until=world.clock.now + 60)

    assert len(world.leading) == 1
    assert world.leading == {world.election.leader}
