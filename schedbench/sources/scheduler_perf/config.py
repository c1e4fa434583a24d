"""`performance-config.yaml`: cases, their workloads, and what they refer to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from schedbench.errors import InputError, UnknownNameError
from schedbench.sources.documents import load_documents, parse_values, read_source
from schedbench.sources.scheduler_perf.operations import (
    OPCODES,
    AnyOperation,
    Operation,
)
from schedbench.sources.scheduler_perf.templates import load_template

Parameter: TypeAlias = bool | int | float | str

CONFIG_NAME = "performance-config.yaml"

HARNESS_PARAMETERS = frozenset({"numNodeDeclaredFeatures"})
"""Parameters that upstream's Go code reads, not the ops."""


class LabelValues(msgspec.Struct, forbid_unknown_fields=True):
    """Values of a metric label to collect."""

    label: str
    values: list[str]


class MetricsCollectorConfig(msgspec.Struct, forbid_unknown_fields=True):
    """The upstream metrics to collect; kept, not used."""

    metrics: dict[str, list[LabelValues] | None]


class ThresholdMetricSelector(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True
):
    """The measurement that a threshold applies to."""

    name: str
    labels: dict[str, str] = {}
    data_bucket: str | None = None
    expect_lower: bool = False


class _Workload(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    params: dict[str, Parameter] = {}
    labels: list[str] = []
    threshold: float | dict[str, float] = {}
    threshold_metric_selector: ThresholdMetricSelector | None = None
    feature_gates: dict[str, bool] = {}


class _Case(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    workload_template: list[AnyOperation]
    workloads: list[_Workload]
    feature_gates: dict[str, bool] = {}
    metrics_collector_config: MetricsCollectorConfig | None = None
    scheduler_config_path: str | None = None
    default_pod_template_path: str | None = None
    labels: list[str] = []
    default_threshold_metric_selector: ThresholdMetricSelector | None = None
    scheduler_api_client_qps: float | None = msgspec.field(
        default=None, name="schedulerApiClientQPS"
    )
    scheduler_api_client_burst: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PerfWorkload:
    """One size of a case.

    Attributes
    ----------
    name
        Its name within the case.
    params
        Parameter to value.
    labels
        The case's labels and its own.
    thresholds
        Topic to the least acceptable value; the topic "" = all.
    threshold_metric
        What the threshold measures; None = upstream's default, the throughput.
    feature_gates
        The case's gates, overridden by its own.
    """

    name: str
    params: dict[str, Parameter]
    labels: tuple[str, ...]
    thresholds: dict[str, float]
    threshold_metric: ThresholdMetricSelector | None
    feature_gates: dict[str, bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A template of ops, with the workloads that give it sizes.

    Paths are relative to the folder of `path`, as upstream.
    """

    path: Path
    name: str
    ops: tuple[AnyOperation, ...]
    workloads: tuple[PerfWorkload, ...]
    scheduler_config_path: Path | None
    default_pod_template_path: str | None
    metrics_collector_config: MetricsCollectorConfig | None
    scheduler_api_client_qps: float | None
    scheduler_api_client_burst: int | None

    def workload(self, name: str) -> PerfWorkload:
        """Return the workload of that name, or raise UnknownNameError."""
        for workload in self.workloads:
            if workload.name == name:
                return workload
        names = [workload.name for workload in self.workloads]
        raise UnknownNameError(f"workload of {self.name}", name, names)

    def scheduler_config(self) -> dict[str, Any] | None:
        """Return the case's KubeSchedulerConfiguration; None if it has none.

        Raises
        ------
        InputError
            If the file holds anything but one document.
        """
        if self.scheduler_config_path is None:
            return None
        documents = [
            document for _, document in load_documents(self.scheduler_config_path)
        ]
        if len(documents) != 1:
            raise InputError(
                f"{len(documents)} documents, expected one KubeSchedulerConfiguration",
                source=self.scheduler_config_path,
                fix="keep one",
            )
        return documents[0]

    def template_path(self, spelled: str) -> Path:
        """Return where a template of the configuration lies."""
        return self.path.parent / spelled


def load_configs(path: Path) -> list[Case]:
    """Read a configuration, or all `performance-config.yaml` below a folder.

    Raises
    ------
    InputError
        If a file is malformed, names what is not there, or defines what it never uses.
    """
    path = Path(path)
    files = sorted(path.rglob(CONFIG_NAME)) if path.is_dir() else [path]
    if not files:
        raise InputError(
            f"no {CONFIG_NAME} in this folder", source=path, fix="give another folder"
        )
    return [case for file in files for case in _load_file(file)]


def _load_file(path: Path) -> Iterator[Case]:
    names: set[str] = set()
    for label, _, value in parse_values(*read_source(path)):
        if not isinstance(value, list):
            raise InputError(
                "expected a list of test cases",
                source=label,
                value=value,
                fix="a scheduler_perf configuration is a list",
            )
        for position, item in enumerate(value):
            case = _decode(item, path, position)
            if case.name in names:
                raise InputError(
                    "two cases of one name", source=path, value=case.name, fix="rename"
                )
            names.add(case.name)
            _check(case)
            yield case


def _decode(item: Any, path: Path, position: int) -> Case:
    name = item.get("name") if isinstance(item, dict) else None
    where = f"case {name}" if name else f"case {position + 1}"
    ops = item.get("workloadTemplate") if isinstance(item, dict) else None
    if isinstance(ops, list):
        item = {**item, "workloadTemplate": [_with_go_names(op) for op in ops]}
        for number, op in enumerate(item["workloadTemplate"]):
            _check_opcode(op, path, f"{where} op {number}")
    try:
        raw = msgspec.convert(item, _Case)
    except msgspec.ValidationError as error:
        raise InputError(
            _lower(str(error)),
            source=path,
            where=where,
            fix="use the fields of upstream scheduler_perf",
        ) from None
    return Case(
        path=path,
        name=raw.name,
        ops=tuple(raw.workload_template),
        workloads=tuple(_workload(raw, workload) for workload in raw.workloads),
        scheduler_config_path=(
            None
            if raw.scheduler_config_path is None
            else path.parent / raw.scheduler_config_path
        ),
        default_pod_template_path=raw.default_pod_template_path,
        metrics_collector_config=raw.metrics_collector_config,
        scheduler_api_client_qps=raw.scheduler_api_client_qps,
        scheduler_api_client_burst=raw.scheduler_api_client_burst,
    )


def _workload(case: _Case, workload: _Workload) -> PerfWorkload:
    threshold = workload.threshold
    return PerfWorkload(
        name=workload.name,
        params=workload.params,
        labels=tuple(dict.fromkeys((*case.labels, *workload.labels))),
        thresholds=threshold if isinstance(threshold, dict) else {"": threshold},
        threshold_metric=(
            workload.threshold_metric_selector or case.default_threshold_metric_selector
        ),
        feature_gates={**case.feature_gates, **workload.feature_gates},
    )


def _with_go_names(op: Any) -> Any:
    """Return an op with its keys as documented: Go matches keys in any case."""
    if not isinstance(op, dict):
        return op
    return {
        key[:1].lower() + key[1:]: (
            _with_go_names(value) if key == "createPodsOp" else value
        )
        for key, value in op.items()
    }


def _check_opcode(op: Any, path: Path, where: str) -> None:
    code = op.get("opcode") if isinstance(op, dict) else None
    if code is None:
        raise InputError(
            "an op without opcode", source=path, where=where, value=op, fix="name it"
        )
    if code not in OPCODES:
        error = UnknownNameError("opcode", str(code), OPCODES)
        raise error.at(source=path, where=where)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _check(case: Case) -> None:
    """Check what the types do not say: references and contradictions."""
    paths = [case.default_pod_template_path] if case.default_pod_template_path else []
    used: set[str] = set()
    for number, op in enumerate(case.ops):
        where = f"case {case.name} op {number} ({op.opcode})"
        try:
            op.check()
            used |= parameters_of(op)
        except InputError as error:
            raise error.at(source=case.path, where=where) from None
        for spelled in op.template_paths():
            _check_file(case, spelled, where)
    for spelled in paths:
        _check_file(case, spelled, f"case {case.name}")
    config = case.scheduler_config_path
    if config is not None and not config.is_file():
        raise _dangling(case, str(config), f"case {case.name}")
    names: set[str] = set()
    for workload in case.workloads:
        where = f"case {case.name} workload {workload.name}"
        if workload.name in names:
            raise InputError(
                "two workloads of one name", source=case.path, where=where, fix="rename"
            )
        names.add(workload.name)
        for name in sorted(used - workload.params.keys()):
            raise InputError(
                "undefined parameter",
                source=case.path,
                where=where,
                value=f"${name}",
                fix="define it under params",
            )
        for name in sorted(workload.params.keys() - used - HARNESS_PARAMETERS):
            raise InputError(
                "parameter never used",
                source=case.path,
                where=where,
                value=name,
                fix="remove it, or mend the spelling where it is used",
            )


def _check_file(case: Case, spelled: str, where: str) -> None:
    path = case.template_path(spelled)
    if not path.is_file():
        raise _dangling(case, spelled, where)
    load_template(path)


def _dangling(case: Case, spelled: str, where: str) -> InputError:
    return InputError(
        "template not found",
        source=case.path,
        where=where,
        value=spelled,
        fix=f"paths are relative to {case.path.parent}",
    )


def parameters_of(op: Operation) -> set[str]:
    """Return the names of the workload parameters that an op refers to."""
    used: set[str] = set()
    for field in op.__struct_fields__:
        value = getattr(op, field)
        if field.endswith("_param") and value is not None:
            used.add(parameter_name(value))
        elif field == "template_params":
            used |= {
                parameter_name(item)
                for item in value.values()
                if isinstance(item, str) and item.startswith("$")
            }
        elif field == "create_pods_op":
            used |= parameters_of(value)
    return used


def parameter_name(reference: str) -> str:
    """Return the name in `$name`.

    Raises
    ------
    InputError
        If the reference does not look like that.
    """
    if not re.fullmatch(r"\$\w+", reference):
        raise InputError(
            "not a parameter", value=reference, fix="write $ and the parameter's name"
        )
    return reference[1:]
