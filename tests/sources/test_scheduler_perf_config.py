"""Tests of scheduler_perf configurations: reading, references, label filters."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.sources.scheduler_perf.config import Case, load_configs
from schedbench.sources.scheduler_perf.labels import match_labels
from schedbench.sources.scheduler_perf.operations import CreatePods

BASIC = """
- name: Basic
  defaultPodTemplatePath: pod.yaml
  labels: [all]
  featureGates: {A: true, B: true}
  workloadTemplate:
  - {opcode: createNodes, countParam: $nodes}
  - {opcode: createPods, count: 2, collectMetrics: true}
  workloads:
  - name: small
    labels: [short]
    featureGates: {B: false}
    threshold: 5
    params: {nodes: 3}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: pod-\nspec: {}\n"
    )
    path = folder / "performance-config.yaml"
    path.write_text(text)
    return path


def load(folder: Path, text: str) -> list[Case]:
    return load_configs(write(folder, text))


def test_every_shipped_configuration_is_read(shared: Path) -> None:
    """The whole suite is read: 77 cases with 371 workloads."""
    cases = load_configs(shared / "scheduler_perf")

    assert len(cases) == 77
    assert sum(len(case.workloads) for case in cases) == 371


def test_a_case_and_its_workload_are_merged(tmp_path: Path) -> None:
    """Labels add up, feature gates of the workload override."""
    (case,) = load(tmp_path, BASIC)
    workload = case.workload("small")

    assert workload.labels == ("all", "short")
    assert workload.feature_gates == {"A": True, "B": False}
    assert workload.thresholds == {"": 5}
    assert workload.params == {"nodes": 3}
    assert isinstance(case.ops[1], CreatePods)
    assert case.ops[1].collect_metrics


def test_keys_match_in_any_case(tmp_path: Path) -> None:
    """A capital first letter is as good, as Go reads it."""
    (case,) = load(tmp_path, BASIC.replace("countParam", "CountParam"))

    assert case.workload("small").params == {"nodes": 3}


def test_an_unknown_workload_suggests_a_name(tmp_path: Path) -> None:
    """A misspelt workload is answered with the nearest one."""
    (case,) = load(tmp_path, BASIC)

    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        case.workload("smal")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "createPods",
            "createPodz",
            "case Basic op 1: unknown opcode: 'createPodz'; did you mean 'createPods'",
            id="unknown opcode",
        ),
        pytest.param(
            "opcode: createPods, ", "", "op 1: an op without opcode", id="no opcode"
        ),
        pytest.param(
            "collectMetrics", "collect", "unknown field `collect`", id="op field"
        ),
        pytest.param(
            "labels: [all]", "label: [all]", "unknown field `label`", id="field"
        ),
        pytest.param("count: 2", "count: two", "case Basic: expected", id="wrong type"),
        pytest.param("count: 2, ", "", "neither count nor countParam", id="no count"),
        pytest.param(
            "count: 2", "count: -2", "negative count: -2", id="negative count"
        ),
        pytest.param(
            "count: 2", "count: 2, skipWaitToCompletion: true", "skipWait", id="waits"
        ),
        pytest.param(
            "count: 2",
            "count: 2, podTemplatePath: none.yaml",
            "op 1 (createPods): template not found: 'none.yaml'",
            id="dangling template",
        ),
        pytest.param(
            "defaultPodTemplatePath: pod.yaml",
            "defaultPodTemplatePath: none.yaml",
            "template not found: 'none.yaml'",
            id="dangling default template",
        ),
        pytest.param(
            "labels: [all]",
            "schedulerConfigPath: none.yaml",
            "template not found",
            id="dangling scheduler configuration",
        ),
        pytest.param(
            "$nodes", "$none", "undefined parameter: '$none'", id="undefined parameter"
        ),
        pytest.param("$nodes", "nodes", "not a parameter: 'nodes'", id="no parameter"),
        pytest.param(
            "nodes: 3}", "nodes: 3, x: 1}", "parameter never used: 'x'", id="unused"
        ),
        pytest.param(
            "opcode: createPods, ",
            "opcode: churn, mode: recreate, templatePaths: [pod.yaml]} #",
            "recreate without number",
            id="endless recreate",
        ),
        pytest.param(
            "countParam: $nodes",
            "countParam: $nodes, uniqueNodeLabelStrategy: {labelKey: a}, "
            "labelNodePrepareStrategy: {labelKey: a, labelValues: [b]}",
            "several node strategies",
            id="two strategies",
        ),
        pytest.param("- name: Basic", "- nme: Basic", "case 1: ", id="no name"),
    ],
)
def test_faults_name_the_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """Every fault tells the file, the case and the op."""
    path = write(tmp_path, BASIC.replace(old, new, 1))

    with pytest.raises(InputError) as caught:
        load_configs(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_names_are_unique(tmp_path: Path) -> None:
    """Neither cases of a file nor workloads of a case share a name."""
    with pytest.raises(InputError, match="two cases of one name"):
        load(tmp_path, BASIC + BASIC)
    with pytest.raises(InputError, match="two workloads of one name"):
        load(tmp_path, BASIC + "  - {name: small, params: {nodes: 1}}\n")


def test_a_configuration_is_a_list(tmp_path: Path) -> None:
    """A mapping is no configuration."""
    with pytest.raises(InputError, match="expected a list of test cases"):
        load(tmp_path, "name: x\n")


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    """A folder must hold at least one configuration."""
    with pytest.raises(InputError, match=r"no performance-config\.yaml"):
        load_configs(tmp_path)


@pytest.mark.parametrize(
    ("label_filter", "expected"),
    [
        pytest.param("", True, id="the empty filter passes everything"),
        pytest.param("performance", True, id="a label that is there"),
        pytest.param("+performance", True, id="plus is the same"),
        pytest.param("slow", False, id="a label that is not there"),
        pytest.param("-slow", True, id="minus a label that is not there"),
        pytest.param("-short", False, id="minus a label that is there"),
        pytest.param("performance, -slow", True, id="all parts must hold"),
        pytest.param("performance,slow", False, id="one part fails"),
    ],
)
def test_label_filters(label_filter: str, expected: bool) -> None:
    """A filter is a comma list of wanted and unwanted labels."""
    assert expected is match_labels(label_filter, ["performance", "short"])
