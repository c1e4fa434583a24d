"""The page: whole, safe, the same every time, and clear about what is missing."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report.fabricated import Fabricated, fabricate

from schedbench.errors import InputError
from schedbench.report.page import write_report

EVIL = "<script>alert('x')</script> & $x_1$ \"quoted\" --> ]]>"
SMALL = {"web-services": {"100": 100, "500": 500}, "batch-departures": {"200": 200}}
VOID = {"meta", "input", "br", "img", "link", "hr"}


class Page(HTMLParser):
    """Collects tags, and checks that those of HTML are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, values)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self._note(tag, dict(attrs))

    def _note(self, tag: str, values: dict) -> None:
        self.scripts += tag == "script"
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("src", "xlink:href", "srcset", "data", "poster"):
            if name in values:
                self.loaded.append(values[name])
        if tag == "a":
            self.links.append(values["href"])
        assert not any(name.startswith("on") for name in values)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report(results: Fabricated, out: Path) -> tuple[str, Page]:
    text = write_report(results, out).read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open
    return text, page


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Page]:
    """A report of three policies on two scenarios, with two cells that failed."""
    out = tmp_path_factory.mktemp("report")
    text, page = report(fabricate(3, 6, SMALL, failed=2), out)
    return out, text, page


def test_page_has_each_section(whole: tuple[Path, str, Page]) -> None:
    """Verdict, warnings, overview, scenarios, speed, failures and environment."""
    _, _, page = whole
    expected = [
        "filter", "verdict", "warnings", "overview", "end-to-end", "saturation",
        "scenario-web-services", "fault_recovery.web-services",
        "api_latency.batch-departures", "startup_throughput.web-services",
        "scenario-batch-departures", "speed", "failures", "environment", "ranks",
        "pareto", "sensitivity", "latency", "scaling", "differences.web-services",
        "allocation.batch-departures", "pending.batch-departures",
        "node_fill.web-services", "rejections.web-services",
    ]  # fmt: skip

    assert [name for name in expected if name not in page.ids] == []


def test_ids_are_unique(whole: tuple[Path, str, Page]) -> None:
    """Figures beside each other share no id, so none borrows another's clip path."""
    _, _, page = whole

    assert len(set(page.ids)) == len(page.ids)


def test_page_loads_nothing_from_outside(whole: tuple[Path, str, Page]) -> None:
    """Only embedded images and places in the page itself are loaded."""
    _, text, page = whole

    assert all(url.startswith(("data:image/png", "#")) for url in page.loaded)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", text)
    assert all(not link.startswith(("http:", "https:", "//")) for link in page.links)


def test_links_lead_to_files(whole: tuple[Path, str, Page]) -> None:
    """Every link leads to a file beside the page or to a place in it."""
    out, _, page = whole
    anchors = [link[1:] for link in page.links if link.startswith("#")]
    files = [link for link in page.links if not link.startswith("#")]

    assert [name for name in anchors if name not in page.ids] == []
    assert [name for name in files if not (out / name).exists()] == []


def test_plots_lie_beside_the_page(whole: tuple[Path, str, Page]) -> None:
    """Each plot is an SVG and a PNG file."""
    out, _, _ = whole
    svg = {path.stem for path in (out / "plots").glob("*.svg")}
    png = {path.stem for path in (out / "plots").glob("*.png")}

    assert svg == png
    assert "differences.batch-departures" in svg
    assert (out / "plots" / "ranks.svg").read_text().startswith("<svg")
    assert (out / "plots" / "ranks.png").read_bytes().startswith(b"\x89PNG")


def test_policies_can_be_hidden(whole: tuple[Path, str, Page]) -> None:
    """The filter names each policy; its lines and rows carry its class."""
    _, text, _ = whole

    assert 'data-policy="2"' in text
    assert '<tr class="p2"' in text
    assert '<g class="p2"' in text
    assert 'id="policy-' not in text


def test_simulated_and_clock_figures_share_no_table(
    whole: tuple[Path, str, Page],
) -> None:
    """A table of simulated figures has no column that this machine's clock made."""
    _, text, _ = whole
    tables = re.findall(r'<table class="sortable (\w+)">(.*?)</table>', text, re.DOTALL)
    clocked = ("Decisions per second", "Latency p", "latency p50 us", ">speed")

    assert {"quality", "wall_clock"} == {kind for kind, _ in tables}
    for kind, body in tables:
        if kind == "quality":
            assert not any(words in body for words in clocked)
        else:
            assert not any(words in body for words in ("Pods", "quality low"))


def test_verdict_names_the_best_policy(whole: tuple[Path, str, Page]) -> None:
    """The headline says who is better than the baseline, and by how much."""
    _, _, page = whole

    assert re.search(
        r"web-services: most-allocated leaves [\d.]+\s% \([^)]*\) fewer pods pending "
        r"than kube-scheduler\.",
        page.text,
    )
    assert "So at both sizes." in page.text


def test_failed_cells_are_told(whole: tuple[Path, str, Page]) -> None:
    """A cell that failed is listed with its error and left out of the figures."""
    _, _, page = whole

    assert "PolicyError: score is NaN <on node-3>" in page.text
    assert "52 cells done, 1 cells failed, 1 cells timeout" in page.text


def test_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    """Page, SVG and PNG are the same for the same results, folder apart."""
    scenarios = {"gpu-sharing": {"20": 20}}
    digests = []
    for name in ("one", "two"):
        out = tmp_path / name
        write_report(fabricate(3, 3, scenarios), out)
        files = sorted(path for path in out.rglob("*") if path.is_file())
        digests.append(
            [(path.name, hashlib.sha256(path.read_bytes()).digest()) for path in files]
        )

    assert len(digests[0]) > 10
    assert digests[0] == digests[1]


def test_names_are_escaped_everywhere(tmp_path: Path) -> None:
    """A scenario, policy or error text cannot put markup or a file where it likes."""
    results = fabricate(2, 2, {EVIL: {"../../x": 9}}, failed=1)
    frames = [results.cells, results.samples, results.node_fill]
    frames += [results.timelines, results.calls, results.load, results.faults]
    for frame in (*frames, results.rejections):
        frame["policy"] = frame["policy"].replace("least-allocated", EVIL)
    results.rejections["reason"] = EVIL
    results.calls["kind"] = EVIL
    results.faults["kind"] = EVIL
    results.cells["error"] = results.cells["error"].replace(".*", EVIL, regex=True)
    results.cells["notes"] = EVIL
    results.manifest |= {
        "command": EVIL,
        "rerun": EVIL,
        "version": EVIL,
        "engine": EVIL,
    }
    results.manifest["policies"] = ["kube-scheduler", EVIL]
    results.manifest["environment"] = {EVIL: EVIL}
    results.manifest["warnings"] = [EVIL]
    page_folder = tmp_path / "out"
    text, page = report(results, page_folder)

    assert page.scripts == 1
    assert "<script>alert" not in text
    assert EVIL in page.text
    assert {page_folder} == set(tmp_path.iterdir())
    assert {"plots", "index.html"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }


@pytest.mark.parametrize(
    ("policies", "seeds", "scenarios"),
    [
        pytest.param(1, 1, {"web-services": {"100": 100}}, id="one of everything"),
        pytest.param(2, 1, {"web-services": {"100": 100}}, id="one seed"),
        pytest.param(1, 3, {"batch-departures": {"9": 9}}, id="one policy"),
        pytest.param(2, 2, {"gpu-sharing": {"9": 9}}, id="GPUs"),
        pytest.param(12, 2, {"web-services": {"9": 9, "10": 10}}, id="twelve policies"),
    ],
)
def test_small_and_wide_runs_have_a_page(
    tmp_path: Path, policies: int, seeds: int, scenarios: dict
) -> None:
    """Runs with few of something, or many policies, are reported without a warning."""
    _, page = report(fabricate(policies, seeds, scenarios), tmp_path)

    assert "verdict" in page.ids


def test_one_policy_has_nothing_to_compare(tmp_path: Path) -> None:
    """With one policy the page says that there is nothing to compare."""
    _, page = report(fabricate(1, 2, {"tainted-pools": {"9": 9}}), tmp_path)

    assert "Only kube-scheduler was run." in page.text
    assert "ranks" not in page.ids


def test_plots_that_do_not_apply_say_why(tmp_path: Path) -> None:
    """One size has no sensitivity and no scaling: a line each says what is needed."""
    _, page = report(fabricate(2, 2, {"tainted-pools": {"9": 9}}), tmp_path)

    assert (
        "Sensitivity to cluster size is not drawn: it needs a scenario at two sizes"
        in page.text
    )
    assert "sensitivity" not in page.ids


def test_columns_of_the_same_numbers_are_shown_once(tmp_path: Path) -> None:
    """A metric with the values of another is named, not listed."""
    results = fabricate(2, 2, {"tainted-pools": {"9": 9}})
    results.cells["allocation_cpu_mean"] = results.cells["allocation_cpu_final"]
    _, page = report(results, tmp_path)

    assert "Mean CPU allocation as Final CPU allocation" in page.text or (
        "Final CPU allocation as Mean CPU allocation" in page.text
    )


def test_few_seeds_are_warned_of(tmp_path: Path) -> None:
    """One seed gives no interval, and the page says so."""
    _, page = report(fabricate(2, 1, {"tainted-pools": {"9": 9}}), tmp_path)

    assert "Some policies have 1 seed" in page.text


def test_a_run_without_time_is_shown_by_progress(tmp_path: Path) -> None:
    """Where all pods arrive at once, courses are drawn over the pods decided."""
    results = fabricate(2, 2, {"web-services": {"9": 9}})
    results.samples["time"] = 0.0
    results.node_fill["time"] = 0.0
    text, page = report(results, tmp_path)

    assert "allocation.web-services" in page.ids
    assert "Pods decided (no time passes in this scenario)" in text


def test_a_run_without_tables_still_has_its_metrics(tmp_path: Path) -> None:
    """Plots whose data is missing are left out."""
    results = fabricate(2, 2, {"web-services": {"9": 9}})
    results.samples = results.samples.head(0)
    results.node_fill = results.node_fill.head(0)
    results.rejections = results.rejections.head(0)
    for name in ("timelines", "calls", "load", "faults"):
        setattr(results, name, getattr(results, name).head(0))
    _, page = report(results, tmp_path)

    assert "pareto" in page.ids
    assert "allocation.web-services" not in page.ids
    assert "end-to-end" not in page.ids
    assert (
        "Not drawn, as they need a run that is played end to end: Pod startup latency; "
        "Where startup time goes; Throughput of pods; Latency of API calls; Load of "
        "the control plane."
    ) in page.text


def test_integer_and_missing_columns_are_read(tmp_path: Path) -> None:
    """Counts of cells that were not built are null; the page is made all the same."""
    results = fabricate(2, 2, {"web-services": {"9": 9}}, failed=1)
    results.cells = results.cells.astype({"nodes": "Int64", "pods": "Int64"})
    bad = results.cells["status"] != "done"
    results.cells.loc[bad, ["nodes", "pods"]] = pd.NA
    _, page = report(results, tmp_path)

    assert "failures" in page.ids


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(lambda frame: frame.head(0), "no cells", id="no cell at all"),
        pytest.param(
            lambda frame: frame.assign(status="failed", error="boom"),
            "no cell of the run ended well.*boom",
            id="every cell failed",
        ),
    ],
)
def test_nothing_to_report_is_said(tmp_path: Path, change, problem: str) -> None:
    """A run without results is refused with the reason, and nothing is written."""
    results = fabricate(2, 2, {"web-services": {"9": 9}})
    results.cells = change(results.cells)
    with pytest.raises(InputError, match=problem):
        write_report(results, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_whole_demo_fits_a_page(tmp_path: Path) -> None:
    """Six policies on eight scenario sizes and five seeds stay under 6 MB.

    The demo is a replay: it has no tables of whole clusters.
    """
    results = fabricate()
    for name in ("timelines", "calls", "load", "faults"):
        setattr(results, name, pd.DataFrame())
    path = write_report(results, tmp_path)

    assert path.stat().st_size < 6e6
    assert np.sum([file.stat().st_size for file in tmp_path.rglob("*")]) < 20e6
