"""The `end_to_end` section of a scenario: the cluster around the scheduler.

Its presence makes a run an end-to-end one. Times are simulated seconds; 0 is when the
workload begins, `boot` seconds after the components came up.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from schedbench.controlplane.parameters import Parameters
from schedbench.errors import InputError, UnknownNameError
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import KINDS, KubernetesObject
from schedbench.simulation.faults import Fault, faults_end

NotNegative: TypeAlias = Annotated[float, Meta(ge=0)]
Replicas: TypeAlias = Annotated[int, Meta(ge=1, le=16)]
SCALABLE = (
    "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "Job",
)  # fmt: skip
"""Kinds that `scale` knows; of a Job it sets the parallelism."""


class ControlPlane(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How many replicas there are of each part.

    Attributes
    ----------
    etcd
        Members of the store's quorum.
    api_servers
        Active beside each other behind a balancer.
    schedulers, controller_managers
        One leads, the others wait to be elected.
    """

    etcd: Literal[1, 3, 5, 7] = 1
    api_servers: Replicas = 1
    schedulers: Replicas = 1
    controller_managers: Replicas = 1


class Reference(Struct, forbid_unknown_fields=True, kw_only=True):
    """Names an object."""

    kind: str
    name: str
    namespace: str = "default"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not modelled")


class Scale(Reference, kw_only=True):
    """Names a workload and says how many replicas it is to have."""

    replicas: Annotated[int, Meta(ge=0)]

    def __post_init__(self) -> None:
        if self.kind not in SCALABLE:
            raise ValueError(f"cannot scale kind {self.kind!r}: use {SCALABLE}")


class Apply(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a user does at a time, beside the streams of pods.

    Attributes
    ----------
    at
        When.
    name
        By which `--set` and sizes find it.
    objects
        Manifests: created, or updated if they are there.
    scale
        A workload and its new number of replicas.
    delete
        Objects to delete.
    """

    at: NotNegative
    name: str = ""
    objects: list[dict[str, Any]] = field(default_factory=list)
    scale: Scale | None = None
    delete: list[Reference] = field(default_factory=list)

    def decoded(self, source: str) -> list[KubernetesObject]:
        """Return the typed objects.

        Raises
        ------
        InputError, NotModelledError
            If a manifest is malformed or of an unknown kind.
        """
        return [
            decode_object(document, f"{source}.objects[{index}]")
            for index, document in enumerate(self.objects)
        ]


class EndToEnd(Struct, forbid_unknown_fields=True, kw_only=True):
    """The section.

    Attributes
    ----------
    control_plane
        Replicas.
    nodes
        `full`: kubelets, runtimes, controllers and proxies; `hollow`: every pod runs
        at once and no controller works, as on kubemark.
    parameters
        Section → field → value, over the defaults of `controlplane/parameters.py`.
    apply
        What users do.
    faults
        What breaks.
    boot
        Seconds that the components have before time 0.
    until
        When to stop; None = when everything is quiet.
    """

    control_plane: ControlPlane = field(default_factory=ControlPlane)
    nodes: Literal["full", "hollow"] = "full"
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    apply: list[Apply] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    boot: NotNegative = 10.0
    until: Annotated[float, Meta(gt=0)] | None = None

    def __post_init__(self) -> None:
        if self.until is None and faults_end(self.faults) == math.inf:
            raise ValueError("a fault without duration never ends: give until")
        last = max([0.0, *(one.at for one in self.apply)])
        if self.until is not None and last > self.until:
            raise ValueError(f"apply at {last:g} s is after until")

    def made_parameters(self) -> Parameters:
        """Return the parameters.

        Raises
        ------
        UnknownNameError
            If a section or field does not exist.
        InputError
            If a value does not fit.
        """
        return with_values(Parameters(), self.parameters)


def with_values(
    parameters: Parameters, values: dict[str, dict[str, Any]]
) -> Parameters:
    """Return the parameters with some values changed: section → field → value."""
    sections = {one.name for one in dataclasses.fields(parameters)}
    changed: dict[str, Any] = {}
    for section, fields in values.items():
        where = f"end_to_end.parameters.{section}"
        if section not in sections:
            raise UnknownNameError("parameter section", section, sections).at(
                where="end_to_end.parameters"
            )
        changed[section] = _replaced(getattr(parameters, section), fields, where)
    return dataclasses.replace(parameters, **changed)


def _replaced(section: Any, values: Any, where: str) -> Any:
    """Return a dataclass with some fields changed, in depth."""
    if not isinstance(values, dict):
        raise InputError("not a mapping", where=where, value=values)
    known = {one.name: one for one in dataclasses.fields(section)}
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError("parameter", name, known).at(where=where)
        now, place = getattr(section, name), f"{where}.{name}"
        if dataclasses.is_dataclass(now) and isinstance(value, dict):
            changed[name] = _replaced(now, value, place)
            continue
        try:
            changed[name] = msgspec.convert(value, _type_of(section, name))
        except msgspec.ValidationError as error:
            raise InputError(str(error).lower(), where=place, value=value) from None
    try:
        return dataclasses.replace(section, **changed)
    except ValueError as error:
        raise InputError(str(error), where=where) from None


def _type_of(section: Any, name: str) -> Any:
    import typing

    return typing.get_type_hints(type(section))[name]
