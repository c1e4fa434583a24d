"""Terms about other pods: affinity, anti-affinity, spreading."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from schedbench.objects.pod import (
    Affinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from strategies.selecting import namespace_selectors, pod_selectors
from strategies.words import NAMESPACES, TOPOLOGY_KEYS, rarely


@st.composite
def pod_affinity_terms(
    draw: st.DrawFn, features: Collection[str] = ("affinity",)
) -> PodAffinityTerm:
    """Draw a term about other pods, with every way to mean namespaces."""
    selector = draw(pod_selectors())
    keys = st.lists(st.sampled_from(("app", "disk", "none")), max_size=1)
    term = PodAffinityTerm(
        topology_key=draw(st.sampled_from(TOPOLOGY_KEYS)), label_selector=selector
    )
    if selector is not None and draw(rarely):
        term.match_label_keys = draw(keys)
        term.mismatch_label_keys = draw(keys)
    if "namespaces" in features and draw(st.booleans()):
        some = st.lists(st.sampled_from(NAMESPACES), max_size=2, unique=True)
        term.namespaces = draw(some)
        term.namespace_selector = draw(st.none() | namespace_selectors())
    return term


@st.composite
def pod_affinities(
    draw: st.DrawFn, features: Collection[str] = ("affinity",)
) -> Affinity:
    """Draw what a pod needs and likes of the company of others, near and away."""
    terms = pod_affinity_terms(features)
    wishes = st.builds(
        WeightedPodAffinityTerm, weight=st.integers(1, 100), pod_affinity_term=terms
    )
    sides: dict[str, Any] = {}
    for field, kind in (
        ("pod_affinity", PodAffinity),
        ("pod_anti_affinity", PodAntiAffinity),
    ):
        if draw(st.booleans()):
            sides[field] = kind(
                required_during_scheduling_ignored_during_execution=draw(
                    st.lists(terms, max_size=2) if draw(st.booleans()) else st.just([])
                ),
                preferred_during_scheduling_ignored_during_execution=draw(
                    st.lists(wishes, max_size=2)
                ),
            )
    return Affinity(**sides)


@st.composite
def spread_constraints(draw: st.DrawFn) -> TopologySpreadConstraint:
    """Draw a constraint with any of its fields."""
    hard = draw(st.booleans())
    policies = st.sampled_from((None, "Honor", "Ignore"))
    selector = draw(pod_selectors())
    keys = st.lists(st.sampled_from(("app", "rank", "none")), max_size=1)
    return TopologySpreadConstraint(
        max_skew=draw(st.integers(1, 3)),
        topology_key=draw(st.sampled_from(TOPOLOGY_KEYS)),
        when_unsatisfiable="DoNotSchedule" if hard else "ScheduleAnyway",
        label_selector=selector,
        min_domains=draw(st.none() | st.integers(1, 4)) if hard else None,
        node_affinity_policy=draw(policies),
        node_taints_policy=draw(policies),
        match_label_keys=draw(keys) if selector is not None else [],
    )
