"""Runs in which waiting pods are tried at once: every engine tells the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import strategies
from engines.amounts import examples
from engines.playing import assert_alike
from hypothesis import given, target
from hypothesis import strategies as st

from schedbench.objects.workload import Workload
from schedbench.simulation.replay import ENGINES

REMEMBERING = ("indexed", "auto")
OTHERS = (*REMEMBERING, "explain")
SPECS = (
    "kube-scheduler",
    "kube-scheduler[ties=first]",
    "most-allocated",
    "balanced[ties=first]",
    "random",
    "round-robin",
)
CONFIGURATION = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {
            "schedulerName": "default-scheduler",
            "plugins": {
                "score": {
                    "disabled": [{"name": "InterPodAffinity"}],
                    "enabled": [{"name": "InterPodAffinity", "weight": 7}],
                }
            },
            "pluginConfig": [
                {
                    "name": "PodTopologySpread",
                    "args": {
                        "defaultingType": "List",
                        "defaultConstraints": [
                            {
                                "maxSkew": 2,
                                "topologyKey": "disk",
                                "whenUnsatisfiable": "ScheduleAnyway",
                            },
                            {
                                "maxSkew": 3,
                                "topologyKey": "topology.kubernetes.io/zone",
                                "whenUnsatisfiable": "DoNotSchedule",
                            },
                        ],
                    },
                },
                {
                    "name": "InterPodAffinity",
                    "args": {
                        "hardPodAffinityWeight": 60,
                        "ignorePreferredTermsOfExistingPods": True,
                    },
                },
                {
                    "name": "NodeResourcesFit",
                    "args": {
                        "scoringStrategy": {
                            "type": "RequestedToCapacityRatio",
                            "resources": [
                                {"name": "cpu", "weight": 3},
                                {"name": "example.com/fpga", "weight": 2},
                            ],
                            "requestedToCapacityRatio": {
                                "shape": [
                                    {"utilization": 0, "score": 0},
                                    {"utilization": 60, "score": 10},
                                    {"utilization": 100, "score": 3},
                                ]
                            },
                        }
                    },
                },
            ],
        }
    ],
}
"""Other weights, other arguments, and default constraints of which one is hard."""
SPREADING = ("spread",), ("affinity", "spread", "owners")


@examples(1.6)
@given(
    workload=strategies.worlds(), spec=st.sampled_from(SPECS), seed=st.integers(0, 99)
)
def test_what_is_remembered_decides_as_a_scan(
    workload: Workload, spec: str, seed: int
) -> None:
    """Up to three blocks of nodes fill up with pods of a few classes."""
    found = assert_alike(workload, spec, REMEMBERING, seed)

    target(float(sum(entry[1] == "BIND" for entry in found.log)))


@examples(0.8)
@given(
    workload=strategies.worlds(max_nodes=30, max_pods=50), spec=st.sampled_from(SPECS)
)
def test_every_engine_tells_the_same(workload: Workload, spec: str) -> None:
    """The readable engine too, on fewer nodes."""
    assert_alike(workload, spec, OTHERS)


@examples(0.8)
@given(workload=strategies.worlds(features=SPREADING))
def test_a_configured_profile_is_remembered(
    workload: Workload, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Plugins with other weights and arguments are in the index as well."""
    path = _written(tmp_path_factory.getbasetemp() / "engines.json")

    assert_alike(workload, f"kube-scheduler[config={path}]", REMEMBERING)


def test_all_engines_are_compared() -> None:
    """An engine that is new joins these tests."""
    assert {"scan", *OTHERS} == set(ENGINES)


def _written(path: Path) -> Path:
    path.write_bytes(msgspec.json.encode(CONFIGURATION))
    return path
