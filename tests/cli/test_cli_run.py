"""`run` and `sweep`: seeds, dry runs, documents, resuming, failing, interrupting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from schedbench.cli import launch, summary
from schedbench.cli.output import reset_verbosity
from schedbench.experiment.cell import CellResult

CELL_KEYS = {
    "scenario", "policy", "seed", "status", "metrics", "wall_clock", "placement_digest",
}  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "repeats", "own", "quick", "expected"),
    [
        pytest.param(None, None, (4, 5), False, [4, 5], id="the scenario's own"),
        pytest.param(None, None, (4, 5), True, [4], id="quick takes the first"),
        pytest.param(None, 3, (4, 5), False, [4, 5, 6], id="counted from its first"),
        pytest.param(9, None, (4, 5), False, [9], id="a given one alone"),
        pytest.param(9, 2, (4, 5), False, [9, 10], id="counted from a given one"),
        pytest.param(0, None, (), False, [0], id="zero is a seed"),
    ],
)
def test_seeds(seed, repeats, own, quick, expected):
    """Seeds are counted up from the given one, else from the scenario's."""
    assert launch.seeds_of(seed, repeats, own, quick=quick) == expected


def test_drawn_seed(capsys):
    """Without any seed one is drawn and told."""
    reset_verbosity()
    (seed,) = launch.seeds_of(None, None, (), quick=False)

    assert f"--seed {seed} repeats it" in capsys.readouterr().err


def test_dry_run(cli, here):
    """A dry run prints the grid and leaves nothing behind."""
    text = cli("run", "tiny.yaml", "--dry-run", "--repeats", "3")
    cells = cli("run", "tiny.yaml", "--dry-run", "--json").document["cells"]

    assert text.code == 0
    assert "6 cells = 1 scenario × 2 policies × 3 seeds" in text.out
    assert "no estimate" in text.err
    assert [(each["policy"], each["seed"]) for each in cells] == [
        ("best-fit", 3), ("random", 3), ("best-fit", 4), ("random", 4),
    ]  # fmt: skip
    assert [path.name for path in here.iterdir()] == ["tiny.yaml"]


def test_sweep_dry_run(cli, here):
    """A sweep takes scenarios, policies and seeds from its file."""
    (here / "grid.yaml").write_text(
        "name: g\nscenarios: [tiny]\npolicies: [random, best-fit]\n"
        "baseline: best-fit\nseeds: {first: 7, repeats: 2}\n"
    )
    found = cli("sweep", "grid.yaml", "--dry-run")

    assert "4 cells = 1 scenario × 2 policies × 2 seeds" in found.out
    assert "baseline best-fit" in found.out
    assert "7, 8" in found.out


def test_problems_are_gathered():
    """Cells that failed alike are one line, with how many there are."""
    cells = [
        CellResult("k", f"s{n}", "", "p", 1, "scan", "failed", error="trace\nboom")
        for n in range(3)
    ]
    expected = ["failed: s0, p and 2 more: boom"]

    assert expected == list(summary.problems(cells, []))


@pytest.mark.slow
def test_document(real_run):
    """`--json` prints one document with every cell; all else is on stderr."""
    _, found = real_run
    document = found.document

    assert found.code == 0
    assert document["schema_version"] == 1
    assert document["seeds"] == [3, 4]
    assert [cell["policy"] for cell in document["cells"]] == ["best-fit", "random"] * 2
    for cell in document["cells"]:
        assert cell.keys() >= CELL_KEYS
        assert (cell["status"], cell["metrics"]["pods_bound"]) == ("done", 8)
        assert cell["metrics"]["attempts"] >= 8
        assert cell["wall_clock"].keys() >= set(summary.WALL_CLOCK)
        assert len(cell["placement_digest"]) == 32
    assert "results: " in found.err
    assert "again: schedbench run" in found.err


@pytest.mark.slow
def test_resume(cli, real_run):
    """A run with the same folder takes finished cells over, and repeats none."""
    out, first = real_run
    found = cli("run", out.parent / "tiny.yaml", "--json", "-j1", "-o", out)
    manifest = json.loads((out / "manifest.json").read_text())

    assert found.document["cells"] == first.document["cells"]
    assert "4 of 4 cells are there already" in found.err
    assert manifest["rerun"].startswith("schedbench run ")
    assert "--seed 3 --repeats 2" in manifest["rerun"]


@pytest.mark.slow
def test_tables_and_verdicts(cli, here, real_run):
    """Without --json there are tables, simulated and wall clock apart."""
    out, _ = real_run
    found = cli("run", out.parent / "tiny.yaml", "--no-report", "-o", out)

    assert "tiny/default: 3 nodes, 8 pods, 2 seeds (simulated)" in found.out
    assert "attempts" in found.out.partition("On this machine")[0]
    assert "On this machine (wall clock)" in found.out
    assert "decisions_per_second" not in found.out.partition("On this machine")[0]
    assert list(here.iterdir()) == [here / "tiny.yaml"]


@pytest.mark.slow
def test_engines_agree(cli, here, real_run):
    """The readable engine places as the compiled one, from the command line too."""
    _, first = real_run
    found = cli("run", "tiny.yaml", "--engine", "explain", "--json", "-j1", "-q")
    digests = [cell["placement_digest"] for cell in found.document["cells"]]

    assert digests == [c["placement_digest"] for c in first.document["cells"]]
    assert found.err == ""
    assert len(list((here / "runs").iterdir())) == 1


@pytest.mark.slow
def test_a_failing_policy_fails_alone(cli, here):
    """A broken policy ends with 3; the cells of the others are kept."""
    (here / "mine.py").write_text(
        "from schedbench.policies.base import vectorized\n"
        "@vectorized\ndef broken(cluster, pod, feasible):\n    raise ValueError('oh')\n"
    )
    arguments = ["run", "tiny.yaml", "-p", "mine.py:broken", "-p", "random", "--json",
                 "-j1", "--seed", "1"]  # fmt: skip
    found = cli(*arguments)
    strict = cli(*arguments, "--strict")
    status = {cell["policy"]: cell["status"] for cell in found.document["cells"]}

    assert found.code == 3
    assert status == {"mine.py:broken": "failed", "random": "done"}
    assert "error: failed: tiny/default, mine.py:broken: ValueError: oh" in found.err
    assert (strict.code, strict.out) == (3, "")


@pytest.mark.slow
def test_skipped_cells(cli, here, shared):
    """Chosen by label, what is not modelled is skipped with its needs, not run."""
    folder = shared / "scheduler_perf/nodedeclaredfeatures"
    found = cli("run", folder, "--label", "integration-test", "--json", "-j1")
    cells = found.document["cells"]
    skipped = [cell for cell in cells if cell["status"] == "skipped"]
    done = [cell for cell in cells if cell["status"] == "done"]

    assert found.code == 0
    assert (len(skipped), len(done), len(cells)) == (1, 1, 2)
    assert all("not modelled" in cell["error"] for cell in skipped)
    assert all(cell["metrics"]["pods_pending"] == 0 for cell in done)
    assert all(not cell["metrics"] for cell in skipped)


@pytest.mark.slow
def test_interrupt(here):
    """Ctrl-C ends with 130, keeps what is finished, and says how to go on."""
    text = (here / "tiny.yaml").read_text().replace("count: 8", "count: 2000")
    (here / "tiny.yaml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "schedbench", "run", "tiny.yaml", "-j1", "-o", "r",
         "--repeats", "5000", "-v", "--no-report"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    limit = time.monotonic() + 300
    while len(list((here / "r").glob("cells/[!.]*/cell.json"))) < 2:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < limit, "no cells were written"
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "error: interrupted" in told
    assert "goes on from here" in told
    assert "Traceback" not in told
    assert (here / "r/results.parquet").is_file()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_timeout(cli, here):
    """A cell that takes too long has the status timeout; the run ends with 3."""
    found = cli("run", "large-cluster", "--size", "quick", "-p", "random", "--seed",
                "1", "--timeout", "0.001", "--json", "-j1")  # fmt: skip

    assert found.code == 3
    assert [cell["status"] for cell in found.document["cells"]] == ["timeout"]
    assert "timeout: large-cluster/quick, random" in found.err


@pytest.mark.slow
def test_sweep_goes_on(cli, here):
    """A sweep without --out goes on with its unfinished run, and ends it."""
    (here / "grid.yaml").write_text(
        "name: g\nscenarios: [tiny]\npolicies: [random]\nseeds: {repeats: 2}\n"
    )
    first = cli("sweep", "grid.yaml", "--json", "-j1").document
    folder = here / first["run"]
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(
        json.dumps(manifest | {"status": "interrupted"})
    )
    second = cli("sweep", "grid.yaml", "--json", "-j1")
    third = cli("sweep", "grid.yaml", "--json", "-j1").document

    assert second.document["run"] == first["run"]
    assert "going on with" in second.err
    assert third["run"] != first["run"]


@pytest.mark.slow
def test_estimate(cli, here):
    """A dry run estimates its time from stored runs of the same scenario."""
    cli("run", "tiny.yaml", "--json", "-j1")
    found = cli("run", "tiny.yaml", "--dry-run")

    assert "estimate:" in found.out


@pytest.mark.slow
def test_check_of_policies(cli, here):
    """A policy that keeps its promises passes, one that cheats ends with 1."""
    (here / "mine.py").write_text(
        "from schedbench.policies.base import batch\n"
        "@batch\ndef cheat(cluster, pods):\n"
        "    import numpy as np\n    return np.zeros(len(pods), dtype=np.int64)\n"
    )
    good = cli("check", "best-fit", "--json")
    bad = cli("check", "mine.py:cheat", "--json")

    assert good.code == 0
    assert all(each["passed"] for each in good.document["checks"])
    assert bad.code == 1
    assert not all(each["passed"] for each in bad.document["checks"])


@pytest.mark.usefixtures("here")
def test_compiling_is_told_only_where_the_kernels_are_not_in_the_cache(
    cli, monkeypatch
):
    """Before it begins, and with its time when it is done."""
    warm = cli("run", "tiny.yaml", "-p", "random", "--seed", "1", "--no-report")
    monkeypatch.setattr("schedbench.experiment.warmup.is_cold", lambda: True)
    cold = cli("run", "tiny.yaml", "-p", "random", "--seed", "1", "--no-report")

    assert "compil" not in warm.err
    assert "compiling the kernels: less than a minute, the first time only" in cold.err
    assert "compiled in " in cold.err
