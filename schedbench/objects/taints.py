"""Taints and tolerations, and who tolerates what."""

from __future__ import annotations

from typing import Literal

from schedbench.objects.meta import ApiStruct

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Taint(ApiStruct):
    """A mark on a node that keeps pods away."""

    key: str
    effect: Effect
    value: str = ""


class Toleration(ApiStruct):
    """A pod's consent to taints; an absent part matches every taint's.

    An absent or empty operator is `Equal`.
    """

    key: str = ""
    operator: Literal["", "Equal", "Exists"] | None = None
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Return whether the toleration covers the taint (`k8s.io/api/core/v1`).

    An empty effect covers every effect, an empty key every key; `Exists` every value.
    """
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value
