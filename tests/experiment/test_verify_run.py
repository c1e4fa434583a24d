"""Cases decided by a program and by us: equal, different, and programs that fail."""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from schedbench.errors import InputError, PolicyError
from schedbench.experiment.conformance.cases import read_cases
from schedbench.experiment.conformance.report import play
from schedbench.experiment.verify.programs import FOLDER, Program, find_program
from schedbench.experiment.verify.recording import Recorder
from schedbench.experiment.verify.reference import IN_FLIGHT, answers
from schedbench.experiment.verify.run import Verification, verify

CASES = 7
FAKE = ROOT / "tests" / "fake_reference.py"
GROUPS = ("taints", "samplechurn")

Make = Callable[..., Program]


@pytest.fixture(scope="module")
def recorded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first recorded cases of a group of each kind, in one file."""
    folder = shared / "conformance" / "kube-scheduler-v1.34.1"
    path = tmp_path_factory.mktemp("recorded") / "some.jsonl"
    with path.open("w") as sink:
        for group in GROUPS:
            with gzip.open(folder / f"{group}.jsonl.gz", "rt") as source:
                sink.writelines(itertools.islice(source, CASES))
    return path


@pytest.fixture(scope="module")
def documents(recorded: Path) -> list[dict[str, Any]]:
    """The cases as they are asked, without their decisions."""
    records = [json.loads(line) for line in recorded.read_text().splitlines()]
    return [
        record["case"] | ({"sampling": True} if "order" in record else {})
        for record in records
    ]


@pytest.fixture
def fake(recorded: Path) -> Make:
    """Makes a program that misbehaves in a way when asked for a case."""

    def make(mode: str = "", case: str = "") -> Program:
        words = [sys.executable, str(FAKE), str(recorded), mode, case]
        return Program("fake", None, words)

    return make


def counts(found: Verification) -> dict[str, tuple[int, int, int]]:
    """Return group → cases, equal and different pods."""
    return {
        each.name: (each.cases, each.equal, each.different)
        for each in found.compared.groups
    }


def test_a_program_that_answers_right(fake: Make, documents: list[Any]) -> None:
    """Every decision is equal, of full and of sampled cases."""
    found = verify(fake(), documents)
    pods = {
        group: sum(len(d["pending"]) for d in documents if d["group"] == group)
        for group in GROUPS
    }

    assert counts(found) == {group: (CASES, pods[group], 0) for group in GROUPS}
    assert found.passed
    assert found.compared.groups[0].scores > 100


def test_a_difference_is_told_by_both_sides(fake: Make, documents: list[Any]) -> None:
    """Its pods are counted; the first is shown with both sentences and the fields."""
    wrong = documents[2]
    found = verify(fake("differ", wrong["id"]), documents)
    (shown,) = found.compared.shown

    assert counts(found)["taints"][2] == len(wrong["pending"])
    assert counts(found)["samplechurn"][2] == 0
    assert not found.passed
    assert (shown.case, shown.pod.split("/")[0]) == (wrong["id"], "default")
    assert shown.recorded.startswith("nowhere")
    assert "feasible" in shown.ours
    assert [each.field for each in shown.fields] == ["chosen"]


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("crash", "exited with status 1 when asked for case taints-0003; its last "),
        ("garbage", "answered case taints-0003 with what is no answer"),
        ("other", "answered case another when asked for case taints-0003"),
        ("short", "that are not its"),
    ],
)
def test_a_program_that_fails_is_started_again(
    fake: Make, documents: list[Any], mode: str, text: str
) -> None:
    """The case is lost and named; those in flight behind it are asked again."""
    found = verify(fake(mode, "taints-0003"), documents)
    (failure,) = found.failures

    assert (failure.group, failure.case) == ("taints", "taints-0003")
    assert text in failure.problem
    assert counts(found)["taints"][0] == CASES
    assert counts(found)["samplechurn"][0] == CASES
    assert found.compared.different == 0
    assert not found.passed


def test_a_program_that_hangs_is_given_up_in_time(
    fake: Make, documents: list[Any]
) -> None:
    """The case that it was asked is named, and the rest is still decided."""
    started = time.monotonic()
    found = verify(fake("hang", "taints-0001"), documents[:CASES], timeout=2.0)

    assert time.monotonic() - started < 30
    assert [each.case for each in found.failures] == ["taints-0001"]
    assert "gave no answer within 2 s" in found.failures[0].problem
    assert counts(found)["taints"][0] == CASES


def test_what_the_program_refuses_is_told(fake: Make, documents: list[Any]) -> None:
    """An error is an answer: the program goes on."""
    found = verify(fake("error", "*"), documents[:CASES])

    assert len(found.failures) == CASES
    assert found.failures[0].problem == "fake: it is not a case"


def test_a_program_that_always_fails_ends_the_run(
    fake: Make, documents: list[Any]
) -> None:
    """Three failures in succession are enough."""
    with pytest.raises(PolicyError, match="3 times in succession"):
        verify(fake("crash", "*"), documents)


def test_what_we_refuse_is_told(fake: Make, documents: list[Any]) -> None:
    """A configuration that we cannot read is a failure of ours."""
    broken = documents[0] | {"config": {"kind": "Nonsense"}}
    found = verify(fake(), [broken, *documents[1:3]])

    assert [each.case for each in found.failures] == ["taints-0000"]
    assert found.failures[0].problem.startswith("schedbench: ")
    assert not found.passed


def test_several_cases_are_in_flight(fake: Make, documents: list[Any]) -> None:
    """When the first answer comes, the next cases have been sent."""
    taken: list[str] = []

    def telling() -> Any:
        for document in documents:
            taken.append(document["id"])
            yield document

    found = answers(fake(), telling(), timeout=60.0)
    first = next(found)

    assert first.case["id"] == taken[0]
    assert len(taken) == IN_FLIGHT > 1
    assert [each.case["id"] for each in found] == [d["id"] for d in documents[1:]]


def test_recorded_answers_are_played_again(
    fake: Make, documents: list[Any], recorded: Path, tmp_path: Path
) -> None:
    """A recorded run is a folder like the one that the answers were taken from."""
    with Recorder(tmp_path / "out") as recorder:
        verify(fake(), documents, tell=recorder.write)
    again = play(read_cases([tmp_path / "out"]), ["scan"])
    lines = [
        json.loads(line)
        for group in GROUPS
        for line in gzip.decompress(
            (tmp_path / "out" / f"{group}.jsonl.gz").read_bytes()
        ).splitlines()
    ]

    assert recorder.cases == 2 * CASES
    assert (again.different, len(again.groups)) == (0, 2)
    assert lines == [json.loads(line) for line in recorded.read_text().splitlines()]


def test_an_interrupted_recording_leaves_nothing(
    fake: Make, documents: list[Any], tmp_path: Path
) -> None:
    """Files appear whole or not at all."""
    with pytest.raises(PolicyError), Recorder(tmp_path) as recorder:
        verify(fake("crash", "*"), documents, tell=recorder.write)
    with pytest.raises(ZeroDivisionError), Recorder(tmp_path) as recorder:
        verify(fake(), documents, tell=lambda answer: recorder.write(answer) or 1 / 0)

    assert list(tmp_path.iterdir()) == []


def test_recordings_are_not_mixed(tmp_path: Path) -> None:
    """A folder that has some is refused, and so is a file."""
    (tmp_path / "taints.jsonl.gz").write_bytes(b"")

    with pytest.raises(InputError, match="already holds recorded cases"):
        Recorder(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        Recorder(tmp_path / "taints.jsonl.gz")


@pytest.mark.parametrize(
    ("against", "release"),
    [("kube-scheduler", "1.34"), ("kube-scheduler@1.37", "1.37")],
)
def test_a_release_is_a_program_of_the_folder(
    tmp_path: Path, against: str, release: str
) -> None:
    """It is found by its name, and asked for conformance."""
    path = tmp_path / f"kube-scheduler-{release}"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    found = find_program(against, tmp_path)

    assert (found.name, found.release) == (f"kube-scheduler@{release}", release)
    assert found.words == [str(path), "conformance"]


@pytest.mark.parametrize(
    ("against", "text"),
    [
        ("kube-scheduler", "1.34 has not been built.*make kube-scheduler"),
        ("kube-scheduler@1.2", "known: kube-scheduler@1.34, kube-scheduler@1.37"),
        ("./no-such-program", "no such program"),
        ("", "a command is needed"),
    ],
)
def test_a_program_that_is_not_there(tmp_path: Path, against: str, text: str) -> None:
    """The error says what to do."""
    with pytest.raises(InputError, match=text):
        find_program(against, tmp_path)


def test_programs_are_looked_for_in_the_repository() -> None:
    """The folder is the one that the Makefile's target writes to."""
    assert FOLDER == ROOT / "benchmarks" / "kube_scheduler" / "bin"
