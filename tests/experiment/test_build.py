"""Building of workloads: every shipped scenario, references and limits."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.experiment.build import build, expand_grid, expand_target
from schedbench.experiment.grid_file import load_grid
from schedbench.experiment.scenario import load_scenario, read_own
from schedbench.experiment.shipped import bundled_scenarios, resolve_target
from schedbench.policies.registry import POLICIES

SCENARIOS = [p for p in bundled_scenarios() if "scenarios" not in read_own(p)]
GRIDS = [p for p in bundled_scenarios() if p not in SCENARIOS]
SELF_CONTAINED = [
    p for p in SCENARIOS if None not in (read_own(p).get("parameters") or {}).values()
]


def shipped(name):
    return next(path for path in SCENARIOS if path.stem == name)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenario_names_itself_and_its_sources(path):
    """A shipped file is called like its scenario, and opens with its sources."""
    comment = path.read_text().split("\nname:")[0]
    scenario = load_scenario(path)

    assert scenario.name == path.stem
    assert scenario.description
    assert "ource" in comment
    assert len(scenario.policies) >= 4


@pytest.mark.parametrize("path", SELF_CONTAINED, ids=lambda path: path.stem)
def test_shipped_scenario_builds_at_its_quick_size(path):
    """Every shipped scenario that needs no data builds, small, and repeatably."""
    (ref,) = expand_target(path, quick=True)
    one, same, other = ref.build(1), ref.build(1), ref.build(2)

    assert ref.size == "quick"
    assert 10 <= len(one.nodes) <= 500
    assert len(one.pods) <= 10_000
    assert len(one.pods) >= 100 or (ref.end_to_end and ref.end_to_end.apply)
    assert len(one.pods.templates) <= 700
    assert one.name == f"{path.stem}/quick"
    assert one.pods.templates == same.pods.templates
    np.testing.assert_array_equal(one.pods.template, same.pods.template)
    np.testing.assert_array_equal(one.pods.arrival, same.pods.arrival)
    differ = len(one.pods) != len(other.pods) or (
        (one.pods.template != other.pods.template).any()
    )
    if ref.end_to_end is not None and len(one.pods):
        differ |= (one.pods.arrival != other.pods.arrival).any()
    assert differ or (ref.end_to_end is not None and not len(one.pods))


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_shipped_grid_expands(path):
    """Every scenario and size that a shipped grid names is there."""
    grid = load_grid(path)
    refs = expand_grid(grid)

    assert len({(ref.name, ref.size) for ref in refs}) == len(refs)
    assert len({ref.digest() for ref in refs}) == len(refs)
    assert len(expand_grid(grid, quick=True)) >= 4


def test_demo_compares_what_it_promises():
    """The demo has six policies, four kinds of scenario, five seeds, 5,000 nodes."""
    (path,) = [path for path in GRIDS if path.stem == "demo"]
    grid = load_grid(path)
    refs = expand_grid(grid)
    labels = {label for ref in refs for label in ref.labels}

    assert len(grid.policies) >= 6
    assert len({ref.name for ref in refs}) >= 4
    assert len(grid.seeds.values()) >= 5
    assert {"gpu", "departures", "constraints", "scale"} <= labels
    assert max(len(ref.build(1).nodes) for ref in refs) >= 5000


def test_reference_travels():
    """A reference is the same scenario after pickling."""
    (ref,) = expand_target("web-services", size="quick", sets=["cluster.nodes=9"])
    copy = pickle.loads(pickle.dumps(ref))

    assert copy.digest() == ref.digest()
    assert (copy.name, copy.size) == ("web-services", "quick")
    assert len(copy.build(3).nodes) == 9


def test_all_sizes_can_be_asked_for():
    """The size `all` gives a reference for each size of the file."""
    refs = expand_target("web-services", size="all")

    assert [ref.size for ref in refs] == ["quick", "small", "medium", "large"]


def test_unknown_size_is_suggested():
    """A mistyped size is answered with the nearest one."""
    with pytest.raises(InputError, match="did you mean 'large'"):
        expand_target("web-services", size="larg")


def test_folder_gives_its_scenarios(tmp_path):
    """A folder stands for the scenario files in it; grids are left to sweeps."""
    for name in ("web-services", "batch-churn"):
        (tmp_path / f"{name}.yaml").write_text(shipped(name).read_text())
    (tmp_path / "grid.yaml").write_text(
        "name: g\npolicies: [a]\nscenarios: [web-services]"
    )
    refs = expand_target(tmp_path, quick=True)

    assert [ref.name for ref in refs] == ["batch-churn", "web-services"]
    assert len(expand_grid(load_grid(tmp_path / "grid.yaml"))) == 1


def test_too_many_pods_are_refused():
    """A pod count beyond the limit is told with the file before anything is made."""
    scenario = load_scenario(
        shipped("web-services"), ["workload.streams.services.load=1e6"]
    )

    with pytest.raises(InputError, match=r"web-services.yaml.*more than 20,000,000"):
        build(scenario, "quick", 1)


def test_trace_needs_its_folder():
    """The openb scenario without its data says which setting is missing."""
    (ref,) = expand_target("openb")

    with pytest.raises(InputError, match="add --set data=VALUE"):
        ref.build(42)


def test_trace_builds_from_its_folder(shared):
    """Given its folder, the openb scenario is the trace, digested by its files."""
    data = f"data={shared / 'traces' / 'openb'}"
    (ref,) = expand_target("openb", sets=[data])
    (other,) = expand_target("openb", sets=[data, "trace=cpu050"])

    assert len(ref.build(42).pods) == 10_866
    assert ref.digest() != other.digest()


def test_manifests_and_streams_make_one_workload(tmp_path):
    """Pods of a stream come to the nodes of a snapshot, beside its own pods."""
    (tmp_path / "cluster.yaml").write_text(
        "kind: Node\nmetadata: {name: n}\n"
        "status: {capacity: {cpu: 4, memory: 8Gi, pods: 110}}\n"
        "---\nkind: Pod\nmetadata: {name: p, namespace: x}\n"
        "spec: {nodeName: n, containers: [{name: c}]}\n"
    )
    (tmp_path / "s.yaml").write_text(
        "name: s\nmanifests: cluster.yaml\nworkload: {streams: [{load: 0.5, "
        "classes: [{name: w, cpu: 1, memory: 1Gi}]}]}\n"
    )
    workload = expand_target(tmp_path / "s.yaml")[0].build(1)

    assert [node.metadata.name for node in workload.nodes] == ["n"]
    assert workload.pods.node.tolist() == [0, -1, -1]
    assert [workload.pods.name(n) for n in range(2)] == ["x/p", "default/w-1"]


PERF = """
- name: Basic
  labels: [short]
  workloadTemplate:
  - {opcode: createNodes, countParam: $nodes}
  - {opcode: createPods, countParam: $pods, collectMetrics: true}
  workloads:
  - {name: 5Nodes, threshold: 7, params: {nodes: 5, pods: 10}}
  - {name: 9Nodes, labels: [big], params: {nodes: 9, pods: 20}}
"""


def test_scheduler_perf_is_told_by_its_content(tmp_path):
    """A list of cases gives one scenario for each case and workload."""
    (tmp_path / "mine.yaml").write_text(PERF)
    small, big = expand_target(tmp_path / "mine.yaml")

    assert [small.name, big.name] == ["Basic/5Nodes", "Basic/9Nodes"]
    assert big.labels == ("short", "big")
    assert small.thresholds == {"decisions_per_second": 7}
    assert list(small.needs) == []
    assert small.digest() != big.digest()
    assert len(pickle.loads(pickle.dumps(big)).build(1).pods) == 20


def test_scheduler_perf_has_no_settings(tmp_path):
    """Settings are refused for a configuration that is read unchanged."""
    (tmp_path / "mine.yaml").write_text(PERF)

    with pytest.raises(InputError, match="no settings"):
        expand_target(tmp_path / "mine.yaml", sets=["a=1"])


def test_whole_performance_suite_is_found(shared):
    """The folder of the Kubernetes performance suite gives all its workloads."""
    refs = expand_target(shared / "scheduler_perf")

    assert len(refs) == 371
    assert len({(ref.path, ref.case) for ref in refs}) == 77
    assert len({(ref.name, ref.size) for ref in refs}) == 371


def test_a_scenario_says_how_pods_wait(tmp_path):
    """`queue` of a scenario is that of its workload; pods are tried at once without."""
    text = shipped("web-services").read_text()
    path = tmp_path / "web-services.yaml"
    path.write_text(f"{text}\nqueue: kube-scheduler\n")
    (queued,), (plain,) = (
        expand_target(each, quick=True) for each in (path, shipped("web-services"))
    )

    assert queued.build(1).needs_scheduling_queue
    assert not plain.build(1).needs_scheduling_queue


def test_the_tournament_leaves_out_no_policy_and_no_replay():
    """It lists each policy without needs, each scenario without data or a cluster."""
    grid = load_grid(resolve_target("tournament"))
    replays = {p.stem for p in SELF_CONTAINED if "end_to_end" not in read_own(p)}

    assert set(grid.policies) == set(POLICIES)
    assert {entry.scenario for entry in grid.entries()} == replays
