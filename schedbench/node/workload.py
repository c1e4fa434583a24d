"""What containers do, told by annotations of their pod.

Each annotation holds for all containers of the pod, or with `.NAME` after it for the
container of that name; init containers heed only their own. Seconds count from the
start of the container.

- `schedbench.io/run-seconds`: it ends after so much time, throttled by its cpu limit;
  without it it runs on (an init container: 0).
- `schedbench.io/exit-code`: what it then ends with (0).
- `schedbench.io/usage-cpu`: cpu that it would use; above its limit it is throttled.
- `schedbench.io/usage-memory`: memory that it uses; above its limit it is killed.
- `schedbench.io/usage-disk`, `schedbench.io/usage-pids`: disk, process ids.
- `schedbench.io/ready-after`: probes succeed from then on (0).
- `schedbench.io/fails-at`, `schedbench.io/recovers-at`: they fail from then on, or
  succeed again.
- `schedbench.io/pre-stop-seconds`: how long its preStop hook takes (its sleep).
- `schedbench.io/stop-seconds`: how long it takes to end once told to (0).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping

from schedbench.errors import InputError
from schedbench.objects.meta import Quantity
from schedbench.objects.pod import Container, Pod
from schedbench.objects.resources import is_sidecar
from schedbench.units import milli_value, value

PREFIX = "schedbench.io/"
SIGKILL = 137
SIGTERM = 143


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does.

    Attributes
    ----------
    ends_after
        Seconds from start to end; ∞ = it runs on.
    exit_code
        What it ends with.
    out_of_memory
        Whether its end is the OOM killer's.
    cpu, memory, disk, pids
        What it uses: millicores, bytes, bytes, number.
    turns
        When probes begin to fail and to succeed in turn; they fail before the first.
    pre_stop, stop
        Seconds of the hook, and from SIGTERM to the end.
    """

    ends_after: float = math.inf
    exit_code: int = 0
    out_of_memory: bool = False
    cpu: int = 0
    memory: int = 0
    disk: int = 0
    pids: int = 0
    turns: tuple[float, ...] = (0.0,)
    pre_stop: float = 0.0
    stop: float = 0.0


RUNS_ON = Behaviour()


def behaviour(pod: Pod, container: Container, *, init: bool) -> Behaviour:
    """Return what a container of the pod does.

    Raises
    ------
    InputError
        If an annotation is no number.
    """
    told = _told(pod.metadata.annotations, container.name, own=init)
    once = init and not is_sidecar(container)
    hook = container.lifecycle.pre_stop if container.lifecycle else None
    if not told and not once and hook is None:
        return RUNS_ON
    number = functools.partial(_number, pod.key, told)
    limits = container.resources.limits
    cpu = milli_value(_quantity(told, "usage-cpu"))
    memory = value(_quantity(told, "usage-memory"))
    run = number("run-seconds", 0.0 if once else math.inf)
    limit = milli_value(limits["cpu"]) if "cpu" in limits else 0
    if 0 < limit < cpu:
        run *= cpu / limit
    killed = "memory" in limits and memory > value(limits["memory"])
    fails = number("fails-at", math.inf)
    return Behaviour(
        ends_after=0.0 if killed else run,
        exit_code=SIGKILL if killed else int(number("exit-code", 0)),
        out_of_memory=killed,
        cpu=min(cpu, limit) if limit else cpu,
        memory=memory,
        disk=value(_quantity(told, "usage-disk")),
        pids=int(number("usage-pids", 0)),
        turns=(number("ready-after", 0.0), fails, number("recovers-at", math.inf)),
        pre_stop=number(
            "pre-stop-seconds", hook.sleep.seconds if hook and hook.sleep else 0.0
        ),
        stop=number("stop-seconds", 0.0),
    )


def _told(annotations: Mapping[str, str], name: str, *, own: bool) -> dict[str, str]:
    told: dict[str, str] = {}
    for key, text in annotations.items():
        if key.startswith(PREFIX):
            word, _, container = key[len(PREFIX) :].partition(".")
            if container == name or (
                not container and not own and f"{key}.{name}" not in annotations
            ):
                told[word] = text
    return told


def _quantity(told: Mapping[str, str], word: str) -> Quantity:
    return told.get(word, 0)


def _number(pod: str, told: Mapping[str, str], word: str, default: float) -> float:
    text = told.get(word)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise InputError(
            "annotation is no number from 0 on",
            where=f"Pod {pod} {PREFIX}{word}",
            value=text,
            fix="write seconds, or a code",
        )
    return number
