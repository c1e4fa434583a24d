"""What the arguments of plugins may not say: field path and upstream's words."""

from __future__ import annotations

from typing import Any

import pytest

from schedbench.errors import InputError
from schedbench.scheduler.config import load_configuration

HEAD = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
NAME_RULE = "must consist of alphanumeric characters, '-', '_' or '.', and must start"


def of_args(plugin: str, args: Any) -> str:
    """Return the error of a plugin's arguments, after their field path."""
    where = "profiles[0].pluginConfig[0].args."
    config = [{"name": plugin, "args": args}]
    with pytest.raises(InputError) as caught:
        load_configuration({**HEAD, "profiles": [{"pluginConfig": config}]})

    text = str(caught.value)
    assert text.startswith(where)
    return text.removeprefix(where).replace(where, "")


@pytest.mark.parametrize(
    ("plugin", "args", "expected"),
    [
        (
            "DefaultPreemption",
            {"minCandidateNodesPercentage": 101},
            (
                "minCandidateNodesPercentage: Invalid value: 101: "
                "not in valid range [0, 100]"
            ),
        ),
        (
            "DefaultPreemption",
            {"minCandidateNodesAbsolute": -1},
            "minCandidateNodesAbsolute: Invalid value: -1: not in valid range [0, inf)",
        ),
        (
            "DefaultPreemption",
            {"minCandidateNodesAbsolute": 0, "minCandidateNodesPercentage": 0},
            (
                "minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the "
                "same time as minCandidateNodesAbsolute; minCandidateNodesAbsolute: "
                "Invalid value: 0: cannot be zero at the same time as "
                "minCandidateNodesPercentage"
            ),
        ),
        (
            "InterPodAffinity",
            {"hardPodAffinityWeight": 101},
            "hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
        ),
        (
            "NodeResourcesBalancedAllocation",
            {"resources": [{"name": "cpu"}, {"name": "cpu", "weight": 2}]},
            (
                'resources[1].name: Duplicate value: "cpu"; '
                "resources[1].weight: Invalid value: 2: must be 1"
            ),
        ),
        (
            "NodeResourcesFit",
            {"ignoredResources": ["a b"]},
            f'ignoredResources[0]: Invalid value: "a b": name part {NAME_RULE}',
        ),
        (
            "NodeResourcesFit",
            {"ignoredResourceGroups": ["a/b"]},
            (
                'ignoredResourceGroups[0]: Invalid value: "a/b": '
                "resource group name can't contain '/'"
            ),
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "Tightest"}},
            (
                'scoringStrategy.type: Unsupported value: "Tightest": supported '
                'values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"'
            ),
        ),
        (
            "NodeResourcesFit",
            {
                "scoringStrategy": {
                    "type": "MostAllocated",
                    "resources": [{"name": "cpu", "weight": 101}],
                }
            },
            (
                "scoringStrategy.resources[0].weight: Invalid value: 101: "
                "resource weight of cpu not in valid range (0, 100]"
            ),
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "RequestedToCapacityRatio"}},
            (
                "scoringStrategy.requestedToCapacityRatio: Required value: "
                "must be specified when type is RequestedToCapacityRatio"
            ),
        ),
        (
            "PodTopologySpread",
            {"defaultingType": "Mine"},
            (
                'defaultingType: Unsupported value: "Mine": '
                'supported values: "System", "List"'
            ),
        ),
        (
            "PodTopologySpread",
            {
                "defaultConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "zone",
                        "whenUnsatisfiable": "DoNotSchedule",
                    }
                ]
            },
            (
                'defaultingType: Invalid value: "System": '
                "when .defaultConstraints are not empty"
            ),
        ),
        (
            "VolumeBinding",
            {"bindTimeoutSeconds": -1},
            (
                "bindTimeoutSeconds: Invalid value: -1: "
                "invalid BindTimeoutSeconds, should not be a negative value"
            ),
        ),
        (
            "VolumeBinding",
            {"shape": [{"utilization": 0, "score": 5}]},
            (
                'shape: Invalid value: [{"Utilization":0,"Score":5}]: unexpected field '
                "`shape`, remove it or turn on the feature gate StorageCapacityScoring"
            ),
        ),
        (
            "DynamicResources",
            {"filterTimeout": "-5s"},
            'filterTimeout: Invalid value: "-5s": must be zero or positive',
        ),
        (
            "DynamicResources",
            {"filterTimeout": "soon"},
            'filterTimeout: time: invalid duration "soon"',
        ),
        (
            "NodeAffinity",
            {"kind": "NodeResourcesFitArgs"},
            (
                "kind: args for plugin NodeAffinity were not of type NodeAffinityArgs, "
                "got NodeResourcesFitArgs"
            ),
        ),
        (
            "NodeAffinity",
            {"apiVersion": "kubescheduler.config.k8s.io/v1beta3"},
            (
                'apiVersion: no kind "NodeAffinityArgs" is registered for version '
                '"kubescheduler.config.k8s.io/v1beta3"'
            ),
        ),
    ],
)
def test_arguments_of_plugins(plugin, args, expected):
    """An argument that upstream refuses is refused with its path and its words."""
    assert of_args(plugin, args).startswith(expected)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([], ": Required value: at least one point must be specified"),
        (
            [{"utilization": 50}, {"utilization": 50}],
            (
                "[1].utilization: Invalid value: 50: "
                "values must be sorted in increasing order"
            ),
        ),
        (
            [{"utilization": 101}],
            "[0].utilization: Invalid value: 101: not in valid range [0, 100]",
        ),
        (
            [{"utilization": 1, "score": 11}],
            "[0].score: Invalid value: 11: not in valid range [0, 10]",
        ),
    ],
)
def test_shapes_of_score_functions(shape, expected):
    """A shape needs a point; utilization rises within 0..100, scores are 0..10."""
    ratio = {"shape": shape}
    for kind in ("RequestedToCapacityRatio", "LeastAllocated"):
        strategy = {"type": kind, "requestedToCapacityRatio": ratio}
        text = of_args("NodeResourcesFit", {"scoringStrategy": strategy})

        assert f"scoringStrategy.requestedToCapacityRatio.shape{expected}" == text


def test_shapes_are_checked_with_storage_capacity_scoring():
    """With the gate on, VolumeBinding's shape is read and checked as others are."""
    args = {"shape": [{"utilization": 0, "score": 11}]}
    document = {
        **HEAD,
        "profiles": [{"pluginConfig": [{"name": "VolumeBinding", "args": args}]}],
    }

    with pytest.raises(InputError, match=r"args\.shape\[0\]\.score: Invalid value: 11"):
        load_configuration(document, feature_gates={"StorageCapacityScoring": True})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"maxSkew": 0}, "maxSkew: Invalid value: 0: not in valid range (0, inf)"),
        ({"topologyKey": ""}, "topologyKey: Required value: can not be empty"),
        (
            {"topologyKey": "a/b/c"},
            f'topologyKey: Invalid value: "a/b/c": a qualified name {NAME_RULE}',
        ),
        ({"whenUnsatisfiable": ""}, "whenUnsatisfiable: Required value: can not be"),
        (
            {"whenUnsatisfiable": "Wait"},
            (
                'whenUnsatisfiable: Unsupported value: "Wait": '
                'supported values: "DoNotSchedule", "ScheduleAnyway"'
            ),
        ),
        (
            {"labelSelector": {}},
            (
                "labelSelector: Forbidden: constraint must not define a selector, "
                "as they deduced for each pod"
            ),
        ),
        (
            {"nodeTaintsPolicy": "Mind"},
            (
                'nodeTaintsPolicy: Unsupported value: "Mind": '
                'supported values: "Honor", "Ignore"'
            ),
        ),
    ],
)
def test_default_constraints(change, expected):
    """A default constraint is checked field by field."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "ScheduleAnyway",
    }
    args = {"defaultingType": "List", "defaultConstraints": [constraint | change]}

    text = of_args("PodTopologySpread", args)
    assert text.startswith(f"defaultConstraints[0].{expected}")


def test_a_default_constraint_may_not_be_repeated():
    """Key and action together name a constraint."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "ScheduleAnyway",
    }
    args = {
        "defaultingType": "List",
        "defaultConstraints": [constraint, constraint | {"maxSkew": 2}],
    }

    assert of_args("PodTopologySpread", args) == (
        'defaultConstraints[1]: Duplicate value: "{zone, ScheduleAnyway}"'
    )


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (
            {"key": "a", "operator": "Like"},
            (
                '.operator: Unsupported value: "Like": supported values: "In", '
                '"NotIn", "Exists", "DoesNotExist", "Gt", "Lt"'
            ),
        ),
        (
            {"key": "", "operator": "Exists"},
            '.key: Invalid value: "": name part must be non-empty; name part must',
        ),
        (
            {"key": "-A/b", "operator": "Exists"},
            '.key: Invalid value: "-A/b": prefix part a lowercase RFC 1123 subdomain',
        ),
        (
            {"key": "/b", "operator": "Exists"},
            '.key: Invalid value: "/b": prefix part must be non-empty',
        ),
        (
            {"key": "a", "operator": "In"},
            (
                ".values: Invalid value: []: for 'in', 'notin' operators, "
                "values set can't be empty"
            ),
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["b"]},
            (
                '.values: Invalid value: ["b"]: values set must be empty for exists '
                "and does not exist"
            ),
        ),
        (
            {"key": "a", "operator": "Gt", "values": ["1", "2"]},
            (
                ".values: Invalid value: [\"1\",\"2\"]: for 'Gt', 'Lt' operators, "
                "exactly one value is required"
            ),
        ),
        (
            {"key": "a", "operator": "Lt", "values": ["9223372036854775808"]},
            (
                ".values[0]: Invalid value: \"9223372036854775808\": for 'Gt', 'Lt' "
                "operators, the value must be an integer"
            ),
        ),
        (
            {"key": "a", "operator": "In", "values": ["b" * 64]},
            (
                f'.values[0][a]: Invalid value: "{"b" * 64}": '
                "must be no more than 63 characters"
            ),
        ),
        (
            {"key": "a", "operator": "In", "values": ["-"]},
            '.values[0][a]: Invalid value: "-": a valid label must be an empty string',
        ),
    ],
)
def test_expressions_of_the_added_affinity(requirement, expected):
    """An expression that makes no selector is refused at its place."""
    selector = {"nodeSelectorTerms": [{}, {"matchExpressions": [requirement]}]}
    text = of_args("NodeAffinity", {"addedAffinity": {REQUIRED: selector}})

    place = f"addedAffinity.{REQUIRED}.nodeSelectorTerms[1].matchExpressions[0]"
    assert text.startswith(f"{place}{expected}")


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (
            {"key": "metadata.name", "operator": "Exists"},
            '.operator: Unsupported value: "Exists": supported values: "In", "NotIn"',
        ),
        (
            {"key": "metadata.name", "operator": "In", "values": ["a", "b"]},
            '.values: Invalid value: ["a","b"]: must have one element',
        ),
    ],
)
def test_fields_of_the_added_affinity(requirement, expected):
    """Fields are matched by In and NotIn with one value."""
    field = "preferredDuringSchedulingIgnoredDuringExecution"
    term = {"weight": 1, "preference": {"matchFields": [requirement]}}
    text = of_args("NodeAffinity", {"addedAffinity": {field: [term]}})

    assert text == f"addedAffinity.{field}[0].matchFields[0]{expected}"


@pytest.mark.parametrize(
    ("plugin", "args", "expected"),
    [
        ("InterPodAffinity", {"hardPodWeight": 1}, "hardPodWeight: unknown field"),
        (
            "NodeAffinity",
            {"addedAffinity": {"required": {}}},
            "addedAffinity.required: unknown field",
        ),
        (
            "InterPodAffinity",
            {"hardPodAffinityWeight": "1"},
            "hardPodAffinityWeight: expected int, got str",
        ),
    ],
)
def test_arguments_that_cannot_be_read(plugin, args, expected):
    """Spelling and type of arguments are checked too."""
    assert of_args(plugin, args).startswith(expected)


def test_arguments_of_an_unused_fit_plugin_are_not_looked_at():
    """Upstream checks NodeResourcesFit's arguments when it makes the plugin only."""
    args = {"scoringStrategy": {"type": "Tightest"}}
    profile = {
        "plugins": {"multiPoint": {"disabled": [{"name": "NodeResourcesFit"}]}},
        "pluginConfig": [{"name": "NodeResourcesFit", "args": args}],
    }

    config = load_configuration({**HEAD, "profiles": [profile]})
    assert list(config.profiles) == ["default-scheduler"]
