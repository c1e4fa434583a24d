"""One attempt to place a pod: everything between taking it from the queue and binding.

PreFilter stops the pod or narrows the nodes down; nodes that are full beside their
nominated pods, and those that volumes rule out, are closed; an engine decides among
the rest; Reserve takes the volumes. Where no node is left, PostFilter makes room.

Source: kubernetes v1.34 pkg/scheduler/schedule_one.go (schedulingCycle, schedulePod,
findNodesThatFitPod, evaluateNominatedNode).
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.scheduler.diagnose import Rejections
from schedbench.scheduler.engines import (
    NO_NODE,
    NOWHERE,
    Engine,
    Turn,
    Verdict,
    explained,
)
from schedbench.scheduler.explain import Explanation, Rejected, explain, explain_filters
from schedbench.scheduler.narrowing import Narrowing, only, pre_filter, unsampled
from schedbench.scheduler.preemption import Search, fit_error
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.room import (
    PostFilter,
    concluded,
    crowded,
    dry_run,
    post_filter,
    remembered,
)
from schedbench.scheduler.sampling import ALL_NODES, advance, advance_in_vain
from schedbench.scheduler.storage import (
    VolumesBeside,
    volume_stop,
)
from schedbench.scheduler.world import World

NO_NODES = "no nodes available to schedule pods"


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt.

    Attributes
    ----------
    chosen
        The node's slot, or −1.
    verdict
        What the engine found; None if it was not asked.
    rejected
        Node slot → who rejected it and why; empty unless the attempt failed or was
        to be explained.
    scores
        Plugin → normalized score × weight on the feasible nodes, if explained.
    shortcut
        Whether only the nominated node was looked at, and taken.
    stopped
        Who stopped the pod before the filters.
    rejectors
        The plugins whose rejection a change may mend.
    error
        Why the attempt came to no verdict on the pod, if so.
    text
        The event's text without what PostFilter says.
    after
        What PostFilter came to.
    """

    chosen: int = NO_NODE
    verdict: Verdict | None = None
    rejected: Mapping[int, Rejected] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, NDArray[np.int64]] = dataclasses.field(default_factory=dict)
    shortcut: bool = False
    stopped: Rejected | None = None
    rejectors: frozenset[str] = frozenset()
    error: str = ""
    text: str = ""
    after: PostFilter = dataclasses.field(default_factory=PostFilter)

    def reasons(self) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → how many nodes it rejects."""
        if isinstance(self.rejected, Rejections):
            return self.rejected.reasons()
        return collections.Counter(
            (one.plugin, reason)
            for one in self.rejected.values()
            for reason in one.status.reasons
        )

    @property
    def message(self) -> str:
        """The text of the event of a failed attempt."""
        return f"{self.text} {self.after.message}".rstrip()


class Attempt:
    """An attempt at a pod in a world, by an engine.

    Parameters
    ----------
    world
        The cluster; only Reserve changes it.
    pod, pod_class
        The pod and its class.
    engine
        How to decide.
    turn
        Number of the draws, and the node after the one chosen last.
    search
        How preemption looks for candidates; None = nobody makes room.
    tell
        Whether to explain it also if it succeeds.
    """

    def __init__(
        self,
        world: World,
        pod: Pod,
        pod_class: int,
        engine: Engine,
        turn: Turn,
        search: Search | None,
        *,
        tell: bool = False,
    ) -> None:
        settings = world.profile(pod)
        assert settings is not None
        self.world = world
        self.settings: Settings = settings
        self.session = world.session(pod)
        self.pod = pod
        self.pod_class = pod_class
        self.engine = engine
        self.turn = turn
        self.search = search
        self.tell = tell

    def run(self) -> Outcome:
        """Try the pod."""
        if self.search is not None and self.engine is not explained:
            known = self._known(self.search)
            if known is not None:
                return known
        if not self.session.state.alive.any():
            return Outcome(error=NO_NODES)
        narrowed = pre_filter(self.world, self.settings, self.pod)
        if narrowed.stopped is not None:
            return self._stopped(narrowed.stopped)
        outcome = self._filtered(narrowed)
        if not outcome.shortcut:
            advance(self.session.compiled.sampling)
        return outcome

    def _known(self, search: Search) -> Outcome | None:
        """Return what comes of a pod for whose like room was sought before, if known.

        It stays on the node to which it is nominated, or fits nowhere.
        """
        world, pod, pod_class = self.world, self.pod, self.pod_class
        if not world.evictions.knows(self.session, pod, pod_class):
            return None
        with_volumes = bool(pod.spec.volumes) and uses_volumes(pod)
        if pod.key in world.nominated:
            slot = world.nominated_slot(pod)
            if slot is None or self.tell or with_volumes:
                return None
            if not world.evictions.keeps(self.session, pod, pod_class, slot):
                return None
            taken = Verdict(np.array([slot]), np.zeros(1, dtype=np.int64), slot)
            return Outcome(chosen=slot, verdict=taken, shortcut=True)
        if not self.settings.runs("DefaultPreemption", "postFilter"):
            return None
        if with_volumes and volume_stop(world.volumes, self.settings, pod):
            return None
        refused = remembered(world, self.settings, pod, pod_class, search)
        if refused is None:
            return None
        advance_in_vain(self.session.compiled.sampling, pod_class)
        return Outcome(
            verdict=NOWHERE,
            rejected=refused.rejections,
            rejectors=refused.rejectors,
            text=refused.text,
            after=concluded(self.settings, refused.preemption),
        )

    def _filtered(self, narrowed: Narrowing) -> Outcome:
        """Return what comes of filters and scores; the start of sampling stays."""
        rejected: dict[int, Rejected] = {}
        nominated = self.world.nominated_slot(self.pod)
        if nominated is not None and self._has_room(nominated):
            with only(self.session, {nominated}):
                verdict, told = self._decide()
            outcome = self._outcome(verdict, {}, told)
            return dataclasses.replace(outcome, shortcut=True)
        closed = self._crowded(passing_only=not self.tell)
        if narrowed.allowed is None and not closed and nominated is None:
            verdict, told = self._decide()
            rejected |= told.rejected if told else {}
            if verdict.chosen < 0:
                rejected |= self._crowded()
            return self._outcome(verdict, rejected, told)
        alive = self.world.alive().tolist()
        seen = frozenset(alive)
        if narrowed.allowed is not None:
            seen &= {*narrowed.allowed, nominated}
        open_to = seen - closed.keys()
        with only(self.session, open_to):
            verdict, told = self._decide()
        if told is not None:
            closed = closed if self.tell else self._crowded()
            beside = {slot: one for slot, one in closed.items() if slot in seen}
            cut = {slot: narrowed.cut for slot in alive if slot not in seen}
            rejected = {**told.rejected, **beside, **cut}
        return self._outcome(verdict, rejected, told, narrowed.by)

    def _crowded(
        self, *, passing_only: bool = False, slot: int | None = None
    ) -> Mapping[int, Rejected]:
        return crowded(
            self.world,
            self.settings,
            self.pod,
            self.pod_class,
            passing_only=passing_only,
            slot=slot,
        )

    def _has_room(self, slot: int) -> bool:
        """Return whether the pod passes on a node, and beside those nominated to it."""
        if self._crowded(passing_only=True, slot=slot):
            return False
        run = dry_run(self.world, self.settings, self.pod, self.pod_class)
        return run.refusal(slot) is None

    def _decide(self) -> tuple[Verdict, Explanation | None]:
        """Decide among the nodes that are open; explained if that is needed."""
        if uses_volumes(self.pod):
            return self._decide_with_volumes()
        verdict = self._ask()
        if verdict.chosen >= 0 and not self.tell:
            return verdict, None
        return verdict, verdict.told or self._explain()

    def _decide_with_volumes(self) -> tuple[Verdict, Explanation | None]:
        """Decide; again over the rest if volume plugins reject nodes.

        Whom they reject is no part of a sample, so that is drawn afterwards.
        """
        beside = VolumesBeside(self.world.volumes, self.settings, self.pod)
        sampled = self.session.compiled.sampling.percentage < ALL_NODES
        with unsampled(self.session):
            verdict = self._ask()
            told = verdict.told
            open_to = told.feasible if told is not None else verdict.feasible
            refused = beside.rejections(open_to.tolist(), {})
            needed = self.tell or verdict.chosen < 0 or bool(refused)
            if told is None and needed:
                told = self._why()
        if told is None:
            return self._ask() if sampled else verdict, None
        refused |= beside.rejections([], told.rejected)
        if not refused and not sampled:
            return verdict, told
        with only(self.session, frozenset(told.feasible.tolist()) - refused.keys()):
            verdict = self._ask()
            if verdict.chosen >= 0 and not self.tell:
                return verdict, None
            rest = verdict.told or self._why()
        rejected = {**told.rejected, **refused}
        return verdict, dataclasses.replace(rest, rejected=rejected)

    def _ask(self) -> Verdict:
        return self.engine(self.session, self.pod_class, self.turn)

    def _why(self) -> Explanation:
        """Return what the filters say; with scores, if all is to be told."""
        if self.tell:
            return self._explain()
        return explain_filters(self.session, self.pod_class)

    def _explain(self) -> Explanation:
        return explain(self.session, self.pod_class, *self.turn)

    def _outcome(
        self,
        verdict: Verdict,
        rejected: Mapping[int, Rejected],
        told: Explanation | None,
        narrowed_by: tuple[str, ...] = (),
    ) -> Outcome:
        if verdict.chosen < 0:
            by = {one.plugin for one in rejected.values()} - {""}
            return Outcome(
                verdict=verdict,
                rejected=rejected,
                rejectors=frozenset({*by, *narrowed_by}),
                text=fit_error(_reasons(rejected), len(rejected)),
                after=self._post_filter(rejected),
            )
        return Outcome(
            chosen=verdict.chosen,
            verdict=verdict,
            rejected=rejected,
            scores={} if told is None else told.scores,
            error=self._reserve(verdict.chosen) or "",
        )

    def _stopped(self, stopped: Rejected) -> Outcome:
        rejected = dict.fromkeys(self.world.alive().tolist(), stopped)
        text = stopped.status.reasons[0]
        return Outcome(
            rejected=rejected,
            stopped=stopped,
            rejectors=frozenset({stopped.plugin}),
            text=f"0/{len(rejected)} nodes are available: {text}.",
            after=self._post_filter(rejected, stopped=True),
        )

    def _post_filter(
        self, rejected: Mapping[int, Rejected], *, stopped: bool = False
    ) -> PostFilter:
        if self.search is None:
            return PostFilter()
        return post_filter(
            self.world,
            self.settings,
            self.pod,
            self.pod_class,
            rejected,
            self.search,
            stopped=stopped,
            readable=self.engine is explained,
        )

    def _reserve(self, slot: int) -> str | None:
        """Let Reserve take the pod's volumes; return why it fails, or None."""
        if not uses_volumes(self.pod):
            return None
        if not self.settings.runs("VolumeBinding", "reserve"):
            return None
        return self.world.volumes.reserve(self.pod, slot)


def _reasons(rejected: Mapping[int, Rejected]) -> Mapping[str, int]:
    return collections.Counter(
        reason for one in rejected.values() for reason in one.status.reasons
    )
