"""Pod groups as their proposals tell it: every try on a copy of the cluster.

A cluster is a list of free room per node. A pod goes to the first node with room for
it. Nothing is ever undone, because nothing is done before it is certain.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Bunch:
    """A group: pods as (name, size), or other groups in `kids` (None for pods)."""

    name: str
    need: int
    pods: list[tuple[str, int]] = field(default_factory=list)
    there: list[int] = field(default_factory=list)
    kids: list[Bunch] | None = None
    label: str | None = None
    wishes: dict[str, int] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of all its pods."""
        below = [name for kid in self.kids or [] for name in kid.names()]
        return [name for name, _ in self.pods] + below

    def homes(self) -> list[int]:
        """Return the nodes of the pods that it has there."""
        return self.there + [node for kid in self.kids or [] for node in kid.homes()]


@dataclass
class Cluster:
    """Free room, total room and labels per node, and the pods that raise errors."""

    free: list[int]
    room: list[int]
    labels: list[dict[str, str]]
    broken: set[str] = field(default_factory=set)

    def but(self, free: list[int]) -> Cluster:
        """Return the cluster with other free room."""
        return Cluster(list(free), self.room, self.labels, self.broken)

    def first_fit(self, size: int, among: list[int]) -> int | None:
        """Return the first node with room."""
        return next((node for node in among if self.free[node] >= size), None)

    def fullness(self, among: list[int]) -> int:
        """Return how full nodes are, in percent."""
        room = sum(self.room[node] for node in among)
        used = room - sum(self.free[node] for node in among)
        return used * 100 // room if room else 0


@dataclass
class Told:
    """What became of a group: why it failed, who is where, who goes back and why.

    `own` is the part of `back` that stays if the group fails for another reason.
    """

    why: str | None
    where: dict[str, int] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    error: bool = False
    own: dict[str, str] = field(default_factory=dict)


def schedule(bunch: Bunch, cluster: Cluster) -> Told:
    """Schedule a group that is in no other."""
    told = anywhere(bunch, cluster, list(range(len(cluster.free))), top=True)
    if told.why is None and not told.where:
        own = told.back if bunch.kids is None else told.own
        told = refuse(bunch, cluster, "no pods were schedulable", own)
    return told


def all_nodes(cluster: Cluster) -> list[int]:
    return list(range(len(cluster.free)))


def refuse(
    bunch: Bunch, cluster: Cluster, why: str, own: dict[str, str], error: bool = False
) -> Told:
    """Tell that a group failed; who has no reason of its own has the group's."""
    back = {name: own.get(name, why) for name in bunch.names()}
    return Told(why, {}, back, list(cluster.free), error, own)


def anywhere(
    bunch: Bunch, cluster: Cluster, among: list[int], *, top: bool = False
) -> Told:
    """Schedule a group on the best set of nodes that it may use."""
    if bunch.label is None:
        return here(bunch, cluster, among)
    places = sets_of_nodes(bunch, cluster, among, bunch.label)
    if isinstance(places, str):
        return refuse(bunch, cluster, places, {}, error=True)
    if top and bunch.kids is None:
        votes = [sum(bunch.wishes[w] in p for w in bunch.wishes) for p in places]
        if any(votes):
            wish = votes.index(max(votes))
            told = here(bunch, cluster, places[wish])
            if told.error or (told.why is None and told.where):
                return told
            places = [places[wish], *places[:wish], *places[wish + 1 :]]
    results = []
    for place in places:
        told = here(bunch, cluster, place)
        if told.error:
            return told
        results.append((told, place))
    good = [(told, place) for told, place in results if told.why is None]
    if not good:
        first = results[0][0] if results else None
        reason = first.why if first else ""
        why = f"0/{len(places)} placements are available, first placement status: "
        why += reason or ""
        return refuse(bunch, cluster, why, first.own if first else {})
    sizes = [len(bunch.homes()) + len(told.where) for told, _ in good]
    marks = [
        cluster.but(told.free).fullness(place) + 100 * size // max(sizes)
        for (told, place), size in zip(good, sizes, strict=True)
    ]
    return good[marks.index(max(marks))][0]


def sets_of_nodes(
    bunch: Bunch, cluster: Cluster, among: list[int], label: str
) -> list[list[int]] | str:
    """Return the nodes that share a value, a list a value, or why there can be none."""
    trouble = "cannot determine domain for already scheduled pods: "
    homes: list[str | None] = []
    for node in bunch.homes():
        value = cluster.labels[node].get(label)
        if value not in homes:
            homes.append(value)
    if None in homes:
        return trouble + "no topology domain found for a scheduled pod"
    if len(homes) > 1:
        text = f"more than 1 domain found for pod group: {homes[0]}, {homes[1]}"
        return trouble + text
    places: list[list[int]] = []
    seen: list[str] = []
    for node in all_nodes(cluster):
        value = cluster.labels[node].get(label)
        if value is None or value in seen or value not in (homes or [value]):
            continue
        seen.append(value)
        places.append([n for n in among if cluster.labels[n].get(label) == value])
    return [place for place in places if place]


def here(bunch: Bunch, cluster: Cluster, among: list[int]) -> Told:
    """Schedule a group on these nodes."""
    if bunch.kids is not None:
        return kids_here(bunch, cluster, among)
    now = cluster.but(cluster.free)
    where: dict[str, int] = {}
    back: dict[str, str] = {}
    have, left = len(bunch.there), len(bunch.pods)
    if have + left < bunch.need:
        return refuse(bunch, cluster, too_few(bunch.need, have, left), {})
    for name, size in bunch.pods:
        left -= 1
        if name in cluster.broken:
            back[name] = "broken"
            why = "failed to schedule other pod from a pod group: broken"
            return refuse(bunch, cluster, why, back, error=True)
        node = now.first_fit(size, among)
        if node is None:
            back[name] = f"no room for {name}"
        else:
            now.free[node] -= size
            where[name] = node
        have = len(bunch.there) + len(where)
        if have + left < bunch.need:
            return refuse(bunch, cluster, too_few(bunch.need, have, left), back)
    return Told(None, where, back, now.free)


def kids_here(bunch: Bunch, cluster: Cluster, among: list[int]) -> Told:
    """Schedule a group of groups on these nodes."""
    assert bunch.kids is not None
    now = cluster.but(cluster.free)
    heard: list[Told] = []
    why = None
    error = False
    if len(bunch.kids) < bunch.need:
        why = too_few(bunch.need, 0, len(bunch.kids))
    for kid in bunch.kids if why is None else []:
        told = anywhere(kid, now, among)
        heard.append(told)
        now = now.but(told.free)
        if told.error:
            text = "composite pod group evaluation failed due to child error"
            why, error = f"{text}: {told.why}", True
            break
        good = sum(one.why is None for one in heard)
        left = len(bunch.kids) - len(heard)
        if good + left < bunch.need:
            why = too_few(bunch.need, good, left)
            break
    back: dict[str, str] = {}
    own: dict[str, str] = {}
    where: dict[str, int] = {}
    for told in heard:
        back.update(told.back)
        own.update(told.own if told.why is None else told.back)
        where.update(told.where)
    if why is not None:
        return refuse(bunch, cluster, why, own, error)
    return Told(None, where, back, now.free, False, own)


def too_few(need: int, have: int, left: int) -> str:
    """Return the message for a minimum out of reach."""
    return f"minCount ({need}) cannot be satisfied: {have} scheduled, {left} remaining"
