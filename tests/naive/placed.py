"""A pod on a node, with the GPU devices it holds."""

from __future__ import annotations

from typing import NamedTuple

from schedbench.objects.pod import Pod


class Placed(NamedTuple):
    """A pod and the indices of its devices, rising; none for a CPU-only pod."""

    pod: Pod
    devices: tuple[int, ...] = ()
