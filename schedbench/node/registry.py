"""The registry: what images weigh, and how the bandwidth is shared among the pulls.

Every pull of a node has an equal part of the node's bandwidth, and every pull of the
cluster at most an equal part of the registry's. Pulls with equal shares at their node
progress alike, so each such class has one clock of bytes and a heap of ends: an event
happens only where a pull completes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import heapq
import math
from collections.abc import Callable, Mapping

from schedbench.clock import Clock, Timer
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import Images

MIB = 2**20
HALF_A_BYTE = 0.5
"""What rounding may leave of a pull that is over."""
BASES = tuple(
    (f"base-{index}", size * MIB) for index, size in enumerate((3, 28, 30, 50))
)


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """A layer; size in compressed bytes."""

    digest: str
    size: int


@functools.lru_cache(maxsize=65536)
def layers_of(image: str, size: int | None = None) -> tuple[Layer, ...]:
    """Return the layers of an image.

    A repository has one of four base layers (3 to 50 MiB), shared with others, and two
    layers of its own (4 to 67 MiB); a tag has one (1 to 16 MiB): sizes from a hash of
    the names. With a size, the tag's layer is what is left of it, or all of it.
    """
    repository = _repository(image)
    own = _hash(repository)
    base = Layer(*BASES[own % len(BASES)])
    lower = [
        Layer(f"{repository}#{index}", (4 + (own >> (8 * index + 2)) % 64) * MIB)
        for index in (0, 1)
    ]
    if size is None:
        return (base, *lower, Layer(image, (1 + _hash(image) % 16) * MIB))
    rest = size - base.size - sum(layer.size for layer in lower)
    if rest < 0:
        return (Layer(f"{image}@{size}", size),)
    return (base, *lower, Layer(f"{image}@{size}", rest))


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"
    )


class Pull:
    """Bytes on their way to a node."""

    __slots__ = ("done", "end", "left", "node", "share")

    def __init__(self, node: str, size: float, done: Callable[[bool], None]) -> None:
        self.node = node
        self.left = size
        self.done = done
        self.share = 0
        self.end = 0.0


class _Class:
    __slots__ = ("bytes", "ends", "rate", "running")

    def __init__(self) -> None:
        self.bytes = self.rate = 0.0
        self.running = 0
        self.ends: list[tuple[float, int, Pull]] = []


class Registry:
    """The registry of the cluster.

    Attributes
    ----------
    sizes
        Compressed bytes of images whose size is known.
    failed_until
        Until then it answers nobody.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: Images,
        seed: int,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self.clock = clock
        self.parameters = parameters
        self.sizes = dict(sizes or {})
        self.failed_until = -math.inf
        self._draws = Draws(seed, "registry/manifest")
        self._pulls: dict[str, list[Pull]] = {}
        self._classes: dict[int, _Class] = {}
        self._count = 0
        self._sequence = 0
        self._told = clock.now
        self._timer: Timer | None = None

    @property
    def answers(self) -> bool:
        """Whether it can be reached."""
        return self.clock.now >= self.failed_until

    def fail(self, until: float) -> None:
        """Let it answer nobody until a time; pulls under way fail."""
        self.failed_until = max(self.failed_until, until)
        pulls = [pull for node in self._pulls.values() for pull in node]
        self._pulls.clear()
        self._classes.clear()
        self._count = 0
        self._reset()
        for pull in pulls:
            pull.done(False)

    def layers(self, image: str) -> tuple[Layer, ...]:
        """Return the layers of an image."""
        return layers_of(image, self.sizes.get(image))

    def manifest_seconds(self) -> float:
        """Return how long asking for a manifest takes this time."""
        return self._draws.seconds(self.parameters.manifest)

    def pull(self, node: str, size: float, done: Callable[[bool], None]) -> None:
        """Bring bytes to a node; `done` is told whether they came."""
        given = self.parameters
        if math.isinf(given.node_bandwidth) and math.isinf(given.registry_bandwidth):
            self.clock.after(0.0, done, True)
            return
        self._advance()
        pull = Pull(node, size, done)
        others = self._pulls.setdefault(node, [])
        others.append(pull)
        self._count += 1
        self._share(others)
        self._reset()

    def drop(self, node: str) -> None:
        """Forget the pulls of a node that is down."""
        self._advance()
        for pull in self._pulls.pop(node, ()):
            self._leave(pull)
            self._count -= 1
        self._reset()

    def _share(self, pulls: list[Pull]) -> None:
        for pull in pulls:
            if pull.share != len(pulls):
                self._leave(pull)
                self._enter(pull, len(pulls))

    def _enter(self, pull: Pull, share: int) -> None:
        found = self._classes.setdefault(share, _Class())
        pull.share = share
        pull.end = found.bytes + pull.left
        found.running += 1
        self._sequence += 1
        heapq.heappush(found.ends, (pull.end, self._sequence, pull))

    def _leave(self, pull: Pull) -> None:
        share = pull.share
        if share:
            found = self._classes[share]
            pull.left = max(0.0, pull.end - found.bytes)
            pull.share = 0
            found.running -= 1
            if not found.running:
                del self._classes[share]

    def _advance(self) -> None:
        passed = self.clock.now - self._told
        self._told = self.clock.now
        if passed > 0:
            for found in self._classes.values():
                found.bytes += found.rate * passed

    def _reset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        least = math.inf
        for share, found in self._classes.items():
            found.rate = min(
                self.parameters.node_bandwidth / share,
                self.parameters.registry_bandwidth / self._count,
            )
            ends = found.ends
            while ends[0][2].share != share or ends[0][2].end != ends[0][0]:
                heapq.heappop(ends)
            least = min(least, (ends[0][0] - found.bytes) / found.rate)
        if least < math.inf:
            self._timer = self.clock.after(max(0.0, least), self._complete)

    def _complete(self) -> None:
        self._timer = None
        self._advance()
        ended: list[Pull] = []
        for share, found in list(self._classes.items()):
            while found.running and found.ends[0][0] <= found.bytes + HALF_A_BYTE:
                end, _, pull = heapq.heappop(found.ends)
                if pull.share == share and pull.end == end:
                    self._leave(pull)
                    ended.append(pull)
        for pull in ended:
            self._pulls[pull.node].remove(pull)
            self._count -= 1
        for node in dict.fromkeys(pull.node for pull in ended):
            if self._pulls[node]:
                self._share(self._pulls[node])
            else:
                del self._pulls[node]
        self._reset()
        for pull in ended:
            pull.done(True)
