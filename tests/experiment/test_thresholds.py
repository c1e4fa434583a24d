"""Limits learnt from the spread over seeds and runs."""

from __future__ import annotations

import dataclasses
import json

import experiment_stubs as stubs
import numpy as np
import pytest
from scipy.stats import t

from schedbench.errors import InputError
from schedbench.experiment.compare import compare
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import Results, load_results
from schedbench.experiment.thresholds import learn, read_limits, write_thresholds


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Results:
    path = tmp_path_factory.mktemp("base")
    run_grid(stubs.stub_grid(), path, jobs=1, cell_function=stubs.stub_cell)
    return load_results(path)


def changed(results: Results, **columns) -> Results:
    return dataclasses.replace(results, cells=results.cells.assign(**columns))


def learnt(runs, metric, policy="plain"):
    found, _ = learn(runs, [metric])
    return next(each for each in found.limits if each.policy == policy)


def test_seeds_alone_teach_by_the_standard_error(base):
    """100, 101, 102: deviation 1, error 1/√3, t(2) at 99 %, √2 for two means."""
    found = learnt([base], "pods_bound")
    expected = t.ppf(0.99, 2) * np.sqrt(2) / np.sqrt(3) / 101

    assert (found.seeds, found.runs, found.relative) == (3, 1, True)
    assert found.tolerance == pytest.approx(expected)


def test_repeating_a_simulation_teaches_nothing_more(base):
    """Simulated figures of the same seeds are the same."""
    once, again = learnt([base], "pods_bound"), learnt([base] * 3, "pods_bound")

    assert again.tolerance == pytest.approx(once.tolerance)


def test_times_are_learnt_from_runs(base):
    """Means 0.4, 0.5 and 0.6 s deviate by 0.1; seeds do not count."""
    runs = [changed(base, schedule_seconds=value) for value in (0.4, 0.5, 0.6)]
    found = learnt(runs, "schedule_seconds")

    assert found.tolerance == pytest.approx(t.ppf(0.99, 2) * np.sqrt(2) * 0.1 / 0.5)
    assert found.runs == 3


def test_one_run_teaches_nothing_of_times(base):
    """That is told, or refused if nothing else is asked for."""
    found, notes = learn([base], ["pods_bound", "schedule_seconds"])

    assert {each.metric for each in found.limits} == {"pods_bound"}
    assert len(notes) == 1
    assert notes[0].startswith("schedule_seconds: 2 limits are not learnt, as one run")
    with pytest.raises(InputError, match="nothing can be learnt"):
        learn([base], ["schedule_seconds"])


@pytest.mark.parametrize(
    ("value", "tolerance", "relative"),
    [
        pytest.param(7.0, 0.0, True, id="a constant may not move"),
        pytest.param(0.0, 0.0, False, id="nor may zero"),
    ],
)
def test_constants(base, value, tolerance, relative):
    """Any worsening of what never moved is one."""
    found = learnt([changed(base, pods_pending=value)], "pods_pending")

    assert (found.tolerance, found.relative) == (tolerance, relative)


def test_a_run_like_the_learnt_ones_passes(base, tmp_path):
    """Of 60 runs with other seeds' values few are stopped: 1 % a limit."""
    generator = np.random.default_rng(5)

    def run(loss=0.0):
        values = generator.normal(100 - loss, 3, len(base.cells))
        return changed(base, pods_bound=values)

    stopped = 0
    for _ in range(60):
        teacher = run()
        limits = [each.limit() for each in learn([teacher], ["pods_bound"])[0].limits]
        stopped += compare(teacher, run(), fail_on=limits).exit_code
    far = compare(teacher, run(loss=60), fail_on=limits)

    assert stopped <= 60 * 2 * 0.01 + 4
    assert far.exit_code == 1


def test_a_file_reads_back(base, tmp_path):
    """The limits of the file are those that were learnt, place by place."""
    found, _ = learn([base])
    write_thresholds(found, tmp_path / "t.json")

    assert read_limits(tmp_path / "t.json") == [each.limit() for each in found.limits]
    assert json.loads((tmp_path / "t.json").read_text())["rule"].startswith("A mean")


def test_limits_hold_where_they_were_learnt(base):
    """A limit of one policy does not stop another; those of neither run are told."""
    limits = [each.limit() for each in learn([base], ["pods_bound"])[0].limits]
    worse = changed(
        base,
        pods_bound=base.cells["pods_bound"] - 50 * (base.cells["policy"] == "good"),
    )
    only = dataclasses.replace(limits[0], place=("small", "5", "gone"))

    stopped = compare(base, worse, fail_on=limits)
    told = compare(base, base, fail_on=[*limits, only])

    assert [text.split(":")[0] for text in stopped.regressions] == ["small/5, good"]
    assert told.notes[-1].startswith("1 of 3 limits are about cells")
    with pytest.raises(InputError, match="nothing was checked"):
        compare(base, base, fail_on=[only])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda d: d.pop("limits"), "missing", id="no limits"),
        pytest.param(
            lambda d: d["limits"][0].update(metric="pods_bnd"),
            r"limits\[0\]\.metric.*pods_bnd",
            id="unknown metric",
        ),
        pytest.param(
            lambda d: d["limits"][0].update(tolerance=-1), "tolerance", id="negative"
        ),
        pytest.param(lambda d: d.update(schema_version=2), "schema_version", id="v2"),
        pytest.param(lambda d: d.update(limit=1), "limit", id="unknown field"),
    ],
)
def test_files_that_are_none(base, tmp_path, change, words):
    """File, field and value are named."""
    path = tmp_path / "t.json"
    write_thresholds(learn([base], ["pods_bound"])[0], path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match=words):
        read_limits(path)


@pytest.mark.parametrize("text", ["", "{", '{"limits": [1e999]}'])
def test_truncated_files(tmp_path, text):
    """What is no JSON is told with the file's name."""
    (tmp_path / "t.json").write_text(text)

    with pytest.raises(InputError, match=r"t\.json"):
        read_limits(tmp_path / "t.json")


def test_metrics_without_direction_cannot_be_learnt(base):
    """They cannot get worse."""
    with pytest.raises(InputError, match="neither"):
        learn([base], ["pods_total"])
