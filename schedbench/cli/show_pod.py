"""`schedbench show --pod`: a pod's way hop by hop, or what was decided on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from schedbench.cli import output
from schedbench.cli.output import Table
from schedbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.store import Results

PLACE = ("scenario", "size", "policy", "seed")
NEVER = "never"
BAR = 30
EIGHTHS = " ▏▎▍▌▋▊▉"
NEAR = 3


def show_pod(results: Results, cells: pd.DataFrame, pod: str, form: str | None) -> None:
    """Print a pod's timeline in each cell that has one, else its events.

    Raises
    ------
    InputError
        If no cell knows the pod; names those that are near.
    """
    name = pod if "/" in pod else f"default/{pod}"
    done = cells.loc[cells["status"] == "done"]
    frame = type(results)(results.path, results.manifest, done, results.parts).timelines
    if "applied" in frame:
        frame = frame.assign(pod=frame["namespace"].str.cat(frame["name"], sep="/"))
    else:
        frame = frame.assign(pod=None)
    ways = [_way(row) for row in frame.loc[frame["pod"] == name].to_dict("records")]
    events, known = _events(results, done, name)
    if not ways and not events:
        known |= set(frame["pod"])
        near = _near(name, sorted(known))
        raise InputError(
            "no such pod in these cells",
            source=results.path,
            value=name,
            fix=f"did you mean {' or '.join(near)}?"
            if near
            else "write NAMESPACE/NAME as the cells' placements.parquet does",
        )
    document = {"pod": name, "timelines": ways, "events": events}
    if not ways:
        output.note(
            "no timeline: pods have one in scenarios with an end_to_end section"
        )
        header = list(events[0])
        shown = [[short(row[key]) for key in header] for row in events]
        output.show_table(Table(header, shown, frozenset({3, 4})), form, document)
    elif form is None:
        output.result("\n\n".join(_block(way) for way in ways))
    else:
        output.show_table(_table(ways), form, document)


def _near(name: str, known: Sequence[str]) -> Sequence[str]:
    """Return names that begin like one, else that resemble it."""
    begin = [each for each in known if each.startswith(name)][:NEAR]
    return begin or difflib.get_close_matches(name, known, NEAR, cutoff=0.5)


def _way(row: dict[Any, Any]) -> dict[str, Any]:
    """Return the timeline of one pod in one cell."""
    known = {str(key): plain(value) for key, value in row.items()}
    told = (*PLACE, "uid", "node", "phase", "deleted")
    return {**{key: known.get(key) for key in told}, "hops": list(_hops(known))}


def _hops(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each hop: when it was, since applied, since the hop before, its share."""
    from schedbench.simulation.timeline import HOPS

    times = {hop: row[hop] for hop in HOPS if row.get(hop) is not None}
    start = row.get("applied")
    whole = max(times.values()) - start if start is not None else 0.0
    before = start
    for hop in HOPS:
        at = times.get(hop)
        since = step = share = None
        if at is not None and start is not None:
            since, step = at - start, at - before
            share = step / whole if whole > 0 else 0.0
            before = at
        yield {
            "hop": hop,
            "time": at,
            "since_applied": since,
            "step": step,
            "share": share,
        }


def _events(
    results: Results, cells: pd.DataFrame, name: str
) -> tuple[list[dict[str, Any]], set[str]]:
    """Return what the cells' logs tell of the pod, and the names in them."""
    rows: list[dict[str, Any]] = []
    known: set[str] = set()
    for cell in cells.to_dict("records"):
        log = results.placements(cell["key"])
        events = log.loc[log["pod"] == name]
        if not len(events):
            known |= set(log["pod"].dropna().unique())
        rows += [
            {key: cell[key] for key in PLACE}
            | {
                "time": event["time"],
                "event": event["kind"],
                "node": plain(event["node"]),
                "devices": plain(event["devices"]),
            }
            for event in events.to_dict("records")
        ]
    return rows, known


def _block(way: dict[str, Any]) -> str:
    """Return a pod's way as lines: whose it is, then a row a hop with its bar."""
    place = f"{way['scenario']}/{way['size']}".rstrip("/")
    deleted = way["deleted"]
    gone = "still there" if deleted is None else f"deleted at {_seconds(deleted)} s"
    head = (
        f"{place}, {way['policy']}, seed {way['seed']}: uid {way['uid'] or '–'}, "
        f"node {way['node'] or '–'}, {way['phase'] or 'phase unknown'}, {gone}"
    )
    header = ["hop", "at [s]", "since applied [s]", "step [s]", "share of the way"]
    rows = [
        [
            hop["hop"],
            NEVER if hop["time"] is None else _seconds(hop["time"]),
            _seconds(hop["since_applied"]),
            _seconds(hop["step"]),
            _bar(hop["share"]),
        ]
        for hop in way["hops"]
    ]
    return f"{head}\n{Table(header, rows, frozenset({1, 2, 3})).text()}"


def _table(ways: list[dict[str, Any]]) -> Table:
    """Return all ways as one table, a row a hop."""
    header = [
        *PLACE, "uid", "node", "phase", "hop", "time", "since_applied", "step", "share",
    ]  # fmt: skip
    rows = [
        [short((way | hop)[key]) for key in header]
        for way in ways
        for hop in way["hops"]
    ]
    return Table(header, rows, frozenset({8, 9, 10, 11}))


def _bar(share: float | None) -> str:
    """Return a bar as long as a share, to an eighth of a letter, and per cent."""
    if share is None:
        return ""
    whole, part = divmod(round(share * BAR * 8), 8)
    bar = "█" * whole + (EIGHTHS[part] if part else "")
    return f"{bar.ljust(BAR)} {share * 100:3.0f} %"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6f}"


def plain(value: Any) -> Any:
    """Return a value of a frame as JSON has it; None for none."""
    import pandas as pd

    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def short(value: Any) -> str:
    """Return a value as a table shows it, of several lines the last."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return output.number(value, 6)
    return str(value).splitlines()[-1]
