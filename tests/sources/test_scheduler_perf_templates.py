"""Tests of the Go template interpreter."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.errors import InputError
from schedbench.sources.scheduler_perf.functions import printed
from schedbench.sources.scheduler_perf.templates import load_template, parse_template


def render(text: str, index: int = 3, count: int = 10, **params: object) -> str:
    return parse_template(text, "t.yaml").render(index, count, params)


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        pytest.param("no action", {}, "no action", id="plain text"),
        pytest.param("a{{.Index}}b{{ .Count }}c", {}, "a3b10c", id="index and count"),
        pytest.param("{{.x}}", {"x": "y"}, "y", id="a parameter"),
        pytest.param("{{$.x}}", {"x": 5.0}, "5", id="a parameter of the root"),
        pytest.param("a \n {{- 1 -}} \n b", {}, "a1b", id="trimming both sides"),
        pytest.param("a {{1 -}} \n b", {}, "a 1b", id="trimming after"),
        pytest.param("a {{- /* note */ -}} b", {}, "ab", id="a comment trims"),
        pytest.param("a{{/* }} */}}b", {}, "ab", id="a comment holds braces"),
        pytest.param('{{"}}"}}', {}, "}}", id="a text holds braces"),
        pytest.param("{{`a\\n`}}", {}, "a\\n", id="a raw text"),
        pytest.param("{{AddInt 1 2}}", {}, "3", id="AddInt"),
        pytest.param("{{SubtractInt 1 2}}", {}, "-1", id="SubtractInt"),
        pytest.param("{{MultiplyInt 3 .x}}", {"x": 2.0}, "6", id="MultiplyInt"),
        pytest.param("{{DivideInt 7 2}}", {}, "3", id="DivideInt cuts"),
        pytest.param("{{DivideInt -7 2}}", {}, "-3", id="DivideInt cuts towards zero"),
        pytest.param("{{Mod -7 2}}", {}, "-1", id="Mod takes the dividend's sign"),
        pytest.param("{{AddFloat 1 2.5}}", {}, "3.5", id="AddFloat"),
        pytest.param("{{SubtractFloat 1 2.5}}", {}, "-1.5", id="SubtractFloat"),
        pytest.param("{{MultiplyFloat 2 2.5}}", {}, "5", id="MultiplyFloat"),
        pytest.param("{{DivideFloat 1 4}}", {}, "0.25", id="DivideFloat"),
        pytest.param("{{div 7 2}}{{mod 7 2}}", {}, "31", id="the older spellings"),
        pytest.param("{{Int .x}}", {"x": "12"}, "12", id="Int of a text"),
        pytest.param(
            "{{JSON .x}}", {"x": [1.0, {"b": "<"}]}, '[1,{"b":"\\u003c"}]', id="JSON"
        ),
        pytest.param("{{or .x nil | JSON}}", {}, "null", id="JSON of nothing"),
        pytest.param(
            "{{AddInt 7000 (Mod .Index (DivideInt .pods .nodes))}}",
            {"pods": 20.0, "nodes": 10.0},
            "7001",
            id="nested parentheses",
        ),
        pytest.param('{{1 | AddInt 2 | printf "%03d"}}', {}, "003", id="a pipeline"),
        pytest.param('{{printf "%s-%v%%" "a" 1.5}}', {}, "a-1.5%", id="printf"),
        pytest.param("{{if .x}}a{{else}}b{{end}}", {}, "b", id="missing is false"),
        pytest.param("{{if .x}}a{{else}}b{{end}}", {"x": 0.0}, "b", id="zero is false"),
        pytest.param("{{if .x}}a{{end}}", {"x": False}, "", id="false without else"),
        pytest.param(
            "{{if eq .Index 1}}a{{else if eq .Index 3}}b{{else}}c{{end}}",
            {},
            "b",
            id="else if",
        ),
        pytest.param(
            '{{if and .x (eq .x "All")}}a{{else}}b{{end}}',
            {},
            "b",
            id="and stops early",
        ),
        pytest.param("{{or .x 5}}", {}, "5", id="or gives the first true value"),
        pytest.param("{{not .x}}", {}, "true", id="not"),
        pytest.param("{{eq 2 1 2}}", {}, "true", id="eq of any"),
        pytest.param(
            "{{ne 1 1}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 1 2}}",
            {},
            "falsetruetruefalsefalse",
            id="comparisons",
        ),
        pytest.param('{{eq "1" 1}}', {}, "false", id="a text is no number"),
        pytest.param("{{$a := 1}}{{$b := AddInt $a 1}}{{$b}}", {}, "2", id="variables"),
        pytest.param(
            "{{$a := 1}}{{if true}}{{$a = 2}}{{end}}{{$a}}", {}, "2", id="assignment"
        ),
        pytest.param(
            "{{$a := 1}}{{if true}}{{$a := 2}}{{end}}{{$a}}", {}, "1", id="shadowing"
        ),
        pytest.param("{{range 3}}{{.}}{{end}}", {}, "012", id="range over a number"),
        pytest.param(
            "{{range $i, $v := .x}}{{$i}}{{$v}}{{end}}",
            {"x": ["a", "b"]},
            "0a1b",
            id="range with variables",
        ),
        pytest.param(
            "{{range .x}}a{{else}}none{{end}}", {"x": []}, "none", id="range of nothing"
        ),
        pytest.param(
            "{{range $v := .x}}{{$v}}{{$.Index}}{{end}}",
            {"x": {"b": 2.0, "a": 1.0}},
            "1323",
            id="range over a map goes by key",
        ),
        pytest.param("{{with .x}}{{.}}{{else}}no{{end}}", {"x": "y"}, "y", id="with"),
        pytest.param("{{index .x 1}}{{len .x}}", {"x": ["a", "b"]}, "b2", id="index"),
    ],
)
def test_actions_render_as_in_go(text: str, params: dict, expected: str) -> None:
    """Each action prints what text/template would print."""
    assert expected == render(text, **params)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a\n{{.x}}", "line 2, {{.x}}: prints a value", id="missing value"),
        pytest.param("{{foo 1}}", "unknown function: 'foo'", id="unknown function"),
        pytest.param(
            "\n{{if .x}}", "line 2, {{if .x}}: action without end", id="no end"
        ),
        pytest.param("{{end}}", "end without if", id="end alone"),
        pytest.param("{{else}}", "else without if", id="else alone"),
        pytest.param("{{$x}}", "undefined variable: '$x'", id="undefined variable"),
        pytest.param(
            "{{if 1}}{{$x := 1}}{{end}}{{$x}}", "undefined variable", id="out of scope"
        ),
        pytest.param("{{DivideInt 1 0}}", "division by zero", id="division by zero"),
        pytest.param("{{Mod 1 0}}", "division by zero", id="modulo zero"),
        pytest.param("{{AddInt 1}}", "wrong arguments for AddInt", id="too few"),
        pytest.param("{{AddInt 1 .x}}", "not a number", id="missing argument"),
        pytest.param('{{AddInt 1 "a"}}', "not a number: 'a'", id="a text as number"),
        pytest.param("{{ .Index", "action is not closed", id="not closed"),
        pytest.param("{{ ! }}", "unexpected character", id="strange character"),
        pytest.param("{{AddInt (1}}", "parenthesis is not closed", id="parenthesis"),
        pytest.param("{{1 2}}", "unexpected text in action: '2'", id="two values"),
        pytest.param("{{}}", "empty action", id="empty"),
        pytest.param('{{template "x"}}', "template is not supported", id="definitions"),
        pytest.param("{{range 1.5}}{{end}}", "range over a value", id="range of 1.5"),
        pytest.param(
            "{{range 2000000}}{{end}}", "range over too many", id="long range"
        ),
        pytest.param('{{printf "%d" "a"}}', "printf cannot print", id="printf kind"),
        pytest.param('{{lt 1 "a"}}', "values that have no order", id="no order"),
    ],
)
def test_faults_name_line_and_action(text: str, problem: str) -> None:
    """A fault tells the file, the line and the action."""
    with pytest.raises(InputError) as caught:
        render(text)

    assert str(caught.value).startswith("t.yaml: line ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{.Index}}", True, id="the index"),
        pytest.param("{{$.Index}}", True, id="the index of the root"),
        pytest.param("{{JSON .}}", True, id="everything"),
        pytest.param("{{.Count}}{{.x}}", False, id="other parameters"),
        pytest.param("{{range 3}}{{.}}{{end}}", False, id="the dot of a range"),
        pytest.param("{{if false}}{{.Index}}{{end}}", True, id="perhaps the index"),
    ],
)
def test_use_of_the_index_is_known(text: str, expected: bool) -> None:
    """A template that cannot depend on the index says so."""
    assert expected is parse_template(text, "t").uses_index


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5.0, "5"),
        (100_000.0, "100000"),
        (1e6, "1e+06"),
        (9_999_999.0, "9.999999e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (1.5e300, "1.5e+300"),
        (True, "true"),
        (12_345_678, "12345678"),
    ],
)
def test_values_print_as_in_go(value: float, expected: str) -> None:
    """Floats take the exponent form from 1e6, integers never."""
    assert expected == printed(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_floats_are_exact(value: float) -> None:
    """What is printed reads back as the same float."""
    assert value == float(printed(value))


@given(st.text(st.characters(exclude_characters="{")))
def test_text_without_actions_is_kept(text: str) -> None:
    """Only actions change text."""
    assert text == render(text)


@given(st.text(alphabet='{}.-$()|:= "abIndexiforange1\n', max_size=40))
def test_nonsense_never_crashes(text: str) -> None:
    """Any text renders or is refused with an InputError."""
    with contextlib.suppress(InputError):
        render(text)


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    """A template is compiled once per content of its file."""
    path = tmp_path / "t.yaml"
    path.write_text("a")
    first = load_template(path)
    again = load_template(path)
    path.write_text("longer")

    assert first is again
    assert load_template(path).render(0, 1, {}) == "longer"


def test_every_shipped_template_compiles(shared: Path) -> None:
    """The templates of the suite use nothing that is not supported."""
    paths = sorted((shared / "scheduler_perf").rglob("templates/**/*.yaml"))

    assert len(paths) > 100
    for path in paths:
        assert load_template(path)
