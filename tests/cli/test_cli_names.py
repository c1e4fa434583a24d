"""Names: of policies, without running their modules, and of what FILE stands for."""

from __future__ import annotations

import gzip

import pytest

from schedbench.cli import policies, targets
from schedbench.errors import InputError, NotModelledError, UnknownNameError


def test_names_are_the_registry():
    """The names and sentences read from the sources are those of the registry."""
    from schedbench.policies.registry import summaries

    assert policies.built_in() == dict(sorted(summaries().items()))


def test_patterns_leave_out_what_needs_parameters():
    """A policy that means nothing by its name alone is listed, and in no pattern."""
    from schedbench.policies.registry import POLICIES, WITH_PARAMETERS

    assert set(WITH_PARAMETERS) == policies.WITH_PARAMETERS
    assert [policy.name for policy in policies.expand(["*"])] == sorted(POLICIES)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["best-fit", "best-fit"], ["best-fit"], id="each once"),
        pytest.param(["gpu-*p*"], ["gpu-dot-product", "gpu-packing"], id="a glob"),
        pytest.param(
            ["*-allocated[ties=first]"],
            ["least-allocated[ties=first]", "most-allocated[ties=first]"],
            id="a glob with a parameter",
        ),
    ],
)
def test_expand(texts, expected):
    """Patterns stand for all policies that fit them."""
    assert [policy.spec for policy in policies.expand(texts)] == expected


def test_glob_without_fit():
    """A pattern that fits nothing is an unknown policy."""
    with pytest.raises(UnknownNameError, match=r"unknown policy: 'tpu-\*'"):
        policies.expand(["tpu-*"])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "apiVersion: v1\nkind: Pod\n", True),
        ("a.yaml", "# a comment\n\n---\nkind: Node\n", True),
        ("a.json", '{\n  "apiVersion": "v1",\n  "items": []}', True),
        ("a.json", '{"items": [], "kind": "List"}', True),
        ("a.yaml", "name: x\nworkload: {objects: [{kind: Pod}]}\n", False),
        ("a.yaml", "- name: Case\n  workloadTemplate: []\n", False),
        ("a.yaml", "", False),
    ],
)
def test_manifest_or_not(tmp_path, name, text, expected):
    """Manifests are told from our own files by their first key, gzipped or not."""
    plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))

    assert targets.is_manifest(plain) is expected
    assert targets.is_manifest(packed) is expected


def test_workload_by_name(shared):
    """A workload named in full is alone; a case stands for all its workloads."""
    config = str(shared / "scheduler_perf/misc/performance-config.yaml")
    one = targets.scenarios([config], workloads=["SchedulingBasic/500Nodes"])
    case = targets.scenarios([config], workloads=["SchedulingBasic"])

    assert [ref.name for ref in one] == ["SchedulingBasic/500Nodes"]
    assert {ref.name.partition("/")[0] for ref in case} == {"SchedulingBasic"}
    assert len(case) > 3


def test_not_modelled_by_name(shared):
    """A workload asked for by name is refused with what it needs."""
    with pytest.raises(NotModelledError, match="InPlacePodVerticalScaling") as refusal:
        targets.scenarios(
            [str(shared / "scheduler_perf")],
            workloads=["DeferredResizePreemptionInPlace/5Nodes"],
        )

    assert refusal.value.exit_code == 2


def test_whole_suite_only_on_demand(shared):
    """A configuration of many workloads is not run by accident."""
    folder = str(shared / "scheduler_perf")
    with pytest.raises(InputError, match="holds 371 workloads; choose with"):
        targets.scenarios([folder])

    assert len(targets.scenarios([folder], workloads=["*"])) == 371


def test_labels(shared):
    """Labels choose among workloads; an unknown one is told with those there are."""
    folder = str(shared / "scheduler_perf/misc")
    found = targets.scenarios([folder], label="performance,-short")

    assert found
    assert all("performance" in ref.labels for ref in found)
    assert not any("short" in ref.labels for ref in found)
    with pytest.raises(InputError, match="labels there: integration-test"):
        targets.scenarios([folder], label="fast")
