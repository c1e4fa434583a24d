"""Cases answered by a program, line by line, several of them in flight.

The program reads `{"case": …}` and writes `{"id": …, "expected": […]}`, with `order`
for a sampled case, or `{"id": …, "error": …}`; the answers come in order.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from schedbench.errors import PolicyError
from schedbench.experiment.conformance.cases import Decision
from schedbench.experiment.verify.groups import Document
from schedbench.experiment.verify.programs import Program
from schedbench.policies.external.child import Child
from schedbench.policies.external.protocol import quoted

IN_FLIGHT = 4
"""Cases that are asked at once: the program need not wait for what we do."""
MOST_FAILURES = 3
"""Failures one after another that end a run."""


class _Line(msgspec.Struct):
    """An answer as the program writes it."""

    id: str
    expected: list[Decision] | None = None
    order: list[int] | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What became of a case.

    Attributes
    ----------
    case
        The case.
    expected
        The decisions, one a pending pod; empty if there is a problem.
    order
        The list of nodes of a sampled case.
    problem
        Why there are no decisions, in a sentence.
    """

    case: Document
    expected: Sequence[Decision] = ()
    order: Sequence[int] | None = None
    problem: str | None = None


def answers(
    program: Program, cases: Iterable[Document], timeout: float
) -> Iterator[Answer]:
    """Yield what a program decides, in the order of the cases.

    A program that ends, hangs or writes garbage is started again behind the case that
    it was asked.

    Parameters
    ----------
    timeout
        Seconds of wall time that an answer may take.

    Raises
    ------
    PolicyError
        If the program cannot be started, or fails several times in succession.
    """
    source = iter(cases)
    waiting: collections.deque[Document] = collections.deque()
    failures = 0
    with _Connection(program, timeout) as connection:
        while True:
            waiting += itertools.islice(source, IN_FLIGHT - len(waiting))
            if not waiting:
                return
            try:
                answer = connection.ask(waiting)
                failures = 0
            except PolicyError as error:
                failures += 1
                connection.end()
                if failures == MOST_FAILURES:
                    raise PolicyError(
                        f"{error}; it failed {failures} times in succession"
                    ) from error
                answer = Answer(waiting[0], problem=str(error))
            waiting.popleft()
            yield answer


class _Connection(contextlib.AbstractContextManager["_Connection"]):
    """A child, started when it is needed, and what it has been asked so far."""

    def __init__(self, program: Program, timeout: float) -> None:
        self._program = program
        self._timeout = timeout
        self._child: Child | None = None
        self._asked: set[str] = set()

    def ask(self, waiting: Sequence[Document]) -> Answer:
        """Return the answer to the first of the waiting cases; send those not sent."""
        if self._child is None:
            program = self._program
            self._child = Child(program.name, program.words, self._timeout)
        fresh = [case for case in waiting if case["id"] not in self._asked]
        self._asked.update(case["id"] for case in fresh)
        text = b"".join(msgspec.json.encode({"case": case}) + b"\n" for case in fresh)
        first = waiting[0]
        line = self._child.ask(text, f"case {first['id']}")
        self._asked.discard(first["id"])
        return self._read(line, first)

    def end(self) -> None:
        """Kill the child; the next case starts another."""
        if self._child is not None:
            self._child.kill()
        self._child = None
        self._asked.clear()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._child is not None and kind is None:
            self._child.close(farewell=b"")
        self.end()

    def _read(self, line: bytes, case: Document) -> Answer:
        assert self._child is not None
        try:
            found = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            shown = quoted(line.decode("utf-8", errors="replace"))
            raise self._child.failure(
                f"answered case {case['id']} with what is no answer ({error}): {shown}"
            ) from None
        if found.id != case["id"]:
            raise self._child.failure(
                f"answered case {quoted(found.id)} when asked for case {case['id']}"
            )
        if found.error is not None:
            return Answer(case, problem=f"{self._program.name}: {found.error}")
        wanted = [_name(pod) for pod in case["pending"]]
        expected = found.expected or []
        if [each.get("pod") for each in expected] != wanted:
            raise self._child.failure(
                f"answered case {case['id']} with decisions on "
                f"{len(expected)} pods that are not its {len(wanted)} in order"
            )
        return Answer(case, expected, found.order)


def _name(pod: Document) -> str:
    metadata = pod["metadata"]
    return f"{metadata.get('namespace') or 'default'}/{metadata['name']}"
