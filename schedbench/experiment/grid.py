"""A grid: scenarios × policies × seeds, in the order in which its cells are run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schedbench.errors import InputError
from schedbench.experiment.cell import Cell, PolicyRef, ScenarioRef, cell_key


@dataclasses.dataclass(frozen=True)
class Grid:
    """What to run.

    Seeds are outermost and policies innermost: repeats of one policy lie far apart,
    so that a drift of the machine hits all policies alike, and a run cut short has
    complete pairs.

    Attributes
    ----------
    baseline
        Spec of the policy the others are compared with; "" = the first policy.
    headline
        Names of the metrics to tell first; () = in each scenario its own.
    name
        For the run's folder; "" = the scenario's name, or `grid` of several.
    """

    scenarios: Sequence[ScenarioRef]
    policies: Sequence[PolicyRef]
    seeds: Sequence[int]
    engine: str = "auto"
    baseline: str = ""
    headline: Sequence[str] = ()
    name: str = ""

    @classmethod
    def of(
        cls,
        scenarios: Sequence[ScenarioRef],
        policies: Sequence[object],
        seeds: Sequence[int],
        *,
        engine: str = "auto",
        baseline: str = "",
        headline: Sequence[str] = (),
        name: str = "",
    ) -> Grid:
        """Make a grid; what is named twice is run once.

        `policies` are specs or objects that offer `.spec` and `.source_digest`.

        Raises
        ------
        InputError
            If an axis is empty, the baseline is not among the policies, a seed is
            negative, or two different scenarios share name and size.
        """
        refs = list(dict.fromkeys(PolicyRef.of(policy) for policy in policies))
        unique: dict[tuple[str, str], ScenarioRef] = {}
        for scenario in scenarios:
            known = unique.setdefault((scenario.name, scenario.size), scenario)
            if known.digest() != scenario.digest():
                raise InputError(
                    "two different scenarios share name and size",
                    value=f"{scenario.name}/{scenario.size}",
                    fix="rename one",
                )
        for axis, values in (
            ("scenarios", scenarios),
            ("policies", refs),
            ("seeds", seeds),
        ):
            if not values:
                raise InputError(f"the grid has no {axis}", fix="name at least one")
        if min(seeds) < 0:
            raise InputError("seed is negative", value=min(seeds), fix="use 0 or more")
        specs = [ref.spec for ref in refs]
        if baseline and baseline not in specs:
            raise InputError(
                "the baseline is not among the policies",
                value=baseline,
                fix=f"choose one of {', '.join(specs)}",
            )
        return cls(
            list(unique.values()),
            refs,
            list(dict.fromkeys(seeds)),
            engine,
            baseline or specs[0],
            tuple(headline),
            name or (scenarios[0].name if len(unique) == 1 else "grid"),
        )

    def __len__(self) -> int:
        return len(self.scenarios) * len(self.policies) * len(self.seeds)

    def cells(self, timeout: float | None = None) -> Iterator[Cell]:
        """Yield the cells in the order in which they are run.

        `timeout` limits each cell's wall time, in seconds.
        """
        digests = [scenario.digest() for scenario in self.scenarios]
        for seed in self.seeds:
            for scenario, digest in zip(self.scenarios, digests, strict=True):
                for policy in self.policies:
                    key = cell_key(digest, policy, seed, self.engine)
                    yield Cell(scenario, policy, seed, self.engine, key, timeout)

    def axes(self) -> dict[str, object]:
        """Return the axes as the manifest stores them."""
        return {
            "name": self.name,
            "scenarios": [
                {
                    "name": scenario.name,
                    "size": scenario.size,
                    "digest": scenario.digest(),
                    "labels": list(getattr(scenario, "labels", ())),
                    "description": getattr(scenario, "description", ""),
                    "thresholds": dict(scenario.thresholds),
                }
                for scenario in self.scenarios
            ],
            "policies": [policy.spec for policy in self.policies],
            "policy_sources": {
                policy.spec: policy.source_digest
                for policy in self.policies
                if policy.source_digest is not None
            },
            "seeds": list(self.seeds),
            "engine": self.engine,
            "baseline": self.baseline,
            "headline": {
                scenario.name: list(self.headline or getattr(scenario, "headline", ()))
                for scenario in self.scenarios
            },
        }

    def describe(self, seconds_per_cell: float | None = None, jobs: int = 1) -> str:
        """Say what would be run, for `--dry-run`; with an estimate of the time."""
        scenarios = [_name(scenario) for scenario in self.scenarios]
        policies = [policy.spec for policy in self.policies]
        axes = (
            _count(scenarios, "scenario"),
            _count(policies, "policy", "policies"),
            _count(self.seeds, "seed"),
        )
        lines = [
            f"{len(self)} cells = {' × '.join(axes)}",
            f"scenarios: {', '.join(scenarios)}",
            f"policies:  {', '.join(policies)} (baseline {self.baseline})",
            f"seeds:     {', '.join(map(str, self.seeds))}",
            f"engine:    {self.engine}",
        ]
        if seconds_per_cell is not None:
            seconds = seconds_per_cell * len(self) / jobs
            lines.append(f"estimate:  {seconds:.0f} s with {jobs} job(s)")
        return "\n".join(lines)


def headline_of(manifest: Mapping[str, Any], scenario: str) -> list[str]:
    """Return the metrics that a run's manifest has told first in a scenario."""
    named = manifest.get("headline") or ()
    return list(named.get(scenario, ()) if isinstance(named, dict) else named)


def _name(scenario: ScenarioRef) -> str:
    return f"{scenario.name}/{scenario.size}".rstrip("/")


def _count(values: Sequence[object], one: str, many: str | None = None) -> str:
    return f"{len(values)} {one if len(values) == 1 else many or one + 's'}"
