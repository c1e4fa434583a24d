"""A workload as a List of Kubernetes objects, which `run` and `explain` read back."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload

SUFFIXES = (".json", ".json.gz")


def check_target(out: str) -> None:
    """Refuse a name whose suffix would lie about the content.

    Raises
    ------
    InputError
        If it is neither `-` nor ends with `.json` or `.json.gz`.
    """
    if out != "-" and not out.endswith(SUFFIXES):
        raise InputError(
            "what is written is JSON", source="--out", value=out,
            fix="end the name with .json or .json.gz",
        )  # fmt: skip


def write_manifests(workload: Workload, out: str) -> list[str]:
    """Write nodes, other objects and pods to a file, gzipped by its name, or to `-`.

    A file appears whole or not at all. Returns what manifests cannot say of the
    workload, one sentence each.
    """
    data = b"".join(_lines(workload))
    if out == "-":
        sys.stdout.buffer.write(data)
    else:
        if out.endswith(".gz"):
            data = gzip.compress(data, mtime=0)
        path = Path(out)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise InputError(
                f"cannot be written ({error.strerror})", source=out
            ) from None
    return list(_untold(workload))


def _lines(workload: Workload) -> Iterator[bytes]:
    from schedbench.objects.written import documents

    yield b'{"apiVersion": "v1", "kind": "List", "items": [\n'
    separator = b""
    for document in documents(workload):
        yield separator + msgspec.json.encode(document)
        separator = b",\n"
    yield b"\n]}\n"


def _untold(workload: Workload) -> Iterator[str]:
    pods = workload.pods
    later = int((pods.arrival > 0).sum())
    if later:
        yield f"{later:,} pods arrive later on; in manifests all wait from the start."
    ending = int(
        ((pods.duration < float("inf")) | (pods.deletion < float("inf"))).sum()
    )
    if ending:
        yield f"{ending:,} pods end or are deleted; in manifests they stay."
    events: Sequence[Any] = workload.node_events
    if events:
        yield f"{len(events):,} changes of nodes are left out."
