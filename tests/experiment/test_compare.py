"""Two runs compared: deltas, limits, refusals, and the forms of the table."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import experiment_stubs as stubs
import numpy as np
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.compare import compare
from schedbench.experiment.compare_forms import (
    headline,
    to_csv,
    to_dict,
    to_markdown,
)
from schedbench.experiment.limits import Limit
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import Results, load_results


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Results:
    path = tmp_path_factory.mktemp("base")
    run_grid(stubs.stub_grid(), path, jobs=1, cell_function=stubs.stub_cell)
    return load_results(path)


def changed(results: Results, **changes) -> Results:
    """Return the results with columns changed: name → function of the old column."""
    cells = results.cells.copy()
    for name, change in changes.items():
        cells[name] = change(cells[name])
    return dataclasses.replace(results, cells=cells)


def test_a_run_against_itself_is_the_same(base):
    """Nothing changed, nothing is a regression."""
    found = compare(base, base, fail_on=["pods_bound:0", "pods_pending:0%"])

    assert {row.verdict for row in found.rows} == {"same"}
    assert found.changed() == []
    assert found.exit_code == 0


def test_changes_are_told_by_metric_and_policy(base):
    """Each row has both means, the paired difference and the verdict."""
    new = changed(base, pods_bound=lambda column: column - 10)

    found = compare(base, new)
    row = found.changed()[0]

    assert (row.policy, row.metric, row.verdict) == ("plain", "pods_bound", "worse")
    assert (row.base, row.new, row.delta, row.n) == (101, 91, -10, 3)
    assert row.relative == pytest.approx(-10 / 101)
    assert [row.policy for row in found.changed()] == ["plain", "good"]


@pytest.mark.parametrize(
    ("limit", "broken"),
    [
        pytest.param("pods_bound:0", 2, id="any loss"),
        pytest.param("pods_bound:10", 0, id="just allowed"),
        pytest.param("pods_bound:9.5%", 1, id="one policy loses more in proportion"),
        pytest.param("pods_bound:20%", 0, id="wide"),
        pytest.param("pods_pending:0", 0, id="another metric"),
    ],
)
def test_a_limit_is_broken_by_a_larger_loss(base, limit, broken):
    """Losses beyond the limit make the exit code 1 and are named."""
    new = changed(base, pods_bound=lambda column: column - 10)

    found = compare(base, new, fail_on=[limit])

    assert len(found.regressions) == broken
    assert found.exit_code == (broken > 0)
    assert all("pods_bound went from" in line for line in found.regressions)


def test_gains_break_no_limit(base):
    """Fewer pending pods are no regression of pending pods."""
    new = changed(base, pods_pending=lambda column: column - 5)

    assert compare(base, new, fail_on=["pods_pending:0"]).exit_code == 0


def test_cells_lost_since_the_base_break_a_gate(base):
    """A cell that used to be done and fails now is a regression if limits are set."""
    new = changed(
        base, status=lambda column: column.where(base.cells["seed"] > 0, "failed")
    )

    assert compare(base, new, fail_on=["pods_bound:0"]).exit_code == 1
    assert "1 of 3 cells" in compare(base, new).notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("nodes_used", "METRIC:NUMBER", id="no number"),
        pytest.param("nodes_used:", "METRIC:NUMBER", id="empty number"),
        pytest.param("nodes_used:2 %", "METRIC:NUMBER", id="space"),
        pytest.param("nodes_used:-1", "METRIC:NUMBER", id="negative"),
        pytest.param("nodes_used:1e999", "METRIC:NUMBER", id="infinite"),
        pytest.param("nodes_used:e", "METRIC:NUMBER", id="letters"),
        pytest.param("pods_total:1", "neither", id="no direction"),
    ],
)
def test_malformed_limits_are_refused(text, words):
    """The message shows the text and the form a limit has."""
    with pytest.raises(InputError, match=words) as caught:
        Limit.parse(text)

    assert caught.value.value == text


def test_limits_say_what_they_allow():
    """A limit is a metric and a tolerance, in units or in percent."""
    assert Limit.parse("nodes_used:2%") == Limit("nodes_used", 0.02, relative=True)
    assert Limit.parse("pods_pending:0") == Limit("pods_pending", 0, relative=False)
    assert str(Limit.parse("nodes_used:2%")) == "nodes_used may get worse by 2 %"


def test_a_misspelt_metric_gets_a_suggestion():
    """The nearest metric is named."""
    with pytest.raises(UnknownNameError, match="nodes_used"):
        Limit.parse("node_used:1")


def test_a_limit_on_a_metric_without_values_is_refused(base):
    """A gate that checked nothing must not pass."""
    with pytest.raises(InputError, match="nothing was checked"):
        compare(base, base, fail_on=["slowdown_mean:5%"])


def test_other_scenarios_are_refused_unless_overridden(base):
    """Runs of different contents of a scenario are compared only on demand."""
    scenarios = [one | {"digest": "other"} for one in base.manifest["scenarios"]]
    new = dataclasses.replace(base, manifest=base.manifest | {"scenarios": scenarios})

    with pytest.raises(InputError, match="different contents of scenario small/5"):
        compare(base, new)
    assert compare(base, new, override=True).rows


def test_times_of_other_machines_get_no_verdict(base):
    """Wall-clock metrics are compared on one machine, quality on any."""
    here = base.manifest["environment"]
    there = here | {"cpu": here["cpu"] | {"model": "another"}}
    manifest = base.manifest | {"environment": there}
    new = dataclasses.replace(
        changed(base, schedule_seconds=lambda column: column * 2), manifest=manifest
    )

    verdicts = {row.metric: row.verdict for row in compare(base, new).rows}
    assert verdicts["schedule_seconds"] == "not comparable"
    assert verdicts["pods_bound"] == "same"
    assert compare(base, new, override=True).changed()[0].metric == "schedule_seconds"


def test_runs_without_common_cells_are_refused(base):
    """No policy in common: nothing to compare."""
    new = changed(base, policy=lambda column: column + "-new")

    with pytest.raises(InputError, match="no finished cells in common"):
        compare(base, new)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"version": "0.0.1"}, r"versions of schedbench \(0\.0\.1, ", id="v"
        ),
        pytest.param({"code": "other"}, "different code of schedbench", id="code"),
        pytest.param(
            {"version": "0.0.1", "scenarios": "other"},
            "contents of scenario small/5 and different versions",
            id="both are named",
        ),
    ],
)
def test_runs_that_differ_in_more_than_the_policy_are_refused(base, changes, words):
    """The message says in what; --override compares all the same."""
    old = dict(base.manifest)
    old["environment"] = dict(old["environment"])
    if "version" in changes:
        old["version"] = changes["version"]
    if "code" in changes:
        old["environment"]["code_digest"] = changes["code"]
    if "scenarios" in changes:
        old["scenarios"] = [one | {"digest": "other"} for one in old["scenarios"]]
    before = dataclasses.replace(base, manifest=old)

    with pytest.raises(InputError, match=words):
        compare(before, base)
    assert compare(before, base, override=True).rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"engine": "scan"}, "engine", id="engine"),
        pytest.param(
            {"sessions": [{"jobs": 7}]}, "number of cells at a time", id="jobs"
        ),
    ],
)
def test_what_only_times_depend_on_takes_their_verdict(base, change, words):
    """Placements do not depend on the engine; speeds do."""
    new = dataclasses.replace(
        changed(base, schedule_seconds=lambda column: column * 2),
        manifest=base.manifest | change,
    )

    found = compare(base, new)
    rows = {row.metric: row for row in found.rows}

    assert f"The runs differ in {words}: no verdict on times." in found.notes
    assert rows["schedule_seconds"].basis == "other conditions"
    assert rows["pods_bound"].verdict == "same"


def test_two_runs_of_one_policy_each_are_compared(base):
    """What differs is the policy, and nothing else."""
    cells = base.cells
    one, other = (
        dataclasses.replace(base, cells=cells[cells["policy"] == name])
        for name in ("plain", "good")
    )

    found = compare(one, other)
    row = next(row for row in found.rows if row.metric == "pods_bound")

    assert (row.policy, row.base_policy, row.verdict) == ("good", "plain", "better")
    assert "good against plain" in to_markdown(found)
    assert found.notes == ["Each run has a single policy: good is compared with plain."]


def test_a_changed_policy_file_is_told(base):
    """That is the difference that a gate looks for."""
    old, new = (
        dataclasses.replace(
            base, manifest=base.manifest | {"policy_sources": {"good": digest}}
        )
        for digest in "ab"
    )

    assert compare(old, new).notes == [
        "The file of policy good has changed between the runs."
    ]


def test_noise_in_many_metrics_changes_nothing(base):
    """A/A with noise in all metrics: Holm keeps nearly all such reports quiet."""
    generator = np.random.default_rng(3)
    names = ["pods_bound", "pods_pending", "schedule_seconds", "decisions_per_second"]

    def noisy():
        count = len(base.cells)
        return changed(
            base, **{name: lambda _: generator.normal(100, 3, count) for name in names}
        )

    loud = sum(bool(compare(noisy(), noisy()).changed()) for _ in range(100))

    assert loud <= 5 + 3 * np.sqrt(100 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        pytest.param(1.05, "same", id="as two runs of the same may differ"),
        pytest.param(1.5, "worse", id="half as much again"),
    ],
)
def test_seeds_of_one_run_do_not_repeat_its_times(base, factor, verdict):
    """However alike the seeds: they shared a machine that another run had otherwise."""
    new = changed(base, schedule_seconds=lambda column: column * factor)

    rows = {row.metric: row for row in compare(base, new).rows}

    assert rows["schedule_seconds"].verdict == verdict


def test_within_the_margin_is_the_same(base):
    """A loss of 10 pods in 100 is the same to who says 15 %."""
    new = changed(base, pods_bound=lambda column: column - 10)

    assert compare(base, new, margin=0.15, metrics=["pods_bound"]).changed() == []
    assert compare(base, new, margin=0.05, metrics=["pods_bound"]).changed()


def test_every_form_has_the_same_rows(base):
    """JSON, CSV and Markdown list what changed."""
    new = changed(base, pods_bound=lambda column: column - 10)
    found = compare(base, new)

    document = json.loads(json.dumps(to_dict(found, changed_only=True)))
    rows = list(csv.DictReader(io.StringIO(to_csv(found, changed_only=True))))
    assert document["schema_version"] == 1
    assert [row["policy"] for row in document["rows"]] == ["plain", "good"]
    assert [row["dz"] for row in document["rows"]] == [None, None]
    assert [row["delta"] for row in rows] == ["-10.0", "-10.0"]
    assert "| small/5 | plain | pods_bound | 101 | 91 | -9.90 % | worse |" in (
        to_markdown(found).splitlines()
    )


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        pytest.param([], "0 better, 2 worse of ", id="no limits"),
        pytest.param(["pods_bound:20"], "passed: 1 limit kept; ", id="kept"),
        pytest.param(["pods_bound:0"], "failed: 2 limits broken; ", id="broken"),
    ],
)
def test_markdown_begins_with_the_outcome(base, limits, words):
    """Then the broken limits, then what changed, folded if it is long."""
    new = changed(base, pods_bound=lambda column: column - 10)
    found = compare(base, new, fail_on=limits)
    lines = to_markdown(found).splitlines()

    assert headline(found).startswith(words)
    assert lines[0].endswith(headline(found))
    assert [line.startswith("- **small/5, ") for line in lines].count(True) == len(
        found.regressions
    )
    assert "<summary>What changed (2)</summary>" in lines


def test_names_cannot_break_the_markdown(base):
    """A policy's name with a bar, or a tag, stays text."""
    new, old = (
        changed(
            base,
            policy=lambda column: column.str.replace("good", "a|b<i>"),
            pods_bound=lambda column, by=by: column - by,
        )
        for by in (10, 0)
    )

    assert "a\\|b\\<i\\>" in to_markdown(compare(old, new))
