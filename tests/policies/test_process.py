"""Programs as policies: what they are told, and what happens when they misbehave."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from schedbench.cluster.encode import encode
from schedbench.errors import InputError, NotModelledError, PolicyError
from schedbench.experiment.cell import CellResult
from schedbench.experiment.check import check_policy
from schedbench.experiment.check_workloads import (
    make_node,
    make_pod,
    plain_workload,
    random_workload,
)
from schedbench.experiment.execute import run_cell
from schedbench.experiment.grid import Grid
from schedbench.experiment.warmup import warm_up
from schedbench.objects.meta import plain
from schedbench.objects.taints import Taint
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.policies.external import child
from schedbench.policies.external.protocol import (
    Decisions,
    Hello,
    ProtocolError,
    decode,
)
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

EXAMPLES = ROOT / "workloads" / "external"
PERL = shutil.which("perl")
HAS_PERL = (
    PERL is not None
    and subprocess.run(
        [PERL, "-MJSON::PP", "-e1"], capture_output=True, check=False
    ).returncode
    == 0
)
needs_perl = pytest.mark.skipif(not HAS_PERL, reason="needs Perl with JSON::PP")

PRELUDE = """
import json, os, signal, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "pids"), "a") as file:
    file.write(f"{os.getpid()}\\n")

def say(kind, **content):
    print(json.dumps({"type": kind, **content}), flush=True)

def hear():
    line = sys.stdin.readline()
    if line:
        with open(os.path.join(here, "heard"), "a") as file:
            file.write(line)
    return json.loads(line) if line else {"type": "end"}

def hello(**more):
    hear()
    say("hello", protocol=1, name="stub", **more)

def question():
    while (message := hear())["type"] not in ("pods", "end"):
        pass
    return message

def each_question():
    while (message := question())["type"] == "pods":
        yield message["pods"]

def decide(*pairs):
    say("decisions", decisions=[{"pod": pod, "node": node} for pod, node in pairs])

"""
FIRST_FEASIBLE = """
hello(capabilities=["feasible", "something of version 2"])
for (pod,) in each_question():
    decide((pod["pod"], pod["feasible"][0]))
"""
NOWHERE = """
hello()
for pods in each_question():
    decide(*((pod["pod"], None) for pod in pods))
"""
Stub = Callable[..., str]
QUEUE = "kube-scheduler"


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Write a child from its body and return the policy that runs it."""

    def write(body: str, **parameters: object) -> str:
        (tmp_path / "child.py").write_text(PRELUDE + body)
        command = shlex.join([sys.executable, "-S", "-E", str(tmp_path / "child.py")])
        more = "".join(f",{key}={value}" for key, value in parameters.items())
        return f"process[command={command}{more}]"

    return write


@dataclasses.dataclass(frozen=True)
class Plain:
    """Three nodes with room for two pods each, and four pods."""

    name: str = "plain"
    size: str = "tiny"
    thresholds: dict = dataclasses.field(default_factory=dict)
    end_to_end: None = None

    def digest(self) -> str:
        return "plain"

    def build(self, seed: int) -> Workload:
        return plain_workload(nodes=3, pods=4)


def run(spec: str, timeout: float | None = None) -> CellResult:
    """Run a cell under a policy."""
    return run_cell(next(Grid.of([Plain()], [spec], [0]).cells(timeout)))


def heard(folder: Path) -> list[dict]:
    """Return what the child in a folder was told."""
    return [json.loads(line) for line in (folder / "heard").read_text().splitlines()]


def is_there(pid: int) -> bool:
    """Return whether a process is there, be it a zombie of ours."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: int) -> bool:
    """Return whether a process of somebody else ends soon, be it as a zombie."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except (FileNotFoundError, ProcessLookupError):
            return not is_there(pid)
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def children(folder: Path) -> list[int]:
    """Return the ids of the processes that were started in a folder."""
    path = folder / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


FAILURES = [
    pytest.param(
        "hear(); sys.exit('my last\\x1b[31m words')",
        ["exited with status 1 when asked for a hello", "its last words: my last "],
        id="a crash before the hello",
    ),
    pytest.param(
        "hello(); question(); 1 / 0",
        ["exited with status 1 when asked for 4 pods at 0 s", "ZeroDivisionError"],
        id="a crash in a question",
    ),
    pytest.param(
        "hello(); question(); os.kill(os.getpid(), signal.SIGSEGV)",
        ["was killed by SIGSEGV when asked for 4 pods at 0 s"],
        id="a crash in compiled code",
    ),
    pytest.param(
        "sys.exit(3)",
        ["exited with status 3 when asked for a hello"],
        id="it reads nothing and ends",
    ),
    pytest.param(
        "hello(); question(); os.close(1); time.sleep(600)",
        ["closed its output when asked for 4 pods"],
        id="it closes its output and lives on",
    ),
    pytest.param(
        "print('Listening…', flush=True); hear()",
        ["answered 'Listening…' when asked for a hello: JSON is malformed"],
        id="text that is not JSON",
    ),
    pytest.param(
        "sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush(); hear()",
        ["when asked for a hello: JSON is malformed"],
        id="bytes that are no text",
    ),
    pytest.param(
        "hear(); say('hello', protocol=2, name='late')",
        ["speaks version 2 of the protocol, not version 1"],
        id="another version",
    ),
    pytest.param(
        "hello(); question(); say('hello', protocol=1, name='again')",
        ["when asked for 4 pods at 0 s: Invalid value 'hello'"],
        id="another kind of message",
    ),
    pytest.param(
        "hello(); question(); say('decisions', decisions=[{'pod': 0}])",
        ["missing required field `node` - at `$.decisions[0]`"],
        id="a decision without its node",
    ),
    pytest.param(
        'hello(); question(); print(\'{"type":"decisions","x":\' + 9**5 * \'[\')\n'
        "sys.stdout.flush(); hear()",
        ["answered ", "when asked for 4 pods"],
        id="endless nesting",
    ),
    pytest.param(
        "hello(); question(); decide((99, None))",
        ["decided on pod 99 without being asked, of 4 pods at 0 s"],
        id="an unknown pod",
    ),
    pytest.param(
        "hello(); question(); decide((2, None), (2, None))",
        ["decided on pod 2 twice, of 4 pods at 0 s"],
        id="a pod twice",
    ),
    pytest.param(
        "hello(); question(); decide((0, None), (2, None))",
        ["left out 2 of 4 pods at 0 s, the first: pod 1"],
        id="pods left out",
    ),
    pytest.param(
        "hello(); question(); decide(*((pod, 'node-77') for pod in range(4)))",
        ["chose node 'node-77' for pod 0, which is not in the cluster"],
        id="an unknown node",
    ),
    pytest.param(
        "hello(); question(); sys.stderr.write('my mistake'); sys.stderr.flush()\n"
        "decide(*((pod, 'node-1') for pod in range(4))); hear()",
        [
            "chose an infeasible node for pod default/plain-2: node-1 (NodeResou",
            "rcesFit: Insufficient cpu); its last words: my mistake",
        ],
        id="an infeasible node",
    ),
    pytest.param(
        "hello(capabilities=['feasible'])\n"
        "while True: decide((question()['pods'][0]['pod'], 'node-1'))",
        ["infeasible node for pod default/plain-2: node-1 (NodeResourcesFit: "],
        id="an infeasible node in spite of the list",
    ),
]


class TestFailures:
    """Whatever a child does, its cell ends with a clear error and leaves nothing."""

    @pytest.mark.parametrize(("body", "words"), FAILURES)
    def test_the_cell_fails_and_says_why(
        self, stub: Stub, tmp_path: Path, body: str, words: list[str]
    ) -> None:
        """The error names the policy and what it did; the child is gone."""
        result = run(stub(body))

        assert result.status == "failed"
        assert result.error.startswith("process[command=")
        assert [word for word in words if word not in result.error] == []
        assert not any(map(is_there, children(tmp_path)))

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            pytest.param(
                "time.sleep(600)",
                "gave no answer within 1 s when asked for a hello",
                id="no hello",
            ),
            pytest.param(
                "hello(); question(); sys.stderr.write('thinking'); sys.stderr.flush()"
                "\ntime.sleep(600)",
                "within 1 s when asked for 4 pods at 0 s",
                id="no decisions",
            ),
            pytest.param(
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                "while True: sys.stderr.write('noise' * 99 + chr(10))",
                "gave no answer within 1 s",
                id="noise instead of an answer, deaf to signals",
            ),
        ],
    )
    def test_a_silent_child_is_killed(
        self, stub: Stub, tmp_path: Path, body: str, words: str
    ) -> None:
        """A child that gives no answer in time fails its cell and is killed."""
        result = run(stub(body, timeout=1.0))

        assert result.status == "failed"
        assert words in result.error
        assert not any(map(is_there, children(tmp_path)))

    def test_a_hanging_child_ends_with_its_cell(
        self, stub: Stub, tmp_path: Path
    ) -> None:
        """The time limit of the cell ends the child, too."""
        result = run(stub("hello(); question(); time.sleep(600)"), timeout=1.0)

        assert result.status == "timeout"
        assert not any(map(is_there, children(tmp_path)))

    def test_all_its_processes_are_killed(self, stub: Stub, tmp_path: Path) -> None:
        """Processes that a child has started end with it."""
        body = """
other = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open(os.path.join(here, "pids"), "a") as file:
    file.write(f"{other.pid}\\n")
hello(); question(); sys.exit(4)
"""
        result = run(stub(body))

        first, second = children(tmp_path)
        assert "exited with status 4" in result.error
        assert not is_there(first)
        assert ends(second)

    def test_too_long_a_line_is_refused(
        self, stub: Stub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A child that writes and writes without an end of line is stopped."""
        monkeypatch.setattr(child, "LONGEST_LINE", 100_000)
        result = run(stub("while True: sys.stdout.write('x' * 9999)"))

        assert "wrote a line of more than 100000 bytes" in result.error

    def test_much_noise_does_no_harm(self, stub: Stub) -> None:
        """A child may fill its standard error; the last lines are kept."""
        noise = "sys.stderr.write(10**6 * 'x' + chr(10))\n"
        body = f"{noise}hello()\n{noise}question()\nsys.exit('the end')"
        error = run(stub(body)).error

        assert error.endswith(" | the end")
        assert len(error.splitlines()) == 1
        assert len(error) < 2_000

    def test_a_child_that_does_not_read_is_told_from_one_that_does(
        self, stub: Stub
    ) -> None:
        """An answer without the question being read is no answer."""
        body = "hello()\ndecide((0, None))\ntime.sleep(600)"
        encoded = encode(plain_workload(nodes=400, pods=1))
        with pytest.raises(PolicyError, match="did not read the question within"):
            replay(encoded, make_policy(stub(body, timeout=1.0)), seed=0)

    def test_a_script_without_an_interpreter_is_told(self, tmp_path: Path) -> None:
        """What the system cannot run fails the cell, with what to do."""
        script = tmp_path / "script"
        script.write_text("no program")
        script.chmod(0o755)

        assert (
            "a first line such as #!/usr/bin/env"
            in run(f"process[command={script}]").error
        )

    def test_a_child_that_stays_is_ended(
        self, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A child that does not end when it is told to is killed; the cell is done."""
        monkeypatch.setattr(child, "GRACE", 0.3)
        result = run(stub(NOWHERE + "time.sleep(600)"))

        assert result.error is None
        assert not any(map(is_there, children(tmp_path)))

    @given(line=st.one_of(st.binary(), st.text().map(str.encode)))
    def test_no_line_is_beyond_it(self, line: bytes) -> None:
        """Any bytes are either a message or refused."""
        for wanted in (Hello, Decisions):
            with contextlib.suppress(ProtocolError):
                found = decode(line, wanted)

                assert isinstance(found, wanted)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("", "a command is needed", id="nothing"),
        pytest.param("./none", "no such program: './none'", id="no such file"),
        pytest.param("./folder", "no such program", id="a folder"),
        pytest.param("./data", r"not executable: './data'; chmod \+x", id="no program"),
        pytest.param("no-such-tool", "write ./no-such-tool", id="not in PATH"),
        pytest.param("./data 'x", "No closing quotation", id="an open quote"),
        pytest.param("x" * 9_999, "no such program", id="endless"),
    ],
)
def test_unusable_commands_are_refused(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that cannot be run is the user's mistake, told before any run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "data").write_text("data")
    with pytest.raises(InputError, match=message):
        make_policy(f"process[command={command}]")


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "1e9"])
def test_a_timeout_is_a_time(timeout: str) -> None:
    """A time-out is above 0 and at most a day."""
    with pytest.raises(InputError, match="timeout is not within"):
        make_policy(f"process[command=true,timeout={timeout}]")


def test_the_program_is_part_of_the_key(stub: Stub) -> None:
    """Results of two versions of a program can be told apart."""
    digests = [make_policy(stub(body)).source_digest for body in ("1", "2", "2")]

    assert digests[0] != digests[1] == digests[2]


def test_relative_programs_are_found(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path is looked up from the working directory; the policy keeps its text."""
    program = tmp_path / "mine"
    shutil.copy(EXAMPLES / "first_fit.py", program)
    monkeypatch.chdir(tmp_path)
    result = run("process[command=./mine]")

    assert (result.status, result.policy) == ("done", "process[command=./mine]")


def test_a_child_that_takes_the_first_is_first_fit(stub: Stub) -> None:
    """With the feasible nodes given, the first of them is first-fit's, everywhere."""
    policy = make_policy(stub(FIRST_FEASIBLE))
    for seed in range(3):
        encoded = encode(random_workload(seed))
        theirs = replay(encoded, policy, seed=0)
        ours = replay(encoded, make_policy("first-fit"), seed=0, engine="explain")

        assert theirs.digest == ours.digest


def test_pods_are_bound_in_the_order_of_the_answer(stub: Stub) -> None:
    """The order of decisions is the child's; it may tell scores and reasons."""
    body = """
hello()
for pods in each_question():
    say("decisions", decisions=[
        {"pod": p["pod"], "node": f"node-{p['pod'] // 2}", "scores": {"node-0": 1.5},
         "reasons": {"node-2": ["far away"]}, "mood": "good"}
        for p in reversed(pods)
    ])
"""
    record = replay(encode(Plain().build(0)), make_policy(stub(body)), seed=0)
    bound = record.kind == EventKind.BIND

    assert record.pod[bound].tolist() == [3, 2, 1, 0]
    assert record.node[bound].tolist() == [1, 1, 0, 0]


def test_a_warm_up_starts_no_program(stub: Stub, tmp_path: Path) -> None:
    """A program is started for cells alone; a warm-up is for what is compiled."""
    steps = warm_up([stub(NOWHERE)], engines=("explain",))

    assert "explain with process[" in steps[-1].step
    assert children(tmp_path) == []


def test_the_scheduling_queue_is_not_for_it(stub: Stub) -> None:
    """A workload that hands out one pod at a time skips it, as any batch policy."""
    workload = dataclasses.replace(plain_workload(nodes=1, pods=1), queue=QUEUE)
    with pytest.raises(NotModelledError, match="places batches of pods"):
        replay(encode(workload), make_policy(stub(NOWHERE)), seed=0)


def counted_workload() -> Workload:
    """Return pods that come, run and end, and nodes that leave, return and join."""
    random = np.random.default_rng(7)
    nodes = [make_node(f"node-{i}", cpu=str(2 + i % 3)) for i in range(6)]
    kinds = [make_pod("small", cpu="500m"), make_pod("large", cpu="1500m")]
    arrival = np.sort(random.integers(0, 30, size=80)).astype(np.float64)
    stream = PodStream.of(
        kinds,
        random.integers(2, size=80).astype(np.int32),
        arrival=arrival,
        duration=random.integers(1, 20, size=80).astype(np.float64),
    )
    larger = make_node("node-2", cpu="5")
    events = [
        NodeEvent(8.0, "remove", nodes[1]),
        NodeEvent(12.5, "update", larger),
        NodeEvent(15.0, "add", make_node("node-6")),
        NodeEvent(18.0, "add", nodes[1]),
    ]
    return Workload("counted", nodes, stream, node_events=events)


def test_the_python_example_is_first_fit() -> None:
    """The example places each pod as the built-in policy, through every change."""
    encoded = encode(counted_workload())
    policy = make_policy(
        f"process[command={shlex.quote(sys.executable)} {EXAMPLES / 'first_fit.py'}]"
    )
    first, second = (replay(encoded, policy, seed=0) for _ in range(2))
    ours = replay(encoded, make_policy("first-fit"), seed=0, engine="explain")

    assert first.digest == second.digest == ours.digest
    assert len(first.time) == len(ours.time)
    assert first.wall.decisions < ours.wall.decisions


@needs_perl
def test_the_perl_example_passes_every_check() -> None:
    """The example in Perl is a proper policy."""
    found = check_policy(f"process[command={EXAMPLES / 'most_free.pl'}]")

    assert [each for each in found if not each.passed] == []


@needs_perl
def test_the_perl_example_takes_the_most_free() -> None:
    """The example in Perl levels nodes by cpu."""
    encoded = encode(plain_workload(nodes=3, pods=3))
    policy = make_policy(f"process[command={EXAMPLES / 'most_free.pl'}]")
    record = replay(encoded, policy, seed=0)

    assert record.node[record.kind == EventKind.BIND].tolist() == [0, 1, 2]


def test_a_check_tells_of_a_liar(stub: Stub) -> None:
    """`check` fails a program that chooses infeasible nodes, and says where."""
    body = """
hello()
for pods in each_question():
    decide(*((pod["pod"], "node-0") for pod in pods))
"""
    found = {each.name: each for each in check_policy(stub(body))}

    assert not found["never_infeasible"].passed
    assert "chose an infeasible node" in found["never_infeasible"].detail
    assert found["no_mutation"].passed


@pytest.mark.parametrize(
    "pod", ["9" * 5_000, "1e400", "-1", "true", '"1"', "18446744073709551616"]
)
def test_numbers_of_pods_are_read_with_care(stub: Stub, pod: str) -> None:
    """What is no number of a pod, however large, is told."""
    body = f"""
hello(); question()
print('{{"type":"decisions","decisions":[{{"pod":{pod},"node":null}}]}}', flush=True)
hear()
"""
    result = run(stub(body))

    assert result.error.startswith("process[command=")
    assert len(result.error) < 2_000


class TestWhatAChildIsTold:
    """The messages, in their order."""

    def test_a_run_from_beginning_to_end(self, stub: Stub, tmp_path: Path) -> None:
        """Hello, cluster, classes, pods of an instant together, end."""
        replay(encode(Plain().build(0)), make_policy(stub(NOWHERE)), seed=0)
        hello, cluster, classes, pods, end = heard(tmp_path)

        assert hello["protocol"] == 1
        assert [node["name"] for node in cluster["nodes"]] == [
            "node-0",
            "node-1",
            "node-2",
        ]
        assert cluster["nodes"][0]["allocatable"] == {
            "cpu": 2_000,
            "memory": 8 * 2**30,
            "pods": 110,
        }
        (kind,) = classes["classes"]
        assert kind["class"] == 0
        assert kind["requests"] == {"cpu": 1_000, "memory": 2**30, "pods": 1}
        assert kind["object"]["metadata"]["name"] == "plain"
        asked = [{"pod": pod, "class": 0} for pod in range(4)]
        assert pods == {"type": "pods", "time": 0.0, "pods": asked}
        assert end == {"type": "end"}

    def test_objects_are_those_of_the_api(self) -> None:
        """A pod or a node that a child reads is the one that schedbench has."""
        for seed in range(3):
            workload = random_workload(seed)
            for each in (*workload.nodes, *workload.pods.templates):
                assert msgspec.convert(plain(each), type(each)) == each

    def test_departures_and_changes_of_nodes(self, stub: Stub, tmp_path: Path) -> None:
        """Pods that end or lose their node, and nodes that come, change and go."""
        stream = PodStream.of(
            [make_pod("web")],
            np.zeros(6, dtype=np.int32),
            arrival=np.array([0.0, 0.0, 3.0, 5.0, 8.5, 9.0]),
            duration=np.array([2.0, np.inf, np.inf, np.inf, np.inf, np.inf]),
            node=np.array([-1, -1, -1, -1, 2, -1], dtype=np.int32),
        )
        nodes = [make_node("a", cpu="1"), make_node("b", cpu="1")]
        tainted = make_node("b", cpu="1")
        tainted.spec.taints = [Taint(key="k", effect="PreferNoSchedule")]
        nodes_change = [
            NodeEvent(4.0, "update", tainted),
            NodeEvent(6.0, "remove", nodes[1]),
            NodeEvent(8.0, "add", make_node("c", cpu="3")),
        ]
        workload = Workload("told", nodes, stream, node_events=nodes_change)
        body = """
hello(capabilities=["feasible"])
for (pod,) in each_question():
    decide((pod["pod"], None if pod["pod"] == 2 else pod["feasible"][-1]))
"""
        replay(encode(workload), make_policy(stub(body)), seed=0)
        told = [each for each in heard(tmp_path) if each["type"] == "events"]
        for each in told:
            each["nodes"] = [
                (n["name"], n["object"].get("spec")) for n in each["nodes"]
            ]

        taint = {"key": "k", "effect": "PreferNoSchedule"}
        names = ("time", "gone", "removed", "nodes", "bound")
        expected = [
            (3.0, [0], [], [], []),
            (4.0, [], [], [("b", {"taints": [taint]})], []),
            (6.0, [3], ["b"], [], []),
            (8.0, [], [], [("c", None)], []),
            (9.0, [], [], [], [{"pod": 4, "class": 0, "node": "c"}]),
        ]
        assert [tuple(each[name] for name in names) for each in told] == expected
