"""The kubelet: takes in the pods of its node, runs them, and reports.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, …/architecture/nodes,
…/cluster-administration/node-shutdown; pkg/kubelet. Heartbeats are no events: whoever
computes them asks `healthy`. The node's object is told through `node_changed`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.parameters import Kubelet as Parameters
from schedbench.node.admission import Admission, Rejection
from schedbench.node.containers import Containers
from schedbench.node.eviction import Eviction, Usage, pod_usage
from schedbench.node.network import Network
from schedbench.node.node_report import NodeReport, next_tick
from schedbench.node.pod_calls import PodCalls
from schedbench.node.runtime import Runtime
from schedbench.node.shutdown import REFUSAL, plan_shutdown
from schedbench.node.static_pods import StaticPods
from schedbench.node.status import StatusManager
from schedbench.node.worker import MIRROR, Worker
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.rng import stream_key

UNREADIED = "NodeNotReady"
"""What the node controller says of pods whose node it has lost."""


class Kubelet:
    """The kubelet of one node.

    Attributes
    ----------
    name
        The node's.
    healthy
        Whether it is up, and so renews its lease and reports Ready.
    workers
        `namespace/name` → pod that it has taken in or turned away.
    """

    __slots__ = (
        "_changed",
        "_health",
        "_informer",
        "_phase",
        "_relist_set",
        "_shutting",
        "_stamp",
        "addresses",
        "admission",
        "api",
        "calls",
        "clock",
        "containers",
        "eviction",
        "healthy",
        "name",
        "network",
        "node",
        "parameters",
        "report",
        "runtime",
        "statics",
        "statuses",
        "workers",
    )

    def __init__(
        self,
        clock: Clock,
        api: Api,
        node: Node,
        parameters: Parameters,
        seed: int,
        runtime: Runtime,
        network: Network,
        stamp: Callable[[Pod, str], None] = lambda _pod, _hop: None,
    ) -> None:
        self.clock = clock
        self.api = api
        self.node = node
        self.name = node.metadata.name
        self.parameters = parameters
        self.network = network
        self.addresses = network.of(self.name, node.spec.pod_cidr)
        self.admission = Admission(node, parameters.max_pods)
        self._phase = stream_key(seed, f"kubelet/{self.name}") / 2**64
        self.report = NodeReport(clock, api, self.name, self._report_time)
        self.runtime = runtime.on(node, self.report.changed)
        self._stamp = stamp
        host = node.status.addresses[0].address if node.status.addresses else ""
        self.statuses = StatusManager(
            clock, api, parameters, host, self._reported, stamp
        )
        self.containers = Containers(
            clock,
            parameters,
            self.runtime,
            notice=self._notice,
            used=self._used,
            stamp=stamp,
        )
        self.workers: dict[str, Worker] = {}
        self.eviction = Eviction(
            clock,
            parameters,
            node,
            self.runtime.images,
            self.workers,
            self._evict,
            self.report.changed,
        )
        self.runtime.images.other_bytes = lambda: self.usage().disk
        self.calls = PodCalls(
            clock, api, parameters.status_period, lambda: self.healthy
        )
        self._changed: dict[str, Worker] = {}
        self._health: list[Callable[[bool], None]] = []
        self.statics = StaticPods(api, self.name, self.statuses, self.calls.remove)
        self.report.watch(self.runtime.images, self.eviction.conditions)
        self._relist_set = self._shutting = False
        self.healthy = False
        self._informer: Informer | None = None
        self.start()

    def start(self) -> None:
        """Come up: hear of all pods anew, and of those that went meanwhile."""
        if self.healthy:
            return
        self._set_health(True)
        for worker in list(self.workers.values()):
            if worker.key not in self.statics.pods:
                self.calls.ask(worker.pod, partial(self._gone, worker))
            self._notice(worker)
        self._informer = Informer(self.api, "Pod", field=("spec.nodeName", self.name))
        self._informer.listen(self._pod_changed)

    def stop(self) -> None:
        """Go down as a process: the containers run on, nobody restarts or reports."""
        if self._informer is not None:
            self._informer.stop()
            self._informer = None
        self.statuses.forget()
        self._changed.clear()
        self._set_health(False)

    def crash(self) -> None:
        """Go down with the whole node: its containers are gone."""
        self.stop()
        for worker in self.workers.values():
            worker.mark += 1
            for run in worker.runs:
                if run.state == "running" and run.spec.image:
                    self.runtime.images.unuse(run.spec.image)
                run.quiet()
            self._let_go(worker)
        self.workers.clear()
        self.runtime.crash()

    def health_changed(self, callback: Callable[[bool], None]) -> None:
        """Call a function whenever `healthy` changes."""
        self._health.append(callback)

    def shutdown(self) -> float:
        """Shut the node down gracefully; return how long it takes at most.

        Pods end by priority, the lowest first, each group within its seconds; no pod is
        taken in any more.
        """
        self._shutting = self.report.shutting = True
        self.report.changed()
        seconds = plan_shutdown(
            self.clock,
            self.parameters.shutdown_grace,
            self.workers.values,
            self._finish,
        )
        self.clock.after(seconds, self.stop)
        return seconds

    def node_changed(self, node: Node) -> None:
        """Take the node's object as it is now."""
        self.node = self.eviction.node = node
        self.admission.change(node)

    def usage(self) -> Usage:
        """Return what the node's pods use now."""
        used = [pod_usage(worker) for worker in self.workers.values()]
        return Usage(*map(sum, zip(*used, strict=True))) if used else Usage(0, 0, 0, 0)

    def add_static(self, pod: Pod) -> None:
        """Run a pod without the API's leave; the API sees a mirror of it."""
        self._admit(self.statics.add(pod))

    # -- pods come and go --

    def _pod_changed(self, event: WatchEvent) -> None:
        pod: Any = event.object
        worker = self.workers.get(event.key)
        if MIRROR in pod.metadata.annotations:
            self.statics.mirrored(pod, worker, gone=event.type == "DELETED")
            return
        if worker is not None and worker.pod.metadata.uid != pod.metadata.uid:
            if event.type != "DELETED":
                self._kill(worker)
                self._forget(worker)
                self._fresh(pod)
            return
        if event.type == "DELETED":
            if worker is not None:
                self._kill(worker)
                self._forget(worker)
            return
        if worker is None:
            self._fresh(pod)
            return
        worker.pod = pod
        for condition in pod.status.conditions:
            if condition.reason == UNREADIED:
                self.clock.at(self._report_time(), self._reconcile, worker)
        if pod.metadata.deletion_timestamp is not None and not worker.deleting:
            self._delete(worker)

    def _reconcile(self, worker: Worker) -> None:
        """Report a pod anew, of which somebody else has said that it is not ready."""
        if self.healthy and self.workers.get(worker.key) is worker:
            worker.written = None
            self.statuses.mark(worker)

    def _fresh(self, pod: Pod) -> None:
        leaving = pod.metadata.deletion_timestamp is not None
        if pod.status.phase in {"Succeeded", "Failed"} or leaving:
            if leaving:
                self.calls.remove(pod)
            return
        self._admit(pod)

    def _admit(self, pod: Pod) -> None:
        worker = Worker(pod, self.clock.now)
        self.workers[worker.key] = worker
        self._stamp(pod, "seen_by_kubelet")
        refused = self.eviction.refuses(pod)
        rejection = None if refused is None else Rejection(*refused)
        if self._shutting:
            rejection = Rejection(*REFUSAL)
        rejection = rejection or self.admission.admit(worker)
        if rejection is not None:
            text = f"Pod was rejected: {rejection.message}"
            if rejection.reason in {"Evicted", "NodeShutdown"}:
                text = rejection.message
            worker.stage = "gone"
            worker.fate = ("Failed", rejection.reason, text)
            self.statuses.mark(worker)
            return
        if pod.status.start_time and not worker.resume():
            self._ended(worker)
            return
        limit = pod.spec.active_deadline_seconds
        if limit is not None:
            worker.deadline = self.clock.after(limit, self._overdue, worker)
        worker.stage = "sandbox"
        self._sandbox(worker)
        self.statuses.mark(worker)

    def _sandbox(self, worker: Worker) -> None:
        extra = self.runtime.fleet.draws.seconds(self.parameters.volumes)
        if not worker.pod.spec.host_network:
            extra += self.network.attach_seconds()
        self.runtime.run_pod_sandbox(extra, self._sandboxed, worker, worker.mark)

    def _sandboxed(self, worker: Worker, mark: int) -> None:
        if mark != worker.mark:
            return
        if worker.pod.spec.host_network:
            worker.address = self.statuses.host or self.name
        else:
            address = self.addresses.take()
            if address is None:
                worker.retry = self.clock.after(
                    self.parameters.sandbox_retry, self._sandbox, worker
                )
                return
            worker.address = address
        worker.stage = "up"
        self._stamp(worker.pod, "sandbox")
        self.containers.advance(worker)

    def _delete(self, worker: Worker) -> None:
        worker.deleting = True
        if worker.stage in {"gone", "over"}:
            self.statuses.mark(worker)
        elif worker.stage != "stopping":
            self.containers.stop(worker, worker.grace, self._ended)

    def _kill(self, worker: Worker) -> None:
        """Stop a pod that the API knows no more."""
        if worker.stage in {"sandbox", "up", "stopping"}:
            self.containers.stop(worker, 0.0, lambda _worker: None)

    def _ended(self, worker: Worker) -> None:
        """Let go of what a pod held, its containers being over, and report."""
        worker.stage = "over"
        self._let_go(worker)
        if self.healthy and self.workers.get(worker.key) is worker:
            self.statuses.mark(worker)

    def _let_go(self, worker: Worker) -> None:
        self.admission.release(worker)
        if worker.deadline is not None:
            worker.deadline.cancel()
        if worker.retry is not None:
            worker.retry.cancel()
        if worker.address and not worker.pod.spec.host_network:
            self.addresses.give_back(worker.address)
        worker.address = ""

    def _forget(self, worker: Worker) -> None:
        worker.mark += 1
        self._let_go(worker)
        self.workers.pop(worker.key, None)
        self._changed.pop(worker.key, None)

    def _reported(self, worker: Worker) -> None:
        """Delete a pod for good once its end is reported."""
        if worker.deleting and worker.stage in {"over", "gone"} and self.healthy:
            self.calls.remove(worker.pod)

    def _gone(self, worker: Worker) -> None:
        """Stop a pod of whose end the kubelet did not hear."""
        if self.workers.get(worker.key) is worker:
            self._kill(worker)
            self._forget(worker)

    # -- what happens on the node --

    def _notice(self, worker: Worker) -> None:
        """Look at a pod at the next relist."""
        self._changed[worker.key] = worker
        if self._relist_set:
            return
        self._relist_set = True
        self.clock.at(
            next_tick(self.clock.now, self.parameters.relist_period, self._phase),
            self._relist,
        )

    def _relist(self) -> None:
        self._relist_set = False
        changed, self._changed = self._changed, {}
        if not self.healthy:
            return
        for worker in changed.values():
            if worker.stage == "up":
                if worker.ended():
                    self.containers.stop(worker, worker.grace, self._ended)
                    continue
                self.containers.settle(worker)
                self.containers.advance(worker)
            if worker.stage != "stopping":
                self.statuses.mark(worker)

    def _used(self) -> None:
        if self.healthy:
            self.eviction.changed()

    def _finish(self, worker: Worker, reason: str, message: str, grace: float) -> None:
        worker.fate = ("Failed", reason, message)
        self.containers.stop(worker, grace, self._ended)

    def _evict(self, worker: Worker, message: str, grace: float) -> None:
        if not self.healthy:
            return
        worker.evicted = True
        self._finish(worker, "Evicted", message, grace)

    def _overdue(self, worker: Worker) -> None:
        if worker.stage in {"sandbox", "up"} and self.healthy:
            text = "Pod was active on the node longer than the specified deadline"
            self._finish(worker, "DeadlineExceeded", text, worker.grace)

    def _report_time(self) -> float:
        return next_tick(self.clock.now, self.parameters.status_period, self._phase)

    def _set_health(self, healthy: bool) -> None:
        if healthy != self.healthy:
            self.healthy = self.report.up = self.containers.alive = healthy
            for callback in self._health:
                callback(healthy)
