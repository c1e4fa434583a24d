"""Hypothesis strategies for Kubernetes objects, clusters and workloads.

Words and amounts come from small sets, so that selectors match, taints meet
tolerations, nodes fill up and events coincide. Pods and nodes are defaulted, valid, and
small enough for the naive twins. A new field of an object belongs in its strategy here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicaSetSpec,
    Service,
    ServiceSpec,
)
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta, OwnerReference, Quantity
from schedbench.objects.node import ContainerImage, Node, NodeSpec, NodeStatus
from schedbench.objects.pod import (
    Affinity,
    Container,
    ContainerPort,
    NodeAffinity,
    Pod,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSpec,
    PreferredSchedulingTerm,
    ResourceRequirements,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from schedbench.objects.policy import (
    Namespace,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from schedbench.objects.selectors import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from schedbench.objects.taints import Taint, Toleration
from schedbench.objects.workload import NodeEvent, PodStream, Workload

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


@st.composite
def quantities(
    draw: st.DrawFn, low: int = 0, high: int = 4000, *, unit: int = 1
) -> Quantity:
    """Draw an amount of `low` to `high` thousandths of `unit`, spelled in any way.

    `unit=1` suits cpu: 0 to 4000 millicores; `unit=2**30` gives bytes.
    """
    milli = draw(st.integers(low, high))
    amount = milli * unit
    spellings: list[Quantity] = [f"{amount}m", f"{amount * 1000}u", f"{amount}e-3"]
    if amount % 1000 == 0:
        whole = amount // 1000
        spellings += [whole, str(whole), f"{whole}.0", f"{whole}E0"]
    if amount % 10**6 == 0:
        spellings.append(f"{amount // 10**6}k")
    if unit % 2**20 == 0:
        spellings.append(f"{milli * (unit // 2**20) / 1000:.3f}Mi")
    if unit == 1:
        spellings += [milli / 1000, f"{milli / 1000:.3f}"]
    return draw(st.sampled_from(spellings))


def cpu_quantities(high: int = 4000) -> st.SearchStrategy[Quantity]:
    """Draw cpu amounts: often round ones, up to `high` millicores."""
    tenths = st.integers(0, high // 100).map(lambda tenth: f"{tenth * 100}m")
    return tenths | quantities(0, high)


def memory_quantities(high: int = 8) -> st.SearchStrategy[Quantity]:
    """Draw memory amounts of up to `high` GiB."""
    quarters = st.integers(0, 4 * high).map(lambda quarter: f"{quarter * 256}Mi")
    return quarters | quantities(0, high * 1000, unit=2**30)


def labels() -> st.SearchStrategy[dict[str, str]]:
    """Draw labels of a pod or a node."""
    options = {key: st.sampled_from(values) for key, values in LABELS.items()}
    return st.fixed_dictionaries({}, optional=options)


@st.composite
def label_selectors(draw: st.DrawFn) -> LabelSelector:
    """Draw a label selector; the empty one included."""
    requirement = _requirements(
        LabelSelectorRequirement, ("In", "NotIn", "Exists", "DoesNotExist")
    )
    return LabelSelector(
        match_labels=draw(labels()) if draw(_rarely) else {},
        match_expressions=draw(st.lists(requirement, max_size=2)),
    )


def node_requirements() -> st.SearchStrategy[NodeSelectorRequirement]:
    """Draw one condition on a node's labels."""
    operators = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
    return _requirements(NodeSelectorRequirement, operators)


@st.composite
def node_selector_terms(
    draw: st.DrawFn, node_names: Sequence[str] = ("node-0",)
) -> NodeSelectorTerm:
    """Draw a term, now and then an empty one or one that names a node."""
    fields = []
    if draw(_rarely):
        operator = draw(st.sampled_from(("In", "In", "NotIn")))
        name = draw(st.sampled_from(node_names))
        field = NodeSelectorRequirement(
            key="metadata.name", operator=operator, values=[name]
        )
        fields.append(field)
    expressions = draw(st.lists(node_requirements(), max_size=2))
    return NodeSelectorTerm(match_expressions=expressions, match_fields=fields)


@st.composite
def node_affinities(
    draw: st.DrawFn, node_names: Sequence[str] = ("node-0",)
) -> NodeAffinity:
    """Draw needs and wishes about nodes."""
    terms = node_selector_terms(node_names)
    required = st.builds(
        NodeSelector, node_selector_terms=st.lists(terms, min_size=1, max_size=2)
    )
    preferred = st.builds(
        PreferredSchedulingTerm, weight=st.integers(1, 100), preference=terms
    )
    return NodeAffinity(
        required_during_scheduling_ignored_during_execution=draw(
            st.none() | st.none() | required
        ),
        preferred_during_scheduling_ignored_during_execution=draw(
            st.lists(preferred, max_size=3)
        ),
    )


@st.composite
def taints(draw: st.DrawFn) -> Taint:
    """Draw a taint of any effect."""
    key = draw(st.sampled_from(sorted(TAINTS)))
    effects = ("NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute")
    return Taint(
        key=key,
        value=draw(st.sampled_from(TAINTS[key])),
        effect=draw(st.sampled_from(effects)),
    )


@st.composite
def tolerations(draw: st.DrawFn) -> Toleration:
    """Draw a toleration, the one that tolerates everything included."""
    key = draw(st.sampled_from(["", *sorted(TAINTS)]))
    operator = draw(st.sampled_from((None, "", "Equal", "Exists"))) if key else "Exists"
    value = ""
    if key and operator != "Exists":
        value = draw(st.sampled_from(TAINTS[key]))
    effects = (None, "", "NoSchedule", "PreferNoSchedule", "NoExecute")
    effect = draw(st.sampled_from(effects))
    return Toleration(key=key, operator=operator, value=value, effect=effect)


@st.composite
def resources(draw: st.DrawFn) -> ResourceRequirements:
    """Draw requests and limits; each may be absent, zero, or stand for the other."""
    amounts = {
        "cpu": cpu_quantities(1500),
        "memory": memory_quantities(3),
        "ephemeral-storage": memory_quantities(1),
        EXTENDED[0]: st.integers(0, 2),
        EXTENDED[1]: st.sampled_from(["0", "2Mi", "8Mi"]),
    }
    usual = {name: amounts[name] for name in ("cpu", "memory")}
    chosen = usual if draw(st.booleans()) else amounts
    requests = st.fixed_dictionaries({}, optional=chosen)
    limits = requests if draw(_rarely) else st.just({})
    return ResourceRequirements(requests=draw(requests), limits=draw(limits))


def container_ports() -> st.SearchStrategy[ContainerPort]:
    """Draw a port, most often one of the host."""
    return st.builds(
        ContainerPort,
        container_port=st.sampled_from((80, 8080)),
        host_port=st.sampled_from((0, 80, 80, 8080)),
        host_ip=st.sampled_from(("", "", "0.0.0.0", "10.0.0.1", "10.0.0.2")),
        protocol=st.sampled_from((None, "TCP", "UDP")),
    )


@st.composite
def containers(draw: st.DrawFn, *, init: bool = False, ports: bool = True) -> Container:
    """Draw a container, or an init container that may be a sidecar."""
    opened = draw(st.lists(container_ports(), max_size=2)) if ports else []
    restart = draw(st.sampled_from((None, "Always"))) if init else None
    return Container(resources=draw(resources()), ports=opened, restart_policy=restart)


def pod_selectors() -> st.SearchStrategy[LabelSelector | None]:
    """Draw a selector of pods, most often one that selects many; None included."""
    web = {"app": "web"}
    wide = st.sampled_from(("web", "any", "web", "not db", "all", "none")).map(
        lambda kind: {
            "web": LabelSelector(match_labels=dict(web)),
            "any": LabelSelector(
                match_expressions=[
                    LabelSelectorRequirement(key="app", operator="Exists")
                ]
            ),
            "not db": LabelSelector(
                match_expressions=[
                    LabelSelectorRequirement(key="app", operator="NotIn", values=["db"])
                ]
            ),
            "all": LabelSelector(),
            "none": None,
        }[kind]
    )
    return wide | wide | label_selectors()


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
    if selector is not None and draw(_rarely):
        term.match_label_keys = draw(keys)
        term.mismatch_label_keys = draw(keys)
    if "namespaces" in features and draw(st.booleans()):
        some = st.lists(st.sampled_from(NAMESPACES), max_size=2, unique=True)
        term.namespaces = draw(some)
        term.namespace_selector = draw(st.none() | namespace_selectors())
    return term


def namespace_selectors() -> st.SearchStrategy[LabelSelector]:
    """Draw a selector of namespaces, the empty one included."""
    requirement = st.sampled_from(
        (
            LabelSelectorRequirement(key="team", operator="Exists"),
            LabelSelectorRequirement(key="team", operator="DoesNotExist"),
            LabelSelectorRequirement(key="team", operator="In", values=["red"]),
            LabelSelectorRequirement(key="team", operator="NotIn", values=["red"]),
        )
    )
    some = st.lists(requirement, max_size=1)
    return st.builds(LabelSelector, match_expressions=some)


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


@st.composite
def container_images(draw: st.DrawFn) -> list[ContainerImage]:
    """Draw what images a node has; sizes differ from node to node."""
    names = draw(st.lists(st.sampled_from(IMAGES), max_size=3, unique=True))
    sizes = st.sampled_from((0, 10, 60, 300, 900, 4000)).map(lambda mib: mib * 2**20)
    return [
        ContainerImage(
            names=[name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"],
            size_bytes=draw(sizes),
        )
        for name in names
    ]


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


@st.composite
def gpu_annotations(draw: st.DrawFn) -> dict[str, str]:
    """Draw what a pod says of GPUs: nothing, a share, or whole devices."""
    kind = draw(st.sampled_from(("none", "share", "share", "whole")))
    if kind == "none":
        return draw(
            st.sampled_from(({}, {f"{GPU}-count": "0", f"{GPU}-milli": "1000"}))
        )
    count, milli = 1, draw(st.sampled_from((100, 250, 500, 730, 999)))
    if kind == "whole":
        count, milli = draw(st.integers(1, 3)), 1000
    notes = {f"{GPU}-count": str(count), f"{GPU}-milli": str(milli)}
    models = draw(st.lists(st.sampled_from(MODELS), max_size=2))
    if models:
        notes[f"{GPU}-card-model"] = "|".join(models)
    return notes


@st.composite
def pods(
    draw: st.DrawFn,
    node_names: Sequence[str] = ("node-0",),
    *,
    name: str = "pod",
    gpu: bool = False,
    features: Collection[str] = (),
) -> Pod:
    """Draw a pod; each feature is absent more often than not.

    What `FEATURES` names it has only if `features` does.
    """
    ports = draw(_rarely)
    spec = PodSpec(
        containers=draw(st.lists(containers(ports=ports), min_size=1, max_size=2)),
        host_network=ports and draw(_rarely),
        priority=draw(st.sampled_from((None, 0, 0, 10, -5))),
    )
    if draw(_rarely):
        inits = containers(init=True, ports=ports)
        spec.init_containers = draw(st.lists(inits, max_size=2))
    if draw(_rarely):
        spec.overhead = {"cpu": draw(cpu_quantities(500))}
    if draw(_rarely):
        spec.resources = draw(pod_level_resources())
    if draw(_rarely):
        node_affinity = draw(node_affinities(node_names))
        spec.affinity = Affinity(node_affinity=node_affinity)
    if draw(_rarely):
        spec.node_selector = dict(list(draw(labels()).items())[:1])
    if draw(st.booleans()):
        spec.tolerations = draw(st.lists(tolerations(), max_size=2))
    meta = ObjectMeta(name=name, namespace="default", labels=draw(labels()))
    if gpu:
        meta.annotations = draw(gpu_annotations())
    pod = Pod(metadata=meta, spec=spec)
    if features:
        draw(_featured(pod, features))
    return default_pod(pod)


@st.composite
def _featured(draw: st.DrawFn, pod: Pod, features: Collection[str]) -> None:
    """Give a pod what the features name."""
    spec, meta = pod.spec, pod.metadata
    if not draw(_rarely):
        meta.labels["app"] = draw(st.sampled_from(("web", "web", "db")))
    if "namespaces" in features:
        meta.namespace = draw(
            st.sampled_from(("default", "default", "default", *NAMESPACES))
        )
    if "affinity" in features and draw(st.booleans()):
        own = spec.affinity or Affinity()
        spec.affinity = draw(pod_affinities(features))
        spec.affinity.node_affinity = own.node_affinity
    if "spread" in features and draw(st.booleans()):
        spec.topology_spread_constraints = draw(
            st.lists(spread_constraints(), max_size=3)
        )
    if "images" in features:
        for container in (*spec.containers, *spec.init_containers):
            container.image = draw(st.sampled_from(("", "unknown", *IMAGES)))
    if "owners" in features and draw(st.booleans()):
        name = draw(st.sampled_from(("set-0", "set-1", "gone")))
        meta.owner_references = [
            OwnerReference(
                api_version="apps/v1",
                kind="ReplicaSet",
                name=name,
                controller=not draw(_rarely),
            )
        ]
    if "priorities" in features:
        spec.priority = draw(st.sampled_from((None, -5, 0, 0, 10, 100, 2_000_000_000)))
        spec.preemption_policy = "Never" if draw(_rarely) else None


@st.composite
def pod_level_resources(draw: st.DrawFn) -> ResourceRequirements:
    """Draw requests of a pod as a whole."""
    amounts = {"cpu": cpu_quantities(2000), "memory": memory_quantities(4)}
    some = st.fixed_dictionaries({}, optional=amounts)
    return ResourceRequirements(requests=draw(some), limits=draw(st.just({}) | some))


@st.composite
def nodes(
    draw: st.DrawFn,
    name: str = "node-0",
    *,
    gpu: bool = False,
    features: Collection[str] = (),
) -> Node:
    """Draw a node; some are cordoned, tainted, tiny or without a resource."""
    usual = {
        "cpu": st.integers(1, 8).map(str) | cpu_quantities(8000),
        "memory": st.integers(1, 16).map("{}Gi".format) | memory_quantities(16),
        "pods": st.sampled_from(("110", "110", 4, 1, "0")),
    }
    rare = {
        "ephemeral-storage": st.integers(0, 3).map("{}Gi".format),
        EXTENDED[0]: st.integers(0, 3),
        EXTENDED[1]: st.sampled_from(("0", "4Mi", "16Mi")),
    }
    sizes = draw(st.fixed_dictionaries(usual, optional=rare))
    meta = ObjectMeta(name=name, labels=draw(labels()))
    meta.labels["kubernetes.io/hostname"] = name
    if gpu:
        sizes[f"{GPU}-count"] = str(draw(st.integers(0, 4)))
        if draw(st.booleans()):
            meta.labels[f"{GPU}-card-model"] = draw(st.sampled_from(MODELS))
    spec = NodeSpec(unschedulable=draw(_rarely) and draw(_rarely))
    if draw(_rarely):
        spec.taints = draw(st.lists(taints(), max_size=2, unique_by=_taint_key))
    said = draw(st.sampled_from(("allocatable", "capacity")))
    status = NodeStatus(**{said: sizes})
    if features and not draw(_rarely):
        key = "topology.kubernetes.io/zone"
        meta.labels.setdefault(key, draw(st.sampled_from(LABELS[key])))
    if "images" in features:
        status.images = draw(container_images())
    return default_node(Node(metadata=meta, spec=spec, status=status))


@st.composite
def clusters(
    draw: st.DrawFn,
    min_size: int = 1,
    max_size: int = 6,
    *,
    gpu: bool = False,
    features: Collection[str] = (),
) -> list[Node]:
    """Draw nodes node-0, node-1, …; often several alike, so that scores tie."""
    count = draw(st.integers(min_size, max_size))
    found: list[Node] = []
    for index in range(count):
        if found and draw(st.booleans()):
            found.append(_renamed(draw(st.sampled_from(found)), f"node-{index}"))
        else:
            found.append(draw(nodes(f"node-{index}", gpu=gpu, features=features)))
    return found


@st.composite
def node_events(
    draw: st.DrawFn,
    cluster: Sequence[Node],
    *,
    max_size: int = 5,
    gpu: bool = False,
    features: Collection[str] = (),
) -> list[NodeEvent]:
    """Draw changes in order of time; nodes join, change, leave and come back.

    An update takes no GPU device away.
    """
    count = f"{GPU}-count"
    devices = {n.metadata.name: n.status.allocatable.get(count, "0") for n in cluster}
    alive = [node.metadata.name for node in cluster]
    gone = [f"node-{len(alive)}", f"node-{len(alive) + 1}"]
    times = sorted(draw(st.lists(_instants, max_size=max_size)))
    events = []
    for time in times:
        changes = ["add"] * bool(gone) + ["update", "remove"] * bool(alive)
        change = draw(st.sampled_from(changes))
        name = draw(st.sampled_from(gone if change == "add" else alive))
        if change == "add":
            gone.remove(name)
            alive.append(name)
        elif change == "remove":
            alive.remove(name)
            gone.append(name)
        node = draw(nodes(name, gpu=gpu, features=features))
        if gpu and change == "update":
            given = node.status.allocatable
            given[count] = str(max(int(given[count]), int(devices[name])))
        devices[name] = node.status.allocatable.get(count, "0")
        events.append(NodeEvent(time, change, node))
    return events


@st.composite
def pod_streams(
    draw: st.DrawFn,
    node_names: Sequence[str],
    *,
    max_size: int = 15,
    gpu: bool = False,
    time: bool = True,
    bound: bool = True,
    features: Collection[str] = (),
) -> PodStream:
    """Draw pods over a few templates.

    With `time` they arrive, end and are deleted at instants that often coincide;
    without, all come at 0 and stay. With `bound` some that want no GPU come bound.
    """
    kinds = draw(st.integers(1, 4))
    templates = [
        draw(pods(node_names, name=f"kind-{i}", gpu=gpu, features=features))
        for i in range(kinds)
    ]
    count = draw(st.integers(0, max_size))
    template = draw(_column(st.integers(0, kinds - 1), count))
    arrival = np.zeros(count)
    duration = deletion = np.full(count, np.inf)
    if time:
        arrival = np.sort(np.array(draw(_column(_instants, count)), dtype=float))
        lengths = st.sampled_from((1.0, 2.0, 3.0, 5.0, np.inf))
        duration = np.array(draw(_column(lengths, count)), dtype=float)
        lives = st.sampled_from((1.0, 4.0, np.inf, np.inf, np.inf))
        deletion = arrival + np.array(draw(_column(lives, count)), dtype=float)
    node = np.full(count, -1)
    if bound:
        places = st.sampled_from((-1, -1, -1, *range(len(node_names))))
        node = np.array(draw(_column(places, count)), dtype=int)
        wants = [f"{GPU}-count" in pod.metadata.annotations for pod in templates]
        node[[wants[i] for i in template]] = -1
    return PodStream.of(
        templates,
        np.array(template, dtype=np.int32),
        arrival=arrival,
        duration=duration,
        deletion=deletion,
        node=node,
    )


@st.composite
def workloads(
    draw: st.DrawFn,
    *,
    max_nodes: int = 6,
    max_pods: int = 15,
    gpu: bool = False,
    time: bool = True,
    bound: bool = True,
    changes: bool = True,
    features: Collection[str] = (),
) -> Workload:
    """Draw a cluster, its pods and, with `changes`, its node events.

    With `features` of `FEATURES` also the objects that these need.
    """
    cluster = draw(clusters(max_size=max_nodes, gpu=gpu, features=features))
    names = [node.metadata.name for node in cluster]
    stream = pod_streams(
        names, max_size=max_pods, gpu=gpu, time=time, bound=bound, features=features
    )
    events = draw(node_events(cluster, gpu=gpu, features=features)) if changes else []
    objects = draw(cluster_objects(features)) if features else []
    return Workload("drawn", cluster, draw(stream), objects, node_events=events)


_rarely = st.sampled_from((False, False, False, True))
_instants = st.integers(0, 10).map(float)


def _column(values: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=count, max_size=count)


def _taint_key(taint: Taint) -> tuple[str, str]:
    return taint.key, taint.effect


def _renamed(node: Node, name: str) -> Node:
    twin_labels = node.metadata.labels | {"kubernetes.io/hostname": name}
    return Node(
        metadata=ObjectMeta(name=name, labels=twin_labels),
        spec=node.spec,
        status=node.status,
    )


@st.composite
def _requirements(draw: st.DrawFn, kind: type[Any], operators: Sequence[str]) -> Any:
    key = draw(st.sampled_from(sorted(LABELS)))
    operator = draw(st.sampled_from(operators))
    values: list[str] = []
    if operator in {"In", "NotIn"}:
        some = st.sampled_from(LABELS[key])
        values = draw(st.lists(some, min_size=1, max_size=2, unique=True))
    elif operator in {"Gt", "Lt"}:
        values = [draw(st.sampled_from(("0", "2", "5")))]
    return kind(key=key, operator=operator, values=values)
