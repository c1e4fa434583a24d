"""An interpreter of Go's text/template, as far as object templates use it.

Pipelines, variables, parentheses, trimming, comments, if / else if / else, range and
with are there; nested template definitions are not. A template is compiled once into
closures and rendered per object; one that never looks at `.Index` renders once.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schedbench.errors import InputError
from schedbench.sources.scheduler_perf.functions import FUNCTIONS
from schedbench.sources.scheduler_perf.template_nodes import (
    Expression,
    Node,
    State,
    branch,
    call_function,
    choose,
    constant,
    field_of,
    loop,
    print_value,
    run_all,
    set_variable,
    write_text,
)

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<end>}})
  | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
  | (?P<number>[-+]?(?:0x[0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+))
  | (?P<variable>\$\w*(?:\.\w+)*)
  | (?P<field>(?:\.[A-Za-z_]\w*)+|\.)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>:=|=|,|\||\(|\))
    """,
    re.VERBOSE,
)
_CONSTANTS = {"true": True, "false": False, "nil": None}


class _Token(NamedTuple):
    kind: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes
    ----------
    source
        The file it came from, for messages.
    uses_index
        Whether its output may depend on `.Index`.
    """

    source: str
    uses_index: bool
    body: tuple[Node, ...]

    def render(self, index: int, count: int, params: Mapping[str, Any]) -> str:
        """Return the text for one object out of `count`.

        Raises
        ------
        InputError
            If an action fails, naming file, line and action.
        """
        root = {**params, "Index": index, "Count": count}
        state = State(root, root, [], [])
        run_all(self.body, state)
        return "".join(state.out)


def load_template(path: Path) -> Template:
    """Return the compiled template of a file.

    Raises
    ------
    InputError
        If the file cannot be read, or is not a template.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", source=path, fix="mend the path"
        ) from error
    return _load(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1024)
def _load(path: Path, modified: int, size: int) -> Template:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            "not UTF-8 text", source=path, fix="save it as UTF-8"
        ) from None
    return parse_template(text, str(path))


def parse_template(text: str, source: str) -> Template:
    """Compile a template.

    Raises
    ------
    InputError
        If an action is malformed, naming line and action.
    """
    parser = _Parser(text, source)
    body, closing = parser.block(inner=False)
    assert closing is None
    return Template(source, parser.uses_index, body)


class _Parser:
    """Turns text into nodes, one action at a time."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.position = 0
        self.trim_next = False
        self.is_comment = False
        self.uses_index = False
        self.own_dot = 0
        self.tokens: list[_Token] = []
        self.where = ""
        self.scope: list[str] = []

    def fail(self, problem: str, **details: Any) -> InputError:
        return InputError(problem, source=self.source, where=self.where, **details)

    def block(self, *, inner: bool) -> tuple[tuple[Node, ...], str | None]:
        """Parse up to `end` or `else`, which is returned, or to the end of the text."""
        nodes: list[Node] = []
        opened, depth = self.where, len(self.scope)
        while True:
            literal, found = self.literal()
            if literal:
                nodes.append(functools.partial(write_text, literal))
            if not found:
                if inner:
                    self.where = opened
                    raise self.fail("action without end", fix="add {{end}}")
                return tuple(nodes), None
            word = self.tokens[0].text if self.tokens else ""
            if word in {"end", "else"}:
                if not inner:
                    raise self.fail(
                        f"{word} without if, range or with", fix="remove it"
                    )
                self.tokens.pop(0)
                del self.scope[depth:]
                return tuple(nodes), word
            if not self.is_comment:
                nodes.append(self.action())

    def literal(self) -> tuple[str, bool]:
        """Read text up to the next action and lex that; False at the text's end."""
        start = self.text.find("{{", self.position)
        stop = len(self.text) if start < 0 else start
        literal = self.text[self.position : stop]
        if self.trim_next:
            literal = literal.lstrip()
        if start < 0:
            self.position = stop
            return literal, False
        line = self.text.count("\n", 0, start) + 1
        position = start + 2
        if re.match(r"-\s", self.text[position : position + 2]):
            literal = literal.rstrip()
            position += 1
        self.lex(start, position, line)
        return literal, True

    def lex(self, start: int, position: int, line: int) -> None:
        self.tokens = []
        self.where = f"line {line}"
        comment = re.compile(r"\s*/\*.*?\*/\s*?(\s-)?}}", re.DOTALL).match(
            self.text, position
        )
        self.is_comment = comment is not None
        if comment is not None:
            self.trim_next = comment[1] is not None
            self.position = comment.end()
            return
        shown = self.text[start : start + 60].partition("}}")[0].partition("\n")[0]
        self.where = f"line {line}, {shown}}}}}"
        while True:
            if re.compile(r"\s-}}").match(self.text, position):
                self.trim_next, self.position = True, position + 4
                return
            match = _TOKEN.match(self.text, position)
            if match is None:
                problem = (
                    "action is not closed"
                    if position >= len(self.text)
                    else "unexpected character in action"
                )
                raise self.fail(
                    problem, value=self.text[position : position + 1], fix="mend it"
                )
            position = match.end()
            kind = match.lastgroup or ""
            if kind == "end":
                self.trim_next, self.position = False, position
                return
            if kind != "space":
                self.tokens.append(_Token(kind, match[0]))

    def action(self) -> Node:
        word = self.tokens[0] if self.tokens else _Token("", "")
        if word.kind == "word":
            if word.text in {"if", "with"}:
                self.tokens.pop(0)
                return self.branch(word.text)
            if word.text == "range":
                self.tokens.pop(0)
                return self.loop()
            if word.text in {"define", "template", "block", "break", "continue"}:
                raise self.fail(f"{word.text} is not supported", fix="write it out")
        where = self.where
        declared, assigns, value = self.pipeline()
        self.finish()
        if declared:
            if len(declared) != 1:
                raise self.fail("two variables outside range", fix="declare one")
            if not assigns:
                self.scope.append(declared[0])
            return self.guarded(
                functools.partial(set_variable, declared[0], assigns, value), where
            )
        return self.guarded(functools.partial(print_value, value), where)

    def guarded(self, node: Node, where: str) -> Node:
        source = self.source

        def run(state: State) -> None:
            try:
                node(state)
            except InputError as error:
                if error.source is not None:
                    raise
                raise error.at(source=source, where=where) from None

        return run

    def branch(self, word: str) -> Node:
        where, outer = self.where, len(self.scope)
        declared, _, value = self.pipeline()
        self.finish()
        self.scope += declared
        rebinds = word == "with"
        self.own_dot += rebinds
        body, closing = self.block(inner=True)
        self.own_dot -= rebinds
        otherwise: tuple[Node, ...] = ()
        if closing == "else":
            if self.tokens and self.tokens[0].text in {"if", "with"}:
                otherwise = (self.branch(self.tokens.pop(0).text),)
            else:
                self.finish()
                otherwise, closing = self.block(inner=True)
                if closing == "else":
                    raise self.fail("a second else", fix="remove it")
        del self.scope[outer:]
        name = declared[0] if declared else None
        return self.guarded(
            functools.partial(branch, name, value, rebinds, body, otherwise), where
        )

    def loop(self) -> Node:
        where, outer = self.where, len(self.scope)
        declared, _, value = self.pipeline()
        self.finish()
        self.scope += declared
        self.own_dot += 1
        body, closing = self.block(inner=True)
        self.own_dot -= 1
        otherwise: tuple[Node, ...] = ()
        if closing == "else":
            self.finish()
            otherwise, closing = self.block(inner=True)
        del self.scope[outer:]
        return self.guarded(
            functools.partial(loop, tuple(declared), value, body, otherwise), where
        )

    def finish(self) -> None:
        if self.tokens:
            raise self.fail(
                "unexpected text in action", value=self.tokens[0].text, fix="mend it"
            )

    def pipeline(self) -> tuple[list[str], bool, Expression]:
        """Parse `$x := a | b c` as variables, whether it assigns, and the value."""
        declared: list[str] = []
        assigns = False
        texts = [token.text for token in self.tokens]
        for sign in (":=", "="):
            if sign in texts:
                cut = texts.index(sign)
                declared = [text for text in texts[:cut] if text != ","]
                if not all(re.fullmatch(r"\$\w+", name) for name in declared):
                    raise self.fail("not a variable", value=texts[0], fix="write $name")
                assigns = sign == "="
                if assigns:
                    self.known(declared[0])
                del self.tokens[: cut + 1]
                break
        value = self.command(None)
        while self.tokens and self.tokens[0].text == "|":
            self.tokens.pop(0)
            value = self.command(value)
        return declared, assigns, value

    def command(self, last: Expression | None) -> Expression:
        if not self.tokens:
            raise self.fail("empty action", fix="write a value")
        token = self.tokens[0]
        if token.kind == "word" and token.text not in _CONSTANTS:
            self.tokens.pop(0)
            arguments: list[Expression] = []
            while self.tokens and self.tokens[0].text not in {"|", ")"}:
                arguments.append(self.operand())
            if last is not None:
                arguments.append(last)
            return self.call(token.text, arguments)
        value = self.operand()
        if last is not None:
            raise self.fail("a value that takes no argument", value=token.text)
        return value

    def call(self, name: str, arguments: list[Expression]) -> Expression:
        if name in {"and", "or"}:
            if not arguments:
                raise self.fail(f"{name} of nothing", fix="give it arguments")
            return functools.partial(choose, name == "or", tuple(arguments))
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.fail(
                "unknown function",
                value=name,
                fix=f"known: {', '.join(sorted((*FUNCTIONS, 'and', 'or')))}",
            )
        return functools.partial(call_function, name, function, tuple(arguments))

    def operand(self) -> Expression:
        kind, text = self.tokens.pop(0)
        if kind == "word":
            if text in _CONSTANTS:
                return functools.partial(constant, _CONSTANTS[text])
            return self.call(text, [])
        if kind == "string":
            value = text[1:-1] if text[0] == "`" else json.loads(text, strict=False)
            return functools.partial(constant, value)
        if kind == "number":
            digits = text.replace("_", "")
            try:
                number: int | float = int(digits, 0)
            except ValueError:
                number = float(digits)
            return functools.partial(constant, number)
        if kind == "field":
            if not self.own_dot and text in {".", ".Index"}:
                self.uses_index = True
            return functools.partial(field_of, None, tuple(text.split(".")[1:]))
        if kind == "variable":
            name, *fields = text.split(".")
            if name == "$":
                self.uses_index |= not fields or fields[0] == "Index"
            else:
                self.known(name)
            return functools.partial(field_of, name, tuple(fields))
        if text == "(":
            _, _, value = self.pipeline()
            if not self.tokens or self.tokens.pop(0).text != ")":
                raise self.fail("parenthesis is not closed", fix="add )")
            return value
        raise self.fail("unexpected text in action", value=text, fix="mend it")

    def known(self, name: str) -> None:
        if name not in self.scope:
            raise self.fail("undefined variable", value=name, fix="declare it before")
