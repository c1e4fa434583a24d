"""Names resolve as the DNS specification of Kubernetes and CoreDNS document it."""

from __future__ import annotations

import pytest
from fake_api import FakeApi

from schedbench.addons.dns import SERVICE_NAME, Dns
from schedbench.clock import Clock
from schedbench.controlplane.parameters import DnsParameters
from schedbench.objects.controllers import Service, ServicePort, ServiceSpec
from schedbench.objects.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod, PodStatus
from schedbench.objects.policy import Namespace

WEB = "web.shop.svc.cluster.local"


class Bench:
    """A DNS server over a fake API."""

    def __init__(self, parameters: DnsParameters = DnsParameters()) -> None:  # noqa: B008
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.dns = Dns(self.clock, self.api, parameters, seed=1)

    def at(self, time: float) -> Bench:
        self.clock.run(time)
        return self

    def service(self, **spec) -> None:
        ports = [ServicePort(name="http", port=80, protocol="TCP")]
        meta = ObjectMeta(name="web", namespace="shop")
        self.api.create(Service(metadata=meta, spec=ServiceSpec(ports=ports, **spec)))

    def endpoints(self, *endpoints: Endpoint, update: bool = False) -> None:
        item = EndpointSlice(
            metadata=ObjectMeta(
                name="web-x", namespace="shop", labels={SERVICE_NAME: "web"}
            ),
            endpoints=list(endpoints),
            ports=[EndpointPort(name="http", port=8080, protocol="TCP")],
        )
        (self.api.update if update else self.api.create)(item)

    def records(self, name: str, kind="A") -> tuple[str, ...] | None:
        answer = self.dns.resolve(name, self.clock.now, kind)
        assert answer is not None
        return answer.records if answer.code == "NOERROR" else None


def endpoint(ip: str, *, ready: bool | None = True, hostname: str | None = None):
    conditions = EndpointConditions(ready=ready)
    return Endpoint(addresses=[ip], conditions=conditions, hostname=hostname)


def test_a_service_resolves_to_its_cluster_ip():
    """A normal service has an A record of its cluster IP, whatever its endpoints."""
    bench = Bench()
    bench.service(cluster_ip="10.0.0.7")
    bench.at(1)

    assert bench.records(WEB) == ("10.0.0.7",)
    assert bench.records(f"{WEB}.") == ("10.0.0.7",)
    assert bench.records(WEB, "AAAA") == ()


def test_an_ipv6_cluster_ip_is_an_aaaa_record():
    """A and AAAA each answer with their own family."""
    bench = Bench()
    bench.service(cluster_ip="fd00::7")
    bench.at(1)

    assert bench.records(WEB, "AAAA") == ("fd00::7",)
    assert bench.records(WEB) == ()


def test_a_headless_service_resolves_to_its_ready_endpoints():
    """One record for each endpoint that is ready; unknown counts as ready."""
    bench = Bench()
    bench.service(cluster_ip="None")
    bench.endpoints(
        endpoint("10.1.0.2"), endpoint("10.1.0.1", ready=None),
        endpoint("10.1.0.3", ready=False),
    )  # fmt: skip
    bench.at(1)

    assert bench.records(WEB) == ("10.1.0.1", "10.1.0.2")


def test_a_headless_service_may_publish_unready_endpoints():
    """`publishNotReadyAddresses` gives them records too."""
    bench = Bench()
    bench.service(cluster_ip="None", publish_not_ready_addresses=True)
    bench.endpoints(endpoint("10.1.0.3", ready=False))
    bench.at(1)

    assert bench.records(WEB) == ("10.1.0.3",)


def test_a_headless_service_without_endpoints_has_no_name():
    """NXDOMAIN is the answer while no endpoint is ready."""
    bench = Bench()
    bench.service(cluster_ip="None")
    bench.endpoints(endpoint("10.1.0.3", ready=False))
    bench.at(1)

    assert bench.records(WEB) is None


def test_endpoints_of_a_headless_service_have_names():
    """A host name, as of StatefulSet pods, or else the address with dashes."""
    bench = Bench()
    bench.service(cluster_ip="None")
    bench.endpoints(endpoint("10.1.0.1", hostname="web-0"), endpoint("10.1.0.2"))
    bench.at(1)

    assert bench.records(f"web-0.{WEB}") == ("10.1.0.1",)
    assert bench.records(f"10-1-0-2.{WEB}") == ("10.1.0.2",)
    assert bench.records(f"web-9.{WEB}") is None


def test_named_ports_have_srv_records():
    """A normal service has one SRV of its own name, a headless one each endpoint's."""
    name = f"_http._tcp.{WEB}"
    normal, headless = Bench(), Bench()
    normal.service(cluster_ip="10.0.0.7")
    headless.service(cluster_ip="None")
    headless.endpoints(endpoint("10.1.0.1", hostname="a"), endpoint("10.1.0.2"))

    assert normal.at(1).records(name, "SRV") == (f"0 100 80 {WEB}",)
    assert headless.at(1).records(name, "SRV") == (
        f"0 50 8080 10-1-0-2.{WEB}", f"0 50 8080 a.{WEB}",
    )  # fmt: skip
    assert normal.records(f"_grpc._tcp.{WEB}", "SRV") is None


def test_an_external_name_is_a_cname():
    """The service stands for a name outside."""
    bench = Bench()
    bench.service(type="ExternalName", external_name="db.example.com")
    bench.at(1)

    assert bench.records(WEB, "CNAME") == ("db.example.com",)


@pytest.mark.parametrize("name", ["none.shop.svc.cluster.local", "web.shop", "x.y.z.w"])
def test_what_is_not_there_is_denied(name: str):
    """Unknown services and other zones are NXDOMAIN."""
    bench = Bench()
    bench.service(cluster_ip="10.0.0.7")
    bench.at(1)

    assert bench.records(name) is None


@pytest.mark.parametrize(
    ("ttl", "cache", "holds"), [(5, 30, 5), (30, 10, 10), (0, 30, 0)]
)
def test_an_answer_is_cached_for_the_smaller_of_ttl_and_cache(ttl, cache, holds):
    """A new endpoint is resolvable for all when the older answer has run out."""
    bench = Bench(DnsParameters(ttl=ttl, cache=cache))
    bench.service(cluster_ip="None")
    bench.endpoints(endpoint("10.1.0.1"))
    bench.at(1).records(WEB)
    bench.endpoints(endpoint("10.1.0.1"), endpoint("10.1.0.2"), update=True)
    bench.at(1.0)

    assert bench.dns.resolvable_at(WEB, "10.1.0.2") == 1 + holds
    if holds:
        assert bench.at(0.999 + holds).records(WEB) == ("10.1.0.1",)
    assert bench.at(1 + holds).records(WEB) == ("10.1.0.1", "10.1.0.2")


def test_denials_are_cached_too():
    """Who asks too early waits for the TTL."""
    bench = Bench(DnsParameters(ttl=5))
    assert bench.records(WEB) is None
    bench.service(cluster_ip="10.0.0.7")

    assert bench.at(4.9).records(WEB) is None
    assert bench.at(5.0).records(WEB) == ("10.0.0.7",)


def test_what_nobody_asked_for_is_resolvable_at_once():
    """Without an older answer only the watch delays; before it there is nothing."""
    bench = Bench()
    bench.service(cluster_ip="None")
    assert bench.dns.resolvable_at(WEB, "10.1.0.1") is None
    bench.endpoints(endpoint("10.1.0.1"))
    bench.at(2)

    assert bench.dns.resolvable_at(WEB, "10.1.0.1") == 2
    assert bench.dns.resolvable_at(WEB, "10.9.9.9") is None


@pytest.mark.parametrize(
    ("mode", "known", "unknown"),
    [
        ("disabled", None, None),
        ("insecure", ("10.1.0.1",), ("10.1.0.9",)),
        ("verified", ("10.1.0.1",), None),
    ],
)
def test_names_of_pods_follow_the_pods_option(mode, known, unknown):
    """Insecure answers with any address, verified only with that of a pod there."""
    bench = Bench(DnsParameters(pods=mode))
    bench.api.create(Namespace(metadata=ObjectMeta(name="shop")))
    pod = Pod(metadata=ObjectMeta(name="p", namespace="shop"))
    pod.status = PodStatus(phase="Running", pod_ip="10.1.0.1")
    bench.api.create(pod)
    bench.at(1)

    assert bench.records("10-1-0-1.shop.pod.cluster.local") == known
    assert bench.records("10-1-0-9.shop.pod.cluster.local") == unknown
    assert bench.records("10-1-0-1.none.pod.cluster.local") is None
    assert bench.records("no-address.shop.pod.cluster.local") is None


def test_a_pod_that_is_gone_has_no_verified_name():
    """Its address may be another pod's soon."""
    bench = Bench(DnsParameters(pods="verified"))
    pod = Pod(metadata=ObjectMeta(name="p", namespace="shop"))
    pod.status = PodStatus(phase="Running", pod_ip="10.1.0.1")
    bench.api.create(pod)
    bench.at(1)
    bench.api.delete("Pod", "shop", "p")
    bench.at(2)

    assert bench.records("10-1-0-1.shop.pod.cluster.local") is None


def test_a_server_that_is_down_answers_nothing_and_forgets():
    """After a restart it lists anew, and old answers are gone."""
    bench = Bench()
    assert bench.records(WEB) is None
    bench.service(cluster_ip="10.0.0.7")
    bench.at(1).dns.stop()
    assert bench.dns.resolve(WEB, 1) is None
    bench.dns.start()

    assert bench.at(1.5).records(WEB) == ("10.0.0.7",)
