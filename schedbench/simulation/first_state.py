"""What a cluster holds when a run begins, as etcd would restore it from a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from schedbench.cluster.encode import EncodedWorkload
from schedbench.controlplane import rules
from schedbench.controlplane.etcd_store import Store
from schedbench.controlplane.etcd_types import Put, Snapshot, Txn
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import EtcdParameters
from schedbench.controlplane.registry import key_of
from schedbench.controlplane.service_addresses import ServiceAddresses
from schedbench.objects.controllers import Service
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeCondition
from schedbench.objects.policy import Namespace

SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system")


def first_objects(encoded: EncodedWorkload) -> Iterator[KubernetesObject]:
    """Yield what a workload has at time 0 but pods: namespaces, objects, ready nodes.

    Namespaces that its pods and objects are in, and those that every cluster has, are
    made if they are not among its objects.
    """
    workload = encoded.workload
    spaces = [item for item in workload.objects if isinstance(item, Namespace)]
    named = {item.metadata.name for item in spaces}
    wanted = {pod.metadata.namespace for pod in workload.pods.templates}
    wanted |= {item.metadata.namespace for item in workload.objects}
    for name in sorted(({*SYSTEM} | wanted) - named - {""}):
        yield Namespace(metadata=ObjectMeta(name=name))
    yield from workload.objects
    yield from map(ready, workload.nodes)


def ready(node: Node) -> Node:
    """Return a node whose kubelet has said that it is ready, unless it said not."""
    if any(one.type == "Ready" for one in node.status.conditions):
        return node
    conditions = [*node.status.conditions, NodeCondition(type="Ready", status="True")]
    return replace(node, status=replace(node.status, conditions=conditions))


def snapshot_of(
    items: Iterable[KubernetesObject],
    parameters: EtcdParameters,
    seed: int,
    time: float,
) -> Snapshot:
    """Return the snapshot of an etcd in which the objects were created one by one.

    Services have their addresses.
    """
    store = Store(parameters)
    draws = Draws(seed, "first-state/uid")
    for item in _addressed(items):
        meta = item.metadata
        new = rules.created(item, rules.new_uid(draws), meta.name, time)
        new.metadata.resource_version = str(store.revision + 1)
        key = key_of(type(item).__name__, meta.namespace, meta.name)
        store.apply(Txn((), (Put(key, new),), ()))
    return store.save()


def _addressed(items: Iterable[KubernetesObject]) -> Iterator[KubernetesObject]:
    """Yield the objects, each service with an address."""
    given = list(items)
    services = {item.key: item for item in given if isinstance(item, Service)}
    addresses = ServiceAddresses()
    for item in given:
        if not isinstance(item, Service):
            yield item
            continue
        services[item.key] = addresses.addressed(item, services)
        yield services[item.key]
