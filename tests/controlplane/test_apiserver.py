"""What the API promises of objects: names, versions, deletion, binding, eviction."""

from __future__ import annotations

import re

import pytest
from controlplane.cluster_of_servers import Servers, meta, pod
from msgspec.structs import replace

from schedbench.controlplane.etcd_types import EtcdError
from schedbench.objects.controllers import ReplicaSet, ReplicaSetSpec
from schedbench.objects.meta import OwnerReference
from schedbench.objects.pod import PodCondition, PodSchedulingGate, PodStatus
from schedbench.objects.policy import (
    Namespace,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from schedbench.objects.selectors import LabelSelector


@pytest.fixture
def world() -> Servers:
    return Servers()


def labelled(item, **labels):
    return replace(item, metadata=replace(item.metadata, labels=labels))


def with_status(world, name="web", **status):
    """Let the node report a pod's status."""
    world.ok(
        world.admin.patch,
        "Pod",
        "default",
        name,
        lambda old: replace(old, status=replace(old.status, **status)),
        subresource="status",
    )


def running(world, name="web", **spec):
    """Create a pod that runs on a node."""
    world.ok(world.admin.create, labelled(pod(name, **spec), app="web"))
    world.ok(world.admin.bind, "default", name, "n1")
    ready = [PodCondition(type="Ready", status="True")]
    with_status(world, name, phase="Running", conditions=ready)


def test_created_object_has_uid_generation_version_and_time(world):
    """The server gives a new object its uid, generation 1, version and time."""
    made = world.ok(world.admin.create, pod()).metadata

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made.uid)
    assert (made.generation, made.resource_version) == (1, "2")
    assert made.creation_timestamp == "2026-01-01T00:00:01Z"


def test_objects_of_different_lives_have_different_uids(world):
    """A name that is used again belongs to another object."""
    first = world.ok(world.admin.create, pod()).metadata.uid
    world.ok(world.admin.delete, "Pod", "default", "web")

    assert world.ok(world.admin.create, pod()).metadata.uid != first


def test_create_of_taken_name_fails(world):
    """AlreadyExists, in upstream's words."""
    world.ok(world.admin.create, pod())

    assert world.refused(world.admin.create, pod()) == (
        "AlreadyExists",
        'pods "web" already exists',
    )


def test_create_leaves_the_given_object_alone(world):
    """What is handed over is never changed."""
    given = pod()
    world.ok(world.admin.create, given)

    assert given == pod()


def test_generate_name_adds_five_letters(world):
    """A generated name has five letters of an alphabet without vowels."""
    item = replace(pod(), metadata=meta("", "default", generate_name="web-"))
    names = {world.ok(world.admin.create, item).metadata.name for _ in range(50)}

    assert len(names) == 50
    assert all(re.fullmatch("web-[bcdfghjklmnpqrstvwxz2456789]{5}", n) for n in names)


def test_taken_generated_name_is_drawn_again(world, monkeypatch):
    """A collision of a generated name is not the caller's affair."""
    names = iter(["web-1", "web-1", "web-2"])
    monkeypatch.setattr(
        "schedbench.controlplane.rules.generated_name", lambda *_: next(names)
    )
    item = replace(pod(), metadata=meta("", "default", generate_name="web-"))
    made = [world.ok(world.admin.create, item).metadata.name for _ in range(2)]

    assert made == ["web-1", "web-2"]


def test_object_without_name_is_invalid(world):
    """One of name and generateName is required."""
    reason, message = world.refused(world.admin.create, pod(""))

    assert reason == "Invalid"
    assert "name or generateName is required" in message


def test_get_of_missing_object_fails(world):
    """NotFound, in upstream's words."""
    assert world.refused(world.admin.get, "Pod", "default", "web") == (
        "NotFound",
        'pods "web" not found',
    )


def test_list_has_what_was_written_before(world):
    """A list is as fresh as the store, and of one namespace if asked."""
    world.ok(world.admin.create, meta_namespace("other"))
    for namespace in ("default", "other"):
        world.admin.create(pod(namespace=namespace))
    world.run()
    everywhere = world.ask(world.admin.list, "Pod").items
    there = world.ask(world.admin.list, "Pod", namespace="other").items

    assert [one.key for one in everywhere] == ["default/web", "other/web"]
    assert [one.key for one in there] == ["other/web"]


def meta_namespace(name):
    return Namespace(metadata=meta(name))


def test_update_of_old_version_is_a_conflict(world):
    """Optimistic concurrency: an update of an old version does nothing."""
    first = world.ok(world.admin.create, pod())
    world.ok(world.admin.update, labelled(first, a="1"))
    reason, message = world.refused(world.admin.update, labelled(first, a="2"))

    assert reason == "Conflict"
    assert message.startswith('Operation cannot be fulfilled on pods "web": the object')
    assert world.pod().metadata.labels == {"a": "1"}


def test_update_without_version_is_unconditional(world):
    """Without a resource version the last one to write wins."""
    first = world.ok(world.admin.create, pod())
    world.ok(world.admin.update, labelled(first, a="1"))
    free = replace(first, metadata=replace(first.metadata, resource_version=None))
    world.ok(world.admin.update, labelled(free, a="2"))

    assert world.pod().metadata.labels == {"a": "2"}


def test_update_that_changes_nothing_is_not_stored(world):
    """No write, no new version, no event."""
    first = world.ok(world.admin.create, pod())
    events = world.watch()
    again = world.ok(world.admin.update, first)

    assert again.metadata.resource_version == first.metadata.resource_version
    assert [event.type for event in events] == ["ADDED"]


def test_generation_counts_changes_of_the_spec_alone(world):
    """Labels and status leave the generation as it is."""
    item = ReplicaSet(metadata=meta("rs", "default"), spec=ReplicaSetSpec(replicas=1))
    made = world.ok(world.admin.create, item)
    same = world.ok(world.admin.update, labelled(made, a="1"))
    more = world.ok(world.admin.update, replace(same, spec=ReplicaSetSpec(replicas=2)))

    assert (same.metadata.generation, more.metadata.generation) == (1, 2)


def test_status_and_the_rest_are_written_apart(world):
    """An update leaves the status, an update of the status leaves the rest."""
    made = world.ok(world.admin.create, pod())
    both = replace(labelled(made, a="1"), status=PodStatus(phase="Running"))
    world.ok(world.admin.update, both, subresource="status")
    after_status = world.pod()
    both = replace(labelled(after_status, a="1"), status=PodStatus(phase="Failed"))
    world.ok(world.admin.update, both)
    after = world.pod()

    assert (after_status.metadata.labels, after_status.status.phase) == ({}, "Running")
    assert (after.metadata.labels, after.status.phase) == ({"a": "1"}, "Running")


def test_update_cannot_change_what_is_the_servers(world):
    """Uid, times and the node of a pod are not a client's to write."""
    made = world.ok(world.admin.create, pod())
    faked = replace(made.metadata, creation_timestamp="x", deletion_timestamp="y")
    kept = world.ok(world.admin.update, labelled(replace(made, metadata=faked), a="1"))
    other = replace(kept, metadata=replace(kept.metadata, uid="other"))
    moved = replace(kept, spec=replace(kept.spec, node_name="n1"))

    assert kept.metadata.creation_timestamp == made.metadata.creation_timestamp
    assert kept.metadata.deletion_timestamp is None
    assert world.refused(world.admin.update, other)[0] == "Conflict"
    assert world.refused(world.admin.update, moved)[0] == "Invalid"


def test_patches_of_one_instant_all_count():
    """A patch is made anew of what the store has, until it fits."""
    world = Servers(slow=True)
    world.ok(world.admin.create, pod())
    answers = []
    for number in range(20):
        world.admin.patch(
            "Pod",
            "default",
            "web",
            lambda old, n=number: labelled(old, **old.metadata.labels, **{f"l{n}": ""}),
            answers.append,
        )
    world.run(10)

    assert [answer.error for answer in answers] == [None] * 20
    assert set(world.pod().metadata.labels) == {f"l{n}" for n in range(20)}


def test_patch_that_returns_none_changes_nothing(world):
    """The object comes back as it is."""
    made = world.ok(world.admin.create, pod())

    assert world.ok(world.admin.patch, "Pod", "default", "web", lambda _: None) == made


def test_unassigned_pod_goes_at_once(world):
    """Nobody has to stop a pod that has no node."""
    world.ok(world.admin.create, pod())
    world.ok(world.admin.delete, "Pod", "default", "web")

    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"


@pytest.mark.parametrize(("own", "period"), [(None, 30), (5, 5)])
def test_running_pod_has_its_grace_period(world, own, period):
    """Deletion marks it with the time by which it has to be gone; 30 s by default."""
    running(world, termination_grace_period_seconds=own)
    world.ok(world.admin.delete, "Pod", "default", "web")
    left = world.pod().metadata

    assert left.deletion_grace_period_seconds == period
    assert left.deletion_timestamp == f"2026-01-01T00:00:{period + 4:02d}Z"
    assert left.generation == 2


def test_finished_pod_goes_at_once(world):
    """A pod that has finished has nothing to stop."""
    running(world)
    with_status(world, phase="Succeeded")
    world.ok(world.admin.delete, "Pod", "default", "web")

    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"


def test_grace_of_zero_is_now(world):
    """The kubelet's last word, or a forced deletion."""
    running(world)
    world.ok(world.admin.delete, "Pod", "default", "web", grace=0)

    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"


def test_second_deletion_only_shortens_the_grace(world):
    """A longer period is passed over, a shorter one counts from the first call."""
    running(world)
    world.ok(world.admin.delete, "Pod", "default", "web")
    first = world.pod().metadata
    world.ok(world.admin.delete, "Pod", "default", "web", grace=60)
    longer = world.pod().metadata
    world.ok(world.admin.delete, "Pod", "default", "web", grace=10)
    shorter = world.pod().metadata

    assert longer == first
    assert first.deletion_timestamp == "2026-01-01T00:00:34Z"
    assert shorter.deletion_timestamp == "2026-01-01T00:00:14Z"


def test_finalizers_hold_an_object(world):
    """It is gone when the last finalizer is."""
    item = ReplicaSet(metadata=meta("rs", "default", finalizers=["a", "b"]))
    world.ok(world.admin.create, item)
    world.ok(world.admin.delete, "ReplicaSet", "default", "rs")
    held = world.ok(world.admin.get, "ReplicaSet", "default", "rs")
    assert held.metadata.deletion_timestamp is not None

    def without(*gone):
        return lambda old: replace(
            old,
            metadata=replace(
                old.metadata,
                finalizers=[f for f in old.metadata.finalizers if f not in gone],
            ),
        )

    world.ok(world.admin.patch, "ReplicaSet", "default", "rs", without("a"))
    world.ok(world.admin.get, "ReplicaSet", "default", "rs")
    world.ok(world.admin.patch, "ReplicaSet", "default", "rs", without("b"))
    gone = world.refused(world.admin.get, "ReplicaSet", "default", "rs")

    assert gone[0] == "NotFound"


def test_deletion_of_another_uid_is_a_conflict(world):
    """A precondition keeps a controller from deleting a successor."""
    world.ok(world.admin.create, pod())
    reason, message = world.refused(
        world.admin.delete, "Pod", "default", "web", uid="old"
    )

    assert reason == "Conflict"
    assert "Precondition failed: UID in precondition: old" in message


def test_owner_references_are_kept(world):
    """Who owns a pod is for the garbage collector to read."""
    owner = OwnerReference(kind="ReplicaSet", name="rs", uid="u", controller=True)
    item = pod()
    item.metadata.owner_references = [owner]
    world.ok(world.admin.create, item)

    assert world.pod().metadata.owner_references == [owner]


def test_binding_sets_node_and_condition(world):
    """A bound pod has its node and is PodScheduled."""
    world.ok(world.admin.create, pod())
    world.ok(world.admin.bind, "default", "web", "n1")
    bound = world.pod()

    assert bound.spec.node_name == "n1"
    assert bound.status.conditions == [PodCondition(type="PodScheduled", status="True")]


def test_bound_pod_is_not_bound_again(world):
    """Two schedulers cannot both have their way."""
    world.ok(world.admin.create, pod())
    world.ok(world.admin.bind, "default", "web", "n1")

    assert world.refused(world.admin.bind, "default", "web", "n2") == (
        "Conflict",
        (
            'Operation cannot be fulfilled on pods/binding "web": pod web is already '
            'assigned to node "n1"'
        ),
    )


def test_two_bindings_of_one_instant_bind_once():
    """Of two schedulers at once one wins, whatever the latencies."""
    world = Servers(slow=True, replicas=2)
    world.ok(world.admin.create, pod())
    answers = []
    for node in ("n1", "n2"):
        world.admin.bind("default", "web", node, answers.append)
    world.run()
    reasons = [answer.error and answer.error.reason for answer in answers]

    assert sorted(map(str, reasons)) == ["Conflict", "None"]


def test_gated_or_going_pod_is_not_bound(world):
    """Gates and deletion come before a node."""
    world.ok(
        world.admin.create, pod("a", scheduling_gates=[PodSchedulingGate(name="g")])
    )
    going = pod("b")
    going.metadata.finalizers = ["f"]
    world.ok(world.admin.create, going)
    world.ok(world.admin.delete, "Pod", "default", "b")

    assert "schedulingGates" in world.refused(world.admin.bind, "default", "a", "n")[1]
    assert "being deleted" in world.refused(world.admin.bind, "default", "b", "n")[1]


def budget(world, name="pdb", policy=None, **status):
    selector = LabelSelector(match_labels={"app": "web"})
    spec = PodDisruptionBudgetSpec(
        min_available=1, selector=selector, unhealthy_pod_eviction_policy=policy
    )
    item = PodDisruptionBudget(metadata=meta(name, "default"), spec=spec)
    world.ok(world.admin.create, item)
    world.ok(
        world.admin.patch,
        "PodDisruptionBudget",
        "default",
        name,
        lambda old: replace(old, status=PodDisruptionBudgetStatus(**status)),
        subresource="status",
    )


def test_eviction_without_budget_is_a_deletion(world):
    """The pod goes with its grace period."""
    running(world)
    world.ok(world.admin.evict, "default", "web")

    assert world.pod().metadata.deletion_grace_period_seconds == 30


def test_an_evicted_pod_says_so(world):
    """Its condition DisruptionTarget is True; a plain deletion gives none."""
    running(world, "a")
    running(world, "b")
    world.ok(world.admin.evict, "default", "a")
    world.ok(world.admin.delete, "Pod", "default", "b")

    def targets(name):
        conditions = world.pod(name).status.conditions
        return [c.reason for c in conditions if c.type == "DisruptionTarget"]

    assert (targets("a"), targets("b")) == (["EvictionByEvictionAPI"], [])


def test_eviction_uses_up_the_budget(world):
    """Each eviction is counted; without room it is refused for now."""
    running(world, "a")
    running(world, "b")
    budget(world, disruptions_allowed=1, current_healthy=2, desired_healthy=1)
    world.ok(world.admin.evict, "default", "a")
    left = world.ok(world.admin.get, "PodDisruptionBudget", "default", "pdb").status
    refusal = world.refused(world.admin.evict, "default", "b")

    assert (left.disruptions_allowed, list(left.disrupted_pods)) == (0, ["a"])
    assert refusal == (
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    )
    assert world.pod("b").metadata.deletion_timestamp is None


def test_two_evictions_of_one_instant_share_one_disruption():
    """The budget's version keeps two servers from spending it twice."""
    world = Servers(slow=True, replicas=2)
    running(world, "a")
    running(world, "b")
    budget(world, disruptions_allowed=1, current_healthy=2, desired_healthy=1)
    answers = []
    for name in ("a", "b"):
        world.admin.evict("default", name, answers.append)
    world.run()
    reasons = [answer.error and answer.error.reason for answer in answers]

    assert sorted(map(str, reasons)) == ["None", "TooManyRequests"]


def test_pending_pod_is_evicted_without_budget(world):
    """A pod that does not run yet disrupts nobody."""
    world.ok(world.admin.create, labelled(pod(), app="web"))
    budget(world, disruptions_allowed=0)
    world.ok(world.admin.evict, "default", "web")

    assert world.refused(world.admin.get, "Pod", "default", "web")[0] == "NotFound"


def test_unready_pod_of_a_healthy_application_is_evicted(world):
    """IfHealthyBudget: an unready pod does not count, if enough others are healthy."""
    running(world)
    with_status(world, conditions=[])
    budget(world, disruptions_allowed=0, current_healthy=1, desired_healthy=1)
    world.ok(world.admin.evict, "default", "web")

    assert world.pod().metadata.deletion_timestamp is not None


@pytest.mark.parametrize(
    ("policy", "evicted"),
    [(None, False), ("IfHealthyBudget", False), ("AlwaysAllow", True)],
)
def test_unready_pod_of_a_disrupted_application(world, policy, evicted):
    """It stays under IfHealthyBudget, the default, and goes under AlwaysAllow."""
    running(world)
    with_status(world, conditions=[])
    budget(
        world,
        disruptions_allowed=0,
        current_healthy=0,
        desired_healthy=1,
        policy=policy,
    )
    world.ask(world.admin.evict, "default", "web")

    assert (world.pod().metadata.deletion_timestamp is not None) == evicted


def test_pod_of_two_budgets_is_not_evicted(world):
    """More than one budget is a mistake of the cluster's owner."""
    running(world)
    budget(world, "a", disruptions_allowed=1)
    budget(world, "b", disruptions_allowed=1)
    reason, message = world.refused(world.admin.evict, "default", "web")

    assert reason == "InternalError"
    assert "more than one PodDisruptionBudget" in message


def test_terminating_namespace_refuses_creations(world):
    """Nothing new comes into a namespace that is being emptied."""
    world.ok(world.admin.create, Namespace(metadata=meta("n", finalizers=["f"])))
    world.ok(world.admin.create, pod(namespace="n"))
    world.ok(world.admin.delete, "Namespace", "", "n")

    assert world.refused(world.admin.create, pod("b", namespace="n")) == (
        "Forbidden",
        (
            'pods "b" is forbidden: unable to create new content in namespace n '
            "because it is being terminated"
        ),
    )


def test_namespace_must_exist_and_default_stays(world):
    """A missing namespace is NotFound; the system's own cannot be deleted."""
    assert world.refused(world.admin.create, pod(namespace="n")) == (
        "NotFound",
        'namespaces "n" not found',
    )
    assert (
        world.refused(world.admin.delete, "Namespace", "", "default")[0] == "Forbidden"
    )


def test_pod_is_stamped_on_its_way():
    """Applied, admitted and stored in this order, with one uid; then bound."""
    stamps = []
    world = Servers(
        slow=True, stamp=lambda p, hop: stamps.append((p.metadata.uid, hop))
    )
    uid = world.ok(world.admin.create, pod()).metadata.uid
    world.ok(world.admin.bind, "default", "web", "n1")

    assert stamps == [(uid, h) for h in ("applied", "admitted", "stored", "bound")]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [("timeout", "Timeout"), ("leader changed", "InternalError")],
)
def test_errors_of_the_store_are_the_callers(world, failure, reason):
    """The server does not hide that its store failed."""
    world.store.error = EtcdError(failure)
    answer = world.refused(world.admin.create, pod())

    assert answer[0] == reason
    assert answer[1].startswith("etcdserver: ")


def test_call_that_takes_too_long_fails(world):
    """After 60 s a call is answered, whatever the store does."""
    world.store.silent = True
    answers = []
    world.admin.create(pod(), answers.append)
    world.run(59)
    assert answers == []
    world.run(2)

    assert [answer.error.reason for answer in answers] == ["Timeout"]
