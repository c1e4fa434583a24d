"""Write the generated parts of README.md: no number in it is typed by hand.

With `--demo RUN` the results table and the sample page, with `--clusters RUN` those of
clusters end to end, with `--fgd RUN` those of the FGD paper's experiment, with
`--benchmarks FILE` the table of mechanisms, with `--conformance FILE` the proof of
equal decisions; without any of them all tables, from what is stored. What is not
modelled is asked of the code; the figures to reach are what `python -m benchmarks` left
in reports/performance, those of the real kube-scheduler what `make bench-versus` left.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
from pathlib import Path

import pandas as pd

from schedbench.experiment.conformance.page import page, sentence
from schedbench.metrics.table import METRICS
from schedbench.sources.scheduler_perf.needs import needs_table

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
DEMO = HERE / "demo"
CLUSTERS = HERE / "end-to-end"
FGD = HERE / "fgd"
PAPER = FGD / "curves.json"
BENCHMARKS = HERE / "benchmarks.json"
PERFORMANCE = HERE / "performance" / "table.md"
RATES = ("decisions_per_second", "events_per_second", "peak_rss_bytes")
VERSUS = HERE / "versus.md"
CONFORMANCE = HERE / "conformance.json"
PROOF = HERE / "conformance.md"


def between(text: str, name: str, content: str) -> str:
    """Return the text with what stands between the markers of a name replaced."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    head, rest = text.split(begin)
    tail = rest.split(end, 1)[1]
    return f"{head}{begin}{content}{end}{tail}"


def results_table(folder: Path) -> str:
    """Return a table of each scenario's first headline metric, policy by policy."""
    from schedbench.experiment.statistics import summarize

    cells = pd.read_parquet(folder / "results.parquet")
    cells = cells[cells["status"] == "done"]
    policies = list(dict.fromkeys(cells["policy"]))
    headline = json.loads((folder / "manifest.json").read_text())["headline"]
    rows = [
        "| scenario | nodes | metric | " + " | ".join(policies) + " |",
        "|---|---:|---|" + "---:|" * len(policies),
    ]
    for (scenario, _), part in cells.groupby(["scenario", "size"], sort=False):
        metric = METRICS[headline[scenario][0]]
        summary = summarize(part, metric.name).set_index("policy")["mean"]
        best = {"up": summary.max(), "down": summary.min()}.get(metric.better)
        shown = [
            f"**{_number(summary[p])}**" if summary[p] == best else _number(summary[p])
            for p in policies
        ]
        arrow = {"up": " ↑", "down": " ↓"}.get(metric.better, "")
        unit = f" ({metric.unit})" if metric.unit else ""
        rows.append(
            f"| {scenario} | {int(part['nodes'].max()):,} | {metric.name}{unit}{arrow} "
            f"| {' | '.join(shown)} |"
        )
    seeds = cells["seed"].nunique()
    note = f"Means over {seeds} seeds; the arrow says which way is better.\n"
    return "\n".join(rows) + "\n\n" + note


COURSE = (
    ("ready after, median", "pod_startup_p50_s"),
    ("99 %", "pod_startup_p99_s"),
    ("started without pulls, 99 %", "pod_startup_slo_s"),
    ("changing API calls, 99 %", "mutating_calls_p99_s"),
    ("slowest recovery", "recovery_s"),
)
"""Column of the table of clusters → metric."""


def clusters_table(folder: Path) -> str:
    """Return a table of what the baseline's pods went through in each scenario."""
    cells = pd.read_parquet(folder / "results.parquet")
    baseline = json.loads((folder / "manifest.json").read_text())["baseline"]
    cells = cells[(cells["status"] == "done") & (cells["policy"] == baseline)]
    titles = [title for title, _ in COURSE]
    rows = [
        "| scenario | nodes | pods | " + " | ".join(titles) + " |",
        "|---|---:|---:|" + "---:|" * len(titles),
    ]
    for (scenario, size), part in cells.groupby(["scenario", "size"], sort=False):
        means = part.mean(numeric_only=True)
        shown = [
            f"{_number(means[name])} s" if means[name] == means[name] else "–"
            for _, name in COURSE
        ]
        rows.append(
            f"| {scenario}/{size} | {int(part['nodes'].max()):,} "
            f"| {means['pods_ready']:,.0f} | {' | '.join(shown)} |"
        )
    seeds = cells["seed"].nunique()
    note = (
        f"Simulated seconds under {baseline}, means over {seeds} seeds. SIG "
        "Scalability's objectives are 5 s for pods to start without pulls and 1 s for "
        "changing calls, each at the 99th percentile.\n"
    )
    return "\n".join(rows) + "\n\n" + note


def _number(value: float) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def benchmark_table(stored: dict[str, object]) -> str:
    """Return the table of what `make bench` measured, with its conditions."""
    rows = [
        "| benchmark | median | decisions/s | events/s | peak memory |",
        "|---|---:|---:|---:|---:|",
    ]
    for entry in stored["benchmarks"]:
        decisions, events = (
            f"{entry[name]:,}" if entry.get(name) else ""
            for name in ("decisions_per_second", "events_per_second")
        )
        peak = entry.get("peak_rss_bytes")
        memory = f"{peak / 2**30:.2f} GiB" if peak else ""
        rows.append(
            f"| {entry['what']} | {_duration(entry['median'])} | {decisions} "
            f"| {events} | {memory} |"
        )
    machine = stored["machine"]
    note = (
        f"One core of {machine['cpu']}, Python {machine['python']}, "
        f"numba {machine['numba']}, {stored['date']}; each pod gets the "
        "node that filtering and scoring all of them gives. Only the rows *end to "
        "end* have an API server, and all other components with "
        "their latencies; an event is one callback of the "
        "virtual clock.\n"
    )
    return "\n".join(rows) + "\n\n" + note


def performance(table: str) -> str:
    """Return the figures to reach with the plot of all workloads, if they were run."""
    if not (PERFORMANCE.parent / "workloads.png").is_file():
        return table
    alt = "Decisions per second of each workload, the goal, and the real kube-scheduler"
    return f"{table}\n![{alt}](reports/performance/workloads.png)\n"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def condense_conformance(found: dict[str, object]) -> dict[str, object]:
    """Return what the proof needs of the JSON of `schedbench conformance`."""
    from schedbench import __version__

    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "version": __version__,
        "release": found["release"],
        "groups": found["groups"],
    }


def condense(measured: dict[str, object]) -> dict[str, object]:
    """Return what the table needs of pytest-benchmark's JSON."""
    from schedbench.experiment.environment import environment

    machine = environment()
    return {
        "date": str(measured["datetime"])[:10],
        "machine": {
            "cpu": machine["cpu"]["model"],
            "python": machine["python"],
            "numba": machine["libraries"]["numba"],
        },
        "benchmarks": [
            {
                "what": entry["extra_info"].get("what", entry["name"]),
                "median": entry["stats"]["median"],
            }
            | {name: entry["extra_info"].get(name) for name in RATES}
            for entry in measured["benchmarks"]
        ],
    }


def keep_demo(run: Path) -> None:
    """Copy the page and the results of a run into reports/demo."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    for name in ("manifest.json", "results.parquet"):
        shutil.copy(run / name, DEMO / name)
    shutil.copy(run / "report" / "index.html", DEMO / "index.html")
    shutil.copy(run / "report" / "plots" / "ranks.png", DEMO / "ranks.png")


def keep_clusters(run: Path) -> None:
    """Copy the page and the results of a run into reports/end-to-end."""
    shutil.rmtree(CLUSTERS, ignore_errors=True)
    CLUSTERS.mkdir(parents=True)
    for name in ("manifest.json", "results.parquet"):
        shutil.copy(run / name, CLUSTERS / name)
    shutil.copy(run / "report" / "index.html", CLUSTERS / "index.html")
    plots = run / "report" / "plots"
    shutil.copy(plots / "fault_recovery.every-fault.png", CLUSTERS / "faults.png")


RANDOM = "gpu-random"
"""The policy whose draws nobody can repeat."""


def keep_fgd(run: Path) -> None:
    """Copy figures of a run of the FGD paper's experiment, and what the table needs."""
    from schedbench.experiment.store import load_results
    from schedbench.report.plots import gpu_workloads

    results = load_results(run)
    found = gpu_workloads.data(results)
    shutil.rmtree(FGD, ignore_errors=True)
    FGD.mkdir(parents=True)
    kept = {
        "runs": len(results.cells),
        "seeds": [int(seed) for seed in results.manifest["seeds"]],
        "rows": found.to_dict("records"),
    }
    PAPER.write_text(json.dumps(kept, indent=1) + "\n")
    for name in ("gpu_workloads", *(f"{plot}.fgd-default" for plot in CURVES)):
        shutil.copy(run / "report" / "plots" / f"{name}.png", FGD / f"{name}.png")


CURVES = ("gpu_allocation_curve", "gpu_fragmentation_curve")


def fgd_table(stored: dict[str, object]) -> str:
    """Return a table of the allocated GPU at the end, ours and published."""
    frame = pd.DataFrame(stored["rows"])
    policies = list(dict.fromkeys(frame["policy"]))
    rows = [
        "| pods | " + " | ".join(policies) + " |",
        "|---|" + "---:|" * len(policies),
    ]
    for scenario, part in frame.groupby("scenario", sort=False):
        cells = part.set_index("policy")
        shown = []
        for policy in policies:
            ours, theirs = cells.loc[policy, ["ours_pct", "published_pct"]]
            same = f"{ours:.2f}" == f"{theirs:.2f}"
            shown.append(f"{ours:.2f}" if same else f"{ours:.2f} ({theirs:.2f})")
        rows.append(f"| {scenario.removeprefix('fgd-')} | {' | '.join(shown)} |")
    drawn = frame["policy"] == RANDOM
    farthest = frame.loc[~drawn, ["allocation_farthest", "fragmentation_farthest"]].max(
        axis=None
    )
    deviations = frame.loc[drawn, "apart_in_deviations"].abs().max()
    note = (
        f"Allocated GPU in percent of capacity when 130 % have been asked for, means "
        f"over {len(stored['seeds'])} seeds; in brackets the published figure where "
        f"ours is another. In {stored['runs']} runs the allocation and fragmentation "
        f"curves of the others are at most {farthest:.2f} points from the "
        f"published ones, at any of 131 points of any seed; {RANDOM}, whose draws "
        f"nobody can repeat, ends at most {deviations:.1f} standard deviations from "
        "the published mean.\n"
    )
    return "\n".join(rows) + "\n\n" + note


def main() -> None:
    """Write the README's generated parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--clusters", type=Path)
    parser.add_argument("--fgd", type=Path)
    parser.add_argument("--benchmarks", type=Path)
    parser.add_argument("--conformance", type=Path)
    given = parser.parse_args()
    if given.demo:
        keep_demo(given.demo)
    if given.clusters:
        keep_clusters(given.clusters)
    if given.fgd:
        keep_fgd(given.fgd)
    if given.benchmarks:
        condensed = condense(json.loads(given.benchmarks.read_text()))
        BENCHMARKS.write_text(json.dumps(condensed, indent=1) + "\n")
    if given.conformance:
        played = condense_conformance(json.loads(given.conformance.read_text()))
        CONFORMANCE.write_text(json.dumps(played, indent=1) + "\n")
        PROOF.write_text(page(played))
    README.write_text(render(README.read_text()))


def render(text: str) -> str:
    """Return the README with its generated parts as the stored results have them."""
    if DEMO.is_dir():
        text = between(text, "results", results_table(DEMO))
    if CLUSTERS.is_dir():
        text = between(text, "clusters", clusters_table(CLUSTERS))
    if PAPER.is_file():
        text = between(text, "fgd", fgd_table(json.loads(PAPER.read_text())))
    if PERFORMANCE.is_file():
        text = between(text, "performance", performance(PERFORMANCE.read_text()))
    if BENCHMARKS.is_file():
        stored = json.loads(BENCHMARKS.read_text())
        text = between(text, "benchmarks", benchmark_table(stored))
    if VERSUS.is_file():
        text = between(text, "versus", VERSUS.read_text())
    if CONFORMANCE.is_file():
        stored = json.loads(CONFORMANCE.read_text())
        text = between(text, "proof", sentence(stored))
    return between(text, "needs", needs_table())


if __name__ == "__main__":
    main()
