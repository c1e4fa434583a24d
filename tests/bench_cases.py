"""Measurements made up for the tests of `make bench`'s own logic."""

from __future__ import annotations

import msgspec

from benchmarks.measure import Measured
from benchmarks.results import Results

MACHINE = {
    "cpu": {"model": "a CPU", "cores": 2},
    "python": "3.11.0",
    "libraries": {"numba": "0.68"},
}


def measured(study: str = "figures", name: str = "basic", **fields: object) -> Measured:
    """Return a measurement that went well."""
    made = Measured(
        study,
        name,
        "all",
        "auto",
        "done",
        nodes=100,
        pods=200,
        classes=1,
        decisions=200,
        rates=[1e6],
        stages={"build": 0.1, "encode": 0.2, "load": 0.0, "replay": 0.5},
        peak_rss_bytes=2**30,
        digest="abc",
    )
    return msgspec.structs.replace(made, **fields)


def results(*found: Measured, date: str = "2026-01-01T00:00:00", **fields) -> Results:
    """Return a run of these measurements on a quiet machine."""
    return Results(
        date, False, MACHINE, load=[0.0, 1.0], measured=list(found), **fields
    )
