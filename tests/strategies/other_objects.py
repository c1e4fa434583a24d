"""The objects beside nodes and pods."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicaSetSpec,
    Service,
    ServiceSpec,
)
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.policy import (
    Namespace,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from strategies.selecting import label_selectors, pod_selectors
from strategies.words import FEATURES, NAMESPACES


@st.composite
def cluster_objects(
    draw: st.DrawFn, features: Collection[str] = FEATURES
) -> list[KubernetesObject]:
    """Draw the objects beside nodes and pods that the features need."""
    found: list[KubernetesObject] = []
    spaces = NAMESPACES if "namespaces" in features else NAMESPACES[:1]
    for name in spaces if "ghost" not in spaces else spaces[:-1]:
        team = draw(st.sampled_from(({}, {"team": "red"}, {"team": "blue"})))
        found.append(Namespace(metadata=ObjectMeta(name=name, labels=dict(team))))
    for index in range(draw(st.integers(0, 2)) if "owners" in features else 0):
        space = draw(st.sampled_from(spaces))
        meta = ObjectMeta(name=f"service-{index}", namespace=space)
        wanted = draw(st.sampled_from(({"app": "web"}, {"app": "db"}, {})))
        found.append(Service(metadata=meta, spec=ServiceSpec(selector=wanted)))
        meta = ObjectMeta(name=f"set-{index}", namespace=space)
        chosen = draw(label_selectors())
        found.append(ReplicaSet(metadata=meta, spec=ReplicaSetSpec(selector=chosen)))
    for index in range(draw(st.integers(0, 2)) if "priorities" in features else 0):
        space = draw(st.sampled_from(spaces))
        found.append(
            PodDisruptionBudget(
                metadata=ObjectMeta(name=f"budget-{index}", namespace=space),
                spec=PodDisruptionBudgetSpec(selector=draw(pod_selectors())),
                status=PodDisruptionBudgetStatus(
                    disruptions_allowed=draw(st.integers(0, 2)),
                    disrupted_pods=draw(
                        st.sampled_from(({}, {"kind-0": "2026-01-01T00:00:00Z"}))
                    ),
                ),
            )
        )
    return found
