"""The container runtime as the kubelet sees it through the CRI.

`Runtime` is the runtime of all nodes, with their registry; `NodeRuntime` what one node
does with it: a bounded number of calls at once, the others in turn. A call takes what
its profile says (RunPodSandbox, CreateContainer and StartContainer, StopContainer,
RemovePodSandbox); images are the `NodeImages` of the node.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from schedbench.clock import Clock
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import Images, RuntimeProfile
from schedbench.node.images import NodeImages
from schedbench.node.registry import Registry
from schedbench.objects.node import Node
from schedbench.units import value


class Runtime:
    """The container runtimes of all nodes.

    Attributes
    ----------
    registry
        Where their images come from.
    """

    def __init__(
        self,
        clock: Clock,
        profile: RuntimeProfile,
        images: Images,
        seed: int,
        registry: Registry | None = None,
    ) -> None:
        self.clock = clock
        self.profile = profile
        self.registry = registry or Registry(clock, images, seed, images.sizes)
        self.draws = Draws(seed, "runtime/calls")

    def on(self, node: Node, changed: Callable[[], None]) -> NodeRuntime:
        """Return the runtime of a node, with the images that its status names."""
        named = node.status.capacity.get("ephemeral-storage")
        disk = self.registry.parameters.disk if named is None else value(named)
        images = NodeImages(
            self.clock, self.registry, node.metadata.name, disk, changed
        )
        for image in node.status.images:
            for name in image.names:
                self.registry.sizes.setdefault(name, image.size_bytes)
                images.add(name)
        return NodeRuntime(self, images)


class NodeRuntime:
    """The container runtime of one node.

    Attributes
    ----------
    calls
        How many calls are worked on.
    """

    __slots__ = ("_epoch", "_waiting", "calls", "fleet", "images")

    def __init__(self, fleet: Runtime, images: NodeImages) -> None:
        self.fleet = fleet
        self.images = images
        self.calls = 0
        self._epoch = 0
        self._waiting: deque[tuple[float, Callable[..., None], tuple[object, ...]]]
        self._waiting = deque()

    def run_pod_sandbox(
        self, extra: float, then: Callable[..., None], *arguments: object
    ) -> None:
        """Make a sandbox; `extra` is what volumes and network take."""
        self._call(self.fleet.profile.run_pod_sandbox, then, arguments, extra)

    def start_container(self, then: Callable[..., None], *arguments: object) -> None:
        """Create a container and start it."""
        self._call(self.fleet.profile.create_start, then, arguments)

    def stop_pod(self, then: Callable[..., None], *arguments: object) -> None:
        """Finish the containers of a pod, their processes over, and its sandbox."""
        profile = self.fleet.profile
        removal = self.fleet.draws.seconds(profile.remove_pod_sandbox)
        self._call(profile.stop_container, then, arguments, removal)

    def crash(self) -> None:
        """Forget every call and pull: the node is down."""
        self._epoch += 1
        self.calls = 0
        self._waiting.clear()
        self.images.forget_pulls()

    def _call(
        self,
        latency: Latency,
        then: Callable[..., None],
        arguments: tuple[object, ...],
        extra: float = 0.0,
    ) -> None:
        fleet = self.fleet
        seconds = fleet.draws.seconds(latency) + extra
        if self.calls >= fleet.profile.parallel:
            self._waiting.append((seconds, then, arguments))
            return
        self.calls += 1
        fleet.clock.after(seconds, self._done, self._epoch, then, arguments)

    def _done(
        self, epoch: int, then: Callable[..., None], arguments: tuple[object, ...]
    ) -> None:
        if epoch != self._epoch:
            return
        if self._waiting:
            seconds, other, others = self._waiting.popleft()
            self.fleet.clock.after(seconds, self._done, epoch, other, others)
        else:
            self.calls -= 1
        then(*arguments)
