"""Strings become dense ids once and never reach a kernel."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

Term = TypeVar("Term", bound=Hashable)


class Vocabulary(Generic[Term]):
    """An append-only numbering of terms: the first one gets 0."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        self._ids: dict[Term, int] = {}
        for term in terms:
            self.add(term)

    def add(self, term: Term) -> int:
        """Return the id of a term, giving it the next one if it is new."""
        return self._ids.setdefault(term, len(self._ids))

    def get(self, term: Term, default: int = -1) -> int:
        """Return the id of a term, or the default if it was never added."""
        return self._ids.get(term, default)

    def __getitem__(self, term: Term) -> int:
        return self._ids[term]

    def __contains__(self, term: object) -> bool:
        return term in self._ids

    def __iter__(self) -> Iterator[Term]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
