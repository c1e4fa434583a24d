"""Hypothesis strategies for Kubernetes objects, clusters and workloads.

Words and amounts come from small sets, so that selectors match, taints meet
tolerations, nodes fill up and events coincide. Pods and nodes are defaulted, valid, and
small enough for the naive twins. A new field of an object belongs in its strategy here.
"""

from __future__ import annotations

from strategies.amounts import (
    cpu_quantities,
    memory_quantities,
    pod_level_resources,
    quantities,
    resources,
)
from strategies.company import pod_affinities, pod_affinity_terms, spread_constraints
from strategies.node_objects import clusters, container_images, node_events, nodes
from strategies.other_objects import cluster_objects
from strategies.pod_objects import container_ports, containers, gpu_annotations, pods
from strategies.selecting import (
    label_selectors,
    labels,
    namespace_selectors,
    node_affinities,
    node_requirements,
    node_selector_terms,
    pod_selectors,
    taints,
    tolerations,
)
from strategies.streams import pod_streams, workloads
from strategies.words import (
    EXTENDED,
    FEATURES,
    GPU,
    IMAGES,
    LABELS,
    MODELS,
    NAMESPACES,
    TAINTS,
    TOPOLOGY_KEYS,
)
from strategies.worlds import FEATURE_SETS, node_kinds, pod_kinds, worlds

__all__ = [
    "EXTENDED",
    "FEATURES",
    "FEATURE_SETS",
    "GPU",
    "IMAGES",
    "LABELS",
    "MODELS",
    "NAMESPACES",
    "TAINTS",
    "TOPOLOGY_KEYS",
    "cluster_objects",
    "clusters",
    "container_images",
    "container_ports",
    "containers",
    "cpu_quantities",
    "gpu_annotations",
    "label_selectors",
    "labels",
    "memory_quantities",
    "namespace_selectors",
    "node_affinities",
    "node_events",
    "node_kinds",
    "node_requirements",
    "node_selector_terms",
    "nodes",
    "pod_affinities",
    "pod_affinity_terms",
    "pod_kinds",
    "pod_level_resources",
    "pod_selectors",
    "pod_streams",
    "pods",
    "quantities",
    "resources",
    "spread_constraints",
    "taints",
    "tolerations",
    "workloads",
    "worlds",
]
