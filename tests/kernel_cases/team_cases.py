"""Classes that look at changed nodes together, against each by itself."""

from __future__ import annotations

import numpy as np
from naive.resources import allocatable, pod_requests

from kernel_cases.fused_cases import PlainPods, naively_chosen, plain_pods
from kernel_cases.situation import KernelCase
from schedbench.cluster.encode import encode
from schedbench.cluster.state import bind
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.arithmetic import NARROW
from schedbench.policies.registry import make_policy
from schedbench.scheduler.index.decide import note_change
from schedbench.scheduler.index.forming import make_teams, plain_classes
from schedbench.scheduler.index.layout import NO_TEAM
from schedbench.scheduler.index.memory import Memory
from schedbench.scheduler.index.teams import (
    catch_up,
    choose_alike,
    compare,
    compare_items,
    compare_nodes,
    decide_in_team,
    disband,
    rate_node,
    rate_together,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.session import Session

LOST = "disbanded"


def _team_decides(drawn: PlainPods) -> list[int | str]:
    """Return the node of each kind, asked before the pods come and after."""
    stream = PodStream.of(drawn.kinds)
    encoded = encode(Workload("case", drawn.nodes, stream))
    ties = drawn.tie.name.lower()
    profile = make_policy(f"kube-scheduler[ties={ties}]").profile
    session = Session(encoded, profile, drawn.seed)
    compiled, nodes = session.compiled, len(drawn.nodes)
    plain = np.flatnonzero(plain_classes(compiled))
    teams = make_teams([plain] if len(plain) else [], compiled, nodes)
    index = Memory(session, stream, "indexed").index._replace(teams=teams)
    classes = [int(encoded.class_of[kind]) for kind in range(len(drawn.kinds))]

    def told(pod_class: int) -> int | str:
        if teams.place[pod_class, 0] == NO_TEAM:
            return LOST
        node = decide_in_team(session.state, compiled, index, pod_class, drawn.counter)
        return LOST if teams.place[pod_class, 0] == NO_TEAM else int(node)

    found = [told(pod_class) for pod_class in classes]
    for kind, slot in drawn.placed:
        bind(session.state, compiled.classes, classes[kind], slot, 0, 1)
        note_change(index, slot)
    return found + [told(pod_class) for pod_class in classes]


def _each_decides(drawn: PlainPods) -> list[int | str]:
    large = any(
        allocatable(node)["memory"] >= NARROW and not node.spec.taints
        for node in drawn.nodes
    )
    asks = [pod_requests(kind) for kind in drawn.kinds]
    plain = [bool(asked.get("cpu") or asked.get("memory")) for asked in asks]
    found: list[int | str] = []
    for placed in ([], drawn.placed):
        for kind, is_plain in enumerate(plain):
            if large or drawn.tie == Tie.NEXT or not is_plain:
                found.append(LOST)
                continue
            others = [other for other in range(len(plain)) if other != kind]
            order = [kind, *others]
            there = [(order.index(one), slot) for one, slot in placed]
            kinds = [drawn.kinds[one] for one in order]
            found.append(naively_chosen(drawn._replace(kinds=kinds, placed=there)))
    return found


CASES = {
    "teams": KernelCase(
        (
            decide_in_team, catch_up, rate_node, rate_together, compare,
            compare_nodes, compare_items, choose_alike, disband,
        ),
        plain_pods(),
        _team_decides,
        _each_decides,
    ),
}  # fmt: skip
