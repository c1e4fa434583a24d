"""A cell: one scenario at one size, under one policy, from one seed."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from schedbench.experiment.fingerprint import code_digest
from schedbench.objects.workload import Workload

if TYPE_CHECKING:
    from schedbench.simulation.plan import EndToEnd

SCHEMA_VERSION = 1

Status = Literal["done", "failed", "timeout", "skipped", "interrupted"]
Number = float | int | None


class ScenarioRef(Protocol):
    """What a grid needs of a scenario at one size; picklable."""

    @property
    def name(self) -> str:
        """The scenario's name."""

    @property
    def size(self) -> str:
        """The name of the size."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Metric → the worst value that still passes."""

    @property
    def end_to_end(self) -> EndToEnd | None:
        """The cluster around the scheduler; None = placement only."""

    def digest(self) -> str:
        """Return the hash of the content, after all settings."""

    def build(self, seed: int) -> Workload:
        """Make the workload of a seed."""


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyRef:
    """A policy by its canonical spec, and the hash of its file if a user's own."""

    spec: str
    source_digest: str | None = None

    @classmethod
    def of(cls, policy: object) -> PolicyRef:
        """Make a reference from a spec, or from anything that offers `.spec`."""
        if isinstance(policy, PolicyRef):
            return policy
        if isinstance(policy, str):
            return cls(policy)
        spec: str = policy.spec  # type: ignore[attr-defined]
        return cls(spec, getattr(policy, "source_digest", None))


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A cell still to be run; `key` names its folder.

    Attributes
    ----------
    timeout
        Seconds of wall time the whole cell may take; None = as long as it needs.
    """

    scenario: ScenarioRef
    policy: PolicyRef
    seed: int
    engine: str
    key: str
    timeout: float | None = None

    @property
    def label(self) -> str:
        """What to call the cell in messages."""
        name = f"{self.scenario.name}/{self.scenario.size}".rstrip("/")
        return f"{name}, {self.policy.spec}, seed {self.seed}"

    def identity(self) -> dict[str, object]:
        """Return what names the cell in the manifest and in the results."""
        return {
            "key": self.key,
            "scenario": self.scenario.name,
            "size": self.scenario.size,
            "policy": self.policy.spec,
            "seed": self.seed,
            "engine": self.engine,
        }


def cell_key(
    scenario_digest: str, policy: PolicyRef, seed: int, engine: str, code: str = ""
) -> str:
    """Hash everything that decides a cell's result; 32 hexadecimal digits.

    `code` defaults to the hash of schedbench's own sources.
    """
    parts = (
        f"schema {SCHEMA_VERSION}",
        scenario_digest,
        policy.spec,
        policy.source_digest or "",
        str(seed),
        engine,
        code or code_digest(),
    )
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


class CellResult(msgspec.Struct):
    """What a cell gave.

    Attributes
    ----------
    nodes, pods
        Nodes that ever exist and pods of the workload; None if it was not built.
    metrics
        Quality, from simulated time.
    wall_clock
        This machine's times.
    stages
        Seconds of wall time in build, encode, replay and evaluate (which validates).
    notes
        What the workload's source repaired, dropped or noticed.
    threshold_failures
        The scenario's thresholds that were missed, one sentence each.
    tables
        placements, samples, node_fill, rejections, and end to end timelines: Arrow
        tables, stored beside the cell.
    """

    key: str
    scenario: str
    size: str
    policy: str
    seed: int
    engine: str
    status: Status
    scenario_digest: str = ""
    nodes: int | None = None
    pods: int | None = None
    error: str | None = None
    placement_digest: str | None = None
    metrics: dict[str, Number] = {}
    wall_clock: dict[str, Number] = {}
    stages: dict[str, float] = {}
    notes: list[str] = []
    threshold_failures: list[str] = []
    tables: dict[str, Any] = {}

    @classmethod
    def of(cls, cell: Cell, status: Status, error: str | None = None) -> CellResult:
        """Make the result of a cell, still without numbers."""
        return cls(
            **cell.identity(),  # type: ignore[arg-type]
            status=status,
            error=error,
            scenario_digest=cell.scenario.digest(),
        )

    def without_tables(self) -> CellResult:
        """Return the result as it travels between processes: numbers only."""
        return msgspec.structs.replace(self, tables={})


def missed_thresholds(
    thresholds: Mapping[str, float],
    values: Mapping[str, Number],
    better: Mapping[str, str],
) -> list[str]:
    """Say which thresholds a cell misses, one sentence each.

    A threshold is the least value of a metric of which more is better, the greatest
    of one of which less is better, and the exact value of any other.
    """
    sentences = []
    for metric, limit in thresholds.items():
        value = values.get(metric)
        if value is None or math.isnan(value):
            sentences.append(f"{metric} has no value, threshold {limit:g}")
            continue
        direction = better.get(metric, "none")
        if direction == "up" and value < limit:
            sentences.append(f"{metric} is {value:g}, below its threshold {limit:g}")
        elif direction == "down" and value > limit:
            sentences.append(f"{metric} is {value:g}, above its threshold {limit:g}")
        elif direction == "none" and value != limit:
            sentences.append(f"{metric} is {value:g}, threshold {limit:g} exactly")
    return sentences
