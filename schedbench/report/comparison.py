"""Means and paired differences of a run, each computed once for tables and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from schedbench.report import views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results


class Comparison:
    """The statistics of one run's finished cells.

    Attributes
    ----------
    policies
        The policies, the baseline first.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self.policies = views.policies(results)
        self.baseline = self.policies[0]
        cells = views.done(results)
        self._cells = {group: views.of(cells, group) for group in views.groups(results)}
        self._means: dict[tuple[str, views.Group], pd.DataFrame] = {}
        self._differences: dict[tuple[str, views.Group], pd.DataFrame] = {}

    def cells(self, group: views.Group) -> pd.DataFrame:
        """Return the finished cells of one scenario and size."""
        return self._cells[group]

    def means(self, metric: str, group: views.Group) -> pd.DataFrame:
        """Return scenario, size, policy, mean, low, high, n, method of one group."""
        from schedbench.experiment.statistics import summarize

        key = metric, group
        if key not in self._means:
            keys = ["scenario", "size", "policy", "seed", "status", metric]
            self._means[key] = summarize(self._cells[group][keys], metric)
        return self._means[key]

    def differences(self, metric: str, group: views.Group) -> pd.DataFrame:
        """Return each other policy minus the baseline, with interval and verdict."""
        from schedbench.experiment.statistics import paired_differences

        key = metric, group
        if key not in self._differences:
            keys = ["scenario", "size", "policy", "seed", "status", metric]
            cells = self._cells[group][keys]
            found = paired_differences(cells, metric, self.baseline)
            self._differences[key] = found[found["policy"] != self.baseline]
        return self._differences[key]

    def words(self, metric: str, group: views.Group) -> dict[str, str]:
        """Return policy → its difference from the baseline as a sentence."""
        from schedbench.experiment.sentences import verdicts

        keys = ["scenario", "size", "policy", "seed", "status", metric]
        found = verdicts(self._cells[group][keys], [metric], self.baseline)
        return {
            one.policy: f"On {group.label}, "
            + one.text.removeprefix(f"On {group.scenario}, ")
            for one in found
        }


_last: list[Comparison] = []


def of(results: Results) -> Comparison:
    """Return the run's statistics; those of the run asked for last are kept."""
    if not _last or _last[0].results is not results:
        _last[:] = [Comparison(results)]
    return _last[0]
