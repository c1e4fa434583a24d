"""Scenario and grid files: settings, sizes, schema, and what a wrong file says."""

from __future__ import annotations

import json

import pytest

from schedbench.errors import InputError
from schedbench.experiment.grid_file import load_grid, schema
from schedbench.experiment.scenario import load_scenario
from schedbench.experiment.shipped import bundled_scenarios, resolve_target

TEXT = """
name: tiny
parameters: {pods: 3, label: x}
cluster:
  pools:
    - {name: a, count: 2, cpu: 4, memory: 8Gi}
    - {name: b, count: 1, cpu: 4, memory: 8Gi, labels: {a.b/c: d}}
workload:
  streams:
    - count: $pods
      classes:
        - {name: web, cpu: 1, memory: 1Gi}
sizes:
  quick: {cluster.pools.a.count: 1}
  big: {cluster.pools.a.count: 9, workload.streams.pods.count: 7}
"""


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def make(text=TEXT, name="tiny.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def counts(scenario):
    return [pool.count for pool in scenario.cluster.pools]


def test_defaults_are_filled_in(write):
    """What a file leaves out has the documented default."""
    scenario = load_scenario(write())

    assert scenario.policies == ["kube-scheduler"]
    assert scenario.seeds.values() == [1, 2, 3, 4, 5]
    assert scenario.size_or_default(None) == "quick"
    assert scenario.workload.streams[0].count == 3


@pytest.mark.parametrize(
    ("sets", "size", "expected"),
    [
        pytest.param([], "quick", [1, 1], id="a size changes the file"),
        pytest.param(["cluster.pools.0.count=5"], None, [5, 1], id="by position"),
        pytest.param(["cluster.pools.b.count=5"], None, [1, 5], id="by name"),
        pytest.param(["cluster.pools.a.count=5"], "big", [5, 1], id="wins over a size"),
        pytest.param(
            ["cluster.pools.0.count=5"], "big", [5, 1], id="also spelled else"
        ),
        pytest.param(
            ["cluster.pools.0.count=5", "cluster.pools.0.count=6"],
            "big",
            [6, 1],
            id="the last setting wins",
        ),
    ],
)
def test_settings_and_sizes_apply(write, sets, size, expected):
    """Sizes change the file, settings change both."""
    scenario = load_scenario(write(), sets).sized(size)

    assert counts(scenario) == expected


def test_parameters_stand_for_their_values(write):
    """A parameter is set by its name alone and keeps its type."""
    scenario = load_scenario(write(), ["pods=8"])

    assert scenario.workload.streams[0].count == 8


def test_a_size_sets_a_parameter_wherever_it_stands(write):
    """A size's value of a parameter holds for that size, unless a setting wins."""
    path = write(TEXT.replace("quick: {", "quick: {pods: 2, "))
    quick = load_scenario(path).sized("quick")
    won = load_scenario(path, ["pods=8"]).sized("quick")

    assert quick.workload.streams[0].count == quick.parameters["pods"] == 2
    assert won.workload.streams[0].count == 8
    assert load_scenario(path).sized("big").workload.streams[0].count == 7


def test_keys_with_dots_can_be_set(write):
    """A label's key that holds dots is found."""
    scenario = load_scenario(write(), ["cluster.pools.b.labels.a.b/c=new"])

    assert scenario.cluster.pools[1].labels == {"a.b/c": "new"}


def test_digest_follows_content_not_presentation(write):
    """The digest changes with the pods, not with policies or thresholds."""
    plain = load_scenario(write()).sized("quick").digest()

    assert plain == load_scenario(write(), ["policies=[x]"]).sized("quick").digest()
    assert plain != load_scenario(write(), ["pods=4"]).sized("quick").digest()
    assert plain != load_scenario(write()).sized("big").digest()


def test_digest_follows_the_files(write):
    """A file that a scenario reads is part of its digest, by content."""
    nodes = write("kind: Node\nmetadata: {name: a}\n", "nodes.yaml")
    path = write("name: m\nmanifests: nodes.yaml\n")
    one = load_scenario(path).digest()
    nodes.write_text("kind: Node\nmetadata: {name: other}\n")

    assert load_scenario(path).digest() != one


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        pytest.param(
            ["cluster.pools.a.count=-1"],
            r"tiny.yaml: cluster.pools\[0\].count: expected int >= 0: -1",
            id="negative count",
        ),
        pytest.param(
            ["cluster.nodez=1"],
            r"cluster: unknown field: 'nodez'; did you mean 'nodes'\?",
            id="unknown field",
        ),
        pytest.param(["podz=1"], "did you mean 'pods'", id="unknown parameter"),
        pytest.param(["clutser.x=1"], "did you mean 'cluster'", id="unknown section"),
        pytest.param(
            ["cluster.pools.c.count=1"], "no entry 'c'.*known: a, b", id="unknown entry"
        ),
        pytest.param(
            ["cluster.pools.a.cpu=4x"],
            r"pools\[0\]: cpu: malformed quantity: '4x'",
            id="malformed quantity",
        ),
        pytest.param(
            ["cluster.pools.a.count=1000000"],
            "1,000,001 nodes exceed the limit of 200,000.*limits.nodes",
            id="a million nodes",
        ),
        pytest.param(["workload.streams.0.count=.nan"], "number", id="NaN"),
        pytest.param(
            ["workload.streams.0.load_of=gpuu"], "did you mean 'gpu'", id="a word"
        ),
        pytest.param(
            ["workload.streams.0.arrivals.kind=poison"],
            "arrivals.kind: unknown value: 'poison'; did you mean 'poisson'",
            id="a kind",
        ),
        pytest.param(["sizes.quick.nope=1"], "size quick.*'nope'", id="inside a size"),
        pytest.param(["cluster"], "write PATH=VALUE", id="no value"),
        pytest.param(["name.x=1"], "plain value", id="through a plain value"),
        pytest.param(["default_size=x"], "default_size .x.", id="unknown default"),
        pytest.param(["baseline=x"], "baseline 'x'", id="unknown baseline"),
        pytest.param(["label=$x", "name=$y"], "unknown parameter: 'y'", id="dangling"),
        pytest.param(
            ["headline=[pods_bond]"],
            "headline: unknown metric: 'pods_bond'; did you mean 'pods_bound'",
            id="unknown metric",
        ),
        pytest.param(["thresholds.podz=1"], "unknown metric", id="unknown threshold"),
        pytest.param(["openb.data=x"], "leave cluster out", id="two workloads"),
        pytest.param(["cluster=null"], "needs cluster and workload", id="no cluster"),
    ],
)
def test_wrong_settings_are_told(write, sets, message):
    """One message names the file, the place, the value and the fix."""
    with pytest.raises(InputError, match=message):
        load_scenario(write(), sets)


def test_limits_can_be_raised(write):
    """A number of nodes that is meant passes when the limit is raised."""
    sets = ["cluster.pools.a.count=200001", "limits.nodes=300000"]

    assert counts(load_scenario(write(), sets)) == [200_001, 1]


def test_missing_parameter_is_told(write):
    """A parameter that must be given is named, with the option that gives it."""
    path = write("name: m\nparameters: {file: null}\nmanifests: $file\n")
    scenario = load_scenario(path)

    with pytest.raises(InputError, match="'file' is not given; add --set file=VALUE"):
        scenario.digest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "empty", id="empty file"),
        pytest.param("- a", "expected a mapping", id="a list"),
        pytest.param("name: x", "needs cluster", id="nothing but a name"),
        pytest.param(TEXT + "---\n" + TEXT, "2 documents", id="two documents"),
        pytest.param(TEXT + "scenarios: [a]", "is a grid", id="a grid"),
        pytest.param("a: &x [*x]", "alias", id="an alias of itself"),
    ],
)
def test_unusable_file_is_told(write, text, message):
    """A file that is no scenario is refused with the reason."""
    with pytest.raises(InputError, match=message):
        load_scenario(write(text))


def test_grid_lists_scenarios(write):
    """Plain names and entries with sizes are alike."""
    path = write(
        "name: g\npolicies: [a, b]\nscenarios: [x, {scenario: y, sizes: [s]}]\n"
    )
    grid = load_grid(path, ["seeds.repeats=2"])

    assert [entry.scenario for entry in grid.entries()] == ["x", "y"]
    assert grid.entries()[1].sizes == ["s"]
    assert grid.seeds.values() == [1, 2]


def test_scenario_is_no_grid(write):
    """A scenario given as a grid says which command it is for."""
    with pytest.raises(InputError, match="use schedbench run"):
        load_grid(write())


def test_schema_describes_both_kinds_of_file():
    """The schema is JSON and names every struct once."""
    published = json.loads(json.dumps(schema()))

    assert {"Scenario", "GridFile", "PodClass", "NodePool"} <= set(published["$defs"])


def test_shipped_names_resolve():
    """A shipped scenario is found by its bare name; a near miss is suggested."""
    assert resolve_target("web-services") in bundled_scenarios()
    with pytest.raises(InputError, match="did you mean 'web-services'"):
        resolve_target("web-service")
    with pytest.raises(InputError, match="no such file"):
        resolve_target("nowhere/x.yaml")


LOTS = (
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, "
    "spec: {replicas: lots}}"
)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("parameters={sheduler: {qps: 1}}", "did you mean 'scheduler'"),
        ("parameters={scheduler: {qps: many}}", "end_to_end.parameters.scheduler.qps"),
        (
            f"apply=[{{at: 0, objects: [{LOTS}]}}]",
            r"apply\[0\].objects\[0\]: Deployment web spec.replicas",
        ),
    ],
)
def test_a_wrong_cluster_is_told_when_the_file_is_read(write, setting, problem):
    """Parameters and manifests are checked before any cell runs."""
    with pytest.raises(InputError, match=problem) as told:
        load_scenario(write(), [f"end_to_end.{setting}"])

    assert "tiny.yaml" in str(told.value)
