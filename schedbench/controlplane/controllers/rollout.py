"""The arithmetic of rolling updates: bounds, and how a set's size is shared.

Source: kubernetes.io/docs/concepts/workloads/controllers/deployment and
kubernetes/kubernetes pkg/controller/deployment/util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.errors import InputError


def scaled(value: int | str | None, total: int, *, up: bool, default: int = 0) -> int:
    """Return a number, or a percentage of a total rounded up or down.

    Raises
    ------
    InputError
        If it is neither.
    """
    if value is None:
        return default
    if isinstance(value, int):
        return value
    if not value.endswith("%") or not value[:-1].isdigit():
        raise InputError(
            "neither a number nor a percentage", value=value, fix='write 2 or "25%"'
        )
    share = int(value[:-1]) * total
    return -(-share // 100) if up else share // 100


def bounds(
    replicas: int, max_surge: int | str | None, max_unavailable: int | str | None
) -> tuple[int, int]:
    """Return how many pods there may be too many, and how many unavailable.

    Absent bounds are 25%. Surge is rounded up, unavailability down; if both come out
    as 0, one pod may be unavailable, or nothing would ever go on.
    """
    surge = scaled("25%" if max_surge is None else max_surge, replicas, up=True)
    missing = scaled(
        "25%" if max_unavailable is None else max_unavailable, replicas, up=False
    )
    if surge == 0 and missing == 0:
        missing = 1
    return surge, min(missing, replicas)


def shares(
    sizes: Sequence[int], annotated: Sequence[int], replicas: int, surge: int
) -> list[int]:
    """Return the sizes of replica sets after their deployment was scaled in a rollout.

    Parameters
    ----------
    sizes
        Replicas of each set: the larger first, of equal ones the newer first when
        growing and the older first when shrinking.
    annotated
        The most pods that the deployment could have when each set was last scaled.
    replicas, surge
        What the deployment wants now, and how many more there may be.
    """
    allowed = replicas + surge if replicas else 0
    missing = allowed - sum(sizes)
    added = 0
    results = []
    for size, most in zip(sizes, annotated, strict=True):
        share = 0
        if size and missing and missing != added:
            grown = _rounded(size * (replicas + surge), most) - size
            share = -size if not replicas else grown
            left = missing - added
            share = min(share, left) if missing > 0 else max(share, left)
        added += share
        results.append(size + share)
    if results:
        results[0] = max(0, results[0] + missing - added)
    return results


def _rounded(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor) if divisor else dividend
