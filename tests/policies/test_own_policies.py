"""The three ways to write a policy of one's own, and what goes wrong on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schedbench.cluster.encode import encode
from schedbench.errors import InputError, PolicyError, UnknownNameError
from schedbench.experiment.check import check_policy
from schedbench.experiment.check_workloads import plain_workload, random_workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

MINE = '''
import numpy as np
from schedbench.policies.base import batch, score, vectorized

@score(ties="first")
def tightest(cluster, node, pod, alpha=1.0):
    """Little cpu left, or with small alpha little memory."""
    left = cluster.allocatable[:, node] - cluster.requested[:, node] - pod.request
    return -alpha * left[0] / 1000 - (1 - alpha) * left[1] / 2**30

@vectorized(ties="first")
def tight(cluster, pod, feasible, alpha=1.0):
    """Little cpu left, or with small alpha little memory."""
    left = cluster.allocatable - cluster.requested - pod.request[:, None]
    return -alpha * left[0] / 1000 - (1 - alpha) * left[1] / 2**30

@batch
def biggest_first(cluster, pods):
    """The biggest pods choose first, one for each node."""
    nodes, open_nodes = np.full(len(pods), -1), cluster.alive.astype(bool)
    for pod in np.argsort(-pods.request[:, 0]):
        slots = np.flatnonzero(pods.feasible(pod) & open_nodes)
        if len(slots):
            nodes[pod] = slots[0]
            open_nodes[slots[0]] = False
    return nodes

@score(ties="first")
def aligned(cluster, node, pod):
    """The alignment of Tetris."""
    largest = 0.0
    product = 0.0
    for row in range(2):
        largest = max(cluster.allocatable[row].max(), 1)
        free = cluster.allocatable[row, node] - cluster.requested[row, node]
        product += (pod.request[row] / largest) * (free / largest)
    return np.floor(1_000_000 * product)

@score
def nothing(cluster, node, pod):
    """Never a number."""
    return np.nan

@score
def untyped(cluster, node, pod):
    """Not for numba."""
    return cluster.no_such_column[node]

@score
def short(cluster, node):
    """One argument is missing."""
    return 0.0
'''
ENGINES = (pytest.param("scan", marks=pytest.mark.slow), "explain")
PLAIN = plain_workload(nodes=3, pods=8)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of own policies."""
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(MINE)
    return str(path)


def test_files_are_named_with_their_parameters(mine: str) -> None:
    """A policy in a file has the text it was named by, its docstring, its digest."""
    policy = make_policy(f"{mine}:tightest[alpha=0.5]")

    assert policy.spec == f"{mine}:tightest[alpha=0.5]"
    assert policy.summary == "Little cpu left, or with small alpha little memory."
    assert len(policy.source_digest or "") == 32


def test_relative_paths_are_found(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is looked up from the working directory."""
    monkeypatch.chdir(Path(mine).parent)

    assert make_policy("./mine.py:tight").spec == "./mine.py:tight"


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        pytest.param("none.py:f", InputError, "no such policy file", id="no such file"),
        pytest.param(
            "mine.py:tigthest", UnknownNameError, "did you mean 'tight", id="a slip"
        ),
        pytest.param(
            "mine.py:np", UnknownNameError, "unknown policy", id="not a policy"
        ),
        pytest.param(
            "mine.py:tight[beta=1]",
            UnknownNameError,
            "unknown parameter",
            id="no such parameter",
        ),
        pytest.param(
            "mine.py:tight[cluster=1]",
            UnknownNameError,
            "unknown parameter",
            id="a leading argument is no parameter",
        ),
        pytest.param(
            "mine.py:tight[alpha=much]",
            InputError,
            "parameter alpha is not a float",
            id="a parameter of another type",
        ),
        pytest.param(
            "mine.py:short",
            InputError,
            "takes 3 arguments and then its parameters",
            id="an argument missing",
        ),
    ],
)
def test_unusable_targets_are_told(
    mine: str, target: str, error: type[InputError], message: str
) -> None:
    """What cannot be loaded is the user's mistake, told with the name or the file."""
    with pytest.raises(error, match=message):
        make_policy(f"{Path(mine).parent}/{target}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("def broken(:\n", "SyntaxError", id="a syntax error"),
        pytest.param(
            "import no_such_module\n", "ModuleNotFound", id="a missing import"
        ),
        pytest.param("1 / 0\n", "ZeroDivisionError", id="an error when it is run"),
    ],
)
def test_files_that_fail_are_told(source: str, message: str, tmp_path: Path) -> None:
    """A file that cannot be run is the user's mistake, told with file and reason."""
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(InputError, match=message) as caught:
        make_policy(f"{tmp_path}/broken.py:f")

    assert "broken.py" in str(caught.value)


def test_a_changed_file_changes_the_digest(tmp_path: Path) -> None:
    """Results of two versions of one's own policy can be told apart."""
    path = tmp_path / "mine.py"
    digests = []
    for source in (MINE, MINE + "\n# changed\n"):
        path.write_text(source)
        digests.append(make_policy(f"{path}:tight").source_digest)

    assert digests[0] != digests[1]


def test_a_parameter_changes_the_placements(mine: str) -> None:
    """A parameter reaches the function."""
    encoded = encode(random_workload(3, together=True))
    digests = {
        replay(encoded, make_policy(f"{mine}:tight[alpha={a}]"), seed=0).digest
        for a in (0, 1)
    }

    assert len(digests) == 2


@pytest.mark.parametrize("name", ["tight", "biggest_first"])
def test_plain_python_policies_pass_every_check(mine: str, name: str) -> None:
    """Short numpy and batch policies are proper policies."""
    assert all(result.passed for result in check_policy(f"{mine}:{name}"))


def test_a_batch_policy_sees_all_pods_of_an_instant(mine: str) -> None:
    """A batch policy is asked once for the pods that arrive together."""
    record = replay(encode(PLAIN), make_policy(f"{mine}:biggest_first"), seed=0)

    assert record.wall.decisions == 1
    assert np.count_nonzero(record.kind == EventKind.BIND) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tightest[alpha=0.5]", "tightest"])
def test_a_compiled_policy_passes_every_check(mine: str, name: str) -> None:
    """A short numba policy, with or without a parameter, is a proper policy."""
    assert all(result.passed for result in check_policy(f"{mine}:{name}"))


@pytest.mark.parametrize("engine", ENGINES)
def test_compiled_and_vectorized_say_the_same(mine: str, engine: str) -> None:
    """One score, written for numba or for numpy, places every pod alike."""
    encoded = encode(random_workload(4))
    compiled, vectorized = (
        replay(encoded, make_policy(f"{mine}:{spec}"), seed=0, engine=engine)
        for spec in ("tightest[alpha=0.25]", "tight[alpha=0.25]")
    )

    assert compiled.digest == vectorized.digest


@pytest.mark.parametrize("seed", [5, 6])
def test_an_own_alignment_equals_the_built_in(mine: str, seed: int) -> None:
    """An own score with a built-in's meaning places every pod as that one does."""
    encoded = encode(random_workload(seed, together=True))
    own, built_in = (
        replay(encoded, make_policy(spec), seed=0, engine="explain")
        for spec in (f"{mine}:aligned", "dot-product")
    )

    assert own.digest == built_in.digest


@pytest.mark.parametrize("engine", ENGINES)
def test_a_score_that_is_no_number_is_an_error(mine: str, engine: str) -> None:
    """NaN is the policy's fault, told by name."""
    with pytest.raises(PolicyError, match=r"mine\.py:nothing scored a node NaN"):
        replay(encode(PLAIN), make_policy(f"{mine}:nothing"), seed=0, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_numba_cannot_compile_is_an_error(mine: str, engine: str) -> None:
    """A function that numba cannot type is the policy's fault, told by name."""
    with pytest.raises(PolicyError, match=r"mine\.py:untyped cannot be compiled"):
        replay(encode(PLAIN), make_policy(f"{mine}:untyped"), seed=0, engine=engine)
