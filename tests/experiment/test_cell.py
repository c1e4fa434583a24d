"""Running one cell: its numbers, its failures, its time limit."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import pytest

from schedbench.errors import NotModelledError, TimeLimitError
from schedbench.experiment.cell import missed_thresholds
from schedbench.experiment.environment import environment, git_state
from schedbench.experiment.execute import run_cell, time_limit
from schedbench.experiment.grid import Grid
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from schedbench.objects.workload import PodStream, Workload


@dataclasses.dataclass(frozen=True)
class TwoNodes:
    """Two nodes of 4 CPUs and pods of 1 CPU; `trouble` says what goes wrong."""

    trouble: str = ""
    pods: int = 6
    name: str = "two-nodes"
    size: str = "tiny"
    thresholds: dict = dataclasses.field(default_factory=dict)
    end_to_end: None = None

    def digest(self):
        return f"{self.trouble} {self.pods}"

    def build(self, seed):
        if self.trouble == "bug":
            raise ZeroDivisionError("in the source")
        if self.trouble == "unknown":
            raise NotModelledError("needs volumes")
        if self.trouble == "slow":
            while True:
                time.sleep(0.01)
        if self.trouble == "interrupt":
            raise KeyboardInterrupt
        capacity = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        nodes = [
            default_node(
                Node(
                    metadata=ObjectMeta(name=f"node-{slot}"),
                    spec=NodeSpec(),
                    status=NodeStatus(capacity=capacity, allocatable=capacity),
                )
            )
            for slot in range(2)
        ]
        requests = {"cpu": "1", "memory": "1Gi"}
        container = Container(
            name="c", resources=ResourceRequirements(requests=requests)
        )
        pod = default_pod(
            Pod(
                metadata=ObjectMeta(name="web", namespace="default"),
                spec=PodSpec(containers=[container]),
            )
        )
        stream = PodStream.of([pod], np.zeros(self.pods, dtype=np.int32))
        return Workload("two-nodes/tiny", nodes, stream, notes=["made for a test"])


def cell(scenario=None, policy="kube-scheduler", timeout=None, **options):
    grid = Grid.of([scenario or TwoNodes()], [policy], [3], **options)
    return next(grid.cells(timeout))


def test_a_cell_has_all_its_numbers():
    """Build, encode, replay and evaluate fill metrics, times, tables and notes."""
    result = run_cell(cell(TwoNodes(pods=9)))

    assert result.error is None
    assert result.status == "done"
    assert (result.nodes, result.pods) == (2, 9)
    assert result.metrics["pods_bound"] == 8
    assert result.metrics["pods_pending"] == 1
    assert result.metrics["constraint_violations"] == 0
    assert result.metrics["attempts"] >= 9
    assert result.stages.keys() == {"build", "encode", "replay", "evaluate"}
    assert result.notes == ["made for a test"]
    log = result.tables["placements"].to_pylist()
    assert log[0]["kind"] == "arrive"
    assert {row["node"] for row in log if row["kind"] == "bind"} == {"node-0", "node-1"}
    assert log[0]["pod"] == "default/web-0"
    assert log[0]["devices"] is None
    assert set(result.tables["rejections"].column("plugin").to_pylist()) == {
        "NodeResourcesFit"
    }


def test_the_same_cell_gives_the_same_numbers():
    """Running a cell twice gives the same digest and the same quality."""
    one, two = run_cell(cell(policy="random")), run_cell(cell(policy="random"))

    assert one.placement_digest == two.placement_digest
    assert one.metrics == two.metrics


@pytest.mark.parametrize(
    ("scenario", "policy", "status", "words"),
    [
        pytest.param(TwoNodes("bug"), "random", "failed", "ZeroDivision", id="a bug"),
        pytest.param(
            TwoNodes("unknown"), "random", "skipped", "needs volumes", id="not modelled"
        ),
        pytest.param(TwoNodes(), "randon", "failed", "random", id="unknown policy"),
        pytest.param(TwoNodes("slow"), "random", "timeout", "0.2 s", id="too slow"),
    ],
)
def test_trouble_becomes_a_status(scenario, policy, status, words):
    """Whatever goes wrong ends the cell alone, with its reason."""
    result = run_cell(
        cell(scenario, policy, timeout=0.2 if status == "timeout" else None)
    )

    assert result.status == status
    assert words in result.error


def test_an_unknown_engine_gets_a_suggestion():
    """A misspelt engine fails the cell with the nearest name."""
    assert "did you mean 'scan'" in run_cell(cell(engine="scam")).error


def test_ctrl_c_is_no_result():
    """KeyboardInterrupt goes through to the runner."""
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell(TwoNodes("interrupt")))


def test_thresholds_are_checked():
    """A cell that misses a threshold is done, and says so."""
    result = run_cell(cell(TwoNodes(pods=9, thresholds={"pods_bound": 9})))

    assert result.status == "done"
    assert result.threshold_failures == ["pods_bound is 8, below its threshold 9"]


def test_real_cells_are_stored_and_loaded(tmp_path):
    """A small grid of real policies runs in workers and loads as frames."""
    grid = Grid.of([TwoNodes()], ["kube-scheduler", "best-fit"], [0, 1])

    summary = run_grid(grid, tmp_path, jobs=2)
    results = load_results(tmp_path)

    assert summary.counts == {"done": 4}, summary.results
    assert list(results.cells["pods_bound"]) == [6] * 4
    assert set(results.node_fill["policy"]) == {"kube-scheduler", "best-fit"}
    assert results.cells["build_stage_seconds"].notna().all()


class TestThresholds:
    @pytest.mark.parametrize(
        ("values", "missed"),
        [
            pytest.param({"bound": 5, "nodes": 5, "total": 5}, 0, id="just met"),
            pytest.param({"bound": 6, "nodes": 4, "total": 5}, 0, id="surpassed"),
            pytest.param({"bound": 4, "nodes": 6, "total": 6}, 3, id="missed"),
            pytest.param({"bound": None, "nodes": math.nan}, 3, id="no values"),
        ],
    )
    def test_the_direction_of_the_metric_decides(self, values, missed):
        """A threshold is a least, a greatest or an exact value."""
        better = {"bound": "up", "nodes": "down", "total": "none"}
        limits = dict.fromkeys(better, 5.0)

        assert len(missed_thresholds(limits, values, better)) == missed


class TestTimeLimit:
    def test_it_ends_a_body_that_hangs(self):
        """What hangs in Python is left when the time is up."""
        with pytest.raises(TimeLimitError, match=r"0\.05 s"), time_limit(0.05):
            time.sleep(10)

    def test_it_is_lifted_afterwards(self):
        """A body that ends in time is not disturbed later."""
        with time_limit(0.05):
            pass

        time.sleep(0.1)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("afterwards", [0.0, 10.0])
    def test_it_holds_when_a_finalizer_swallows_it(self, afterwards):
        """Python drops what a finalizer raises: the body is too late nevertheless."""

        class Swallows:
            def __del__(self):
                time.sleep(10)

        def hang() -> None:
            Swallows()
            time.sleep(afterwards)

        start = time.monotonic()
        with pytest.raises(TimeLimitError), time_limit(0.05):
            hang()

        assert time.monotonic() - start < 9


class TestEnvironment:
    def test_it_names_versions_and_machine_but_no_host_and_no_user(self):
        """What explains a number is there, what identifies a person is not."""
        here = environment()

        assert here["libraries"]["numpy"] == np.__version__
        assert here["cpu"]["cores"] >= 1
        assert not {"host", "hostname", "user", "node"} & set(here)

    def test_another_projects_repository_is_not_ours(self, tmp_path):
        """A package outside its own checkout has no commit."""
        assert git_state(tmp_path) is None
