"""What template actions do when they run: the nodes that the parser binds together.

Each function takes its parts first and the state of the rendering last, so that a node
is the function with its parts bound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from schedbench.errors import InputError
from schedbench.sources.scheduler_perf.functions import MISSING, printed, truth


@dataclasses.dataclass(slots=True)
class State:
    """What a rendering knows: `.`, `$`, and the variables in scope, innermost last."""

    dot: Any
    root: Any
    variables: list[tuple[str, Any]]
    out: list[str]


Expression: TypeAlias = Callable[[State], Any]
Node: TypeAlias = Callable[[State], None]

_MAX_RANGE = 1_000_000


def run_all(nodes: tuple[Node, ...], state: State) -> None:
    """Run nodes in order."""
    for node in nodes:
        node(state)


def write_text(text: str, state: State) -> None:
    """Write literal text."""
    state.out.append(text)


def print_value(value: Expression, state: State) -> None:
    """Write a pipeline's value."""
    state.out.append(printed(value(state)))


def set_variable(name: str, assigns: bool, value: Expression, state: State) -> None:
    """Declare a variable, or assign to one."""
    result = value(state)
    if assigns:
        for position in range(len(state.variables) - 1, -1, -1):
            if state.variables[position][0] == name:
                state.variables[position] = (name, result)
                return
    state.variables.append((name, result))


def branch(
    name: str | None,
    value: Expression,
    rebinds: bool,
    body: tuple[Node, ...],
    otherwise: tuple[Node, ...],
    state: State,
) -> None:
    """Run `if` and `with`."""
    result = value(state)
    depth, dot = len(state.variables), state.dot
    if name is not None:
        state.variables.append((name, result))
    if truth(result):
        if rebinds:
            state.dot = result
        run_all(body, state)
        state.dot = dot
    else:
        run_all(otherwise, state)
    del state.variables[depth:]


def loop(
    names: tuple[str, ...],
    value: Expression,
    body: tuple[Node, ...],
    otherwise: tuple[Node, ...],
    state: State,
) -> None:
    """Run `range`, or its else when there is nothing."""
    items = _items(value(state))
    depth, dot = len(state.variables), state.dot
    for key, item in items:
        state.dot = item
        bound = (item,) if len(names) == 1 else (key, item)
        state.variables += zip(names, bound, strict=False)
        run_all(body, state)
        del state.variables[depth:]
    state.dot = dot
    if not items:
        run_all(otherwise, state)


def _items(value: Any) -> list[tuple[Any, Any]]:
    if value is None or value is MISSING:
        return []
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        if value > _MAX_RANGE:
            raise InputError("range over too many values", value=value)
        return [(number, number) for number in range(value)]
    raise InputError("range over a value that has no elements", value=value)


def choose(any_of: bool, arguments: tuple[Expression, ...], state: State) -> Any:
    """Return the first argument that settles `and` or `or`, else the last."""
    result: Any = None
    for argument in arguments:
        result = argument(state)
        if truth(result) == any_of:
            break
    return result


def call_function(
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Expression, ...],
    state: State,
) -> Any:
    """Call a function on the values of its arguments."""
    values = [argument(state) for argument in arguments]
    try:
        return function(*values)
    except TypeError:
        raise InputError(
            f"wrong arguments for {name}", value=values, fix="check their number"
        ) from None


def constant(value: Any, _: State) -> Any:
    """Return a literal."""
    return value


def field_of(variable: str | None, fields: tuple[str, ...], state: State) -> Any:
    """Return a field of `.`, of `$` or of a variable; MISSING if it has none."""
    if variable is None:
        value = state.dot
    elif variable == "$":
        value = state.root
    else:
        value = next(
            value for name, value in reversed(state.variables) if name == variable
        )
    for field in fields:
        if not field:
            continue
        if not isinstance(value, Mapping):
            return MISSING
        value = value.get(field, MISSING)
    return value
