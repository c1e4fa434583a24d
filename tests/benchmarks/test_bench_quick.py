"""The whole of `python -m benchmarks`, in tiny sizes, and what is committed of it."""

from __future__ import annotations

import pytest
from conftest import ROOT

from benchmarks.__main__ import command
from benchmarks.page import PAGE, TABLE, text
from benchmarks.plots import PLOTS
from benchmarks.results import NAME, read
from benchmarks.table import readme_table

PAGE_FOLDER = ROOT / "reports" / "performance"


@pytest.mark.slow
def test_quick_measures_compares_and_draws(shared, tmp_path, capsys):
    """Two runs: all rows have figures, placements agree, and the second is compared."""
    page, runs = tmp_path / "page", tmp_path / "runs"
    arguments = ["--quick", "--scheduler-perf", str(shared / "scheduler_perf")]
    arguments += ["--out", str(runs), "--page", str(page)]
    code = command(arguments, standalone_mode=False)
    printed = capsys.readouterr().out
    (stored,) = runs.iterdir()
    found = read(stored)

    assert code == 0
    assert "not measured" not in printed
    assert found.wrong_digests() == []
    assert found.lost() == []
    assert found.unchecked() == []
    assert {path.name for path in page.iterdir()} == {
        PAGE, TABLE, NAME, "workloads.png", *(f"{plot.name}.svg" for plot in PLOTS)
    }  # fmt: skip

    limits = ["--fail-on", "decisions_per_second:0.000001", "--only", "figures"]
    again = command([*arguments, *limits], standalone_mode=False)

    assert again == 1
    assert "worse" in capsys.readouterr().err


@pytest.mark.skipif(not PAGE_FOLDER.is_dir(), reason="no figures are committed")
def test_the_committed_page_is_what_its_results_say():
    """Page and README's table are made from the results beside them."""
    found = read(PAGE_FOLDER)

    assert (PAGE_FOLDER / PAGE).read_text() == text(found)
    assert (PAGE_FOLDER / TABLE).read_text() == readme_table(found)
