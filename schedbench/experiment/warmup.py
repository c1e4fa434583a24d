"""Compile what runs need, once, before anything is measured or spread out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload

BATCH_POLICY = "coscheduling"
"""Stands in for programs, which have nothing to compile: the loop around them has."""


@dataclasses.dataclass(frozen=True, slots=True)
class Warmed:
    """A step of the warm-up and the seconds that it took."""

    step: str
    seconds: float


def warm_up(
    specs: Sequence[str] = ("kube-scheduler",),
    tell: Callable[[Warmed], object] | None = None,
    engines: Sequence[Any] = ("scan", "explain"),
) -> list[Warmed]:
    """Play a tiny workload that touches every kernel; return what took how long.

    Parameters
    ----------
    specs
        Policies to play; all built-in ones share their kernels, a score of one's own
        is compiled into the loop.
    tell
        Called after every step.
    engines
        Engines to play them in; a policy of one's own is played in the first.
    """
    steps: list[Warmed] = []

    def timed(step: str, function: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        value = function()
        steps.append(Warmed(step, time.perf_counter() - start))
        if tell is not None:
            tell(steps[-1])
        return value

    timed("load numba and the kernels", _load)
    from schedbench.cluster.encode import encode
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.replay import replay

    encoded = timed("encode a tiny cluster", lambda: encode(tiny_workload()))
    for spec in dict.fromkeys(specs):
        policy = make_policy(spec)
        if policy.outside is not None:
            policy = make_policy(BATCH_POLICY)
        own = policy.source_digest is not None
        wanted = engines[:1] if own else engines
        with _compiled_beside(spec, wanted[1:]):
            for engine in wanted:
                play = functools.partial(replay, encoded, policy, seed=0, engine=engine)
                # A broken policy of one's own is told by its cells, not by the warm-up.
                with contextlib.suppress(*([Exception] if own else [])):
                    timed(f"{engine} with {spec}", play)
    return steps


@contextlib.contextmanager
def _compiled_beside(spec: str, engines: Sequence[Any]) -> Iterator[None]:
    """Let another process compile for further engines, where that takes long.

    Both find in the cache what the other has finished.
    """
    from schedbench.jit import cache_folder

    if not engines or cache_folder() is None or not is_cold():
        yield
        return
    process = multiprocessing.get_context("spawn").Process(
        target=warm_up, args=([spec], None, engines), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.join()


def is_cold() -> bool:
    """Whether the event loop is not in the cache, so that it has to be compiled."""
    from schedbench.jit import cache_folder

    folder = cache_folder()
    return folder is None or not any(folder.rglob("loop.run_loop-*.nbi"))


def tiny_workload() -> Workload:
    """Return a few pods that come, end, wait, share GPUs and use ports."""
    import numpy as np

    from schedbench.objects.defaults import default_node, default_pod
    from schedbench.objects.workload import NodeEvent, PodStream, Workload

    nodes: list[Any] = [
        default_node(_decoded(_node(name))) for name in ("a", "b", "late")
    ]
    pods: list[Any] = [
        default_pod(_decoded(_pod(name, cpu, gpus)), {})
        for name, cpu, gpus in (
            ("small", "1", {}),
            ("shared", "1", {"count": "1", "milli": "500"}),
            ("whole", "1", {"count": "1", "milli": "1000"}),
            ("large", "64", {}),
        )
    ]
    stream = PodStream.of(
        pods,
        arrival=np.array([0.0, 0.0, 1.0, 1.0]),
        duration=np.array([2.0, np.inf, np.inf, np.inf]),
        deletion=np.array([np.inf, 3.0, np.inf, 4.0]),
    )
    events = [NodeEvent(2.0, "add", nodes[2]), NodeEvent(5.0, "remove", nodes[2])]
    return Workload("warm-up", nodes[:2], stream, node_events=events)


def _decoded(document: dict[str, Any]) -> Any:
    from schedbench.objects.decode import decode_object

    return decode_object(document)


def _load() -> None:
    import schedbench.metrics.table
    import schedbench.simulation.replay  # noqa: F401


def _node(name: str) -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "pool": "warm"},
        },
        "spec": {"taints": [{"key": "warm", "effect": "PreferNoSchedule"}]},
        "status": {
            "capacity": {
                "cpu": "4",
                "memory": "8Gi",
                "pods": "10",
                "alibabacloud.com/gpu-count": "2",
            }
        },
    }


def _pod(name: str, cpu: str, gpus: dict[str, str]) -> dict[str, Any]:
    requests = {"cpu": cpu, "memory": "1Gi"}
    preferred = {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {
                f"alibabacloud.com/gpu-{key}": value for key, value in gpus.items()
            },
        },
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "resources": {"requests": requests},
                    "ports": [{"containerPort": 80, "hostPort": 8080}]
                    if name == "small"
                    else [],
                }
            ],
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "preference": preferred}
                    ]
                }
            },
        },
    }
