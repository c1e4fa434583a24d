"""Azure's packing trace of 2020: virtual machines as fractions of machine types.

Source: Azure/AzurePublicDataset, AzureTracesForPacking2020.md; Hadary et al.,
"Protean: VM Allocation Service at Scale", OSDI 2020. Machines are neither listed nor
counted, and a request is a fraction of one machine type: the fleet is all of one type.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schedbench.errors import InputError
from schedbench.sources.traces.demand import Demand
from schedbench.sources.traces.files import CHUNK, chunk, find_tables
from schedbench.sources.traces.importer import Import, Importer, Setting
from schedbench.sources.traces.rows import Rows

VM = ("vmId", "tenantId", "vmTypeId", "priority", "starttime", "endtime")
TYPE = ("id", "vmTypeId", "machineId", "core", "memory", "hdd", "ssd", "nic")
RESOURCES = TYPE[3:]
OTHERS = RESOURCES[2:]
DAY = 86_400.0
HIGH = 0
ROUNDING = 1e-6


class _Fit(NamedTuple):
    """What a type of virtual machine takes of a machine: units of each resource."""

    cpu_milli: int
    memory_mib: int
    resources: str
    fractions: tuple[float, ...]


def read(trace: Import) -> None:
    """Read the types, choose the machine, then read the virtual machines."""
    found = find_tables(trace.paths, ("",), suffixes=(".sqlite", ".sqlite3", ".db"))
    if len(found[""]) != 1:
        raise InputError(
            "more than one database", value=[path.name for path in found[""]],
            fix="give one: ids are valid within their file only",
        )  # fmt: skip
    (path,) = found[""]
    demand = Demand(len(RESOURCES))
    try:
        with path.open("rb") as file:
            file.read(1)
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            fits = _fits(trace, path, database)
            machine = _chosen(trace, path, database, fits)
            for rows in _rows(path, database, "vm", VM, trace):
                _vms(trace, rows, fits[machine], machine, demand)
        finally:
            database.close()
    except (OSError, sqlite3.DatabaseError) as error:
        raise InputError(
            f"cannot be read as sqlite ({error})",
            source=path,
            fix="check that it is whole and unpacked",
        ) from None
    _nodes(trace, machine, demand)


def _rows(
    path: Path,
    database: sqlite3.Connection,
    table: str,
    names: Sequence[str],
    trace: Import,
) -> Iterator[Rows]:
    """Yield the rows of a table as texts, numbered by rowid."""
    there = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    for name in names:
        if name not in there:
            raise InputError(
                f"table {table} has no column {name!r}", source=path, value=there,
                fix="expected " + ",".join(names),
            )  # fmt: skip
    for name in there:
        if name not in names:
            raise InputError(
                f"unknown column of table {table}", source=path, value=name,
                fix="expected " + ",".join(names),
            )  # fmt: skip
    cursor = database.execute(
        f"SELECT rowid, {', '.join(names)} FROM {table} ORDER BY rowid"  # noqa: S608
    )
    while found := cursor.fetchmany(CHUNK):
        cells = [
            ["" if cell is None else str(cell) for cell in row[1:]] for row in found
        ]
        yield chunk(table, path, trace.ledger, names, cells, [row[0] for row in found])


def _fits(
    trace: Import, path: Path, database: sqlite3.Connection
) -> dict[str, dict[str, _Fit]]:
    """Return machine type → type of virtual machine → what it takes."""
    fits: dict[str, dict[str, _Fit]] = {}
    scale = {"core": trace.settings["cpu"], "memory": trace.settings["memory"]}
    most = 1.0 + ROUNDING
    for rows in _rows(path, database, "vmType", TYPE, trace):
        fractions = []
        for name in RESOURCES:
            empty = 0.0 if name in OTHERS else None
            if empty is not None:
                rows.repaired(rows.is_empty(name), f"{name} is NULL: 0")
            fractions.append(rows.numbers(name, empty=empty, most=most))
        units = [
            np.floor(each * scale.get(name, trace.settings["others"]) + ROUNDING)
            for name, each in zip(RESOURCES, fractions, strict=True)
        ]
        table = zip(
            rows.texts("machineId").to_pylist(), rows.texts("vmTypeId").to_pylist(),
            np.column_stack(units).astype(np.int64).tolist(),
            np.column_stack(fractions).tolist(), strict=True,
        )  # fmt: skip
        for at, (machine, kind, amounts, exact) in enumerate(table):
            held = fits.setdefault(machine, {})
            if kind in held:
                raise rows.error(
                    np.arange(len(rows)) == at, "vmTypeId",
                    f"the type is there twice for machine {machine}",
                )  # fmt: skip
            others = {_key(n): u for n, u in zip(OTHERS, amounts[2:], strict=True) if u}
            text = json.dumps(others) if others else ""
            held[kind] = _Fit(amounts[0], amounts[1], text, tuple(exact))
    return fits


def _chosen(
    trace: Import,
    path: Path,
    database: sqlite3.Connection,
    fits: dict[str, dict[str, _Fit]],
) -> str:
    """Return the machine type asked for, else the one that can host most."""
    machine = str(trace.settings["machine"])
    if machine == "any":
        query = "SELECT CAST(vmTypeId AS TEXT), COUNT(*) FROM vm GROUP BY vmTypeId"
        many = dict(database.execute(query).fetchall())
        hosted = {
            each: sum(many.get(kind, 0) for kind in kinds)
            for each, kinds in fits.items()
        }
        if not hosted:
            raise InputError("table vmType is empty", source=path)
        machine = max(sorted(hosted), key=hosted.__getitem__)
    if machine not in fits:
        raise InputError(
            "no such machine type", source="--set machine", value=machine,
            fix=f"known: {', '.join(sorted(fits))}",
        )  # fmt: skip
    return machine


def _vms(
    trace: Import,
    rows: Rows,
    fits: dict[str, _Fit],
    machine: str,
    demand: Demand,
) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.is_in(rows.texts("vmTypeId"), pa.array(list(fits), pa.string()))
    foreign = ~np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)
    rows = rows.drop(foreign, f"its type cannot run on machine type {machine}")
    if not len(rows):
        return
    start = DAY * rows.numbers("starttime", least=None)
    end = DAY * rows.numbers("endtime", least=None, empty=np.nan)
    rows.check(end < start, "endtime", "an end before the start")
    rows.check(end < 0, "endtime", "an end before the trace starts")
    kinds = [fits[kind] for kind in rows.texts("vmTypeId").to_pylist()]
    submit = np.maximum(start, 0.0)
    fractions = np.array([kind.fractions for kind in kinds])
    demand.add(submit, end, fractions)
    left, right = start < 0, np.isnan(end)
    low = rows.whole("priority", most=1) != HIGH
    trace.writer.pods(
        {
            "id": pc.binary_join_element_wise("vm", rows.texts("vmId"), "-"),
            "submit": submit,
            "start": start,
            "end": end,
            "duration": end - submit,
            "censored": np.select(
                [left & right, left, right], ["both", "left", "right"], ""
            ),
            "cpu_milli": [kind.cpu_milli for kind in kinds],
            "memory_mib": [kind.memory_mib for kind in kinds],
            "resources": [kind.resources for kind in kinds],
            "priority": np.where(low, 0, 1),
            "class": np.where(low, "low", "high"),
            "user": rows.texts("tenantId"),
        }
    )


def _nodes(trace: Import, machine: str, demand: Demand) -> None:
    settings = trace.settings
    count = settings["machines"]
    if count == 0:
        count = max(1, math.ceil(float(demand.peak().max()) / settings["fill"]))
    trace.ledger.note(
        f"The fleet is {count:,} machines of type {machine}: the trace names none. "
        "At the peak the virtual machines ask for "
        f"{float(demand.peak().max()) / count:.0%} of its scarcest resource."
    )
    trace.ledger.note(
        "Lifetimes of low priority are cut by evictions in Azure's own cluster."
    )
    others = {_key(name): settings["others"] for name in OTHERS}
    trace.writer.nodes(
        {
            "name": [f"machine-{number}" for number in range(count)],
            "cpu_milli": settings["cpu"],
            "memory_mib": settings["memory"],
            "labels": json.dumps({"schedbench.io/machine": machine}),
            "resources": json.dumps(others),
        }
    )


def _key(name: str) -> str:
    return f"schedbench.io/{name}"


_SETTINGS: dict[str, Any] = {
    "machine": Setting("any", "machine type of the fleet; any = what hosts most"),
    "machines": Setting(0, "machines of the fleet; 0 = as needed"),
    "fill": Setting(0.9, "share of the fleet asked for at the peak", 0.01),
    "cpu": Setting(100_000, "millicores of a whole machine", 1),
    "memory": Setting(100_000, "MiB of a whole machine", 1),
    "others": Setting(100_000, "units of a whole machine's hdd, ssd and nic", 1),
}

IMPORTER = Importer(
    title="Azure packing trace 2020 (Protean)",
    licence="CC-BY-4.0",
    drops="virtual machines that the chosen machine type cannot run",
    units={
        "time": "days × 86400 = s; before 0 = alive at the start",
        "cpu, memory, hdd, ssd, nic": "fractions of a machine, in units of the "
        "settings, rounded down so that n of 1/n fit; no absolute sizes",
        "priority": "high 1, low 0",
    },
    settings=_SETTINGS,
    read=read,
)
