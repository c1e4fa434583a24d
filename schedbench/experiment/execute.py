"""Run one cell: build, encode, replay, evaluate."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from schedbench.errors import (
    NotModelledError,
    SchedbenchError,
    TimeLimitError,
    UnknownNameError,
)
from schedbench.experiment.cell import Cell, CellResult, missed_thresholds
from schedbench.experiment.thread_alarm import thread_alarm, too_late

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload
    from schedbench.policies.base import Policy
    from schedbench.simulation.end_to_end import Told
    from schedbench.simulation.plan import EndToEnd
    from schedbench.simulation.replay import Engine

SAMPLE = 1.0
"""Simulated seconds between looks at how busy a control plane is."""


def run_cell(cell: Cell) -> CellResult:
    """Run a cell and return its result, whatever happens but Ctrl-C.

    Status `skipped` means that the cell needs something that is not modelled.
    """
    result = CellResult.of(cell, "failed")
    _reset_peak_memory()
    try:
        with time_limit(cell.timeout), _rare_collections():
            _simulate(cell, result)
    except TimeLimitError as error:
        result.status, result.error = "timeout", str(error)
    except NotModelledError as error:
        result.status, result.error = "skipped", str(error)
    except SchedbenchError as error:
        result.error = str(error)
    except Exception:  # noqa: BLE001 (one broken policy must not end a sweep)
        result.error = _traceback_tail()
    return result


def _simulate(cell: Cell, result: CellResult) -> None:
    from schedbench.experiment import tables
    from schedbench.experiment.prepared import forget, prepare
    from schedbench.metrics.course import course_of
    from schedbench.metrics.curves import arrival_curves, curve_table
    from schedbench.metrics.evaluate import evaluate, evaluate_end_to_end, wall_clock
    from schedbench.metrics.series import node_fill, samples
    from schedbench.metrics.table import METRICS
    from schedbench.metrics.timeline import Timeline
    from schedbench.metrics.validator import validate
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.replay import ENGINES, replay

    stages = result.stages
    deadline = None if cell.timeout is None else time.monotonic() + cell.timeout
    engine = next((name for name in ENGINES if name == cell.engine), None)
    if engine is None:
        raise UnknownNameError("engine", cell.engine, ENGINES)
    policy = make_policy(cell.policy.spec)
    prepared = prepare(cell.scenario, cell.seed)
    stages |= {"build": prepared.build_seconds, "encode": prepared.encode_seconds}
    encoded = prepared.encoded
    workload = encoded.workload
    result.pods = len(workload.pods)
    result.notes = list(workload.notes)
    result.nodes = len(encoded.node_names)
    with _timed(stages, "replay"):
        plan, course = cell.scenario.end_to_end, None
        if plan is not None:
            forget()
            told = _end_to_end(plan, encoded, policy, cell.seed, engine, deadline)
            encoded, record = told.encoded, told.record
            workload = encoded.workload
            course = course_of(told, plan.faults)
        else:
            record = replay(
                encoded, policy, seed=cell.seed, engine=engine, deadline=deadline
            )
    result.placement_digest = record.digest
    result.notes += record.notes
    result.wall_clock = wall_clock(record)
    with _timed(stages, "evaluate"):
        timeline = Timeline(encoded, record)
        result.metrics = evaluate(timeline)
        if course is not None:
            result.metrics |= evaluate_end_to_end(course)
            result.tables |= {
                each.name: tables.from_frame(getattr(course, each.name))
                for each in dataclasses.fields(course)
            }
        result.tables |= {
            "placements": tables.placements(workload, encoded.node_names, record),
            "samples": tables.from_frame(samples(timeline)),
            "node_fill": tables.from_frame(node_fill(timeline)),
            "rejections": tables.rejections(record),
        }
        curves = arrival_curves(timeline) if plan is None else None
        if curves is not None:
            published = workload.published.get(policy.spec, {})
            frame = curve_table(curves, published)
            result.tables["curves"] = tables.from_frame(frame)
    if result.metrics["constraint_violations"]:
        broken = record.breaches or validate(workload, record, encoded.node_names)
        result.error = f"{len(broken)} hard constraints broken, the first: {broken[0]}"
        return
    result.threshold_failures = missed_thresholds(
        cell.scenario.thresholds,
        {**result.metrics, **result.wall_clock},
        {name: metric.better for name, metric in METRICS.items()},
    )
    result.status = "done"


def _end_to_end(
    plan: EndToEnd,
    encoded: EncodedWorkload,
    policy: Policy,
    seed: int,
    engine: Engine,
    deadline: float | None,
) -> Told:
    """Play a workload through a whole cluster."""
    from schedbench.simulation.end_to_end import end_to_end
    from schedbench.simulation.parts import components_of

    return end_to_end(
        encoded,
        policy,
        seed=seed,
        engine=engine,
        parameters=plan.made_parameters(),
        components=components_of(plan),
        control_plane=plan.control_plane,
        actions=plan.actions(),
        faults=plan.faults,
        boot=plan.boot,
        until=math.inf if plan.until is None else plan.until,
        sample=SAMPLE,
        deadline=deadline,
    )


@contextlib.contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages[name] = time.perf_counter() - start


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitError` in the body after some seconds of wall time.

    By an alarm signal, so it also ends a user's endless loop in Python. Compiled code
    is interrupted when it returns. Python drops what is raised inside a finalizer or a
    callback of its garbage collector: the alarm therefore rings again every second, and
    a body that ends in spite of it is too late all the same. In another thread than the
    main one, where no signal arrives, an exception is sent to it instead. Without
    signals (Windows) the body must watch its own deadline.
    """
    if seconds is not None and (
        threading.current_thread() is not threading.main_thread()
    ):
        with thread_alarm(seconds):
            yield
        return
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    late = too_late(seconds)
    rang = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal rang
        rang = True
        raise late

    previous: Any = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if rang:
        raise late


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage less often: a cell makes many objects and few cycles.

    To make 100,000 nodes took twice as long otherwise.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _reset_peak_memory() -> None:
    """Start the process's peak memory anew, on Linux: workers run many cells.

    Source: proc(5), /proc/pid/clear_refs, value 5.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _traceback_tail(lines: int = 12) -> str:
    return "\n".join(traceback.format_exc().strip().splitlines()[-lines:])
