"""Lists of JSON objects cut into items, and the objects decoded from their text."""

from __future__ import annotations

import json

import msgspec
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from schedbench.objects.decode import decode_json, decode_object
from schedbench.sources.json_lists import cut_json_list
from schedbench.sources.yaml_values import MAX_NESTING

OBJECTS = st.one_of(strategies.pods(), strategies.nodes())


@given(item=OBJECTS, more=st.dictionaries(st.text(), st.text() | st.none()))
def test_objects_are_the_same_from_text_and_from_documents(item, more):
    """Whatever else the text holds that schedbench does not know."""
    kind = type(item).__name__
    document = msgspec.to_builtins(item) | {"apiVersion": "v1", "kind": kind}
    document = {**more, **document}
    text = json.dumps(document).encode()

    assert decode_json(text, "", "") == decode_object(document)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"metadata": {}}', id="no kind"),
        pytest.param('{"kind": "Widget"}', id="an unknown kind"),
        pytest.param('{"kind": "Pod", "apiVersion": "apps/v1"}', id="another group"),
        pytest.param('{"kind": "Pod", "spec": null}', id="a null"),
        pytest.param('{"kind": "Pod", "spec": 1}', id="a wrong type"),
        pytest.param(
            '{"kind": "Node", "status": {"capacity": {"cpu": "x"}}}', id="a quantity"
        ),
    ],
)
def test_what_is_not_plainly_an_object_is_left_to_the_document(text):
    """There the error is told or the document repaired."""
    assert decode_json(text.encode(), "", "") is None


def listed(*items: str) -> bytes:
    """Return a list of items as text."""
    return f'{{"kind": "List", "items": [{", ".join(items)}]}}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"- a\n", id="not JSON"),
        pytest.param(listed('{"a": }'), id="malformed"),
        pytest.param(listed("{}") + b"x", id="more behind it"),
        pytest.param(listed('{"a": "\xff"}').replace(b"\xc3\xbf", b"\xff"), id="bytes"),
        pytest.param(listed("1"), id="a number"),
        pytest.param(b'{"kind": "Pod", "items": []}', id="no list"),
        pytest.param(b'{"kind": "List"}', id="no items"),
    ],
)
def test_what_is_not_surely_a_list_is_not_cut(text):
    """It is read as any other document, which says what is wrong."""
    assert cut_json_list(text) is None


@given(depth=st.integers(1, 2 * MAX_NESTING), decoys=st.lists(st.sampled_from('[]{}"')))
def test_items_are_nested_no_deeper_than_documents(depth, decoys):
    """Brackets in texts do not count, whatever they are."""
    deep = "[" * (depth - 1) + "]" * (depth - 1) if depth > 1 else "1"
    wide = ", ".join(["[]"] * MAX_NESTING)
    decoy = json.dumps("".join(decoys))
    item = f'{{"a": [{wide}], {decoy}: {decoy}, "b": {deep}}}'

    found = cut_json_list(listed(item))

    assert (found is None) == (depth + 2 > MAX_NESTING)
