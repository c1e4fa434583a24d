"""Add-ons and quotas end to end: everything goes through the API and etcd."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from addon_cases import (
    Played,
    create,
    deployment,
    load,
    play,
    scale,
    service,
)

from schedbench.addons.metrics_server import Sample

WEB = "default/web"
NAME = "web.default.svc.cluster.local"


def test_a_run_with_requests_goes_on_to_its_end() -> None:
    """However quiet the cluster is."""
    steady = load(kind="constant", requests=1)
    played = play([deployment(1), service()], until=900, quiet=60, loads=[steady])

    assert played.addons.traffic.requests(WEB).offered == pytest.approx(900)


def test_a_quota_refuses_pods_until_it_is_raised() -> None:
    """Three of five come; the ReplicaSet goes on trying, at least every 1000 s."""

    def quota(pods: int) -> dict[str, Any]:
        meta = {"name": "few", "namespace": "default"}
        hard = {"pods": pods, "requests.cpu": "20"}
        return {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": meta,
            "spec": {"hard": hard},
        }

    def raised(item: Any) -> Any:
        return msgspec.structs.replace(
            item, spec=msgspec.structs.replace(item.spec, hard={"pods": 5})
        )

    played = play(
        [quota(3)],
        until=1100,
        later={
            5: create(deployment(5)),
            60: lambda api: api.patch("ResourceQuota", "default", "few", raised),
        },
    )
    made = sorted(played.timelines()["stored"].dropna())
    states = played.series("ResourceQuota", lambda item: item.status.used.get("pods"))
    used = [int(pods) for _, pods in states if pods is not None]
    calls = played.backplane.servers.audit.calls

    assert len(made) == 5
    assert made[2] < 6
    assert 60 < made[3] <= made[4] < 60 + 1000
    assert calls["create", "Pod", 403] > 10
    assert used == sorted(used)
    assert {0, 3, 5} <= set(used) <= set(range(6))


def test_a_new_service_resolves_once_the_old_answer_has_run_out() -> None:
    """Who asked a moment before is told that there is none, for the TTL of 30 s."""
    found: dict[float, Any] = {}

    def ask(run: Played) -> None:
        now = run.backplane.servers.clock.now
        found[now] = run.addons.resolver.resolve(NAME, now)

    played = play(
        [deployment(2)],
        until=90,
        later={50: create(service())},
        at=dict.fromkeys((49.9, 51, 79.8, 80), ask),
    )
    (_, _, made) = played.seen["Service"][-1]

    assert [found[t].code for t in (49.9, 51, 79.8)] == ["NXDOMAIN"] * 3
    assert found[80].records == (made.spec.cluster_ip,)
    assert found[80].ttl == 30.0


def test_a_headless_service_resolves_to_ready_pods_alone() -> None:
    """Pods are ready twenty seconds after their start, and unknown before."""
    counts: dict[float, int] = {}

    def ask(run: Played) -> None:
        now = run.backplane.servers.clock.now
        counts[now] = len(run.addons.resolver.resolve(NAME, now).records)

    play(
        [
            deployment(
                2,
                probe={"periodSeconds": 1},
                annotations={"schedbench.io/ready-after": "20"},
            ),
            service(clusterIP="None"),
        ],
        until=150,
        later={100: scale(4)},
        at=dict.fromkeys((10, 60, 110, 149), ask),
    )

    assert counts == {10: 0, 60: 2, 110: 2, 149: 4}


def test_ingress_traffic_goes_to_ready_pods_alone() -> None:
    """Nobody gets requests before it is ready, or long after it is no longer."""
    played = play(
        [
            deployment(
                3,
                probe={"periodSeconds": 1, "failureThreshold": 2},
                annotations={
                    "schedbench.io/ready-after": "20",
                    "schedbench.io/fails-at": "100",
                },
            ),
            service(),
        ],
        until=150,
        loads=[load(kind="constant", requests=9)],
    )
    ready = played.timelines()["ready"]
    frame = played.addons.traffic.frame()
    ends = ready.max() + 80

    assert ready.min() > 20
    assert all(
        backends <= (ready < time).sum()
        for time, backends in zip(frame["time"], frame["backends"], strict=True)
    )
    assert frame["backends"].max() == 3
    full = frame[frame["backends"] == 3].iloc[0]["time"]
    assert full - ready.max() < 1 / 0.3 + 2
    assert frame.iloc[-1][["backends", "unserved"]].tolist() == [0, 9]
    assert ends < frame.iloc[-1]["time"] < ends + 15
    assert played.addons.traffic.requests(WEB).offered == pytest.approx(9 * 150)


def test_pods_behind_a_service_become_routable_after_they_are_ready() -> None:
    """EndpointSlices and every node's proxy come between; nobody else is routable."""
    lonely = deployment(2)
    lonely |= {"metadata": {"name": "lonely", "namespace": "default"}}
    lonely = msgspec.yaml.decode(
        msgspec.yaml.encode(lonely).replace(b"app: web", b"app: lonely")
    )
    played = play([deployment(4), lonely, service()], until=60)
    frame = played.timelines()
    alone = frame["name"].str.startswith("lonely")

    assert alone.sum() == 2
    assert frame["ready"].notna().all()
    assert frame[alone]["routable"].isna().all()
    assert (frame[~alone]["routable"] > frame[~alone]["ready"]).all()
    assert played.told.timelines.disorder() == []


def test_a_silent_kubelet_leaves_its_pods_without_metrics() -> None:
    """The others are measured on; what a container uses comes from its behaviour."""
    found: list[dict[str, Sample]] = []

    def look(run: Played) -> None:
        found.append(run.addons.metrics.top_pods())
        run.addons.kubelets["n-0"].stop()

    told = {"schedbench.io/usage-cpu": "3", "schedbench.io/usage-memory": "1Gi"}
    played = play(
        [deployment(6, cpu="2", annotations=told)],
        nodes=3,
        until=62,
        at={60: look, 61: look},
    )
    homes = {
        item.key: item.spec.node_name
        for _, _, item in played.seen["Pod"]
        if item.spec.node_name
    }
    throttled = {"cpu": 2000.0, "memory": 2**30}

    assert len(found[0]) == 6
    assert all(sample.usage == throttled for sample in found[0].values())
    assert found[1].keys() == {key for key, home in homes.items() if home != "n-0"}
