"""SVG that may stand in a page."""

from __future__ import annotations

import re

import pandas as pd

from schedbench.report import drawing, style


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


def test_a_figure_has_the_same_bytes_every_time() -> None:
    """SVG and PNG hold no date and no random ids."""
    made = []
    for _ in range(2):
        with style.paper():
            figure, axes = style.panels(1, 1)
            axes[0, 0].plot([0, 1], [0, 1])
            made.append((drawing.svg(figure), drawing.png(figure)))

    assert made[0] == made[1]
