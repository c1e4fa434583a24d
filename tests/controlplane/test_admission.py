"""What admission promises: each plugin's documented behaviour, and its messages."""

from __future__ import annotations

import pytest
from controlplane.cluster_of_servers import Servers, meta, pod
from msgspec.structs import replace

from schedbench.controlplane.admission import SHAPING
from schedbench.objects.node import Node
from schedbench.objects.pod import Container, PodStatus, ResourceRequirements
from schedbench.objects.policy import (
    LimitRange,
    LimitRangeItem,
    LimitRangeSpec,
    Namespace,
    PriorityClass,
    ResourceQuota,
    ResourceQuotaSpec,
)
from schedbench.objects.taints import Taint, Toleration


@pytest.fixture
def world() -> Servers:
    return Servers()


def asking(name="web", limits=None, **requests):
    resources = ResourceRequirements(requests=requests, limits=limits or {})
    return pod(name, containers=[Container(name="c", image="i", resources=resources)])


def test_plugins_run_in_the_order_of_kube_apiserver():
    """Whatever the flags say, plugins are called in the order of AllOrderedPlugins."""
    upstream = [
        "LimitRanger", "ServiceAccount", "TaintNodesByCondition", "PodNodeSelector",
        "Priority", "DefaultTolerationSeconds",
    ]  # fmt: skip

    assert [plugin.name for plugin in SHAPING] == ["Defaulting", *upstream]


def test_quota_counts_what_the_other_plugins_made_of_a_pod(world):
    """ResourceQuota comes last: it charges the requests that LimitRanger gave."""
    limits = LimitRangeItem(type="Container", default_request={"cpu": "3"})
    spec = LimitRangeSpec(limits=[limits])
    world.ok(world.admin.create, LimitRange(metadata=meta("l", "default"), spec=spec))
    quota = ResourceQuotaSpec(hard={"requests.cpu": "5"})
    world.ok(
        world.admin.create, ResourceQuota(metadata=meta("q", "default"), spec=quota)
    )
    world.ok(world.admin.create, asking("a"))

    assert "exceeded quota" in world.refused(world.admin.create, asking("b"))[1]


def test_new_pod_is_filled_in(world):
    """Scheduler, restart policy, grace period, account, phase, and requests."""
    item = asking(limits={"cpu": "1"})
    item.status = PodStatus(phase="Running")
    made = world.ok(world.admin.create, item)

    assert made.spec.scheduler_name == "default-scheduler"
    assert made.spec.restart_policy == "Always"
    assert made.spec.termination_grace_period_seconds == 30
    assert made.spec.service_account_name == "default"
    assert made.spec.containers[0].resources.requests == {"cpu": "1"}
    assert made.status.phase == "Pending"


def test_equal_pods_share_their_spec_and_different_ones_do_not(world):
    """What is worked out once is still each pod's own."""
    a = world.ok(world.admin.create, asking("a", cpu="1"))
    b = world.ok(world.admin.create, asking("b", cpu="1"))
    c = world.ok(world.admin.create, asking("c", cpu="2"))

    assert a.spec is b.spec
    assert c.spec.containers[0].resources.requests == {"cpu": "2"}


@pytest.mark.parametrize(
    ("name", "priority"), [("high", 7), ("system-node-critical", 2_000_001_000)]
)
def test_priority_is_that_of_the_class(world, name, priority):
    """Priority and preemption policy come from the PriorityClass."""
    high = PriorityClass(metadata=meta("high"), value=7, preemption_policy="Never")
    world.ok(world.admin.create, high)
    spec = world.ok(world.admin.create, pod(priority_class_name=name)).spec

    assert spec.priority == priority
    policy = "Never" if name == "high" else "PreemptLowerPriority"
    assert spec.preemption_policy == policy


def test_pod_without_class_has_the_global_default(world):
    """The global default applies to pods created after it; before, it is 0."""
    before = world.ok(world.admin.create, pod("a")).spec
    chosen = PriorityClass(metadata=meta("usual"), value=3, global_default=True)
    world.ok(world.admin.create, chosen)
    after = world.ok(world.admin.create, pod("b")).spec

    assert (before.priority, before.priority_class_name) == (0, None)
    assert (after.priority, after.priority_class_name) == (3, "usual")


def test_pod_of_missing_class_is_refused(world):
    """A misspelt class is told."""
    assert world.refused(world.admin.create, pod(priority_class_name="no")) == (
        "Forbidden",
        'pods "web" is forbidden: no PriorityClass with name no was found',
    )


def test_tolerations_of_300_seconds_are_added(world):
    """Unless the pod tolerates the taint already."""
    own = Toleration(
        key="node.kubernetes.io/not-ready", operator="Exists", toleration_seconds=5
    )
    made = world.ok(world.admin.create, pod(tolerations=[own])).spec.tolerations

    assert made == [
        own,
        Toleration(
            key="node.kubernetes.io/unreachable",
            operator="Exists",
            effect="NoExecute",
            toleration_seconds=300,
        ),
    ]


def test_new_node_is_tainted_not_ready(world):
    """Nothing is placed there until the node is seen to be ready."""
    made = world.ok(world.admin.create, Node(metadata=meta("n1")))

    assert made.spec.taints == [
        Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule")
    ]


def in_namespace(world, **annotations):
    item = Namespace(metadata=meta("team", annotations=annotations))
    world.ok(world.admin.create, item)


def test_namespace_adds_its_node_selector(world):
    """The pod's own selector is kept beside it; a conflict is refused."""
    annotation = {"scheduler.alpha.kubernetes.io/node-selector": "disk=ssd,zone=a"}
    in_namespace(world, **annotation)
    mine = pod(namespace="team", node_selector={"arch": "arm"})
    made = world.ok(world.admin.create, mine)
    other = pod("b", namespace="team", node_selector={"disk": "hdd"})

    assert made.spec.node_selector == {"arch": "arm", "disk": "ssd", "zone": "a"}
    assert world.refused(world.admin.create, other) == (
        "Forbidden",
        (
            'pods "b" is forbidden: pod node label selector conflicts with its '
            "namespace node label selector"
        ),
    )


def limited(world, **limit):
    limit.setdefault("type", "Container")
    spec = LimitRangeSpec(limits=[LimitRangeItem(**limit)])
    world.ok(world.admin.create, LimitRange(metadata=meta("l", "default"), spec=spec))


def test_limit_range_gives_defaults(world):
    """A container that names nothing gets the namespace's defaults."""
    limited(world, default={"cpu": "1"}, default_request={"cpu": "500m"})
    resources = world.ok(world.admin.create, pod()).spec.containers[0].resources

    assert resources.requests == {"cpu": "500m"}
    assert resources.limits == {"cpu": "1"}


@pytest.mark.parametrize(
    ("limit", "item", "why"),
    [
        pytest.param(
            {"max": {"cpu": "2"}},
            asking(cpu="1", limits={"cpu": "3"}),
            "maximum cpu usage per Container is 2, but limit is 3",
            id="limit above max",
        ),
        pytest.param(
            {"min": {"memory": "1Gi"}},
            asking(memory="1Mi"),
            "minimum memory usage per Container is 1Gi, but request is 1Mi",
            id="request below min",
        ),
        pytest.param(
            {"type": "Pod", "max": {"cpu": "2"}},
            pod(),
            "maximum cpu usage per Pod is 2.  No limit is specified",
            id="pod without limit",
        ),
        pytest.param(
            {"max_limit_request_ratio": {"cpu": "2"}},
            asking(cpu="1", limits={"cpu": "3"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is "
            "3.000000",
            id="ratio too high",
        ),
    ],
)
def test_limit_range_refuses(world, limit, item, why):
    """What breaks a bound of the namespace is Forbidden."""
    limited(world, **limit)

    assert world.refused(world.admin.create, item) == (
        "Forbidden",
        f'pods "web" is forbidden: {why}',
    )


def quota(world, **spec):
    made = ResourceQuota(metadata=meta("q", "default"), spec=ResourceQuotaSpec(**spec))
    world.ok(world.admin.create, made)


def test_quota_bounds_the_number_of_pods(world):
    """Pods from before the quota count; a pod that is gone makes room."""
    world.ok(world.admin.create, pod("a"))
    quota(world, hard={"pods": "2"})
    world.ok(world.admin.create, pod("b"))
    refusal = world.refused(world.admin.create, pod("c"))
    world.ok(world.admin.delete, "Pod", "default", "a")
    world.ok(world.admin.create, pod("c"))

    assert refusal == (
        "Forbidden",
        (
            'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: '
            "pods=2, limited: pods=2"
        ),
    )


def test_quota_bounds_requests_and_names_them(world):
    """Requests are summed up exactly, and every container has to name them."""
    quota(world, hard={"requests.cpu": "1", "memory": "1Gi"})
    world.ok(world.admin.create, asking("a", cpu="600m", memory="512Mi"))
    over = world.refused(world.admin.create, asking("b", cpu="600m", memory="1Mi"))[1]
    silent = world.refused(world.admin.create, pod("c"))[1]

    assert over.endswith(
        "exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, "
        "limited: requests.cpu=1"
    )
    assert silent.endswith(
        "failed quota: q: must specify memory for: c; requests.cpu for: c"
    )


def test_finished_pod_makes_room(world):
    """A pod in a terminal phase uses nothing."""
    quota(world, hard={"pods": "1"})
    world.ok(world.admin.create, pod("a"))
    world.ok(
        world.admin.patch,
        "Pod",
        "default",
        "a",
        lambda old: replace(old, status=PodStatus(phase="Succeeded")),
        subresource="status",
    )

    assert world.ok(world.admin.create, pod("b")).metadata.name == "b"


def test_pod_that_was_not_stored_uses_no_quota(world):
    """A creation that fails in the store gives its quota back."""
    quota(world, hard={"pods": "2"})
    world.ok(world.admin.create, pod("a"))
    for _ in range(3):
        world.refused(world.admin.create, pod("a"))

    assert world.ok(world.admin.create, pod("b")).metadata.name == "b"


@pytest.mark.parametrize(
    ("scope", "counted"),
    [("BestEffort", True), ("NotBestEffort", False), ("Terminating", False)],
)
def test_quota_of_a_scope_counts_its_pods_alone(world, scope, counted):
    """Other pods pass it by."""
    quota(world, hard={"pods": "0"}, scopes=[scope])
    answer = world.ask(world.admin.create, pod())

    assert (answer.error is not None) == counted


def test_quota_holds_on_every_replica():
    """Pods that come at once through different servers share one quota."""
    world = Servers(replicas=3, slow=True)
    quota(world, hard={"pods": "5"})
    answers = []
    for number in range(20):
        world.admin.create(pod(f"p{number}"), answers.append)
    world.run()

    assert sum(answer.error is None for answer in answers) == 5
