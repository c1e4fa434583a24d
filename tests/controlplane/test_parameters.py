"""Every default names its source, or is called an assumption."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from schedbench.controlplane import parameters
from schedbench.controlplane.parameters import (
    CRI_O,
    DOCKER,
    EtcdParameters,
    Parameters,
    RuntimeProfile,
)

CLASSES = [
    value
    for value in vars(parameters).values()
    if dataclasses.is_dataclass(value)
    and isinstance(value, type)
    and value.__module__ == parameters.__name__
]
NAMES = {cls.__name__ for cls in CLASSES}
FIELDS = [
    (cls, field.name)
    for cls in CLASSES
    for field in dataclasses.fields(cls)
    if str(field.type) not in NAMES
]
"""Those that are not groups of fields themselves."""
SOURCE = re.compile(r'Source[^:.]*: .{0,100}?(`|--|"|/|\.io|\.yaml|[a-z][A-Z])')
"""A source that names a flag, a field, a file, a page or a constant."""


def section(cls: type) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of all fields, and of each."""
    head, _, body = inspect.getdoc(cls).partition("Attributes\n----------\n")
    told: dict[str, str] = {}
    names: list[str] = []
    for line in body.splitlines():
        if line and not line.startswith(" "):
            names = line.split(", ")
            told.update(dict.fromkeys(names, ""))
        for name in names:
            told[name] += line.strip() + " "
    return " ".join(head.split()), told


@pytest.mark.parametrize(
    ("cls", "name"), [pytest.param(c, n, id=f"{c.__name__}.{n}") for c, n in FIELDS]
)
def test_every_default_has_a_source_or_is_an_assumption(cls, name):
    """Of the field or its class a text says `Source: …`, or that it is assumed."""
    head, told = section(cls)
    text = f"{head} {told.get(name, '')}"

    assert name in told, "not described"
    assert SOURCE.search(text) or "assumption" in text


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_nothing_is_described_that_is_not_there(cls):
    """Each attribute of a docstring is a field."""
    _, told = section(cls)

    assert set(told) <= {field.name for field in dataclasses.fields(cls)}


def test_the_rule_can_fail():
    """A field without a source, or with a hollow one, is found."""

    class Hollow:
        """Something.

        Attributes
        ----------
        one
            Seconds.
        two
            Seconds. Source: somewhere.
        three
            Seconds. Source: flag `--three`.
        """

    _, told = section(Hollow)

    assert [bool(SOURCE.search(text)) for text in told.values()] == [False, False, True]


def test_defaults_of_kubernetes_1_34():
    """What differs between versions or pages is what v1.34 does."""
    all_of_it = Parameters()
    cluster = all_of_it.cluster_controllers

    assert cluster.node_lifecycle.node_monitor_grace_period == 50.0
    assert (all_of_it.kubelet.qps, all_of_it.kubelet.burst) == (50.0, 100)
    assert cluster.cluster_autoscaling.expander == "least-waste"
    assert all_of_it.dns.ttl == 30.0


def test_defaults_that_follow_from_each_other():
    """etcd's timeouts, the node's lease and the zones' rates keep their proportions."""
    etcd, cluster = EtcdParameters(), Parameters().cluster_controllers
    leases, zones = cluster.node_leases, cluster.node_lifecycle

    assert etcd.request_timeout == 5 + 2 * etcd.election
    assert leases.renew_interval == leases.duration / 4
    assert zones.node_monitor_grace_period > leases.duration
    assert zones.secondary_node_eviction_rate == zones.node_eviction_rate / 10


@pytest.mark.parametrize("slower", [CRI_O, DOCKER], ids=["cri-o", "docker"])
def test_containerd_is_the_fastest_runtime(slower):
    """The other profiles are assumed to be slower in every call."""
    fast = Parameters().runtime
    for field in dataclasses.fields(RuntimeProfile):
        if field.name != "parallel":
            assert (
                getattr(slower, field.name).median > getattr(fast, field.name).median
            ), field.name
