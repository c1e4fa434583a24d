"""The small sets of words that strategies draw from, so that things often match."""

from __future__ import annotations

from hypothesis import strategies as st

LABELS = {
    "app": ("web", "db"),
    "disk": ("ssd", "hdd", ""),
    "rank": ("1", "2", "10", "-3", "many"),
    "topology.kubernetes.io/zone": ("a", "b", "c"),
}
TAINTS = {"dedicated": ("gpu", "batch", ""), "node.kubernetes.io/unschedulable": ("",)}
MODELS = ("T4", "P100", "V100M16")
EXTENDED = ("example.com/fpga", "hugepages-2Mi")
GPU = "alibabacloud.com/gpu"
FEATURES = ("affinity", "spread", "images", "namespaces", "owners", "priorities")
"""What pods, nodes and workloads have only if it is asked for by name.

`affinity` and `spread` are terms about other pods, `images` are on nodes and in
containers, `namespaces` are several, some without an object, `owners` are services and
replica sets that select pods, `priorities` differ more, with budgets and policies.
"""
NAMESPACES = ("default", "prod", "ghost")
TOPOLOGY_KEYS = (
    "topology.kubernetes.io/zone",
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "disk",
)
IMAGES = ("app:1", "app", "registry:5000/team/base", "big:v2")
rarely = st.sampled_from((False, False, False, True))
