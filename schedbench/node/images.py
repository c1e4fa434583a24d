"""The images of a node: what is there, what is pulled, what is thrown away.

Source: kubernetes.io/docs/concepts/containers/images (pull policies, serial and
parallel pulls) and kubernetes.io/docs/concepts/architecture/garbage-collection.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.node.registry import Layer, Registry
from schedbench.objects.node import ContainerImage

ImageThen: TypeAlias = Callable[[str], None]
"""Told why there is no image: empty, `ErrImagePull` or `ErrImageNeverPull`."""


def pull_policy(image: str, policy: str | None) -> str:
    """Return the policy; absent, it is Always for the tag latest or for no tag."""
    if policy:
        return policy
    name = image.rpartition("/")[2]
    tagged = "@" in name or (":" in name and not name.endswith(":latest"))
    return "IfNotPresent" if tagged else "Always"


class NodeImages:
    """The images of one node.

    Attributes
    ----------
    present
        Image → when it was last used; in use as long as `users` has it.
    users
        Image → containers that use it.
    disk
        Bytes that images and containers share.
    bytes
        Bytes of the layers that are there.
    """

    __slots__ = (
        "_collecting",
        "_coming",
        "_held",
        "_pulling",
        "_seen",
        "_waiting",
        "bytes",
        "changed",
        "clock",
        "disk",
        "node",
        "other_bytes",
        "present",
        "registry",
        "users",
    )

    def __init__(
        self,
        clock: Clock,
        registry: Registry,
        node: str,
        disk: int,
        changed: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.registry = registry
        self.node = node
        self.disk = disk
        self.changed = changed
        self.present: dict[str, float] = {}
        self.users: dict[str, int] = {}
        self.bytes = 0
        self.other_bytes: Callable[[], int] = int
        self._seen: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._coming: dict[str, list[ImageThen]] = {}
        self._waiting: deque[str] = deque()
        self._pulling = 0
        self._collecting = False

    def add(self, image: str) -> None:
        """Put an image on the node."""
        if image in self.present:
            return
        self.present[image] = self._seen[image] = self.clock.now
        self._hold(self.registry.layers(image))

    def remove(self, image: str) -> None:
        """Take an image off the node."""
        del self.present[image], self._seen[image]
        self._release(self.registry.layers(image))

    def use(self, image: str) -> None:
        """Note that a container runs on an image."""
        self.users[image] = self.users.get(image, 0) + 1
        if image in self.present:
            self.present[image] = self.clock.now

    def unuse(self, image: str) -> None:
        """Note that a container runs on it no more."""
        self.users[image] -= 1
        if not self.users[image]:
            del self.users[image]
        if image in self.present:
            self.present[image] = self.clock.now

    def ensure(self, image: str, policy: str, then: ImageThen) -> None:
        """See to it that an image is there as its policy wants it; at once if it is."""
        there = not image or image in self.present
        if there and policy != "Always":
            then("")
        elif policy == "Never":
            then("ErrImageNeverPull")
        elif not self.registry.answers:
            then("ErrImagePull")
        elif there:
            seconds = self.registry.manifest_seconds() if image else 0.0
            if seconds:
                self.clock.after(seconds, then, "")
            else:
                then("")
        elif image in self._coming:
            self._coming[image].append(then)
        else:
            self._coming[image] = [then]
            self._waiting.append(image)
            self._next()

    def reported(self) -> list[ContainerImage]:
        """Return what `node.status.images` says: the largest images."""
        sizes = [
            (-sum(layer.size for layer in self.registry.layers(image)), image)
            for image in self.present
        ]
        most = self.registry.parameters.reported
        return [
            ContainerImage(names=[image], size_bytes=-size)
            for size, image in sorted(sizes)[:most]
        ]

    def used_bytes(self) -> int:
        """Return how much of the disk is used."""
        return self.bytes + self.other_bytes()

    def free(self, wanted: float, *, young: bool = False) -> None:
        """Remove unused images, the longest unused first, until bytes are free.

        `young` takes images too that are younger than the least age.
        """
        now, parameters = self.clock.now, self.registry.parameters
        for image, _ in sorted(
            self.present.items(), key=lambda item: (item[1], item[0])
        ):
            if self.disk - self.used_bytes() >= wanted:
                break
            old = young or now - self._seen[image] >= parameters.gc_min_age
            if image not in self.users and old:
                self.remove(image)
        self.changed()

    def forget_pulls(self) -> None:
        """Forget what is being pulled: the node is down."""
        self._coming.clear()
        self._waiting.clear()
        self._held.clear()
        self.bytes = 0
        for image in self.present:
            self._hold(self.registry.layers(image))
        self._pulling = 0
        self.registry.drop(self.node)

    def _next(self) -> None:
        parameters = self.registry.parameters
        most = 1 if parameters.serialize else parameters.max_parallel
        while self._waiting and (most is None or self._pulling < most):
            image = self._waiting.popleft()
            self._pulling += 1
            missing = self._missing(image)
            self._hold(missing)
            size = sum(layer.size for layer in missing)
            done = functools.partial(self._pulled, image, missing)
            self.registry.pull(self.node, size, done)

    def _missing(self, image: str) -> list[Layer]:
        held = self._held
        return [x for x in self.registry.layers(image) if x.digest not in held]

    def _hold(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            count = self._held.get(layer.digest, 0)
            self._held[layer.digest] = count + 1
            if not count:
                self.bytes += layer.size

    def _release(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            self._held[layer.digest] -= 1
            if not self._held[layer.digest]:
                del self._held[layer.digest]
                self.bytes -= layer.size

    def _pulled(self, image: str, layers: list[Layer], came: bool) -> None:
        if image not in self._coming:
            return
        parameters = self.registry.parameters
        size = sum(layer.size for layer in layers)
        seconds = size / parameters.unpack_bandwidth
        if came and parameters.manifest.median > 0:
            seconds += self.registry.manifest_seconds()
        if came and seconds:
            self.clock.after(seconds, self._unpacked, image, layers, came)
        else:
            self._unpacked(image, layers, came)

    def _unpacked(self, image: str, layers: list[Layer], came: bool) -> None:
        told = self._coming.pop(image, None)
        if told is None:
            return
        if came:
            self.add(image)
        self._release(layers)
        self._pulling -= 1
        if came:
            self._watch_disk()
            self.changed()
        for then in told:
            then("" if came else "ErrImagePull")
        self._next()

    def _watch_disk(self) -> None:
        parameters = self.registry.parameters
        if not self._collecting and self.used_bytes() >= self.disk * parameters.gc_high:
            self._collecting = True
            turns = self.clock.now // parameters.gc_period + 1
            self.clock.at(turns * parameters.gc_period, self._collect)

    def _collect(self) -> None:
        self._collecting = False
        parameters = self.registry.parameters
        if self.used_bytes() >= self.disk * parameters.gc_high:
            self.free(self.disk * (1 - parameters.gc_low))
            self._watch_disk()
