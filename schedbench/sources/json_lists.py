"""Long JSON lists, cut into items without reading what is in them.

What `kubectl get -o json` prints is one list. To make Python objects of all its fields
takes longer than to decode the fields that are known straight from the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from schedbench.sources.yaml_values import MAX_NESTING

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


class JsonList(NamedTuple):
    """The items of a list as text, and what the list says of them.

    Attributes
    ----------
    kind, version
        `kind` and `apiVersion` of the list; of each item for a typed list.
    items
        The items, each a JSON object that is not nested too deep.
    """

    kind: str
    version: str
    items: list[bytes]


class _Head(msgspec.Struct, rename="camel"):
    kind: str
    items: list[msgspec.Raw]
    api_version: str = ""


def cut_json_list(text: bytes) -> JsonList | None:
    """Return the items of a JSON list; None if the text is not surely a sound one."""
    if text[:1] != b"{":
        return None
    try:
        text.decode("utf-8")
        head = msgspec.json.decode(text, type=_Head)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    items = [bytes(item) for item in head.items]
    if not head.kind.endswith("List"):
        return None
    if any(item[:1] != b"{" or _is_deep(item) for item in items):
        return None
    return JsonList(head.kind, head.api_version, items)


def _is_deep(text: bytes) -> bool:
    """Tell whether a value in the list is nested deeper than documents may be."""
    most = MAX_NESTING - 2
    if text.count(b"{") + text.count(b"[") <= most:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _OTHERS)
    for _ in range(most):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return bool(brackets)
