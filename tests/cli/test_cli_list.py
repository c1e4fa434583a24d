"""`list`, `env`, `schema`: what there is."""

from __future__ import annotations

import csv
import io
import json

import pytest


@pytest.mark.parametrize("what", ["policies", "metrics", "plots", "scenarios"])
def test_forms(cli, what):
    """Each list has the same rows as text, JSON, CSV and Markdown."""
    text = cli("list", what)
    rows = cli("list", what, "--json").document[what]
    table = list(csv.reader(io.StringIO(cli("list", what, "--csv").out)))
    markdown = cli("list", what, "--markdown").out.splitlines()

    assert text.code == 0
    assert len(rows) == len(text.out.splitlines()) - 1
    assert len(rows) == len(table) - 1 == len(markdown) - 2
    assert [row["name"] for row in rows] == [row[0] for row in table[1:]]


def test_scheduler_perf(cli, shared):
    """All cases and workloads are listed with what they need, and totals."""
    folder = shared / "scheduler_perf"
    found = cli("list", "scenarios", folder, "--json").document
    text = cli("list", "scenarios", folder).out
    totals = found["totals"]

    assert (totals["cases"], totals["workloads"]) == (77, 371)
    assert len(found["scenarios"]) == 371
    assert totals["runnable"] == sum(not each["needs"] for each in found["scenarios"])
    assert f"77 cases, 371 workloads: {totals['runnable']} can be run" in text
    assert "InPlacePodVerticalScaling: running pods are resized" in text


def test_scheduler_perf_by_label(cli, shared):
    """Labels narrow the list down."""
    folder = shared / "scheduler_perf"
    found = cli("list", "scenarios", folder, "--label", "short", "--json").document

    assert found["scenarios"]
    assert all("short" in each["labels"] for each in found["scenarios"])


def test_one_file(cli, here):
    """A scenario file is listed with its sizes and labels, without being built."""
    found = cli("list", "scenarios", "tiny.yaml", "--json").document["scenarios"]

    assert [(each["name"], each["labels"]) for each in found] == [("tiny", ["toy"])]


def test_manifests(cli, here):
    """Manifests are listed as the one scenario that they are."""
    cli("generate", "tiny.yaml", "-o", "cluster.json")
    found = cli("list", "scenarios", "cluster.json", "--json").document["scenarios"]

    assert [each["name"] for each in found] == ["cluster"]


def test_runs(cli, here, stub_run):
    """Runs are listed oldest first; none is an empty list, with a note."""
    none = cli("list", "runs")
    stub_run("runs/0001_a")
    stub_run("runs/0002_b")
    found = cli("list", "runs", "--json").document["runs"]

    assert (none.out, none.err) == ("", "no runs\n")
    assert [each["id"] for each in found] == ["0001_a", "0002_b"]
    assert {each["status"] for each in found} == {"done"}


def test_env(cli):
    """The environment is a table or JSON, and names neither host nor user."""
    found = cli("env", "--json").document

    assert {"schedbench", "python", "libraries", "cpu"} <= found.keys()
    assert "cpu.model" in cli("env").out
    assert not {"host", "hostname", "user"} & found.keys()


def test_schema(cli):
    """The schema is one JSON document about scenarios and grids."""
    found = json.loads(cli("schema").out)

    assert {"Scenario", "GridFile"} <= found["$defs"].keys()
