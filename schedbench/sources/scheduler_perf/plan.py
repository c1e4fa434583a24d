"""The steps of one workload: ops with their parameters filled in and templates loaded.

Rendering turns a batch of objects into its distinct documents and, per object, which of
them it is: 50,000 pods that differ in name alone are one document.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.sources.documents import parse_documents
from schedbench.sources.scheduler_perf.config import (
    Case,
    PerfWorkload,
    parameter_name,
)
from schedbench.sources.scheduler_perf.operations import (
    AnyOperation,
    Churn,
    Counted,
    CreateNamespaces,
    CreateNodes,
    CreatePods,
    CreatePodSets,
    Templated,
)
from schedbench.sources.scheduler_perf.templates import (
    Template,
    load_template,
    parse_template,
)

MAX_NODES = 200_000
"""Most nodes, and most namespaces, of a workload; more is surely a typo."""
MAX_OBJECTS = 20_000_000
"""Most objects of a workload."""

BASIC_NODE = parse_template(
    """
apiVersion: v1
kind: Node
metadata:
  generateName: scheduler-perf-
status:
  capacity: {pods: "110", cpu: "4", memory: 32Gi}
  conditions: [{type: Ready, status: "True"}]
""",
    "<basic node>",
)
"""Upstream's node for an op without template."""

BASIC_POD = parse_template(
    """
apiVersion: v1
kind: Pod
metadata:
  generateName: pod-
spec:
  containers:
  - name: pause
    image: registry.k8s.io/pause
    ports: [{containerPort: 80}]
    resources:
      limits: {cpu: 100m, memory: 500Mi}
      requests: {cpu: 100m, memory: 500Mi}
""",
    "<basic pod>",
)
"""Upstream's pod for an op without template (`MakePodSpec` in test/utils)."""

BASIC_NAMESPACE = parse_template(
    "{apiVersion: v1, kind: Namespace, metadata: {}}", "<basic namespace>"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of a batch.

    Attributes
    ----------
    documents
        The distinct documents, without `metadata.name`.
    which : int32[object]
        Index into `documents`.
    names
        `metadata.name` of each object; None = made from `generateName`.
    """

    documents: Sequence[dict[str, Any]]
    which: NDArray[np.int32]
    names: Sequence[str | None]


@dataclasses.dataclass(frozen=True)
class Batch:
    """`count` objects of one template."""

    template: Template
    count: int
    params: dict[str, Any]
    namespace: str | None = None

    @functools.cached_property
    def objects(self) -> Rendered:
        """All objects."""
        return self.render(sample=False)

    def render(self, *, sample: bool) -> Rendered:
        """Return the objects; a sample has the first two, the middle and the last."""
        if not self.template.uses_index and self.count:
            text = self.template.render(0, self.count, self.params)
            name, document = _document(text, self.template.source)
            count = min(self.count, 1) if sample else self.count
            return Rendered([document], np.zeros(count, np.int32), [name] * count)
        last = self.count - 1
        indices: Sequence[int] = (
            sorted({0, min(1, last), last // 2, last})
            if sample and self.count
            else range(self.count)
        )
        documents: list[dict[str, Any]] = []
        places: dict[str, tuple[int, str | None]] = {}
        which = np.empty(len(indices), np.int32)
        names: list[str | None] = []
        for position, index in enumerate(indices):
            name, text = _part_name(
                self.template.render(index, self.count, self.params)
            )
            found = places.get(text)
            if found is None:
                own_name, document = _document(text, self.template.source)
                found = places[text] = len(documents), own_name
                documents.append(document)
            which[position] = found[0]
            names.append(name or found[1])
        return Rendered(documents, which, names)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One op of a workload with the batches of objects it makes."""

    position: int
    op: AnyOperation
    batches: tuple[Batch, ...]
    where: str


@dataclasses.dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a workload, as ops ask for them."""

    values: dict[str, bool | int | float | str]

    def count(
        self, op: Counted, *, default: int | None = None, most: int = MAX_OBJECTS
    ) -> int:
        """Return how many objects an op makes.

        Raises
        ------
        InputError
            If the number is no whole number, negative, or more than `most`.
        """
        value: object = op.count if op.count is not None else default
        name = "count"
        if op.count_param is not None:
            name, value = op.count_param, self.get(op.count_param)
        number = whole(value, name)
        multiplier = getattr(op, "count_multiplier_param", None)
        if multiplier is not None:
            number *= whole(self.get(multiplier), multiplier)
        if number > most:
            raise _too_many(f"{name} = {number}", most)
        return number

    def get(self, reference: str) -> bool | int | float | str:
        """Return the value of `$name`."""
        return self.values[parameter_name(reference)]

    def flag(self, value: bool, reference: str | None) -> bool:
        """Return a truth value, or that of the parameter that overrides it."""
        return bool(value if reference is None else self.get(reference))

    def text(self, value: str | None, reference: str | None) -> str | None:
        """Return a text, or that of the parameter that overrides it."""
        return value if reference is None else str(self.get(reference))

    def for_template(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return templateParams with `$name` filled in, numbers as Go decodes them."""
        return {
            key: _as_go(
                self.get(value)
                if isinstance(value, str) and value.startswith("$")
                else value
            )
            for key, value in params.items()
        }


def _too_many(value: str, most: int) -> InputError:
    return InputError(
        f"more than {most:,} objects", value=value, fix="check the number of digits"
    )


def whole(value: object, name: str) -> int:
    """Return a whole number of at least 0, or raise InputError naming it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value >= 0 and value == int(value):  # type: ignore[operator, call-overload]
        return int(value)  # type: ignore[call-overload, no-any-return]
    raise InputError(
        "not a whole number of at least 0", where=name, value=value, fix="mend params"
    )


def plan(case: Case, workload: PerfWorkload) -> list[Step]:
    """Fill in a workload's parameters.

    Raises
    ------
    InputError
        If a count is not one.
    """
    parameters = Parameters(workload.params)
    steps = []
    total = 0
    for position, op in enumerate(case.ops):
        where = f"case {case.name}/{workload.name} op {position} ({op.opcode})"
        try:
            batches = tuple(_batches(case, op, position, parameters))
            total += sum(batch.count for batch in batches)
            if total > MAX_OBJECTS:
                raise _too_many(f"{total} in all", MAX_OBJECTS)
        except InputError as error:
            raise error.at(source=case.path, where=where) from None
        steps.append(Step(position, op, batches, where))
    return steps


def _batches(
    case: Case, op: AnyOperation, position: int, parameters: Parameters
) -> Iterator[Batch]:
    def template(spelled: str | None, otherwise: Template) -> Template:
        return (
            otherwise if spelled is None else load_template(case.template_path(spelled))
        )

    def pods(op: CreatePods, namespace: str, count: int) -> Iterator[Batch]:
        params = parameters.for_template(op.template_params)
        spelled = op.pod_template_path or case.default_pod_template_path
        yield Batch(template(spelled, BASIC_POD), count, params, namespace)
        for volume, owner in (
            (op.persistent_volume_template_path, None),
            (op.persistent_volume_claim_template_path, namespace),
        ):
            if volume is not None:
                yield Batch(template(volume, BASIC_POD), count, params, owner)

    match op:
        case CreateNodes():
            yield Batch(
                template(op.node_template_path, BASIC_NODE),
                parameters.count(op, most=MAX_NODES),
                parameters.for_template(op.template_params),
            )
        case CreateNamespaces():
            count = parameters.count(op, most=MAX_NODES)
            yield Batch(
                template(op.namespace_template_path, BASIC_NAMESPACE), count, {}
            )
        case CreatePods():
            namespace = op.namespace or f"namespace-{position}"
            yield from pods(op, namespace, parameters.count(op))
        case CreatePodSets():
            count = parameters.count(op.create_pods_op)
            for number in range(parameters.count(op, most=MAX_NODES)):
                yield from pods(
                    op.create_pods_op, f"{op.namespace_prefix}-{number}", count
                )
        case Churn():
            namespace = op.namespace or f"namespace-{position}"
            for spelled in op.template_paths():
                yield Batch(template(spelled, BASIC_POD), 1, {}, namespace)
        case Templated():
            yield Batch(
                load_template(case.template_path(op.template_path)),
                parameters.count(op, default=1),
                parameters.for_template(op.template_params),
                op.namespace,
            )
        case Counted():
            parameters.count(op)


def _as_go(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return [_as_go(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_go(item) for key, item in value.items()}
    return value


_NAME_LINE = re.compile(r"^metadata:\n  name: ([a-z0-9][-a-z0-9.]*)\n", re.MULTILINE)


def _part_name(text: str) -> tuple[str | None, str]:
    """Take the name out of a document whose metadata open with it.

    Texts that then are equal are the same object but for the name, which spares parsing
    each of them (150 µs a document).
    """
    match = _NAME_LINE.search(text)
    if match is None or match[1].isdigit():
        return None, text
    return match[1], f"{text[: match.start(1)]}x{text[match.end(1) :]}"


@functools.lru_cache(maxsize=4096)
def _document(text: str, source: str) -> tuple[str | None, dict[str, Any]]:
    """Return the name and the rest of a rendered document; not to be changed."""
    documents = list(parse_documents(text.encode(), source, "yaml"))
    if len(documents) != 1:
        raise InputError(
            f"{len(documents)} documents in one template",
            source=source,
            fix="keep one object a file",
        )
    document = documents[0][1]
    metadata = document.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise InputError("metadata is no mapping", source=source, fix="mend it")
    name = metadata.pop("name", None)
    return (None if name is None else str(name)), document
