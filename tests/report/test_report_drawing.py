"""SVG that may stand in a page."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from schedbench.errors import SchedbenchError
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


@pytest.mark.parametrize("second_core", [True, False])
def test_pngs_are_written_beside_other_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, second_core: bool
) -> None:
    """All PNGs are there when the body is left, the same as those drawn one by one."""
    monkeypatch.setattr(drawing, "_second_core", lambda: second_core)
    with style.paper():
        figures = {tmp_path / f"{n}.png": style.panels(1, n)[0] for n in (1, 2)}
        wanted = {path: drawing.png(figure) for path, figure in figures.items()}
    with drawing.pngs(figures):
        pass

    assert {path: path.read_bytes() for path in figures} == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_pngs_that_cannot_be_written_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure in the other process is an error here, not a missing file."""
    monkeypatch.setattr(drawing, "_second_core", lambda: True)
    with style.paper():
        figure, _ = style.panels(1, 1)

    with (
        pytest.raises(SchedbenchError, match="ended with code 1"),
        drawing.pngs({tmp_path / "absent" / "a.png": figure}),
    ):
        pass
