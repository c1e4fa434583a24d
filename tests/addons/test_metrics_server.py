"""Samples are as old, and as absent, as the metrics pipeline documents."""

from __future__ import annotations

import pytest
from fake_api import FakeApi

from schedbench.addons.metrics_server import MetricsServer
from schedbench.clock import Clock
from schedbench.controlplane.parameters import MetricsServerParameters
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod, PodSpec, PodStatus

EXACT = MetricsServerParameters(resolution=15.0, housekeeping=0.0)


class Bench:
    """A metrics server whose pods use as many millicores as seconds have passed."""

    def __init__(self, parameters: MetricsServerParameters) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.asked: list[tuple[float, float]] = []
        self.answers = True
        self.server = MetricsServer(self.clock, self.api, parameters, 1, self.usage)

    def usage(self, pod: Pod, before: float, now: float) -> dict[str, float]:
        self.asked.append((before, now))
        return {"cpu": now, "memory": 100.0} if self.answers else {}

    def run(self, name: str, *, node: str = "n1", phase: str = "Running") -> None:
        pod = Pod(metadata=ObjectMeta(name=name, namespace="d"))
        pod.spec = PodSpec(node_name=node)
        pod.status = PodStatus(phase=phase)
        self.api.create(pod)


@pytest.fixture
def bench() -> Bench:
    return Bench(EXACT)


def test_a_pod_has_no_sample_before_two_scrapes_saw_it(bench: Bench):
    """CPU is a rate: it needs two readings."""
    bench.clock.run(10)
    bench.run("p")
    bench.clock.run(29.9)
    assert bench.server.pod("d", "p") is None
    bench.clock.run(30)

    sample = bench.server.pod("d", "p")
    assert (sample.timestamp, sample.window) == (30, 15)


def test_a_sample_is_as_old_as_the_last_scrape(bench: Bench):
    """Between scrapes the answer stays the same."""
    bench.run("p")
    for now, read in [(44.9, 30), (45, 45), (59, 45), (60, 60)]:
        bench.clock.run(now)
        sample = bench.server.pod("d", "p")

        assert (sample.timestamp, sample.usage["cpu"]) == (read, read)


def test_the_kubelet_reads_less_often_than_it_is_asked():
    """A scrape at 45 s gets the reading of 40 s."""
    bench = Bench(MetricsServerParameters())
    bench.run("p")
    bench.clock.run(45)

    sample = bench.server.pod("d", "p")
    assert (sample.timestamp, sample.window) == (40, 10)
    assert bench.asked == [(30, 40)]


def test_a_kubelet_that_does_not_answer_leaves_no_sample(bench: Bench):
    """Neither for autoscalers nor for `kubectl top`."""
    bench.run("p")
    bench.clock.run(45)
    bench.answers = False

    assert bench.server.pod("d", "p") is None
    assert bench.server.top_pods() == {}


def test_nothing_happens_unless_somebody_asks(bench: Bench):
    """An hour passes without events or readings."""
    bench.run("p")
    bench.clock.run(1)
    events = bench.clock.events
    bench.clock.run(3600)

    assert (bench.clock.events, bench.asked) == (events, [])


def test_pods_that_do_not_run_use_nothing(bench: Bench):
    """Neither pending nor finished pods have samples, nor unknown ones."""
    bench.run("p", phase="Pending")
    bench.run("q", phase="Succeeded")
    bench.clock.run(60)

    assert bench.server.top_pods() == {}
    assert bench.server.pod("d", "p") is None
    assert bench.server.usage_of(Pod(metadata=ObjectMeta(name="x"))) == {}


def test_a_pod_that_took_another_s_name_starts_anew(bench: Bench):
    """Samples belong to the pod, not to its name."""
    bench.run("p", node="")
    bench.clock.run(61)
    bench.api.delete("Pod", "d", "p")
    bench.run("p", node="")
    bench.clock.run(75)
    assert bench.server.pod("d", "p") is None
    bench.clock.run(90)

    assert bench.server.pod("d", "p") is not None


def test_top_lists_pods_and_adds_up_nodes(bench: Bench):
    """A node uses what its pods use together."""
    for name, node in [("p", "n1"), ("q", "n1"), ("r", "n2")]:
        bench.run(name, node=node)
    bench.clock.run(30)

    assert list(bench.server.top_pods("d")) == ["d/p", "d/q", "d/r"]
    assert bench.server.top_pods("other") == {}
    assert bench.server.top_nodes() == {
        "n1": {"cpu": 60.0, "memory": 200.0},
        "n2": {"cpu": 30.0, "memory": 100.0},
    }


def test_an_autoscaler_gets_the_usage_of_a_pod(bench: Bench):
    """The same sample, as resource and amount."""
    bench.run("p")
    bench.clock.run(31)

    assert bench.server.usage_of(bench.api.of("Pod")[0]) == {"cpu": 30, "memory": 100}


def test_a_restarted_server_needs_two_scrapes_again(bench: Bench):
    """It forgets its samples when it crashes."""
    bench.run("p")
    bench.clock.run(60)
    bench.server.stop()
    assert bench.server.pod("d", "p") is None
    bench.server.start()
    bench.clock.run(89)
    assert bench.server.pod("d", "p") is None
    bench.clock.run(90)

    assert bench.server.pod("d", "p").timestamp == 90
