"""The real kube-scheduler, where it was built: recorded decisions, and its speed."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from schedbench.experiment.verify.generate import GROUPS
from schedbench.experiment.verify.programs import FOLDER, RELEASES

OLDEST = FOLDER / "kube-scheduler-1.34"
FIRST = 3
built = pytest.mark.skipif(
    not OLDEST.is_file(), reason="`make kube-scheduler` was not run: it needs Go"
)


def asked(program: Path, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a program's answers."""
    lines = "".join(json.dumps({"case": case}) + "\n" for case in cases)
    done = subprocess.run(
        [program, "conformance"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def node(name: str, cpu: str) -> dict[str, Any]:
    """Return a node with some cpu."""
    sizes = {"cpu": cpu, "memory": "8Gi", "pods": "10"}
    return {"metadata": {"name": name}, "status": {"capacity": sizes}}


def pod(name: str, cpu: str) -> dict[str, Any]:
    """Return a pod that asks for some cpu."""
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    meta = {"name": name, "namespace": "default"}
    return {"metadata": meta, "spec": {"containers": [container]}}


def case(**changes: Any) -> dict[str, Any]:
    """Return a case of one pod and two nodes, of which the second has room."""
    return {
        "id": "two",
        "nodes": [node("small", "1"), node("large", "4")],
        "objects": [],
        "bound": [],
        "pending": [pod("web", "2")],
    } | changes


@built
@pytest.mark.parametrize("group", GROUPS)
def test_recorded_decisions_are_its_own(group: str, shared: Path) -> None:
    """The first cases of each group, to the last field."""
    folder = shared / "conformance" / "kube-scheduler-v1.34.1"
    with gzip.open(folder / f"{group}.jsonl.gz", "rt") as lines:
        recorded = [json.loads(line) for line in itertools.islice(lines, FIRST)]
    sampled = {"sampling": group.startswith("sample")}

    answers = asked(OLDEST, [one["case"] | sampled for one in recorded])

    for one, answer in zip(recorded, answers, strict=True):
        told = {"id": one["case"]["id"], "expected": one["expected"]}
        assert answer == told | ({"order": one["order"]} if "order" in one else {})


@built
@pytest.mark.parametrize("release", RELEASES)
def test_each_release_decides(release: str) -> None:
    """Both find the only node with room."""
    program = FOLDER / f"kube-scheduler-{release}"
    if not program.is_file():
        pytest.skip(f"kube-scheduler {release} was not built")

    (answer,) = asked(program, [case()])

    (decision,) = answer["expected"]
    assert decision["chosen"] == "large"
    assert decision["infeasible"]["small"]["reasons"] == ["Insufficient cpu"]


@built
def test_what_is_wrong_with_a_case_is_its_answer() -> None:
    """An unknown event ends the case, not the program."""
    wrong = case(id="wrong", events=[{"before": 0, "op": "explode"}])

    first, second = asked(OLDEST, [wrong, case()])

    assert first["id"] == "wrong"
    assert "explode" in first["error"]
    assert second["expected"][0]["chosen"] == "large"


@built
@pytest.mark.parametrize("mode", ["algorithm", "binding"])
def test_what_fits_is_placed_and_timed(mode: str, tmp_path: Path) -> None:
    """Both roles place all pods of a small workload."""
    before = pod("before", "1")
    before["spec"]["nodeName"] = "large"
    workload = {
        "nodes": [node("large", "4")],
        "objects": [],
        "bound": [before],
        "pods": [pod("one", "1"), pod("two", "1")],
    }
    file = tmp_path / "workload.json"
    file.write_text(json.dumps(workload))

    done = subprocess.run(
        [OLDEST, "measure", "--workload", file, "--mode", mode],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    told = json.loads(done.stdout)
    assert told["pods"] == told["placed"] == 2
    assert told["wallSeconds"] > 0


def test_the_modules_are_pinned() -> None:
    """Each program's module file names the release that its README does."""
    folder = ROOT / "benchmarks" / "kube_scheduler"
    text = (folder / "README.md").read_text()
    for name in ("go.mod", "go-1.37.mod"):
        (line,) = (
            line.split()
            for line in (folder / name).read_text().splitlines()
            if line.split()[-2:-1] == ["k8s.io/kubernetes"]
            or line.startswith("require k8s.io/kubernetes")
        )
        assert line[-1] in text
