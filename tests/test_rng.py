"""The named random streams."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.rng import stream, stream_key


def test_same_seed_and_name_give_the_same_numbers():
    """A stream is a function of its seed and name, always from the start."""
    first = stream(7, "a").random(5)

    np.testing.assert_array_equal(first, stream(7, "a").random(5))


@pytest.mark.parametrize(
    ("seed", "name"),
    [
        pytest.param(8, "a", id="another seed"),
        pytest.param(7, "b", id="another name"),
        pytest.param(7 + 2**32, "a", id="a seed that is equal in its low 32 bits"),
    ],
)
def test_another_seed_or_name_gives_other_numbers(seed, name):
    """Streams of different seeds or names are unrelated."""
    assert (stream(7, "a").random(5) != stream(seed, name).random(5)).all()
    assert stream_key(7, "a") != stream_key(seed, name)


def test_streams_are_pinned():
    """The numbers of a stream never change, or stored results would not repeat."""
    assert stream(42, "pin").integers(0, 1000, 4).tolist() == [666, 578, 876, 713]
    assert stream_key(42, "pin") == 11413015665987892202


def test_streams_are_uncorrelated():
    """Neighbouring names and seeds show no correlation."""
    rows = [stream(s, f"x{k}").random(4000) for s in range(3) for k in range(3)]
    correlation = np.corrcoef(rows) - np.eye(9)

    assert np.abs(correlation).max() < 0.06


def test_key_is_64_bits():
    """A key fits a uint64 and uses its high bits."""
    keys = [stream_key(s, "k") for s in range(64)]

    assert all(0 <= key < 2**64 for key in keys)
    assert max(keys) > 2**62


@pytest.mark.parametrize("function", [stream, stream_key])
def test_negative_seed_is_refused(function):
    """A negative seed is an input error that shows the value."""
    with pytest.raises(InputError, match="-1"):
        function(-1, "a")
