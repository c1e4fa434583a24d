"""Policies of the user's own: from a file or an entry point to a `Policy`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba

from schedbench.errors import InputError, UnknownNameError
from schedbench.policies.base import OwnPolicy, Policy
from schedbench.policies.registry import convert_parameters
from schedbench.scheduler.profile import Profile

LEADING_ARGUMENTS = {"score": 3, "vectorized": 3, "batch": 2}


def load_file(target: str, parameters: Mapping[str, str]) -> Policy:
    """Return the policy that `path/file.py:name` names.

    The file is run, as Python runs a script: use only files you trust. Compiled code
    is cached by the text of the file; after an edit of a module that it imports, set
    `SCHEDBENCH_NO_CACHE=1` once.

    Raises
    ------
    InputError
        If the file cannot be read or run, or holds no policy of that name.
    """
    file, _, name = target.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InputError("no such policy file", source=path, fix="check the path")
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    spec = importlib.util.spec_from_file_location(f"schedbench_own_{digest}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # numba asks for it when it loads cached code
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            f"the policy file fails when it is run: {type(error).__name__}: {error}",
            source=path,
        ) from error
    own = {k: v for k, v in vars(module).items() if isinstance(v, OwnPolicy)}
    if name not in own:
        raise UnknownNameError("policy", name, own, source=path)
    return build_own(target, own[name], parameters, source_digest=digest)


def build_own(
    name: str, own: OwnPolicy, given: Mapping[str, str], source_digest: str
) -> Policy:
    """Return a policy of a decorated function.

    Raises
    ------
    InputError
        If the function takes other arguments, or a parameter is not its own.
    """
    leading = LEADING_ARGUMENTS[own.kind]
    signature = list(inspect.signature(own.function).parameters)
    if len(signature) < leading:
        raise InputError(
            f"a {own.kind} policy takes {leading} arguments and then its parameters",
            where=name,
            value=f"({', '.join(signature)})",
        )
    parameters = convert_parameters(name, own.function, given, skip=leading)
    summary = (inspect.getdoc(own.function) or "A policy of one's own.").split("\n")[0]
    policy = Policy(
        name=name,
        summary=summary,
        profile=Profile(name, tie=own.ties),
        parameters=parameters,
        source_digest=source_digest,
    )
    if own.kind == "score":
        custom = _compiled(own.function, parameters)
        text = f"{source_digest}:{policy.spec}"
        key = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
        profile = dataclasses.replace(policy.profile, custom=custom, custom_key=key)
        return dataclasses.replace(policy, profile=profile)
    function = functools.partial(own.function, **parameters)
    if own.kind == "vectorized":
        return dataclasses.replace(policy, vectorized=function)
    return dataclasses.replace(policy, batch=function)


def _compiled(
    function: Callable[..., float], parameters: Mapping[str, Any]
) -> Callable[..., float]:
    """Compile a score with its parameters as constants."""
    inner = numba.njit(_nrt=True)(function)
    names = list(inspect.signature(function).parameters)[LEADING_ARGUMENTS["score"] :]
    defaults = inspect.signature(function).parameters
    values = tuple(parameters.get(name, defaults[name].default) for name in names)
    if not values:
        return inner  # type: ignore[no-any-return]

    @numba.njit(_nrt=True)
    def score(cluster: Any, node: int, pod: Any) -> float:
        return inner(cluster, node, pod, *values)  # type: ignore[no-any-return]

    return score  # type: ignore[no-any-return]
