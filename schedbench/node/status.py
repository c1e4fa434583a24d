"""What a kubelet reports of its pods, and how fast it may.

Source: pkg/kubelet/status/status_manager.go: one update after another, each with the
state that the pod has when its turn comes, within the client's rate.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api
from schedbench.controlplane.parameters import Kubelet as Parameters
from schedbench.node.worker import STATIC, Run, Worker
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
)

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OWN_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
)


@functools.lru_cache(maxsize=4096)
def _text(second: int) -> str:
    moment = EPOCH + dt.timedelta(seconds=second)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp(seconds: float) -> str:
    """Return the RFC 3339 text of a simulated time, cut down to whole seconds."""
    return _text(int(seconds))


def qos_class(spec: PodSpec) -> str:
    """Return the class of service: Guaranteed, Burstable or BestEffort.

    Source: kubernetes.io/docs/concepts/workloads/pods/pod-qos.
    """
    guaranteed, any_named = True, False
    for container in (*spec.containers, *spec.init_containers):
        resources = container.resources
        for name in ("cpu", "memory"):
            limit = resources.limits.get(name)
            request = resources.requests.get(name, limit)
            any_named = any_named or limit is not None or request is not None
            guaranteed = guaranteed and limit is not None and request == limit
    if not any_named:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _container_status(run: Run) -> ContainerStatus:
    if run.state == "running":
        state = ContainerState(
            running=ContainerStateRunning(started_at=timestamp(run.starts))
        )
    elif run.over:
        state = _terminated(run.exit_code, run.reason, run.starts, run.finished)
    else:
        state = ContainerState(waiting=ContainerStateWaiting(reason=run.reason))
    return ContainerStatus(
        name=run.spec.name,
        image=run.spec.image,
        state=state,
        last_state=_terminated(*run.last) if run.last else None,
        ready=run.ready,
        started=run.started,
        restart_count=run.restarts,
    )


def _terminated(code: int, reason: str, start: float, end: float) -> ContainerState:
    return ContainerState(
        terminated=ContainerStateTerminated(
            exit_code=code,
            reason=reason,
            started_at=timestamp(start),
            finished_at=timestamp(end),
        )
    )


def pod_status(worker: Worker, old: PodStatus, now: float, host: str) -> PodStatus:
    """Return the status of a pod; conditions of others are kept as they are."""
    phase = worker.phase()
    fate = worker.fate
    if fate is not None and worker.stage == "gone":
        return msgspec.structs.replace(
            old, phase=phase, reason=fate[1], message=fate[2], host_ip=host or None
        )
    conditions = [
        condition
        for condition in old.conditions
        if condition.type not in OWN_CONDITIONS
    ]
    ready = phase == "Running" and worker.ready
    for name, holds in (
        ("PodReadyToStartContainers", bool(worker.address)),
        ("Initialized", worker.initialized or phase == "Succeeded"),
        ("Ready", ready),
        ("ContainersReady", ready),
    ):
        value = "True" if holds else "False"
        known = worker.times.get(name)
        if known is None or known[0] != value:
            known = worker.times[name] = (value, now)
        conditions.append(
            PodCondition(
                type=name,
                status=value,
                reason=_why(phase, name) if not holds else None,
                last_transition_time=timestamp(known[1]),
            )
        )
    if worker.evicted:
        conditions.append(
            PodCondition(
                type="DisruptionTarget", status="True", reason="TerminationByKubelet"
            )
        )
    return msgspec.structs.replace(
        old,
        phase=phase,
        reason=fate[1] if fate else None,
        message=fate[2] if fate else None,
        start_time=old.start_time or timestamp(worker.seen),
        pod_ip=worker.address or old.pod_ip,
        host_ip=host or None,
        qos_class=old.qos_class or qos_class(worker.pod.spec),
        conditions=conditions,
        container_statuses=[_container_status(r) for r in worker.runs if not r.init],
        init_container_statuses=[_container_status(r) for r in worker.runs if r.init],
    )


def _why(phase: str, condition: str) -> str | None:
    if condition == "PodReadyToStartContainers":
        return None
    if phase in {"Succeeded", "Failed"}:
        return "PodCompleted" if phase == "Succeeded" else "PodFailed"
    if condition == "Initialized":
        return "ContainersNotInitialized"
    return "ContainersNotReady"


def _changed(uid: str | None, status: PodStatus, pod: ApiObject) -> ApiObject | None:
    assert isinstance(pod, Pod)
    if pod.metadata.uid != uid:
        return None
    kept = [c for c in pod.status.conditions if c.type not in OWN_CONDITIONS]
    types = {condition.type for condition in kept}
    mine = [c for c in status.conditions if c.type not in types]
    status = msgspec.structs.replace(
        status,
        conditions=kept + mine,
        nominated_node_name=pod.status.nominated_node_name,
        resize=pod.status.resize,
    )
    return msgspec.structs.replace(pod, status=status)


class StatusManager:
    """Writes statuses, one after another, each pod's newest when its turn comes.

    Attributes
    ----------
    sent
        How many updates were sent.
    """

    __slots__ = (
        "_busy",
        "_dirty",
        "_done",
        "_refilled",
        "_stamp",
        "_timer_set",
        "_tokens",
        "api",
        "clock",
        "host",
        "parameters",
        "sent",
    )

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: Parameters,
        host: str,
        done: Callable[[Worker], None],
        stamp: Callable[[Pod, str], None],
    ) -> None:
        self.clock = clock
        self.api = api
        self.parameters = parameters
        self.host = host
        self.sent = 0
        self._dirty: dict[str, Worker] = {}
        self._busy: Worker | None = None
        self._done = done
        self._stamp = stamp
        self._tokens = float(parameters.burst)
        self._refilled = clock.now
        self._timer_set = False

    def mark(self, worker: Worker) -> None:
        """See to it that the API hears of a pod's state."""
        self._dirty.setdefault(worker.key, worker)
        self._next()

    def forget(self) -> None:
        """Forget all that is to be sent: the kubelet is down."""
        self._dirty.clear()
        self._busy = None

    def allowance(self) -> float:
        """Take one call of the client's rate; return how long it has to wait."""
        parameters = self.parameters
        gained = (self.clock.now - self._refilled) * min(parameters.qps, 1e12)
        self._tokens = min(float(parameters.burst), self._tokens + gained)
        self._refilled = self.clock.now
        if self._tokens >= 1 or parameters.qps > 1e12:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / parameters.qps

    def _next(self) -> None:
        if self._busy is not None or not self._dirty or self._timer_set:
            return
        wait = self.allowance()
        if wait > 0:
            self._timer_set = True
            self.clock.after(wait + 1e-9, self._again)
            return
        worker = self._dirty.pop(next(iter(self._dirty)))
        pod = worker.mirror or worker.pod
        if worker.mirror is None and STATIC in pod.metadata.annotations:
            self._next()
            return
        meta = pod.metadata
        status = pod_status(worker, pod.status, self.clock.now, self.host)
        if status == worker.written:
            self._done(worker)
            self._next()
            return
        worker.written = status
        if worker.ready and not worker.ready_sent and status.phase == "Running":
            worker.ready_sent = True
            self._stamp(pod, "ready")
        self._busy = worker
        self.sent += 1
        change = functools.partial(_changed, meta.uid, status)
        then = functools.partial(self._answered, worker)
        self.api.patch(
            "Pod", meta.namespace, meta.name, change, then, subresource="status"
        )

    def _again(self) -> None:
        self._timer_set = False
        self._next()

    def _answered(self, worker: Worker, answer: Answer) -> None:
        if self._busy is not worker:
            return
        self._busy = None
        error = answer.error
        if error is not None and error.reason not in {"NotFound", "Invalid"}:
            worker.written = None
            self._dirty.setdefault(worker.key, worker)
            self._timer_set = True
            self.clock.after(self.parameters.status_period, self._again)
        else:
            self._done(worker)
        self._next()
