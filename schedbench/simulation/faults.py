"""What breaks, when and for how long: the faults that a scenario may list.

Each kind says what it does to the cluster and where Kubernetes documents what
follows; `injector` applies them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from schedbench.controlplane.latency import Draws
from schedbench.errors import InputError
from schedbench.objects.node import Node
from schedbench.objects.selectors import LabelSelector, matches_label_selector

NotNegative: TypeAlias = Annotated[float, Meta(ge=0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Index: TypeAlias = Annotated[int, Meta(ge=0)]
Elected: TypeAlias = Literal["etcd", "kube-scheduler", "kube-controller-manager"]


class Targets(Struct, forbid_unknown_fields=True, kw_only=True):
    """Nodes to hit: those of all the given conditions, or a share of them.

    Attributes
    ----------
    names
        Node names, each of which must be there when the fault begins.
    selector
        Label selector, with `matchLabels` or `matchExpressions`.
    share
        This share of the nodes that remain, rounded up, drawn from the seed.
    """

    names: list[str] | None = None
    selector: LabelSelector | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None

    def __post_init__(self) -> None:
        if self.names is None and self.selector is None and self.share is None:
            raise ValueError("no targets: give names, selector or share")
        if self.names is not None and not self.names:
            raise ValueError("names is empty")
        chosen = self.selector
        if chosen and not (chosen.match_labels or chosen.match_expressions):
            raise ValueError("empty selector: give matchLabels or matchExpressions")

    def choose(self, nodes: Iterable[Node], draws: Draws) -> list[str]:
        """Return the names of the nodes hit, sorted.

        Raises
        ------
        InputError
            If a named node is not there, or none is selected.
        """
        found = {node.metadata.name: node for node in nodes}
        names = sorted(found)
        if self.names is not None:
            missing = [name for name in self.names if name not in found]
            if missing:
                raise InputError("no such node", value=missing[0])
            names = sorted(set(self.names))
        if self.selector is not None:
            names = [
                name
                for name in names
                if matches_label_selector(self.selector, found[name].metadata.labels)
            ]
        if not names:
            raise InputError("the fault hits no node", fix="check names and selector")
        if self.share is not None:
            wanted = math.ceil(self.share * len(names) - 1e-9)
            for at in range(wanted):
                other = at + draws.choice(len(names) - at)
                names[at], names[other] = names[other], names[at]
            names = sorted(names[:wanted])
        return names


class _Fault(Struct, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """When it begins, and how many seconds it lasts; no duration = for good."""

    start: NotNegative
    duration: Positive | None = None

    @property
    def end(self) -> float:
        """When it ends."""
        return math.inf if self.duration is None else self.start + self.duration


class NodeCrash(_Fault, tag="node-crash", kw_only=True):
    """Nodes lose power; at the end they boot, and their pods' containers start anew.

    The pods stay bound meanwhile: the node turns Unknown after the monitor's grace
    period and its pods go when their tolerations of the unreachable taint run out.

    Source: docs.kubernetes.io, concepts/architecture/nodes ("Node status") and
    concepts/scheduling-eviction/taint-and-toleration ("Taint based evictions").
    """

    targets: Targets


class FlappingHeartbeat(_Fault, tag="flapping-heartbeat", kw_only=True):
    """Kubelets fall silent and speak again in turn, while all pods run on.

    `silent` of 60 s is longer than `--node-monitor-grace-period` (50 s), so that
    each turn makes the node Unknown and Ready again.

    Source: docs.kubernetes.io, reference/command-line-tools-reference/
    kube-controller-manager; concepts/architecture/leases ("Node heartbeats").
    """

    targets: Targets
    silent: Positive = 60.0
    speaking: Positive = 30.0


class Partition(_Fault, tag="partition", kw_only=True):
    """Nodes and API servers do not reach each other; containers run on.

    A pod that is deleted meanwhile keeps running on its node until the partition
    heals, as the kubelet cannot hear of it.

    Source: docs.kubernetes.io, concepts/architecture/nodes ("Node controller");
    concepts/workloads/controllers/statefulset (at most one pod of an identity).
    """

    targets: Targets


class SlowDisk(_Fault, tag="slow-disk", kw_only=True):
    """The disks under etcd members take longer to sync; no members = all.

    `median` of 20 ms is a disk of 50 sequential IOPS, the least that etcd's hardware
    guide admits; it asks for a 99th percentile below 10 ms. `p99` is ten times that
    median, an assumption.

    Source: etcd.io, op-guide/hardware ("Disks") and faq ("slow disk").
    """

    members: list[Index] | None = None
    median: Positive = 0.02
    p99: Positive = 0.2

    def __post_init__(self) -> None:
        if self.p99 < self.median:
            raise ValueError("p99 is below median")


class LeaderLoss(_Fault, tag="leader-loss", kw_only=True):
    """The leading replica of a component dies; another takes over after an election.

    Of etcd the Raft leader: writes wait for an election (timeout 1 s). Of the others
    the holder of the lease: it lapses after `--leader-elect-lease-duration` (15 s).
    Without a leader at that moment nothing happens.

    Source: etcd.io, tuning ("election timeout"); docs.kubernetes.io,
    reference/command-line-tools-reference/kube-scheduler.
    """

    component: Elected = "etcd"


class EtcdMemberLoss(_Fault, tag="etcd-member-loss", kw_only=True):
    """Etcd members die; without a quorum writes stop, and nothing is lost.

    Source: etcd.io, op-guide/failures.
    """

    members: Annotated[list[Index], Meta(min_length=1)]


class ApiServerLoss(_Fault, tag="api-server-loss", kw_only=True):
    """API servers die; clients reconnect to the others through the balancer.

    Source: docs.kubernetes.io, setup/production-environment/tools/kubeadm/ha-topology.
    """

    servers: Annotated[list[Index], Meta(min_length=1)]


class ApiOverload(_Fault, tag="api-overload", kw_only=True):
    """Foreign clients send `qps` calls a second; priority and fairness sorts them.

    Source: docs.kubernetes.io, concepts/cluster-administration/flow-control.
    """

    qps: Positive


class RegistryOutage(_Fault, tag="registry-outage", kw_only=True):
    """Image pulls fail; kubelets try again with a back-off of 10 s up to 300 s.

    Pods whose images are on the node start all the same (`IfNotPresent`).

    Source: docs.kubernetes.io, concepts/containers/images ("ImagePullBackOff").
    """


class MassEviction(_Fault, tag="mass-eviction", kw_only=True):
    """Nodes are drained at once: cordoned, every pod evicted within its budget.

    The end uncordons them; evictions that a budget refuses are tried again.

    Source: docs.kubernetes.io, tasks/administer-cluster/safely-drain-node.
    """

    targets: Targets


class ZoneLoss(_Fault, tag="zone-loss", kw_only=True):
    """All nodes of a zone lose power, or are cut off if `cut_off`.

    The control plane is elsewhere. A zone whose nodes are all unhealthy is in full
    disruption, which changes the node controller's rate of eviction.

    Source: docs.kubernetes.io, concepts/architecture/nodes ("Rate limits on eviction").
    """

    zone: str
    cut_off: bool = False


class ClockSkew(_Fault, tag="clock-skew", kw_only=True):
    """A component's wall clock is `seconds` ahead; below 0 it is behind.

    What goes by the clock (cron schedules, deadlines, timestamps) shifts. Leader
    election and the watch over heartbeats do not: they time what they observe.

    Source: kubernetes/kubernetes, client-go/tools/leaderelection/leaderelection.go
    and pkg/controller/nodelifecycle/node_lifecycle_controller.go.
    """

    component: str
    seconds: float

    def __post_init__(self) -> None:
        if self.seconds == 0 or not math.isfinite(self.seconds):
            raise ValueError("seconds must be a number other than 0")


Fault: TypeAlias = (
    NodeCrash
    | FlappingHeartbeat
    | Partition
    | SlowDisk
    | LeaderLoss
    | EtcdMemberLoss
    | ApiServerLoss
    | ApiOverload
    | RegistryOutage
    | MassEviction
    | ZoneLoss
    | ClockSkew
)


class Faults(Struct, forbid_unknown_fields=True):
    """The part of a scenario that says what breaks."""

    faults: list[Fault] = field(default_factory=list)


def kind_of(fault: Fault) -> str:
    """Return a fault's kind as scenarios spell it."""
    return str(fault.__struct_config__.tag)


def faults_end(faults: Iterable[Fault]) -> float:
    """Return when the last fault has ended: 0 without faults, ∞ if one never does."""
    return max((fault.end for fault in faults), default=0.0)
