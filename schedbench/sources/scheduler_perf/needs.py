"""What a workload needs that schedbench does not model: one table.

A later version that models a row deletes the row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from schedbench.errors import UnknownNameError
from schedbench.objects.pod import Pod
from schedbench.objects.policy import LimitRange, PodGroup, ResourceQuota
from schedbench.objects.storage import PersistentVolume, PersistentVolumeClaim
from schedbench.objects.volume import Volume
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.facts import Facts, gather
from schedbench.sources.scheduler_perf.operations import CreatePods, UpdateAny
from schedbench.sources.scheduler_perf.plan import plan


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    """Something not modelled, and how to tell that a workload needs it."""

    name: str
    meaning: str
    found: Callable[[Facts], bool]


def workload_needs(case: Case, workload: PerfWorkload) -> list[str]:
    """Return the names of what a workload needs beyond the model, in order.

    Templates that depend on `.Index` are judged by a few of their objects.

    Raises
    ------
    InputError
        If the workload cannot be read.
    """
    return needs_of(gather(case, workload, plan(case, workload), sample=True))


def needs_of(facts: Facts) -> list[str]:
    """Return the names of what the objects and ops need beyond the model, in order."""
    found = {need.name for need in NEEDS if need.found(facts)}
    for gate, enabled in facts.workload.feature_gates.items():
        if gate in NEUTRAL_GATES:
            continue
        if gate not in GATES_WHEN_ENABLED:
            found.add(f"feature gate {gate}")
        elif enabled:
            found.add(gate)
    found |= {
        f"kind {kind.removeprefix('/')}"
        for kind in facts.strangers
        if kind not in PASSIVE_KINDS and kind.partition("/")[0] not in _NAMED_GROUPS
    }
    return sorted(found, key=str.lower)


def explain_need(name: str) -> str:
    """Return the sentence that tells what a need is.

    Raises
    ------
    UnknownNameError
        If there is no such need.
    """
    for need in NEEDS:
        if need.name == name:
            return need.meaning
    for prefix in ("feature gate ", "kind "):
        if name.startswith(prefix):
            return f"the {name} may change decisions, in a way not modelled"
    if name in GATES_WHEN_ENABLED:
        return f"the feature gate {name} changes decisions"
    raise UnknownNameError("need", name, [need.name for need in NEEDS])


NEUTRAL_GATES = frozenset(
    {
        # They change how upstream's scheduler does its work, not what it decides.
        "SchedulerQueueingHints",
        "SchedulerAsyncAPICalls",
        "SchedulerAsyncPreemption",
        "OpportunisticBatching",
        # They allow objects and fields, which are needs of their own where they occur.
        "DynamicResourceAllocation",
        "DRAExtendedResource",
        "DRAPartitionableDevices",
        "DRAPrioritizedList",
        "DRADeviceTaints",
        "DRADeviceBindingConditions",
        "DRAResourceClaimDeviceStatus",
        "GenericWorkload",
        "CompositePodGroup",
        "TopologyAwareWorkloadScheduling",
        "InPlacePodVerticalScaling",
        "InPlacePodVerticalScalingSchedulerPreemption",
    }
)
"""Feature gates that need nothing by themselves."""

GATES_WHEN_ENABLED = frozenset({"NodeDeclaredFeatures"})
"""Feature gates that are needs when they are on."""

PASSIVE_KINDS = frozenset(
    {"/ConfigMap", "/Secret", "/ServiceAccount", "/Endpoints", "/Event"}
)
"""Kinds without a type here that scheduling does not look at."""

_NAMED_GROUPS = frozenset({"resource.k8s.io", "scheduling.k8s.io"})


def _pods(found: Callable[[Pod], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(found(pod) for _, pod in facts.pods)


def _ops(*opcodes: str) -> Callable[[Facts], bool]:
    return lambda facts: not facts.opcodes().isdisjoint(opcodes)


def _any_of(*tests: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(test(facts) for test in tests)


def _group(group: str) -> Callable[[Facts], bool]:
    return lambda facts: any(kind.startswith(f"{group}/") for kind in facts.strangers)


def _volumes(found: Callable[[Volume], bool]) -> Callable[[Facts], bool]:
    return _pods(lambda pod: any(found(volume) for volume in pod.spec.volumes))


def _is_claimed(volume: Volume) -> bool:
    return volume.persistent_volume_claim is not None or volume.ephemeral is not None


def _is_disk(volume: Volume) -> bool:
    return any(
        source is not None
        for source in (
            volume.aws_elastic_block_store,
            volume.gce_persistent_disk,
            volume.azure_disk,
            volume.iscsi,
            volume.rbd,
        )
    )


def _has_pod_affinity(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    return affinity is not None and (
        affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None
    )


def _volume_objects(
    found: Callable[[PersistentVolume], bool],
) -> Callable[[Facts], bool]:
    return lambda facts: any(
        found(item) for _, item in facts.objects if isinstance(item, PersistentVolume)
    )


def _group_priorities(facts: Facts) -> set[int | None]:
    return {
        item.spec.priority for _, item in facts.objects if isinstance(item, PodGroup)
    }


def _steady_ops(facts: Facts) -> Iterator[bool]:
    for op in facts.ops:
        if isinstance(op, CreatePods):
            yield facts.parameters.flag(op.steady_state, op.steady_state_param)


NEEDS: tuple[Need, ...] = (
    Need(
        "DefaultPreemption",
        "pods of different priorities may displace each other",
        _any_of(
            lambda facts: len(facts.priorities()) > 1,
            lambda facts: len(_group_priorities(facts)) > 1,
        ),
    ),
    Need(
        "DynamicResources",
        "pods ask for devices through resource claims",
        _any_of(
            _pods(lambda pod: bool(pod.spec.resource_claims)),
            _group("resource.k8s.io"),
            _ops(
                "allocResourceClaims",
                "createResourceDriver",
                "createResourceClaims",
                "updateDeviceConditions",
            ),
        ),
    ),
    Need(
        "ImageLocality",
        "nodes report the images they hold",
        lambda facts: any(node.status.images for node in facts.nodes),
    ),
    Need(
        "InPlacePodVerticalScaling",
        "running pods are resized",
        lambda facts: any(
            isinstance(op, UpdateAny) and "resize" in op.subresources
            for op in facts.ops
        ),
    ),
    Need(
        "KubeSchedulerConfiguration",
        "the case brings a scheduler configuration of its own",
        lambda facts: facts.case.scheduler_config_path is not None,
    ),
    Need(
        "LimitRange and ResourceQuota",
        "admission changes or refuses pods",
        lambda facts: facts.of_type(LimitRange, ResourceQuota),
    ),
    Need(
        "NodeDeclaredFeatures",
        "nodes declare features that pods may require",
        lambda facts: any(node.status.declared_features for node in facts.nodes),
    ),
    Need(
        "NodeVolumeLimits",
        "nodes take a limited number of CSI volumes",
        _any_of(
            _volumes(lambda volume: volume.csi is not None),
            lambda facts: facts.of_type(PersistentVolume),
        ),
    ),
    Need(
        "nominated node names",
        "pods are created with a node already nominated",
        _any_of(
            _pods(lambda pod: pod.status.nominated_node_name is not None),
            lambda facts: any(
                isinstance(op, CreatePods) and op.nominated_node_name is not None
                for op in facts.ops
            ),
        ),
    ),
    Need(
        "op checkPodScheduled",
        "pods are checked after a while",
        _ops("checkPodScheduled"),
    ),
    Need("op churn", "objects come and go in the background", _ops("churn")),
    Need(
        "op createPods steadyState",
        "scheduled pods are replaced by new ones for a while",
        lambda facts: any(_steady_ops(facts)),
    ),
    Need("op updateAny", "objects change while pods are scheduled", _ops("updateAny")),
    Need(
        "pod groups",
        "pods are scheduled in groups",
        _any_of(
            _pods(lambda pod: pod.spec.scheduling_group is not None),
            _group("scheduling.k8s.io"),
            lambda facts: facts.of_type(PodGroup),
            _ops("createPodGroups", "createCompositePodGroups", "waitForPodGroups"),
        ),
    ),
    Need(
        "RuntimeClass",
        "a runtime class adds overhead to pods",
        _pods(lambda pod: pod.spec.runtime_class_name is not None),
    ),
    Need(
        "scheduler profiles",
        "pods name a scheduler other than the default one",
        _pods(
            lambda pod: pod.spec.scheduler_name not in {None, "", "default-scheduler"}
        ),
    ),
    Need(
        "SchedulingGates",
        "pods are held back by gates",
        _pods(lambda pod: bool(pod.spec.scheduling_gates)),
    ),
    Need(
        "VolumeBinding",
        "pods use volumes through claims",
        _any_of(
            _volumes(_is_claimed),
            lambda facts: facts.of_type(PersistentVolumeClaim),
        ),
    ),
    Need(
        "VolumeRestrictions",
        "pods contend for disks, or for claims of a single pod",
        _any_of(
            _volumes(_is_disk),
            lambda facts: any(
                "ReadWriteOncePod" in (item.spec.access_modes or ())
                for _, item in facts.objects
                if isinstance(item, PersistentVolumeClaim)
            ),
        ),
    ),
    Need(
        "VolumeZone",
        "volumes are bound to zones",
        _volume_objects(
            lambda volume: any(
                key.startswith(("topology.kubernetes.io/", "failure-domain."))
                for key in volume.metadata.labels
            )
        ),
    ),
)
"""Everything not modelled that a workload may need."""
