"""Decoding of documents, and the messages for what cannot be decoded."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.errors import InputError, NotModelledError, QuantityError
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import GROUP_OF, GROUPS, KINDS, NAMESPACED
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.storage import PersistentVolumeClaim

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "web:1",
                "resources": {"requests": {"cpu": "1"}},
                "ports": [{"containerPort": 80, "hostIP": "10.0.0.1"}],
            }
        ],
        "tolerations": [{"operator": "Exists"}],
        "overhead": {"cpu": "1m"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the pod with one field set."""
    document = copy.deepcopy(POD)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = document
    for key in parents:
        place = place[key]
    place[last] = value
    return document


def test_pod_fields() -> None:
    """Fields are found under their API names; unknown ones are passed over."""
    document = changed("spec/enableServiceLinks", True)
    found = decode_object(document)
    assert isinstance(found, Pod)
    port = found.spec.containers[0].ports[0]

    assert found.key == "shop/web"
    assert (port.container_port, port.host_ip, port.protocol) == (80, "10.0.0.1", None)
    assert found.spec.overhead == {"cpu": "1m"}
    assert found.spec.affinity is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_decodes_by_its_name(kind: str) -> None:
    """Each kind is decoded to the class of its name, whatever its version."""
    group = GROUP_OF[kind]
    document = {"kind": kind, "metadata": {"name": "x"}}
    document["apiVersion"] = f"{group}/v1" if group else "v1"

    assert type(decode_object(document)).__name__ == kind


def test_tables_of_kinds_agree() -> None:
    """Every kind stands in one group, and all namespaced names are kinds."""
    assert len(KINDS) == sum(map(len, GROUPS.values()))
    assert set(KINDS) == set(GROUP_OF)
    assert set(KINDS) > NAMESPACED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec/affinity", None, id="a null struct is absent"),
        pytest.param("spec/tolerations", None, id="a null list is empty"),
        pytest.param("spec/containers/0/resources", None, id="deeper, too"),
        pytest.param("metadata/creationTimestamp", None, id="as kubectl writes it"),
    ],
)
def test_null_is_absence(path: str, value: None) -> None:
    """A null means that the field is not there."""
    document = changed(path, value)
    without = copy.deepcopy(document)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = without
    for key in parents:
        place = place[key]
    del place[last]

    assert decode_object(without) == decode_object(document)


def test_null_label_is_the_empty_value() -> None:
    """A label without a value has the empty value, as in the API."""
    found = decode_object(changed("metadata/labels/app", None))

    assert found.metadata.labels == {"app": ""}


CONTAINER = "spec.containers[0]"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(
            "spec/containers/0/resources/requests/cpu",
            "1K",
            f"{CONTAINER}.resources.requests[cpu]: malformed quantity: '1K'; "
            "write 1k (thousands) or 1Ki (1024s)",
            id="malformed quantity",
        ),
        pytest.param(
            "spec/containers/0/resources/requests/cpu",
            "-1",
            f"{CONTAINER}.resources.requests[cpu]: quantity is negative: '-1'; "
            "write zero or more",
            id="negative quantity",
        ),
        pytest.param(
            "spec/overhead/cpu",
            "9e18",
            "spec.overhead[cpu]: quantity overflows int64 in thousandths: '9e18'; "
            "write a smaller number",
            id="overflowing quantity",
        ),
        pytest.param(
            "spec/containers/0/resources/requests/cpu",
            True,
            f"{CONTAINER}.resources.requests[cpu]: "
            "expected a quantity, got bool: True; "
            "write what the Kubernetes API has there",
            id="a quantity that is a truth value",
        ),
        pytest.param(
            "metadata/labels/app",
            True,
            "metadata.labels[app]: expected str, got bool: True; "
            "quote it: a text is expected",
            id="an unquoted label",
        ),
        pytest.param(
            "spec/containers/0/ports/0/containerPort",
            70000,
            f"{CONTAINER}.ports[0].containerPort: expected int <= 65535: 70000; "
            "write what the Kubernetes API has there",
            id="a port out of range",
        ),
        pytest.param(
            "spec/tolerations/0/operator",
            "exists",
            "spec.tolerations[0].operator: no such choice: 'exists'; "
            "one of 'Equal', 'Exists'",
            id="a misspelt choice",
        ),
        pytest.param(
            "spec/containers",
            {"name": "c"},
            "spec.containers: expected list, got mapping; "
            "write what the Kubernetes API has there",
            id="a mapping for a list",
        ),
        pytest.param(
            "spec/topologySpreadConstraints",
            [{"maxSkew": 1, "topologyKey": "zone"}],
            "spec.topologySpreadConstraints[0]: field whenUnsatisfiable is missing; "
            "add whenUnsatisfiable",
            id="a missing field",
        ),
    ],
)
def test_message_names_file_object_field_and_value(
    path: str, value: Any, message: str
) -> None:
    """An error names the file, the object, the field, the value and a remedy."""
    with pytest.raises(InputError) as caught:
        decode_object(changed(path, value), "pods.yaml")

    assert f"pods.yaml: Pod shop/web {message}" == str(caught.value)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        pytest.param(
            {"kind": "Node", "status": {"allocatable": {"memory": "4GB"}}},
            "status.allocatable[memory]",
            id="Node",
        ),
        pytest.param(
            {"kind": "PersistentVolume", "spec": {"capacity": {"storage": "x"}}},
            "spec.capacity[storage]",
            id="PersistentVolume",
        ),
        pytest.param(
            {
                "kind": "PersistentVolumeClaim",
                "spec": {"resources": {"requests": {"storage": "x"}}},
            },
            "spec.resources.requests[storage]",
            id="PersistentVolumeClaim",
        ),
        pytest.param(
            {"kind": "ResourceQuota", "spec": {"hard": {"pods": "x"}}},
            "spec.hard[pods]",
            id="ResourceQuota",
        ),
        pytest.param(
            {
                "kind": "LimitRange",
                "spec": {"limits": [{"type": "Pod", "max": {"cpu": "x"}}]},
            },
            "spec.limits[0].max[cpu]",
            id="LimitRange",
        ),
        pytest.param(
            {"kind": "CSIStorageCapacity", "capacity": "x"},
            "[capacity]",
            id="CSIStorageCapacity",
        ),
        pytest.param(
            {
                "kind": "Deployment",
                "spec": {"template": {"spec": {"overhead": {"cpu": "x"}}}},
            },
            "spec.template.spec.overhead[cpu]",
            id="Deployment",
        ),
        pytest.param(
            {
                "kind": "CronJob",
                "spec": {
                    "jobTemplate": {
                        "spec": {"template": {"spec": {"overhead": {"cpu": "x"}}}}
                    }
                },
            },
            "spec.jobTemplate.spec.template.spec.overhead[cpu]",
            id="CronJob",
        ),
        pytest.param(
            {
                "kind": "Pod",
                "status": {"containerStatuses": [{"allocatedResources": {"cpu": "x"}}]},
            },
            "status.containerStatuses[0].allocatedResources[cpu]",
            id="a container's status",
        ),
    ],
)
def test_quantities_of_all_kinds_are_checked(
    document: dict[str, Any], where: str
) -> None:
    """A malformed quantity is found wherever scheduling would read it."""
    with pytest.raises(QuantityError) as caught:
        decode_object(document)

    assert str(caught.value.where).endswith(f"(no name) {where}")


@pytest.mark.parametrize(
    ("document", "value"),
    [
        pytest.param(
            {"apiVersion": "v1", "kind": "ConfigMap"}, "v1 ConfigMap", id="another kind"
        ),
        pytest.param(
            {"apiVersion": "serving.knative.dev/v1", "kind": "Service"},
            "serving.knative.dev/v1 Service",
            id="a known name in another group",
        ),
    ],
)
def test_unknown_kind_is_not_modelled(document: dict[str, Any], value: str) -> None:
    """A kind that has no class is told by its version and name."""
    with pytest.raises(NotModelledError) as caught:
        decode_object(document)

    assert caught.value.value == value


@pytest.mark.parametrize("document", [{}, {"kind": None}, {"kind": ["Pod"]}, {"a": 1}])
def test_document_without_kind_is_refused(document: dict[str, Any]) -> None:
    """A mapping that is no API object is an error."""
    with pytest.raises(InputError, match="not an API object: no kind"):
        decode_object(document, "values.yaml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=4,
)


def _paths(place: Any, path: str = "") -> list[str]:
    """Return the paths of all fields below a place, joined by slashes."""
    items = place.items() if isinstance(place, dict) else enumerate(place)
    found = []
    for key, value in items:
        found.append(f"{path}{key}")
        if isinstance(value, dict | list):
            found += _paths(value, f"{path}{key}/")
    return found


@given(path=st.sampled_from(_paths(POD)), value=JSON)
def test_any_value_anywhere_is_decoded_or_refused(path: str, value: Any) -> None:
    """Whatever stands in a field, the answer is an object or a message."""
    found: Any
    try:
        found = decode_object(changed(path, value), "fuzz.yaml")
    except InputError as error:
        found = error

    assert isinstance(found, Pod) or str(found).startswith("fuzz.yaml: ")


def test_documents_are_left_alone() -> None:
    """Decoding shares nothing mutable with the document."""
    document = {
        "kind": "Node",
        "metadata": {"name": "n", "labels": {"a": "b"}},
        "spec": None,
    }
    before = copy.deepcopy(document)
    found = decode_object(document)
    assert isinstance(found, Node)
    found.metadata.labels["a"] = "c"

    assert before == document


def test_claims_keep_absent_and_empty_class_apart() -> None:
    """No storage class is not the empty storage class."""
    absent = decode_object({"kind": "PersistentVolumeClaim", "spec": {}})
    empty = decode_object(
        {"kind": "PersistentVolumeClaim", "spec": {"storageClassName": ""}}
    )
    assert isinstance(absent, PersistentVolumeClaim)
    assert isinstance(empty, PersistentVolumeClaim)

    assert absent.spec.storage_class_name is None
    assert empty.spec.storage_class_name == ""
