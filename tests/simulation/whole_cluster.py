"""A whole cluster under its laws: manifests, faults, what must come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from simulation.watched import Told

from schedbench.clock import Clock
from schedbench.cluster.encode import encode
from schedbench.controlplane.authorization import MASTERS, User
from schedbench.controlplane.controllers.owned import controller_of, is_active, is_ready
from schedbench.controlplane.etcd_types import Range
from schedbench.controlplane.fitting import Room
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import Parameters
from schedbench.controlplane.registry import key_of
from schedbench.controlplane.watch_cache import Stream
from schedbench.objects.controllers import DaemonSet, Deployment, Job, StatefulSet
from schedbench.objects.defaults import default_node
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import Namespace, PodDisruptionBudget
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.cluster import Cluster
from schedbench.simulation.faults import Fault
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.injector import Injector
from schedbench.simulation.invariants import unsettled
from schedbench.simulation.recorder import Recorder
from schedbench.simulation.schedulers import schedulers
from schedbench.simulation.timeline import Timelines
from schedbench.simulation.watchdog import HOLDING
from schedbench.simulation.wiring import ControlPlane

KINDS: dict[str, type[ApiObject]] = {
    "Deployment": Deployment,
    "StatefulSet": StatefulSet,
    "DaemonSet": DaemonSet,
    "Job": Job,
    "Pod": Pod,
}
REPLICATED = ("Deployment", "StatefulSet")
OWNERS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")
CONTROL_PLANE = ControlPlane(etcd=3, api_servers=2, schedulers=2, controller_managers=2)
LATE = 700.0
"""Simulated seconds in which a scheduler tries all that wait again (300 s, 30 s) and
Deployments that do not get on say so (600 s)."""
SETTLING = 2_400.0
"""Simulated seconds: lost nodes (50 s), tolerations, then back-offs of up to 300 s."""


def node(name: str) -> Node:
    """Make a node of four cores."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "6"}
    document = {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": name[0]}},
        "status": {"capacity": room, "allocatable": room},
    }
    return default_node(msgspec.convert(document, Node))


def app_of(kind: str, name: str) -> str:
    """Return the label of an object's pods."""
    return f"{kind}-{name}".lower()


def pod_template(app: str, cpu: str, image: str, run: float | None) -> dict[str, Any]:
    """Return a pod template whose pods leave a lost node after ten seconds."""
    lost = [
        {
            "key": f"node.kubernetes.io/{what}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 10,
        }
        for what in ("not-ready", "unreachable")
    ]
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": cpu}}}
    told = {} if run is None else {"schedbench.io/run-seconds": str(run)}
    return {
        "metadata": {"labels": {"app": app}, "annotations": told},
        "spec": {
            "containers": [container],
            "tolerations": lost,
            "restartPolicy": "Always" if run is None else "Never",
            "terminationGracePeriodSeconds": 5,
        },
    }


def manifest(kind: str, name: str, replicas: int, cpu: str) -> ApiObject:
    """Make an object that wants pods."""
    app = app_of(kind, name)
    template = pod_template(app, cpu, "web:1", 5.0 if kind == "Job" else None)
    meta = {"name": name, "namespace": "default"}
    if kind == "Pod":
        template["metadata"] |= meta
        return msgspec.convert(template, Pod)
    spec: dict[str, Any] = {"template": template}
    if kind == "Job":
        spec |= {"completions": replicas, "parallelism": 2, "backoffLimit": 50}
    else:
        spec["selector"] = {"matchLabels": {"app": app}}
    if kind in REPLICATED:
        spec["replicas"] = replicas
    return msgspec.convert({"metadata": meta, "spec": spec}, KINDS[kind])


def budget(kind: str, name: str) -> PodDisruptionBudget:
    """Let at most one pod of an app be away."""
    app = app_of(kind, name)
    document = {
        "metadata": {"name": app, "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": app}}},
    }
    return msgspec.convert(document, PodDisruptionBudget)


def with_spec(**fields: Any) -> Callable[[Any], Any]:
    """Return a change of fields of a spec."""

    def change(item: Any) -> Any:
        spec = msgspec.structs.replace(item.spec, **fields)
        return msgspec.structs.replace(item, spec=spec)

    return change


def with_image(image: str) -> Callable[[Any], Any]:
    """Return a change of the image that a template names."""

    def change(item: Any) -> Any:
        document = msgspec.to_builtins(item.spec.template)
        document["spec"]["containers"][0]["image"] = image
        template = msgspec.convert(document, type(item.spec.template))
        return with_spec(template=template)(item)

    return change


class WholeCluster:
    """A cluster of full nodes, whose laws are asked after every event."""

    def __init__(self, seed: int, nodes: Iterable[str]) -> None:
        self.clock = Clock()
        self.timelines = Timelines(self.clock)
        self.cluster = Cluster(
            self.clock,
            Parameters(),
            seed,
            self.timelines.stamp,
            [
                msgspec.convert({"metadata": {"name": "default"}}, Namespace),
                *(node(name) for name in nodes),
            ],
            control_plane=CONTROL_PLANE,
        )
        backplane = self.cluster.backplane
        self.etcd = backplane.etcd
        workload = Workload("laws", [node("n0")], PodStream.of([], []))
        encoded = encode(workload)
        clients = self.cluster.wiring.clients
        recorder = Recorder(self.clock, clients("auditor"), {}, (), 0)
        policy = make_policy("kube-scheduler")
        self.cluster.add(schedulers(encoded, policy, recorder, "scan"))
        for component in full_nodes():
            self.cluster.add(component)
        machines = self.cluster.machines
        assert machines is not None
        self.machines = machines
        watchdog = self.cluster.guarded()
        assert watchdog is not None
        self.watchdog = watchdog
        self.told = Told(self.clock, backplane)
        for kind, field in (
            ("Pod", None),
            ("Pod", ("spec.nodeName", "n0")),
            ("Node", None),
            ("ReplicaSet", None),
        ):
            user = User("probe", (MASTERS,))
            stream = Stream(user, kind, lambda event: None, field)
            self.watchdog.probe(f"probe of {kind} {field}", stream)
            backplane.servers.watch(stream)
        self.users = clients("users")
        self.injector = Injector(self.clock, self.cluster, [], seed)

    def run(self, seconds: float) -> None:
        """Let time pass, event by event."""
        until = self.clock.now + seconds
        self.clock.run(until, stop=lambda: bool(self.watchdog.look()))
        assert not self.watchdog.breaches, self.watchdog.breaches

    def begin(self, fault: Fault) -> Callable[[], None]:
        """Let a fault begin; return how it ends."""
        number = Draws(int(self.clock.now * 1e3), "faults")
        _, undo = self.injector._apply(fault, number)
        return undo

    def items(self, kind: str) -> list[Any]:
        """Return the objects of a kind, as etcd has them."""
        prefix = key_of(kind, "", "").removesuffix("/")
        found = self.etcd.store.range(Range(prefix, prefix=True)).items
        return [item.value for item in found]

    def settle(self) -> None:
        """Let time pass until everything is as it should be, or patience is out."""
        end = self.clock.now + SETTLING
        wrong = ["nothing was looked at"]
        while wrong and self.clock.now < end:
            self.run(30.0)
            wrong = self.unconverged()
        assert not wrong, wrong
        self.run(LATE)
        since = self.clock.now
        self.run(120.0)
        own = [call for call in self.told.calls if call.user != "users"]
        restless = unsettled(own, since)
        assert not restless, restless

    def unconverged(self) -> list[str]:
        """Return what is not as its object wants it, one sentence each."""
        pods: list[Pod] = self.items("Pod")
        nodes = {one.metadata.name: one for one in self.items("Node")}
        found = [
            f"{pod.key} is still leaving"
            for pod in pods
            if pod.metadata.deletion_timestamp is not None
        ]
        found += [
            f"{pod.key} is on {pod.spec.node_name}, which is gone"
            for pod in pods
            if pod.spec.node_name and pod.spec.node_name not in nodes
        ]
        uids = {one.metadata.uid for kind in OWNERS for one in self.items(kind)}
        for item in (*pods, *self.items("ReplicaSet")):
            owner = controller_of(item)
            if owner is not None and owner.uid not in uids:
                found.append(f"{item.key} is an orphan of {owner.kind} {owner.name}")
        for name, one in nodes.items():
            if not any(
                c.type == "Ready" and c.status == "True" for c in one.status.conditions
            ):
                found.append(f"{name} is not ready")
        found += self._wrong_pods(pods, nodes)
        found += self._wrong_kubelets(pods)
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            for item in self.items(kind):
                found += self._wrong(item, pods, len(nodes))
        return found

    def _wrong_pods(self, pods: list[Pod], nodes: dict[str, Node]) -> list[str]:
        """Return the pods that neither run nor fit nowhere."""
        found = []
        for pod in pods:
            if not is_active(pod) or is_ready(pod):
                continue
            if pod.spec.node_name:
                found.append(f"{pod.key} is not ready on {pod.spec.node_name}")
                continue
            for name, one in nodes.items():
                there = [other for other in pods if other.spec.node_name == name]
                if Room(one, there).take(pod):
                    found.append(f"{pod.key} waits, though {name} has room")
        return found

    def _wrong_kubelets(self, pods: list[Pod]) -> list[str]:
        found = []
        for name, kubelet in self.machines.kubelets.items():
            runs = {
                worker.pod.metadata.uid
                for worker in kubelet.workers.values()
                if worker.stage in HOLDING
            }
            wanted = {
                pod.metadata.uid
                for pod in pods
                if pod.spec.node_name == name and is_active(pod)
            }
            if runs != wanted:
                found.append(f"{name} runs {len(runs)} pods of {len(wanted)}")
        return found

    def _wrong(self, item: Any, pods: list[Pod], nodes: int) -> list[str]:
        name, kind = item.metadata.name, type(item).__name__
        own = [
            pod
            for pod in pods
            if pod.metadata.labels.get("app") == app_of(kind, name)
            and is_active(pod)
            and controller_of(pod) is not None
        ]
        if not all(is_ready(pod) for pod in own):
            return []  # a pod waits for room, and the others for it
        if kind == "Job":
            ends = {c.type for c in item.status.conditions if c.status == "True"}
            return [] if ends & {"Complete", "Failed"} else [f"{name} is not complete"]
        if kind == "DaemonSet":
            there = f"DaemonSet {name} has {len(own)} pods on {nodes} nodes"
            return [] if len(own) == nodes else [there]
        image = item.spec.template.spec.containers[0].image
        images = {pod.spec.containers[0].image for pod in own}
        replicas = 1 if item.spec.replicas is None else item.spec.replicas
        found = []
        if len(own) != replicas:
            found.append(f"{kind} {name} has {len(own)} of {replicas} pods")
        if images - {image}:
            found.append(f"{kind} {name} has pods of an old template")
        if (item.status.ready_replicas or 0) != replicas:
            found.append(f"{kind} {name} counts {item.status.ready_replicas} ready")
        return found
