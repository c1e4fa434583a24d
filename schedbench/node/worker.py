"""What a kubelet knows of a pod and of its containers."""

from __future__ import annotations

import math

from schedbench.clock import Timer
from schedbench.node.workload import Behaviour, behaviour
from schedbench.objects.pod import Container, Pod
from schedbench.objects.resources import is_sidecar

CRITICAL = 2_000_000_000
"""Least priority of the system's own classes."""
DEFAULT_GRACE = 30
STATIC = "kubernetes.io/config.source"
MIRROR = "kubernetes.io/config.mirror"


class Run:
    """A container, in its present or last run.

    Attributes
    ----------
    state
        waiting, starting, running or terminated.
    reason
        Why it waits or ended.
    delay
        Back-off of restarts; `pulls` that of failed pulls. 0 = none yet.
    not_before
        When it may be started (again).
    begun, turned
        When its startup probe, and its last change of `ready`, were decided, in seconds
        from its start.
    """

    __slots__ = (
        "backed_off",
        "begun",
        "behaviour",
        "delay",
        "exit_code",
        "finished",
        "init",
        "last",
        "mark",
        "not_before",
        "pulls",
        "ready",
        "reason",
        "restarts",
        "spec",
        "started",
        "starts",
        "state",
        "timer",
        "turned",
    )

    def __init__(self, pod: Pod, spec: Container, *, init: bool) -> None:
        self.spec = spec
        self.init = init
        self.behaviour: Behaviour = behaviour(pod, spec, init=init)
        self.state = "waiting"
        self.reason = "PodInitializing" if pod.spec.init_containers else ""
        if init or not self.reason:
            self.reason = "ContainerCreating"
        self.exit_code = 0
        self.starts = self.finished = 0.0
        self.restarts = 0
        self.last: tuple[int, str, float, float] | None = None
        self.ready = self.started = False
        self.turned = -math.inf
        self.begun = -math.inf
        self.delay = self.pulls = self.not_before = 0.0
        self.backed_off = -math.inf
        self.mark = 0
        self.timer: Timer | None = None

    @property
    def sidecar(self) -> bool:
        """Whether it is an init container that runs as long as the pod."""
        return self.init and is_sidecar(self.spec)

    @property
    def over(self) -> bool:
        """Whether it does not run now, having run."""
        return self.state == "terminated"

    def restarts_by(self, policy: str) -> bool:
        """Return whether it is to be started again after it ended."""
        if self.sidecar:
            return True
        if self.init:
            return self.exit_code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and self.exit_code != 0)

    def quiet(self) -> None:
        """Let nothing more happen to the present run by itself."""
        self.mark += 1
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Worker:
    """A pod on its way through the kubelet.

    Attributes
    ----------
    pod
        The pod as it was heard of last.
    key
        `namespace/name`.
    stage
        new, sandbox, up, stopping, over (its containers have ended for good), gone.
    fate
        Phase, reason and message that a rejection or an eviction gave it.
    alone
        The Run that is being pulled or started, or None.
    """

    __slots__ = (
        "address",
        "alone",
        "deadline",
        "deleting",
        "evicted",
        "fate",
        "initialized",
        "key",
        "mark",
        "mirror",
        "pod",
        "ready_sent",
        "resumed",
        "retry",
        "runs",
        "seen",
        "stage",
        "stamped",
        "times",
        "written",
    )

    def __init__(self, pod: Pod, now: float) -> None:
        self.pod = pod
        self.key = pod.key
        self.seen = now
        self.stage = "new"
        self.runs = [Run(pod, spec, init=True) for spec in pod.spec.init_containers]
        self.runs += [Run(pod, spec, init=False) for spec in pod.spec.containers]
        self.address = ""
        self.alone: Run | None = None
        self.fate: tuple[str, str, str] | None = None
        self.evicted = self.deleting = self.initialized = self.ready_sent = False
        self.resumed = False
        self.mark = self.stamped = 0
        self.retry: Timer | None = None
        self.deadline: Timer | None = None
        self.mirror: Pod | None = None
        self.times: dict[str, tuple[str, float]] = {}
        self.written: object = None

    @property
    def policy(self) -> str:
        """The restart policy."""
        return self.pod.spec.restart_policy or "Always"

    @property
    def critical(self) -> bool:
        """Whether neither eviction nor a rejection for resources may hit it."""
        annotations = self.pod.metadata.annotations
        return (
            STATIC in annotations
            or MIRROR in annotations
            or (self.pod.spec.priority or 0) >= CRITICAL
        )

    @property
    def grace(self) -> float:
        """Seconds that its containers have to end: of its deletion, or as it asks."""
        given = self.pod.metadata.deletion_grace_period_seconds
        if given is None:
            given = self.pod.spec.termination_grace_period_seconds
        return DEFAULT_GRACE if given is None else given

    @property
    def main(self) -> list[Run]:
        """The containers that are no init containers."""
        return [run for run in self.runs if not run.init]

    @property
    def ready(self) -> bool:
        """Whether all of its containers are ready."""
        return self.stage == "up" and all(
            run.ready for run in self.runs if not run.init or run.sidecar
        )

    def resume(self) -> bool:
        """Take up a pod that ran before its node went down; False if it is over."""
        known = {old.name: old for old in self.pod.status.container_statuses}
        ran = False
        for run in self.main:
            old = known.get(run.spec.name)
            if old is not None and old.state is not None:
                began = old.state.running is not None
                run.restarts = old.restart_count + began
                ran = ran or began
        self.resumed = self.pod.status.phase == "Running"
        if ran and self.policy == "Never":
            text = "The container could not be located when the node came back."
            self.fate = ("Failed", "ContainerStatusUnknown", text)
            return False
        return True

    def ended(self) -> str:
        """Return the phase that it has ended with; empty if it goes on."""
        for run in self.runs:
            failed = run.init and run.over and run.exit_code
            if failed and not run.restarts_by(self.policy):
                return "Failed"
        main = self.main
        if not main or any(
            not run.over or run.restarts_by(self.policy) for run in main
        ):
            return ""
        return "Failed" if any(run.exit_code for run in main) else "Succeeded"

    def phase(self) -> str:
        """Return the pod's phase (pkg/kubelet/kubelet_pods.go, getPhase)."""
        if self.fate is not None:
            return self.fate[0]
        if self.stage == "over":
            bad = any(r.exit_code or not r.over for r in self.runs if not r.sidecar)
            return "Failed" if bad else "Succeeded"
        if not self.initialized:
            return "Running" if self.resumed else "Pending"
        if self.stage == "up":
            ended = self.ended()
            if ended:
                return ended
        began = all(r.state == "running" or r.over or r.last for r in self.main)
        return "Running" if began or self.resumed else "Pending"
