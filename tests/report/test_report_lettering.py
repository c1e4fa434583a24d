"""Texts of figures."""

from __future__ import annotations

import pytest

from schedbench.report import lettering


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param([0.2, 0.8], [0.2, 0.8], id="labels far apart stay"),
        pytest.param([0.5, 0.5], [0.45, 0.55], id="equal ones part evenly"),
        pytest.param([0.6, 0.5], [0.6, 0.5], id="order of the input is kept"),
    ],
)
def test_labels_are_moved_apart(wanted: list[float], expected: list[float]) -> None:
    """Labels come no nearer than asked, and move as little as that takes."""
    assert expected == pytest.approx(lettering.spread(wanted, 0.1, 0, 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (950, "950"), (1500, "1.5k"), (2e6, "2M"), (-3000, "−3k")],
)
def test_tick_labels_are_short(value: float, expected: str) -> None:
    """Ticks use k, M and G."""
    assert expected == lettering.compact(value)


def test_names_beside_points_do_not_overlap() -> None:
    """Two points at one place get their names apart, or only one of them a name."""
    points = {"a": (50.0, 50.0), "b": (50.0, 50.0)}

    found = lettering.beside(points, {"a": "one", "b": "two"}, (0, 0, 200, 200))

    assert len({spot for spot, _ in found.values()}) == len(found) == 2
