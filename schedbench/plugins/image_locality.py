"""ImageLocality: likes nodes that have the pod's images, the larger the better.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/imagelocality. The sum over the
containers of size · nodes with the image / nodes, each truncated, is clamped to 23 MiB
.. 1,000 MiB a container and scaled to 0..100; it is not normalized.
"""

from __future__ import annotations

from typing import ClassVar

from schedbench.plugins.base import Scope, ScoreKind, ScorePlugin


class ImageLocality(ScorePlugin):
    """Scores nodes by the images of the pod that are there (`cluster/images.py`)."""

    name: ClassVar[str] = "ImageLocality"
    score_scope: ClassVar[Scope | None] = Scope.STATIC
    kind = ScoreKind.IMAGE_LOCALITY
