"""The containers of a node's pods: started in order, probed, restarted, stopped.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and …/init-containers,
…/sidecar-containers; pkg/kubelet/kuberuntime.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from schedbench.clock import Clock
from schedbench.controlplane.parameters import Kubelet as Parameters
from schedbench.node.images import pull_policy
from schedbench.node.probes import first_failure, next_verdict
from schedbench.node.runtime import NodeRuntime
from schedbench.node.worker import Run, Worker
from schedbench.node.workload import SIGKILL, SIGTERM
from schedbench.objects.pod import Pod

LAST_CHANCE = 2.0
"""Seconds after a preStop hook that outlasts the grace period."""
STARTED, PULLED = 1, 2


class Containers:
    """Starts, probes and stops what runs on a node.

    `notice` is told of pods in which something changed, `used` of changed usage.

    Attributes
    ----------
    alive
        Whether the kubelet is up; nothing is started while it is not.
    """

    __slots__ = (
        "_notice",
        "_stamp",
        "_used",
        "alive",
        "clock",
        "parameters",
        "runtime",
    )

    def __init__(
        self,
        clock: Clock,
        parameters: Parameters,
        runtime: NodeRuntime,
        *,
        notice: Callable[[Worker], None],
        used: Callable[[], None],
        stamp: Callable[[Pod, str], None],
    ) -> None:
        self.alive = True
        self.clock = clock
        self.parameters = parameters
        self.runtime = runtime
        self._notice = notice
        self._used = used
        self._stamp = stamp

    def advance(self, worker: Worker) -> None:
        """Start the next container of a pod, if it is time for one."""
        if worker.stage != "up" or worker.alone is not None or not self.alive:
            return
        run = self._wanted(worker)
        if run is None:
            return
        worker.alone = run
        spec = run.spec
        policy = pull_policy(spec.image, spec.image_pull_policy)
        then = functools.partial(self._pulled, worker, run, worker.mark)
        self.runtime.images.ensure(spec.image, policy, then)

    def stop(
        self, worker: Worker, grace: float, then: Callable[[Worker], None]
    ) -> None:
        """Stop all containers of a pod within its grace period, sidecars last."""
        worker.stage = "stopping"
        worker.mark += 1
        worker.alone = None
        if worker.retry is not None:
            worker.retry.cancel()
        now = self.clock.now
        ends: list[tuple[Run, float, int]] = [
            (run, *self._end(run, now, grace))
            for run in worker.main
            if run.state == "running"
        ]
        for run in reversed(worker.runs):
            if run.init and run.state == "running":
                begin = max((end for _, end, _ in ends), default=now)
                left = max(0.0, grace - begin + now)
                ends.append((run, *self._end(run, begin, left)))
        for run, _, _ in ends:
            run.quiet()
        last = max((end for _, end, _ in ends), default=now)
        if last > now:
            worker.retry = self.clock.at(last, self._stopped, worker, ends, then)
        else:
            self._stopped(worker, ends, then)

    def exit(self, run: Run, code: int, reason: str, when: float) -> None:
        """Let a container be over."""
        run.quiet()
        run.state = "terminated"
        run.exit_code, run.reason = code, reason
        run.finished = when
        run.ready = run.started = False
        run.turned = run.begun = -math.inf
        run.not_before = when
        if run.delay and when - run.backed_off > 2 * self.parameters.max_back_off:
            run.delay = 0.0
        run.not_before = when + run.delay
        if run.spec.image:
            self.runtime.images.unuse(run.spec.image)

    def settle(self, worker: Worker) -> None:
        """Let containers that wait for their restart say so."""
        for run in worker.runs:
            waits = run.over and run.not_before > self.clock.now
            if waits and run.restarts_by(worker.policy):
                run.last = (run.exit_code, run.reason, run.starts, run.finished)
                run.state, run.reason = "crashed", "CrashLoopBackOff"

    @staticmethod
    def _end(run: Run, begin: float, grace: float) -> tuple[float, int]:
        """Return when a container ends that is told to, and with what code."""
        told = run.behaviour
        natural = run.starts + told.ends_after
        if grace <= 0:
            end, code = begin, SIGKILL
        elif told.pre_stop > grace:
            end = begin + grace + min(told.stop, LAST_CHANCE)
            code = SIGTERM if told.stop <= LAST_CHANCE else SIGKILL
        elif told.pre_stop + told.stop <= grace:
            end, code = begin + told.pre_stop + told.stop, SIGTERM
        else:
            end, code = begin + grace, SIGKILL
        if natural <= end:
            return max(natural, begin), told.exit_code
        return end, code

    def _wanted(self, worker: Worker) -> Run | None:
        """Return the container to start now; where it is too early, plan a look."""
        now = self.clock.now
        earliest = math.inf
        chosen = None
        for run in worker.runs:
            if run.init:
                if run.over and not run.exit_code and not run.sidecar:
                    continue
                if run.state == "running":
                    if run.sidecar and run.started:
                        continue
                    break
            else:
                worker.initialized = True
                if run.state == "running":
                    continue
            if run.over and not run.restarts_by(worker.policy):
                if run.init:
                    break
                continue
            if run.not_before <= now:
                chosen = run
                break
            earliest = min(earliest, run.not_before)
            if run.init and not (run.sidecar and worker.initialized):
                break
        if chosen is None and earliest < math.inf:
            if worker.retry is not None:
                worker.retry.cancel()
            worker.retry = self.clock.at(earliest, self.advance, worker)
        return chosen

    def _pulled(self, worker: Worker, run: Run, mark: int, error: str) -> None:
        if mark != worker.mark:
            return
        if error:
            given = self.parameters
            if run.over:
                run.last = (run.exit_code, run.reason, run.starts, run.finished)
                run.state = "crashed"
            run.reason = error if not run.pulls else "ImagePullBackOff"
            run.pulls = min(2 * run.pulls or given.back_off, given.max_back_off)
            run.not_before = self.clock.now + run.pulls
            worker.alone = None
            self._notice(worker)
            self.advance(worker)
            return
        run.pulls = 0.0
        if not worker.stamped and run is worker.runs[-1]:
            worker.stamped = PULLED
            self._stamp(worker.pod, "pulled")
        self.runtime.start_container(self._started, worker, run, mark)

    def _started(self, worker: Worker, run: Run, mark: int) -> None:
        if mark != worker.mark:
            return
        if run.state in {"terminated", "crashed"}:
            if run.over:
                run.last = (run.exit_code, run.reason, run.starts, run.finished)
            given = self.parameters
            run.delay = min(2 * run.delay or given.back_off, given.max_back_off)
            run.backed_off = self.clock.now
            run.restarts += 1
        if run.spec.image:
            self.runtime.images.use(run.spec.image)
        run.state, run.reason = "running", ""
        run.starts = self.clock.now
        run.exit_code = 0
        run.started = run.spec.startup_probe is None
        run.ready = run.started and run.spec.readiness_probe is None
        worker.alone = None
        self._plan(worker, run)
        if worker.stamped == PULLED and run is worker.runs[-1]:
            worker.stamped += STARTED
            self._stamp(worker.pod, "started")
        if run.behaviour.memory or run.behaviour.disk or run.behaviour.pids:
            self._used()
        self.advance(worker)
        if worker.alone is None:
            self._notice(worker)

    def _plan(self, worker: Worker, run: Run) -> None:
        """Set a timer for what next becomes of a running container."""
        told, spec = run.behaviour, run.spec
        nearest, what = told.ends_after, "end"
        probes: list[tuple[float, str]] = []
        if spec.startup_probe is not None and not run.started:
            good = next_verdict(spec.startup_probe, told.turns, good=False)
            bad = first_failure(spec.startup_probe, told.turns)
            probes = [(bad, "kill"), (good, "started")]
        else:
            if spec.liveness_probe is not None:
                due = next_verdict(
                    spec.liveness_probe, told.turns, good=True, after=run.begun
                )
                probes.append((due, "kill"))
            if spec.readiness_probe is not None:
                after = max(run.begun, run.turned)
                due = next_verdict(
                    spec.readiness_probe, told.turns, good=run.ready, after=after
                )
                probes.append((due, "ready"))
        for due, name in probes:
            if due < nearest:
                nearest, what = due, name
        if nearest < math.inf:
            when = max(self.clock.now, run.starts + nearest)
            run.timer = self.clock.at(
                when, self._turn, worker, run, run.mark, what, nearest
            )

    def _turn(
        self, worker: Worker, run: Run, mark: int, what: str, elapsed: float
    ) -> None:
        if mark != run.mark:
            return
        run.timer = None
        if what == "kill":
            run.mark += 1
            run.ready = False
            end, code = self._end(run, self.clock.now, worker.grace)
            run.timer = self.clock.at(end, self._over, worker, run, run.mark, code)
            return
        if what == "end":
            self._over(worker, run, mark, run.behaviour.exit_code)
            return
        if what == "started":
            run.started = True
            run.begun = elapsed
            run.ready = run.spec.readiness_probe is None
        else:
            run.ready = not run.ready
            run.turned = elapsed
        self._plan(worker, run)
        self._notice(worker)

    def _over(self, worker: Worker, run: Run, mark: int, code: int) -> None:
        if mark != run.mark:
            return
        killed = run.behaviour.out_of_memory
        reason = "OOMKilled" if killed else "Error" if code else "Completed"
        self.exit(run, code, reason, self.clock.now)
        self._notice(worker)
        self._used()

    def _stopped(
        self,
        worker: Worker,
        ends: list[tuple[Run, float, int]],
        then: Callable[[Worker], None],
    ) -> None:
        worker.retry = None
        for run, end, code in ends:
            self.exit(run, code, "Error" if code else "Completed", end)
        for run in worker.runs:
            if run.state == "crashed":
                run.state = "terminated"
                assert run.last is not None
                run.exit_code, run.reason, run.starts, run.finished = run.last
        if ends:
            self.runtime.stop_pod(then, worker)
        else:
            then(worker)
        self._used()
