"""Who may do what, and what the refused are told."""

from __future__ import annotations

import pytest
from controlplane.cluster_of_servers import Servers, meta, pod
from msgspec.structs import replace

from schedbench.controlplane.authorization import rule
from schedbench.objects.node import Node
from schedbench.objects.pod import PodStatus


@pytest.fixture
def world() -> Servers:
    world = Servers()
    for name in ("n1", "n2"):
        world.ok(world.admin.create, Node(metadata=meta(name)))
        world.ok(world.admin.create, pod(f"on-{name}"))
        world.ok(world.admin.bind, "default", f"on-{name}", name)
    return world


def kubelet(world, name="n1"):
    return world.client(f"system:node:{name}", "system:nodes")


def test_user_without_rights_is_told(world):
    """Forbidden, with user, verb, resource, group and namespace."""
    nobody = world.client("jane")

    assert world.refused(nobody.get, "Pod", "default", "web") == (
        "Forbidden",
        (
            'pods "web" is forbidden: User "jane" cannot get resource "pods" in API '
            'group "" in the namespace "default"'
        ),
    )
    assert world.refused(nobody.list, "Deployment") == (
        "Forbidden",
        (
            'deployments is forbidden: User "jane" cannot list resource "deployments" '
            'in API group "apps" at the cluster scope'
        ),
    )


def test_nobody_is_unauthorized(world):
    """Without a name there is no user."""
    assert world.refused(world.client("").list, "Pod")[0] == "Unauthorized"


def test_rights_may_be_granted(world):
    """RBAC only ever adds rights."""
    jane = world.client("jane")
    world.refused(jane.list, "Pod")
    world.servers.authorizer.grant("jane", [rule("list", "pods")])

    assert len(world.ask(jane.list, "Pod").items) == 2


def test_refused_watch_hears_nothing(world):
    """A watch without the right to it stays silent and is counted."""
    events = []
    world.client("jane").watch("Pod", events.append)
    world.run()

    assert events == []
    assert world.servers.audit.calls["watch", "Pod", 403] == 1


def test_scheduler_binds_but_does_not_create(world):
    """system:kube-scheduler: bindings and status of pods, no pods of its own."""
    scheduler = world.client("system:kube-scheduler")
    world.ok(world.admin.create, pod())
    world.ok(scheduler.bind, "default", "web", "n1")

    assert world.refused(scheduler.create, pod("other"))[0] == "Forbidden"
    assert world.refused(scheduler.delete, "Node", "", "n1")[0] == "Forbidden"


def test_controller_manager_creates_pods_but_does_not_bind(world):
    """Its controllers make and delete pods; placing them is the scheduler's."""
    manager = world.client("system:kube-controller-manager")
    world.ok(manager.create, pod())

    assert world.refused(manager.bind, "default", "web", "n1")[0] == "Forbidden"
    assert world.ok(manager.delete, "Pod", "default", "web").metadata.name == "web"


def test_node_touches_its_own_pods_alone(world):
    """Reading, status and deletion of another node's pod are forbidden."""
    node = kubelet(world)

    def running(old):
        return replace(old, status=PodStatus(phase="Running"))

    for name in ("on-n1", "on-n2"):
        calls = (
            (node.get, ("Pod", "default", name), {}),
            (
                node.patch,
                ("Pod", "default", name, running),
                {"subresource": "status"},
            ),
            (node.delete, ("Pod", "default", name), {"grace": 0}),
        )
        for call, arguments, options in calls:
            answer = world.ask(call, *arguments, **options)
            assert (answer.error is None) == (name == "on-n1")
    _, message = world.refused(node.delete, "Pod", "default", "on-n2")

    assert message == (
        'pods "on-n2" is forbidden: node "n1" can only delete pods with spec.nodeName '
        "set to itself"
    )


def test_node_lists_and_watches_its_own_pods_alone(world):
    """Without the field selector a node's watch of pods is forbidden."""
    node = kubelet(world)
    mine, others = [], []
    node.watch("Pod", mine.append, field=("spec.nodeName", "n1"))
    node.watch("Pod", others.append, field=("spec.nodeName", "n2"))
    world.run()

    assert [event.object.metadata.name for event in mine] == ["on-n1"]
    assert others == []
    assert world.refused(node.list, "Pod")[0] == "Forbidden"


def test_node_changes_its_own_node_alone(world):
    """A node may not modify another's object."""
    node = kubelet(world)
    touch = {"subresource": "status"}
    world.ok(node.patch, "Node", "", "n1", lambda _: None, **touch)

    reason, message = world.refused(
        node.patch, "Node", "", "n2", lambda _: None, **touch
    )

    assert reason == "Forbidden"
    assert message.endswith("node 'n1' is not allowed to modify node 'n2'")


def test_node_creates_mirror_pods_alone(world):
    """A kubelet's own pods are copies of static ones."""
    node = kubelet(world)
    mirror = pod("static", node_name="n1")
    mirror.metadata.annotations = {"kubernetes.io/config.mirror": "x"}
    world.ok(node.create, mirror)
    _, message = world.refused(node.create, pod("plain", node_name="n1"))

    assert message.endswith('node "n1" can only create mirror pods')
