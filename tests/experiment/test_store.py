"""Storing and loading results, finding runs."""

from __future__ import annotations

import datetime as dt

import experiment_stubs as stubs
import pandas as pd
import pyarrow.parquet as pq
import pytest

from schedbench.errors import InputError
from schedbench.experiment import folder
from schedbench.experiment.folder import read_cell, write_cell, write_file
from schedbench.experiment.runner import run_grid
from schedbench.experiment.runs import list_runs, new_run, resolve_run
from schedbench.experiment.store import collect, load_results
from schedbench.metrics.table import METRICS


@pytest.fixture
def out(tmp_path):
    """The folder of a finished run of six stub cells."""
    run_grid(stubs.stub_grid(), tmp_path, jobs=1, cell_function=stubs.stub_cell)
    return tmp_path


class TestCell:
    def test_a_cell_comes_back_as_it_was(self, tmp_path):
        """Writing and reading a cell keeps every number, and None."""
        cell = next(stubs.stub_grid().cells())
        result = stubs.stub_cell(cell)

        folder = write_cell(tmp_path, result)

        assert folder.name == cell.key
        assert read_cell(folder) == result.without_tables()
        assert pq.read_table(folder / "samples.parquet") == result.tables["samples"]

    def test_an_older_cell_is_replaced(self, tmp_path):
        """A second result takes the place of the first, leaving nothing beside."""
        result = stubs.stub_cell(next(stubs.stub_grid().cells()))
        write_cell(tmp_path, result)
        result.status = "failed"

        path = write_cell(tmp_path, result)

        assert read_cell(path).status == "failed"
        assert list((tmp_path / "cells").iterdir()) == [path]

    @pytest.mark.parametrize("broken", ["_write_synced", "_sync_folder"])
    def test_a_crash_while_writing_leaves_no_cell(self, tmp_path, broken, monkeypatch):
        """Until all bytes are on the disk the cell's name does not exist."""

        def crash(*_arguments):
            raise OSError("no space left")

        monkeypatch.setattr(folder, broken, crash)
        result = stubs.stub_cell(next(stubs.stub_grid().cells()))

        with pytest.raises(OSError, match="no space"):
            write_cell(tmp_path, result)
        assert not (tmp_path / "cells" / result.key).exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    """A failed write keeps the old file and leaves no temporary one."""
    path = tmp_path / "manifest.json"
    write_file(path, b"old")

    def crash(*_arguments):
        raise OSError("no space left")

    monkeypatch.setattr(folder.os, "fsync", crash)
    with pytest.raises(OSError, match="no space"):
        write_file(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


class TestResults:
    def test_cells_have_a_column_for_every_metric(self, out):
        """Identity first, then all metrics of the table, NaN where there is none."""
        cells = load_results(out).cells

        assert set(METRICS) <= set(cells.columns)
        assert list(cells["policy"]) == ["plain", "good"] * 3
        assert list(cells["seed"]) == [0, 0, 1, 1, 2, 2]
        assert list(cells["pods_bound"]) == [100, 120, 101, 121, 102, 122]
        assert cells["slowdown_mean"].isna().all()
        assert cells["error"].isna().all()
        assert set(cells["status"]) == {"done"}

    def test_the_long_tables_name_their_cell(self, out):
        """Samples, node fill and rejections carry scenario, size, policy and seed."""
        results = load_results(out)
        identity = ["scenario", "size", "policy", "seed"]

        assert list(results.samples.columns) == [*identity, "time", "pods_bound"]
        assert len(results.samples) == 12
        assert list(results.node_fill["seed"]) == [0, 0, 1, 1, 2, 2]
        assert list(results.rejections["nodes"]) == [0, 0, 1, 1, 2, 2]
        key = results.cells["key"][0]
        assert list(results.placements(key)["kind"]) == ["bind"]

    def test_the_parquet_file_explains_itself(self, out):
        """The manifest is in the metadata of results.parquet."""
        metadata = pq.read_schema(out / "results.parquet").metadata

        assert b'"baseline":"plain"' in metadata[b"schedbench"]

    def test_unfinished_cells_are_interrupted(self, out):
        """A planned cell without a folder is in the results, with that status."""
        first = load_results(out).cells["key"][0]
        (out / "cells" / first).rename(out / "elsewhere")

        collect(out)
        cells = load_results(out).cells

        assert list(cells["status"]) == ["interrupted"] + ["done"] * 5
        assert pd.isna(cells["nodes"][0])
        assert cells["nodes"][1] == 5
        assert len(load_results(out).samples) == 10

    def test_a_run_without_finished_cells_has_empty_tables(self, tmp_path):
        """Nothing done: the frames are empty but have their columns."""
        grid = stubs.stub_grid(("bad",), (0,))
        run_grid(grid, tmp_path, jobs=1, cell_function=stubs.failing_cell)
        results = load_results(tmp_path)

        assert list(results.cells["status"]) == ["failed"]
        assert results.samples.empty
        assert {"policy", "time", "fill"} <= set(results.node_fill.columns)

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            pytest.param("manifest.json", None, "no manifest", id="no manifest"),
            pytest.param("manifest.json", b"{", "cannot be read", id="cut manifest"),
            pytest.param(
                "manifest.json",
                b'{"schema_version": 99}',
                "schema version.*99",
                id="another version",
            ),
            pytest.param("results.parquet", b"PAR1", "results.parquet", id="cut table"),
        ],
    )
    def test_damage_is_told_with_the_file(self, out, name, content, words):
        """A damaged file of a run is an input error that names it."""
        path = out / name
        path.unlink() if content is None else path.write_bytes(content)

        with pytest.raises(InputError, match=words):
            load_results(out)


class TestRuns:
    def make(self, root, *names):
        folders = [
            new_run(name, root, dt.datetime(2026, 1, 2, 3, 4, 5)) for name in names
        ]
        for path in folders:
            run_grid(stubs.stub_grid(), path, jobs=1, cell_function=stubs.stub_cell)
        return folders

    def test_runs_are_numbered(self, tmp_path):
        """A run's id is its number, its name made fit for a folder, and its time."""
        names = [
            new_run("a", tmp_path).name[:6],
            new_run("Case/Work load", tmp_path).name,
        ]

        assert names[0] == "0001_a"
        assert names[1].startswith("0002_Case-Work-load_20")

    def test_runs_are_found_by_age_prefix_and_path(self, tmp_path):
        """`latest`, `latest~1`, a prefix of the id and a path all lead to a run."""
        one, two = self.make(tmp_path, "a", "b")

        assert resolve_run("latest", tmp_path) == two
        assert resolve_run("latest~1", tmp_path) == one
        assert resolve_run("0001", tmp_path) == one
        assert resolve_run(two.name, tmp_path) == two
        assert resolve_run(str(one), tmp_path) == one
        assert [run.id for run in list_runs(tmp_path)] == [one.name, two.name]
        assert list_runs(tmp_path)[0].status == "done"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param("latest~2", "there are 2 runs", id="too old"),
            pytest.param("000", "2 runs begin so", id="ambiguous"),
            pytest.param("lastest", "did you mean 'latest'", id="misspelt"),
        ],
    )
    def test_what_fits_no_run_is_refused(self, tmp_path, text, words):
        """No run, or more than one: the message says which there are."""
        self.make(tmp_path, "a", "b")

        with pytest.raises(InputError, match=words):
            resolve_run(text, tmp_path)

    def test_without_runs_the_message_says_how_to_make_one(self, tmp_path):
        """An empty or missing runs folder has no latest."""
        with pytest.raises(InputError, match="schedbench run"):
            resolve_run("latest", tmp_path / "none")
