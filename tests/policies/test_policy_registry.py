"""Texts that name policies, and what is said of those that do not."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.policies import base
from schedbench.policies.base import Policy
from schedbench.policies.registry import (
    ENTRY_POINTS,
    POLICIES,
    make_policy,
    parse_spec,
    summaries,
)
from schedbench.scheduler.profile import Profile, Tie


@pytest.mark.parametrize(
    ("spec", "name", "parameters"),
    [
        pytest.param("random", "random", {}, id="a name alone"),
        pytest.param(" random ", "random", {}, id="space around it"),
        pytest.param("random[]", "random", {}, id="no parameters"),
        pytest.param(
            "a[x=1,y=two]", "a", {"x": "1", "y": "two"}, id="several parameters"
        ),
        pytest.param("a[ x = 1 , y=2]", "a", {"x": "1", "y": "2"}, id="spaces within"),
        pytest.param("a[x=]", "a", {"x": ""}, id="an empty value"),
        pytest.param("a[x=1=2]", "a", {"x": "1=2"}, id="a value with an equals sign"),
        pytest.param("a[x=1,]", "a", {"x": "1"}, id="a comma at the end"),
        pytest.param(
            "./d/my.py:f[x=1]", "./d/my.py:f", {"x": "1"}, id="a policy in a file"
        ),
        pytest.param("kube-scheduler@1.34", "kube-scheduler@1.34", {}, id="a version"),
    ],
)
def test_spec_is_parsed(spec: str, name: str, parameters: dict[str, str]) -> None:
    """A text is a name, then parameters in brackets."""
    assert (name, parameters) == parse_spec(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("", "malformed policy", id="nothing"),
        pytest.param("a[x=1", "malformed policy", id="an open bracket"),
        pytest.param("a]x=1[", "malformed policy", id="brackets the wrong way round"),
        pytest.param("a[x=[1]]", "malformed policy", id="nested brackets"),
        pytest.param("a[x=1]b", "malformed policy", id="text after the brackets"),
        pytest.param("[x=1]", "malformed policy", id="no name"),
        pytest.param("a[x]", "write key=value", id="a parameter without a value"),
        pytest.param("a[=1]", "write key=value", id="a value without a parameter"),
    ],
)
def test_malformed_specs_are_refused(spec: str, message: str) -> None:
    """A text of another form is refused, and the message shows the form."""
    with pytest.raises(InputError, match=message):
        parse_spec(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("kube-schedular", "did you mean 'kube-scheduler'", id="a slip"),
        pytest.param("zzz", "known: allocatable, balanced, ", id="nothing like it"),
        pytest.param("random[seed=1]", "unknown parameter", id="no such parameter"),
        pytest.param(
            "best-fit[tie=first]", "did you mean 'ties'", id="a parameter misspelt"
        ),
        pytest.param(
            "best-fit[ties=last]", "known: first, next, random", id="no such tie rule"
        ),
    ],
)
def test_unknown_names_are_told_with_what_is_known(spec: str, message: str) -> None:
    """An unknown policy, parameter or tie rule is refused with a suggestion."""
    with pytest.raises(UnknownNameError, match=message):
        make_policy(spec)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_called_what_the_registry_calls_it(name: str) -> None:
    """A policy's name and canonical text are its key, its summary one sentence."""
    policy = make_policy(name)

    assert (name, name) == (policy.name, policy.spec)
    assert policy.summary == summaries()[name]
    assert policy.summary.endswith(".")
    assert ". " not in policy.summary.replace("v1. ", "")


def test_parameters_become_part_of_the_canonical_text() -> None:
    """A given parameter is in the spec, and making the spec gives the same again."""
    policy = make_policy(" best-fit[ties=next]")

    assert policy.spec == make_policy(policy.spec).spec == "best-fit[ties=next]"
    assert policy.profile.tie == Tie.NEXT


def test_a_version_is_an_alias() -> None:
    """`kube-scheduler@1.34` is the kube-scheduler policy."""
    assert make_policy("kube-scheduler@1.34").spec == "kube-scheduler"


def outside(alpha: float = 1.0, fast: bool = False, steps: int = 3) -> Policy:
    """Make a policy, as a package of someone else would."""
    return Policy("outside", f"{alpha} {fast} {steps}", Profile("outside"))


@base.vectorized
def flat(cluster: object, pod: object, feasible: np.ndarray) -> np.ndarray:
    """All nodes are alike."""
    return np.zeros(len(feasible))


class TestEntryPoints:
    """Policies that other packages announce."""

    @pytest.fixture(autouse=True)
    def _announced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [
            EntryPoint(name, f"{__name__}:{name}", ENTRY_POINTS)
            for name in ("outside", "flat")
        ]
        objects = {"outside": outside, "flat": flat}
        monkeypatch.setattr(EntryPoint, "load", lambda entry: objects[entry.name])
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)

    def test_a_factory_is_called_with_converted_parameters(self) -> None:
        """Texts become numbers and truth values, as the factory's defaults are."""
        policy = make_policy("outside[alpha=2,fast=true,steps=7]")

        assert policy.summary == "2.0 True 7"
        assert policy.spec == "outside[alpha=2.0,fast=true,steps=7]"

    def test_a_canonical_text_can_be_given_again(self) -> None:
        """The canonical text of a policy makes the same policy."""
        spec = make_policy("outside[alpha=2,fast=true]").spec

        assert make_policy(spec).spec == spec

    @pytest.mark.parametrize(
        ("parameter", "kind"),
        [("alpha=x", "float"), ("fast=2", "bool"), ("steps=1.5", "int")],
    )
    def test_values_of_another_type_are_refused(
        self, parameter: str, kind: str
    ) -> None:
        """A value that is not of the default's type is refused."""
        with pytest.raises(InputError, match=f"is not a {kind}"):
            make_policy(f"outside[{parameter}]")

    def test_a_decorated_function_is_a_policy(self) -> None:
        """A decorated function needs no factory; its docstring is its summary."""
        policy = make_policy("flat")

        assert policy.summary == "All nodes are alike."
        assert not policy.compiled

    def test_names_of_entry_points_are_suggested(self) -> None:
        """What others announce is known too."""
        with pytest.raises(UnknownNameError, match="did you mean 'outside'"):
            make_policy("outsidd")
