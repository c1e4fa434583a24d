"""Terms of pods for random cases: selectors, affinities, spreading, tolerations."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.nodes import (
    DISKS,
    EFFECTS,
    GENERATIONS,
    HOSTNAME,
    INSTANCE,
    INSTANCES,
    RACKS,
    REGION,
    TAINT_KEYS,
    TAINT_VALUES,
    UNSCHEDULABLE,
    ZONE,
    ZONES,
    Document,
)
from schedbench.experiment.verify.pods import APPS, NAMESPACES, TIERS, VERSIONS

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
WEIGHTS = (1, 5, 10, 20, 50, 100)

NODE_VALUES = {
    "cpu-gen": GENERATIONS,
    "disktype": DISKS,
    "rack": RACKS,
    INSTANCE: INSTANCES,
    ZONE: ZONES,
    "no-such-label": ("x",),
}
POD_VALUES = {"app": APPS, "tier": TIERS, "version": VERSIONS}
KEYS = (*[HOSTNAME] * 8, *[ZONE] * 9, REGION, "rack", "no-such-key")
"""Topology keys, those that matter most often."""


def node_requirement(draw: Draw) -> Document:
    """Return an expression over the labels of nodes."""
    key = draw.pick([*NODE_VALUES, "cpu-gen"])
    operators = ["In", "In", "NotIn", "Exists", "DoesNotExist"]
    if key == "cpu-gen":
        operators += ["Gt", "Lt", "Gt", "Lt"]
    operator = draw.pick(operators)
    found: Document = {"key": key, "operator": operator}
    if operator in ("Gt", "Lt"):
        found["values"] = [draw.pick(["0", "1", "5", "6", "9", "007"])]
    elif operator in ("In", "NotIn"):
        found["values"] = draw.some(NODE_VALUES[key], 1, 2)
    return found


def node_term(draw: Draw, names: Sequence[str], fields: float = 0.3) -> Document:
    """Return a term over nodes; at times empty, or one that names a node."""
    term: Document = {}
    if draw.chance(0.03):
        return term
    if draw.chance(fields):
        operator = "In" if draw.chance(0.8) else "NotIn"
        name = draw.pick([*names, "gone"])
        term["matchFields"] = [
            {"key": "metadata.name", "operator": operator, "values": [name]}
        ]
    if not term or draw.chance(0.5):
        count = draw.pick([1, 1, 2, 2, 3])
        term["matchExpressions"] = [node_requirement(draw) for _ in range(count)]
    return term


def node_affinity(draw: Draw, names: Sequence[str]) -> Document:
    """Return required and preferred terms over nodes, at least of one kind."""
    found: Document = {}
    if draw.chance(0.65):
        named = draw.pick([0.1, 0.1, 0.1, 1.0])
        terms = [node_term(draw, names, named) for _ in range(draw.whole(1, 3))]
        found[REQUIRED] = {"nodeSelectorTerms": terms}
    if not found or draw.chance(0.6):
        found[PREFERRED] = preferred_nodes(draw, names)
    return found


def preferred_nodes(draw: Draw, names: Sequence[str]) -> list[Document]:
    """Return weighted terms over nodes."""
    return [
        {"weight": draw.pick(WEIGHTS), "preference": node_term(draw, names)}
        for _ in range(draw.whole(1, 4))
    ]


def node_selector(draw: Draw) -> Document:
    """Return labels that a node must have."""
    keys = draw.some([ZONE, "disktype", INSTANCE], 1, 2)
    return {key: draw.pick(NODE_VALUES[key]) for key in keys}


def selector(draw: Draw, empty: float = 0.05) -> Document | None:
    """Return a selector of pods; null selects none, and one with nothing in it all."""
    if draw.chance(empty):
        return draw.pick([None, {}])
    if draw.chance(0.8):
        key = "app" if draw.chance(0.95) else "tier"
        return {"matchLabels": {key: draw.pick(POD_VALUES[key])}}
    key = draw.pick(list(POD_VALUES))
    operator = draw.pick(["In", "In", "NotIn", "Exists", "DoesNotExist"])
    expression: Document = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        expression["values"] = draw.some(POD_VALUES[key], 1, 2)
    return {"matchExpressions": [expression]}


def pod_term(draw: Draw) -> Document:
    """Return a term over pods: key, selector, namespaces, label keys of the pod."""
    term: Document = {"topologyKey": draw.pick(KEYS)}
    found = selector(draw)
    if found is not None:
        term["labelSelector"] = found
    if draw.chance(0.2):
        term["namespaces"] = draw.some(NAMESPACES, 1, 2)
    if draw.chance(0.2):
        term["namespaceSelector"] = namespace_selector(draw)
    if found is not None and "version" not in str(found) and draw.chance(0.12):
        term[draw.pick(["matchLabelKeys", "mismatchLabelKeys"])] = ["version"]
    return term


def namespace_selector(draw: Draw) -> Document:
    """Return a selector of namespaces; the empty one selects all."""
    team = {"key": "team", "operator": "Exists"}
    other = {
        "key": "kubernetes.io/metadata.name",
        "operator": "NotIn",
        "values": ["default"],
    }
    labels = {"team": draw.pick(["red", "green", "blue"])}
    return draw.pick(
        [
            {},
            {"matchLabels": labels},
            {"matchExpressions": [team]},
            {"matchExpressions": [other]},
        ]
    )


def pod_affinity(draw: Draw, share: float = 0.3) -> Document:
    """Return terms over pods, of affinity and of its contrary, of both kinds."""
    found: Document = {}
    for kind in ("podAffinity", "podAntiAffinity"):
        terms: Document = {}
        if draw.chance(share):
            terms[REQUIRED] = [pod_term(draw) for _ in range(draw.pick([1, 1, 1, 2]))]
        if draw.chance(share):
            terms[PREFERRED] = [
                {"weight": draw.pick(WEIGHTS), "podAffinityTerm": pod_term(draw)}
                for _ in range(draw.pick([1, 1, 2, 3]))
            ]
        if terms:
            found[kind] = terms
    return found


def spread(draw: Draw, most: int = 3) -> list[Document]:
    """Return constraints of spreading, each with a pair of key and kind of its own."""
    found: dict[tuple[str, str], Document] = {}
    for _ in range(draw.pick([1, 1, 1, 2, 2, most])):
        constraint = spread_constraint(draw)
        pair = constraint["topologyKey"], constraint["whenUnsatisfiable"]
        found.setdefault(pair, constraint)
    return list(found.values())


def spread_constraint(draw: Draw) -> Document:
    """Return a constraint of spreading, with policies and the fewest domains."""
    found: Document = {
        "maxSkew": draw.pick([1, 1, 1, 2, 3]),
        "topologyKey": draw.pick([*KEYS, "rack", "rack", "rack"]),
        "whenUnsatisfiable": draw.pick(["DoNotSchedule", "ScheduleAnyway"]),
    }
    chosen = selector(draw)
    if chosen is not None:
        found["labelSelector"] = chosen
    if found["whenUnsatisfiable"] == "DoNotSchedule" and draw.chance(0.3):
        found["minDomains"] = draw.whole(1, 5)
    for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if draw.chance(0.25):
            found[policy] = draw.pick(["Honor", "Ignore"])
    if chosen is not None and "version" not in str(chosen) and draw.chance(0.15):
        found["matchLabelKeys"] = ["version"]
    return found


def tolerations(draw: Draw, low: int, high: int) -> list[Document]:
    """Return tolerations; one without a key or an effect tolerates any."""
    return [_toleration(draw) for _ in range(draw.whole(low, high))]


def _toleration(draw: Draw) -> Document:
    if draw.chance(0.05):
        found = {"operator": "Exists"}
    else:
        found = {"key": draw.pick([*TAINT_KEYS, *TAINT_KEYS, UNSCHEDULABLE])}
        if draw.chance(0.45):
            found["operator"] = "Exists"
        else:
            found |= {"operator": "Equal", "value": draw.pick(TAINT_VALUES)}
            if draw.chance(0.3):
                del found["operator"]
    if draw.chance(0.6):
        found["effect"] = draw.pick(EFFECTS)
    if found.get("effect") == "NoExecute" and draw.chance(0.4):
        return found | {"tolerationSeconds": 300}
    return found
