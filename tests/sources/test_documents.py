"""Tests of schedbench.sources.documents and its YAML reader."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schedbench.errors import InputError
from schedbench.sources import documents, yaml_values
from schedbench.sources.documents import load_documents, parse_documents

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


def parse(text: str, name: str = "f.yaml") -> list[tuple[str, dict]]:
    return list(parse_documents(text.encode(), name))


def value_of(text: str) -> object:
    return parse(f"key: {text}")[0][1]["key"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2020-01-01", "2020-01-01", id="a date stays text"),
        pytest.param("1:30", "1:30", id="a clock time stays text"),
        pytest.param("yes", True, id="yes is true"),
        pytest.param("Off", False, id="Off is false"),
        pytest.param("y", "y", id="y is text"),
        pytest.param("~", None, id="a tilde is null"),
        pytest.param("", None, id="nothing is null"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("010", 8, id="a leading zero is octal"),
        pytest.param("0o17", 15, id="0o is octal"),
        pytest.param("089", 89, id="eight is no octal digit"),
        pytest.param("1_000", 1000, id="underscores are passed over"),
        pytest.param("1.5", 1.5, id="a fraction is a float"),
        pytest.param("1e3", 1000, id="a whole float is an integer, as through JSON"),
        pytest.param("9.999999e+06", 9_999_999, id="what Go prints for a whole float"),
        pytest.param("100m", "100m", id="a quantity is text"),
        pytest.param('"5"', "5", id="quotes make text"),
        pytest.param("!!str 5", "5", id="the tag str makes text"),
        pytest.param("!!int '5'", 5, id="the tag int makes a number"),
        pytest.param("=", "=", id="an equals sign is text"),
    ],
)
def test_scalars_mean_what_they_mean_to_kubectl(text: str, expected: object) -> None:
    """Plain scalars resolve as sigs.k8s.io/yaml resolves them."""
    found = value_of(text)

    assert expected == found
    assert type(expected) is type(found)


def test_keys_are_text() -> None:
    """Mapping keys become text, as in JSON."""
    assert parse("1: a\ntrue: b\n")[0][1] == {"1": "a", "true": "b"}


def test_several_documents_are_numbered() -> None:
    """Labels count all documents, empty ones are passed over."""
    found = parse("a: 1\n---\n---\nb: 2\n")

    assert found == [("f.yaml#1", {"a": 1}), ("f.yaml#3", {"b": 2})]


def test_merge_keys_do_not_override() -> None:
    """`<<` fills in what the mapping itself does not say."""
    text = "base: &base {a: 1, b: 1}\nmine:\n  b: 2\n  <<: *base\n"

    assert parse(text)[0][1]["mine"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a: 1\nb: 2\na: 3\n", "line 3: duplicate key: 'a'", id="duplicate"
        ),
        pytest.param("- 1\n", "line 1: expected a mapping at the top", id="a list"),
        pytest.param("5\n", "expected a mapping at the top", id="a scalar"),
        pytest.param("", "f.yaml: empty", id="empty"),
        pytest.param("# note\n", "f.yaml: empty", id="only a comment"),
        pytest.param("a: [1\nb: 2\n", "line 2, column", id="syntax"),
        pytest.param("a: \x01", "control characters", id="control character"),
        pytest.param("a: *b", "unknown alias: '*b'", id="unknown alias"),
        pytest.param("a: &b [*b]", "alias contains itself", id="alias of itself"),
        pytest.param(BOMB, "aliases expand to more than", id="billion laughs"),
        pytest.param("a: " + "[" * 200, "nested deeper than 100", id="many lists"),
        pytest.param("[" * 100_000, "nested deeper than 100", id="very many lists"),
        pytest.param("{a: " * 101 + "}" * 101, "nested deeper", id="many mappings"),
        pytest.param("a: .nan", "not a number JSON knows: '.nan'", id="not a number"),
        pytest.param("a: 1e999", "not a number JSON knows", id="infinite"),
        pytest.param("a: !!python/name:os.system", "unsupported YAML tag", id="tag"),
        pytest.param("a: !!int x", "not what its tag int says", id="untrue tag"),
        pytest.param("a: " + "9" * 5000, "not a number JSON knows", id="long number"),
        pytest.param("? [a]\n: 1\n", "mapping key must be a scalar", id="list as key"),
        pytest.param("<<: 5\n", "<< needs a mapping", id="merge of a scalar"),
    ],
)
def test_bad_yaml_is_one_clear_error(text: str, message: str) -> None:
    """Every fault names the file, the place and what to do."""
    with pytest.raises(InputError) as caught:
        parse(text)

    assert str(caught.value).startswith("f.yaml")
    assert message in str(caught.value)
    assert caught.value.fix


def test_an_anchor_makes_a_merge_key_plain() -> None:
    """`<<` that is anchored is text, since its alias may stand anywhere."""
    assert parse("{&a <<: 1, b: *a}")[0][1] == {"<<": 1, "b": "<<"}


@given(st.binary(max_size=60), st.sampled_from([None, "yaml", "json"]))
def test_any_bytes_are_read_or_refused(text: bytes, name: str | None) -> None:
    """Nothing but an InputError comes out of nonsense."""
    with contextlib.suppress(InputError):
        json.dumps(list(parse_documents(text, "f", name)), allow_nan=False)


@given(st.text(alphabet="ab:-[]{}&*<!|>\"'\\ \n\t?,#%@0x1_.e+~/", max_size=60))
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    """YAML's own signs in any order are read or refused."""
    with contextlib.suppress(InputError):
        json.dumps(parse(text), allow_nan=False)


def test_nesting_counts_through_aliases() -> None:
    """Anchors cannot stack up what nesting forbids."""
    deep = "[" * 60 + "x" + "]" * 60
    text = f"a: &a {deep}\nb: {'[' * 60}*a{']' * 60}\n"

    with pytest.raises(InputError, match="nested deeper"):
        parse(text)


def test_a_hundred_levels_are_allowed() -> None:
    """The bound itself is still read."""
    text = "{a: " * 100 + "1" + "}" * 100

    assert parse(text)


@pytest.mark.parametrize("format", ["json", None])
def test_json_is_read(format: str | None) -> None:  # noqa: A002
    """JSON is told from its content when the name does not say."""
    found = list(parse_documents(b'\xef\xbb\xbf {"a": [1.5, "x"]}', "f", format))

    assert found == [("f", {"a": [1.5, "x"]})]


def test_a_flow_mapping_is_not_taken_for_json() -> None:
    """Text that opens like JSON but is YAML is read as YAML."""
    assert list(parse_documents(b"{a: 1}", "f")) == [("f", {"a": 1})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b'{"a": 1,\n', "line 2: malformed JSON", id="truncated"),
        pytest.param(b'{"a": 1}\n{"b": 2}', "line 2: malformed JSON", id="two"),
        pytest.param(b"[" * 200 + b"]" * 200, "nested", id="a deep list"),
        pytest.param(b"[" * 200_000, "nested", id="a very deep list"),
        pytest.param(b"[1]", "expected a mapping", id="a list"),
        pytest.param(b"", "malformed JSON", id="empty"),
    ],
)
def test_bad_json_is_one_clear_error(text: bytes, message: str) -> None:
    """Every fault names the file and what is wrong."""
    with pytest.raises(InputError, match=message):
        list(parse_documents(text, "f.json", "json"))


def test_invalid_utf8_names_the_line() -> None:
    """Bytes that are no UTF-8 are shown with their line."""
    with pytest.raises(InputError, match="line 2: not UTF-8 text"):
        list(parse_documents(b"a: 1\nb: \xff\n", "f.yaml"))


def test_files_are_read_by_their_names(tmp_path: Path) -> None:
    """Plain and gzipped files give the same documents."""
    for name, text in (("a.yaml", "a: 1"), ("a.json", '{"a": 1}')):
        plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
        plain.write_text(text)
        packed.write_bytes(gzip.compress(text.encode()))

        assert [(str(plain), {"a": 1})] == list(load_documents(plain))
        assert [(str(packed), {"a": 1})] == list(load_documents(packed))


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input."""
    stdin = io.TextIOWrapper(io.BytesIO(b"a: 1\n"))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert list(load_documents("-")) == [("<stdin>", {"a": 1})]


def test_damaged_gzip_is_an_input_error() -> None:
    """A truncated or broken archive says so."""
    packed = gzip.compress(b"a: 1\n" * 100)

    with pytest.raises(InputError, match="truncated gzip"):
        list(parse_documents(packed[:-9], "f.gz"))
    with pytest.raises(InputError, match="damaged gzip"):
        list(parse_documents(packed[:10] + b"\xff" * 20 + packed[30:], "f.gz"))


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a large file nor a small archive of one is read whole."""
    monkeypatch.setattr(documents, "MAX_BYTES", 1000)
    path = tmp_path / "large.yaml"
    path.write_text("# " + "x" * 1000)

    with pytest.raises(InputError, match="larger than"):
        list(load_documents(path))
    with pytest.raises(InputError, match="larger than"):
        list(parse_documents(gzip.compress(b"x" * 1001), "f.gz"))


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    """The reason of the operating system is passed on."""
    with pytest.raises(InputError, match="cannot be read"):
        list(load_documents(tmp_path / "none.yaml"))


def test_the_slow_parser_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the C parser the same documents are read."""
    text = "a: &x {b: [1, 'two']}\nc: *x\n---\nd: 1e3\n"
    expected = parse(text)
    monkeypatch.setattr(yaml_values, "_PARSER", yaml.SafeLoader)

    assert expected == parse(text)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_written_json_is_read_back(document: dict[str, object]) -> None:
    """What `json` writes comes back equal."""
    text = json.dumps(document).encode()

    assert [("f", document)] == list(parse_documents(text, "f", "json"))


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L"]), min_size=1),
        st.integers() | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    ).filter(bool)
)
def test_dumped_yaml_is_read_back(document: dict[str, object]) -> None:
    """What PyYAML dumps with quoted texts comes back equal."""
    text = yaml.safe_dump(document, default_style='"')

    found = {
        key: int(value) if isinstance(document[key], int) else value
        for key, value in parse(text)[0][1].items()
    }

    assert document == found
