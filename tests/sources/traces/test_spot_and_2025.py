"""Alibaba's traces of 2025 and 2026, on the real rows beside the checkout."""

from __future__ import annotations

import gzip
import json

import pytest
from trace_cases import import_trace, write

from schedbench.errors import InputError

NODES = ["gpu_model,gpu_capacity_num,cpu_num,node_name", "A10,1,128,2"]
JOB_HEADER = (
    "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,"
    "duration,job_type"
)
JOB = "1,13,A10,20,1,3,5,60,Spot"


@pytest.fixture
def spot(tmp_path):
    """Import jobs beside a list of one node."""

    def run(*jobs, nodes=NODES, **settings):
        folder = write(
            tmp_path / "s",
            node_info_df__csv=nodes,
            job_info_df__csv=[JOB_HEADER, *jobs],
        )
        return import_trace("spot-gpu-2026", folder, tmp_path / "out", **settings)

    return run


def test_the_real_rows(shared, tmp_path):
    """All nodes, and the four documented jobs as 112 workers."""
    found = import_trace(
        "spot-gpu-2026", shared / "traces/v2026-spot-gpu", tmp_path / "o"
    )

    assert (len(found.nodes), len(found.pods)) == (4278, 112)
    assert sum(node["gpus"] for node in found.nodes) == 10_412
    pod = found.pod("437261-93")
    assert (pod["gang_size"], pod["num_gpu"], pod["cpu_milli"]) == (94, 1, 15_000)
    assert (pod["submit"], pod["duration"]) == (9_589_663.0, 71_718.0)
    assert (pod["gpu_models"], pod["class"], pod["priority"]) == (
        "A100-SXM4-80GB", "Spot", 0,
    )  # fmt: skip
    assert found.pod("239255-0")["censored"] == "left"
    assert not any("larger than every node" in n for n in found.about["notes"])


def test_workers_that_fit_no_node_are_told(spot):
    """A worker larger than all nodes hints that requests are per job."""
    found = spot("1,13,A10,20,4,4,5,60,HP")
    other = spot("1,13,A10,20,4,4,5,60,HP", requests="job")

    assert any("1 jobs have workers larger" in n for n in found.about["notes"])
    assert other.pods[0]["cpu_milli"] == 5000
    assert other.pods[0]["num_gpu"] == 1
    assert not any("larger" in n for n in other.about["notes"])


@pytest.mark.parametrize(
    ("job", "words"),
    [
        pytest.param(JOB.replace("Spot", "Best"), "unknown job_type", id="type"),
        pytest.param(JOB.replace(",60,", ",-60,"), "row 2, column duration", id="sign"),
        pytest.param(JOB.replace(",60,", ",NaN,"), "column duration.*'NaN'", id="NaN"),
        pytest.param(JOB.replace(",3,", ",0,"), "column worker_num", id="none"),
        pytest.param(JOB.replace(",1,3", ",1.5,3"), "column gpu_request", id="part"),
        pytest.param(JOB.replace(",60,", ",1 h,"), "column duration", id="unit"),
        pytest.param("1,13,A10,20,1", "row 2: expected 9 columns", id="truncated"),
        pytest.param(f'{JOB[:-4]}"Spot\n{JOB}\n{JOB}', "not closed", id="quote"),
        pytest.param(",13,A10,20,1,3,5,60,Spot", "name is empty", id="no name"),
    ],
)
def test_spot_malformed(spot, job, words):
    """A malformed row is an error with file, row and column."""
    with pytest.raises(InputError, match=words):
        spot(job)


def test_missing_table(tmp_path):
    """Without the nodes the message names the table."""
    folder = write(tmp_path / "s", job_info_df__csv=[JOB_HEADER, JOB])

    with pytest.raises(InputError, match="table node_info_df is missing"):
        import_trace("spot-gpu-2026", folder, tmp_path / "o")


def test_truncated_archive(shared, tmp_path):
    """A gzip file that ends too early is an error, and nothing is written."""
    data = (shared / "traces/gpu-v2025/disaggregated_DLRM_trace.csv.gz").read_bytes()
    path = tmp_path / "disaggregated_DLRM_trace.csv.gz"
    path.write_bytes(data[: len(data) // 2])

    with pytest.raises(InputError, match=r"disaggregated_DLRM_trace.csv.gz"):
        import_trace("gpu-2025", path, tmp_path / "o")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_real_2025(shared, tmp_path):
    """The counts are those of the trace's README; nodes are made up and told."""
    found = import_trace("gpu-2025", shared / "traces/gpu-v2025", tmp_path / "o")
    pods = found.pods

    assert len(pods) == 23_871
    assert sum(pod["class"] == "HN" for pod in pods) == 7386
    assert len({pod["group"] for pod in pods}) == 156
    assert sum(pod["censored"] in {"left", "both"} for pod in pods) == 7280
    assert sum(pod["censored"] in {"right", "both"} for pod in pods) == 8878
    first = pods[0]
    assert (first["cpu_milli"], first["memory_mib"], first["num_gpu"]) == (
        12_000, 122_880, 1,
    )  # fmt: skip
    assert json.loads(first["resources"]) == {
        "schedbench.io/rdma-percent": 25, "ephemeral-storage": 640 << 30,
    }  # fmt: skip
    assert (first["max_per_node"], first["submit"], first["duration"]) == (8, 0.0, None)
    labels = {node["labels"] for node in found.nodes}
    assert labels == {
        '{"schedbench.io/role": "CN"}', '{"schedbench.io/role": "HN"}',
    }  # fmt: skip
    assert sum("made up" in note for note in found.about["notes"]) == 2


def test_2025_fleet_carries_the_peak(shared, tmp_path):
    """Made-up nodes have room for the most that is asked for at a time."""
    import numpy as np

    found = import_trace("gpu-2025", shared / "traces/gpu-v2025", tmp_path / "o")
    hn = [pod for pod in found.pods if pod["class"] == "HN"]
    start = np.array([p["start"] if p["start"] is not None else 0.0 for p in hn])
    end = np.array([np.inf if p["end"] is None else p["end"] for p in hn])
    most = max(((start <= t) & (t < end)).sum() for t in np.unique(start))
    gpus = sum(node["gpus"] for node in found.nodes)

    assert 0.8 * gpus <= most <= 0.9 * gpus + 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param("HN,", "XN,", "unknown role: 'XN'", id="role"),
        pytest.param("640.0", "900.0", "request over its limit", id="limit"),
        pytest.param(",8,,,", ",0,,,", "no instance on any node", id="max"),
        pytest.param(",,,", ",5,,", "not both there", id="times"),
        pytest.param(",,,", ",5,4,", "scheduled before", id="order"),
        pytest.param(",,,", ",5,6,3", "deleted before", id="deleted"),
        pytest.param(",25,", ",125,", "rdma_request", id="percent"),
    ],
)
def test_2025_malformed(shared, tmp_path, old, new, words):
    """A malformed row is an error with file, row and column."""
    path = shared / "traces/gpu-v2025/disaggregated_DLRM_trace.csv.gz"
    with gzip.open(path, "rt") as file:
        header, row = file.readline().rstrip("\n"), file.readline().rstrip("\n")
    assert old in row
    write(tmp_path, disaggregated_DLRM_trace__csv=[header, row.replace(old, new, 1)])

    with pytest.raises(InputError, match=words):
        import_trace(
            "gpu-2025", tmp_path / "disaggregated_DLRM_trace.csv", tmp_path / "o"
        )
