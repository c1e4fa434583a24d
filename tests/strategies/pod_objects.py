"""Pods and what is in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st

from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta, OwnerReference
from schedbench.objects.pod import Affinity, Container, ContainerPort, Pod, PodSpec
from strategies.amounts import cpu_quantities, pod_level_resources, resources
from strategies.company import pod_affinities, spread_constraints
from strategies.selecting import labels, node_affinities, tolerations
from strategies.words import GPU, IMAGES, MODELS, NAMESPACES, rarely


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
    ports = draw(rarely)
    spec = PodSpec(
        containers=draw(st.lists(containers(ports=ports), min_size=1, max_size=2)),
        host_network=ports and draw(rarely),
        priority=draw(st.sampled_from((None, 0, 0, 10, -5))),
    )
    if draw(rarely):
        inits = containers(init=True, ports=ports)
        spec.init_containers = draw(st.lists(inits, max_size=2))
    if draw(rarely):
        spec.overhead = {"cpu": draw(cpu_quantities(500))}
    if draw(rarely):
        spec.resources = draw(pod_level_resources())
    if draw(rarely):
        node_affinity = draw(node_affinities(node_names))
        spec.affinity = Affinity(node_affinity=node_affinity)
    if draw(rarely):
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
    if not draw(rarely):
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
                controller=not draw(rarely),
            )
        ]
    if "priorities" in features:
        spec.priority = draw(st.sampled_from((None, -5, 0, 0, 10, 100, 2_000_000_000)))
        spec.preemption_policy = "Never" if draw(rarely) else None
