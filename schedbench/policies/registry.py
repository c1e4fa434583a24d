"""Every policy under its name, and how names, files and entry points become one."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from schedbench.errors import InputError, UnknownNameError
from schedbench.policies.base import OwnPolicy, Policy

_ROOM = "schedbench.policies"
ENTRY_POINTS = "schedbench.policies"

POLICIES = {
    "allocatable": f"{_ROOM}.allocatable",
    "balanced": f"{_ROOM}.balanced",
    "batch-milp": f"{_ROOM}.batch_milp",
    "best-fit": f"{_ROOM}.best_fit",
    "capacity-scheduling": f"{_ROOM}.capacity_scheduling",
    "coscheduling": f"{_ROOM}.coscheduling",
    "dot-product": f"{_ROOM}.dot_product",
    "drf": f"{_ROOM}.drf",
    "fgd": f"{_ROOM}.fgd",
    "first-fit": f"{_ROOM}.first_fit",
    "gpu-best-fit": f"{_ROOM}.gpu_best_fit",
    "gpu-clustering": f"{_ROOM}.gpu_clustering",
    "gpu-dot-product": f"{_ROOM}.gpu_dot_product",
    "gpu-packing": f"{_ROOM}.gpu_packing",
    "gpu-random": f"{_ROOM}.gpu_random",
    "kube-scheduler": f"{_ROOM}.kube_scheduler",
    "l2-norm-bin-packing": f"{_ROOM}.l2_norm_bin_packing",
    "least-allocated": f"{_ROOM}.least_allocated",
    "load-variation-risk-balancing": f"{_ROOM}.load_variation_risk_balancing",
    "lookahead": f"{_ROOM}.lookahead",
    "low-risk-overcommitment": f"{_ROOM}.low_risk_overcommitment",
    "min-cost-flow": f"{_ROOM}.min_cost_flow",
    "most-allocated": f"{_ROOM}.most_allocated",
    "network-aware": f"{_ROOM}.network_aware",
    "numa-aware": f"{_ROOM}.numa_aware",
    "peaks": f"{_ROOM}.peaks",
    "power-of-two-choices": f"{_ROOM}.power_of_two_choices",
    "random": f"{_ROOM}.random",
    "round-robin": f"{_ROOM}.round_robin",
    "target-load-packing": f"{_ROOM}.target_load_packing",
    "tetris": f"{_ROOM}.tetris",
    "worst-fit": f"{_ROOM}.worst_fit",
}

WITH_PARAMETERS = {"process": f"{_ROOM}.process"}
"""Policies that mean nothing without their parameters."""

TIE_RULES = ("first", "random", "next")
ALIASES = {"kube-scheduler@1.34": "kube-scheduler"}

_SPEC = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<parameters>[^\[\]]*)\])?")


def make_policy(spec: str) -> Policy:
    """Return the policy that a text names.

    `name[key=value,…]` is a built-in policy or an entry point of the group
    `schedbench.policies`; `path/file.py:name[key=value,…]` is a policy in a file.

    Raises
    ------
    InputError
        If the text is malformed, the policy unknown, or a parameter is not the
        policy's.
    """
    name, parameters = parse_spec(spec)
    if ".py:" in name:
        from schedbench.policies.own import load_file

        return load_file(name, parameters)
    name = ALIASES.get(name, name)
    built_in = POLICIES | WITH_PARAMETERS
    if name in built_in:
        module = importlib.import_module(built_in[name])
        policy: Policy = _call(spec, module.make, parameters)
        return policy
    return _from_entry_point(spec, name, parameters)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Return name and parameters of `name[key=value,…]`.

    Raises
    ------
    InputError
        If the text has another form.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise InputError(
            "malformed policy",
            value=spec,
            fix="write name or name[key=value,…]",
        )
    parameters = {}
    for item in filter(None, (match["parameters"] or "").split(",")):
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            raise InputError(
                "malformed policy parameter",
                where=spec,
                value=item,
                fix="write key=value",
            )
        parameters[key.strip()] = text.strip()
    return match["name"].strip(), parameters


def summaries() -> dict[str, str]:
    """Return name → sentence of the built-in policies."""
    return {
        name: str(importlib.import_module(module).SUMMARY)
        for name, module in (POLICIES | WITH_PARAMETERS).items()
    }


def convert_parameters(
    spec: str, function: Callable[..., Any], given: Mapping[str, str], skip: int = 0
) -> dict[str, Any]:
    """Return the parameters in the types of the function's defaults.

    Parameters
    ----------
    skip
        How many leading arguments are not parameters.

    Raises
    ------
    InputError
        If a parameter is unknown or its text is not of the default's type.
    """
    known = dict(list(inspect.signature(function).parameters.items())[skip:])
    converted = {}
    for key, text in given.items():
        if key not in known:
            raise UnknownNameError(f"parameter of policy {spec}", key, known)
        converted[key] = _convert(spec, key, text, known[key].default)
    return converted


def _convert(spec: str, key: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text in {"true", "false"}:
            return text == "true"
    elif isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            pass
    else:
        return text
    raise InputError(
        f"parameter {key} is not a {type(default).__name__}", where=spec, value=text
    )


def _call(
    spec: str, function: Callable[..., Policy], given: Mapping[str, str]
) -> Policy:
    parameters = convert_parameters(spec, function, given)
    if "ties" in parameters and parameters["ties"] not in TIE_RULES:
        raise UnknownNameError(
            f"tie rule of policy {spec}",
            parameters["ties"],
            ("first", "random", "next"),
        )
    return dataclasses.replace(function(**parameters), parameters=parameters)


def _from_entry_point(spec: str, name: str, given: Mapping[str, str]) -> Policy:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        raise UnknownNameError("policy", name, [*POLICIES, *WITH_PARAMETERS, *found])
    loaded = found[name].load()
    if isinstance(loaded, OwnPolicy):
        from schedbench.policies.own import build_own

        return build_own(name, loaded, given, source_digest=found[name].value)
    return _call(spec, loaded, given)
