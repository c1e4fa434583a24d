"""Who may do what: users, the rules of the components' roles, the node authorizer.

Source: `kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy.go,
controller_policy.go}`, `plugin/pkg/auth/authorizer/node/node_authorizer.go` and
`plugin/pkg/admission/noderestriction/admission.go`. The controller manager acts under
one name; its role is the sum of its controllers' roles.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import msgspec

from schedbench.controlplane.api import ApiError
from schedbench.objects.kinds import GROUP_OF
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod

MASTERS = "system:masters"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
SCHEDULER = "system:kube-scheduler"
CONTROLLER_MANAGER = "system:kube-controller-manager"
KUBE_PROXY = "system:kube-proxy"
MIRROR = "kubernetes.io/config.mirror"

_PLURALS = {
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "StorageClass": "storageclasses",
    "PriorityClass": "priorityclasses",
    "RuntimeClass": "runtimeclasses",
    "CSIStorageCapacity": "csistoragecapacities",
}


class User(msgspec.Struct, frozen=True, gc=False):
    """Who calls: a name and its groups, as the API server knows them."""

    name: str
    groups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources; `*` is all, subresources are `pods/status` and so on."""

    verbs: frozenset[str]
    resources: frozenset[str]

    def allows(self, verb: str, resource: str) -> bool:
        """Return whether the rule names the verb and the resource."""
        return ("*" in self.verbs or verb in self.verbs) and (
            "*" in self.resources or resource in self.resources
        )


def rule(verbs: str, resources: str) -> Rule:
    """Make a rule of two lists with spaces between the words."""
    return Rule(frozenset(verbs.split()), frozenset(resources.split()))


ROLES: dict[str, tuple[Rule, ...]] = {
    MASTERS: (rule("*", "*"),),
    SCHEDULER: (
        rule("create update patch", "events"),
        rule("create get list watch update", "leases"),
        rule("get list watch", "nodes namespaces"),
        rule("get list watch delete", "pods"),
        rule("create", "pods/binding"),
        rule("update patch", "pods/status"),
        rule("get list watch", "replicationcontrollers services replicasets"),
        rule("get list watch", "statefulsets poddisruptionbudgets priorityclasses"),
        rule("get list watch update patch", "persistentvolumeclaims persistentvolumes"),
        rule("get list watch", "storageclasses csinodes csidrivers volumeattachments"),
        rule("get list watch", "csistoragecapacities podgroups compositepodgroups"),
        rule("get list watch", "resourceclaims deviceclasses resourceslices"),
        rule("update patch", "podgroups/status"),
    ),
    CONTROLLER_MANAGER: (
        # the garbage collector's, the namespace controller's and the autoscaler's
        rule("get list watch update patch delete", "*"),
        rule("create", "pods replicasets jobs controllerrevisions events leases"),
        rule("create", "endpoints endpointslices serviceaccounts secrets configmaps"),
        rule("create", "persistentvolumeclaims persistentvolumes volumeattachments"),
        rule("create", "resourceclaims pods/eviction"),
    ),
    KUBE_PROXY: (
        rule("list watch", "services endpoints endpointslices servicecidrs"),
        rule("get list watch", "nodes"),
        rule("create update patch", "events"),
    ),
    NODES: (
        rule("get list watch", "services csidrivers runtimeclasses podgroups"),
        rule("create get list watch update patch", "nodes leases"),
        rule("update patch", "nodes/status"),
        rule("get list watch create delete", "pods"),
        rule("update patch", "pods/status"),
        rule("create", "pods/eviction"),
        rule("create update patch", "events"),
        rule("get list watch", "configmaps secrets"),
        rule("get", "persistentvolumeclaims persistentvolumes volumeattachments"),
        rule("create get update patch delete", "csinodes"),
    ),
    "system:serviceaccount:kube-system:coredns": (
        rule("list watch", "endpoints services pods namespaces endpointslices"),
    ),
    "system:serviceaccount:kube-system:metrics-server": (
        rule("get list watch", "pods nodes nodes/metrics"),
    ),
    "system:serviceaccount:kube-system:cluster-autoscaler": (
        rule("get list watch create update patch delete", "nodes"),
        rule("create", "pods/eviction"),
        rule("get list watch", "*"),
        rule("update patch", "pods/status nodes/status"),
        rule("create get update patch", "leases events configmaps"),
    ),
    "system:serviceaccount:foreign:client": (rule("get", "configmaps"),),
    "system:serviceaccount:ingress-nginx:ingress-nginx": (
        rule("get list watch", "services endpoints endpointslices ingresses"),
        rule("get list watch", "namespaces nodes pods configmaps secrets"),
        rule("update", "ingresses/status"),
        rule("create get update", "leases events"),
    ),
}
"""Name of a user or a group → what it may do."""


def resource_of(kind: str) -> str:
    """Return the name of a kind in paths and messages: `pods` for `Pod`."""
    return _PLURALS.get(kind) or f"{kind.lower()}s"


class Authorizer:
    """Answers whether a user may make a call."""

    def __init__(self) -> None:
        self._roles = dict(ROLES)
        self._known: dict[tuple[User, str, str, str], bool] = {}

    def grant(self, subject: str, rules: Iterable[Rule]) -> None:
        """Give a user or a group more rights, as a ClusterRoleBinding does."""
        self._roles[subject] = (*self._roles.get(subject, ()), *rules)
        self._known.clear()

    def refusal(
        self,
        user: User,
        verb: str,
        kind: str,
        namespace: str,
        name: str,
        subresource: str = "",
        field: tuple[str, str] | None = None,
    ) -> ApiError | None:
        """Return why the user may not, or None if it may."""
        if not user.name:
            return ApiError("Unauthorized", "Unauthorized")
        asked = (user, verb, kind, subresource)
        allowed = self._known.get(asked)
        if allowed is None:
            resource = resource_of(kind) + (f"/{subresource}" if subresource else "")
            subjects = (user.name, *user.groups)
            allowed = any(
                rule.allows(verb, resource)
                for subject in subjects
                for rule in self._roles.get(subject, ())
            )
            self._known[asked] = allowed
        if not allowed:
            return _forbidden(user, verb, kind, namespace, name, subresource)
        if NODES not in user.groups:
            return None
        why = _node_call(user, verb, kind, name, field)
        if why is None:
            return None
        return _forbidden(user, verb, kind, namespace, name, subresource, why)


def _forbidden(
    user: User,
    verb: str,
    kind: str,
    namespace: str,
    name: str,
    subresource: str,
    why: str = "",
) -> ApiError:
    resource = resource_of(kind)
    which = f'{resource} "{name}"' if name else resource
    full = f"{resource}/{subresource}" if subresource else resource
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{which} is forbidden: User "{user.name}" cannot {verb} resource "{full}" '
        f'in API group "{GROUP_OF.get(kind, "")}" {scope}'
    )
    return ApiError("Forbidden", f"{message}: {why}" if why else message)


def _node_call(
    user: User, verb: str, kind: str, name: str, field: tuple[str, str] | None
) -> str | None:
    """Tell what the node authorizer objects to, before the object is looked at."""
    node = user.name.removeprefix(NODE_PREFIX)
    if kind == "Pod" and verb in {"list", "watch"}:
        if field != ("spec.nodeName", node):
            return "can only list/watch pods with spec.nodeName field selector"
    elif kind == "Node":
        if verb in {"list", "watch"}:
            if field != ("metadata.name", node):
                return f"node '{node}' cannot read all nodes, only its own Node object"
        elif verb == "get" and name != node:
            return f"node '{node}' cannot read '{name}', only its own Node object"
        elif name != node:
            return f"node '{node}' is not allowed to modify node '{name}'"
    elif kind in {"Lease", "CSINode"} and name and name != node:
        return (
            f"can only access {kind.lower()} with the same name as the requesting node"
        )
    return None


def node_refusal(
    user: User, verb: str, subresource: str, item: ApiObject
) -> ApiError | None:
    """Return why a node may not touch this pod, or None: only those bound to it.

    Of a creation, `item` is the new pod: mirror pods of the node alone.
    """
    if type(item) is not Pod:
        return None
    node = user.name.removeprefix(NODE_PREFIX)
    mine = item.spec.node_name == node
    own = "pods with spec.nodeName set to itself"
    match verb, subresource:
        case "create", "":
            if MIRROR not in item.metadata.annotations:
                why = (
                    f'pod does not have "{MIRROR}" annotation, node "{node}" can only '
                    "create mirror pods"
                )
                return _pod_forbidden(item, why)
            why = f'node "{node}" can only create {own}'
        case "create", "eviction":
            why = f'node "{node}" can only evict {own}'
        case "delete", _:
            why = f'node "{node}" can only delete {own}'
        case "get", _:
            why = f"no relationship found between node '{node}' and this object"
        case _:
            why = f'node "{node}" can only update pod status for {own}'
    return None if mine else _pod_forbidden(item, why)


def _pod_forbidden(pod: Pod, why: str) -> ApiError:
    name = pod.metadata.name
    return ApiError("Forbidden", f'pods "{name}" is forbidden: {why}')
