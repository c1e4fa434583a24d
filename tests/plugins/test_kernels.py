"""Every kernel equals its naive twin, and no kernel goes without."""

from __future__ import annotations

import ast
import operator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import CASES

from schedbench.scheduler.select import draw

PACKAGE = Path(__file__).resolve().parents[2] / "schedbench"
DECORATORS = {"kernel", "array_kernel", "allocating_kernel", "inner_kernel"}
MAY_COMPILE = {PACKAGE / "jit" / "kernels.py", PACKAGE / "policies" / "own.py"}


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_kernel_equals_its_naive_twin(name: str, data: st.DataObject) -> None:
    """A kernel says of every input what plain Python over objects says."""
    case = CASES[name]
    drawn = data.draw(case.inputs)

    assert case.naive(drawn) == case.compute(drawn)


def test_ties_are_drawn_uniformly() -> None:
    """Over the positions of a stream, each of seven nodes is drawn equally often."""
    counts = np.bincount([draw(42, k, 7) for k in range(70_000)], minlength=7)
    uneven = float(((counts - 10_000) ** 2 / 10_000).sum())

    assert len(counts) == 7
    assert uneven < 35.0  # chi-square, 6 degrees: chance exceeds it 4 times in 10**6


def test_draws_of_two_streams_are_unlike() -> None:
    """Streams of neighbouring keys share no more draws than chance allows."""
    pairs = ((draw(1, k, 1000), draw(2, k, 1000)) for k in range(20_000))
    equal = sum(map(operator.eq, *zip(*pairs, strict=True)))

    assert 0 < equal < 60  # 20 expected


def test_every_kernel_of_a_plugin_has_a_twin() -> None:
    """A kernel is in the table of cases, or called by one that is."""
    called = {
        name: calls
        for path in _sources("plugins", "scheduler")
        for name, calls in _kernels(path).items()
    }
    covered = {kernel.__name__ for case in CASES.values() for kernel in case.kernels}
    reached: set[str] = set()
    while covered - reached:
        reached |= covered
        covered = {call for name in reached for call in called.get(name, ())}
    plugins = {name for path in _sources("plugins") for name in _kernels(path)}

    assert plugins
    assert not plugins - reached


def test_kernels_are_compiled_in_one_place() -> None:
    """No module but those two says how numba compiles."""
    offenders = [
        str(path.relative_to(PACKAGE))
        for path in _sources("")
        if path not in MAY_COMPILE and _mentions_njit(path)
    ]

    assert not offenders


def test_a_bare_njit_would_be_found(tmp_path: Path) -> None:
    """The search for bare decorators finds each way to write one."""
    path = tmp_path / "module.py"
    found = []
    for source in ("from numba import njit", "import numba\n@numba.jit\ndef f(): ..."):
        path.write_text(source)
        found.append(_mentions_njit(path))

    assert found == [True, True]


def _sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (PACKAGE / room).rglob("*.py"))


def _kernels(path: Path) -> dict[str, set[str]]:
    """Return kernel → names that it mentions."""
    return {
        function.name: {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name)
        }
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and any(
            isinstance(one, ast.Name) and one.id in DECORATORS
            for one in function.decorator_list
        )
    }


def _mentions_njit(path: Path) -> bool:
    names = {"jit", "njit", "vectorize", "guvectorize", "cfunc"}
    tree = ast.parse(path.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "numba"
        for alias in node.names
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in {"numba", "nb"}
    }
    return bool(names & (imported | used))
