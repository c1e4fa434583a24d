"""Named streams of random numbers, the only door to randomness in schedbench.

A run has one integer seed. Each use of randomness asks for its own stream by name,
so that adding a use, or drawing more numbers in one, changes no other. Names are
paths such as `synthetic/nodes/general` or `policy/random/ties`.

Two kinds of stream, both functions of (seed, name) alone, on every machine:

- `stream` gives a NumPy generator, for draws made once and in order (workloads,
  bootstrap resamples);
- `stream_key` gives a 64-bit key, for kernels which compute the k-th draw from
  (key, k), so that the draw does not depend on the engine that makes it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from schedbench.errors import InputError


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of a named stream, always from its first number.

    The generator is PCG64, seeded by a `SeedSequence` of the seed and of the 128-bit
    BLAKE2b hash of the name.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    words = [int(word) for word in np.frombuffer(digest, dtype="<u4")]
    sequence = np.random.SeedSequence([_checked(seed), *words])
    return np.random.Generator(np.random.PCG64(sequence))


def stream_key(seed: int, name: str) -> int:
    """Return the key of a named counter-based stream, an integer in 0..2**64 - 1.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    text = f"{_checked(seed)}\0{name}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _checked(seed: int) -> int:
    if seed < 0:
        raise InputError("seed is negative", value=seed, fix="use 0 or more")
    return int(seed)
