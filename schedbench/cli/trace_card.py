"""What `schedbench import` tells of a trace: its card, and what became of its rows."""

from __future__ import annotations

from typing import Any

from schedbench.cli import output
from schedbench.cli.output import Table

LEVELS = ["min", "p10", "p50", "p90", "p99", "max"]
MOST_LABELS = 12
BLOCKS = " ▁▂▃▄▅▆▇█"


def tell_counts(about: dict[str, Any]) -> None:
    """Print rows read, kept, dropped and repaired of each table, with the reasons."""
    rows = [
        [name, *(output.number(count[key]) for key in ("read", "kept")),
         *(output.number(_rows(count[key])) for key in ("dropped", "repaired",
                                                        "skipped"))]
        for name, count in about["tables"].items()
    ]  # fmt: skip
    header = ["table", "rows read", "kept", "dropped", "repaired", "left out"]
    output.result(Table(header, rows, frozenset(range(1, 6))).text())
    words = {"dropped": "dropped", "repaired": "repaired", "skipped": "left out"}
    for name, count in about["tables"].items():
        for kind, word in words.items():
            for reason, each in count[kind].items():
                output.result(
                    f"{word} {each['rows']:,} of {name}: {reason} "
                    f"(first: {each['first']})"
                )
    output.result(f"gave {about['nodes']:,} nodes and {about['pods']:,} pods")
    for name, unit in about["units"].items():
        output.note(f"unit of {name}: {unit}")
    for text in about["notes"]:
        output.note(f"note: {text}")


def tell_card(card: dict[str, Any]) -> None:
    """Print a workload card as text."""
    nodes, (first, last) = card["nodes"], card["span_s"]
    output.result(f"{card['source']}: {card['title']} ({card['licence']})")
    output.result(
        f"{nodes['distinct']:,} nodes of {nodes['distinct_shapes']:,} shapes "
        f"({nodes['leaving']:,} stays end); {card['pods']:,} pods over "
        f"{output.duration(last - first)}"
    )
    if nodes["labels"]:
        told = [f"{key} ({count:,})" for key, count in nodes["labels"].items()]
        more = len(told) - MOST_LABELS
        output.result(
            f"node labels (values): {', '.join(told[:MOST_LABELS])}"
            + (f" and {more:,} more" if more > 0 else "")
        )
    sizes = card["sizes"] | {"duration (s)": card["durations"]["seconds"]}
    rows = [
        [name, *(["–"] * len(LEVELS) if values is None else map(_short, values))]
        for name, values in sizes.items()
    ]
    output.result("")
    output.result(Table(["pods", *LEVELS], rows, frozenset(range(1, 7))).text())
    output.result("")
    _tell_arrivals(card["arrivals"])
    output.result(f"without an end: {card['durations']['without_end']:,} pods")
    _tell_classes(card)
    _tell_demand(card["demand"])
    for text in card["notes"]:
        output.note(f"note: {text}")


def _tell_arrivals(found: dict[str, Any]) -> None:
    output.result(f"arrivals: {found['there_at_start']:,} pods there at the start")
    if found["rate_per_s"] is None:
        return
    output.result(
        f"then {3600 * found['rate_per_s']:,.4g} pods an hour; gaps vary by "
        f"{found['gap_cv']:.3g} (coefficient of variation, Poisson: 1), hours by "
        f"{found['hourly_dispersion']:.3g} (variance over mean, Poisson: 1); "
        f"{found['simultaneous']:.1%} come with another"
    )
    if found["by_hour_of_day"]:
        output.result(
            f"by hour of the day: {bars(found['by_hour_of_day'])} (busiest "
            f"{found['peak_hour_over_mean']:.2g} times the mean)"
        )


def _tell_classes(card: dict[str, Any]) -> None:
    classes, gangs = card["classes"], card["gangs"]
    output.result(
        f"requests: {classes['distinct']:,} different, the 10 commonest have "
        f"{classes['share_of_top_10']:.1%} of the pods"
    )
    told = {
        "priorities": card["priorities"],
        **{f"{name} values": values for name, values in card["labels"].items()},
        f"users ({card['users']['distinct']:,})": card["users"]["top"],
        f"gangs ({gangs['pods_in_gangs']:,} pods), pods by size": gangs["pods_by_size"],
    }
    for name, values in told.items():
        if values:
            listed = ", ".join(f"{key}: {count:,}" for key, count in values.items())
            output.result(f"{name}: {listed}")
    constraints = card["constraints"]
    output.result(
        f"constraints: {constraints['pods_with_constraints']:,} pods on nodes, "
        f"{constraints['pods_limited']:,} pods limited in number on a node"
    )


def _tell_demand(demand: dict[str, Any]) -> None:
    for name in ("cpu", "memory", "gpu"):
        course = demand[name]
        if course is None:
            continue
        known = [each for each in course if each is not None]
        output.result(
            f"{name} asked for over capacity: {bars(course)} mean "
            f"{sum(known) / len(known):.1%}, most {max(known):.1%}"
        )


def bars(values: list[Any]) -> str:
    """Return numbers as a row of bars, the highest of them full; none is a gap."""
    top = max((each for each in values if each is not None), default=0) or 1
    return "".join(
        "·" if each is None else BLOCKS[round(8 * max(0.0, each) / top)]
        for each in values
    )


def _rows(counts: dict[str, Any]) -> int:
    return sum(int(each["rows"]) for each in counts.values())


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
