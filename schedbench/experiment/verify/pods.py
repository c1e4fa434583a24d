"""Pods for random cases: plain ones, and those whose requests need care to sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schedbench.experiment.verify import amounts
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.nodes import DISK, FPGA, GPU, HUGE, Document

APPS = ("web", "api", "db")
TIERS = ("frontend", "backend", "batch")
VERSIONS = ("v1", "v2", "v3")
NAMESPACES = ("default", "prod", "staging")
IMAGES = tuple(
    f"registry.example.com/{name}:1.0"
    for name in ("web", "api", "db", "cache", "worker")
)
DELETED = "2025-07-01T00:00:00Z"
FIRST_START = datetime(2025, 6, 1, tzinfo=UTC)
START_STEP = timedelta(seconds=37)


def labels(draw: Draw) -> Document:
    """Return labels; only `app` is always there."""
    found = {"app": draw.pick(APPS)}
    if draw.chance(0.6):
        found["tier"] = draw.pick(TIERS)
    if draw.chance(0.5):
        found["version"] = draw.pick(VERSIONS)
    return found


def pod(draw: Draw, name: str, spec: Document, namespace: str = "default") -> Document:
    """Return a Pod with a specification and random labels."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "labels": labels(draw),
        },
        "spec": spec,
    }


def on_node(draw: Draw, found: Document, node: str, place: int) -> Document:
    """Put a pod on a node; the place in the list says when it started.

    No two start at once: which of them kube-scheduler takes for the more important
    then depends on the history of its list of the node's pods.
    """
    start = FIRST_START + place * START_STEP
    if draw.chance(0.15):
        start = FIRST_START - (place + 1) * START_STEP
    found["spec"]["nodeName"] = node
    found["status"] = {
        "phase": "Running",
        "startTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
    } | found.get("status", {})
    return found


def delete(found: Document) -> Document:
    """Let a pod be one that is being deleted."""
    found["metadata"] |= {
        "deletionTimestamp": DELETED,
        "finalizers": ["example.com/x"],
    }
    return found


def container(draw: Draw, name: str) -> Document:
    """Return a container, whose requests may be absent, partly or wholly."""
    requests: Document = {}
    if draw.chance(0.8):
        requests["cpu"] = amounts.some_cpu(draw)
    if draw.chance(0.8):
        requests["memory"] = amounts.some_memory(draw)
    found: Document = {"name": name, "image": draw.pick(IMAGES)}
    if requests:
        found["resources"] = {"requests": requests}
    return found


def plain_spec(draw: Draw) -> Document:
    """Return a specification of one container."""
    return {"containers": [container(draw, "c")]}


def sized_spec(cpu: str, memory: str) -> Document:
    """Return a specification of one container with these requests."""
    requests = {"cpu": cpu, "memory": memory}
    resources = {"requests": requests}
    image = IMAGES[0]
    return {"containers": [{"name": "c", "image": image, "resources": resources}]}


def rich_container(draw: Draw, name: str) -> Document:
    """Return a container with extended resources, limits without requests, zeros."""
    found = container(draw, name)
    resources = found.setdefault("resources", {})
    requests = resources.setdefault("requests", {})
    limits: Document = {}
    if draw.chance(0.2):
        limits |= {"cpu": amounts.some_cpu(draw), "memory": amounts.some_memory(draw)}
        if draw.chance(0.5):
            requests.pop("cpu", None)
    if draw.chance(0.2):
        requests[DISK] = amounts.memory(draw, draw.whole(1, 30) * amounts.GI)
    for resource, counts in ((GPU, "0112"), (FPGA, "0112")):
        if draw.chance(0.2):
            limits[resource] = requests[resource] = draw.pick(counts)
    if draw.chance(0.1):
        limits[HUGE] = requests[HUGE] = draw.pick(["0", "2Mi", "32Mi", "128Mi"])
    if limits:
        resources["limits"] = limits
    return found


def rich_spec(draw: Draw) -> Document:
    """Return a specification with sidecars, overhead, and requests of the pod."""
    spec: Document = {
        "containers": [rich_container(draw, f"c{i}") for i in range(draw.whole(1, 3))]
    }
    if draw.chance(0.4):
        spec["initContainers"] = [
            rich_container(draw, f"i{i}") for i in range(draw.whole(1, 4))
        ]
        for each in spec["initContainers"]:
            if draw.chance(0.45):
                each["restartPolicy"] = "Always"
    if draw.chance(0.2):
        milli, size = draw.pick([10, 120, 250]), draw.pick([16, 120]) * amounts.MI
        spec["overhead"] = {
            "cpu": amounts.cpu(draw, milli),
            "memory": amounts.memory(draw, size),
        }
    if draw.chance(0.12):
        spec["resources"] = {"requests": _of_the_pod(draw)}
        if draw.chance(0.3):
            spec["resources"]["limits"] = dict(spec["resources"]["requests"])
    return spec


def resize(draw: Draw, found: Document) -> Document:
    """Give a bound pod a resize that is under way, or one that is infeasible."""
    statuses = [_resized(draw, each) for each in found["spec"]["containers"]]
    found["status"] = {"containerStatuses": statuses}
    if draw.chance(0.3):
        found["status"]["conditions"] = [
            {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
        ]
    return found


def bound_pods(
    draw: Draw, nodes: Sequence[str], each: float, make: Any = plain_spec
) -> list[Document]:
    """Return some pods on nodes, `each` on a node in the mean."""
    count = draw.whole(0, max(int(2 * each * len(nodes)), 1)) if nodes else 0
    return [
        on_node(draw, pod(draw, f"b{i:03d}", make(draw)), draw.pick(nodes), i)
        for i in range(1, count + 1)
    ]


def pending_pods(
    draw: Draw, low: int, high: int, make: Any = plain_spec
) -> list[Document]:
    """Return low..high pods to be scheduled."""
    count = draw.whole(low, high)
    return [pod(draw, f"p{i:03d}", make(draw)) for i in range(1, count + 1)]


def _of_the_pod(draw: Draw) -> Document:
    cpu = amounts.cpu(draw, draw.pick([3000, 4500, 6500]))
    memory = amounts.memory(draw, draw.pick([5, 6, 9]) * amounts.GI)
    return draw.pick([{"cpu": cpu}, {"memory": memory}, {"cpu": cpu, "memory": memory}])


def _resized(draw: Draw, each: Document) -> Document:
    def amount() -> Document:
        return {"cpu": amounts.some_cpu(draw), "memory": amounts.some_memory(draw)}

    found = {
        "name": each["name"],
        "image": each["image"],
        "imageID": "",
        "ready": True,
        "restartCount": 0,
    }
    if draw.chance(0.9):
        found["resources"] = {"requests": amount()}
    if draw.chance(0.9):
        found["allocatedResources"] = amount()
    return found
