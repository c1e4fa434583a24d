"""Recorded cases read, played and compared: the proof, and that it can fail."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import msgspec
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.conformance.cases import case_files, read_cases
from schedbench.experiment.conformance.compare import ABSENT, Difference, differences
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.conformance.report import play

EQUAL = {
    "resources": 783,
    "nodeaffinity": 684,
    "taints": 645,
    "ports": 638,
    "gates": 90,
    "interpod": 1072,
    "spread": 985,
}
"""Group → pods; all are equal."""

NODE = {
    "metadata": {"name": "n", "labels": {}},
    "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}},
}
RECORD = {
    "case": {
        "id": "toy-0",
        "group": "toy",
        "config": None,
        "nodes": [NODE],
        "objects": [],
        "bound": [],
        "pending": [
            {"metadata": {"name": "small"}, "spec": {"containers": [{"name": "c"}]}},
            {
                "metadata": {"name": "large"},
                "spec": {
                    "containers": [
                        {"name": "c", "resources": {"requests": {"cpu": "3"}}}
                    ]
                },
            },
            {
                "metadata": {"name": "other"},
                "spec": {
                    "containers": [
                        {"name": "c", "resources": {"requests": {"cpu": "3"}}}
                    ]
                },
            },
        ],
        "events": [],
    },
    "expected": [
        {"pod": "default/small", "feasible": ["n"], "chosen": "n"},
        {"pod": "default/large", "feasible": ["n"], "infeasible": {}, "chosen": "n"},
        {
            "pod": "default/other",
            "feasible": [],
            "infeasible": {
                "n": {
                    "plugin": "NodeResourcesFit",
                    "code": "Unschedulable",
                    "reasons": ["Insufficient cpu"],
                }
            },
            "chosen": None,
            "message": "0/1 nodes are available: 1 Insufficient cpu. no new claims to "
            "deallocate, preemption: 0/1 nodes are available: 1 No preemption victims "
            "found for incoming pod.",
            "postFilterMessage": "no new claims to deallocate, preemption: 0/1 nodes "
            "are available: 1 No preemption victims found for incoming pod.",
        },
    ],
}


def written(folder: Path, *records: dict, name: str = "toy.jsonl") -> Path:
    """Write records to a file."""
    path = folder / name
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def changed(**case: object) -> dict:
    """Return the toy record with fields of the case changed."""
    return {**RECORD, "case": {**RECORD["case"], **case}}


@pytest.mark.parametrize("group", EQUAL)
def test_groups_are_equal(shared: Path, group: str) -> None:
    """Every decision of these groups is the real scheduler's, whole and in detail."""
    found = play(read_cases([shared / "conformance"], [group]), ["scan"], show=1)

    assert found.shown == []
    assert found.groups[0].equal == found.groups[0].pods == EQUAL[group]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines(shared: Path, engine: str) -> None:
    """Every engine decides so, seen on the first cases of two groups."""
    cases = read_cases([shared / "conformance"], ["resources", "taints"])
    found = play(itertools.islice(cases, 0, 220, 11), [engine], show=1)

    assert found.shown == []
    assert sum(group.equal for group in found.groups) > 100


def test_a_toy_case(tmp_path: Path) -> None:
    """A case by hand: two pods are placed, the third does not fit any more."""
    (group,) = play(read_cases([written(tmp_path, RECORD)]), ["scan"], 1).groups

    assert (group.cases, group.pods, group.equal, group.verdicts) == (1, 3, 3, 3)


@pytest.mark.parametrize(
    ("events", "different"),
    [
        ([{"before": 2, "op": "deletePod", "pod": "default/large"}], 1),
        ([{"before": 2, "op": "deletePod", "pod": "default/nobody"}], 0),
        ([{"before": 2, "op": "removeNode", "name": "n"}], 1),
        (
            [
                {"before": 2, "op": "removeNode", "name": "n"},
                {"before": 2, "op": "addNode", "node": NODE},
            ],
            0,
        ),
        (
            [
                {
                    "before": 2,
                    "op": "updateNode",
                    "node": {**NODE, "status": {"allocatable": {"cpu": "9"}}},
                }
            ],
            1,
        ),
    ],
)
def test_events(tmp_path: Path, events: list[dict], different: int) -> None:
    """Events change what comes after; the pods of a node that returns still count."""
    path = written(tmp_path, changed(events=events))
    (group,) = play(read_cases([path]), ["scan"]).groups

    assert group.different == different


def test_a_wrong_decision_is_found(tmp_path: Path) -> None:
    """A changed recording is a difference in that field alone."""
    record = json.loads(json.dumps(RECORD))
    record["expected"][2]["infeasible"]["n"]["reasons"] = ["Insufficient memory"]
    found = play(read_cases([written(tmp_path, record)]), ["scan"], show=5)
    (shown,) = found.shown

    assert (found.different, shown.pod) == (1, "default/other")
    assert shown.fields == [
        Difference(
            "infeasible.n.reasons", ["Insufficient memory"], ["Insufficient cpu"]
        )
    ]


def test_what_counts_as_absent() -> None:
    """Null, false and empty are as good as absent; a zero is not."""
    empty = {"chosen": None, "gated": False, "feasible": [], "infeasible": {}}

    assert differences(empty, {}) == differences({}, empty) == []
    assert differences({"next": 0}, {}) == [Difference("next", 0, ABSENT)]
    assert differences({"a": {"b": [1]}}, {"a": {"b": [2]}, "c": 1}) in (
        [Difference("a.b", [1], [2]), Difference("c", ABSENT, 1)],
        [Difference("c", ABSENT, 1), Difference("a.b", [1], [2])],
    )


def test_playing_leaves_the_case_alone(tmp_path: Path) -> None:
    """A case is the same after it was played, so engines do not see one another."""
    (case,) = read_cases([written(tmp_path, RECORD)])
    before = msgspec.json.encode([case.nodes, case.bound, case.pending])
    play([case], list(ENGINES))

    assert msgspec.json.encode([case.nodes, case.bound, case.pending]) == before


def test_files_of_a_folder(tmp_path: Path) -> None:
    """A folder gives its files of cases, plain and gzipped, at any depth, once."""
    plain = written(tmp_path, RECORD)
    (tmp_path / "deep").mkdir()
    packed = tmp_path / "deep" / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "README.md").write_text("words")

    assert case_files([tmp_path, plain]) == [packed, plain]
    assert len(list(read_cases([tmp_path]))) == 2
    assert list(read_cases([tmp_path], ["other"])) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense", "not a recorded case"),
        ("[]", "not a recorded case"),
        ('{"case": {}}', "not a recorded case"),
        (json.dumps({**RECORD, "expected": []}), "0 decisions for 3 pods"),
        (json.dumps(changed(nodes=[{"kind": "Pod"}])), "expected a Node"),
        (json.dumps(changed(bound=[{"kind": "Node"}])), "expected a Pod"),
    ],
)
def test_bad_lines(tmp_path: Path, text: str, problem: str) -> None:
    """A line that is no case is refused, with file, line and problem."""
    (tmp_path / "bad.jsonl").write_text(f"\n{text}\n")
    with pytest.raises(InputError, match=problem) as caught:
        list(read_cases([tmp_path]))

    assert "bad.jsonl: line 2" in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    """An empty folder, a missing file and damaged data are refused."""
    with pytest.raises(InputError, match="no recorded cases"):
        list(read_cases([tmp_path]))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_cases([tmp_path / "none.jsonl"]))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"words")[:-9])
    with pytest.raises(InputError, match="damaged gzip data"):
        list(read_cases([tmp_path]))


def test_unknown_engine(tmp_path: Path) -> None:
    """An engine that is not there is an error, with a suggestion."""
    with pytest.raises(UnknownNameError, match="did you mean 'scan'"):
        play(read_cases([written(tmp_path, RECORD)]), ["scn"])


@pytest.mark.slow
@pytest.mark.parametrize("group", ["sample", "samplechurn"])
def test_sampled_groups_are_equal(shared: Path, group: str) -> None:
    """With adaptive sampling the same nodes are looked at, in the same order."""
    found = play(read_cases([shared / "conformance"], [group]), ["scan"], show=1)

    assert found.shown == []
    assert found.groups[0].equal == found.groups[0].pods
