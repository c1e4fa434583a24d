"""images: sizes about the thresholds, several names, digests, tags left out."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify import nodes, pods
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled

HOST = "registry.example.com"
REPOSITORIES = ("web", "api", "db", "cache", "worker")
LEAST, MOST = 23 * 2**20, 1000 * 2**20
"""Bytes between which ImageLocality tells sizes apart, for one container."""
DIGESTS = {
    name: f"{HOST}/{name}@sha256:{'ab'[i % 2] * 64}"
    for i, name in enumerate(REPOSITORIES)
}
WANTED = (
    *(f"{HOST}/{name}" for name in REPOSITORIES),
    *(f"{HOST}/{name}:latest" for name in REPOSITORIES),
    *(f"{HOST}/{name}:1.0" for name in REPOSITORIES),
    *DIGESTS.values(),
    *("nginx", "nginx:latest", "redis:7", f"{HOST}:5000/base", ""),
)


def case(draw: Draw) -> Document:
    """Return a case of nodes that have images, and pods that want them."""
    found = nodes.nodes(draw, 3, 14)
    put_images(draw, found, 0.97)
    bound = pods.bound_pods(draw, nodes.names(found), 0.7)
    return assembled(found, pods.pending_pods(draw, 3, 10, spec), bound=bound)


def spec(draw: Draw) -> Document:
    """Return a specification of some containers with images."""
    found: Document = {
        "containers": [_container(draw, f"c{i}") for i in range(draw.whole(1, 4))]
    }
    if draw.chance(0.3):
        found["initContainers"] = [_container(draw, "i0")]
    return found


def put_images(draw: Draw, found: Sequence[Document], share: float) -> None:
    """Give a share of the nodes images, mostly of the same size wherever they are."""
    sizes = {name: size(draw) for name in (*REPOSITORIES, "nginx", "redis", "base")}
    for each in found:
        if draw.chance(share):
            chosen = draw.some(list(sizes), 1, 6)
            images = [_image(draw, name, sizes[name]) for name in draw.shuffled(chosen)]
            each["status"]["images"] = images


def size(draw: Draw) -> int:
    """Return bytes: about a threshold, or anything."""
    about = draw.pick([LEAST, MOST, 2 * MOST, 3 * MOST, 150 * 2**20, 700 * 2**20])
    if draw.chance(0.6):
        return about + draw.pick([-(10**6), -1, 0, 1, 7, 10**6])
    return draw.whole(1, 3000) * 10**6


def _image(draw: Draw, name: str, usual: int) -> Document:
    names = {
        "nginx": ["nginx:latest"],
        "redis": ["redis:7"],
        "base": [f"{HOST}:5000/base:latest"],
    }.get(name)
    if names is None:
        names = [f"{HOST}/{name}:{draw.pick(['latest', '1.0'])}"]
        if draw.chance(0.4):
            names.append(DIGESTS[name])
    size_here = usual if draw.chance(0.85) else size(draw)
    return {"names": names, "sizeBytes": size_here}


def _container(draw: Draw, name: str) -> Document:
    return pods.container(draw, name) | {"image": draw.pick(WANTED)}
