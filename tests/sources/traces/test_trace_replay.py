"""An imported trace played: the same pods and nodes, and what the options change."""

from __future__ import annotations

import numpy as np
import pytest
from trace_cases import import_trace, write

from schedbench.cluster.encode import encode
from schedbench.errors import InputError
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.sources.gpu import GPU_COUNT, GPU_MILLI, GPU_MODEL
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.options import Trace
from schedbench.sources.traces.replay import SHORTEST, load_trace
from schedbench.sources.traces.writer import TraceWriter

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path):
    """Write an import of the columns given."""

    def make(pods, nodes=None):
        with TraceWriter(tmp_path / "t", Ledger()) as writer:
            writer.about = {"source": "made", "units": {}, "title": "", "licence": ""}
            writer.nodes(nodes or {"name": ["n0", "n1"], "cpu_milli": 4000})
            writer.pods(pods)
        return tmp_path / "t"

    return make


def load(path, seed=1, **options):
    return load_trace(path, Trace(**options), seed)


def test_round_trip(shared, tmp_path):
    """Each pod and node of the real rows of 2025 is in the workload as it was read."""
    found = import_trace("gpu-2025", shared / "traces/gpu-v2025", tmp_path / "o")
    workload = load(found.folder)
    pods = workload.pods
    by_name = {pods.name(n): n for n in range(len(pods))}
    requests = [pod_requests(each) for each in pods.templates]

    assert len(pods) == len(found.pods)
    for row in found.pods[::97]:
        number = by_name[f"default/{row['id']}"]
        template = pods.templates[pods.template[number]]
        mine = requests[pods.template[number]]
        assert mine["cpu"] == row["cpu_milli"]
        assert mine["memory"] == row["memory_mib"] * MIB
        notes = template.metadata.annotations
        assert int(notes.get(GPU_COUNT, 0)) == row["num_gpu"]
        assert int(notes.get(GPU_MILLI, 0)) == row["gpu_milli"]
        assert pods.arrival[number] == row["submit"]
        duration = np.inf if row["duration"] is None else row["duration"]
        assert pods.duration[number] == max(duration, SHORTEST)
    assert [node.metadata.name for node in workload.nodes] == [
        node["name"] for node in found.nodes
    ]
    node = node_allocatable(workload.nodes[-1])
    assert (node["cpu"], node["memory"], node[GPU_COUNT]) == (
        128_000, 1 << 40, 4,
    )  # fmt: skip
    assert encode(workload).state.alive.all()


def test_pods_come_in_order(folder):
    """Rows are sorted by arrival; equal times keep the order of the rows."""
    path = folder(
        {
            "id": ["c", "a", "b"],
            "submit": [5.0, 1.0, 5.0],
            "duration": [1.0, 2.0, np.nan],
        }
    )
    pods = load(path).pods

    assert [pods.name(n) for n in range(3)] == ["default/a", "default/c", "default/b"]
    assert list(pods.names) == [pods.name(n) for n in range(3)]
    assert pods.duration.tolist() == [2.0, 1.0, np.inf]


def test_pods_that_never_ran(folder):
    """Without a run but with an end a pod is deleted; a run of 0 s takes 1 ms."""
    path = folder({"id": ["a", "b"], "submit": 0.0, "end": [7.0, 9.0],
                   "duration": [np.nan, 0.0]})  # fmt: skip
    workload = load(path)

    assert workload.pods.deletion.tolist() == [7.0, np.inf]
    assert workload.pods.duration.tolist() == [np.inf, SHORTEST]
    assert any("1 pods that ran for 0 s" in note for note in workload.notes)
    assert any("1 pods never ran" in note for note in workload.notes)


def test_equal_pods_share_a_template(folder):
    """A class is made by content, so many pods are few templates."""
    count = 1000
    path = folder(
        {
            "id": [f"p{n}" for n in range(count)],
            "submit": np.arange(count, dtype=float),
            "cpu_milli": np.arange(count) % 7,
            "priority": np.arange(count) % 3,
        }
    )
    pods = load(path).pods

    assert len(pods.templates) == 21
    asked = [pod_requests(pods.templates[k]).get("cpu", 0) for k in pods.template]
    assert asked == [n % 7 for n in range(count)]


def test_limits_per_node_hold(folder):
    """A group's limit is a resource, of which each node has enough for so many."""
    path = folder({"id": ["a", "b", "c"], "group": ["g", "g", "h"], "submit": 0.0,
                   "max_per_node": [2, 4, -1]})  # fmt: skip
    workload = load(path)
    key = "schedbench.io/max-per-node-g"
    (there, *_) = [node_allocatable(node)[key] for node in workload.nodes]
    asked = [
        pod_requests(workload.pods.templates[k]).get(key, 0)
        for k in workload.pods.template
    ]

    assert [there // each for each in asked[:2]] == [2, 4]
    assert asked[2] == 0


def test_another_cluster(folder):
    """Nodes given beside the trace take the place of its own, and keep its limits."""
    path = folder({"id": ["a"], "group": ["g"], "submit": 0.0, "max_per_node": 2})
    nodes = load(path).nodes[:1]
    for node in nodes:
        node.status.allocatable.pop("schedbench.io/max-per-node-g")
    workload = load_trace(path, Trace(), 1, nodes)

    (node,) = workload.nodes
    assert node_allocatable(node)["schedbench.io/max-per-node-g"] == 2


def test_gangs_become_pod_groups(folder):
    """With gangs each gang is a PodGroup; without they are told and placed alone."""
    path = folder({"id": ["a", "b", "c"], "group": ["g", "g", "h"], "submit": 0.0,
                   "gang_size": [2, 2, 1]})  # fmt: skip
    alone, together = load(path), load(path, gangs=True)

    assert not alone.needs_scheduling_queue
    assert any("2 pods belong to gangs" in note for note in alone.notes)
    assert together.needs_scheduling_queue
    (group,) = together.objects
    assert group.metadata.name == "g"
    assert group.spec.scheduling_policy.gang.min_count == 2


def test_nodes_come_and_go(folder):
    """Stays of nodes are events, a departure before an arrival at one time."""
    path = folder(
        {"id": ["a"], "submit": 0.0},
        {"name": ["x", "x", "y"], "cpu_milli": 1000, "time_add": [0.0, 20.0, 10.0],
         "time_remove": [10.0, np.nan, np.nan]},
    )  # fmt: skip
    workload = load(path)

    assert [node.metadata.name for node in workload.nodes] == ["x"]
    assert [
        (event.time, event.change, event.node.metadata.name)
        for event in workload.node_events
    ] == [(10.0, "remove", "x"), (10.0, "add", "y"), (20.0, "add", "x")]


def test_users_as_namespaces(folder):
    """Users may be namespaces, for fairness among them."""
    path = folder({"id": ["a", "b"], "submit": 0.0, "user": ["u", "v"]})

    assert load(path, namespaces=True).pods.name(1) == "v/b"


def test_constraints_can_be_ignored(folder):
    """A constraint is a required node affinity, unless it is not wanted."""
    path = folder(
        {"id": ["a"], "submit": 0.0,
         "constraints": '[{"key": "k", "operator": "In", "values": ["v"]}]'}
    )  # fmt: skip
    (held,) = load(path).pods.templates
    (free,) = load(path, constraints=False).pods.templates
    required = held.spec.affinity.node_affinity

    (term,) = required.required_during_scheduling_ignored_during_execution \
        .node_selector_terms  # fmt: skip
    assert term.match_expressions[0].values == ["v"]
    assert free.spec.affinity is None


def test_gpu_models(folder):
    """Models are those of the GPU share, and a node names its own."""
    path = folder(
        {"id": ["a"], "submit": 0.0, "num_gpu": 1, "gpu_milli": 500,
         "gpu_models": "A|B"},
        {"name": ["x"], "cpu_milli": 1000, "gpus": 2, "gpu_model": "A"},
    )  # fmt: skip
    workload = load(path)

    assert workload.pods.templates[0].metadata.annotations[GPU_MODEL] == "A|B"
    assert workload.nodes[0].metadata.labels[GPU_MODEL] == "A"


def test_window(folder):
    """A window keeps what arrives in it, and counts from its start."""
    path = folder({"id": list("abcd"), "submit": [0.0, 10.0, 20.0, 30.0]})
    pods = load(path, first=10.0, last=30.0).pods

    assert [pods.name(n) for n in range(len(pods))] == ["default/b", "default/c"]
    assert pods.arrival.tolist() == [0.0, 10.0]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda f: (f / "import.json").unlink(), "no imported", id="about"),
        pytest.param(
            lambda f: (f / "pods.parquet").write_bytes(b"PAR1"), "not a Parquet",
            id="truncated",
        ),
        pytest.param(
            lambda f: (f / "import.json").write_text('{"format": 99}'), "format 99",
            id="format",
        ),
        pytest.param(
            lambda f: (f / "import.json").write_text("{"), "not JSON", id="JSON"
        ),
        pytest.param(
            lambda f: (f / "nodes.parquet").replace(f / "pods.parquet"),
            "column id is missing", id="columns",
        ),
    ],
)  # fmt: skip
def test_damaged_folders(folder, damage, words):
    """A folder that is no sound import is refused with the file's name."""
    path = folder({"id": ["a"], "submit": 0.0})
    damage(path)

    with pytest.raises(InputError, match=words):
        load(path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        pytest.param({"submit": np.nan}, "column submit: not a time", id="submit"),
        pytest.param({"duration": -1.0}, "column duration", id="duration"),
        pytest.param({"duration": np.inf}, "column duration", id="infinite"),
        pytest.param({"num_gpu": 2, "gpu_milli": 500}, "part of several", id="gpus"),
        pytest.param({"num_gpu": 64, "gpu_milli": 1000}, "0 to 63", id="many"),
        pytest.param({"gang_size": 0}, "gang of none", id="gang"),
        pytest.param({"cpu_milli": -1}, "column cpu_milli", id="cpu"),
    ],
)
def test_impossible_pods(folder, columns, words, tmp_path):
    """What nothing could run is refused, whoever wrote it; no folder appears."""
    with pytest.raises(InputError, match=words):
        folder({"id": ["a"], "submit": 0.0} | columns)
    assert list(tmp_path.iterdir()) == []


def test_node_twice(folder):
    """Two nodes of one name at a time are refused; stays one after another are not."""
    with pytest.raises(InputError, match="there twice: 'x'"):
        folder({"id": ["a"], "submit": 0.0}, {"name": ["x", "x"], "cpu_milli": 1})


def test_ids_that_occur_twice(folder):
    """Later pods of one id are numbered, and it is told."""
    workload = load(folder({"id": ["a", "b", "a", "a"], "submit": 0.0}))

    assert list(workload.pods.names) == [
        "default/a", "default/b", "default/a-1", "default/a-2",
    ]  # fmt: skip
    assert any("2 pods have the id" in note for note in workload.notes)


def test_nothing_of_others_is_overwritten(tmp_path):
    """A folder that is no import is not replaced."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t/mine.txt").write_text("x")

    with (
        pytest.raises(InputError, match="not an earlier import"),
        TraceWriter(tmp_path / "t", Ledger()),
    ):
        pass
    assert (tmp_path / "t/mine.txt").read_text() == "x"


def test_same_import_same_bytes(tmp_path):
    """An import repeated gives the same bytes."""
    rows = [";MaxProcs: 4", "1 0 1 5 4 -1 -1 4 -1 -1 1 1 1 -1 1 1 -1 -1"]
    folder = write(tmp_path / "s", log__swf=rows)
    one = import_trace("swf", folder, tmp_path / "a").folder
    two = import_trace("swf", folder, tmp_path / "b").folder

    for name in ("nodes.parquet", "pods.parquet", "import.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
