"""How much can be allocated on average, whenever pods are started."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.instance import Instance

FINE, COARSE = 1e-4, 2e-3
LONGEST = 1_000.0
"""Horizons are looked at up to so many times the last arrival."""


def mean_ceiling(
    instance: Instance,
    amount: NDArray[np.float64],
    peak: float,
    lasting_peak: float,
) -> float:
    """Bound the mean over time of what is requested of a resource, in its unit.

    A run ends at its last event, at H: not before the last arrival, and as late as a
    policy likes. Up to H, whatever the policy, the integral of what is requested is at
    most each of

    - Σ over pods of amount × min(life, H − arrival): no pod runs before it arrives,
      nor longer than it lives;
    - ∫ min(amounts that arrived and are not deleted, `peak`);
    - what pods that end take in their life, and ∫ min(lasting amounts that arrived,
      `lasting_peak`).

    The least of these rises with H, so between two horizons h < h' the mean is at most
    its value at h' ÷ h. Beyond the last horizon looked at, lasting pods add at most
    `lasting_peak`, others what they take in their life ÷ H.

    Parameters
    ----------
    amount : float64[P]
        What each pod of the stream requests; 0 for those that never arrive.
    peak, lasting_peak
        The most that all pods, and all that stay for ever, can take at one time.
    """
    pods = np.flatnonzero(amount > 0)
    if not len(pods):
        return 0.0
    amount, arrival = amount[pods], instance.arrival[pods]
    life = instance.end[pods] - arrival
    lasting, deletion = instance.lasting[pods], instance.deletion[pods]
    every = instance.arrival[instance.arrives]
    first, last = float(every.max()), _longest(instance)
    if first == 0.0 and last > 0.0:
        return peak
    if last == 0.0:
        return min(peak, float(amount.sum()))
    horizons = _horizons(first, last)
    taken = _integral(arrival, arrival + life, amount, horizons)
    whole = _integral(arrival, deletion, amount, horizons, peak)
    ending = _integral(
        arrival[~lasting], (arrival + life)[~lasting], amount[~lasting], horizons
    )
    kept = arrival[lasting], np.full(int(lasting.sum()), np.inf), amount[lasting]
    ending += _integral(*kept, horizons, lasting_peak)
    most = np.minimum(np.minimum(taken, whole), ending)
    before = np.append(horizons[:1], horizons[:-1])
    best = float((most / before).max())
    if last > horizons[-1]:
        left = float((amount * life)[~lasting].sum())
        best = max(best, lasting_peak + left / horizons[-1])
    if len(np.unique(every)) == 1:
        best = max(best, lasting_peak)  # if nothing is bound, no time passes
    return min(best, peak)


def latest_event(instance: Instance) -> float:
    """Return the last time at which something happens, if no pod ever waits.

    A deletion is an event, even of a pod that is gone by then.
    """
    times = np.concatenate([instance.arrival, instance.end, instance.deletion])
    return float(times[np.isfinite(times)].max(initial=0.0))


def _longest(instance: Instance) -> float:
    """Return the latest that a run can end; inf if it depends on the policy."""
    if instance.queued or np.isfinite(instance.duration[instance.arrives]).any():
        return math.inf
    return latest_event(instance)


def _horizons(first: float, last: float) -> NDArray[np.float64]:
    """Return horizons between the earliest end of a run and the latest, rising."""
    if first == last:
        return np.array([first])
    end = min(last, LONGEST * first)
    near, middle = min(end, 2 * first), min(end, 3 * first)
    fine = np.arange(0.0, math.log(near / first) + FINE, FINE)
    coarse = np.arange(math.log(near / first), math.log(end / first) + COARSE, COARSE)
    grid = first * np.exp(np.append(fine, coarse))
    found = np.unique(np.append(grid[grid < end], [first, middle, end]))
    return np.asarray(found[found <= end])


def _integral(
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    amount: NDArray[np.float64],
    until: NDArray[np.float64],
    most: float = math.inf,
) -> NDArray[np.float64]:
    """Return ∫ from 0 of min(Σ of the amounts that are there, most) to some times."""
    if not len(begin):
        return np.zeros(len(until))
    ends = np.isfinite(end)
    changes = np.concatenate([begin, end[ends], [0.0, float(until.max())]])
    by = np.concatenate([amount, -amount[ends], [0.0, 0.0]])
    time, index = np.unique(changes, return_inverse=True)
    there = np.cumsum(np.bincount(index, weights=by, minlength=len(time)))
    area = np.minimum(there, most)[:-1] * np.diff(time)
    whole = np.concatenate([[0.0], np.cumsum(area)])
    return np.asarray(np.interp(until, time, whole))
