"""ImageLocality: nodes that have the pod's images, the larger the better.

After "Scheduler configuration" in the documentation and kube-scheduler v1.34's recorded
behaviour.
"""

from __future__ import annotations

from naive.world import Images, World

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

MIB = 2**20
LEAST = 23 * MIB
MOST = 1000 * MIB


class ImageCache:
    """What the scheduler's cache knows of images, as nodes come, change and go.

    An image's size is that of the first node that had it while any has had it since.
    """

    def __init__(self) -> None:
        self.having: dict[str, tuple[int, set[str]]] = {}
        self.nodes: dict[str, Node] = {}
        self.touched: set[str] = set()
        self.entries: dict[str, dict[str, tuple[int, int]]] = {}

    def put(self, node: Node) -> None:
        """Let a node come, or change."""
        self.drop(node.metadata.name)
        self.nodes[node.metadata.name] = node
        self.touch(node.metadata.name)
        for image in node.status.images:
            for name in image.names:
                _, owners = self.having.setdefault(name, (image.size_bytes, set()))
                owners.add(node.metadata.name)

    def drop(self, name: str) -> None:
        """Let a node go."""
        node = self.nodes.pop(name, None)
        for image in node.status.images if node else []:
            for one in image.names:
                if one in self.having:
                    self.having[one][1].discard(name)
                    if not self.having[one][1]:
                        del self.having[one]

    def touch(self, name: str) -> None:
        """Note that a node or its pods have changed: its entry is made anew."""
        self.touched.add(name)

    def look(self) -> Images:
        """Refresh the entries of touched nodes and return all, at an attempt."""
        for name in self.touched & self.nodes.keys():
            images = self.nodes[name].status.images
            self.entries[name] = {
                one: (self.having[one][0], len(self.having[one][1]))
                for image in images
                for one in image.names
            }
        self.touched.clear()
        return dict(self.entries)


def raw(pod: Pod, nodes: list[Node], world: World) -> list[int]:
    """Score each feasible node by the sizes of the pod's images that it has."""
    images = world.images
    if images is None:
        cache = ImageCache()
        for node in world.nodes:
            cache.put(node)
        images = cache.look()
    containers = [*pod.spec.init_containers, *pod.spec.containers]
    most = MOST * len(containers)
    scores = []
    for node in nodes:
        has = images.get(node.metadata.name, {})
        total = 0
        for container in containers:
            size, count = has.get(normalized_name(container.image), (0, 0))
            total += int(size * (count / len(world.nodes)))
        scores.append(100 * (min(max(total, LEAST), most) - LEAST) // (most - LEAST))
    return scores


def normalized_name(image: str) -> str:
    """Add the tag `latest` to a name without one."""
    tagged = ":" in image.rsplit("/", 1)[-1]
    return image if tagged else f"{image}:latest"
