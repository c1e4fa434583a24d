"""Runs of one workload by several engines, compared to the entry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schedbench.cluster.encode import encode
from schedbench.objects.workload import Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind, Rejection
from schedbench.simulation.replay import Engine, replay

Entry = tuple[float, str, int, str | None]
"""Time, kind, pod and node's name."""


class Played(NamedTuple):
    """What can be told of a run; equal for equal runs."""

    log: list[Entry]
    devices: list[int]
    rejections: list[Rejection]
    horizon: float
    digest: str
    notes: list[str]


def played(workload: Workload, spec: str, engine: Engine, seed: int = 3) -> Played:
    """Play a workload by an engine."""
    encoded = encode(workload)
    record = replay(encoded, make_policy(spec), seed=seed, engine=engine)
    names = encoded.node_names
    columns = record.time, record.kind, record.pod, record.node
    log = [
        (time, EventKind(kind).name, pod, names[node] if node >= 0 else None)
        for time, kind, pod, node in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return Played(
        log,
        record.devices.tolist(),
        list(record.rejections),
        record.horizon,
        record.digest,
        list(record.notes),
    )


def assert_alike(
    workload: Workload, spec: str, engines: Iterable[Engine], seed: int = 3
) -> Played:
    """Play by `scan` and by others; fail where one tells another story."""
    expected = played(workload, spec, "scan", seed)
    for engine in engines:
        found = played(workload, spec, engine, seed)
        for entry, (ours, scans) in enumerate(
            zip(found.log, expected.log, strict=False)
        ):
            assert ours == scans, f"{engine} differs from scan at entry {entry}"
        assert found == expected, engine
    return expected


def events(log: Iterable[Entry], kind: str) -> list[Entry]:
    """Return the entries of a kind."""
    return [entry for entry in log if entry[1] == kind]
