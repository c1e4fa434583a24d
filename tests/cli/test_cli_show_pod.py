"""`show --pod`: the way of a pod, hop by hop."""

from __future__ import annotations

import math

import experiment_stubs as stubs
import pyarrow as pa
import pytest

from schedbench.experiment.runner import run_grid
from schedbench.simulation.timeline import HOPS

PODS = [
    {"name": "web-0", "uid": "u1", "node": "n1", "phase": "Failed", "deleted": 9.0},
    {"name": "web-0", "uid": "u2", "node": "n2", "phase": "Running", "deleted": None},
    {"name": "web-1", "uid": "u3", "node": "", "phase": "Pending", "deleted": None},
]
STEPS = {"applied": 1.0, "stored": 2.0, "decided": 2.5, "bound": 2.5, "ready": 6.0}


def cell_with_timelines(cell):
    """A made-up cell whose pods made some hops; web-1 was applied alone."""
    result = stubs.stub_cell(cell)
    rows = []
    for number, pod in enumerate(PODS):
        hops = dict.fromkeys(HOPS, math.nan)
        hops |= {"applied": 1.0} if number == 2 else STEPS
        rows.append({"namespace": "ns", **pod, **hops})
    result.tables["timelines"] = pa.Table.from_pylist(rows)
    log = {"time": [1.0, 2.5], "kind": ["arrive", "bind"], "pod": ["ns/web-0"] * 2}
    result.tables["placements"] = pa.table(
        log | {"node": [None, "n1"], "devices": [None, None]}
    )
    return result


@pytest.fixture
def played(tmp_path, monkeypatch):
    """The folder of a run that was played end to end, of two policies and a seed."""
    monkeypatch.setattr("schedbench.experiment.cell.code_digest", lambda: stubs.CODE)
    run_grid(
        stubs.stub_grid(seeds=(0,)),
        tmp_path / "r",
        jobs=1,
        cell_function=cell_with_timelines,
    )
    return tmp_path / "r"


def test_each_hop_has_its_time_and_its_share(cli, played):
    """Of five seconds three and a half went from bound to ready."""
    found = cli("show", played, "--pod", "ns/web-0", "-p", "good", "--json").document
    hops = {each["hop"]: each for each in found["timelines"][0]["hops"]}

    assert list(hops) == list(HOPS)
    assert hops["ready"] == {
        "hop": "ready", "time": 6.0, "since_applied": 5.0, "step": 3.5, "share": 0.7,
    }  # fmt: skip
    assert hops["routable"]["time"] is None
    assert [each["event"] for each in found["events"]] == ["arrive", "bind"]


def test_shares_add_up(cli, played):
    """The steps of a pod make the whole way, whichever hops it skipped."""
    ways = cli("show", played, "--pod", "ns/web-0", "--json").document["timelines"]
    shares = [sum(hop["share"] or 0 for hop in way["hops"]) for way in ways]

    assert shares == pytest.approx([1.0] * 4)


def test_each_incarnation_and_cell_is_shown(cli, played):
    """Two pods had the name, under each of two policies."""
    found = cli("show", played, "--pod", "ns/web-0")
    heads = [line for line in found.out.splitlines() if "uid" in line]

    assert found.code == 0
    assert heads == [
        f"small/5, {policy}, seed 0: uid {uid}, node {node}, {phase}, {gone}"
        for policy in ("plain", "good")
        for uid, node, phase, gone in (
            ("u1", "n1", "Failed", "deleted at 9.000000 s"),
            ("u2", "n2", "Running", "still there"),
        )
    ]


def test_hops_that_were_not_made_are_told(cli, played):
    """A pod that was applied alone never came further."""
    found = cli("show", played, "--pod", "ns/web-1", "-p", "good")
    rows = [line.split() for line in found.out.splitlines()[2:]]

    assert "node –, Pending" in found.out
    assert [row[0] for row in rows if "never" in row] == list(HOPS[1:])
    assert rows[0][:3] == ["applied", "1.000000", "0.000000"]


def test_the_longest_step_has_the_longest_bar(cli, played):
    """70 % of the way are 21 of 30 letters."""
    found = cli("show", played, "--pod", "ns/web-0", "-p", "good")
    line = next(each for each in found.out.splitlines() if each.startswith("ready"))

    assert "█" * 21 + " " in line
    assert line.endswith("70 %")


def test_forms(cli, played):
    """CSV has a row a hop of each pod."""
    lines = cli("show", played, "--pod", "ns/web-0", "--csv").out.splitlines()

    assert lines[0].startswith("scenario,size,policy,seed,uid,node,phase,hop,time")
    assert len(lines) == 1 + 4 * len(HOPS)


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        pytest.param("ns/web-7", "did you mean ns/web-1 or ns/web-0?", id="alike"),
        pytest.param("ns/web", "did you mean ns/web-0 or ns/web-1?", id="beginning"),
        pytest.param("x/y", "write NAMESPACE/NAME", id="nothing near"),
    ],
)
def test_a_pod_that_is_not_there(cli, played, asked, fix):
    """Its neighbours are suggested."""
    found = cli("show", played, "--pod", asked)

    assert found.code == 2
    assert fix in found.err
