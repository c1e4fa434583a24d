"""`explain`: why a pod goes where it goes, or why nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

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


def write(here, *items):
    """Write a snapshot and return its path."""
    path = here / "cluster.json"
    path.write_text(json.dumps({"kind": "List", "items": items}))
    return path


CONFIG = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  plugins:
    filter:
      disabled: [{name: TaintToleration}]
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: cpu, weight: 1}]
"""


def test_nearest_misses_and_the_event(cli, snapshot):
    """A pod that fits nowhere is told what would have to change, in words and data."""
    text = cli("explain", snapshot, "--pod", "huge").out
    found = cli("explain", snapshot, "--pod", "huge", "--json").document
    change, further = found["changes"]

    assert found["fit_error"].endswith(
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for "
        "scheduling."
    )
    assert change["text"] == "1 more node if cpu request <= 8 (now 100)"
    assert (change["limit"], change["now"], change["nodes"]) == (8000, 100_000, ["b"])
    assert f"  {change['text']}: b\n  {further['text']}: a, b\n" in text
    assert found["schema_version"] == 1


def test_preemption_candidates(cli, here):
    """The candidates are told with their victims, and which one would be taken."""
    path = write(
        here,
        node("a"),
        node("b"),
        pod("low", "3", on="a", priority=1),
        pod("higher", "3", on="b", priority=2),
        pod("top", "3", priority=10),
    )
    text = cli("explain", path, "--pod", "top").out
    found = cli("explain", path, "--pod", "top", "--json").document["preemption"]

    assert (found["node"], [each["node"] for each in found["candidates"]]) == (
        "a",
        ["a", "b"],
    )
    assert found["candidates"][0] == {
        "node": "a",
        "budget_violations": 0,
        "victims": [{"pod": "default/low", "priority": 1}],
    }
    assert "It would take a and evict default/low." in text


def test_configuration_picks_the_profile(cli, here):
    """The pod's schedulerName picks a profile: its filters, scores and weights."""
    (here / "s.yaml").write_text(CONFIG)
    path = write(
        here,
        node("empty"),
        node("fuller", taints=[TAINT]),
        pod("there", "2", on="fuller"),
        pod("spread", "1"),
        pod("pack", "1", schedulerName="packer"),
    )
    spread, pack = (
        cli("explain", path, "--pod", name, "--config", "s.yaml", "--json").document
        for name in ("spread", "pack")
    )

    assert (spread["policy"], spread["node"]) == ("default-scheduler", "empty")
    assert (pack["policy"], pack["node"], pack["feasible"]) == ("packer", "fuller", 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            ["--config", "s.yaml"],
            "its profiles are default-scheduler, packer",
            id="a scheduler without a profile",
        ),
        pytest.param(
            ["--config", "s.yaml", "-p", "random"],
            "--config and --policy exclude each other",
            id="two ways at once",
        ),
        pytest.param(
            ["--config", "absent.yaml"], "absent.yaml", id="no such configuration"
        ),
    ],
)
def test_configurations_that_do_not_do(cli, here, options, words):
    """A configuration that cannot answer is refused with a cure."""
    (here / "s.yaml").write_text(CONFIG)
    path = write(here, node("a"), pod("other", "1", schedulerName="other"))
    found = cli("explain", path, "--pod", "other", *options)

    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_scores_before_weighing(cli, here):
    """Raw and normalized scores are in the document, and with `--raw` in the text."""
    soft = {"key": "a", "effect": "PreferNoSchedule"}
    path = write(here, node("a"), node("b", taints=[soft]), pod("web", "1"))
    found = cli("explain", path, "--pod", "web", "--json").document
    scores = {each["node"]: each for each in found["scores"]}
    text = cli("explain", path, "--pod", "web", "--raw").out

    assert scores["b"]["raw"]["TaintToleration"] == 1
    assert scores["b"]["normalized"]["TaintToleration"] == 0
    assert scores["a"]["plugins"]["TaintToleration"] == 300
    assert "TaintToleration, raw" in text


def test_gated_and_missing_a_claim(cli, here):
    """A gated pod is explained without its gates; a missing claim stops a pod."""
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}
    path = write(
        here,
        node("a"),
        pod("gated", "1", schedulingGates=[{"name": "quota"}]),
        pod("stateful", "1", volumes=[volume]),
    )
    gated = cli("explain", path, "--pod", "gated")
    stopped = cli("explain", path, "--pod", "stateful", "--json").document

    assert "It is not tried yet: waiting for scheduling gates: [quota]" in gated.out
    assert "default/gated goes to a" in gated.out
    assert 'persistentvolumeclaim "gone" not found' in stopped["fit_error"]


def test_same_node_again(cli, here):
    """A bound pod is told whether it would go to the same node."""
    path = write(here, node("a"), node("b", cpu="1"), pod("web", "2", on="a"))
    found = cli("explain", path, "--pod", "web", "--json").document
    text = cli("explain", path, "--pod", "web").out

    assert (found["node"], found["was_on"], found["same_node"]) == ("a", "a", True)
    assert "In the snapshot it is on a too." in text


def test_taints_that_are_not_tried(cli, here):
    """Of very many taints the rarer ones are not tried, and that is told."""
    taints = [{"key": f"t{i}", "effect": "NoSchedule"} for i in range(53)]
    nodes = [node(f"n{i}", taints=[taint]) for i, taint in enumerate(taints)]
    path = write(here, *nodes, pod("web", "1"))
    text = cli("explain", path, "--pod", "web").out
    found = cli("explain", path, "--pod", "web", "--json").document

    assert (len(found["changes"]), found["taints_not_tried"]) == (50, 3)
    assert "(3 rarer taints not tried)" in text


def test_no_nodes(cli, here):
    """Without nodes the event is kube-scheduler's error."""
    path = write(here, pod("web", "1"))
    found = cli("explain", path, "--pod", "web", "--json").document

    assert found["fit_error"] == "no nodes available to schedule pods"


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(cli, here, monkeypatch, width):
    """Long names of nodes do not make lines longer than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    names = [f"ip-10-0-{i}-17.eu-west-1.compute.internal" for i in range(6)]
    path = write(
        here,
        *(node(name) for name in names),
        *(pod(f"low-{i}", "3", on=name) for i, name in enumerate(names)),
        pod("web", "1"),
        pod("top", "3", priority=9),
    )
    lines = [
        line
        for name in ("web", "top")
        for line in cli("explain", path, "--pod", name).out.splitlines()
        if "nodes are available" not in line
    ]

    assert max(map(len, lines)) <= width


def test_a_great_snapshot(cli, here):
    """5,000 nodes with 50,000 pods are explained, most of the time being loading."""
    zone = "topology.kubernetes.io/zone"
    nodes = [node(f"n{i}", cpu="11", **{zone: "abc"[i % 3]}) for i in range(5000)]
    bound = [pod(f"p{i}", "1", on=f"n{i % 5000}") for i in range(50_000)]
    for each in nodes:
        each["status"]["allocatable"] |= {"memory": "64Gi", "pods": "110"}
    path = write(here, *nodes, *bound, pod("web", "1"), pod("top", "2", priority=9))
    started = time.monotonic()
    web = cli("explain", path, "--pod", "web", "--json").document
    top = cli("explain", path, "--pod", "top", "--json").document

    assert (web["feasible"], top["feasible"]) == (5000, 0)
    assert top["changes"][0]["text"] == ("5,000 more nodes if cpu request <= 1 (now 2)")
    assert len(top["preemption"]["candidates"]) == 500
    assert time.monotonic() - started < 120
