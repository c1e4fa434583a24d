"""The `end_to_end` section of a scenario: the cluster around the scheduler.

Its presence makes a run an end-to-end one. Times are simulated seconds; 0 is when the
workload begins, `boot` seconds after the components came up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import Annotated, Any, Literal, TypeAlias, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from schedbench.controlplane.parameters import RUNTIMES, Parameters
from schedbench.errors import InputError, NotModelledError, UnknownNameError
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import KINDS, KubernetesObject
from schedbench.simulation.actions import Action
from schedbench.simulation.control_plane import ControlPlane
from schedbench.simulation.faults import Fault, faults_end
from schedbench.simulation.load import Load
from schedbench.simulation.node_groups import NodeGroup

NotNegative: TypeAlias = Annotated[float, Meta(ge=0)]
SCALABLE = (
    "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "Job",
)  # fmt: skip
"""Kinds that `scale` knows; of a Job it sets the parallelism."""


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

    def action(self, where: str) -> Action:
        """Return it with typed objects.

        Raises
        ------
        InputError, NotModelledError
            If a manifest is malformed or of an unknown kind.
        """
        objects = [
            _decoded(document, f"{where}.objects[{index}]:")
            for index, document in enumerate(self.objects)
        ]
        scale = self.scale
        return Action(
            self.at,
            objects,
            [_name(one) for one in self.delete],
            [] if scale is None else [(*_name(scale), scale.replicas)],
        )


def _decoded(document: dict[str, Any], where: str) -> KubernetesObject:
    try:
        return decode_object(document)
    except InputError as error:
        raise error.at(where=where) from None


def _name(one: Reference) -> tuple[str, str, str]:
    return one.kind, one.namespace, one.name


class EndToEnd(Struct, forbid_unknown_fields=True, kw_only=True):
    """The section.

    Attributes
    ----------
    control_plane
        Replicas.
    nodes
        `full`: kubelets, runtimes, controllers and proxies; `hollow`: every pod runs
        at once and no controller works, as on kubemark.
    addons
        What runs on top: `dns`, `metrics-server` (an autoscaler of pods needs it),
        `ingress`.
    autoscaler
        Groups of nodes that a cluster autoscaler adds and removes.
    load
        Requests that come through the ingress.
    runtime
        Which profile the nodes' container runtime has.
    parameters
        Section → field → value, over the defaults of `controlplane/parameters.py`.
    apply
        What users do.
    faults
        What breaks.
    boot
        Seconds that the components have before time 0.
    until
        When to stop; None = when everything is quiet. A load needs it.
    """

    control_plane: ControlPlane = field(default_factory=ControlPlane)
    nodes: Literal["full", "hollow"] = "full"
    addons: list[Literal["dns", "metrics-server", "ingress"]] = field(
        default_factory=list
    )
    autoscaler: list[NodeGroup] = field(default_factory=list)
    load: list[Load] = field(default_factory=list)
    runtime: Literal["containerd", "cri-o", "docker"] = "containerd"
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    apply: list[Apply] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    boot: NotNegative = 10.0
    until: Annotated[float, Meta(gt=0)] | None = None

    def __post_init__(self) -> None:
        if self.until is None and faults_end(self.faults) == math.inf:
            raise ValueError("a fault without duration never ends: give until")
        if self.load and "ingress" not in self.addons:
            raise ValueError("load comes through an ingress: add it to addons")
        if self.load and self.until is None:
            raise ValueError("requests never cease to come: give until")
        if self.nodes == "hollow" and (self.addons or self.autoscaler or self.faults):
            raise ValueError("hollow nodes have no addons, autoscaler or faults")
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
        usual = Parameters(runtime=RUNTIMES[self.runtime])
        return with_values(usual, self.parameters)

    def check(self) -> None:
        """Check what is decoded when a run begins; kinds not modelled are told then.

        Raises
        ------
        InputError
            If a parameter or a manifest is malformed.
        """
        self.made_parameters()
        with contextlib.suppress(NotModelledError):
            self.actions()

    def actions(self) -> list[Action]:
        """Return what users do, with typed objects.

        Raises
        ------
        InputError, NotModelledError
            If a manifest is malformed or of an unknown kind.
        """
        return [
            one.action(f"end_to_end.apply[{index}]")
            for index, one in enumerate(self.apply)
        ]


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
    known = {one.name: one for one in dataclasses.fields(section) if one.init}
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
    return get_type_hints(type(section))[name]
