"""Quantities of resources, the same amount spelled in the ways Kubernetes accepts."""

from __future__ import annotations

from schedbench.experiment.verify.draws import Draw

KI, MI, GI = 2**10, 2**20, 2**30

CPU_STEPS = (5, 10, 15, 20, 25, 30, 33, 37, 50, 52, 60, 66, 75, 83, 90, 99, 100)
"""Millicores that are drawn, times 1, 3 or 10: many sums of them are alike."""


def cpu(draw: Draw, milli: int) -> str:
    """Return millicores in one of their spellings; all are exact."""
    whole, rest = divmod(milli, 1000)
    spellings = [f"{milli}m", f"{whole}.{rest:03d}".rstrip("0").rstrip(".")]
    if draw.chance(0.2):
        spellings = [f"{milli}000u", f"{milli}000000n", f"{milli}e-3"]
    return draw.pick(spellings)


def memory(draw: Draw, size: int) -> str:
    """Return bytes in one of their spellings; all are exact."""
    spellings = [str(size)]
    binary = ((KI, "Ki"), (MI, "Mi"), (GI, "Gi"))
    decimal = ((10**3, "k"), (10**6, "M"), (10**6, "e6"), (10**9, "G"))
    for unit, suffix in (*binary, *decimal):
        if size % unit == 0 and size:
            spellings.append(f"{size // unit}{suffix}")
    if draw.chance(0.02):
        spellings = [f"{size}000m"]
    return draw.pick(spellings)


def some_cpu(draw: Draw) -> str:
    """Return the processor time that a container may request."""
    if draw.chance(0.02):
        return draw.pick(["0", "1", "0.0005", "1n", "999u", "1500001n"])
    return cpu(draw, draw.pick(CPU_STEPS) * draw.pick([1, 3, 10]))


def some_memory(draw: Draw) -> str:
    """Return the memory that a container may request."""
    if draw.chance(0.02):
        return draw.pick(["0", "1", "1m", "200Mi", "209715199", "209715201"])
    step = draw.pick([KI * 1000, MI, 10**6])
    return memory(draw, draw.whole(30, 640) * step)


def around(draw: Draw, amount: int, step: int = 1) -> int:
    """Return an amount, or the next below or above it."""
    return max(amount + step * draw.pick([-1, 0, 0, 1]), 0)
