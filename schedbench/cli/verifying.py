"""What `verify` and `record` share: their options, their cases, the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.counting import Counting
from schedbench.cli.launch import seeds_of
from schedbench.cli.whole import Whole

if TYPE_CHECKING:
    from schedbench.experiment.verify.reference import Answer
    from schedbench.experiment.verify.run import Verification

LONGEST_TIMEOUT = 86_400.0


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Which cases to decide, and with what to compare.

    Attributes
    ----------
    scenarios
        Scenarios whose pods are decided; none = random cases.
    groups
        Groups of random cases; none = all.
    cases
        How many random cases.
    seed
        The first seed, or the scenario's; None = 0, or the scenario's first.
    size
        Size of the scenarios.
    pods
        How many pods of each scenario.
    against
        A kube-scheduler, or a command.
    timeout
        Seconds that an answer may take.
    """

    scenarios: tuple[str, ...]
    groups: tuple[str, ...]
    cases: int
    seed: int | None
    size: str | None
    pods: int
    against: str
    timeout: float


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the fields of `Asked` as options and arguments."""
    for option in reversed(
        (
            click.argument("scenarios", nargs=-1, metavar="[SCENARIO]…"),
            click.option(
                "--against", required=True, metavar="PROGRAM",
                help="kube-scheduler, kube-scheduler@RELEASE, or a command that "
                "answers cases on its standard streams.",
            ),
            click.option(
                "--cases", type=Whole(1), default=160, show_default=True, metavar="N",
                help="How many random cases, the groups in turn.",
            ),
            click.option(
                "--seed", type=Whole(0), metavar="S",
                help="First seed of random cases [default: 0], or the scenario's "
                "[default: its first].",
            ),
            click.option(
                "--group", "groups", multiple=True, metavar="G",
                help="Only random cases of this group; may be repeated.",
            ),
            click.option("--size", metavar="SIZE", help="A size of the scenarios."),
            click.option(
                "--pods", type=Whole(1), default=200, show_default=True, metavar="N",
                help="How many pods of each scenario, in the order of their arrival.",
            ),
            click.option(
                "--timeout", metavar="SECONDS", default=60.0, show_default=True,
                type=click.FloatRange(0, LONGEST_TIMEOUT, min_open=True),
                help="How long an answer may take.",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def verified(
    asked: Asked,
    *,
    engine: str = "scan",
    show: int = 0,
    tell: Callable[[Answer], None] = lambda _: None,
) -> Verification:
    """Decide the cases by both sides and compare, showing how far it is."""
    from schedbench.experiment.verify.programs import find_program
    from schedbench.experiment.verify.run import verify

    _check(asked)
    program = find_program(asked.against)
    things, total = "random cases", asked.cases
    if asked.scenarios:
        things, total = "pods", asked.pods * len(asked.scenarios)
    with Counting(things, total) as counting:

        def done(answer: Answer) -> None:
            counting.add(len(answer.expected) if asked.scenarios else 1)
            tell(answer)

        return verify(
            program,
            _cases(asked),
            engine=engine,
            show=show,
            timeout=asked.timeout,
            tell=done,
        )


def _check(asked: Asked) -> None:
    from schedbench.errors import InputError, UnknownNameError
    from schedbench.experiment.verify.generate import GROUPS

    if asked.scenarios and asked.groups:
        raise InputError(
            "groups are of random cases, and a scenario has none",
            where="--group",
            value=asked.groups[0],
            fix="leave out the scenario or --group",
        )
    for group in asked.groups:
        if group not in GROUPS:
            raise UnknownNameError("group", group, GROUPS)


def _cases(asked: Asked) -> Iterator[dict[str, Any]]:
    from schedbench.experiment.verify.generate import GROUPS, make_cases

    if asked.scenarios:
        return _scenario_cases(asked)
    return make_cases(asked.groups or GROUPS, asked.cases, asked.seed or 0)


def _scenario_cases(asked: Asked) -> Iterator[dict[str, Any]]:
    from schedbench.cli import targets
    from schedbench.experiment.verify.scenarios import scenario_cases

    for ref in targets.scenarios(asked.scenarios, size=asked.size):
        seeds: Sequence[int] = getattr(ref, "seeds", ())
        seed = seeds_of(asked.seed, 1, seeds, quick=False)[0]
        name = f"{ref.name}/{ref.size}-{seed}"
        output.note(f"{name}: the first {asked.pods:,} pods", level=1)
        yield from scenario_cases(ref.build(seed), name, asked.pods)
