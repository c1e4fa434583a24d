"""Bad input: one message with place and value; exit 2; nothing written."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web-0}
spec: {containers: [{name: main, resources: {requests: {cpu: 1 core}}}]}
"""

CONFIG = """\
- name: Case
  defaultPodTemplatePath: nowhere.yaml
  workloadTemplate:
  - {opcode: createNodes, countParam: $n}
  - {opcode: createPods, countParam: $n}
  workloads:
  - {name: five, params: {n: 5}}
"""

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,{cpu},1024,1,500,\n"


def _edited(old: str, new: str):
    def write(folder: Path) -> list[str]:
        path = folder / "tiny.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return ["tiny.yaml"]

    return write


def _file(name: str, content: str | bytes):
    def write(folder: Path) -> list[str]:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return [name]

    return write


def _openb(pods: str):
    def write(folder: Path) -> list[str]:
        (folder / "data/nodes").mkdir(parents=True)
        (folder / "data/pods").mkdir()
        (folder / "data/nodes/openb_node_list_gpu_node.csv").write_text(NODES)
        (folder / "data/pods/openb_pod_list_default.csv").write_text(pods)
        return ["openb", "--set", "data=data", "--set", "trace=default"]

    return write


def _suite(folder: Path) -> list[str]:
    (folder / "suite").mkdir()
    (folder / "suite/performance-config.yaml").write_text(CONFIG)
    return ["suite", "--workload", "Case/five"]


def _empty(folder: Path) -> list[str]:
    (folder / "empty").mkdir()
    return ["empty"]


def _given(*arguments: str):
    return lambda _folder: list(arguments)


TRUNCATED = gzip.compress(b'{"apiVersion": "v1", "items": []}' + b" " * 9000)[:30]

CASES = {
    "a malformed quantity in a scenario": (
        _edited("8Gi", "8Gii"),
        ["tiny.yaml", "cluster.pools[0]", "malformed quantity: '8Gii'"],
    ),
    "a malformed quantity in a manifest": (
        _file("pod.yaml", POD),
        ["pod.yaml", "Pod web-0", "requests[cpu]", "'1 core'"],
    ),
    "an unknown field": (
        _edited("count: 8", "cuont: 8"),
        ["tiny.yaml", "streams[0]", "unknown field: 'cuont'; did you mean 'count'?"],
    ),
    "an unknown policy in a scenario": (
        _edited("best-fit", "bets-fit"),
        ["tiny", "unknown policy: 'bets-fit'; did you mean 'best-fit'?"],
    ),
    "an unknown policy on the command line": (
        _given("tiny.yaml", "-p", "kube-schedler"),
        ["unknown policy: 'kube-schedler'; did you mean 'kube-scheduler'?"],
    ),
    "an unknown parameter of a policy": (
        _given("tiny.yaml", "-p", "best-fit[tie=first]"),
        ["'tie'; did you mean 'ties'?"],
    ),
    "a file of policies without a name": (
        _given("tiny.yaml", "-p", "mine.py"),
        ["write mine.py:NAME"],
    ),
    "a file of policies that is not there": (
        _given("tiny.yaml", "-p", "mine.py:best"),
        ["mine.py: no such policy file"],
    ),
    "a program that is not there": (
        _given("tiny.yaml", "-p", "process[command=./none --fast]"),
        ["policy process: no such program: './none'; check the path"],
    ),
    "a file that is no program": (
        _given("tiny.yaml", "-p", "process[command=./tiny.yaml]"),
        ["the program is not executable: './tiny.yaml'; chmod +x ./tiny.yaml"],
    ),
    "a process without a program": (
        _given("tiny.yaml", "-p", "process"),
        ["a command is needed: ''; write process[command=./my-scheduler]"],
    ),
    "a dangling template": (
        _suite,
        ["case Case", "template not found: 'nowhere.yaml'"],
    ),
    "a negative count": (_edited("count: 8", "count: -8"), ["count", ">= 0: -8"]),
    "a negative size": (_edited("nodes: 3", "nodes: -3"), ["cluster.nodes", ": -3"]),
    "NaN in a scenario": (_edited("count: 8", "count: .nan"), ["line 9", "'.nan'"]),
    "NaN in a CSV": (
        _openb(PODS.format(cpu="NaN")),
        ["openb_pod_list_default.csv", "row 2, column cpu_milli", "'NaN'"],
    ),
    "a missing column in a CSV": (
        _openb("name,cpu_milli\np0,1000\n"),
        ["openb_pod_list_default.csv", "missing column 'memory_mib'"],
    ),
    "a truncated gzip": (
        _file("cut.json.gz", TRUNCATED),
        ["cut.json.gz: truncated gzip data"],
    ),
    "a YAML bomb": (_file("bomb.yaml", BOMB), ["bomb.yaml: line", "aliases expand"]),
    "a million nodes too many": (
        _edited("nodes: 3", "nodes: 30000000"),
        ["30,000,000 nodes exceed the limit", "raise limits.nodes if meant"],
    ),
    "a file that is not there": (_given("no.yaml"), ["no.yaml: no such file"]),
    "a scenario that is not there": (
        _given("web-servces"),
        ["unknown scenario: 'web-servces'; did you mean 'web-services'?"],
    ),
    "a folder without scenarios": (_empty, ["empty: no scenario in this folder"]),
    "a grid": (_given("demo"), ["this is a grid", "use schedbench sweep"]),
    "an unknown setting": (
        _given("tiny.yaml", "--set", "cluster.nodez=3"),
        ["cluster: unknown field: 'nodez'; did you mean 'nodes'?"],
    ),
    "a setting without a value": (
        _given("tiny.yaml", "--set", "cluster.nodes"),
        ["--set: not a setting", "write PATH=VALUE"],
    ),
    "a parameter that is not given": (
        _given("openb"),
        ["the parameter 'data' is not given; add --set data=VALUE"],
    ),
    "an unknown size": (
        _given("web-services", "--size", "smal"),
        ["unknown size: 'smal'; did you mean 'small'?"],
    ),
    "an unknown label": (
        _given("tiny.yaml", "--label", "tory"),
        ["--label", "'tory'; labels there: toy"],
    ),
    "an unknown engine": (
        _given("tiny.yaml", "--engine", "scam"),
        ["unknown engine: 'scam'; did you mean 'scan'?"],
    ),
    "a baseline that is not run": (
        _given("tiny.yaml", "-p", "best-fit", "--baseline", "random"),
        ["the baseline is not among the policies: 'random'"],
    ),
    "a negative seed": (
        _given("tiny.yaml", "--seed", "-1"),
        ["'--seed': '-1' is not a whole number from 0"],
    ),
    "no repeats": (
        _given("tiny.yaml", "--repeats", "0"),
        ["'--repeats': '0'", "from 1 to 10,000"],
    ),
    "no time": (_given("tiny.yaml", "--timeout", "0"), ["'--timeout': 0"]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("error")
def test_run_refuses(cli, here, name):
    """`run` says what is wrong and where, ends with 2 and leaves no folder behind."""
    prepare, words = CASES[name]
    arguments = prepare(here)
    before = sorted(here.rglob("*"))
    found = cli("run", *arguments)
    lines = [each for each in found.err.splitlines() if "tells more" not in each]

    assert (found.code, found.out) == (2, "")
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert [word for word in words if word not in lines[0]] == []
    assert sorted(here.rglob("*")) == before


def test_check_of_scenarios(cli, here):
    """A scenario that can be built passes; one that cannot is bad input."""
    found = cli("check", "tiny.yaml", "--json").document["scenarios"]
    (here / "tiny.yaml").write_text("name: x\n")
    wrong = cli("check", "tiny.yaml")

    assert [(each["nodes"], each["pods"]) for each in found] == [(3, 8)]
    assert (wrong.code, wrong.err.startswith("error: tiny.yaml: ")) == (2, True)


def test_unwritable_folder(cli, here):
    """A folder that cannot be made is bad input, not a crash."""
    (here / "runs").write_text("a file")
    found = cli("run", "tiny.yaml", "-q")

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: runs")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["sweep", "tiny.yaml"], "use schedbench run", id="sweep of one"),
        pytest.param(
            ["explain", "no.json", "--pod", "a"], "no such file", id="explain"
        ),
        pytest.param(["import", "manifests", "no.json"], "no such file", id="import"),
        pytest.param(
            ["import", "openb", ".", "--set", "trac=x"],
            "unknown setting: 'trac'; did you mean 'trace'?",
            id="import setting",
        ),
        pytest.param(
            ["generate", "tiny.yaml", "-o", "out.yaml"],
            "end the name with .json or .json.gz",
            id="generate to YAML",
        ),
        pytest.param(
            ["generate", "web-services", "--size", "all"], "expected one", id="generate"
        ),
        pytest.param(["show", "nothing"], "unknown run", id="show"),
        pytest.param(["report", "nothing"], "unknown run", id="report"),
        pytest.param(["compare", "a", "b"], "unknown run", id="compare"),
        pytest.param(["check", "bets-fit"], "did you mean 'best-fit'?", id="check"),
    ],
)
def test_others_refuse(cli, here, arguments, words):
    """The other commands refuse bad input alike."""
    found = cli(*arguments)

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: ")
    assert words in found.err
    assert sorted(path.name for path in here.iterdir()) == ["tiny.yaml"]
