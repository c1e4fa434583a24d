"""The public names of the package."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import schedbench


def test_every_lazy_name_is_exported():
    """The table of lazy names and `__all__` agree."""
    assert {*schedbench._PUBLIC, "__version__"} == {*schedbench.__all__}


@pytest.mark.parametrize("name", schedbench.__all__)
def test_every_public_name_resolves(name):
    """Every name of `__all__` can be had from the package."""
    assert getattr(schedbench, name) is not None


def test_the_docstring_lists_every_public_name():
    """The table in the docstring and `__all__` agree."""
    listed = set(re.findall(r"\w+", schedbench.__doc__.split("\n\n")[1]))

    assert {n for n in schedbench.__all__ if n != "__version__"} <= listed


def test_an_unknown_name_is_an_attribute_error():
    """A name that is not public is refused as Python would."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = schedbench.nothing


def test_importing_the_package_loads_nothing_heavy():
    """`import schedbench` loads no third-party library."""
    code = "import schedbench, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "numba", "pandas", "matplotlib", "msgspec", "click"}
