"""All placements of a few pods, tried one by one, from the API objects alone."""

from __future__ import annotations

import itertools

from schedbench.metrics.validation.placement import placement_problems
from schedbench.metrics.validation.room import room_problems
from schedbench.metrics.validation.wish import Machine, Wish


def placements(nodes, pods):
    """Yield every placement as a tuple of a node or None for each pod.

    Devices are chosen in every way, too.
    """
    machines = [Machine(slot, node) for slot, node in enumerate(nodes)]
    wishes = [Wish(pod) for pod in pods]
    allowed = [
        [m for m in machines if not any(placement_problems(wish, m.node))]
        for wish in wishes
    ]
    yield from _place(0, wishes, allowed, ())


def _place(index, wishes, allowed, chosen):
    if index == len(wishes):
        yield chosen
        return
    yield from _place(index + 1, wishes, allowed, (*chosen, None))
    wish = wishes[index]
    for machine in allowed[index]:
        for devices in itertools.combinations(range(machine.devices), wish.count):
            mask = sum(1 << device for device in devices)
            if any(room_problems(wish, machine, mask)):
                continue
            machine.account(wish, mask, 1)
            yield from _place(index + 1, wishes, allowed, (*chosen, machine.slot))
            machine.account(wish, mask, -1)


def most_weight(nodes, pods, weight):
    """Return the greatest weight of pods that can be placed together."""
    return max(
        sum(w for w, node in zip(weight, each, strict=True) if node is not None)
        for each in placements(nodes, pods)
    )


def fewest_nodes(nodes, pods):
    """Return the fewest nodes that carry all pods, None if none can."""
    counts = [len(set(each)) for each in placements(nodes, pods) if None not in each]
    return min(counts, default=None)
