"""The scheduling queue as its documentation tells it: one list, searched each time.

Every second is lived through one by one; each pod keeps its own list of what happened
while it was tried; nothing is indexed. What helps a rejected pod is told by a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schedbench.objects.pod import Pod
from schedbench.scheduler.queueing.events import Event

Helps = Callable[[str, Pod, Event], bool]
LOOK, SWEEP, TOO_LONG = 1, 30, 300


@dataclass(eq=False)
class Waiting:
    """One pod and what became of it."""

    pod: Pod
    since: float
    turn: int
    where: str = ""
    attempts: int = 0
    refusals: int = 0
    errors: int = 0
    refused_by: set[str] = field(default_factory=set)
    put_off_by: set[str] = field(default_factory=set)
    gated: bool = False
    meanwhile: list[Any] = field(default_factory=list)

    def rank(self) -> tuple[float, ...]:
        """Return the place in line."""
        return (-(self.pod.spec.priority or 0), self.since, self.turn)


class NaiveQueue:
    """What `SchedulingQueue` is to do."""

    def __init__(self, helps: Helps, first: float, most: float, early: bool) -> None:
        self.helps = helps
        self.first = first
        self.most = most
        self.early = early
        self.line: list[Waiting] = []
        self.flying: list[Waiting] = []
        self.now = 0.0
        self.turns = 0

    def find(self, name: str) -> Waiting | None:
        """Return the pod of that name that is not gone."""
        both = [*self.line, *(one for one in self.flying if one.where == "in flight")]
        return next((one for one in both if one.pod.metadata.name == name), None)

    def at(self, where: str) -> list[Waiting]:
        """Return the pods that wait at a place."""
        return [one for one in self.line if one.where == where]

    def pass_time(self, until: float) -> None:
        """Live through every second."""
        second = math.floor(self.now) + 1
        while second <= until:
            self.now = second
            for one in self.at("backoff"):
                if self.cut(self.end(one)) < self.cut(second):
                    self.enter(one, ask=not self.early)
            if second % SWEEP == 0:
                self.sweep()
            second += LOOK
        self.now = until

    def sweep(self) -> None:
        """Try again what has waited too long."""
        late = [
            one
            for one in self.at("pool")
            if not one.gated and self.now - one.since > TOO_LONG
        ]
        for one in late:
            self.retry(one, "backoff")
        for one in self.flying if late else []:
            one.meanwhile.append("sweep")

    def cut(self, time: float) -> float:
        """Return the second that the time lies in, where seconds count whole."""
        return math.floor(time) if self.early else time

    def end(self, one: Waiting) -> float:
        """Return when the backoff ends."""
        failures = one.errors or one.refusals
        if not failures or not self.most:
            return -1.0
        return one.since + min(self.first * 2 ** (failures - 1), self.most)

    def enter(self, one: Waiting, ask: bool = True) -> None:
        """Let a pod into the active queue if its gates are open."""
        if ask and one.pod.spec.scheduling_gates:
            self.gate(one)
        else:
            one.where, one.gated = "active", False

    def gate(self, one: Waiting) -> None:
        """Hold the pod back."""
        one.where, one.gated = "pool", True
        one.refused_by.add("SchedulingGates")

    def retry(self, one: Waiting, how: str) -> None:
        """Put a refused pod somewhere."""
        if how == "skip":
            one.where = "pool"
        elif how == "backoff" and self.cut(self.end(one)) >= self.cut(self.now):
            if self.early and one.pod.spec.scheduling_gates:
                self.gate(one)
            else:
                one.where, one.gated = "backoff", one.gated and not self.early
        else:
            self.enter(one)

    def judge(self, one: Waiting, happened: list[Any]) -> str:
        """Return what the happenings are worth to a pod."""
        if not one.refused_by | one.put_off_by:
            return "backoff"
        verdict = "skip"
        for what in happened:
            if what == "sweep" or what == ("wanted", one.pod.metadata.name):
                verdict = "backoff"
            elif isinstance(what, Event):
                if any(self.helps(by, one.pod, what) for by in one.put_off_by):
                    return "now"
                if any(self.helps(by, one.pod, what) for by in one.refused_by):
                    verdict = "backoff"
        return verdict

    def add(self, pod: Pod, now: float) -> None:
        """Let a new pod wait."""
        self.pass_time(now)
        one = Waiting(pod, now, self.turn())
        self.line.append(one)
        self.enter(one)

    def turn(self) -> int:
        """Return the next number in line."""
        self.turns += 1
        return self.turns

    def pop(self, now: float) -> Waiting | None:
        """Take the first in line; with nobody there, who backs off least."""
        self.pass_time(now)
        if active := self.at("active"):
            one = min(active, key=Waiting.rank)
        else:
            refused = [
                one for one in self.at("backoff") if one.refused_by | one.put_off_by
            ]
            if not self.early or not refused:
                return None
            one = min(refused, key=lambda one: (self.cut(self.end(one)), one.rank()))
        self.line.remove(one)
        self.flying.append(one)
        one.where = "in flight"
        one.attempts += 1
        one.refused_by, one.put_off_by, one.meanwhile = set(), set(), []
        return one

    def done(self, one: Waiting) -> None:
        """Forget a pod that was placed."""
        self.flying.remove(one)
        one.where = "gone"

    def fail(
        self, one: Waiting, refused_by: set[str], put_off_by: set[str], now: float
    ) -> None:
        """Take back a pod."""
        self.pass_time(now)
        self.flying.remove(one)
        if one.where == "gone":
            return
        one.refused_by, one.put_off_by = set(refused_by), set(put_off_by)
        if refused_by | put_off_by:
            one.refusals, one.errors = one.refusals + 1, 0
        else:
            one.errors += 1
        one.since, one.turn = now, self.turn()
        one.gated = False
        self.line.append(one)
        self.retry(one, self.judge(one, one.meanwhile))

    def happen(self, event: Event, now: float, up_to: float = math.inf) -> None:
        """Tell every pod of an event."""
        self.pass_time(now)
        for one in self.at("pool"):
            barred = one.gated and not self.helps("SchedulingGates", one.pod, event)
            if not barred and (one.pod.spec.priority or 0) <= up_to:
                how = self.judge(one, [event])
                if how != "skip":
                    self.retry(one, how)
        for one in self.flying:
            one.meanwhile.append(event)

    def want(self, name: str, now: float) -> None:
        """Make a pod active."""
        self.pass_time(now)
        one = self.find(name)
        if one is None:
            return
        if one.where == "in flight":
            for flying in self.flying:
                flying.meanwhile.append(("wanted", name))
        elif one.where != "active":
            self.enter(one, ask=not (self.early and one.where == "backoff"))

    def change(self, new: Pod, events: list[Event], now: float) -> None:
        """Replace a pod by its new version."""
        self.pass_time(now)
        one = self.find(new.metadata.name)
        assert one is not None
        one.pod = new
        for event in events:
            if one.where == "in flight":
                for flying in self.flying:
                    flying.meanwhile.append(event)
            elif one.where == "pool":
                how = self.judge(one, [event])
                if how != "skip":
                    self.retry(one, how)

    def delete(self, name: str, now: float) -> None:
        """Forget a pod."""
        self.pass_time(now)
        one = self.find(name)
        if one is not None:
            one.where = "gone"
            self.line = [other for other in self.line if other is not one]
