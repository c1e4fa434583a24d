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
