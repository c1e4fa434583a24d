"""Node pools: machines of one shape, spread over zones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_node
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.sources.gpu import GPU_COUNT, GPU_MODEL
from schedbench.sources.synthetic.sizes import NotNegative, Quantity, parser

HOSTNAME = "kubernetes.io/hostname"
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"


class NodeShape(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the nodes of a pool are like.

    Attributes
    ----------
    name
        The pool's; its nodes are called `name-number`.
    cpu, memory, pods, resources
        Allocatable resources of a node, as Kubernetes quantities.
    gpus, gpu_model
        Devices that pods can share, and their model.
    labels, taints
        As in Kubernetes.
    """

    name: str
    cpu: Quantity
    memory: Quantity
    pods: Annotated[int, Meta(ge=0)] = 110
    resources: dict[str, Quantity] = field(default_factory=dict)
    gpus: Annotated[int, Meta(ge=0, le=64)] = 0
    gpu_model: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for resource, quantity in self.requests().items():
            try:
                if parser(resource)(quantity) < 0:
                    raise ValueError(f"{resource}: negative quantity: {quantity!r}")
            except InputError as error:
                raise ValueError(f"{resource}: {error}") from None

    def requests(self) -> dict[str, Quantity]:
        """Return the allocatable resources of one node, as quantities."""
        amounts = {"cpu": self.cpu, "memory": self.memory, "pods": self.pods}
        if self.gpus:
            amounts[GPU_COUNT] = self.gpus
        return amounts | self.resources

    def amounts(self) -> dict[str, int]:
        """Return the allocatable resources of one node in base units."""
        return {name: parser(name)(held) for name, held in self.requests().items()}

    def node(self) -> Node:
        """Return a node of this shape, named as the pool.

        Raises
        ------
        InputError
            If its labels or taints are none.
        """
        labels = {"pool": self.name} | self.labels
        if self.gpu_model:
            labels[GPU_MODEL] = self.gpu_model
        held = {name: str(amount) for name, amount in self.requests().items()}
        document = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": labels},
            "spec": {"taints": self.taints} if self.taints else {},
            "status": {"capacity": held, "allocatable": held},
        }
        node = decode_object(document, f"pool {self.name}")
        assert isinstance(node, Node)
        return default_node(node)


class NodePool(NodeShape, forbid_unknown_fields=True, kw_only=True):
    """Nodes of one shape.

    Attributes
    ----------
    count, share
        How many nodes: a number, or a share of the cluster's `nodes`.
    """

    count: Annotated[int, Meta(ge=0)] | None = None
    share: NotNegative | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.count is None) == (self.share is None):
            raise ValueError("a pool needs either count or share")


def pool_counts(pools: Sequence[NodePool], nodes: int | None) -> list[int]:
    """Return the number of nodes of each pool.

    Pools with a share divide what the counted pools leave of `nodes`, by the method
    of largest remainders.

    Raises
    ------
    InputError
        If pools have shares and `nodes` is absent or too small.
    """
    counts = [pool.count or 0 for pool in pools]
    shares = [pool.share or 0.0 for pool in pools]
    if not any(pool.share is not None for pool in pools):
        if nodes is not None and nodes != sum(counts):
            raise InputError(
                f"nodes is {nodes}, but the pools count {sum(counts)}",
                fix="give pools a share instead of a count, or leave nodes out",
            )
        return counts
    if nodes is None:
        raise InputError("pools with a share need the number of nodes", fix="set nodes")
    rest = nodes - sum(counts)
    total = sum(shares)
    if rest < 0 or total <= 0:
        raise InputError("nodes is less than the pools' counts", value=nodes)
    exact = [rest * share / total for share in shares]
    split = [int(part) for part in exact]
    by_remainder = sorted(range(len(pools)), key=lambda i: (split[i] - exact[i], i))
    for pool in by_remainder[: rest - sum(split)]:
        split[pool] += 1
    return [count + part for count, part in zip(counts, split, strict=True)]


def make_nodes(
    pools: Sequence[NodeShape], counts: Sequence[int], zones: int, regions: int
) -> list[Node]:
    """Make the nodes, pool by pool, round-robin over zones, zones over regions.

    Nodes of a pool share their spec and status.
    """
    nodes: list[Node] = []
    places = [
        (f"zone-{zone + 1}", f"region-{zone % regions + 1}")
        for zone in range(max(zones, 1))
    ]
    for pool, count in zip(pools, counts, strict=True):
        shape = pool.node()
        width = len(str(max(count - 1, 0)))
        labels_in = [
            shape.metadata.labels | ({ZONE: zone, REGION: region} if zones else {})
            for zone, region in places
        ]
        for index in range(count):
            name = f"{pool.name}-{index:0{width}d}"
            labels = {HOSTNAME: name, **labels_in[len(nodes) % len(places)]}
            meta = ObjectMeta(name=name, labels=labels)
            nodes.append(Node(metadata=meta, spec=shape.spec, status=shape.status))
    return nodes
