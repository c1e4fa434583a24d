"""Reading a KubeSchedulerConfiguration: defaults, the recorded ones, what is noted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from naive import profile as naive

from schedbench.errors import InputError
from schedbench.objects.selectors import NodeSelectorTerm
from schedbench.scheduler.config import (
    extension,
    load_configuration,
    read_configuration,
)
from schedbench.scheduler.config_structs import ProfileConfig

HEAD = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
}
FILTERS = [
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
]
DEFAULT_PLUGINS = {
    "preEnqueue": ["SchedulingGates", "DynamicResources", "DefaultPreemption"],
    "queueSort": ["PrioritySort"],
    "preFilter": [
        name
        for name in FILTERS
        if name not in {"NodeUnschedulable", "NodeName", "TaintToleration"}
    ],
    "filter": FILTERS,
    "postFilter": ["DynamicResources", "DefaultPreemption"],
    "preScore": [
        "TaintToleration",
        "NodeAffinity",
        "NodeResourcesFit",
        "VolumeBinding",
        "PodTopologySpread",
        "InterPodAffinity",
        "NodeResourcesBalancedAllocation",
    ],
    "score": [
        "TaintToleration",
        "NodeAffinity",
        "NodeResourcesFit",
        "VolumeBinding",
        "PodTopologySpread",
        "InterPodAffinity",
        "NodeResourcesBalancedAllocation",
        "ImageLocality",
    ],
    "reserve": ["VolumeBinding", "DynamicResources"],
    "permit": [],
    "preBind": ["VolumeBinding", "DynamicResources"],
    "bind": ["DefaultBinder"],
    "postBind": [],
}
"""As kube-scheduler v1.34.1 lists them (`ListPlugins` of its default profile)."""


def one_profile(**fields: Any) -> ProfileConfig:
    """Return what a configuration of one profile comes to."""
    document = {**HEAD, "profiles": [fields]}
    (profile,) = load_configuration(document).profiles.values()
    return profile


def test_no_configuration_is_the_default_one():
    """Without a document every value is upstream's default."""
    config = load_configuration(None)

    assert list(config.profiles) == ["default-scheduler"]
    assert config.percentage_of_nodes_to_score == 0
    assert config.parallelism == 16
    assert config.pod_initial_backoff_seconds == 1
    assert config.pod_max_backoff_seconds == 10
    assert config.not_modelled == []
    assert config.notes == []


def test_an_empty_document_equals_no_document():
    """A document without fields, or with nulls, changes nothing."""
    nulls = dict.fromkeys(("profiles", "parallelism", "percentageOfNodesToScore"))

    assert load_configuration(HEAD) == load_configuration(None)
    assert load_configuration({**HEAD, **nulls}) == load_configuration(None)
    assert load_configuration({**HEAD, "profiles": [None]}) == load_configuration(None)


@pytest.mark.parametrize("point", DEFAULT_PLUGINS)
def test_the_default_plugins_of_each_extension_point(point):
    """The default profile runs upstream's plugins in upstream's order."""
    profile = load_configuration(None).profiles["default-scheduler"]

    assert DEFAULT_PLUGINS[point] == extension(profile, point)
    assert set(profile.plugins) == set(DEFAULT_PLUGINS)


def test_the_default_weights():
    """Only scorers have weights; VolumeBinding's is 1 though none is written."""
    profile = load_configuration(None).profiles["default-scheduler"]

    assert profile.plugins["score"] == [
        ("TaintToleration", 3),
        ("NodeAffinity", 2),
        ("NodeResourcesFit", 1),
        ("VolumeBinding", 1),
        ("PodTopologySpread", 2),
        ("InterPodAffinity", 2),
        ("NodeResourcesBalancedAllocation", 1),
        ("ImageLocality", 1),
    ]
    assert {weight for _, weight in profile.plugins["filter"]} == {0}


def test_the_default_arguments():
    """Every plugin's arguments have upstream's defaults."""
    args = load_configuration(None).profiles["default-scheduler"].args
    fit = args.node_resources_fit
    spread = args.spread_defaults
    balanced = args.node_resources_balanced_allocation.resources

    assert (fit.ignored_resources, fit.ignored_resource_groups) == ([], [])
    assert fit.strategy.type == "LeastAllocated"
    assert [(r.name, r.weight) for r in fit.strategy.resources] == [
        ("cpu", 1),
        ("memory", 1),
    ]
    assert [(r.name, r.weight) for r in balanced] == [("cpu", 1), ("memory", 1)]
    assert args.added_affinity.required_during_scheduling_ignored_during_execution is (
        None
    )
    assert args.inter_pod_affinity.hard_pod_affinity_weight == 1
    assert not args.inter_pod_affinity.ignore_preferred_terms_of_existing_pods
    assert args.default_preemption.min_candidate_nodes_percentage == 10
    assert args.default_preemption.min_candidate_nodes_absolute == 100
    assert args.volume_binding.bind_timeout_seconds == 600
    assert args.volume_binding.shape is None
    assert spread.system_defaulted
    assert [
        (c.topology_key, c.max_skew, c.when_unsatisfiable) for c in spread.constraints
    ] == [
        ("kubernetes.io/hostname", 3, "ScheduleAnyway"),
        ("topology.kubernetes.io/zone", 5, "ScheduleAnyway"),
    ]


def test_weights_of_resources_default_to_one():
    """A resource's weight that is absent or 0 is 1; no resources are cpu and memory."""
    strategy = {"type": "MostAllocated", "resources": [{"name": "a"}, {"name": "b"}]}
    strategy["resources"][1]["weight"] = 0
    fit = {"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}
    profile = one_profile(pluginConfig=[fit])
    strategy["resources"] = []
    emptied = one_profile(pluginConfig=[fit])

    resources = profile.args.node_resources_fit.strategy.resources
    assert [(r.name, r.weight) for r in resources] == [("a", 1), ("b", 1)]
    resources = emptied.args.node_resources_fit.strategy.resources
    assert [r.name for r in resources] == ["cpu", "memory"]


def test_an_empty_list_of_constraints_turns_the_defaults_off():
    """`defaultingType: List` without constraints spreads nothing."""
    args = {"defaultingType": "List", "defaultConstraints": []}
    profile = one_profile(pluginConfig=[{"name": "PodTopologySpread", "args": args}])

    assert profile.args.spread_defaults.constraints == []
    assert not profile.args.spread_defaults.system_defaulted


def test_preferences_that_upstream_passes_over_become_empty():
    """A preferred term of weight 0, or an empty one, is not even read, but counted."""
    void = {"weight": 0, "preference": {"matchExpressions": [{"operator": "What"}]}}
    kept = {
        "weight": 5,
        "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
    }
    field = "preferredDuringSchedulingIgnoredDuringExecution"
    args = {"addedAffinity": {field: [void, {"weight": 3}, kept]}}
    profile = one_profile(pluginConfig=[{"name": "NodeAffinity", "args": args}])

    added = profile.args.added_affinity
    terms = added.preferred_during_scheduling_ignored_during_execution
    empty = NodeSelectorTerm()
    assert [term.preference == empty for term in terms] == [True, True, False]


def test_a_profile_s_percentage_comes_before_the_global_one():
    """The global percentage holds where a profile gives none; 0 is one."""
    profiles = [
        {"schedulerName": "own", "percentageOfNodesToScore": 0},
        {"schedulerName": "global"},
    ]
    config = load_configuration(
        {**HEAD, "percentageOfNodesToScore": 70, "profiles": profiles}
    )

    assert {
        name: one.percentage_of_nodes_to_score for name, one in config.profiles.items()
    } == {"own": 0, "global": 70}


def test_feature_gates_change_the_defaults():
    """Storage capacity scoring brings a shape; without allocation, no DRA plugin."""
    gates = {"StorageCapacityScoring": True, "DynamicResourceAllocation": False}
    profile = load_configuration(None, feature_gates=gates).profiles[
        "default-scheduler"
    ]

    shape = profile.args.volume_binding.shape
    assert [(p.utilization, p.score) for p in shape] == [(0, 10), (100, 0)]
    assert "DynamicResources" not in extension(profile, "filter")


def test_extenders_are_named_as_not_modelled():
    """An extender is never passed over in silence."""
    extender = {"urlPrefix": "http://there", "filterVerb": "filter", "weight": 1}
    config = load_configuration({**HEAD, "extenders": [extender]})

    assert config.not_modelled == ["extenders[0]: extender http://there"]


def test_what_has_no_effect_is_noted():
    """What changes no decision is accepted, and told."""
    config = load_configuration(
        {
            **HEAD,
            "leaderElection": {"leaderElect": False},
            "clientConnection": {"qps": 5000},
            "profiles": [
                {
                    "plugins": {"score": {"disabled": [{"name": "NodeAfinity"}]}},
                    "pluginConfig": [
                        {"name": "NodeName", "args": {"anything": 1}},
                        {"name": "DynamicResources", "args": {"filterTimeout": "5s"}},
                    ],
                }
            ],
        }
    )

    assert config.notes == [
        "leaderElection: has no effect on decisions",
        "clientConnection: has no effect on decisions",
        (
            "profiles[0].pluginConfig[0]: 'NodeName' takes no arguments; "
            "they have no effect"
        ),
        "profiles[0].pluginConfig[1]: has no effect on decisions",
        (
            "profiles[0].plugins.score.disabled[0]: there is no plugin 'NodeAfinity' "
            "to disable"
        ),
    ]


def test_the_document_is_not_changed():
    """Loading leaves the given document as it was, twice the same."""
    document = {
        **HEAD,
        "profiles": [{"plugins": {"score": {"enabled": [{"name": "ImageLocality"}]}}}],
    }
    before = json.dumps(document)

    assert load_configuration(document) == load_configuration(document)
    assert json.dumps(document) == before


def test_a_file_is_read(tmp_path):
    """A YAML file gives what its document gives."""
    path = tmp_path / "scheduler.yaml"
    path.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\n"
        "kind: KubeSchedulerConfiguration\n"
        "profiles:\n- schedulerName: mine\n"
    )

    assert list(read_configuration(path).profiles) == ["mine"]


def test_errors_of_a_file_name_it(tmp_path):
    """An error in a file opens with the file's name, then the field."""
    path = tmp_path / "scheduler.yaml"
    path.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\n"
        "kind: KubeSchedulerConfiguration\nparallelism: 0\n"
    )

    with pytest.raises(InputError) as caught:
        read_configuration(path)
    assert str(caught.value) == (
        f"{path}: parallelism: Invalid value: 0: "
        "should be an integer value greater than zero"
    )


def test_a_file_holds_one_configuration(tmp_path):
    """Two documents in a file are refused."""
    path = tmp_path / "scheduler.yaml"
    path.write_text("kind: A\n---\nkind: B\n")

    with pytest.raises(InputError, match="found 2 documents"):
        read_configuration(path)


def recorded_configurations(shared: Path) -> list[tuple[str, dict[str, Any] | None]]:
    """Return name and configuration of every recorded case."""
    found = []
    for path in sorted((shared / "conformance").glob("*/*.jsonl.gz")):
        with gzip.open(path, "rt") as file:
            for line in file:
                case = json.loads(line)["case"]
                found.append((case["id"], case.get("config")))
    return found


def test_recorded_configurations_mean_what_the_naive_reader_reads(shared):
    """Weights, filters and arguments agree with a reader proved by recorded scores."""
    compared = 0
    for identity, document in recorded_configurations(shared):
        config = load_configuration(document)
        expected = naive.from_configuration(document)

        assert list(config.profiles) == list(expected), identity
        for name, profile in expected.items():
            compare(config.profiles[name], profile, identity)
            compared += 1

    assert compared > 1400


def any_requirement(term: dict[str, Any]) -> bool:
    """Tell whether a preferred term asks for anything."""
    return any(term["preference"].values())


def compare(profile: ProfileConfig, expected: naive.Profile, identity: str) -> None:
    """Compare what both readers keep."""
    args = profile.args
    fit = args.node_resources_fit
    ratio = fit.strategy.requested_to_capacity_ratio
    weights = {n: w for n, w in profile.plugins["score"] if n in naive.WEIGHTS}
    filters = [n for n in extension(profile, "filter") if n in naive.FILTERS]

    assert expected.weights == weights, identity
    assert [n for n in expected.filters if n != "GpuShare"] == filters, identity
    assert expected.fit.type == fit.strategy.type, identity
    assert list(expected.fit.resources) == [
        (r.name, r.weight) for r in fit.strategy.resources
    ], identity
    assert list(expected.fit.shape) == [
        (p.utilization, p.score) for p in (ratio.shape if ratio else [])
    ], identity
    assert list(expected.ignored) == fit.ignored_resources, identity
    assert list(expected.ignored_groups) == fit.ignored_resource_groups, identity
    assert list(expected.balanced) == [
        r.name for r in args.node_resources_balanced_allocation.resources
    ], identity
    added = msgspec.to_builtins(expected.added)
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    added[preferred] = [one for one in added[preferred] if any_requirement(one)]
    ours = msgspec.to_builtins(args.added_affinity)
    ours[preferred] = [one for one in ours[preferred] if any_requirement(one)]
    assert added == ours, identity


def test_the_configurations_of_scheduler_perf_are_read(shared):
    """They turn the default spreading off."""
    paths = sorted((shared / "scheduler_perf").glob("*/scheduler-config*.yaml"))

    assert len(paths) >= 2
    for path in paths:
        profile = read_configuration(path).profiles["default-scheduler"]
        assert profile.args.spread_defaults.constraints == []
