"""Means and paired differences of a run, each computed once for tables and plots."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pandas as pd

from schedbench.metrics.table import METRICS
from schedbench.report import views

if TYPE_CHECKING:
    from schedbench.experiment.statistics import Family
    from schedbench.experiment.store import Results

KEYS = ["scenario", "size", "policy", "seed", "status"]


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

    @functools.cached_property
    def family(self) -> Family:
        """The tests of all simulated metrics, corrected for their number.

        Two families. The headline metrics, of which the report speaks in sentences:
        after Holm, all of these hold at once with 95 % probability. The others, which
        have a sign in a table: after Benjamini and Hochberg, 5 % of the signs are
        expected to be chance.
        """
        first, others = self._families
        return {**first, **others}

    @property
    def claims(self) -> int:
        """How many comparisons of headline metrics the sentences are corrected for."""
        return next((each.family for each in self._families[0].values()), 0)

    @functools.cached_property
    def _families(self) -> tuple[Family, Family]:
        from schedbench.experiment.statistics.frames import changes_of
        from schedbench.experiment.statistics.judgement import weigh

        first: dict[Any, Any] = {}
        others: dict[Any, Any] = {}
        for group, cells in self._cells.items():
            headline = views.headline(self.results, group)
            simulated = [
                name
                for name, metric in METRICS.items()
                if metric.simulated and name in cells
            ]
            for place, change in changes_of(cells, simulated, self.baseline).items():
                (first if place[-1] in headline else others)[place] = change
        return weigh(first), weigh(others, "benjamini-hochberg")

    def cells(self, group: views.Group) -> pd.DataFrame:
        """Return the finished cells of one scenario and size."""
        return self._cells[group]

    def means(self, metric: str, group: views.Group) -> pd.DataFrame:
        """Return scenario, size, policy, mean, low, high, n, method of one group."""
        from schedbench.experiment.statistics import summarize

        key = metric, group
        if key not in self._means:
            cells = self._cells[group][[*KEYS, metric]]
            self._means[key] = summarize(cells, metric)
        return self._means[key]

    def differences(self, metric: str, group: views.Group) -> pd.DataFrame:
        """Return each other policy minus the baseline, with interval and verdict."""
        from schedbench.experiment.statistics import paired_differences

        key = metric, group
        if key not in self._differences:
            cells = self._cells[group][[*KEYS, metric]]
            found = paired_differences(cells, metric, self.baseline, family=self.family)
            self._differences[key] = found[found["policy"] != self.baseline]
        return self._differences[key]

    def words(self, metric: str, group: views.Group) -> dict[str, str]:
        """Return policy → its difference from the baseline as a sentence."""
        from schedbench.experiment.sentences import verdicts

        cells = self._cells[group][[*KEYS, metric]]
        found = verdicts(cells, [metric], self.baseline, self.family)
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
