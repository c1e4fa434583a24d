"""Tolerations: which taint each covers."""

from __future__ import annotations

import pytest
import strategies
from hypothesis import given

from schedbench.objects.taints import Taint, Toleration, tolerates

TAINT = Taint(key="dedicated", value="gpu", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param(
            Toleration(key="dedicated", operator="Equal", value="gpu"),
            True,
            id="equal key and value, any effect",
        ),
        pytest.param(
            Toleration(key="dedicated", value="gpu", effect="NoSchedule"),
            True,
            id="an absent operator is Equal",
        ),
        pytest.param(
            Toleration(key="dedicated", operator="", value="gpu", effect=""),
            True,
            id="an empty operator is Equal, an empty effect is every effect",
        ),
        pytest.param(
            Toleration(key="dedicated", value="batch"), False, id="another value"
        ),
        pytest.param(Toleration(key="dedicated"), False, id="Equal to the empty value"),
        pytest.param(
            Toleration(key="dedicated", operator="Exists"), True, id="Exists: any value"
        ),
        pytest.param(
            Toleration(key="team", operator="Exists"), False, id="Exists: another key"
        ),
        pytest.param(
            Toleration(operator="Exists"), True, id="no key and Exists: everything"
        ),
        pytest.param(
            Toleration(operator="Exists", effect="NoExecute"),
            False,
            id="no key and Exists, but another effect",
        ),
        pytest.param(
            Toleration(key="dedicated", value="gpu", effect="PreferNoSchedule"),
            False,
            id="another effect",
        ),
    ],
)
def test_tolerates(toleration: Toleration, expected: bool) -> None:
    """A toleration covers a taint of its key, value and effect."""
    assert expected is tolerates(toleration, TAINT)


@given(strategies.taints())
def test_the_universal_toleration_covers_every_taint(taint: Taint) -> None:
    """`operator: Exists` alone tolerates everything."""
    assert tolerates(Toleration(operator="Exists"), taint)
    assert tolerates(
        Toleration(key=taint.key, value=taint.value, effect=taint.effect), taint
    )
