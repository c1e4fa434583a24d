"""TaintToleration: keeps pods off nodes whose taints they do not tolerate.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/tainttoleration. The reason
names the first untolerated taint with effect NoSchedule or NoExecute; the score
counts untolerated PreferNoSchedule taints, looking only at tolerations with that
effect or with none, and is normalized in reverse.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.nodes import NodeTable
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint, Toleration, tolerates
from schedbench.plugins.base import Scope, ScoreKind, ScorePlugin, StaticVerdict

REASON = "node(s) had untolerated taint {{{key}: {value}}}"


class TaintToleration(ScorePlugin):
    """Rejects nodes with untolerated taints, and likes nodes with few soft ones."""

    name: ClassVar[str] = "TaintToleration"
    filter_scope: ClassVar[Scope | None] = Scope.STATIC
    score_scope: ClassVar[Scope | None] = Scope.STATIC
    kind = ScoreKind.TAINT_TOLERATION

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes pass; each distinct list of taints is looked at once."""
        reasons: list[str] = []
        code_of_list = np.zeros(len(nodes.taint_lists), dtype=np.int16)
        for index, taints in enumerate(nodes.taint_lists):
            taint = first_untolerated(taints, pod.spec.tolerations)
            if taint is not None:
                reasons.append(REASON.format(key=taint.key, value=taint.value))
                code_of_list[index] = len(reasons)
        return StaticVerdict(code_of_list[nodes.taint_list[slots]], reasons)

    def static_score(
        self, pod: Pod, nodes: NodeTable, slots: slice
    ) -> NDArray[np.int64]:
        """Return the number of untolerated PreferNoSchedule taints, int64[slots]."""
        soft = [
            toleration
            for toleration in pod.spec.tolerations
            if toleration.effect in {None, "", "PreferNoSchedule"}
        ]
        counts = [count_soft(taints, soft) for taints in nodes.taint_lists]
        return np.array(counts, dtype=np.int64)[nodes.taint_list[slots]]


def first_untolerated(
    taints: tuple[Taint, ...], tolerations: list[Toleration]
) -> Taint | None:
    """Return the first NoSchedule or NoExecute taint that nothing tolerates."""
    for taint in taints:
        if taint.effect != "PreferNoSchedule" and not any(
            tolerates(toleration, taint) for toleration in tolerations
        ):
            return taint
    return None


def count_soft(taints: tuple[Taint, ...], tolerations: list[Toleration]) -> int:
    """Return how many PreferNoSchedule taints none of the tolerations tolerates."""
    return sum(
        taint.effect == "PreferNoSchedule"
        and not any(tolerates(toleration, taint) for toleration in tolerations)
        for taint in taints
    )
