"""The work queue: what client-go's queue and its default limiter promise."""

from __future__ import annotations

from schedbench.clock import Clock
from schedbench.controlplane.controllers.expectations import TIMEOUT, Expectations
from schedbench.controlplane.controllers.workqueue import TokenBucket, WorkQueue
from schedbench.controlplane.parameters import RetryLimits


def queue(clock: Clock | None = None, **limits: float) -> WorkQueue:
    return WorkQueue(clock or Clock(), RetryLimits(**limits), lambda: None)


def test_a_key_waits_once():
    """Adding a key that waits changes nothing; the order is that of arrival."""
    made = queue()
    for key in ("a", "b", "a"):
        made.add(key)

    assert [made.get(), made.get(), made.get()] == ["a", "b", None]


def test_a_key_is_not_worked_on_twice_at_once():
    """A key that is added while it is worked on comes again when that is done."""
    made = queue()
    made.add("a")
    made.get()
    made.add("a")
    during = made.get()
    made.done("a")

    assert (during, made.get()) == (None, "a")


def test_the_earliest_delay_counts():
    """Of several delays of a key the earliest counts."""
    clock = Clock()
    made = queue(clock)
    made.add_after("a", 5.0)
    made.add_after("a", 2.0)
    made.add_after("a", 9.0)
    clock.run(2.0)

    assert len(made) == 1
    assert clock.next_time() == float("inf")


def test_backoff_has_a_maximum():
    """A key's wait doubles from 5 ms to 1000 s at most; forgetting starts anew."""
    clock = Clock()
    made = queue(clock)
    waits = []
    for _ in range(20):
        made.retry("a")
        waits.append(clock.next_time() - clock.now)
        clock.run(clock.next_time())
        made.done(made.get() or "")
    made.forget("a")
    made.retry("a")

    assert [round(wait, 3) for wait in waits[:4]] == [0.005, 0.01, 0.02, 0.04]
    assert (waits[-1], made.failures("a")) == (1000.0, 1)


def test_all_retries_share_a_bucket():
    """Beyond 100 at once, ten keys a second are tried again."""
    clock = Clock()
    made = queue(clock)
    for number in range(120):
        made.retry(f"k{number}")
    clock.run(0.01)
    early = len(made)
    clock.run(1.0)

    assert (early, len(made)) == (100, 110)


def test_the_bucket_refills():
    """A bucket never holds more than its burst."""
    clock = Clock()
    bucket = TokenBucket(clock, 10.0, 2)
    first = [bucket.reserve() for _ in range(3)]
    clock.run(1000.0)

    assert first == [0.0, 0.0, 0.1]
    assert [bucket.reserve() for _ in range(3)] == first


def test_expectations_are_met_by_what_is_seen():
    """A controller waits until all its creations and deletions were seen."""
    made = Expectations(Clock())
    made.expect("a", creations=2, deletions=["p"])
    made.created("a")
    made.deleted("a", "p")
    made.deleted("a", "p")
    before = made.satisfied("a")
    made.created("a")

    assert (before, made.satisfied("a")) == (False, True)


def test_expectations_end_after_five_minutes():
    """What is never seen is waited for five minutes."""
    clock = Clock()
    made = Expectations(clock)
    made.expect("a", creations=1)
    clock.run(TIMEOUT)
    before = made.satisfied("a")
    clock.run(TIMEOUT + 1)

    assert (TIMEOUT, before, made.satisfied("a")) == (300.0, False, True)
