"""Fragmentation F: idle GPU that the typical pods cannot use, in milli-GPU.

"Beware of Fragmentation" (USENIX ATC 2023), section 4 of the paper; float order as in
its simulator: typical pods in order within a class, then the classes in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from naive.gpu import MODEL, Demand, View, demand

from schedbench.objects.pod import Pod

Typical = Sequence[tuple[Demand, float]]

CLASSES = ("Q1", "Q2", "Q4", "XL", "XR", "NA")


class Measure:
    """The measure for one target workload; remembers nodes it has seen."""

    def __init__(self, typical: Typical) -> None:
        self.typical = tuple(typical)
        self._known: dict[tuple[int, tuple[int, ...], str], float] = {}

    def of(self, seen: View) -> float:
        """Return F of one node."""
        key = (seen.cpu, seen.devices, seen.model)
        if key not in self._known:
            shares = by_class(seen, self.typical)
            total = 0.0
            for name in CLASSES:
                total += shares[name]
            self._known[key] = total
        return self._known[key]


def by_class(seen: View, typical: Typical) -> dict[str, float]:
    """Return the node's idle milli-GPU by class, weighted by popularity."""
    shares = dict.fromkeys(("Q1", "Q2", "Q3", "Q4", "XL", "XR", "NA"), 0.0)
    for pod, popularity in typical:
        kind = classify(seen, pod)
        if kind == "Q3":
            slivers = sum(free for free in seen.devices if free < pod.milli)
            shares["Q2"] += popularity * slivers
            shares["Q3"] += popularity * (seen.idle - slivers)
        else:
            shares[kind] += popularity * seen.idle
    return shares


def classify(seen: View, pod: Demand) -> str:
    """Tell why a typical pod can or cannot use the node."""
    enough_cpu = seen.cpu >= pod.cpu
    if pod.milli == 0:
        return "XL" if enough_cpu else "XR"
    if pod.models and seen.model not in pod.models:
        return "NA"
    enough_gpu = sum(free >= pod.milli for free in seen.devices) >= pod.count
    if enough_gpu:
        return "Q3" if enough_cpu else "Q4"
    return "Q2" if enough_cpu else "Q1"


def typical_pods(pods: Iterable[Pod]) -> list[tuple[Demand, float]]:
    """Return the most common kinds of pods, down to 95 % of all, with popularity."""
    kinds: Counter[tuple[int, int, int, str]] = Counter()
    for pod in pods:
        wanted = demand(pod)
        spec = pod.metadata.annotations.get(MODEL, "") if wanted.count else ""
        kinds[wanted.cpu, wanted.milli, wanted.count, spec] += 1
    total = sum(kinds.values())
    order = sorted(kinds, key=lambda kind: (kinds[kind], *kind), reverse=True)
    kept, covered = [], 0
    for kind in order:
        if covered >= 0.95 * total:
            break
        kept.append(kind)
        covered += kinds[kind]
    return [(_demand(kind), (kinds[kind] / total) / (covered / total)) for kind in kept]


def _demand(kind: tuple[int, int, int, str]) -> Demand:
    cpu, milli, count, spec = kind
    return Demand(cpu, count, milli, frozenset(filter(None, spec.split("|"))))
