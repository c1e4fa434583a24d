"""What pods ask for, as the autoscalers remember it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schedbench.controlplane.fitting import requests_of
from schedbench.objects.pod import Pod
from schedbench.objects.resources import pod_requests


def pod(cpu: int, **spec: Any) -> Pod:
    requests = {"requests": {"cpu": cpu}}
    container = {"name": "c", "resources": requests}
    return msgspec.convert({"spec": {"containers": [container]} | spec}, Pod)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.data())
def test_the_same_as_worked_out_anew(cpus: list[int], data: st.DataObject) -> None:
    """For pods of their own and for those that share parts of a template."""
    made = [pod(cpu) for cpu in cpus]
    for _ in range(10):
        given = data.draw(st.sampled_from(made))
        part = data.draw(st.sampled_from(["node_name", "overhead", "init_containers"]))
        value: Any = {
            "node_name": "n",
            "overhead": {"cpu": 5},
            "init_containers": pod(9).spec.containers,
        }[part]
        made.append(replace(given, spec=replace(given.spec, **{part: value})))

    assert [requests_of(one) for one in made] == [pod_requests(one) for one in made]


def test_a_resized_container_counts_as_its_status_says() -> None:
    """A pod under resize asks for more than its template, and others do not."""
    plain = pod(1)
    status = {
        "containerStatuses": [{"name": "c", "resources": {"requests": {"cpu": 3}}}]
    }
    resized = replace(plain, status=msgspec.convert(status, type(plain.status)))

    assert requests_of(plain) == {"cpu": 1000}
    assert requests_of(resized) == pod_requests(resized) == {"cpu": 3000}
