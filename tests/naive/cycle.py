"""One scheduling cycle: filter all nodes, score the feasible ones, take the best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from naive import (
    balanced,
    fit,
    gpu,
    gpu_scores,
    image_locality,
    inter_pod_affinity,
    node_affinity,
    node_name,
    node_ports,
    node_unschedulable,
    pod_topology_spread,
    prefilter,
    taint_toleration,
    volumes,
)
from naive.placed import Placed
from naive.priority import priority_of
from naive.profile import DEFAULT, Profile
from naive.verdict import Reasons
from naive.world import World

from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

Policy = Callable[
    [Pod, Sequence[Node], Mapping[str, list[Placed]]],
    tuple[str, tuple[int, ...]] | None,
]


@dataclasses.dataclass
class Decision:
    """What a cycle found; nodes by name.

    Attributes
    ----------
    feasible
        Nodes that passed, in node order.
    infeasible
        Node → (the first plugin that refused it, why).
    scores
        Plugin → node → normalised score × weight; a plugin that skipped is absent.
    total
        Node → sum of its scores; empty with fewer than two feasible nodes.
    best
        The nodes of greatest total, in node order; the only one if there is one.
    devices
        The GPU devices to take on the first of them.
    stopped
        Why PreFilter stopped the pod; empty if it did not.
    shortcut
        Only the nominated node was looked at, and it passed.
    """

    feasible: list[str] = dataclasses.field(default_factory=list)
    infeasible: dict[str, tuple[str, Reasons]] = dataclasses.field(default_factory=dict)
    scores: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    total: dict[str, int] = dataclasses.field(default_factory=dict)
    best: list[str] = dataclasses.field(default_factory=list)
    devices: tuple[int, ...] = ()
    stopped: Reasons = dataclasses.field(default_factory=Reasons)
    shortcut: bool = False


def schedule(
    pod: Pod,
    nodes: Sequence[Node],
    placed: Mapping[str, list[Placed]],
    profile: Profile = DEFAULT,
) -> Decision:
    """Decide where a pod goes; `placed` holds what is on each node, by its name."""
    return attempt(pod, World(nodes, placed), profile)


def attempt(
    pod: Pod,
    world: World,
    profile: Profile = DEFAULT,
    sample: Callable[[list[str]], list[str]] | None = None,
) -> Decision:
    """Decide where a pod goes in a world; a nominated node that passes is taken.

    `sample` returns those of the feasible nodes that are scored.
    """
    decision = Decision()
    answer = prefilter.before(pod, world, profile)
    if isinstance(answer, prefilter.Stopped):
        decision.stopped = answer.reasons
        for node in world.nodes:
            decision.infeasible[node.metadata.name] = answer
        return decision
    nominated = pod.status.nominated_node_name
    feasible = []
    for node in world.nodes:
        if node.metadata.name == nominated and not (
            verdict := refused(pod, node, world, profile)
        ):
            decision.shortcut = True
            feasible = [node]
    for node in world.nodes if not decision.shortcut else ():
        name = node.metadata.name
        cut = answer is not None and name not in answer and name != nominated
        if cut:
            decision.infeasible[name] = ("", prefilter.NARROWED)
        elif verdict := refused(pod, node, world, profile):
            decision.infeasible[name] = verdict
        else:
            feasible.append(node)
    decision.feasible = [node.metadata.name for node in feasible]
    if sample is not None:
        decision.feasible = sample(decision.feasible)
        feasible = [n for n in feasible if n.metadata.name in decision.feasible]
    decision.best = decision.feasible
    if len(feasible) > 1:
        _score(decision, pod, feasible, world, profile)
    if feasible:
        best = next(one for one in feasible if one.metadata.name == decision.best[0])
        on_best = list(world.placed.get(decision.best[0], ()))
        decision.devices = gpu_scores.devices(pod, best, on_best, profile)
    return decision


def policy_of(profile: Profile = DEFAULT, objects: Sequence[ApiObject] = ()) -> Policy:
    """Return the profile as a policy that takes the first of the best nodes."""

    def policy(
        pod: Pod, nodes: Sequence[Node], placed: Mapping[str, list[Placed]]
    ) -> tuple[str, tuple[int, ...]] | None:
        decision = attempt(pod, World(nodes, placed, objects), profile)
        return (decision.best[0], decision.devices) if decision.best else None

    return policy


def refusal(
    pod: Pod, node: Node, placed: list[Placed], profile: Profile = DEFAULT
) -> tuple[str, Reasons] | None:
    """Return the first plugin that refuses a node without others, and why."""
    return refused(pod, node, World([node], {node.metadata.name: placed}), profile)


def refused(
    pod: Pod, node: Node, world: World, profile: Profile = DEFAULT
) -> tuple[str, Reasons] | None:
    """Return the first plugin that refuses the node, and why.

    Beside nominated pods of no lower priority a node must pass both with and without
    them.
    """
    guests = [
        other
        for other in world.nominated.get(node.metadata.name, ())
        if other is not pod and priority_of(other, world) >= priority_of(pod, world)
    ]
    if guests:
        crowded = world.changed(node.metadata.name, added=map(Placed, guests))
        if verdict := _refused(pod, node, crowded, profile):
            return verdict
    return _refused(pod, node, world, profile)


def _refused(
    pod: Pod, node: Node, world: World, profile: Profile
) -> tuple[str, Reasons] | None:
    others = world.on(node)
    checks: dict[str, Callable[[], Reasons]] = {
        "NodeUnschedulable": lambda: node_unschedulable.check(pod, node, others),
        "NodeName": lambda: node_name.check(pod, node, others),
        "TaintToleration": lambda: taint_toleration.check(pod, node, others),
        "NodeAffinity": lambda: node_affinity.check(pod, node, others, profile.added),
        "NodePorts": lambda: node_ports.check(
            pod, node, others, world.taken_ports(node.metadata.name)
        ),
        "NodeResourcesFit": lambda: fit.check(
            pod, node, others, profile.ignored, profile.ignored_groups
        ),
        "PodTopologySpread": lambda: pod_topology_spread.check(
            pod, node, world, profile.spread
        ),
        "InterPodAffinity": lambda: inter_pod_affinity.check(pod, node, world),
        "GpuShare": lambda: gpu.check(
            pod, node, list(world.placed.get(node.metadata.name, ()))
        ),
    }
    for plugin in profile.filters:
        if plugin == "VolumeRestrictions" and world.storage and pod.spec.volumes:
            verdict = volumes.refusal(
                pod, node, world.storage, others, in_use(world), world.changes(node)
            )
            if verdict is not None:
                return verdict
        if plugin in checks and (reasons := checks[plugin]()):
            return plugin, reasons
    return None


def in_use(world: World) -> list[Pod]:
    """Return the pods on all nodes, as PreFilter saw them."""
    seen = world.before or world
    return [pod for node in seen.nodes for pod in seen.on(node)]


def _score(
    decision: Decision,
    pod: Pod,
    feasible: list[Node],
    world: World,
    profile: Profile,
) -> None:
    for plugin, weight in profile.weights.items():
        scores = in_world(plugin, pod, feasible, world, profile)
        if scores is not None:
            decision.scores[plugin] = {
                node.metadata.name: weight * score
                for node, score in zip(feasible, scores, strict=True)
            }
    decision.total = {
        name: sum(scores[name] for scores in decision.scores.values())
        for name in decision.feasible
    }
    top = max(decision.total.values())
    decision.best = [name for name in decision.feasible if decision.total[name] == top]


def normalized(
    plugin: str,
    pod: Pod,
    nodes: list[Node],
    placed: Mapping[str, list[Placed]],
    profile: Profile = DEFAULT,
) -> list[int] | None:
    """Return a plugin's normalised scores of the feasible nodes; None = it skips."""
    return in_world(plugin, pod, nodes, World(nodes, placed), profile)


def in_world(
    plugin: str,
    pod: Pod,
    nodes: list[Node],
    world: World,
    profile: Profile = DEFAULT,
) -> list[int] | None:
    """Return a plugin's normalised scores of the feasible nodes; None = it skips."""
    pods_on = [world.on(node) for node in nodes]
    match plugin:
        case "TaintToleration":
            return taint_toleration.normalize(taint_toleration.raw(pod, nodes))
        case "NodeAffinity":
            wishes = node_affinity.raw(pod, nodes, profile.added)
            return None if wishes is None else node_affinity.normalize(wishes)
        case "PodTopologySpread":
            counts = pod_topology_spread.raw(pod, nodes, world, profile.spread)
            return None if counts is None else pod_topology_spread.normalize(counts)
        case "InterPodAffinity":
            points = inter_pod_affinity.raw(
                pod,
                nodes,
                world,
                profile.hard_weight,
                ignore_preferred=profile.ignore_preferred,
            )
            return None if points is None else inter_pod_affinity.normalize(points)
        case "NodeResourcesFit":
            return fit.raw(pod, nodes, pods_on, profile.fit)
        case "NodeResourcesBalancedAllocation":
            return balanced.raw(pod, nodes, pods_on, profile.balanced)
        case "ImageLocality":
            return image_locality.raw(pod, nodes, world)
    return gpu_scores.scores(plugin, pod, nodes, world, profile)
