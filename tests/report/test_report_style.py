"""Looks of policies and panels."""

from __future__ import annotations

import pandas as pd
import pytest

from schedbench.report import style


def test_every_policy_looks_different() -> None:
    """Fifteen policies differ in marker, and in colour with line style."""
    names = pd.Series([f"policy-{number}" for number in range(15)])
    looks = list(style.looks(names).values())

    assert len({look.marker for look in looks}) == 15
    assert len({(look.color, str(look.dash)) for look in looks}) == 15


def test_a_policy_keeps_its_look_where_others_are_missing() -> None:
    """The look follows the categories of the run, not what a frame holds."""
    order = ["base", "a", "b"]
    full = pd.Series(pd.Categorical(["base", "a", "b"], order))
    part = full[full == "b"]

    assert style.looks(full)["b"] == style.looks(part)["b"]
    assert style.present(part) == ["b"]


def test_panels_of_different_heights_stand_above_each_other() -> None:
    """Rows have the heights asked for, in inches, from the top."""
    figure, axes = style.panels(2, 1, height=(2.0, 0.5))
    tall, low = (axis.get_position() for axis in axes[:, 0])

    assert tall.y0 > low.y1
    assert tall.height * figure.get_figheight() == pytest.approx(2.0)
    assert low.height * figure.get_figheight() == pytest.approx(0.5)
