"""From scenario files to workloads: what a cell of a grid builds.

`expand_target` turns what a user names into references, one for each scenario and
size. A reference is small, picklable and has a digest; it builds its workload where it
is needed, in a worker process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from schedbench.errors import InputError
from schedbench.experiment.cell import ScenarioRef
from schedbench.experiment.grid_file import GridEntry, GridFile
from schedbench.experiment.scenario import (
    Scenario,
    load_scenario,
    read_own,
    scenario_of,
)
from schedbench.experiment.scenario_fields import Openb
from schedbench.experiment.shipped import resolve_target
from schedbench.objects.workload import PodStream, Workload
from schedbench.simulation.plan import EndToEnd
from schedbench.sources.traces.openb_tables import trace_names
from schedbench.sources.traces.options import Trace
from schedbench.sources.traces.replay import load_trace

SMALLEST = "quick"
"""The size that `--quick` asks for; the first of the file where there is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class FileRef:
    """A scenario file at one size.

    Attributes
    ----------
    scenario
        The scenario with the size applied.
    size
        The size's name.
    """

    scenario: Scenario
    size: str

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.scenario.name

    @property
    def description(self) -> str:
        """What the scenario is about."""
        return self.scenario.description

    @property
    def labels(self) -> Sequence[str]:
        """The scenario's labels."""
        return self.scenario.labels

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Metric to the worst value that still passes."""
        return self.scenario.thresholds

    @property
    def policies(self) -> Sequence[str]:
        """Specs of the policies which the scenario is meant to compare."""
        return self.scenario.policies

    @property
    def baseline(self) -> str | None:
        """Spec of the policy to compare with; None = the first."""
        return self.scenario.baseline

    @property
    def headline(self) -> Sequence[str]:
        """Metrics with which a report leads."""
        return self.scenario.headline

    @property
    def seeds(self) -> Sequence[int]:
        """The scenario's own seeds."""
        return self.scenario.seeds.values()

    @property
    def needs(self) -> Sequence[str]:
        """What the scenario needs that schedbench does not model: nothing."""
        return ()

    @property
    def end_to_end(self) -> EndToEnd | None:
        """The cluster around the scheduler; None = placement only."""
        return self.scenario.end_to_end

    def digest(self) -> str:
        """Return the hash of what decides the workload of every seed."""
        return self.scenario.digest()

    def build(self, seed: int) -> Workload:
        """Make the workload of a seed."""
        return build(self.scenario, self.size, seed)


def build(scenario: Scenario, size: str | None, seed: int) -> Workload:
    """Make a scenario's workload at a size, from a seed.

    Raises
    ------
    InputError
        If a parameter is missing, a file cannot be read, or there are too many pods.
    """
    chosen = scenario.size_or_default(size)
    sized = scenario.sized(chosen)
    sized.check_given()
    try:
        workload = _make(sized, seed)
    except InputError as error:
        raise error.at(source=scenario.path or scenario.name) from None
    _check_limits(sized, workload)
    name = f"{scenario.name}/{chosen}"
    queue = sized.queue if sized.end_to_end is None else "kube-scheduler"
    return dataclasses.replace(workload, name=name, queue=queue)


def expand_target(
    target: str | Path,
    *,
    sets: Sequence[str] = (),
    size: str | None = None,
    quick: bool = False,
) -> list[ScenarioRef]:
    """Return the scenarios that a file, folder or shipped name stands for.

    A scenario file gives one reference, at the size asked for; scheduler_perf
    configurations, told by their content, give one for each workload; a folder gives
    those of its files.

    Parameters
    ----------
    size
        A size's name, or `all`; None = each scenario's default.
    quick
        Whether to take the smallest size, unless one is named.

    Raises
    ------
    InputError
        If the target is not there or cannot be read.
    """
    path = resolve_target(target)
    if path.is_dir() or is_perf_config(path):
        refs = _folder(path, sets, size, quick) if path.is_dir() else _perf(path, sets)
        if not refs:
            raise InputError("no scenario in this folder", source=path)
        return refs
    scenario = load_scenario(path, sets)
    return [
        _ref(one, each)
        for one in by_trace(scenario)
        for each in _sizes(one, size, quick)
    ]


def by_trace(scenario: Scenario) -> list[Scenario]:
    """Return a scenario for each trace it asks for; itself without a folder yet.

    Raises
    ------
    InputError
        If the folder of the traces holds none.
    """
    openb = scenario.openb
    if openb is None or openb.traces is None or openb.data is None:
        return [scenario]
    asked = openb.traces
    if isinstance(asked, str):
        asked = [name.strip() for name in asked.split(",") if name.strip()]
    if asked == ["all"]:
        asked = trace_names(scenario.located(openb.data))
    replace = msgspec.structs.replace
    return [
        replace(
            scenario,
            name=f"{scenario.name}-{name}",
            openb=replace(openb, trace=name, traces=None),
        )
        for name in dict.fromkeys(asked)
    ]


def expand_grid(grid: GridFile, *, quick: bool = False) -> list[ScenarioRef]:
    """Return the scenarios of a grid, each at the sizes that its entry names.

    A scenario is looked for beside the grid's file first, then as `resolve_target`
    does.

    Raises
    ------
    InputError
        If a scenario is not there or cannot be read.
    """
    refs: list[ScenarioRef] = []
    for entry in grid.entries():
        path = _beside(grid, entry)
        if path.is_dir() or is_perf_config(path):
            refs += expand_target(path)
            continue
        scenario = scenario_of(read_own(path), str(path), entry.set)
        sizes: list[str | None] = [None] if quick or not entry.sizes else [*entry.sizes]
        for size in sizes:
            refs += [
                _ref(one, each)
                for one in by_trace(scenario)
                for each in _sizes(one, size, quick)
            ]
    return refs


def is_perf_config(path: Path) -> bool:
    """Tell whether a file is a scheduler_perf configuration: a list of cases."""
    from schedbench.sources.scheduler_perf.config import CONFIG_NAME

    if path.name == CONFIG_NAME:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(1 << 20)
    except OSError:
        return False
    lines = [line for line in head.splitlines() if line.strip()]
    opening = next((line for line in lines if not line.startswith((b"#", b"--"))), b"")
    return opening.startswith(b"- ") and b"workloadTemplate" in head


def _make(scenario: Scenario, seed: int) -> Workload:
    if scenario.openb is not None:
        return _openb(scenario.openb, scenario, seed)
    if scenario.trace is not None:
        return _trace(scenario.trace, scenario, seed)
    from schedbench.sources.synthetic.cluster import (
        cluster_capacity,
        decode_objects,
        join_streams,
    )
    from schedbench.sources.synthetic.streams import make_stream

    held = _manifests(scenario)
    nodes = list(held.nodes) if held is not None else []
    if scenario.cluster is not None:
        if nodes:
            raise InputError(
                "both cluster and manifests give nodes", fix="remove one of them"
            )
        nodes = scenario.cluster.make()
    capacity = cluster_capacity(nodes)
    streams = [] if held is None else [held.pods]
    objects: list[Any] = [] if held is None else list(held.objects)
    if scenario.workload is not None:
        streams += [
            make_stream(each, capacity, scenario.limits.pods, seed)
            for each in scenario.workload.streams
        ]
        objects += decode_objects(scenario.workload.objects, "workload.objects")
    if held is not None and not (scenario.workload and scenario.workload.streams):
        return dataclasses.replace(held, objects=objects)
    return Workload(
        scenario.name,
        nodes,
        join_streams(streams) if streams else PodStream.of([]),
        objects=objects,
        node_events=() if held is None else held.node_events,
        notes=() if held is None else held.notes,
    )


def _openb(openb: Openb, scenario: Scenario, seed: int) -> Workload:
    from schedbench.sources.traces.openb import load_openb

    assert openb.data is not None
    data = scenario.located(openb.data)
    return load_openb(data, openb.trace, seed, tune=openb.tune, times=openb.times)


def _trace(trace: Trace, scenario: Scenario, seed: int) -> Workload:
    assert trace.file is not None
    nodes = [] if scenario.cluster is None else scenario.cluster.make()
    return load_trace(scenario.located(trace.file), trace, seed, nodes)


def _manifests(scenario: Scenario) -> Workload | None:
    from schedbench.sources.manifests import manifests_workload

    if scenario.manifests is None:
        return None
    return manifests_workload(scenario.located(scenario.manifests))


def _check_limits(scenario: Scenario, workload: Workload) -> None:
    for kind, count, limit in (
        ("nodes", len(workload.nodes), scenario.limits.nodes),
        ("pods", len(workload.pods), scenario.limits.pods),
    ):
        if count > limit:
            raise InputError(
                f"more than {limit:,} {kind}",
                source=scenario.path or scenario.name,
                value=count,
                fix=f"lower the number, or raise limits.{kind} if it is meant",
            )


def _sizes(scenario: Scenario, size: str | None, quick: bool) -> list[str]:
    if size == "all":
        return scenario.size_names()
    if size is None and quick:
        names = scenario.size_names()
        return [SMALLEST if SMALLEST in names else names[0]]
    return [scenario.size_or_default(size)]


def _ref(scenario: Scenario, size: str) -> ScenarioRef:
    return FileRef(scenario.sized(size), size)


def _folder(
    path: Path, sets: Sequence[str], size: str | None, quick: bool
) -> list[ScenarioRef]:
    from schedbench.sources.scheduler_perf.config import CONFIG_NAME

    refs: list[ScenarioRef] = []
    if any(path.rglob(CONFIG_NAME)):
        refs += _perf(path, sets)
    for file in sorted((*path.glob("*.yaml"), *path.glob("*.yml"))):
        document = {} if file.name == CONFIG_NAME else read_own(file)
        if document and "scenarios" not in document:
            refs += expand_target(file, sets=sets, size=size, quick=quick)
    return refs


def _perf(path: Path, sets: Sequence[str]) -> list[ScenarioRef]:
    from schedbench.experiment.perf import perf_refs

    if sets:
        raise InputError(
            "a scheduler_perf configuration has no settings", source=path, value=sets[0]
        )
    return [*perf_refs(path)]


def _beside(grid: GridFile, entry: GridEntry) -> Path:
    folder = Path(grid.path).parent
    for name in (entry.scenario, f"{entry.scenario}.yaml"):
        if (folder / name).exists():
            return folder / name
    try:
        return resolve_target(entry.scenario)
    except InputError as error:
        raise error.at(source=grid.path) from None
