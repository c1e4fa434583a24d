"""`verify` and `record`: counts, explanations, seeds, exit codes, bad input."""

from __future__ import annotations

import gzip
import json
import shlex
import sys
from pathlib import Path

import pytest
from conftest import ROOT

OWN = shlex.join([sys.executable, str(ROOT / "tests" / "own_reference.py")])
CRASHING = shlex.join([sys.executable, "-c", "import sys; sys.exit('no cases today')"])


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """A command that puts every pod on a node that is not there."""
    program = tmp_path / "wrong.py"
    program.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    case = json.loads(line)['case']\n"
        "    answers = [\n"
        "        {'pod': 'default/' + pod['metadata']['name'], 'chosen': 'node-99',\n"
        "         'feasible': ['node-99']}\n"
        "        for pod in case['pending']\n"
        "    ]\n"
        "    print(json.dumps({'id': case['id'], 'expected': answers}), flush=True)\n"
    )
    return shlex.join([sys.executable, str(program)])


def test_equal_decisions(cli):
    """The counts of each group, the seeds, exit code 0."""
    found = cli("verify", "--against", OWN, "--cases", "32", "--seed", "5", "--json")
    groups = found.document["groups"]

    assert found.code == 0
    assert len(groups) == 16
    assert all(group["pods"] == group["equal"] for group in groups)
    assert sum(group["cases"] for group in groups) == 32
    assert (found.document["seed"], found.document["cases"]) == (5, 32)
    assert "seeds 5..6" in found.err


def test_a_difference_is_explained(cli, wrong):
    """Both sides say where the pod went; the exit code is 1."""
    arguments = ("verify", "--against", wrong, "--group", "taints", "--cases", "3")
    found = cli(*arguments, "--show", "2")
    silent = cli(*arguments, "--show", "0")

    assert (found.code, silent.code) == (1, 1)
    assert found.out.count(": node-99, of 1 feasible") == 2
    assert found.out.count("  ours: node-") == 2
    assert "taints taints-0 default/p001 (scan)" in found.out
    assert "node-99" not in silent.out


def test_a_seed_repeats_a_case(cli, wrong):
    """Group and seed of a shown case show it again."""
    found = cli(
        *("verify", "--against", wrong, "--group", "ports", "--seed", "4"),
        *("--cases", "1", "--show", "1", "--json"),
    )

    (shown,) = found.document["differences"]
    assert shown["case"] == "ports-4"


def test_a_scenario(cli):
    """Its first pods are decided on its cluster, and counted."""
    found = cli(
        *("verify", "pools-taints", "--size", "quick", "--pods", "60"),
        *("--against", OWN, "--json"),
    )
    (group,) = found.document["groups"]

    assert found.code == 0
    assert (group["name"], group["pods"]) == ("pools-taints-quick", 60)
    assert group["equal"] == 60


def test_a_program_that_crashes(cli):
    """Its last words are told, and the exit code is 1."""
    found = cli("verify", "--against", CRASHING, "--cases", "5")

    assert found.code == 1
    assert "exited with status 1 when asked for case" in found.err
    assert "no cases today" in found.err


def test_recording(cli, tmp_path):
    """What is recorded is read by `conformance`, and equal."""
    out = tmp_path / "out"
    found = cli(
        *("record", "--out", out, "--against", OWN, "--cases", "6"),
        *("--group", "gates", "--group", "taints"),
    )
    again = cli("conformance", out, "--all-engines", "--json")
    with gzip.open(out / "gates.jsonl.gz") as file:
        records = [json.loads(line) for line in file]

    assert (found.code, again.code) == (0, 0)
    assert "6 cases recorded in" in found.err
    assert {group["name"] for group in again.document["groups"]} == {"gates", "taints"}
    assert [record["case"]["id"] for record in records] == [f"gates-{i}" for i in "012"]
    assert cli("record", "--out", out, "--against", OWN).code == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--against", "kube-scheduler@9"], "no such release"),
        (["--against", "./nothing"], "no such program"),
        (["--against", OWN, "--group", "taint"], "did you mean 'taints'?"),
        (["--against", OWN, "no-such-scenario"], "no-such-scenario"),
        (["--against", OWN, "demo", "--group", "taints"], "a scenario has none"),
        (["--against", OWN, "--engine", "slow"], "unknown engine"),
        (["--cases", "5"], "--against"),
        (["--against", OWN, "--timeout", "0"], "--timeout"),
    ],
)
def test_bad_input(cli, arguments, text):
    """One message that names the value, exit code 2."""
    found = cli("verify", *arguments)

    assert found.code == 2
    assert text in found.err


def test_a_kube_scheduler_that_was_not_built(cli, monkeypatch, tmp_path):
    """The message says how to build it."""
    monkeypatch.setattr("schedbench.experiment.verify.programs.FOLDER", tmp_path)
    found = cli("verify", "--against", "kube-scheduler")

    assert found.code == 2
    assert "`make kube-scheduler`" in found.err


@pytest.mark.parametrize(("release", "told"), [("1.34", False), ("1.37", True)])
def test_another_release_is_told(cli, monkeypatch, tmp_path, release, told):
    """Ours decides as one release, so that another differs for that reason alone."""
    program = tmp_path / f"kube-scheduler-{release}"
    program.write_text(f"#!/bin/sh\nexec {OWN}\n")
    program.chmod(0o755)
    monkeypatch.setattr("schedbench.experiment.verify.programs.FOLDER", tmp_path)

    found = cli("verify", "--against", f"kube-scheduler@{release}", "--cases", "1")

    assert found.code == 0
    assert ("ours decides as v1.34" in found.err) == told
