"""The `end_to_end` section: what it may say, and what a wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest

from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import CRI_O, Parameters
from schedbench.errors import InputError, NotModelledError, UnknownNameError
from schedbench.experiment.schema import decode
from schedbench.simulation.plan import EndToEnd

NODE_CRASH = {"kind": "node-crash", "start": 5, "targets": {"share": 0.5}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}


def plan(**section: Any) -> EndToEnd:
    """Decode a section."""
    return decode(section, EndToEnd, "mine.yaml")


def test_an_empty_section_is_a_cluster_with_one_of_each() -> None:
    """Defaults are a control plane of single replicas and the published parameters."""
    found = plan()

    assert found.control_plane.etcd == found.control_plane.schedulers == 1
    assert found.made_parameters() == Parameters()
    assert found.actions() == []


def test_parameters_are_set_by_section_and_field() -> None:
    """A latency is set by its median and 99th percentile; the rest stays."""
    found = plan(
        runtime="cri-o",
        parameters={
            "scheduler": {"qps": 500, "burst": 1000},
            "network": {"hop": {"median": 0.01, "p99": 0.05}},
        },
    ).made_parameters()

    assert (found.scheduler.qps, found.scheduler.burst) == (500, 1000)
    assert found.network.hop == Latency(0.01, 0.05)
    assert found.runtime == CRI_O
    assert found.etcd == Parameters().etcd


@pytest.mark.parametrize(
    ("parameters", "kind", "problem"),
    [
        ({"sheduler": {"qps": 1}}, UnknownNameError, "did you mean 'scheduler'"),
        ({"scheduler": {"qsp": 1}}, UnknownNameError, "did you mean 'qps'"),
        ({"scheduler": {"qps": "many"}}, InputError, "end_to_end.parameters.scheduler"),
        ({"network": {"hop": {"sigma": 1}}}, UnknownNameError, "sigma"),
    ],
)
def test_wrong_parameters_are_told_with_their_place(
    parameters: dict[str, Any], kind: type[InputError], problem: str
) -> None:
    """Section, field and value are named."""
    with pytest.raises(kind, match=problem):
        plan(parameters=parameters).made_parameters()


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"control_plane": {"etcd": 2}}, "control_plane.etcd"),
        ({"faults": [NODE_CRASH]}, "give until"),
        ({"until": 10, "apply": [{"at": 20}]}, "after until"),
        ({"nodes": "hollow", "addons": ["dns"]}, "hollow nodes"),
        ({"load": [{"kind": "constant", "service": "a", "cost": 1, "requests": 1}],
          "until": 9}, "add it to addons"),
        ({"apply": [{"at": 0, "scale": {"kind": "Pod", "name": "a", "replicas": 1}}]},
         "cannot scale kind 'Pod'"),
        ({"apply": [{"at": 0, "delete": [{"kind": "Pood", "name": "a"}]}]}, "Pood"),
        ({"aply": []}, "did you mean 'apply'"),
        ({"faults": [{"kind": "meteor", "start": 1}]}, "meteor"),
    ],
)  # fmt: skip
def test_a_section_that_cannot_be_is_refused(
    section: dict[str, Any], problem: str
) -> None:
    """Each mistake has a sentence of its own."""
    with pytest.raises(InputError, match=problem):
        plan(**section)


def test_actions_are_typed() -> None:
    """Manifests, scales and deletions become what the driver does."""
    scale = {"kind": "Deployment", "name": "web", "replicas": 5}
    (action,) = plan(
        apply=[
            {
                "at": 3,
                "objects": [SERVICE],
                "scale": scale,
                "delete": [{"kind": "Job", "name": "old", "namespace": "batch"}],
            }
        ]
    ).actions()

    assert action.time == 3
    assert [item.metadata.name for item in action.objects] == ["web"]
    assert action.scales == [("Deployment", "default", "web", 5)]
    assert action.deletions == [("Job", "batch", "old")]


def test_a_manifest_of_an_unknown_kind_is_told_with_its_place() -> None:
    """Strangers are named, not left out."""
    strange = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {}}
    found = plan(apply=[{"at": 0, "objects": [SERVICE, strange]}])

    with pytest.raises(NotModelledError, match=r"apply\[0\].objects\[1\]"):
        found.actions()
