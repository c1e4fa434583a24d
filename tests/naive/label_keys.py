"""matchLabelKeys and mismatchLabelKeys of pod affinity, as a pod is created.

The API server turns them into requirements once; later changes of the pod's labels
leave those as they are (documentation of `PodAffinityTerm`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from schedbench.objects.pod import Pod, PodAffinityTerm
from schedbench.objects.selectors import LabelSelectorRequirement


def created(pod: Pod) -> Pod:
    """Return the pod with the pod's own values of the keys in its terms' selectors."""
    copy = msgspec.convert(msgspec.to_builtins(pod), Pod)
    for term in _terms(copy):
        selector = term.label_selector
        if selector is None:
            continue
        for operator, keys in (
            ("In", term.match_label_keys),
            ("NotIn", term.mismatch_label_keys),
        ):
            selector.match_expressions += [
                LabelSelectorRequirement(
                    key=key, operator=operator, values=[copy.metadata.labels[key]]
                )
                for key in keys
                if key in copy.metadata.labels
            ]
    return copy


def _terms(pod: Pod) -> Iterator[PodAffinityTerm]:
    affinity = pod.spec.affinity
    for side in (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity else ():
        if side is not None:
            yield from side.required_during_scheduling_ignored_during_execution
            for wish in side.preferred_during_scheduling_ignored_during_execution:
                yield wish.pod_affinity_term
