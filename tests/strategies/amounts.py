"""Quantities in every spelling, and what containers ask for."""

from __future__ import annotations

from hypothesis import strategies as st

from schedbench.objects.meta import Quantity
from schedbench.objects.pod import ResourceRequirements
from strategies.words import EXTENDED, rarely


@st.composite
def quantities(
    draw: st.DrawFn, low: int = 0, high: int = 4000, *, unit: int = 1
) -> Quantity:
    """Draw an amount of `low` to `high` thousandths of `unit`, spelled in any way.

    `unit=1` suits cpu: 0 to 4000 millicores; `unit=2**30` gives bytes.
    """
    milli = draw(st.integers(low, high))
    amount = milli * unit
    spellings: list[Quantity] = [f"{amount}m", f"{amount * 1000}u", f"{amount}e-3"]
    if amount % 1000 == 0:
        whole = amount // 1000
        spellings += [whole, str(whole), f"{whole}.0", f"{whole}E0"]
    if amount % 10**6 == 0:
        spellings.append(f"{amount // 10**6}k")
    if unit % 2**20 == 0:
        spellings.append(f"{milli * (unit // 2**20) / 1000:.3f}Mi")
    if unit == 1:
        spellings += [milli / 1000, f"{milli / 1000:.3f}"]
    return draw(st.sampled_from(spellings))


def cpu_quantities(high: int = 4000) -> st.SearchStrategy[Quantity]:
    """Draw cpu amounts: often round ones, up to `high` millicores."""
    tenths = st.integers(0, high // 100).map(lambda tenth: f"{tenth * 100}m")
    return tenths | quantities(0, high)


def memory_quantities(high: int = 8) -> st.SearchStrategy[Quantity]:
    """Draw memory amounts of up to `high` GiB."""
    quarters = st.integers(0, 4 * high).map(lambda quarter: f"{quarter * 256}Mi")
    return quarters | quantities(0, high * 1000, unit=2**30)


@st.composite
def resources(draw: st.DrawFn) -> ResourceRequirements:
    """Draw requests and limits; each may be absent, zero, or stand for the other."""
    amounts = {
        "cpu": cpu_quantities(1500),
        "memory": memory_quantities(3),
        "ephemeral-storage": memory_quantities(1),
        EXTENDED[0]: st.integers(0, 2),
        EXTENDED[1]: st.sampled_from(["0", "2Mi", "8Mi"]),
    }
    usual = {name: amounts[name] for name in ("cpu", "memory")}
    chosen = usual if draw(st.booleans()) else amounts
    requests = st.fixed_dictionaries({}, optional=chosen)
    limits = requests if draw(rarely) else st.just({})
    return ResourceRequirements(requests=draw(requests), limits=draw(limits))


@st.composite
def pod_level_resources(draw: st.DrawFn) -> ResourceRequirements:
    """Draw requests of a pod as a whole."""
    amounts = {"cpu": cpu_quantities(2000), "memory": memory_quantities(4)}
    some = st.fixed_dictionaries({}, optional=amounts)
    return ResourceRequirements(requests=draw(some), limits=draw(st.just({}) | some))
