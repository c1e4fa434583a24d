"""How large a request is: fixed, chosen from a list, log-normal, Pareto, or per core.

Drawn sizes are rounded to a geometric grid, then to a step, because requests are
written by people, who choose round numbers, and because few distinct sizes make few
pod classes. A grid of two levels a doubling moves the mean by less than 1 %.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.units import milli_value, value

Quantity = str | int | float
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]

Parser = Callable[[Quantity], int]
Sizes = NDArray[np.int64]


class Choice(Struct, tag_field="kind", tag="choice", forbid_unknown_fields=True):
    """One of a few sizes; `values` maps each size to its weight."""

    values: dict[str | int | float, NotNegative]


class LogNormal(
    Struct, tag_field="kind", tag="lognormal", forbid_unknown_fields=True, kw_only=True
):
    """Log-normal sizes; `sigma` is the standard deviation of the natural logarithm."""

    median: Quantity
    sigma: NotNegative
    min: Quantity | None = None
    max: Quantity | None = None
    step: Quantity | None = None
    levels_per_doubling: Annotated[int, Meta(ge=0, le=16)] = 2


class Pareto(
    Struct, tag_field="kind", tag="pareto", forbid_unknown_fields=True, kw_only=True
):
    """Pareto sizes with shape `alpha`, bounded to `min`..`max`."""

    alpha: Positive
    min: Quantity
    max: Quantity
    step: Quantity | None = None
    levels_per_doubling: Annotated[int, Meta(ge=0, le=16)] = 2


class PerCpu(
    Struct, tag_field="kind", tag="per-cpu", forbid_unknown_fields=True, kw_only=True
):
    """Log-normal amount for each requested core, so that it correlates with cpu."""

    median: Quantity
    sigma: NotNegative = 0.0
    min: Quantity | None = None
    max: Quantity | None = None
    step: Quantity | None = None
    levels_per_doubling: Annotated[int, Meta(ge=0, le=16)] = 2


Size = Quantity | Choice | LogNormal | Pareto | PerCpu


def parser(resource: str) -> Parser:
    """Return how quantities of a resource are read: cpu in millicores, else units."""
    return milli_value if resource == "cpu" else value


def default_step(resource: str) -> int:
    """Return the step to which drawn sizes of a resource are rounded by default."""
    return {"cpu": 10, "memory": 16 << 20, "ephemeral-storage": 16 << 20}.get(
        resource, 1
    )


def check_size(size: Size, resource: str) -> None:
    """Check the quantities of a size.

    Raises
    ------
    InputError
        If a quantity is malformed or negative, bounds cross, or no weight is positive.
    """
    parse = parser(resource)
    if isinstance(size, str | int | float):
        _amount(size, parse)
    elif isinstance(size, Choice):
        for amount in size.values:
            _amount(amount, parse)
        if not sum(size.values.values()) > 0:
            raise InputError("no value has a positive weight", value=size.values)
    else:
        if isinstance(size, PerCpu) and resource == "cpu":
            raise InputError("cpu cannot be given per-cpu", fix="use kind: lognormal")
        if not isinstance(size, Pareto) and _amount(size.median, parse) == 0:
            raise InputError("median must be positive", value=size.median)
        if size.step is not None and _amount(size.step, parse) == 0:
            raise InputError("step must be positive", value=size.step)
        low = 0 if size.min is None else _amount(size.min, parse)
        if isinstance(size, Pareto) and low == 0:
            raise InputError("min must be positive", value=size.min)
        if size.max is not None and _amount(size.max, parse) < low:
            raise InputError("max is less than min", value=size.max)


def draw_sizes(
    size: Size,
    resource: str,
    count: int,
    rng: np.random.Generator,
    cpu: Sizes | None = None,
) -> Sizes:
    """Draw sizes in base units (millicores, bytes, counts), int64[count].

    `cpu` holds the millicores of the same pods, for sizes given per core.
    """
    parse = parser(resource)
    if isinstance(size, str | int | float):
        return np.full(count, parse(size), dtype=np.int64)
    if isinstance(size, Choice):
        amounts = np.array([parse(amount) for amount in size.values], dtype=np.int64)
        weights = np.array(list(size.values.values()), dtype=np.float64)
        chosen = rng.choice(len(amounts), size=count, p=weights / weights.sum())
        return np.asarray(amounts[chosen])
    low = 0 if size.min is None else parse(size.min)
    high = 2**62 if size.max is None else parse(size.max)
    if isinstance(size, Pareto):
        drawn = bounded_pareto(size.alpha, low, high, count, rng)
    else:
        drawn = parse(size.median) * np.exp(size.sigma * rng.standard_normal(count))
        if isinstance(size, PerCpu):
            assert cpu is not None, "cpu is drawn first"
            drawn *= cpu / 1000.0
    if size.levels_per_doubling:
        exponent = np.log2(np.maximum(drawn, 1.0)) * size.levels_per_doubling
        drawn = np.exp2(np.rint(exponent) / size.levels_per_doubling)
    step = default_step(resource) if size.step is None else parse(size.step)
    stepped = np.maximum(np.rint(np.minimum(drawn, 2.0**62) / step), 1) * step
    return np.asarray(np.clip(stepped, low, high), dtype=np.int64)


def bounded_pareto(
    alpha: float, low: float, high: float, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw from the Pareto distribution truncated to low..high, by inversion."""
    ratio = (low / high) ** alpha
    uniform = rng.random(count)
    return np.asarray(low * (1.0 - uniform * (1.0 - ratio)) ** (-1.0 / alpha))


def _amount(quantity: Quantity, parse: Parser) -> int:
    amount = parse(quantity)
    if amount < 0:
        raise InputError("negative quantity", value=quantity, fix="use 0 or more")
    return amount
