"""`compare`, `report` and `show` on stored runs."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def two(stub_run):
    """Two runs that differ in what one policy is worth."""
    import experiment_stubs as stubs

    base = stub_run("base")
    before = stubs.WORTH["good"]
    stubs.WORTH["good"] = 1.1
    try:
        new = stub_run("new")
    finally:
        stubs.WORTH["good"] = before
    return base, new


def test_compare(cli, two):
    """What became worse is shown with its change and verdict."""
    found = cli("compare", *two)

    assert found.code == 0
    assert "pods_bound" in found.out
    assert "worse" in found.out


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        pytest.param("pods_bound:0", 1, id="any loss fails"),
        pytest.param("pods_bound:1%", 1, id="more than a hundredth is lost"),
        pytest.param("pods_bound:50%", 0, id="a half may be lost"),
        pytest.param("pods_bnd:0", 2, id="no such metric"),
        pytest.param("pods_bound", 2, id="no limit"),
    ],
)
def test_fail_on(cli, two, limit, code):
    """A broken limit ends with 1, a wrong one with 2."""
    found = cli("compare", *two, "--fail-on", limit)

    assert found.code == code
    assert found.err.startswith("error: ") is (code > 0)
    assert found.err.startswith("passed: 1 limit kept") is (code == 0)


def test_compare_forms(cli, two):
    """The same rows come as JSON, CSV and Markdown."""
    found = cli("compare", *two, "--all", "--json").document
    rows = len(found["rows"])

    assert found["schema_version"] == 1
    assert len(cli("compare", *two, "--all", "--csv").out.splitlines()) == rows + 1
    markdown = cli("compare", *two, "--all", "--markdown").out
    assert markdown == cli("compare", *two, "--all", "--format", "markdown").out
    assert sum(line.startswith("| small/5 ") for line in markdown.splitlines()) == rows


class TestLearn:
    def test_limits_are_learnt_and_checked(self, cli, two, tmp_path):
        """What was learnt from the base fails the new run, and passes the base."""
        base, new = two
        file = tmp_path / "thresholds.json"
        learnt = cli("compare", "--learn", base, base, "--out", file)
        limits = json.loads(file.read_text())["limits"]

        assert (learnt.code, learnt.out.strip()) == (0, str(file))
        assert {limit["policy"] for limit in limits} == {"plain", "good"}
        assert cli("compare", base, base, "--fail-on", f"@{file}").code == 0
        found = cli("compare", base, new, "--fail-on", f"@{file}", "--metric",
                    "pods_bound")  # fmt: skip
        assert (found.code, "good: pods_bound went from" in found.err) == (1, True)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            pytest.param(["--learn"], "add --out", id="nowhere to go"),
            pytest.param(
                ["--learn", "--out", "x.json", "--fail-on", "pods_bound:0"],
                "leave --fail-on out",
                id="learnt and checked at once",
            ),
            pytest.param(
                ["--learn", "--out", "no/such/folder.json"],
                "cannot be written",
                id="no folder",
            ),
            pytest.param(["--out", "x.json"], "add --learn", id="nothing to write"),
            pytest.param(
                ["--fail-on", "@none.json"], "cannot be read", id="no such file"
            ),
            pytest.param(["--margin", "2"], "such as 1%", id="no percentage"),
            pytest.param(["--margin", "nan%"], "such as 1%", id="not a number"),
        ],
    )
    def test_what_makes_no_sense(self, cli, two, here, options, words):
        """Exit code 2 and what to do."""
        found = cli("compare", *two, *options)

        assert (found.code, words in found.err) == (2, True)
        assert [path.name for path in here.glob("*.json")] == []

    def test_three_runs_are_compared_with_nothing(self, cli, two):
        """Two can be compared; more can only teach."""
        found = cli("compare", *two, two[0])

        assert (found.code, "more than two runs" in found.err) == (2, True)


def test_nothing_changed(cli, two):
    """A run compared with itself says so."""
    found = cli("compare", two[0], two[0])

    assert (found.code, found.out.startswith("Nothing changed")) == (0, True)


def test_names_of_runs(cli, here, stub_run):
    """Runs are named by prefix and by age; what is not there is told."""
    stub_run("runs/0001_a")
    stub_run("runs/0002_b")

    assert "0002_b" in cli("show", "latest").out
    assert "0001_a" in cli("show", "latest~1").out
    assert "0001_a" in cli("show", "0001").out
    assert cli("show", "0003").code == 2


def test_show(cli, stub_run):
    """A run is shown with its counts, its table and what the policies are worth."""
    found = cli("show", stub_run("r"))

    assert found.code == 0
    assert "6 done" in found.out
    assert "small/5: 5 nodes, 100 pods, 3 seeds (simulated)" in found.out
    assert "wall clock" in found.out
    assert "good" in found.out.partition("wall clock")[2]


def test_show_cells(cli, stub_run):
    """Cells come one a row, and can be chosen."""
    run = stub_run("r")
    cells = cli("show", run, "--json").document["cells"]
    chosen = cli("show", run, "-p", "good", "--seed", "1", "--json").document["cells"]
    wrong = cli("show", run, "-p", "godo")

    assert len(cells) == 6
    assert [(each["policy"], each["seed"]) for each in chosen] == [("good", 1)]
    assert (wrong.code, "did you mean 'good'?" in wrong.err) == (2, True)


@pytest.mark.slow
def test_report(cli, real_run, tmp_path):
    """The page of a stored run is drawn where it is wanted; its path is printed."""
    run, _ = real_run
    found = cli("report", run, "-o", tmp_path / "page", "--json")

    assert found.document["page"] == str(tmp_path / "page/index.html")
    assert (tmp_path / "page/index.html").is_file()


@pytest.mark.slow
def test_show_pod(cli, real_run):
    """A pod's events are told for every policy and seed."""
    run, _ = real_run
    events = cli("show", run, "--pod", "c-0", "--json").document["events"]
    missing = cli("show", run, "--pod", "c-99")
    told = cli("show", run, "--pod", "c-0")

    assert [each["event"] for each in events] == ["arrive", "bind"] * 4
    assert missing.code == 2
    assert "no timeline: pods have one in scenarios with an end_to_end" in told.err
    assert json.loads(json.dumps(events)) == events


@pytest.mark.slow
def test_report_of_several(cli, real_run, tmp_path):
    """Several runs give one page, whose place has to be said."""
    run, _ = real_run
    nowhere = cli("report", run, run)
    found = cli("report", run, run, "-o", tmp_path / "page")

    assert (nowhere.code, "say where to write it" in nowhere.err) == (2, True)
    assert found.out.strip() == str(tmp_path / "page/index.html")


def test_bounds_of_a_run(cli, here):
    """`run --bounds` tells the distance; `show` and `compare` have it as JSON."""
    ran = cli("run", "tiny.yaml", "-o", "out", "--bounds", "--no-report", "-j", "1")
    shown = cli("show", "out", "--json").document
    compared = cli("compare", "out", "out", "--json").document
    metrics = {row["metric"] for row in shown["regret"]}

    assert ran.code == 0
    assert "Beside what no policy can beat" in ran.out
    assert "--bounds" in ran.err.splitlines()[-1]
    assert {"pods_pending", "nodes_used"} <= metrics
    assert {row["status"] for row in shown["bounds"]} == {"optimal"}
    assert {row["run"] for row in compared["regret"]} == {"base", "new"}
