"""`conformance`: counts a group, differences side by side, exit codes."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest

from schedbench.experiment.conformance.engines import ENGINES


@pytest.fixture
def recorded(shared: Path, tmp_path: Path) -> Path:
    """A folder with the first five cases of the group `taints`."""
    source = shared / "conformance" / "kube-scheduler-v1.34.1" / "taints.jsonl.gz"
    with gzip.open(source, "rt") as file:
        (tmp_path / "taints.jsonl").write_text("".join(itertools.islice(file, 5)))
    return tmp_path


@pytest.fixture
def wrong(recorded: Path) -> Path:
    """The same with one recorded choice made up."""
    path = recorded / "taints.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    decision = next(d for r in records for d in r["expected"] if d["chosen"])
    decision["chosen"] = "nowhere"
    path.write_text("\n".join(map(json.dumps, records)))
    return recorded


def test_all_equal(cli, recorded):
    """Without a difference the exit code is 0 and the counts say so."""
    found = cli("conformance", recorded, "--json")
    (group,) = found.document["groups"]
    text = cli("conformance", recorded)

    assert (found.code, text.code) == (0, 0)
    assert group["pods"] == group["equal"] > 20
    assert (group["different"], group["not_modelled"], group["cases"]) == (0, 0, 5)
    assert text.out.split()[:3] == ["group", "cases", "pods"]
    assert "0 different, 0 not modelled" in text.err


def test_a_difference(cli, wrong):
    """A difference makes the exit code 1 and is shown side by side if asked for."""
    silent = cli("conformance", wrong)
    found = cli("conformance", wrong, "--show", "2")

    assert (silent.code, found.code) == (1, 1)
    assert "nowhere" in found.out
    assert "nowhere" not in silent.out
    assert "recorded" in found.out


def test_every_engine(cli, recorded):
    """Each engine has its own counts."""
    groups = cli("conformance", recorded, "--all-engines", "--json").document["groups"]

    assert [each["engine"] for each in groups] == list(ENGINES)
    assert len({each["equal"] for each in groups}) == 1


def test_not_modelled(cli, recorded):
    """What is not modelled is counted and named; only --strict fails on it."""
    path = recorded / "taints.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    record["case"]["pending"][0]["spec"]["resourceClaims"] = [{"name": "gpu"}]
    path.write_text(json.dumps(record))
    found = cli("conformance", recorded)

    assert (found.code, cli("conformance", recorded, "--strict").code) == (0, 1)
    assert "DynamicResources" in found.out


def test_bad_usage(cli, recorded):
    """Unknown engines, groups and files are wrong usage."""
    assert cli("conformance", recorded, "--engine", "none").code == 2
    assert cli("conformance", recorded, "--group", "none").code == 2
    assert cli("conformance", recorded / "none.jsonl").code == 2
    assert cli("conformance").code == 2
