"""The naive twins on drawn worlds, and what is easy to get wrong, by hand."""

from __future__ import annotations

from typing import Any

import strategies
from hypothesis import given
from hypothesis import strategies as st
from naive import cycle, inter_pod_affinity, pod_topology_spread, preemption
from naive.handmade import asking, make_node, make_pod
from naive.image_locality import ImageCache
from naive.placed import Placed
from naive.priority import priority_of
from naive.profile import WHOLE
from naive.world import World

from schedbench.objects.node import ContainerImage
from schedbench.objects.pod import Pod

ZONE = pod_topology_spread.ZONE


@st.composite
def worlds(draw: st.DrawFn, features: tuple[str, ...]) -> tuple[Pod, World]:
    """Draw a pod and a world of bound and nominated pods."""
    size = {"max_nodes": 5, "max_pods": 12}
    load = draw(
        strategies.workloads(time=False, changes=False, features=features, **size)
    )
    stream = load.pods
    names = [node.metadata.name for node in load.nodes]
    placed: dict[str, list[Placed]] = {}
    nominated: dict[str, list[Pod]] = {}
    for kind, slot in zip(stream.template, stream.node, strict=True):
        pod = stream.templates[kind]
        if slot >= 0:
            placed.setdefault(names[slot], []).append(Placed(pod))
        elif len(nominated) < 2:
            nominated.setdefault(names[0], []).append(pod)
    pod = draw(strategies.pods(names, name="tried", features=features))
    pod.spec.priority = draw(st.sampled_from((200, 200, 0)))
    if draw(st.booleans()):
        for node in load.nodes:
            node.status.allocatable["pods"] = len(placed.get(node.metadata.name, ()))
    return pod, World(load.nodes, placed, load.objects, nominated)


@given(worlds(strategies.FEATURES))
def test_victims_make_room(drawn: tuple[Pod, World]) -> None:
    """Without a candidate's victims the pod fits there, and all of them are lower."""
    pod, world = drawn
    decision = cycle.attempt(pod, world, WHOLE)
    if decision.feasible or decision.stopped:
        return
    outcome = preemption.post_filter(pod, world, decision, WHOLE)
    by_name = {node.metadata.name: node for node in world.nodes}
    for node, victims, _ in outcome.candidates:
        left = world.changed(node, removed=victims)

        assert cycle.refused(pod, by_name[node], left, WHOLE) is None
        assert all(
            priority_of(victim.pod, world) < priority_of(pod, world)
            for victim in victims
        )
    if outcome.candidates:
        turned = preemption.best(outcome.candidates[::-1], world)

        assert turned[::-1] == outcome.tied


@given(worlds(strategies.FEATURES))
def test_scores_are_normalised(drawn: tuple[Pod, World]) -> None:
    """Every plugin's score of a feasible node is 0 to 100 times its weight."""
    pod, world = drawn
    decision = cycle.attempt(pod, world, WHOLE)
    for plugin, scores in decision.scores.items():
        assert list(scores) == decision.feasible
        assert all(0 <= one <= 100 * WHOLE.weights[plugin] for one in scores.values())


def zones(*names: str) -> list[Any]:
    """Make a node of each zone."""
    return [
        make_node(f"n{i}", labels={ZONE: zone}) if zone else make_node(f"n{i}")
        for i, zone in enumerate(names)
    ]


def labelled(name: str, labels: dict[str, str], **spec: Any) -> Pod:
    """Make a pod with labels."""
    pod = make_pod(name, **spec)
    pod.metadata.labels = labels
    return pod


def spreading(selector: Any, **more: Any) -> dict[str, Any]:
    """Make a hard constraint over zones."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector,
        **more,
    }
    return {"topologySpreadConstraints": [constraint]}


WEB = {"matchLabels": {"app": "web"}}


def test_spreading_counts_by_domain() -> None:
    """The fuller zone is skewed, a node without the key is out for good."""
    nodes = zones("a", "b", "")
    world = World(nodes, {"n0": [Placed(labelled("p", {"app": "web"}))]})
    pod = labelled("q", {"app": "web"}, **spreading(WEB))
    verdicts = [pod_topology_spread.check(pod, node, world) for node in nodes]

    assert verdicts == [
        pod_topology_spread.SKEWED,
        [],
        pod_topology_spread.MISSING,
    ]


def test_too_few_domains_make_the_least_count_zero() -> None:
    """With fewer domains than wanted even the emptiest takes only maxSkew pods."""
    nodes = zones("a")
    world = World(nodes, {"n0": [Placed(labelled("p", {"app": "web"}))]})
    pod = labelled("q", {"app": "web"}, **spreading(WEB, minDomains=2))

    assert pod_topology_spread.check(pod, nodes[0], world)


def test_dry_runs_count_what_counting_passes_over() -> None:
    """Evicting a pod lowers the count of an empty selector, which counts none."""
    nodes = zones("a", "b")
    one = Placed(labelled("p", {}))
    world = World(nodes, {"n0": [one]})
    pod = labelled("q", {}, **spreading({}))
    less = world.changed("n0", removed=[one])

    assert not pod_topology_spread.check(pod, nodes[1], world)
    assert pod_topology_spread.check(pod, nodes[1], less)


def term(**more: Any) -> dict[str, Any]:
    """Make a term over zones about pods labelled app=web."""
    return {"topologyKey": ZONE, "labelSelector": WEB, **more}


def near(*terms: dict[str, Any]) -> dict[str, Any]:
    """Make a spec that needs company."""
    required = {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}
    return {"affinity": {"podAffinity": required}}


def away(*terms: dict[str, Any]) -> dict[str, Any]:
    """Make a spec that shuns company."""
    required = {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}
    return {"affinity": {"podAntiAffinity": required}}


def test_first_of_a_series_goes_anywhere() -> None:
    """A pod that wants its own like may be the first; another may not."""
    nodes = zones("a", "")
    world = World(nodes)
    first, other = (labelled("p", {"app": app}, **near(term())) for app in ("web", "x"))

    assert not inter_pod_affinity.check(first, nodes[0], world)
    assert inter_pod_affinity.check(first, nodes[1], world)
    assert inter_pod_affinity.check(other, nodes[0], world)


def test_negative_namespace_selectors_of_incoming_pods_mean_every_namespace() -> None:
    """A selector that selects no labels at all means also namespaces that have some."""
    nodes = zones("a")
    absent = {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}
    there = labelled("p", {"app": "web"})
    pod = labelled("q", {}, **away(term(namespaceSelector=absent)))

    assert inter_pod_affinity.check(
        pod, nodes[0], World(nodes, {"n0": [Placed(there)]})
    )


def test_nominated_pods_that_shun_are_not_seen_by_pods_without_terms() -> None:
    """Nobody on a node shuns the pod at PreFilter: the plugin takes no part at all."""
    nodes = zones("a")
    shunning = labelled("p", {}, **away(term()), priority=5)
    pod = labelled("q", {"app": "web"}, containers=[asking("1")])
    beside = World(nodes, nominated={"n0": [shunning]})
    bound = World(nodes, {"n0": [Placed(shunning)]})

    assert cycle.refused(pod, nodes[0], beside, WHOLE) is None
    assert cycle.refused(pod, nodes[0], bound, WHOLE) is not None


def test_a_port_held_twice_is_free_once_one_holder_goes() -> None:
    """The cache holds a set of ports, so one of two holders takes it along."""
    node = make_node("n")
    ports = [{"containers": [{"ports": [{"containerPort": 1, "hostPort": 80}]}]}] * 3
    first, second, pod = (make_pod(f"p{i}", **spec) for i, spec in enumerate(ports))
    holders = [Placed(first), Placed(second)]
    world = World([node], {"n": holders})

    assert cycle.refused(pod, node, world, WHOLE)
    assert not cycle.refused(pod, node, world.changed("n", removed=holders[:1]), WHOLE)


def test_counts_of_images_go_stale() -> None:
    """A node's entry keeps the count of the day it was refreshed."""
    cache = ImageCache()
    first, second = make_node("a"), make_node("b")
    for node, size in ((first, 10), (second, 20)):
        node.status.images = [ContainerImage(names=["app:1"], size_bytes=size)]
        cache.put(node)
        seen = cache.look()

    assert seen == {"a": {"app:1": (10, 1)}, "b": {"app:1": (10, 2)}}
    cache.touch("a")
    assert cache.look()["a"] == {"app:1": (10, 2)}
