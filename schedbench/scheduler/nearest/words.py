"""Nearest misses in words."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.scheduler.nearest.misses import Miss

_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
_BYTES = ("memory", "ephemeral-storage", "hugepages-")
_PHRASES = {
    "toleration": "if the pod tolerated {about}",
    "node selector": "without nodeSelector {about}",
    "node affinity": "without the required node affinity {about}",
    "host port": "without host port {about}",
    "min domains": "without minDomains for {about}",
    "topology spread": "without the spread constraint for {about}",
    "pod affinity": "without the required affinity to {about}",
    "pod anti-affinity": "without the required anti-affinity to {about}",
    "anti-affinity of others": "without the anti-affinity of pods that are there",
}


def sentence(miss: Miss) -> str:
    """Return a miss as a sentence, such as `12 more nodes if cpu request <= 300m`."""
    count = len(miss.nodes)
    return f"{count:,} more {'node' if count == 1 else 'nodes'} {_change(miss)}"


def _change(miss: Miss) -> str:
    if miss.kind == "request":
        if miss.limit is None:
            return f"without a request of {miss.about}"
        limit, now = (amount(miss.about, n or 0) for n in (miss.limit, miss.now))
        return f"if {miss.about} request <= {limit} (now {now})"
    if miss.kind == "size":
        return f"if all requests were <= {miss.limit} % of what they are"
    if miss.kind == "max skew":
        where = f"in {_listed(miss.domains)}"
        return f"{where} with maxSkew {miss.limit} for {miss.about} (now {miss.now})"
    return _PHRASES[miss.kind].format(about=miss.about)


def amount(resource: str, value: int) -> str:
    """Return base units of a resource as a quantity, such as `300m` or `2Gi`."""
    if resource == "cpu":
        return f"{value // 1000}" if value % 1000 == 0 else f"{value}m"
    if resource.startswith(_BYTES):
        for unit, size in _UNITS:
            if value and value % size == 0:
                return f"{value // size}{unit}"
    return str(value)


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
