"""Scenarios: what the YAML files in `workloads/` say.

A scenario is a cluster and the pods that come to it, at one or more sizes, with the
policies to compare on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.files import file_digest, files_below
from schedbench.experiment.scenario_fields import (
    Limits,
    Openb,
    Seeds,
    SyntheticWorkload,
)
from schedbench.experiment.schema import decode
from schedbench.experiment.settings import (
    apply_settings,
    parse_sets,
    spelled_out,
    substitute,
)
from schedbench.objects.workload import QueueKind
from schedbench.simulation.plan import EndToEnd
from schedbench.sources.documents import load_documents
from schedbench.sources.synthetic.cluster import SyntheticCluster
from schedbench.sources.traces.folder import read_about
from schedbench.sources.traces.openb_tables import openb_files
from schedbench.sources.traces.options import Trace
from schedbench.sources.traces.target import NODES, PODS

GENERATOR = 1
"""Raised whenever the same scenario and seed give other pods or nodes."""


class Scenario(Struct, forbid_unknown_fields=True, kw_only=True):
    """A scenario file.

    Attributes
    ----------
    parameters
        Values which `$name` stands for in the file, set by `--set name=value`.
    cluster, workload
        A synthetic cluster and its pods.
    manifests
        A file or folder of Kubernetes objects, instead of or beside `workload`.
    openb
        A trace, instead of the above.
    trace
        An imported trace, instead of `workload` and, unless given, of `cluster`.
    queue
        How pods that found no node wait: see `Workload.queue`.
    end_to_end
        The cluster around the scheduler: with it pods go from `kubectl apply` to ready
        on a virtual clock; without it runs replay the placement only.
    sizes, default_size
        Settings by dotted path for each named size.
    thresholds
        Metric to the worst value that still passes.
    policies, baseline
        Specs of policies; the baseline is the first unless named.
    headline
        Metrics with which a report leads.
    """

    name: str
    description: str = ""
    parameters: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    cluster: SyntheticCluster | None = None
    workload: SyntheticWorkload | None = None
    manifests: str | None = None
    openb: Openb | None = None
    trace: Trace | None = None
    queue: QueueKind = "immediate"
    end_to_end: EndToEnd | None = None
    sizes: dict[str, dict[str, Any]] = field(default_factory=dict)
    default_size: str | None = None
    labels: list[str] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    policies: list[str] = field(default_factory=lambda: ["kube-scheduler"])
    baseline: str | None = None
    seeds: Seeds = field(default_factory=Seeds)
    headline: list[str] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    path: str = ""

    def __post_init__(self) -> None:
        if self.openb is not None:
            for other in ("cluster", "workload", "manifests", "trace"):
                if getattr(self, other) is not None:
                    raise ValueError(f"openb is a whole workload: leave {other} out")
        elif self.trace is not None:
            for other in ("workload", "manifests"):
                if getattr(self, other) is not None:
                    raise ValueError(f"trace has the pods: leave {other} out")
        elif (
            self.manifests is None
            and (self.cluster is None or self.workload is None)
            and None not in self.parameters.values()
        ):
            raise ValueError("needs cluster and workload, manifests, openb, or trace")
        if self.default_size is not None and self.default_size not in self.sizes:
            raise ValueError(f"default_size {self.default_size!r} is not among sizes")
        if not self.policies:
            raise ValueError("policies is empty")
        if self.baseline is not None and self.baseline not in self.policies:
            raise ValueError(f"baseline {self.baseline!r} is not among policies")
        if self.cluster is not None and sum(self.cluster.counts()) > self.limits.nodes:
            raise ValueError(
                f"{sum(self.cluster.counts()):,} nodes exceed the limit of "
                f"{self.limits.nodes:,}: lower them, or raise limits.nodes if meant"
            )

    def size_names(self) -> list[str]:
        """Return the sizes in the order of the file; `default` if it names none."""
        return list(self.sizes) or ["default"]

    def size_or_default(self, size: str | None) -> str:
        """Return a size's name: the one given, else the default.

        Raises
        ------
        UnknownNameError
            If the scenario has no such size.
        """
        names = self.size_names()
        chosen = self.default_size or names[0] if size is None else size
        if chosen not in names:
            raise UnknownNameError("size", chosen, names, source=self.path or self.name)
        return chosen

    def check_given(self) -> None:
        """Check that the parameters name what the scenario reads.

        Raises
        ------
        InputError
            If one is still null.
        """
        for name, value in self.parameters.items():
            if value is None:
                raise InputError(
                    f"the parameter {name!r} is not given",
                    source=self.path or self.name,
                    fix=f"add --set {name}=VALUE",
                )
        if self.openb is not None and self.openb.data is None:
            raise InputError(
                "missing: the folder of the trace",
                source=self.path or self.name,
                where="openb.data",
                fix="give the folder that holds nodes/ and pods/",
            )
        if self.trace is not None and self.trace.file is None:
            raise InputError(
                "missing: the folder of the trace",
                source=self.path or self.name,
                where="trace.file",
                fix="give a folder that schedbench import wrote",
            )

    def located(self, spelled: str) -> Path:
        """Return a path relative to the working directory, else to this file's."""
        path = Path(spelled).expanduser()
        beside = Path(self.path).parent / path
        return beside if not path.exists() and beside.exists() else path

    def sized(self, size: str | None = None) -> Scenario:
        """Return the scenario with a size's settings applied and no sizes left.

        Raises
        ------
        InputError
            If there is no such size or its settings do not fit.
        """
        chosen = self.size_or_default(size)
        settings = self.sizes.get(chosen, {})
        document = msgspec.to_builtins(self)
        document |= {"sizes": {chosen: {}}, "default_size": chosen}
        source = f"{self.path or self.name}: size {chosen}"
        try:
            changed = apply_settings(document, settings)
        except InputError as error:
            raise error.at(source=source) from None
        return decode(changed, Scenario, source)

    def digest(self) -> str:
        """Return the hash of what decides the pods and nodes of every seed.

        Names of policies, labels, thresholds and headline are left out; the files
        that a scenario reads are in, by content.

        Raises
        ------
        InputError
            If a file which the scenario needs is not given or not there.
        """
        self.check_given()
        files: list[Path] = []
        if self.manifests is not None:
            files = files_below(self.located(self.manifests))
        elif self.openb is not None and self.openb.data is not None:
            files = openb_files(self.located(self.openb.data), self.openb.trace)
        elif self.trace is not None and self.trace.file is not None:
            folder = self.located(self.trace.file)
            read_about(folder)
            files = [folder / NODES, folder / PODS]
        parts = {
            "generator": GENERATOR,
            "name": self.name,
            "sizes": self.sizes,
            "default_size": self.default_size,
            "cluster": self.cluster,
            "workload": self.workload,
            "openb": self.openb and msgspec.structs.replace(self.openb, data=None),
            "files": [file_digest(each) for each in files],
        }
        if self.trace is not None:
            parts["trace"] = msgspec.structs.replace(self.trace, file=None)
        if self.end_to_end is not None:
            parts["end_to_end"] = self.end_to_end
        text = msgspec.json.encode(parts, order="deterministic")
        return hashlib.blake2b(text, digest_size=16).hexdigest()


def load_scenario(path: Path | str, sets: Sequence[str] = ()) -> Scenario:
    """Read a scenario file; settings win over the file and over every size.

    Raises
    ------
    InputError
        If the file cannot be read, or says what a scenario cannot say.
    """
    document = read_own(path)
    if "scenarios" in document:
        raise InputError(
            "this is a grid, not a scenario", source=path, fix="use schedbench sweep"
        )
    return scenario_of(document, str(path), parse_sets(sets))


def scenario_of(document: dict[str, Any], path: str, sets: dict[str, Any]) -> Scenario:
    """Make a scenario from a document and settings, as `load_scenario` does."""
    try:
        changed = apply_settings(document, sets)
        sizes = changed.get("sizes")
        if isinstance(sizes, dict):
            for size, settings in sizes.items():
                if isinstance(settings, dict):
                    kept = {k: v for k, v in settings.items() if k not in sets}
                    spelled = spelled_out(kept, changed)
                    sizes[size] = _won_by(spelled, sets, changed)
        changed = substitute(changed)
    except InputError as error:
        raise error.at(source=path) from None
    changed["path"] = path
    scenario = decode(changed, Scenario, path)
    for each in (scenario, *map(scenario.sized, scenario.sizes)):
        if each.end_to_end is not None:
            try:
                each.end_to_end.check()
            except InputError as error:
                raise error.at(source=path) from None
    check_metrics("headline", scenario.headline, path)
    check_metrics("thresholds", scenario.thresholds, path)
    return scenario


def read_own(path: Path | str) -> dict[str, Any]:
    """Read one of our own files: a single document.

    Raises
    ------
    InputError
        If it cannot be read or holds several documents.
    """
    documents = [document for _, document in load_documents(path)]
    if len(documents) != 1:
        raise InputError(
            f"{len(documents)} documents, expected one",
            source=path,
            fix="keep one scenario a file",
        )
    return documents[0]


def check_metrics(where: str, names: Iterable[str], source: object) -> None:
    """Raise UnknownNameError if there is no metric of a name."""
    from schedbench.metrics.table import METRICS

    for name in names:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS).at(
                source=source, where=where
            )


def _won_by(
    size: dict[str, Any], sets: dict[str, Any], document: dict[str, Any]
) -> dict[str, Any]:
    """Return a size's settings followed by those that win over them."""
    parameters = document.get("parameters") or {}
    winning = {
        path: value
        for path, value in sets.items()
        if path not in parameters and path.split(".")[0] not in _APART
    }
    return {
        path: value for path, value in size.items() if path not in winning
    } | winning


_APART = frozenset({"parameters", "sizes", "default_size", "name", "description"})
