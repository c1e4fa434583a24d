from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from schedbench.node.probes import first_failure, next_verdict
from schedbench.objects.pod import Probe

probes = st.builds(
    Probe,
    initial_delay_seconds=st.integers(0, 20),
    period_seconds=st.integers(1, 12),
    timeout_seconds=st.just(1),
    success_threshold=st.integers(1, 3),
    failure_threshold=st.integers(1, 4),
)
turns = st.lists(st.integers(0, 80), min_size=1, max_size=3).map(sorted).map(tuple)


def asked(probe: Probe, turns: tuple[int, ...], good: bool, after: float) -> float:
    """Ask every question, one by one."""
    row = 0
    wanted = probe.failure_threshold if good else probe.success_threshold
    for k in range(200):
        time = probe.initial_delay_seconds + k * probe.period_seconds
        if time <= after:
            continue
        answers = sum(turn <= time for turn in turns) % 2 == 1
        row = 0 if answers == good else row + 1
        if row == wanted:
            return time + (probe.timeout_seconds if good else 0)
    return math.inf


@given(probe=probes, turns=turns, good=st.booleans(), after=st.integers(-1, 60))
def test_the_verdict_turns_when_asking_would_turn_it(
    probe: Probe, turns: tuple[int, ...], good: bool, after: int
) -> None:
    """Computing the next verdict gives what putting every question gives."""
    found = next_verdict(probe, turns, good=good, after=after)

    assert found == asked(probe, turns, good, after)


def test_a_startup_probe_gives_up_after_its_threshold() -> None:
    """failureThreshold × periodSeconds is the time a container has to start."""
    probe = Probe(failure_threshold=30, period_seconds=10, timeout_seconds=1)

    assert first_failure(probe, (1000.0,)) == 291
    assert first_failure(probe, (290.0,)) == math.inf


def test_a_probe_that_goes_on_succeeding_has_no_next_verdict() -> None:
    """Steady success is no event."""
    assert next_verdict(Probe(), (0.0,), good=True) == math.inf


def test_absent_numbers_are_the_defaults_of_kubernetes() -> None:
    """Asked every 10 s for at most 1 s: 3 failures fail, 1 success succeeds."""
    probe = Probe()

    assert next_verdict(probe, (0.0,), good=False) == 0
    assert next_verdict(probe, (0.0, 15.0), good=True) == 41
