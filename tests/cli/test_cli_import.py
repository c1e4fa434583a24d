"""`schedbench import` of traces: counts, cards, folders that scenarios run."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

from schedbench.cli.import_ import OBJECTS
from schedbench.sources.traces.registry import MODULES, load_importer

LOG = """\
; MaxNodes: 4
; MaxProcs: 16
1 0 0 100 6 -1 -1 6 200 -1 1 3 1 -1 1 1 -1 -1
2 50 0 100 4 -1 -1 4 200 -1 3 3 1 -1 1 1 -1 -1
3 7260 0 100 4 -1 -1 4 200 -1 1 4 1 -1 0 1 -1 -1
"""
RUN = """\
name: replayed
trace: {file: log}
policies: [best-fit]
seeds: {first: 1, repeats: 1}
"""


@pytest.fixture
def log(here):
    """A small log in the working directory."""
    (here / "l.swf").write_text(LOG)
    return here


def test_import_tells_counts(cli, log):
    """Every row is accounted for, and where the first of a kind is."""
    found = cli("import", "swf", "l.swf", "--out", "log")

    assert found.code == 0
    assert "dropped 1 of jobs: status 2 to 4" in found.out
    assert "(first: l.swf: row 4)" in found.out
    assert "gave 4 nodes and 3 pods" in found.out
    assert "written: log" in found.err
    assert sorted(each.name for each in (log / "log").iterdir()) == [
        "import.json", "nodes.parquet", "pods.parquet",
    ]  # fmt: skip


def test_describe(cli, log):
    """A card of a file is that of the folder imported from it."""
    cli("import", "swf", "l.swf", "--out", "log")
    one = cli("import", "swf", "l.swf", "--describe", "--json").document
    two = cli("import", "log", "--describe", "--json").document
    text = cli("import", "log").out

    assert one == two
    assert (one["pods"], one["nodes"]["distinct"]) == (3, 4)
    assert one["sizes"]["cpu (milli)"] == [2000, 2000, 4000, 4000, 4000, 4000]
    assert one["arrivals"]["there_at_start"] == 2
    assert one["gangs"]["pods_by_size"] == {"1": 1, "2": 2}
    assert one["classes"]["distinct"] == 2
    assert one["demand"]["cpu"][0] == 0.375
    assert "4 nodes of 1 shapes" in text
    assert "cpu asked for over capacity" in text


def test_imported_traces_run(cli, log):
    """A scenario names the folder; so does the shipped one, thinned and faster."""
    cli("import", "swf", "l.swf", "--out", "log")
    (log / "r.yaml").write_text(RUN)
    found = cli("run", "r.yaml", "--json", "-j1")
    shipped = cli(
        "run", "trace", "--set", "file=log", "--set", "rate=2", "-p", "best-fit",
        "--repeats", "1", "--json", "-j1",
    )  # fmt: skip

    (cell,) = found.document["cells"]
    assert cell["metrics"]["pods_bound"] == 3
    (cell,) = shipped.document["cells"]
    assert cell["metrics"]["pods_bound"] == 3


def test_settings_and_traces_are_listed(cli, here):
    """The traces are listed with their licences, and each one's settings."""
    listed = cli("import", "list", "--json").document["traces"]
    settings = cli("import", "swf", "--set", "help").out

    assert {each["name"] for each in listed} == {*MODULES, *OBJECTS}
    assert "node_processors" in settings


@pytest.mark.parametrize("name", MODULES)
def test_importers_tell_about_themselves(name):
    """Title, licence, units and what is dropped are told for each trace."""
    importer = load_importer(name)

    assert all((importer.title, importer.licence, importer.drops, importer.units))
    assert all(setting.meaning for setting in importer.settings.values())


def test_readme_names_every_trace():
    """The README's table says of each trace what its importer says."""
    text = (ROOT / "README.md").read_text()
    told = OBJECTS | {
        name: (each.title, each.licence, each.drops)
        for name, each in ((name, load_importer(name)) for name in MODULES)
    }

    for name, words in told.items():
        assert f"| `{name}` | {' | '.join(words)} |" in text


def test_imported_folder_as_manifests(cli, log):
    """An imported trace can be written as Kubernetes objects."""
    cli("import", "swf", "l.swf", "--out", "log")
    found = cli("import", "log", "-o", "log.json")
    items = json.loads((log / "log.json").read_text())["items"]

    assert found.code == 0
    assert len(items) == 7
    assert "pods arrive later on" in found.err


def test_objects_as_a_trace(cli, here):
    """Manifests become columns; what columns do not hold is counted."""
    cli("generate", "pools-taints", "--size", "quick", "--seed", "3", "-o", "c.json")
    found = cli("import", "manifests", "c.json", "-o", "columns")
    card = cli("import", "columns", "--json").document
    objects = cli("import", "manifests", "c.json", "--json").document

    assert found.code == 0
    assert card["pods"] == objects["pods"]
    assert card["nodes"]["distinct"] == objects["nodes"]
    assert card["nodes"]["cpu_milli"] == objects["requests"]["cpu"]["capacity"]
    assert "tolerations left out" in str(card["tables"]["pods"]["repaired"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["swg", "l.swf"], "did you mean 'swf'?", id="name"),
        pytest.param(["swf"], "needs a PATH", id="no path"),
        pytest.param(["swf", "no.swf"], "no such file", id="no file"),
        pytest.param(["swf", "tiny.yaml"], "no table of this trace", id="suffix"),
        pytest.param(["swf", "l.swf", "--set", "node=1"], "did you mean", id="setting"),
        pytest.param(
            ["swf", "l.swf", "--set", "nodes=many"], "not a whole number", id="value"
        ),
        pytest.param(
            ["swf", "l.swf", "--set", "pods=all"], "unknown pods: 'all'", id="choice"
        ),
        pytest.param(
            ["swf", "l.swf", "--strict", "-o", "x"], "would be dropped", id="strict"
        ),
        pytest.param(["."], "no imported trace", id="folder"),
        pytest.param(["manifests"], "needs one PATH", id="manifests"),
    ],
)
def test_refusals(cli, log, arguments, words):
    """Bad input is one message, and leaves nothing behind."""
    found = cli("import", *arguments)

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: ")
    assert words in found.err
    assert sorted(path.name for path in log.iterdir()) == ["l.swf", "tiny.yaml"]


def test_scenario_without_its_trace(cli, here):
    """A scenario whose folder is not given or no import says so."""
    missing = cli("run", "trace", "-p", "best-fit")
    wrong = cli("run", "trace", "--set", "file=.", "-p", "best-fit")

    assert missing.code == wrong.code == 2
    assert "add --set file=VALUE" in missing.err
    assert "no imported trace" in wrong.err
