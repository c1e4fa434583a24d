"""`--backend` and `--address`: cells on a cluster, and choices that are refused."""

from __future__ import annotations

import importlib.util
import json

import pytest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            ("--backend", "dusk"), "back-end: 'dusk'; did you mean 'dask'", id="unknown"
        ),
        pytest.param(
            ("--address", "tcp://a:1"), "--address: loky runs on this", id="address"
        ),
        pytest.param(
            ("--backend", "ray"), "pip install 'schedbench[ray]'", id="missing extra"
        ),
    ],
)
def test_workers_that_cannot_be_had(cli, here, monkeypatch, options, words):
    """One error says what to do, with exit code 2, before anything is written."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    found = cli("run", "tiny.yaml", *options)

    assert found.code == 2
    assert words in found.err
    assert found.err.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["tiny.yaml"]


@pytest.mark.slow
def test_a_real_run_on_dask(cli, here, real_run):
    """Real policies place on dask's workers what they place in this process."""
    pytest.importorskip("distributed", reason="dask is not installed")
    _, local = real_run

    found = cli("run", "tiny.yaml", "--json", "-j2", "--backend", "dask", "-o", "r")

    assert found.code == 0, found.err
    digests, metrics = (
        [[cell[name] for cell in each.document["cells"]] for each in (found, local)]
        for name in ("placement_digest", "metrics")
    )
    assert digests[0] == digests[1]
    assert metrics[0] == metrics[1]
    (session,) = json.loads((here / "r" / "manifest.json").read_text())["sessions"]
    assert (session["backend"], session["jobs"]) == ("dask", 2)
