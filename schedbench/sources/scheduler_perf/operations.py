"""The op codes of scheduler_perf and their parameters, as typed structs.

Every `xParam: $name` overrides `x` with the workload's parameter of that name.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from schedbench.errors import InputError

Selector: TypeAlias = dict[str, str]


class Operation(
    msgspec.Struct,
    tag_field="opcode",
    rename="camel",
    forbid_unknown_fields=True,
    kw_only=True,
):
    """One step of a case."""

    @property
    def opcode(self) -> str:
        """The op code as the file spells it."""
        return str(self.__struct_config__.tag)

    def check(self) -> None:
        """Raise InputError if the parameters contradict each other."""

    def template_paths(self) -> list[str]:
        """Return the templates that the op names, as the file spells them."""
        paths = [
            getattr(self, field)
            for field in self.__struct_fields__
            if field.endswith("template_path")
        ]
        return [path for path in paths if path is not None]


class Counted(Operation, kw_only=True):
    """An op that makes `count` of something."""

    count: int | None = None
    count_param: str | None = None

    needs_count = True

    def check(self) -> None:
        """Refuse an op with no count or a negative one."""
        if self.count is None and self.count_param is None and self.needs_count:
            raise InputError(
                "neither count nor countParam given", fix="say how many to make"
            )
        if self.count is not None and self.count < 0:
            raise InputError("negative count", value=self.count, fix="use 0 or more")


class Templated(Counted, kw_only=True):
    """A counted op that may leave out its count, which then is 1."""

    template_path: str
    namespace: str | None = None
    template_params: dict[str, Any] = {}

    needs_count = False


class CsiDriverLimit(msgspec.Struct, forbid_unknown_fields=True):
    """How many volumes of a CSI driver a node takes."""

    count: int


class NodeAllocatableStrategy(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True
):
    """Allocatable resources and CSI limits added to each node."""

    node_allocatable: dict[str, str | int | float] = {}
    csi_node_allocatable: dict[str, CsiDriverLimit] = {}
    migrated_plugins: list[str] = []


class LabelNodePrepareStrategy(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True
):
    """A label whose values go to the nodes in turn."""

    label_key: str
    label_values: list[str] = []


class UniqueNodeLabelStrategy(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True
):
    """A label with a value of its own for each node."""

    label_key: str


class CreateNodes(Counted, tag="createNodes", kw_only=True):
    """Make nodes from a template, or of the built-in shape."""

    node_template_path: str | None = None
    template_params: dict[str, Any] = {}
    node_allocatable_strategy: NodeAllocatableStrategy | None = None
    label_node_prepare_strategy: LabelNodePrepareStrategy | None = None
    unique_node_label_strategy: UniqueNodeLabelStrategy | None = None

    def check(self) -> None:
        """Refuse more than one strategy, and a round robin over nothing."""
        super().check()
        strategies = (
            self.node_allocatable_strategy,
            self.label_node_prepare_strategy,
            self.unique_node_label_strategy,
        )
        if sum(strategy is not None for strategy in strategies) > 1:
            raise InputError("several node strategies", fix="keep one of them")
        labelled = self.label_node_prepare_strategy
        if labelled is not None and not labelled.label_values:
            raise InputError("no labelValues", fix="give at least one value")


class CreateNamespaces(Counted, tag="createNamespaces", kw_only=True):
    """Make the namespaces `<prefix>-<0..count-1>`."""

    prefix: str
    namespace_template_path: str | None = None


class CreatePods(Counted, tag="createPods", kw_only=True):
    """Make pods and wait until they are scheduled."""

    count_multiplier_param: str | None = None
    pod_template_path: str | None = None
    namespace: str | None = None
    collect_metrics: bool = False
    skip_wait_to_completion: bool = False
    steady_state: bool = False
    steady_state_param: str | None = None
    duration: str | None = None
    duration_param: str | None = None
    persistent_volume_template_path: str | None = None
    persistent_volume_claim_template_path: str | None = None
    template_params: dict[str, Any] = {}
    signature_batch_size: int | None = None
    signature_batch_size_param: str | None = None
    nominated_node_name: str | None = None

    def check(self) -> None:
        """Refuse contradictory waits and volumes without claims."""
        super().check()
        if self.skip_wait_to_completion and (self.collect_metrics or self.steady_state):
            raise InputError(
                "skipWaitToCompletion with collectMetrics or steadyState",
                fix="keep one of them",
            )
        if (self.persistent_volume_template_path is None) != (
            self.persistent_volume_claim_template_path is None
        ):
            raise InputError(
                "a volume template without a claim template, or the reverse",
                fix="give both or none",
            )


class CreatePodSets(Counted, tag="createPodSets", kw_only=True):
    """Run one createPods per namespace `<prefix>-<0..count-1>`."""

    namespace_prefix: str
    create_pods_op: CreatePods

    def template_paths(self) -> list[str]:
        """Return the templates of the inner op."""
        return self.create_pods_op.template_paths()

    def check(self) -> None:
        """Check the inner op too."""
        super().check()
        self.create_pods_op.check()


class DeletePods(Operation, tag="deletePods", kw_only=True):
    """Delete a namespace's pods, at a rate or at once."""

    namespace: str
    label_selector: Selector = {}
    delete_pods_per_second: float = 0
    skip_wait_to_completion: bool = False

    def check(self) -> None:
        """Refuse a negative rate."""
        if self.delete_pods_per_second < 0:
            raise InputError(
                "negative deletePodsPerSecond",
                value=self.delete_pods_per_second,
                fix="use 0 for all at once",
            )


class Churn(Operation, tag="churn", kw_only=True):
    """Create objects, or create and delete them, until the workload ends."""

    mode: Literal["create", "recreate"]
    templates: list[str] = msgspec.field(name="templatePaths")
    number: int = 0
    interval_milliseconds: int = 500
    namespace: str | None = None

    def template_paths(self) -> list[str]:
        """Return the templates of the churned objects."""
        return self.templates

    def check(self) -> None:
        """Refuse an endless recreate, a churn of nothing and negative numbers."""
        for name in ("number", "interval_milliseconds"):
            if getattr(self, name) < 0:
                raise InputError(
                    f"negative {name}", value=getattr(self, name), fix="mend"
                )
        if self.mode == "recreate" and self.number <= 0:
            raise InputError("recreate without number", fix="give a number above 0")
        if not self.templates:
            raise InputError("no templatePaths", fix="give at least one template")


class Barrier(Operation, tag="barrier", kw_only=True):
    """Wait for pods to be scheduled or attempted."""

    namespaces: list[str] = []
    label_selector: Selector = {}
    stage_requirement: Literal["Scheduled", "Attempted"] = "Scheduled"


class Sleep(Operation, tag="sleep", kw_only=True):
    """Wait for a while."""

    duration: str | None = None
    duration_param: str | None = None


class CreateAny(Templated, tag="createAny", kw_only=True):
    """Create any objects."""


class UpdateAny(Templated, tag="updateAny", kw_only=True):
    """Update any objects, at a rate or at once."""

    update_per_second: float = 0
    subresources: list[str] = []

    def check(self) -> None:
        """Refuse a negative rate."""
        super().check()
        if self.update_per_second < 0:
            raise InputError(
                "negative updatePerSecond",
                value=self.update_per_second,
                fix="use 0 for all at once",
            )


class CreatePodGroups(Templated, tag="createPodGroups", kw_only=True):
    """Create pod groups and wait until they are seen."""


class CreateCompositePodGroups(Templated, tag="createCompositePodGroups", kw_only=True):
    """Create groups of pod groups and wait until they are seen."""


class WaitForPodGroups(Counted, tag="waitForPodGroups", kw_only=True):
    """Wait until pod groups are seen (older spelling, after createAny)."""

    namespace: str | None = None


class StartCollectingMetrics(Operation, tag="startCollectingMetrics", kw_only=True):
    """Begin to measure the pods of some namespaces."""

    namespaces: list[str]
    name: str | None = None
    label_selector: Selector = {}
    collectors: list[str] = []

    def check(self) -> None:
        """Refuse a collection of no namespace."""
        if not self.namespaces:
            raise InputError("no namespaces", fix="name those to measure")


class StopCollectingMetrics(Operation, tag="stopCollectingMetrics", kw_only=True):
    """End the measurement."""


class StartCollectingProfile(Operation, tag="startCollectingProfile", kw_only=True):
    """Begin a pprof profile of the upstream scheduler."""

    name: str | None = None


class StopCollectingProfile(Operation, tag="stopCollectingProfile", kw_only=True):
    """End the profile."""


class AllocResourceClaims(Operation, tag="allocResourceClaims", kw_only=True):
    """Allocate all resource claims of a namespace."""

    namespace: str


class CreateResourceDriver(Operation, tag="createResourceDriver", kw_only=True):
    """Publish resource slices for the nodes that a glob matches."""

    driver_name: str
    nodes: str
    max_claims_per_node: int | None = None
    max_claims_per_node_param: str | None = None


class CreateResourceClaims(Templated, tag="createResourceClaims", kw_only=True):
    """Create resource claims (older spelling)."""


class UpdateDeviceConditions(Operation, tag="updateDeviceConditions", kw_only=True):
    """Set a condition on the devices of allocated claims."""

    namespace: str
    condition_type: str | None = None
    condition_type_param: str | None = None
    condition_status: str | None = None
    condition_status_param: str | None = None
    duration: str | None = None
    duration_param: str | None = None


class CheckPodScheduled(Operation, tag="checkPodScheduled", kw_only=True):
    """Check whether pods are, or are not, scheduled after a while."""

    namespace: str
    scheduled: bool | None = None
    scheduled_param: str | None = None
    duration: str | None = None
    duration_param: str | None = None


AnyOperation: TypeAlias = (
    CreateNodes
    | CreateNamespaces
    | CreatePods
    | CreatePodSets
    | DeletePods
    | Churn
    | Barrier
    | Sleep
    | CreateAny
    | UpdateAny
    | CreatePodGroups
    | CreateCompositePodGroups
    | WaitForPodGroups
    | StartCollectingMetrics
    | StopCollectingMetrics
    | StartCollectingProfile
    | StopCollectingProfile
    | AllocResourceClaims
    | CreateResourceDriver
    | CreateResourceClaims
    | UpdateDeviceConditions
    | CheckPodScheduled
)

OPCODES: frozenset[str] = frozenset(
    str(kind.__struct_config__.tag) for kind in AnyOperation.__args__
)
