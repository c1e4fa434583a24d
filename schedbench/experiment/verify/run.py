"""Many cases decided by both sides and compared: counts, differences, failures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.conformance.cases import decode_case
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.conformance.report import (
    Conformance,
    Group,
    PodDifference,
    play_case,
)
from schedbench.experiment.verify.groups import Document
from schedbench.experiment.verify.programs import Program
from schedbench.experiment.verify.reference import Answer, answers


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A case that could not be compared, and why."""

    group: str
    case: str
    problem: str


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """What came of comparing with a program.

    Attributes
    ----------
    against
        The program's name.
    compared
        The counts by group, and the first differences.
    failures
        The cases that one side did not decide.
    """

    against: str
    compared: Conformance
    failures: list[Failure]

    @property
    def passed(self) -> bool:
        """Whether nothing differs and nothing failed."""
        return not self.compared.different and not self.failures

    def document(self) -> dict[str, Any]:
        """Return it as nested dictionaries."""
        return {
            "against": self.against,
            "groups": [group.document() for group in self.compared.groups],
            "differences": [each.document() for each in self.compared.shown],
            "failures": [dataclasses.asdict(each) for each in self.failures],
        }


def verify(
    program: Program,
    cases: Iterable[Document],
    *,
    engine: str = "scan",
    show: int = 10,
    timeout: float = 60.0,
    tell: Callable[[Answer], None] = lambda _: None,
) -> Verification:
    """Decide cases by both sides and compare every decision.

    Parameters
    ----------
    engine
        The engine of our side.
    show
        How many differing pods to keep, the first of each case.
    timeout
        Seconds that the program may take for an answer.
    tell
        Called with each answer of the program, after it has been compared.

    Raises
    ------
    PolicyError
        If the program fails again and again.
    UnknownNameError
        If there is no such engine.
    """
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    groups: dict[str, Group] = {}
    shown: list[PodDifference] = []
    failures: list[Failure] = []
    for answer in answers(program, cases, timeout):
        name, case = answer.case["group"], answer.case["id"]
        group = groups.setdefault(name, Group(name, engine))
        if answer.problem is not None:
            group.cases += 1
            failures.append(Failure(name, case, answer.problem))
            continue
        try:
            difference = _compared(answer, group)
        except InputError as error:
            failures.append(Failure(name, case, f"schedbench: {error}"))
            continue
        if difference is not None and len(shown) < show:
            shown.append(difference)
        tell(answer)
    return Verification(
        program.name, Conformance(list(groups.values()), shown), failures
    )


def _compared(answer: Answer, group: Group) -> PodDifference | None:
    identity = answer.case["id"]
    try:
        case = decode_case(answer.case, answer.expected, answer.order)
        return play_case(case, group)
    except Exception as error:
        error.add_note(f"while deciding case {identity}")
        raise
