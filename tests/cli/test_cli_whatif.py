"""`whatif`: what moves and what pends under another configuration."""

from __future__ import annotations

import json

import pytest
from cluster_documents import node, pod, written

pytestmark = pytest.mark.slow

HEAD = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
"""
PACKING = f"""{HEAD}\
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {{type: MostAllocated, resources: [{{name: cpu, weight: 1}}]}}
"""
BLIND = f"""{HEAD}\
  plugins:
    multiPoint:
      disabled: [{{name: TaintToleration}}]
"""


@pytest.fixture
def snapshot(here):
    """Four pods of a kind on two nodes, one that is static, one too large."""
    (here / "packing.yaml").write_text(PACKING)
    (here / "default.yaml").write_text(HEAD)
    return written(
        here / "cluster.json",
        node("a", cpu="8"),
        node("b", cpu="8"),
        *(pod(f"w{i}", "1", on="ab"[i % 2]) for i in range(4)),
        pod(
            "static", "1", on="a",
            meta={"annotations": {"kubernetes.io/config.mirror": "x"}},
        ),
        pod("huge", "100"),
        pod("other", "1", schedulerName="mine"),
    )  # fmt: skip


def test_packing_moves_pods_together(cli, snapshot):
    """Spread over two nodes by default, all on that of the static pod when packed."""
    found = cli("whatif", snapshot, "--config", "packing.yaml", "--json").document

    assert (found["nodes"], found["pods"], found["fixed"]) == (2, 5, 1)
    assert (found["base"]["nodes_used"], found["new"]["nodes_used"]) == (2, 1)
    assert (found["base"]["pending"], found["new"]["pending"]) == (1, 1)
    assert {each["new"] for each in found["changes"]} == {"a"}
    assert {each["change"] for each in found["changes"]} == {"moves"}
    assert found["moved"] == found["moved_alike"] == len(found["changes"])
    assert found["notes"] == ["1 waiting pods of other schedulers are left out"]


def test_the_same_configuration_changes_nothing(cli, snapshot):
    """The defaults against the defaults: A/A."""
    found = cli("whatif", snapshot, "--config", "default.yaml", "--json").document
    text = cli("whatif", snapshot, "--config", "default.yaml")

    assert (found["changes"], found["moved"], found["newly_pending"]) == ([], 0, 0)
    assert "All 5 pods would be where the base configuration puts them" in text.out


def test_what_pends_is_told_first(cli, here):
    """Without its taint plugin a scheduler places what the default one leaves."""
    (here / "blind.yaml").write_text(BLIND)
    (here / "default.yaml").write_text(HEAD)
    cluster = written(
        here / "cluster.json",
        node("a", taints=[{"key": "gpu", "effect": "NoSchedule"}]),
        pod("w", "1"),
    )
    found = cli("whatif", cluster, "--config", "blind.yaml", "--json").document
    back = cli("whatif", cluster, "--base", "blind.yaml", "--config", "default.yaml")

    assert found["newly_placed"] == 1
    assert found["changes"] == [
        {"pod": "default/w", "was_on": None, "base": None, "new": "a",
         "change": "is placed"}
    ]  # fmt: skip
    assert "untolerated taint" in found["base"]["reasons"][0]["reason"]
    assert "pends" in back.out.splitlines()[-1]


def test_the_order_is_that_of_creation(cli, here):
    """The older of two pods gets the only place, whichever is bound now."""
    (here / "default.yaml").write_text(HEAD)
    made = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2)]
    cluster = written(
        here / "cluster.json",
        node("a", cpu="1"),
        pod("young", "1", on="a", meta={"creationTimestamp": made[1]}),
        pod("old", "1", meta={"creationTimestamp": made[0]}),
    )
    found = cli("whatif", cluster, "--config", "default.yaml", "--json").document

    assert found["base"]["pending"] == found["new"]["pending"] == 1
    assert found["base"]["as_it_was"] == 0


def test_top_cuts_the_table(cli, snapshot):
    """What is left out is counted."""
    found = cli("whatif", snapshot, "--config", "packing.yaml", "--top", "1")

    assert "more; --top and --json show them" in found.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["none.json", "--config", "packing.yaml"], "none.json", id="none"),
        pytest.param(["cluster.json", "--config", "no.yaml"], "no.yaml", id="config"),
        pytest.param(
            ["cluster.json", "--config", "cluster.json"], "cluster.json", id="a List"
        ),
        pytest.param(
            ["cluster.json", "--config", "bad.yaml"], "percentage", id="101 %"
        ),
        pytest.param(
            ["bad.json", "--config", "packing.yaml"], "bad.json", id="no JSON"
        ),
        pytest.param(["cluster.json"], "--config", id="nothing to compare"),
    ],
)
def test_bad_input(cli, snapshot, here, options, words):
    """Exit code 2 and the file that is wrong."""
    (here / "bad.yaml").write_text(f"{HEAD}  percentageOfNodesToScore: 101\n")
    (here / "bad.json").write_text('{"kind": "List", "items": [')
    found = cli("whatif", *options)

    assert (found.code, words in found.err) == (2, True)


def test_documents_are_json(cli, snapshot):
    """With the version of their schema."""
    found = cli("whatif", snapshot, "--config", "packing.yaml", "--json")

    assert json.loads(found.out)["schema_version"] == 1
