"""The lines that schedbench and an external policy exchange, version 1.

Each line is one JSON object with a `type`; `workloads/external/README.md` tells their
order and meaning.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

VERSION = 1
LONGEST_QUOTE = 300
"""Characters that are shown of what a child says."""
FEASIBLE = "feasible"
"""The capability of a child that wants pods one by one, with the nodes that fit."""


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """The first line of a child.

    Attributes
    ----------
    protocol
        The version of the protocol that it speaks.
    name
        What it calls itself.
    capabilities
        Optional parts of the protocol that it wants: `FEASIBLE`; others are ignored.
    """

    protocol: int
    name: str
    capabilities: list[str] = []


class Decision(msgspec.Struct):
    """Where a pod goes.

    Attributes
    ----------
    pod
        Its number.
    node
        Name of the node; None = the pod waits.
    scores
        Node → what the child thinks of it, if it tells.
    reasons
        Node → why the pod cannot go there, if it tells.
    """

    pod: int
    node: str | None
    scores: dict[str, float] = {}
    reasons: dict[str, list[str]] = {}


class Decisions(msgspec.Struct, tag_field="type", tag="decisions"):
    """The answer to a question, in the order in which the pods are bound."""

    decisions: list[Decision]


Answer = TypeVar("Answer", Hello, Decisions)


class ProtocolError(ValueError):
    """A line that is not what the protocol wants."""


def encode(kind: str, **content: Any) -> bytes:
    """Return a line."""
    return msgspec.json.encode({"type": kind, **content}) + b"\n"


def decode(line: bytes, wanted: type[Answer]) -> Answer:
    """Read a line.

    Raises
    ------
    ProtocolError
        If it is not JSON, or not what is wanted.
    """
    try:
        return msgspec.json.decode(line, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(quoted(str(error))) from error


def quoted(text: str) -> str:
    """Return the beginning of a text, without what does not show."""
    begin = text[:LONGEST_QUOTE]
    shown = "".join(c if c.isprintable() else " " for c in begin)
    return shown if len(begin) == len(text) else f"{shown}..."
