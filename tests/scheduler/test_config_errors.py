"""What a KubeSchedulerConfiguration may not say: field path and upstream's words."""

from __future__ import annotations

from typing import Any

import pytest

from schedbench.errors import InputError
from schedbench.scheduler.config import load_configuration

HEAD = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
}


def error_of(document: dict[str, Any]) -> str:
    """Return the text of the error that loading a document ends in."""
    with pytest.raises(InputError) as caught:
        load_configuration(document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"parallelism": -1}, "parallelism: Invalid value: -1: should be an integer"),
        (
            {"percentageOfNodesToScore": 101},
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
        ),
        (
            {"podInitialBackoffSeconds": 0},
            "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            {"podInitialBackoffSeconds": 20},
            (
                "podMaxBackoffSeconds: Invalid value: 10: must be greater than or "
                "equal to PodInitialBackoffSeconds"
            ),
        ),
        (
            {"profiles": [{"percentageOfNodesToScore": -1}]},
            (
                "profiles[0].percentageOfNodesToScore: Invalid value: -1: "
                "not in valid range [0-100]"
            ),
        ),
        (
            {"profiles": [{"schedulerName": ""}]},
            "profiles[0].schedulerName: Required value",
        ),
        (
            {"profiles": [{"schedulerName": "a"}, {}]},
            "profiles[1].schedulerName: Required value",
        ),
        (
            {"profiles": [{"schedulerName": "a"}, {"schedulerName": "a"}]},
            "profiles[1].schedulerName: Duplicate value: profiles[0].schedulerName",
        ),
        (
            {"profiles": [{"pluginConfig": [{"name": "NodeAffinity"}] * 2}]},
            'profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"',
        ),
        (
            {
                "profiles": [
                    {"plugins": {"filter": {"enabled": [{"name": "EBSLimits"}]}}}
                ]
            },
            (
                'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": '
                'was invalid in version "v1" (KubeSchedulerConfiguration is version '
                '"kubescheduler.config.k8s.io/v1")'
            ),
        ),
        (
            {
                "profiles": [
                    {"schedulerName": "a"},
                    {
                        "schedulerName": "b",
                        "plugins": {
                            "queueSort": {"enabled": [{"name": "PrioritySort"}]}
                        },
                    },
                ]
            },
            (
                "profiles[1].plugins.queueSort: Invalid value: "
                '{"Enabled":[{"Name":"PrioritySort","Weight":0}],"Disabled":null}: '
                "must be the same for all profiles"
            ),
        ),
        (
            {"extenders": [{"prioritizeVerb": "sort"}]},
            (
                "extenders[0].weight: Invalid value: 0: "
                "must have a positive weight applied to it"
            ),
        ),
        (
            {"extenders": [{"bindVerb": "bind"}] * 2},
            (
                'extenders: Invalid value: "found 2 extenders implementing bind": '
                "only one extender can implement bind"
            ),
        ),
        (
            {"extenders": [{"managedResources": [{"name": "cpu"}]}]},
            (
                'extenders[0].managedResources[0].name: Invalid value: "cpu": '
                "is an invalid extended resource name"
            ),
        ),
        (
            {"extenders": [{"managedResources": [{"name": "a.b/c"}] * 2}]},
            (
                'extenders[0].managedResources[1].name: Invalid value: "a.b/c": '
                "duplicate extender managed resource name"
            ),
        ),
    ],
)
def test_fields_of_the_configuration(fields, expected):
    """A value that upstream refuses is refused with its place and upstream's words."""
    assert error_of({**HEAD, **fields}).startswith(expected)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "not an API object: Object 'Kind' is missing"),
        (
            {"kind": "KubeSchedulerConfiguration"},
            "not an API object: Object 'apiVersion' is missing",
        ),
        (
            HEAD | {"apiVersion": "kubescheduler.config.k8s.io/v1beta3"},
            (
                'apiVersion: no kind "KubeSchedulerConfiguration" is registered for '
                'version "kubescheduler.config.k8s.io/v1beta3"'
            ),
        ),
        (
            {"apiVersion": "v1", "kind": "Pod"},
            'apiVersion: no kind "Pod" is registered for version "v1"',
        ),
        (
            HEAD | {"percentageOfNodeToScore": 5},
            (
                "percentageOfNodeToScore: unknown field; "
                "did you mean 'percentageOfNodesToScore'?"
            ),
        ),
        (
            HEAD | {"profiles": [{"plugins": {"Score": {}}}]},
            "profiles[0].plugins.Score: unknown field; did you mean 'score'?",
        ),
        (
            HEAD | {"profiles": {}},
            "profiles: expected list, got mapping",
        ),
        (
            HEAD | {"profiles": [{"percentageOfNodesToScore": "50"}]},
            "profiles[0].percentageOfNodesToScore: expected int, got str",
        ),
        (
            HEAD | {"profiles": [{"percentageOfNodesToScore": 1 << 40}]},
            "profiles[0].percentageOfNodesToScore: expected int <= 2147483647",
        ),
    ],
)
def test_documents_that_cannot_be_read(document, expected):
    """Kind, version, spelling and type of every field are checked."""
    assert error_of(document).startswith(expected)


def test_every_problem_is_told_with_its_place():
    """One error holds all that is wrong."""
    text = error_of({**HEAD, "parallelism": 0, "percentageOfNodesToScore": -1})

    assert text == (
        "parallelism: Invalid value: 0: should be an integer value greater than zero; "
        "percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100]"
    )
