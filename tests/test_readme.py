"""What the README promises: its generated tables, its snippets, its commands."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
import types

import numpy as np
import pytest
from conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
EXTRAS = "optional-dependencies"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)


def blocks(language: str, mark: str) -> list[str]:
    """Return the code blocks of a language that hold a text."""
    return [code for kind, code in BLOCKS if kind == language and mark in code]


def readme_script() -> types.ModuleType:
    """Load reports/readme.py."""
    path = ROOT / "reports" / "readme.py"
    spec = importlib.util.spec_from_file_location("readme_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_tables_are_not_stale():
    """The README's tables are what the stored results say."""
    assert readme_script().render(TEXT) == TEXT


@pytest.mark.parametrize("language", ["python", "yaml"])
def test_examples_are_short(language):
    """Each example of an extension is at most 15 lines of code."""
    for code in blocks(language, ""):
        lines = [x for x in code.splitlines() if x.strip() and not x.startswith("#")]

        assert len(lines) <= 15, code


@pytest.mark.slow
@pytest.mark.parametrize("decorator", ["score", "vectorized", "batch"])
def test_own_policies_run(tmp_path, decorator):
    """Each way to write a policy, as the README shows it, places pods."""
    from benchmarks.cases import encoded
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.record import EventKind
    from schedbench.simulation.replay import replay

    (code,) = blocks("python", f"@policy.{decorator}")
    name = re.search(r"^def (\w+)", code, flags=re.MULTILINE)[1]
    (tmp_path / "mine.py").write_text(code)

    record = replay(encoded(10, 30), make_policy(f"{tmp_path}/mine.py:{name}"), seed=1)

    assert (record.kind == EventKind.BIND).sum() == 30


@pytest.mark.slow
def test_the_metric_example_computes():
    """The metric of the README is a function of a run's timeline."""
    from benchmarks.cases import encoded
    from schedbench.metrics.timeline import Timeline
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.replay import replay

    (code,) = blocks("python", "def pods_a_node")
    names: dict = {"np": np, "_quality": lambda *row: row}
    exec(code, names)
    workload = encoded(10, 30)

    record = replay(workload, make_policy("first-fit"), seed=1)

    assert names["pods_a_node"](Timeline(workload, record)) == 30.0


def test_the_plot_example_draws():
    """The plot of the README draws a frame of results."""
    import pandas as pd

    (code,) = blocks("python", "def draw")
    names: dict = {}
    exec(code, names)
    cells = pd.DataFrame(
        {"scenario": ["a"], "policy": ["x"], "seed": [1], "pods_bound": [3]}
    )

    figure = names["draw"](names["data"](types.SimpleNamespace(cells=cells)))

    assert len(figure.axes) == 1


def test_the_scenario_example_builds(tmp_path):
    """The scenario of the README loads and builds a cluster of its size."""
    from schedbench.experiment.build import build
    from schedbench.experiment.scenario import load_scenario

    (code,) = blocks("yaml", "name: mine")
    path = tmp_path / "mine.yaml"
    path.write_text(code)

    scenario = load_scenario(path)
    workload = build(scenario, scenario.size_or_default(None), 1)

    assert len(workload.nodes) == 200
    assert len(workload.pods) > 500


def test_the_rooms_of_the_table_exist():
    """Every room that the README lists is a folder of the package."""
    rooms = re.findall(r"^\| `(\w+)/` \|", TEXT, flags=re.MULTILINE)

    assert len(rooms) == 15
    assert [r for r in rooms if not (ROOT / "schedbench" / r).is_dir()] == []


def test_every_dependency_is_explained():
    """Every run-time dependency, and each extra's, is in the README's table."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *itertools.chain(*project[EXTRAS].values())]
    names = [re.split(r"[><=]", text)[0].lower() for text in texts]
    table = TEXT.split("## Dependencies")[1].lower()

    assert [name for name in names if name not in table] == []
    assert sys.version_info >= (3, 11)
