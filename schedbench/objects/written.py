"""Objects and workloads as the documents that the API writes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schedbench.objects.kinds import GROUP_OF
from schedbench.objects.meta import plain
from schedbench.objects.workload import Workload

Document = dict[str, Any]


def document(item: Any) -> Document:
    """Return an object with its kind and API version."""
    kind = type(item).__name__
    group = GROUP_OF[kind]
    version = {"PodGroup": "v1beta1", "CompositePodGroup": "v1alpha3"}.get(kind, "v1")
    api_version = f"{group}/{version}" if group else version
    return {"apiVersion": api_version, "kind": kind, **plain(item)}


def documents(workload: Workload) -> Iterator[Document]:
    """Yield nodes, other objects, and pods in the order of their creation."""
    for item in (*workload.nodes, *workload.objects):
        yield document(item)
    yield from pod_documents(workload)


def pod_documents(workload: Workload) -> Iterator[Document]:
    """Yield the pods in the order of their creation, those on a node with its name."""
    names = [node.metadata.name for node in workload.nodes]
    pods = workload.pods
    templates = [document(template) for template in pods.templates]
    for index in range(len(pods)):
        template = templates[int(pods.template[index])]
        namespace, _, name = pods.name(index).partition("/")
        own = {"name": name, "namespace": namespace}
        metadata = {
            key: value
            for key, value in template.get("metadata", {}).items()
            if key not in {"generateName", "creationTimestamp"}
        }
        spec = template["spec"]
        if pods.node[index] >= 0:
            spec = spec | {"nodeName": names[int(pods.node[index])]}
        yield template | {"metadata": metadata | own, "spec": spec}
