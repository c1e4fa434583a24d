"""`generate` and `import`: workloads as manifests, and what is in them."""

from __future__ import annotations

import gzip
import json

import pytest

from schedbench.sources.manifests import manifests_workload


@pytest.mark.parametrize("name", ["web-services", "pools-taints", "gpu-sharing"])
def test_round_trip(cli, here, name):
    """What is generated reads back as the same nodes and pods, in the same order."""
    from schedbench.experiment.build import expand_target

    found = cli("generate", name, "--size", "quick", "--seed", "5", "-o", "c.json.gz")
    expected = expand_target(name, size="quick")[0].build(5)
    actual = manifests_workload("c.json.gz")
    pods = range(len(expected.pods))

    assert (found.code, found.out) == (0, "")
    assert list(actual.nodes) == list(expected.nodes)
    assert [actual.pods.name(n) for n in pods] == [expected.pods.name(n) for n in pods]
    for n in pods:
        template = actual.pods.templates[int(actual.pods.template[n])]
        given = expected.pods.templates[int(expected.pods.template[n])]
        assert (template.spec, template.metadata.annotations) == (
            given.spec,
            given.metadata.annotations,
        )


def test_same_bytes(cli, here):
    """The same seed gives the same bytes, also packed; another gives others."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        cli("generate", "tiny.yaml", "--seed", seed, "-o", f"{name}.json.gz")
    contents = [(here / f"{name}.json.gz").read_bytes() for name in "abc"]
    cli("generate", "tiny.yaml", "--seed", 1, "-o", "plain.json")

    assert contents[0] == contents[1]
    assert gzip.decompress(contents[0]) == (here / "plain.json").read_bytes()


def test_standard_output(cli, here):
    """Without a file the list is printed, and nothing else is."""
    found = cli("generate", "tiny.yaml")
    items = json.loads(found.out)["items"]

    assert [item["kind"] for item in items] == ["Node"] * 3 + ["Pod"] * 8
    assert "3 nodes and 8 pods of seed 3" in found.err


def test_what_is_lost_is_told(cli, here):
    """Arrivals and ends have no place in manifests; the notes say so."""
    found = cli("generate", "batch-churn", "--size", "quick", "-o", "c.json")

    assert "pods arrive later on" in found.err
    assert "pods end or are deleted" in found.err


def test_import_manifests(cli, here):
    """A workload card tells counts, sizes and labels."""
    cli("generate", "tiny.yaml", "-o", "c.json")
    card = cli("import", "manifests", "c.json", "--describe", "--json").document
    text = cli("import", "manifests", "c.json").out

    assert (card["nodes"], card["pods"], card["pending"]) == (3, 8, 8)
    assert card["requests"]["cpu"] == {
        "requested": 8000, "capacity": 12000, "pods": 8, "quantiles": [1000] * 6,
    }  # fmt: skip
    assert "3 nodes; 8 pods of 1 kind in 1 namespace" in text
    assert "66.7 %" in text


def test_import_notes(cli, here):
    """What was dropped is told with its count."""
    (here / "c.json").write_text(
        json.dumps(
            {
                "kind": "List",
                "items": [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": {"name": "a"},
                    },
                    {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "metadata": {"name": "p", "namespace": "n"},
                        "status": {"phase": "Succeeded"},
                    },
                ],
            }
        )
    )
    found = cli("import", "manifests", "c.json")

    assert found.code == 0
    assert "1 ConfigMap object ignored" in found.err
    assert "1 Pod object dropped: they have ended" in found.err


def test_import_openb(cli, here, shared):
    """The trace is described, and written as manifests that read back."""
    folder = shared / "traces/openb"
    arguments = ["import", "openb", folder, "--set", "trace=default", "--set", "tune=0"]
    card = cli(*arguments, "--describe", "--json").document
    written = cli(*arguments, "-o", "gpus.json.gz")
    actual = manifests_workload("gpus.json.gz")

    assert (card["nodes"], card["pods"]) == (1213, 8152)
    assert card["requests"]["gpu (milli)"]["pods"] > 5000
    assert (written.code, written.out) == (0, "")
    assert (len(actual.nodes), len(actual.pods)) == (1213, 8152)


@pytest.mark.slow
def test_same_placements(cli, here):
    """A generated cluster is scheduled as the scenario that it came from."""
    options = ["-p", "kube-scheduler", "--seed", "3", "--json", "-j1"]
    cli("generate", "pools-taints", "--size", "quick", "--seed", "3", "-o", "c.json.gz")
    (read,) = cli("run", "c.json.gz", *options).document["cells"]
    (own,) = cli("run", "pools-taints", "--size", "quick", *options).document["cells"]

    assert read["placement_digest"] == own["placement_digest"]
    assert read["metrics"]["pods_bound"] == own["metrics"]["pods_bound"]
