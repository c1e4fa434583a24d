"""Topology spread in dry runs: pods that come or go count by the selector alone.

Where that differs from the counters of the cluster, the constraints of the pod read
counters of their own, which begin as copies.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/podtopologyspread
(preFilterState.updateWithPod).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses
from schedbench.cluster.terms import SpreadColumns, ragged
from schedbench.objects.selectors import LabelSelector, matches_label_selector
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.scheduler.session import Session

HARD = "DoNotSchedule"


def selected_otherwise(session: Session, pod_class: int) -> NDArray[np.int64] | None:
    """Return which classes a class's hard constraints select, int64[T, C].

    None if they count the same ones, so that the counters that are there will do.
    """
    pods = session.encoded.class_pods
    spread = session.profile.plugin(PodTopologySpread)
    hard = session.compiled.classes.spread.hard
    if spread is None or hard.start[pod_class] == hard.start[pod_class + 1]:
        return None
    pod = pods[pod_class]
    given, _ = spread.constraints(pod, session.encoded.workload.objects)
    selectors = [c.label_selector for c in given if c.when_unsatisfiable == HARD]
    deleted = any(other.metadata.deletion_timestamp is not None for other in pods)
    if not deleted and not any(map(_is_empty, selectors)):
        return None
    return np.array(
        [
            [
                other.metadata.namespace == pod.metadata.namespace
                and matches_label_selector(selector, other.metadata.labels)
                for other in pods
            ]
            for selector in selectors
        ],
        dtype=np.int64,
    )


def _is_empty(selector: LabelSelector | None) -> bool:
    return selector is not None and not (
        selector.match_labels or selector.match_expressions
    )


def with_copies(domains: DomainState, counters: NDArray[np.int32]) -> DomainState:
    """Return the counters, copied, with further copies of some of them behind."""
    places = [
        np.arange(domains.start[counter], domains.start[counter + 1])
        for counter in counters
    ]
    ends = domains.start[-1] + np.cumsum([len(each) for each in places])
    every = np.concatenate([np.arange(len(domains.counts)), *places])
    return domains._replace(
        key=np.concatenate([domains.key, domains.key[counters]]),
        mask=np.concatenate([domains.mask, domains.mask[counters]]),
        start=np.concatenate([domains.start, ends]).astype(np.int32),
        counts=domains.counts[every],
        present=domains.present[every],
        total=np.concatenate([domains.total, domains.total[counters]]),
        ranked=np.concatenate([domains.ranked, domains.ranked[counters]]),
        least=np.concatenate([domains.least, domains.least[counters]]),
        least_times=np.concatenate(
            [domains.least_times, domains.least_times[counters]]
        ),
        found=np.concatenate([domains.found, domains.found[counters]]),
    )


def reading(
    classes: PodClasses, pod_class: int, first: int, selected: NDArray[np.int64]
) -> PodClasses:
    """Let a class's hard constraints read counters of their own, from `first` on."""
    hard: SpreadColumns = classes.spread.hard
    counter = hard.counter.copy()
    begin, end = hard.start[pod_class], hard.start[pod_class + 1]
    counter[begin:end] = np.arange(first, first + end - begin)
    entries = []
    for other in range(len(classes.gpu_count)):
        low, high = classes.add_start[other], classes.add_start[other + 1]
        old = zip(classes.adds[low:high], classes.add_weight[low:high], strict=True)
        new = [(first + int(t), 1) for t in np.flatnonzero(selected[:, other])]
        entries.append([(int(k), int(weight)) for k, weight in old] + new)
    adds = ragged(entries)
    spread = classes.spread._replace(hard=hard._replace(counter=counter))
    return classes._replace(
        adds=adds.item, add_weight=adds.weight, add_start=adds.start, spread=spread
    )
