"""Tests of what scheduler_perf workloads need beyond the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from perf_cases import POD, build, case_of, shipped, shipped_case

from schedbench.errors import InputError, NotModelledError, UnknownNameError
from schedbench.sources.scheduler_perf.build import build_workload
from schedbench.sources.scheduler_perf.config import load_configs
from schedbench.sources.scheduler_perf.gates import GATES_WHEN_ENABLED, NEUTRAL_GATES
from schedbench.sources.scheduler_perf.needs import (
    NEEDS,
    explain_need,
    needs_table,
    workload_needs,
)

GROUP = """
apiVersion: scheduling.k8s.io/v1alpha1
kind: PodGroup
metadata: {name: group}
spec:
  schedulingPolicy: {gang: {minCount: 2}}
"""

GROUPED_POD = POD + "  schedulingGroup: {podGroupName: group}\n"

PROFILES = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{schedulerName: default-scheduler}, {schedulerName: packer}]
"""


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [
        ("misc", "SchedulingBasic/5Nodes", []),
        ("misc", "PreemptionAsync/5Nodes", []),
        ("misc", "SchedulingWhileGated/1Node_10GatedPods", []),
        ("misc", "SchedulingWithMixedChurn/10Nodes", []),
        ("volumes", "SchedulingMigratedInTreePVs/5Nodes", []),
        ("event_handling", "EventHandlingNodeUpdate/100Nodes_1000Pods", []),
        (
            "event_handling",
            "EventHandlingPodUpdate/1Node_1000Pods",
            ["InPlacePodVerticalScaling"],
        ),
        ("nnn_hint_fallback", "NNNMiss/500Nodes", []),
        ("batching", "HostPortConflict/10Nodes_10Pods_10BatchSize", []),
        ("dra", "SchedulingWithResourceClaimTemplate/fast", ["DynamicResources"]),
        (
            "nodedeclaredfeatures",
            "NodeDeclaredFeaturesEnabled/5Nodes5DeclaredFeatures",
            ["NodeDeclaredFeatures"],
        ),
        ("podgroup/gangscheduling", "GangScheduling/10Nodes_3Gangs", []),
        (
            "podgroup/tas",
            "TopologyAwareScheduling/10Nodes_3Gangs",
            [],
        ),
        (
            "cpg",
            "CPGBasicScheduling/10Nodes_3CPGs_6Groups_18Pods",
            [],
        ),
        (
            "workload_preemption",
            "GangPreemptionBasic/2Nodes_1PreemptorGang_2Pods_Evicting_10InitPods",
            [],
        ),
    ],
)
def test_needs_are_told_from_the_objects(
    shared: Path, folder: str, name: str, expected: list[str]
) -> None:
    """What a workload creates says what it needs."""
    case_name, _, workload_name = name.partition("/")
    case = shipped_case(shared, folder, case_name)

    assert expected == workload_needs(case, case.workload(workload_name))


def test_every_shipped_workload_tells_its_needs(shared: Path) -> None:
    """All 371 are judged; every need has a sentence; small ones without are built."""
    for case in load_configs(shared / "scheduler_perf"):
        for workload in case.workloads:
            needs = workload_needs(case, workload)

            assert all(explain_need(need) for need in needs)
            assert needs == sorted(needs, key=str.lower)
            if not needs and "integration-test" in workload.labels:
                assert len(build_workload(case, workload).pods)


def test_small_shipped_workloads_lack_little(shared: Path) -> None:
    """Of the integration tests only these areas are not modelled."""
    missing = {
        need
        for case in load_configs(shared / "scheduler_perf")
        for workload in case.workloads
        if "integration-test" in workload.labels
        for need in workload_needs(case, workload)
    }

    assert missing <= {
        "DynamicResources",
        "op checkPodScheduled",
        "op createPods steadyState",
        "InPlacePodVerticalScaling",
        "NodeDeclaredFeatures",
    }


def test_every_shipped_gate_is_known(shared: Path) -> None:
    """A gate is neutral for a reason, or a need."""
    used = {
        gate
        for case in load_configs(shared / "scheduler_perf")
        for workload in case.workloads
        for gate in workload.feature_gates
    }

    assert used <= NEUTRAL_GATES.keys() | GATES_WHEN_ENABLED


def test_needs_have_distinct_names() -> None:
    """A name stands for one row."""
    assert len({need.name for need in NEEDS}) == len(NEEDS)


def test_the_table_has_every_need() -> None:
    """Each need is a row of name and meaning."""
    rows = needs_table().splitlines()

    assert rows[:2] == ["| need | meaning |", "|---|---|"]
    assert all(f"| {need.name} | {need.meaning} |" in rows for need in NEEDS)
    assert all(row.count("|") == 3 for row in rows)


def test_an_unknown_need_has_no_sentence() -> None:
    """Asking for it is an error that names the known ones."""
    with pytest.raises(UnknownNameError, match="DynamicResources"):
        explain_need("DynamicResource")


def test_a_workload_with_needs_is_refused(shared: Path) -> None:
    """The refusal names all that is missing."""
    with pytest.raises(NotModelledError, match="DynamicResources, op createPods stead"):
        shipped(shared, "dra", "SteadyStateClusterResourceClaimTemplate/fast")


def test_an_unknown_kind_is_a_need(tmp_path: Path) -> None:
    """What is not known to be harmless is refused."""
    with pytest.raises(NotModelledError, match=r"kind example\.com/Thing"):
        build(
            tmp_path,
            "opcode: createAny, templatePath: thing.yaml",
            thing="apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n",
        )


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        pytest.param("SchedulerQueueingHints: false", [], id="upstream's own business"),
        pytest.param("DynamicResourceAllocation: true", [], id="acts through objects"),
        pytest.param("NodeDeclaredFeatures: false", [], id="off"),
        pytest.param(
            "NodeDeclaredFeatures: true",
            ["NodeDeclaredFeatures"],
            id="changes decisions",
        ),
        pytest.param("Strange: false", ["feature gate Strange"], id="unknown"),
    ],
)
def test_feature_gates_are_judged(
    tmp_path: Path, gates: str, expected: list[str]
) -> None:
    """A gate needs nothing, or itself, or is unknown and refused."""
    top = f"  featureGates: {{{gates}}}\n"
    case = case_of(tmp_path, "opcode: createNodes, count: 1", top=top)

    assert expected == workload_needs(case, case.workloads[0])


def test_settings_without_effect_are_noted(tmp_path: Path) -> None:
    """Settings that are not followed to the letter are told."""
    gates = "  featureGates: {SchedulerQueueingHints: false}\n"
    top = f"{gates}  schedulerApiClientQPS: 100\n"
    hints, qps = build(tmp_path, "opcode: createNodes, count: 1", top=top).notes

    assert hints.startswith("feature gate SchedulerQueueingHints is off")
    assert qps.startswith("schedulerApiClientQPS 100 has no effect")


@pytest.mark.parametrize(
    ("group", "lonely"),
    [
        pytest.param(GROUP, POD, id="all of one priority"),
        pytest.param(
            f"{GROUP}  priority: 5\n",
            POD,
            id="a group above the pods",
        ),
        pytest.param(
            GROUP, f"{POD}  priority: 5\n", id="pods above a group, one by one"
        ),
        pytest.param(
            f"{GROUP}  disruptionMode: {{all: {{}}}}\n",
            f"{POD}  priority: 5\n",
            id="pods above a group that goes as a whole",
        ),
        pytest.param(
            f"{GROUP}  schedulingConstraints: {{topology: [{{key: rack}}]}}\n",
            POD,
            id="a group in one place",
        ),
    ],
)
def test_pod_groups_need_nothing(tmp_path: Path, group: str, lonely: str) -> None:
    """Gangs, their places, and priorities between groups and pods are modelled."""
    case = case_of(
        tmp_path,
        """
        opcode: createPodGroups, namespace: a, templatePath: group.yaml
        opcode: createPods, count: 2, namespace: a, podTemplatePath: member.yaml
        opcode: createPods, count: 1, podTemplatePath: lonely.yaml
        """,
        group=group,
        member=GROUPED_POD,
        lonely=lonely,
    )

    assert workload_needs(case, case.workloads[0]) == []


def test_pod_groups_are_objects_of_the_workload(tmp_path: Path) -> None:
    """They have the name and the namespace that pods refer to."""
    found = build(
        tmp_path,
        """
        opcode: createPodGroups, namespace: a, templatePath: group.yaml
        opcode: createPods, count: 2, namespace: a, podTemplatePath: member.yaml
        """,
        group=GROUP,
        member=GROUPED_POD,
    )

    assert [item.key for item in found.objects] == ["a", "a/group"]


def test_a_configuration_comes_along(tmp_path: Path) -> None:
    """The document is handed on, and its profiles are known."""
    found = build(
        tmp_path,
        "opcode: createPods, count: 1, podTemplatePath: packed.yaml",
        top="  schedulerConfigPath: config.yaml\n",
        packed=f"{POD}  schedulerName: packer\n",
        config=PROFILES,
    )

    assert found.scheduler_config is not None
    assert found.scheduler_config["profiles"][1] == {"schedulerName": "packer"}


def test_a_profile_that_is_not_there_is_a_need(tmp_path: Path) -> None:
    """Pods of another scheduler would never be placed."""
    with pytest.raises(NotModelledError, match="scheduler profiles"):
        build(
            tmp_path,
            "opcode: createPods, count: 1, podTemplatePath: packed.yaml",
            packed=f"{POD}  schedulerName: packer\n",
        )


def test_two_configurations_are_refused(tmp_path: Path) -> None:
    """A case has one."""
    with pytest.raises(InputError, match="2 documents, expected one"):
        build(
            tmp_path,
            "opcode: createNodes, count: 1",
            top="  schedulerConfigPath: config.yaml\n",
            config=f"{PROFILES}---{PROFILES}",
        )
