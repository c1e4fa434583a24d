"""Where a pod group with a topology constraint may go, and which place is best.

Every value of the group's node label is a place: the nodes with that value, among
those that the group's parent was given. A group that has members on nodes already
stays with them. Each place is tried; the best of those where the group fits is that
of the greatest sum of two scores of 0 to 100: how full its nodes would be
(NodeResourcesFit) and how many of the group's pods they would hold, in relation to
the most that any place holds (PodGroupPodsCount).

Decided here: places are tried in the order in which their values first occur in node
order, and the first of the best is taken; upstream tries them in the order of a map
and draws lots.

Source: kubernetes (after v1.34, KEP-5732) pkg/scheduler/schedule_one_podgroup.go,
plugins/topologyaware and plugins/podgrouppodscount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from schedbench.scheduler.pod_group_types import Placement

UNKNOWN_DOMAIN = "cannot determine domain for already scheduled pods: {}"
TOO_MANY_DOMAINS = "more than 1 domain found for pod group: {}, {}"
NO_DOMAIN = "no topology domain found for a scheduled pod"
MOST = 100


class Topology:
    """The nodes' labels, as they are during one cycle or until a node changes.

    Parameters
    ----------
    labels
        Slot → labels of the node there, in node order.
    """

    def __init__(self, labels: Mapping[int, Mapping[str, str]]) -> None:
        self._labels = labels
        self._domains: dict[str, list[Placement]] = {}
        self._cuts: dict[tuple[str, int], tuple[Placement, list[Placement]]] = {}

    def domains(
        self, key: str, within: Placement | None, bound: Iterable[int]
    ) -> list[Placement] | str:
        """Return the places for a group, or why it can have none.

        That is an error: its members on nodes have different values there, or none.

        Parameters
        ----------
        key
            The node label.
        within
            The nodes that the parent may use; all if None.
        bound
            Slots of the nodes of the group's members there already.
        """
        if key not in self._domains:
            self._domains[key] = self._split(key)
        found = self._domains[key] if within is None else self._cut(key, within)
        values = list(
            dict.fromkeys(self._labels.get(slot, {}).get(key) for slot in bound)
        )
        if None in values:
            return UNKNOWN_DOMAIN.format(NO_DOMAIN)
        if len(values) > 1:
            return UNKNOWN_DOMAIN.format(TOO_MANY_DOMAINS.format(*values))
        if values:
            return [one for one in found if one.name == values[0]]
        return list(found)

    def _cut(self, key: str, within: Placement) -> list[Placement]:
        """Return the places as far as they are within a parent's; found once."""
        known = self._cuts.get((key, id(within)))
        if known is None:
            allowed = frozenset(within.nodes)
            cut = (
                Placement(name, tuple(slot for slot in nodes if slot in allowed))
                for name, nodes in self._domains[key]
            )
            known = within, [placement for placement in cut if placement.nodes]
            self._cuts[key, id(within)] = known
        return known[1]

    def _split(self, key: str) -> list[Placement]:
        nodes: dict[str, list[int]] = {}
        for slot, labels in self._labels.items():
            if key in labels:
                nodes.setdefault(labels[key], []).append(slot)
        return [Placement(value, tuple(slots)) for value, slots in nodes.items()]


def favoured(
    placements: Sequence[Placement], nominated: Iterable[int]
) -> Placement | None:
    """Return the place of the most nominations (slots), or None if it has none.

    It is tried first, and taken if any member fits there along with the minimum.
    """
    counts = Counter(nominated)
    best, most = None, 0
    for placement in placements:
        count = sum(counts[slot] for slot in placement.nodes) if counts else 0
        if count > most:
            best, most = placement, count
    return best


def best_trial(sizes: Sequence[int], filled: Sequence[int]) -> int:
    """Return the index of the best place, the first of equals.

    Parameters
    ----------
    sizes
        How many pods of the group each would hold.
    filled
        How full the nodes of each would be, from 0 to 100.
    """
    largest = max(sizes)
    totals = [
        full + MOST * size // largest for size, full in zip(sizes, filled, strict=True)
    ]
    return totals.index(max(totals))


def most_allocated(
    requested: Mapping[str, int],
    allocatable: Mapping[str, int],
    weights: Mapping[str, int],
) -> int:
    """Return how full a set of nodes is, from 0 to 100: NodeResourcesFit's score.

    Parameters
    ----------
    requested, allocatable
        Sums over the nodes, in the units of the resource.
    weights
        Those of the plugin's resources; what the nodes have none of does not count.
    """
    total = weight_sum = 0
    for name, weight in weights.items():
        capacity = allocatable.get(name, 0)
        if capacity > 0:
            used = min(requested.get(name, 0), capacity)
            total += weight * (used * MOST // capacity)
            weight_sum += weight
    return total // weight_sum if weight_sum else 0
