"""Many cases played and compared: counts a group, and the first differences."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from schedbench.errors import UnknownNameError
from schedbench.experiment.conformance.cases import Case
from schedbench.experiment.conformance.compare import Difference, differences
from schedbench.experiment.conformance.drive import Compared, attempts
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.conformance.needs import needs
from schedbench.experiment.conformance.telling import told


@dataclasses.dataclass(slots=True)
class Group:
    """The counts of a group in one engine.

    Attributes
    ----------
    cases, pods
        How many were read.
    equal, different, not_modelled
        Pods by outcome.
    verdicts, scores
        How many single results were compared: node × first rejecting plugin, and
        plugin × node × score.
    needs
        What is not modelled → pods that need it.
    """

    name: str
    engine: str
    cases: int = 0
    pods: int = 0
    equal: int = 0
    different: int = 0
    not_modelled: int = 0
    verdicts: int = 0
    scores: int = 0
    needs: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )

    def document(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {**dataclasses.asdict(self), "needs": dict(sorted(self.needs.items()))}


@dataclasses.dataclass(frozen=True, slots=True)
class PodDifference:
    """The first pod of a case whose decision is different.

    Attributes
    ----------
    recorded, ours
        The two decisions, each in a sentence.
    fields
        What is not the same.
    """

    group: str
    engine: str
    case: str
    pod: str
    recorded: str
    ours: str
    fields: list[Difference]

    def document(self) -> dict[str, Any]:
        """Return it as nested dictionaries."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class Conformance:
    """What came of playing cases.

    Attributes
    ----------
    groups
        The counts, by engine and group in the order met.
    shown
        The first differences, one pod a case.
    """

    groups: list[Group]
    shown: list[PodDifference]

    @property
    def different(self) -> int:
        """How many pods are different, over groups and engines."""
        return sum(group.different for group in self.groups)

    @property
    def not_modelled(self) -> int:
        """How many pods are not modelled, over groups and engines."""
        return sum(group.not_modelled for group in self.groups)


def play(cases: Iterable[Case], engines: Sequence[str], show: int = 0) -> Conformance:
    """Play cases in engines and compare every decision.

    Parameters
    ----------
    cases
        What to play.
    engines
        Names of engines.
    show
        How many differing pods to keep, the first of each case and engine.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    """
    for engine in engines:
        if engine not in ENGINES:
            raise UnknownNameError("engine", engine, ENGINES)
    groups: dict[tuple[str, str], Group] = {}
    shown: list[PodDifference] = []
    for case in cases:
        for engine in engines:
            key = (engine, case.group)
            group = groups.setdefault(key, Group(case.group, engine))
            found = play_case(case, group)
            if found is not None and len(shown) < show:
                shown.append(found)
    return Conformance(list(groups.values()), shown)


def play_case(case: Case, group: Group) -> PodDifference | None:
    """Play a case in the group's engine, count, and return its first difference."""
    first: PodDifference | None = None
    group.cases += 1
    group.pods += len(case.pending)
    missing = needs(case)
    if missing:
        group.not_modelled += len(case.pending)
        group.needs.update(dict.fromkeys(missing, len(case.pending)))
        return None
    for attempt in attempts(case, group.engine):
        _count(attempt, group)
        fields = differences(attempt.expected, attempt.decision)
        if not fields:
            group.equal += 1
            continue
        group.different += 1
        if first is None:
            first = PodDifference(
                group.name,
                group.engine,
                case.identity,
                attempt.expected["pod"],
                told(attempt.expected),
                told(attempt.decision),
                fields,
            )
    return first


def _count(attempt: Compared, group: Group) -> None:
    expected = attempt.expected
    for each in (expected, expected.get("retry") or {}):
        group.verdicts += len(each.get("feasible") or ()) + each.get("evaluated", 0)
        group.verdicts += len(each.get("infeasible") or ())
        group.scores += sum(map(len, (each.get("scores") or {}).values()))
