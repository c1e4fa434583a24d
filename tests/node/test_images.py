from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_world import QUIET, World, pod

from schedbench.clock import Clock
from schedbench.controlplane.parameters import NOTHING, Images
from schedbench.node.images import NodeImages, pull_policy
from schedbench.node.registry import Registry, layers_of

MB = 10**6
SERIAL = Images(
    node_bandwidth=10 * MB, unpack_bandwidth=math.inf, manifest=NOTHING, gc_min_age=0
)
PARALLEL = dataclasses.replace(SERIAL, serialize=False)


def test_a_policy_follows_the_tag() -> None:
    """Without a policy, latest or no tag is Always, another tag IfNotPresent."""
    names = ("a", "a:latest", "host:5000/a", "a:1", "a@sha256:0")
    found = [pull_policy(name, None) for name in names]

    assert found == ["Always", "Always", "Always", "IfNotPresent", "IfNotPresent"]


def test_tags_of_a_repository_share_their_layers() -> None:
    """Two tags differ in one layer."""
    first, second = layers_of("team/app:1"), layers_of("team/app:2")

    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]
    assert sum(layer.size for layer in layers_of("team/app:1", 500 * MB)) == 500 * MB


def pulls(
    images: Images, wanted: list[tuple[float, str, int]]
) -> tuple[list[float], int]:
    clock = Clock()
    registry = Registry(clock, images, 1)
    ends = [0.0] * len(wanted)

    def start(index: int, node: str, size: int) -> None:
        registry.pull(node, size, lambda _came: ends.__setitem__(index, clock.now))

    for index, (when, node, size) in enumerate(wanted):
        clock.at(when, start, index, node, size)
    clock.run()
    return ends, clock.events


def test_pulls_of_a_node_share_its_bandwidth() -> None:
    """Two equal pulls take twice as long each; the registry's cap binds all nodes."""
    assert pulls(PARALLEL, [(0, "a", 10 * MB), (0, "a", 10 * MB)])[0] == [2.0, 2.0]
    assert pulls(PARALLEL, [(0, "a", 10 * MB), (0, "b", 10 * MB)])[0] == [1.0, 1.0]
    capped = dataclasses.replace(PARALLEL, registry_bandwidth=10 * MB)
    assert pulls(capped, [(0, "a", 10 * MB), (0, "b", 10 * MB)])[0] == [2.0, 2.0]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.integers(1, 40)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([15 * MB, 60 * MB, math.inf]),
)
def test_shared_pulls_end_when_small_steps_end_them(
    wanted: list[tuple[int, str, int]], cap: float
) -> None:
    """Sharing with events at completions alone gives what small time steps give."""
    given_ = dataclasses.replace(PARALLEL, registry_bandwidth=cap)
    ends, events = pulls(given_, [(t, n, s * MB) for t, n, s in wanted])
    left = [size * MB for _, _, size in wanted]
    naive = [0.0] * len(wanted)
    now = 0.0
    while any(x > 0 for x in left):
        on = [i for i, x in enumerate(left) if x > 1e-3 and wanted[i][0] <= now + 1e-9]
        rates = {
            i: min(
                10 * MB / sum(wanted[j][1] == wanted[i][1] for j in on), cap / len(on)
            )
            for i in on
        }
        coming = [w[0] - now for w in wanted if w[0] > now + 1e-9]
        step = min([left[i] / rates[i] for i in on] + coming, default=0)
        now += step
        for i in on:
            left[i] -= rates[i] * step
            if left[i] <= 1e-3:
                left[i], naive[i] = 0, now

    assert ends == pytest.approx(naive)
    assert events <= 2 * len(wanted)


def node_images(images: Images, disk: int = 10**12) -> tuple[Clock, NodeImages]:
    clock = Clock()
    return clock, NodeImages(clock, Registry(clock, images, 1), "n", disk, lambda: None)


@pytest.mark.parametrize(
    ("images", "order"),
    [(SERIAL, ["big:1", "small:1"]), (PARALLEL, ["small:1", "big:1"])],
)
def test_serial_pulls_wait_for_one_another(images: Images, order: list[str]) -> None:
    """With serializeImagePulls one pull at a time is made on a node."""
    clock, node = node_images(images)
    node.registry.sizes |= {"big:1": 900 * MB, "small:1": 400 * MB}
    ended: list[str] = []
    for name in ("big:1", "small:1"):
        node.ensure(name, "IfNotPresent", lambda _, name=name: ended.append(name))
    clock.run()

    assert ended == order


def test_parallel_pulls_may_be_bounded() -> None:
    """With maxParallelImagePulls no more than so many are pulled at once."""
    clock, node = node_images(dataclasses.replace(PARALLEL, max_parallel=2))
    for index in range(3):
        node.registry.sizes[f"i{index}:1"] = 100 * MB
    ended: list[float] = []
    for index in range(3):
        node.ensure(f"i{index}:1", "IfNotPresent", lambda _: ended.append(clock.now))
    clock.run()

    assert ended == pytest.approx([20.0, 20.0, 30.0])


def test_layers_that_are_there_are_not_pulled_again() -> None:
    """The second tag of a repository costs its own layer alone."""
    clock, node = node_images(SERIAL)
    node.add("app:1")
    node.ensure("app:2", "IfNotPresent", lambda _: None)
    clock.run()

    assert clock.now == pytest.approx(layers_of("app:2")[-1].size / (10 * MB))


def test_a_registry_outage_backs_off_and_ends() -> None:
    """In an outage pods say ErrImagePull, then ImagePullBackOff, and start after it."""
    world = World()
    world.runtime.registry.fail(25.0)
    world.add(pod(image="new:1"))
    reason = world.status().container_statuses[0].state.waiting.reason
    world.run(15)
    later = world.status().container_statuses[0].state.waiting.reason
    world.run(30)

    assert (reason, later) == ("ErrImagePull", "ImagePullBackOff")
    assert world.status().phase == "Running"


def test_an_image_that_may_not_be_pulled() -> None:
    """With Never an image that is not there is an ErrImageNeverPull."""
    world = World()
    world.add(pod(image="new:1", container={"image_pull_policy": "Never"}))

    reason = world.status().container_statuses[0].state.waiting.reason
    assert reason == "ErrImageNeverPull"


def test_the_node_reports_its_images() -> None:
    """A pulled image is in node.status.images at the next report of the node."""
    world = World()
    world.add(pod(image="new:1"))
    world.run(11)

    assert world.node.status.images[0].names == ["new:1"]


def test_unused_images_go_when_the_disk_is_85_percent_full() -> None:
    """The longest unused go first, until 80 % is reached; used ones stay."""
    clock, node = node_images(SERIAL, disk=1000 * MB)
    for index, name in enumerate(("a:1", "b:1", "c:1")):
        node.registry.sizes[name] = 250 * MB
        clock.at(index, node.add, name)
    clock.run()
    node.use("a:1")
    node.registry.sizes["d:1"] = 250 * MB
    node.ensure("d:1", "IfNotPresent", lambda _: None)
    clock.run()

    assert list(node.present) == ["a:1", "c:1", "d:1"]
    assert node.used_bytes() <= 800 * MB
    assert clock.now == 300.0
    assert QUIET.images.gc_high == 0.85
