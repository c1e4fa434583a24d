"""Looks of policies, and SVG that may stand in a page."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from schedbench.report import drawing, lettering, style


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


def test_inline_svg_follows_the_page() -> None:
    """Ids are prefixed, references follow, colours are variables, policies classes."""
    known = style.looks(pd.Series(["base", "other"]))
    with style.paper():
        figure, axes = style.panels(1, 1, legend=list(known), known=known)
        axes[0, 0].plot([0, 1], [0, 1], **known["other"].line())
        text = drawing.inline(drawing.svg(figure), "here")

    assert 'class="p1"' in text
    assert "var(--c1)" in text
    assert "var(--ink)" in text
    assert "#0072b2" not in text
    assert all(name.startswith("here-") for name in re.findall(r'\bid="([^"]*)"', text))
    assert all(name.startswith("here-") for name in re.findall(r"url\(#([^)]*)", text))


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
