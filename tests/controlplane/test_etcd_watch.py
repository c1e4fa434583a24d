"""Watches on etcd: ordered, unique, complete, from any revision."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.etcd_types import Compacted, Delete, Event, Put
from schedbench.controlplane.parameters import NO_LATENCY, EtcdParameters

FREE = dataclasses.replace(NO_LATENCY.etcd, watch_sync=0.1)
PREFIXES = ["", "/", "/a", "/a/", "/a/x", "/b/1/"]
ops = st.builds(Put, st.sampled_from(["/a", "/a/x", "/a/y", "/b/1/z"]), st.integers())
ops = ops | st.builds(Delete, st.sampled_from(["/a", "/a/x", "/b/"]), st.booleans())


class Listener:
    """A watcher that keeps what it hears."""

    def __init__(self, etcd: Etcd, prefix: str, start: int) -> None:
        self.prefix = prefix
        self.start = start or etcd.store.revision + 1
        self.heard: list[Event] = []
        self.compacted: list[int] = []
        self.until: int | None = None
        self.watch = etcd.watch(prefix, self.hear, start)
        self._etcd = etcd

    def hear(self, what: list[Event] | Compacted) -> None:
        if isinstance(what, Compacted):
            self.compacted.append(what.revision)
            return
        assert what
        assert len({event.revision for event in what}) == 1
        self.heard += what

    def stop(self) -> None:
        self.watch.stop()
        self.until = self._etcd.store.revision


steps = st.one_of(
    st.tuples(st.just("txn"), st.lists(ops, min_size=1, max_size=3)),
    st.tuples(st.just("watch"), st.sampled_from(PREFIXES), st.integers(0, 15)),
    st.tuples(st.just("stop"), st.integers(0, 5)),
    st.tuples(st.just("compact"), st.integers(1, 15)),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.03, 0.2])),
)


@given(st.lists(steps, max_size=30), st.booleans())
def test_every_event_once_and_in_order(plan: list[Any], slow: bool) -> None:
    """A watch hears all changes from its revision on, or that they are compacted."""
    clock = Clock()
    etcd = Etcd(clock, EtcdParameters() if slow else FREE, 1)
    everything = Listener(etcd, "", 0)
    listeners: list[Listener] = []
    for step in plan:
        if step[0] == "txn":
            unique = list({op.key: op for op in step[1]}.values())
            etcd.txn((), unique, ())
        elif step[0] == "watch":
            listeners.append(Listener(etcd, step[1], step[2]))
        elif step[0] == "stop" and step[1] < len(listeners):
            if listeners[step[1]].until is None:
                listeners[step[1]].stop()
        elif step[0] == "compact":
            etcd.compact(step[1])
        else:
            clock.run(clock.now + (step[1] if step[0] == "wait" else 0.0))
    clock.run()
    log = everything.heard

    assert [e.revision for e in log] == sorted(e.revision for e in log)
    for listener in listeners:
        wanted = [
            event
            for event in log
            if event.key.startswith(listener.prefix)
            and event.revision >= listener.start
        ]
        if listener.compacted:
            assert not listener.heard
            assert listener.compacted[0] > listener.start
        elif listener.until is None:
            assert listener.heard == wanted
        else:
            wanted = [e for e in wanted if e.revision <= listener.until]
            assert listener.heard in (wanted, [])


def test_the_past_then_the_present() -> None:
    """A watch from the past catches up, and goes on without a gap or a double."""
    clock = Clock()
    etcd = Etcd(clock, FREE, 1)
    for number in range(400):
        clock.at(number * 0.001, etcd.txn, (), (Put("/a", number),), ())
    listeners: list[Listener] = []
    for time in (0.05, 0.15, 0.3):
        clock.at(time, lambda: listeners.append(Listener(etcd, "/", 20)))
    clock.run()

    assert len(listeners) == 3
    for listener in listeners:
        assert [event.value for event in listener.heard] == list(range(18, 400))


def test_compacted_past() -> None:
    """A watch from before the compaction is told, once, from where it can start."""
    clock = Clock()
    etcd = Etcd(clock, FREE, 1)
    for number in range(10):
        etcd.txn((), (Put("/a", number),), ())
    etcd.compact(8)
    clock.run()
    late, exact = Listener(etcd, "/", 7), Listener(etcd, "/", 8)
    clock.run()

    assert (late.compacted, late.heard) == ([8], [])
    assert [event.revision for event in exact.heard] == [8, 9, 10, 11]


def test_events_of_a_transaction_come_together() -> None:
    """Atomic: a revision's events are never split, and tell the value before."""
    clock = Clock()
    etcd = Etcd(clock, FREE, 1)
    batches: list[Any] = []
    etcd.watch("/p/", batches.append)
    etcd.txn((), (Put("/p/1", "x"), Put("/q", 0), Put("/p/2", "y")), ())
    etcd.txn((), (Delete("/p/", prefix=True),), ())
    clock.run()

    assert [[(e.type, e.key, e.previous) for e in batch] for batch in batches] == [
        [("put", "/p/1", None), ("put", "/p/2", None)],
        [("delete", "/p/1", "x"), ("delete", "/p/2", "y")],
    ]


def test_stop_within_a_handler() -> None:
    """A watch that another watch's handler stops hears nothing more."""
    clock = Clock()
    etcd = Etcd(clock, FREE, 1)
    heard: list[Any] = []
    etcd.watch("/", lambda _: second.stop())
    second = etcd.watch("/", heard.append)
    third: list[Any] = []
    etcd.watch("/", third.append)
    etcd.txn((), (Put("/a", 0),), ())
    clock.run()

    assert heard == []
    assert len(third) == 1
