"""Named tuples that kernels hand on as one pointer, and kernels as parts of others."""

import os
import subprocess
import sys
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
from numba.core.errors import TypingError

from schedbench.jit import allocating_kernel, by_reference, kernel
from schedbench.jit.kernels import _compile


@by_reference
class Inside(NamedTuple):
    numbers: np.ndarray
    flag: bool


@by_reference
class Outside(NamedTuple):
    factor: int
    inside: Inside
    table: np.ndarray


@kernel
def inner_sum(inside, factor):
    total = 0
    for i in range(inside.numbers.size):
        total += inside.numbers[i] * factor
    return total if inside.flag else -total


@kernel
def change(outside):
    outside.table[1, 0] += inner_sum(outside.inside, outside.factor)
    return outside.table[1].sum()


@allocating_kernel
def doubled(outside):
    return outside.table * 2


def made(factor=3, flag=True):
    inside = Inside(np.arange(4), flag)
    return Outside(factor, inside, np.zeros((2, 2), dtype=np.int64))


def test_kernels_read_fields_and_fields_of_fields():
    for factor, flag, expected in ((3, True, 18), (2, True, 12), (3, False, -18)):
        outside = made(factor, flag)

        assert change(outside) == expected
        assert outside.table.tolist() == [[0, 0], [expected, 0]]


def test_a_kernel_sees_the_arrays_of_the_tuple_it_is_given_now():
    """What is loaded is the same during a call, not from one call to the next."""
    assert [change(made(factor)) for factor in (1, 2, 1)] == [6, 12, 6]


def test_arrays_that_come_back_live_on_and_those_given_are_let_go():
    outside = made()
    doubled(outside)
    before = [sys.getrefcount(part) for part in (outside.table, outside.inside.numbers)]
    tracemalloc.start()
    for _ in range(500):
        result = doubled(outside)
        change(outside)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert result.shape == (2, 2)
    assert before == [
        sys.getrefcount(part) for part in (outside.table, outside.inside.numbers)
    ]
    assert grown < 50_000


def test_an_unknown_field_is_refused_when_compiled():
    with pytest.raises(TypingError, match="tabel"):
        kernel(_misspelt)(made())


def test_one_that_a_kernel_makes_is_handed_on_by_value():
    assert kernel(_making)(np.arange(3)) == 6


def test_a_field_of_another_kind_is_compiled_anew_not_misread():
    wide = Inside(np.arange(4.0), True)

    assert inner_sum(Inside(np.arange(4), True), 2) == 12
    assert inner_sum(wide, 2) == 12.0
    assert len(inner_sum.overloads) >= 2


def test_a_field_that_no_kernel_can_read_is_refused():
    with pytest.raises(TypingError):
        inner_sum(Inside(object(), True), 2)


def test_what_kernels_call_becomes_part_of_the_kernel_that_python_calls():
    """It is not translated by itself, and an error that it raises comes through."""
    outer = _compile(_calls_checked, "python", None)

    assert outer(3) == 6
    with pytest.raises(ValueError, match="too much"):
        outer(1000)
    assert not checked.overloads
    (part,) = checked.get_call_template.__self__.overloads.values()
    assert part.library.get_pointer_to_function(part.fndesc.llvm_func_name) == 0


CACHED = """
from schedbench.jit import cache_folder
from schedbench.scheduler.select import draw
from schedbench.simulation.heap import timed_pop
import numpy as np
times, items = np.array([1.0, 2.0]), np.array([7, 8], dtype=np.int32)
size = np.array([2])
timed_pop(times, items, size)
print(items[0], size[0], sum(timed_pop.stats.cache_hits.values()))
"""


def test_a_kernel_with_its_parts_is_loaded_from_the_cache(tmp_path):
    told = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CACHED],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout.split()
        for _ in range(2)
    ]

    assert told == [["8", "1", "0"], ["8", "1", "1"]]


@kernel
def checked(number):
    if number > 100:
        raise ValueError("too much")
    return number + number


def _calls_checked(number):
    return checked(number)


def _misspelt(outside):
    return outside.tabel


def _making(numbers):
    return inner_sum(Inside(numbers, True), 2)
