"""The one form to which every trace is brought: nodes and pods as columns.

Times are seconds from the start of the trace. A node that leaves and comes back has a
row for each stay. A pod is one worker; a gang is the pods of one `group` that start
together or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schedbench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""Raised whenever the columns or their meaning change."""

NODES, PODS, ABOUT = "nodes.parquet", "pods.parquet", "import.json"

TEXT, WHOLE, SECONDS = "text", "whole", "seconds"

NODE_COLUMNS = {
    "name": TEXT,
    "time_add": SECONDS,
    "time_remove": SECONDS,
    "cpu_milli": WHOLE,
    "memory_mib": WHOLE,
    "gpus": WHOLE,
    "gpu_model": TEXT,
    "labels": TEXT,
    "resources": TEXT,
}
"""Column to its kind. `time_remove` null = stays; `memory_mib` null = not told;
`labels` and `resources` are JSON objects, or empty."""

POD_COLUMNS = {
    "id": TEXT,
    "group": TEXT,
    "submit": SECONDS,
    "start": SECONDS,
    "end": SECONDS,
    "duration": SECONDS,
    "censored": TEXT,
    "cpu_milli": WHOLE,
    "memory_mib": WHOLE,
    "num_gpu": WHOLE,
    "gpu_milli": WHOLE,
    "gpu_models": TEXT,
    "priority": WHOLE,
    "class": TEXT,
    "user": TEXT,
    "queue": TEXT,
    "constraints": TEXT,
    "resources": TEXT,
    "gang_size": WHOLE,
    "max_per_node": WHOLE,
    "estimate": SECONDS,
}
"""Column to its kind.

`start`, `end` are the trace's own, null = not in the trace; `duration` is what runs in
a replay, null = until the end; `censored` is left (it ran at the start), right (it ran
at the end) or both; `gpu_milli` is thousandths of each device; `gpu_models` are joined
by `|`, empty = any; `constraints` is a JSON list of node selector requirements, and
`resources` a JSON object of further requests; `max_per_node` limits the pods of a group
on a node; `estimate` is what the user said the duration would be.
"""

OPTIONAL = frozenset({
    "time_remove", "memory_mib", "start", "end", "duration", "max_per_node", "estimate",
})  # fmt: skip
"""Columns that may be null."""

MAX_GPUS = 63


def arrow_schema(columns: dict[str, str]) -> pa.Schema:
    """Return the Arrow schema of a table."""
    import pyarrow as pa

    kinds = {TEXT: pa.string(), WHOLE: pa.int64(), SECONDS: pa.float64()}
    return pa.schema(
        [
            pa.field(name, kinds[kind], nullable=name in OPTIONAL)
            for name, kind in columns.items()
        ]
    )


def check_pods(columns: dict[str, np.ndarray], source: str, first: int) -> None:
    """Refuse pods that nothing could run.

    Parameters
    ----------
    columns
        Numbers by name; null is NaN, or −1 for a whole number.
    first
        Number of the first row, for the message.

    Raises
    ------
    InputError
        If a number is out of its bounds, told by row and column.
    """
    count, milli = columns["num_gpu"], columns["gpu_milli"]
    bounds: list[tuple[str, Any, str]] = [
        ("submit", ~np.isfinite(columns["submit"]), "not a time"),
        ("duration", columns["duration"] < 0, "a duration below 0"),
        ("duration", np.isinf(columns["duration"]), "not a duration"),
        ("end", columns["end"] < columns["submit"], "an end before the submission"),
        ("cpu_milli", columns["cpu_milli"] < 0, "below 0"),
        ("memory_mib", columns["memory_mib"] < -1, "below 0"),
        ("num_gpu", (count < 0) | (count > MAX_GPUS), f"not 0 to {MAX_GPUS} devices"),
        ("gpu_milli", (milli < 0) | (milli > 1000), "not 0 to 1000"),
        ("gpu_milli", (count > 1) & (milli != 1000), "a part of several devices"),
        ("gpu_milli", (count == 1) & (milli == 0), "a device without any of it"),
        ("gang_size", columns["gang_size"] < 1, "a gang of none"),
    ]
    for name, wrong, problem in bounds:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(
                problem,
                source=source,
                where=f"pod {first + at}, column {name}",
                value=columns[name][at].item(),
                fix="mend or remove the row",
            )


def check_nodes(columns: dict[str, np.ndarray], source: str, first: int) -> None:
    """Refuse nodes that cannot be; see `check_pods`.

    Raises
    ------
    InputError
        If a number is out of its bounds, told by row and column.
    """
    gpus = columns["gpus"]
    bounds: list[tuple[str, Any, str]] = [
        ("time_add", ~np.isfinite(columns["time_add"]), "not a time"),
        (
            "time_remove",
            columns["time_remove"] < columns["time_add"],
            "removed before it was added",
        ),
        ("cpu_milli", columns["cpu_milli"] < 0, "below 0"),
        ("memory_mib", columns["memory_mib"] < -1, "below 0"),
        ("gpus", (gpus < 0) | (gpus > MAX_GPUS), f"not 0 to {MAX_GPUS} devices"),
    ]
    for name, wrong, problem in bounds:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(
                problem,
                source=source,
                where=f"node {first + at}, column {name}",
                value=columns[name][at].item(),
                fix="mend or remove the row",
            )
