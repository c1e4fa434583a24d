"""All schedules of a few pods with whole arrivals and durations, tried one by one."""

from __future__ import annotations

import itertools

from schedbench.metrics.validation.placement import placement_problems
from schedbench.metrics.validation.room import room_problems
from schedbench.metrics.validation.wish import Machine, Wish


def schedules(nodes, pods, arrival, duration, latest):
    """Yield (start, node) of each pod, for all that keep the rules at every instant.

    None for a pod that never starts. Starts are whole, from arrival to `latest`.
    """
    wishes = [Wish(pod) for pod in pods]
    choices = []
    for wish, arrived in zip(wishes, arrival, strict=True):
        fitting = [
            slot
            for slot, node in enumerate(nodes)
            if not any(placement_problems(wish, node))
        ]
        starts = range(int(arrived), latest + 1)
        choices.append([None, *itertools.product(starts, fitting)])
    for chosen in itertools.product(*choices):
        if _keeps_the_rules(nodes, wishes, duration, chosen):
            yield chosen


def _keeps_the_rules(nodes, wishes, duration, chosen):
    for now in {each[0] for each in chosen if each is not None}:
        machines = [Machine(slot, node) for slot, node in enumerate(nodes)]
        for wish, length, each in zip(wishes, duration, chosen, strict=True):
            if each is None or not each[0] <= now < each[0] + length:
                continue
            machine = machines[each[1]]
            if any(room_problems(wish, machine, 0)):
                return False
            machine.account(wish, 0, 1)
    return True
