"""scheduler_perf workloads as scenarios: one reference for each (case, workload)."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from schedbench.experiment.files import file_digest
from schedbench.experiment.scenario import GENERATOR
from schedbench.objects.workload import Workload
from schedbench.sources.scheduler_perf.build import build_workload
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload, load_configs
from schedbench.sources.scheduler_perf.needs import workload_needs


@dataclasses.dataclass(frozen=True, slots=True)
class PerfRef:
    """A workload of a scheduler_perf configuration.

    It travels as names; the configuration is read again where it is built.

    Attributes
    ----------
    path
        The configuration file.
    case, workload
        Names in it; the scenario is called `case/workload`.
    labels
        The case's labels and the workload's.
    thresholds
        `decisions_per_second`, where upstream bounds the scheduling throughput.
    size
        Empty, but for workloads of the same name: the folder of the configuration.
    """

    path: Path
    case: str
    workload: str
    labels: tuple[str, ...]
    thresholds: Mapping[str, float]
    size: str = ""

    @property
    def name(self) -> str:
        """The case and the workload."""
        return f"{self.case}/{self.workload}"

    @property
    def description(self) -> str:
        """Where the workload comes from."""
        return f"scheduler_perf case {self.case}, workload {self.workload}"

    @property
    def policies(self) -> Sequence[str]:
        """The policy that the suite measures."""
        return ("kube-scheduler",)

    @property
    def baseline(self) -> str | None:
        """No baseline of its own."""
        return None

    @property
    def headline(self) -> Sequence[str]:
        """What the suite measures: throughput, pods bound, and in how many attempts."""
        return ("decisions_per_second", "pods_bound", "attempts", "pods_pending")

    @property
    def seeds(self) -> Sequence[int]:
        """One seed: nothing in the workload is drawn."""
        return (1,)

    @property
    def end_to_end(self) -> None:
        """The cluster around the scheduler: none."""
        return None

    @property
    def needs(self) -> Sequence[str]:
        """What the workload needs beyond the model; empty = it can be run."""
        return workload_needs(*self._found())

    def digest(self) -> str:
        """Return the hash of the configuration, the templates and the names."""
        case, _ = self._found()
        spelled = {path for op in case.ops for path in op.template_paths()}
        if case.default_pod_template_path is not None:
            spelled.add(case.default_pod_template_path)
        files = [case.path, *map(case.template_path, sorted(spelled))]
        if case.scheduler_config_path is not None:
            files.append(case.scheduler_config_path)
        parts = [str(GENERATOR), self.name, *map(file_digest, files)]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def build(self, seed: int) -> Workload:
        """Make the workload; it is the same for every seed.

        Raises
        ------
        NotModelledError
            If it needs what schedbench does not model.
        """
        del seed
        return dataclasses.replace(build_workload(*self._found()), name=self.name)

    def _found(self) -> tuple[Case, PerfWorkload]:
        modified = self.path.stat().st_mtime_ns
        for case in _cases(self.path, modified):
            if case.name == self.case:
                return case, case.workload(self.workload)
        raise LookupError(self.case)


def perf_refs(path: Path) -> list[PerfRef]:
    """Return the workloads of a configuration, or of all those below a folder.

    Raises
    ------
    InputError
        If a configuration cannot be read.
    """
    refs = [
        PerfRef(case.path, case.name, workload.name, workload.labels, _limits(workload))
        for case in load_configs(path)
        for workload in case.workloads
    ]
    alike = Counter(ref.name for ref in refs)
    return [
        dataclasses.replace(ref, size=ref.path.parent.name)
        if alike[ref.name] > 1
        else ref
        for ref in refs
    ]


def _limits(workload: PerfWorkload) -> dict[str, float]:
    least = workload.thresholds.get("")
    if least is None or workload.threshold_metric is not None:
        return {}
    return {"decisions_per_second": least}


@functools.lru_cache(maxsize=8)
def _cases(path: Path, modified: int) -> list[Case]:
    del modified  # an edited file is another entry of the cache
    return load_configs(path)
