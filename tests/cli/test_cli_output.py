"""Tables in four forms, numbers for people, colour only where it is wanted."""

from __future__ import annotations

import io
import json

import pytest

from schedbench.cli import output
from schedbench.cli.output import Table


@pytest.fixture
def table() -> Table:
    return Table(["name", "pods"], [["a|b", "1"], ["c", "1,234"]], frozenset({1}))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text(table):
    """Text columns are as wide as their widest cell; numbers stand to the right."""
    lines = table.text().splitlines()

    assert lines[1:] == ["a|b       1", "c     1,234"]


def test_markdown(table):
    """Bars in cells are escaped, and numbers aligned to the right."""
    expected = "| name | pods |\n| --- | ---: |\n| a\\|b | 1 |\n| c | 1,234 |"

    assert expected == table.markdown()


def test_csv(table):
    """Cells with commas are quoted."""
    assert table.csv() == 'name,pods\na|b,1\nc,"1,234"'


def test_json_has_a_version_and_no_nan(capsys):
    """A JSON document begins with its schema's version; NaN is null."""
    output.json_document({"value": float("nan")})
    found = json.loads(capsys.readouterr().out)

    assert found == {"schema_version": 1, "value": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (12345.0, "12,345"),
        (1234.5, "1,234"),
        (0.123456, "0.1235"),
        (3, "3"),
    ],
)
def test_number(value, expected):
    """Numbers are short, with commas; a missing one is a dash."""
    assert output.number(value) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], ""),
        ([1, 2], "1, 2"),
        (list(range(1, 201)), "1 to 200"),
        ([1, 2, 3, 4, 5, 9], "1, 2, 3, 4, 5, 9"),
    ],
)
def test_ranged(numbers, expected):
    """Many numbers in a row are told by their ends."""
    assert output.ranged(numbers) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (8.26, "8.3 s"), (59.2, "59 s"), (200, "3 min 20 s"),
     (7500, "2 h 5 min")],
)  # fmt: skip
def test_duration(seconds, expected):
    """Time spans are given in the two units that matter."""
    assert output.duration(seconds) == expected


@pytest.mark.parametrize(
    ("variables", "terminal", "expected"),
    [
        pytest.param({}, True, True, id="a terminal is coloured"),
        pytest.param({}, False, False, id="a file is not"),
        pytest.param({"NO_COLOR": "1"}, True, False, id="NO_COLOR wins"),
        pytest.param({"FORCE_COLOR": "1"}, False, True, id="FORCE_COLOR forces"),
        pytest.param({"FORCE_COLOR": "0"}, False, False, id="FORCE_COLOR=0 does not"),
        pytest.param({"TERM": "dumb"}, True, False, id="a dumb terminal is not"),
    ],
)
def test_color(monkeypatch, variables, terminal, expected):
    """Colour follows NO_COLOR, FORCE_COLOR, and whether someone looks."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if terminal else io.StringIO()

    assert output.uses_color(stream) is expected
