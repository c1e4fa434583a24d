"""Logs of the Parallel Workloads Archive in the Standard Workload Format, v2.2.

Source: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html; Chapin et al.,
"Benchmarks and Standards for the Evaluation of Parallel Job Schedulers", JSSPP 1999.
A job is rigid: its processors are held together, by a gang of pods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from schedbench.errors import InputError
from schedbench.sources.traces.files import CHUNK, chunk, find_tables, opened
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.rows import Floats, Ints, Mask, Rows

FIELDS = (
    "job", "submit", "wait", "run", "allocated", "cpu_used", "memory_used", "requested",
    "time_requested", "memory_requested", "status", "user", "group", "executable",
    "queue", "partition", "preceding", "think",
)  # fmt: skip
CANCELLED = 5
INTERACTIVE = 0
_HEADER = re.compile(r";\s*([A-Za-z]+):\s*(.*?)\s*$")


def read(trace: Import) -> None:
    """Read the log; its header tells the machine, unless the settings do."""
    found = find_tables(trace.paths, ("",), suffixes=(".swf", ".swf.gz", ".txt"))
    for path in found[""]:
        header: dict[str, str] = {}
        shape: tuple[int, int] | None = None
        for rows in _chunks(path, trace.ledger, header):
            if shape is None:
                shape = _machine(trace, path, header)
            _jobs(trace, rows, shape[1])
    trace.ledger.note(
        "Think times and preceding jobs are not modelled: jobs come when the log says."
    )


def _chunks(path: Path, ledger: Ledger, header: dict[str, str]) -> Iterator[Rows]:
    cells: list[list[str]] = []
    numbers: list[int] = []
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.decode("utf-8", errors="replace").strip()
            if text.startswith(";"):
                match = _HEADER.match(text)
                if match:
                    header.setdefault(match[1].casefold(), match[2])
                continue
            if not text:
                continue
            row = text.split()
            if len(row) != len(FIELDS):
                raise InputError(
                    f"{len(row)} fields, expected {len(FIELDS)}",
                    source=path,
                    where=f"row {number}",
                    value=text,
                    fix="the file may be truncated: mend or remove the row",
                )
            cells.append(row)
            numbers.append(number)
            if len(cells) == CHUNK:
                yield chunk("jobs", path, ledger, FIELDS, cells, numbers)
                cells, numbers = [], []
    if cells:
        yield chunk("jobs", path, ledger, FIELDS, cells, numbers)


def _machine(trace: Import, path: Path, header: dict[str, str]) -> tuple[int, int]:
    """Write the nodes; return how many there are, and the processors of each."""
    nodes = trace.settings["nodes"] or _told(path, header, "maxnodes")
    processors = _told(path, header, "maxprocs") or nodes
    each = trace.settings["node_processors"]
    if not processors and not (nodes and each):
        raise InputError(
            "the header names neither MaxProcs nor MaxNodes",
            source=path,
            fix="give the machine: --set nodes=N --set node_processors=N",
        )
    extra = 0
    if not each:
        each, extra = divmod(processors, nodes) if 0 < nodes <= processors else (1, 0)
    if not nodes:
        nodes = -(-processors // each)
    more = f", {extra:,} of them with one more" if extra else ""
    trace.ledger.note(f"The machine has {nodes:,} nodes of {each:,} processors{more}.")
    memory = trace.settings["node_memory"]
    trace.writer.nodes(
        {
            "name": [f"node-{number}" for number in range(nodes)],
            "cpu_milli": 1000 * (each + (np.arange(nodes) < extra)),
            "memory_mib": memory or -1,
        }
    )
    return nodes, each


def _told(path: Path, header: dict[str, str], key: str) -> int:
    text = header.get(key, "0").split()[0] if header.get(key) else "0"
    if re.fullmatch(r"-1|[0-9]{1,9}", text) is None:
        raise InputError(
            "not a number", source=path, where=f"header {key}", value=header[key],
            fix="mend the header, or give the machine by --set nodes=N",
        )  # fmt: skip
    return max(0, int(text))


def _jobs(trace: Import, rows: Rows, node_processors: int) -> None:
    status = rows.whole("status", least=-1, most=5)
    rows = rows.drop(
        np.isin(status, (2, 3, 4)), "status 2 to 4: a checkpoint of a job in the log"
    )
    requested = rows.whole("requested", least=-1, most=10_000_000)
    allocated = rows.whole("allocated", least=-1, most=10_000_000)
    unknown = (requested < 1) & (allocated < 1)
    rows = rows.drop(unknown, "neither requested nor allocated processors are known")
    rows = _without_run(rows)
    requested = rows.whole("requested", least=-1, most=10_000_000)
    allocated = rows.whole("allocated", least=-1, most=10_000_000)
    run, wait = rows.numbers("run", least=-1), rows.numbers("wait", least=-1)
    submit = rows.numbers("submit")
    ran = run >= 0
    cancelled = _never_ran(rows)
    ran &= ~cancelled
    rows.repaired(requested < 1, "requested processors unknown: the allocated ones")
    processors = np.where(requested >= 1, requested, allocated)
    estimate = rows.numbers("time_requested", least=-1)
    start = np.where(ran & (wait >= 0), submit + wait, np.nan)
    _write(
        trace, rows, processors, node_processors,
        {
            "submit": submit,
            "start": start,
            "end": np.where(ran, start + run, submit + np.maximum(wait, 0)),
            "duration": np.where(ran, run, np.nan),
            "estimate": np.where(estimate > 0, estimate, np.nan),
        },
    )  # fmt: skip


def _never_ran(rows: Rows) -> Mask:
    cancelled = rows.whole("status", least=-1, most=5) == CANCELLED
    return np.asarray(cancelled & (rows.numbers("run", least=-1) <= 0))


def _without_run(rows: Rows) -> Rows:
    """Drop the jobs of which neither a run nor a cancelled wait is known."""
    run, wait = rows.numbers("run", least=-1), rows.numbers("wait", least=-1)
    never = _never_ran(rows)
    rows.repaired(never & (wait >= 0), "cancelled while it waited: deleted then")
    return rows.drop(
        np.where(never, wait < 0, run < 0), "no run time, and no wait that ended"
    )


def _write(
    trace: Import,
    rows: Rows,
    processors: Ints,
    node_processors: int,
    times: dict[str, Floats],
) -> None:
    """Write a gang for each job: pods of a whole node, and one of what is left."""
    memory = _memory(trace, rows)
    size = 1 if trace.settings["pods"] == "processor" else node_processors
    whole, left = processors // size, processors % size
    queue = rows.whole("queue", least=-1)
    columns = {
        "group": rows.texts("job"),
        "user": _known(rows, "user"),
        "queue": _known(rows, "queue"),
        "class": np.where(queue == INTERACTIVE, "interactive", "batch"),
        "gang_size": whole + (left > 0),
        **times,
    }
    for pods, count, name in ((whole, size, "n"), (1 * (left > 0), left, "r")):
        import pyarrow.compute as pc

        trace.writer.repeated(
            columns
            | {
                "id": pc.binary_join_element_wise(rows.texts("job"), name, "-"),
                "cpu_milli": 1000 * count * np.ones(len(rows), dtype=np.int64),
                "memory_mib": np.where(
                    memory < 0, -1, np.ceil(memory * count / 1024)
                ).astype(np.int64),
            },
            pods,
        )


def _memory(trace: Import, rows: Rows) -> Floats:
    """Return KiB per processor, −1 = unknown."""
    memory = rows.numbers("memory_requested", least=-1)
    if trace.settings["node_memory"]:
        return memory
    rows.repaired(memory > 0, "request for memory left out: give --set node_memory=MIB")
    return np.full(len(memory), -1.0)


def _known(rows: Rows, name: str) -> np.ndarray:
    """Return a column's texts, empty where it is −1."""
    texts = np.array(rows.texts(name).to_pylist(), dtype=object)
    texts[rows.equals(name, "-1")] = ""
    return texts


IMPORTER = Importer(
    title="Parallel Workloads Archive, Standard Workload Format 2.2",
    licence="free for research; cite each log as its page asks",
    drops="checkpoints (status 2 to 4), jobs without processors or run time",
    units={
        "time": "s from the log's start",
        "cpu": "1 processor = 1000 milli, whatever the log's processors are",
        "memory": "KiB per processor, as MiB per pod; only with node_memory",
    },
    settings={
        "nodes": Setting(0, "nodes of the machine; 0 = MaxNodes of the header"),
        "node_processors": Setting(0, "processors of a node; 0 = MaxProcs / MaxNodes"),
        "node_memory": Setting(0, "memory of a node in MiB; 0 = not known"),
        "pods": Setting(
            "node",
            "whether a pod holds all that a job has on a node, or one processor",
            choices=("node", "processor"),
        ),
    },
    read=read,
)
