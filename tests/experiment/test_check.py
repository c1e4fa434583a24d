"""Every built-in policy passes every check, and bad policies fail the right ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedbench.errors import UnknownNameError
from schedbench.experiment.check import CHECKS, CheckResult, check_policy
from schedbench.policies.registry import POLICIES, make_policy

HEADER = """
import numpy as np
from schedbench.policies.base import batch, score, vectorized

"""


@pytest.mark.parametrize("name", POLICIES)
def test_every_built_in_policy_passes(name: str) -> None:
    """A built-in policy passes all checks; compiled ones without a remark."""
    found = check_policy(name)

    assert [check.__name__.removeprefix("check_") for check in CHECKS] == [
        each.name for each in found
    ]
    assert failures(found) == {}
    assert not (make_policy(name).compiled and any(each.detail for each in found))


@pytest.mark.parametrize("ties", ["first", "random", "next"])
def test_tie_rules_are_kept(ties: str) -> None:
    """A policy with another tie rule than its default keeps to that one."""
    assert not failures(check_policy(f"most-allocated[ties={ties}]"))


def test_unknown_policy_is_the_users_mistake() -> None:
    """A name that is no policy is an error, not a failed check."""
    with pytest.raises(UnknownNameError, match="did you mean 'first-fit'"):
        check_policy("first-fitt")


VECTORIZED = """
@vectorized(ties="{ties}")
def bad(cluster, pod, feasible):
    {body}
"""
BATCH = """
@batch
def bad(cluster, pods):
    {body}
"""


@pytest.mark.parametrize(
    ("source", "check", "detail"),
    [
        pytest.param(
            BATCH.format(body="return np.zeros(len(pods), dtype=int)"),
            "never_infeasible",
            "chose an infeasible node for pod",
            id="a batch that puts everything on the first node",
        ),
        pytest.param(
            VECTORIZED.format(
                ties="first",
                body="return np.random.default_rng().random(len(feasible))",
            ),
            "determinism_under_seed",
            "placed pods differently",
            id="a score by chance",
        ),
        pytest.param(
            VECTORIZED.format(
                ties="first",
                body="cluster.requested[0] += 1\n    return np.zeros(len(feasible))",
            ),
            "no_mutation",
            "wrote into requested",
            id="a score that writes into the cluster",
        ),
        pytest.param(
            VECTORIZED.format(
                ties="first",
                body="pod.request[0] = 0\n    return np.zeros(len(feasible))",
            ),
            "no_mutation",
            "wrote into request",
            id="a score that writes into the pod",
        ),
        pytest.param(
            VECTORIZED.format(ties="random", body="return feasible * np.nan"),
            "finite_scores",
            "scored a node NaN",
            id="a score that is not a number",
        ),
        pytest.param(
            VECTORIZED.format(ties="random", body="return [1.0, 2.0]"),
            "one_node",
            "returned scores of shape (2,), expected (1,)",
            id="scores of the wrong shape",
        ),
        pytest.param(
            BATCH.format(body="return [0.5] * len(pods)"),
            "one_node",
            "expected an integer for each of 3 pods",
            id="nodes that are fractions",
        ),
        pytest.param(
            BATCH.format(body="return [-1]"),
            "empty_cluster",
            "expected an integer for each of 3 pods",
            id="fewer nodes than pods",
        ),
        pytest.param(
            BATCH.format(body="return [0] * len(pods)"),
            "empty_cluster",
            "chose an infeasible node for pod",
            id="a node that is not there",
        ),
        pytest.param(
            VECTORIZED.format(ties="random", body="return feasible / no_such_name"),
            "never_infeasible",
            "NameError",
            id="a score that fails",
        ),
    ],
)
def test_bad_policies_fail_the_right_check(
    source: str, check: str, detail: str, tmp_path: Path
) -> None:
    """A bad policy fails the check of what it breaks, and the detail says what."""
    (tmp_path / "bad.py").write_text(HEADER + source)
    results = failures(check_policy(f"{tmp_path}/bad.py:bad"))

    assert detail in results[check]


def test_a_score_by_chance_fails_no_other_check(tmp_path: Path) -> None:
    """A policy that breaks one rule fails one check."""
    chance = "return np.random.default_rng().random(len(feasible))"
    source = VECTORIZED.format(ties="random", body=chance)
    (tmp_path / "bad.py").write_text(HEADER + source)

    assert {"determinism_under_seed"} == set(
        failures(check_policy(f"{tmp_path}/bad.py:bad"))
    )


def failures(results: list[CheckResult]) -> dict[str, str]:
    """Return check → detail of those that failed."""
    return {one.name: one.detail for one in results if not one.passed}
