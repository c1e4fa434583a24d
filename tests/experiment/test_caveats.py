"""Warnings about how a run was made."""

from __future__ import annotations

import experiment_stubs as stubs
import pytest

from schedbench.experiment.caveats import caveats


def manifest(**changes):
    """Return the manifest of a run that nothing can be said against."""
    session = {"jobs": 1, "machine": "cpu", "libraries": {"numba": "1"}}
    return {
        "environment": {"cpu": {"usable": 2, "governor": "performance"}},
        "sessions": [session, session],
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "cells": [{}],
    } | changes


def result(**changes):
    found = stubs.stub_cell(next(stubs.stub_grid().cells()))
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_a_clean_run_has_none():
    """Quiet machine, clean checkout, cells done: nothing to say."""
    assert caveats(manifest(), [result()]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"sessions": [{"jobs": 2, "machine": "cpu", "libraries": {}}]},
            "busy machine; use --jobs 1",
            id="all cores at work",
        ),
        pytest.param(
            {
                "sessions": [
                    {"jobs": 1, "machine": "cpu", "libraries": {"numba": "1"}},
                    {"jobs": 1, "machine": "cpu", "libraries": {"numba": "2"}},
                ]
            },
            "different machines or library versions",
            id="resumed after an upgrade",
        ),
        pytest.param(
            {
                "sessions": [
                    {
                        "jobs": 9,
                        "machine": "cpu",
                        "libraries": {},
                        "remote": True,
                        "machines": ["one", "two"],
                    }
                ]
            },
            "workers of a cluster (one; two)",
            id="on a cluster",
        ),
        pytest.param(
            {"environment": {"cpu": {"usable": 2, "governor": "powersave"}}},
            "governor is 'powersave'",
            id="frequency scaling",
        ),
        pytest.param(
            {"git": {"commit": "0123456789abcdef", "dirty": True}},
            "0123456789ab alone does not repeat",
            id="uncommitted changes",
        ),
    ],
)
def test_the_way_of_running_is_told(changes, words):
    """Each weakness is one sentence that says what to do or what not to trust."""
    (found,) = caveats(manifest(**changes), [result()])

    assert words in found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"status": "failed"}, "1 of 1 cells failed", id="failed"),
        pytest.param({"status": "timeout"}, "time limit", id="timed out"),
        pytest.param({"status": "skipped"}, "not modelled", id="skipped"),
        pytest.param(
            {"wall_clock": {"schedule_seconds": 0.01}}, "too short", id="too short"
        ),
    ],
)
def test_cells_without_a_good_number_are_counted(changes, words):
    """Cells that did not end, or ended too soon to be timed, are told."""
    (found,) = caveats(manifest(), [result(**changes)])

    assert words in found
