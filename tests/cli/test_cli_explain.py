"""`explain`: why a pod goes where it goes, or why nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def node(name, cpu="4", taints=(), **labels):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"}},
    }


def pod(name, cpu, on=None, **spec):
    requests = {"cpu": cpu, "memory": "1Gi"}
    containers = [{"name": "main", "resources": {"requests": requests}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": containers, **spec} | ({"nodeName": on} if on else {}),
    }


TAINT = {"key": "gpu", "effect": "NoSchedule"}


@pytest.fixture
def snapshot(here):
    items = [
        node("a"),
        node("b", cpu="8"),
        node("c", taints=[TAINT]),
        pod("running", "3", on="a"),
        pod("waiting", "2"),
        pod("huge", "100"),
        pod("done", "1", on="a"),
    ]
    items[-1]["status"] = {"phase": "Succeeded"}
    path = here / "cluster.json"
    path.write_text(json.dumps({"kind": "List", "items": items}))
    return path


pytestmark = pytest.mark.slow


def test_only_one_node_fits(cli, snapshot):
    """The other nodes are counted by the plugin that rejects them and its reason."""
    found = cli("explain", snapshot, "--pod", "waiting", "--json").document

    assert (found["node"], found["feasible"], found["nodes"]) == ("b", 1, 3)
    assert {each["plugin"]: each["nodes"] for each in found["rejected"]} == {
        "TaintToleration": 1,
        "NodeResourcesFit": 1,
    }
    assert "Insufficient cpu" in {each["reason"] for each in found["rejected"]}


def test_nowhere(cli, snapshot):
    """A pod that fits nowhere gets the text that kube-scheduler would write."""
    text = cli("explain", snapshot, "--pod", "default/huge")
    found = cli("explain", snapshot, "--pod", "default/huge", "--json").document

    assert (text.code, found["node"]) == (0, None)
    assert found["fit_error"].startswith("0/3 nodes are available: ")
    assert found["fit_error"] in text.out
    assert "default/huge fits on no node" in text.out


def test_bound_pod_is_explained_as_if_pending(cli, snapshot):
    """A bound pod leaves its place first, and is told where it was."""
    found = cli("explain", snapshot, "--pod", "running", "--json").document
    text = cli("explain", snapshot, "--pod", "running").out

    assert (found["was_on"], found["feasible"]) == ("a", 2)
    assert "In the snapshot it is on a" in text
    assert {each["node"] for each in found["scores"]} == {"a", "b"}


def test_totals_are_the_sum_of_the_plugins(cli, snapshot):
    """Every node's total is the sum of its weighted scores; the taken one leads."""
    found = cli("explain", snapshot, "--pod", "running", "--json").document
    totals = [each["total"] for each in found["scores"]]

    assert totals == [sum(each["plugins"].values()) for each in found["scores"]]
    assert totals == sorted(totals, reverse=True)
    assert found["node"] in found["tied"]
    assert found["weights"]["TaintToleration"] == 3


def test_same_as_a_run(cli, here):
    """The first pod of a cluster is explained as a run places it."""
    cli("generate", "pools-taints", "--size", "quick", "--seed", "1", "-o", "c.json")
    items = json.loads((here / "c.json").read_text())["items"]
    items = [each for each in items if each["kind"] == "Node"] + [
        next(each for each in items if each["kind"] == "Pod")
    ]
    (here / "one.json").write_text(json.dumps({"kind": "List", "items": items}))
    meta = items[-1]["metadata"]
    name = f"{meta['namespace']}/{meta['name']}"
    options = ["-p", "kube-scheduler", "--seed", "1"]
    explained = cli("explain", "one.json", "--pod", name, *options, "--json").document
    cli("run", "one.json", *options, "--json", "-j1", "-o", "r")
    events = cli("show", "r", "--pod", name, "--json").document["events"]

    assert explained["node"] == events[-1]["node"]


def test_standard_input(snapshot):
    """A snapshot may come through a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "schedbench", "explain", "-", "--pod", "waiting"],
        input=snapshot.read_bytes(),
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert b"default/waiting goes to b, says kube-scheduler." in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("runing", "did you mean 'default/running'?"),
        ("done", "the pod has ended (Succeeded)"),
        ("zz/y", "write NAMESPACE/NAME of one of its 3 pods"),
    ],
)
def test_no_such_pod(cli, snapshot, name, words):
    """A pod that cannot be explained is refused with a cure."""
    found = cli("explain", snapshot, "--pod", name)

    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_own_score(cli, snapshot, here):
    """A compiled score of one's own is shown as it was returned."""
    (here / "mine.py").write_text(
        "from schedbench.policies.base import score\n"
        "@score(ties='first')\ndef late(cluster, node, pod):\n    return node + 0.5\n"
    )
    found = cli("explain", snapshot, "--pod", "running", "-p", "mine.py:late", "--json")

    assert found.document["node"] == "b"
    assert [each["total"] for each in found.document["scores"]] == [1.5, 0.5]


def test_plain_function(cli, snapshot, here):
    """A policy that is a plain function cannot be looked into."""
    (here / "mine.py").write_text(
        "from schedbench.policies.base import vectorized\n"
        "@vectorized\ndef any(cluster, pod, feasible):\n    return feasible * 1.0\n"
    )
    found = cli("explain", snapshot, "--pod", "running", "-p", "mine.py:any")

    assert (found.code, "plain Python function" in found.err) == (2, True)


def test_warmup(cli):
    """Warming up tells what took how long."""
    found = cli("warmup", "--json").document

    assert found["seconds"] == pytest.approx(
        sum(each["seconds"] for each in found["steps"])
    )
    assert len(found["steps"]) >= 3
