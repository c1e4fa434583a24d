"""The exceptions of schedbench, one tree.

SchedbenchError                    everything we raise on purpose
├── InputError                     what the user gave cannot be read (exit code 2)
│   ├── QuantityError              a malformed or overflowing quantity
│   ├── UnknownNameError           no such policy, metric, plugin … (with a suggestion)
│   └── NotModelledError           valid input that needs what schedbench does not model
├── PolicyError                    a policy broke its contract (infeasible node, NaN)
├── InvariantError                 the cluster state contradicts itself: a bug
├── TimeLimitError                 a cell ran longer than `--timeout`
└── MissingExtraError              an optional library is not installed

A pod that fits nowhere is not an error: rejections are data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SchedbenchError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class InputError(SchedbenchError):
    """Input that cannot be used, told so that a person can mend it.

    Parameters
    ----------
    problem
        What is wrong, as a clause ("malformed quantity").
    source
        The file, or `<stdin>`.
    where
        The place in it: an object ("Pod default/web-0"), a field path, or both.
    value
        The offending value, shown as Python would show it.
    fix
        What to do, as a clause.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        source: object = None,
        where: str | None = None,
        value: object = ...,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.source = None if source is None else str(source)
        self.where = where
        self.value = value
        self.fix = fix
        super().__init__(self._text())

    def _text(self) -> str:
        text = ": ".join(
            [part for part in (self.source, self.where) if part] + [self.problem]
        )
        if self.value is not ...:
            shown = repr(self.value)
            text += f": {shown if len(shown) <= 120 else shown[:117] + '...'}"
        if self.fix:
            text += f"; {self.fix}"
        return text

    def at(self, *, source: object = None, where: str | None = None) -> InputError:
        """Return the same error with the file and an outer place filled in.

        Inner code knows the field, outer code the object and the file: each adds
        what it knows. A place that is already known is kept, behind the outer one.
        """
        places = [place for place in (where, self.where) if place]
        error = type(self).__new__(type(self))
        InputError.__init__(
            error,
            self.problem,
            source=self.source or source,
            where=" ".join(places) or None,
            value=self.value,
            fix=self.fix,
        )
        return error


class QuantityError(InputError):
    """A quantity that Kubernetes would not accept, or that overflows int64."""


class UnknownNameError(InputError):
    """A name that is in no registry; suggests the nearest known one."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, source: object = None
    ) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        fix = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
        super().__init__(f"unknown {kind}", source=source, value=name, fix=fix)


class NotModelledError(InputError):
    """Valid input that needs something schedbench does not model yet."""


class PolicyError(SchedbenchError):
    """A policy broke its contract, for example chose an infeasible node."""


class InvariantError(SchedbenchError):
    """The cluster state contradicts itself; this is a bug in schedbench."""


class TimeLimitError(SchedbenchError):
    """A cell ran longer than its time limit."""


class MissingExtraError(SchedbenchError):
    """An optional library is missing; the message says what to install."""

    exit_code = 2
