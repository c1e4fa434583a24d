"""Figures as SVG and PNG, the same bytes for the same figure, and SVG for the page."""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schedbench.errors import SchedbenchError
from schedbench.report.style import CARD, INK, LINE, MUTED, PALETTE, Look, paper


def svg(figure: Figure) -> str:
    """Return the figure as SVG text, the same bytes for the same figure."""
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=100
    )
    text = buffer.getvalue()
    return _PATH.sub(_rounded, text[text.index("<svg") :])


def png(figure: Figure) -> bytes:
    """Return the figure as PNG, 160 dots an inch."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, dpi=160)
    return buffer.getvalue()


@contextmanager
def pngs(figures: Mapping[Path, Figure]) -> Iterator[None]:
    """Write each figure as a PNG at its path while the body runs; then be done.

    Drawn in a forked process where there is a second core, else before the body: the
    PNGs are half of what drawing takes. The body may not change the figures.

    Raises
    ------
    SchedbenchError
        If the other process did not write all of them; its error is on stderr.
    """
    if not figures or not _second_core():
        _write(figures)
        yield
        return
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Python 3.12 warns of every fork beside threads; the child only draws.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        _draw_and_leave(figures)
    try:
        yield
    finally:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise SchedbenchError(f"drawing the PNGs ended with code {code}")


def _second_core() -> bool:
    """Tell whether forking is safe here (not beside macOS's libraries) and pays."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def _draw_and_leave(figures: Mapping[Path, Figure]) -> None:
    code = 1
    try:
        _write(figures)
        code = 0
    except KeyboardInterrupt:
        pass  # the parent has it too, and tells it
    except BaseException:  # noqa: BLE001 — a forked process must not return
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)  # nothing of the parent's is to be flushed or torn down


def _write(figures: Mapping[Path, Figure]) -> None:
    with paper():
        for path, figure in figures.items():
            path.write_bytes(png(figure))


def variables(dark: bool) -> dict[str, str]:
    """Return the CSS variables of the figure colours."""
    return {
        f"c{number}": pair[1 if dark else 0] for number, pair in enumerate(PALETTE, 1)
    }


def key(look: Look) -> str:
    """Return a small inline SVG of a policy's line and marker, for the page."""
    with paper():
        figure = Figure(figsize=(0.44, 0.2))
        figure.patch.set_visible(False)
        line = look.line() | {"gid": None, "markevery": [1]}
        figure.add_artist(Line2D([0.02, 0.5, 0.98], [0.5] * 3, **line))
        text = svg(figure)
    return inline(text, f"key{look.number}").replace(
        'class="plot"', 'class="key" aria-hidden="true"'
    )


_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    CARD: "card",
    **{pair[0]: f"c{number}" for number, pair in enumerate(PALETTE, 1)},
}
_PATH = re.compile(r'(?<= d=")[^"]*')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_COLOUR = re.compile("|".join(_VARIABLES))
_POLICY = re.compile(r'id="policy-(\d+)"')
_ID = re.compile(r'\bid="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)')
_SIZE = re.compile(r'<svg ([^>]*?)width="([\d.]+)pt" height="([\d.]+)pt"')


def _rounded(path: re.Match[str]) -> str:
    """Cut coordinates to hundredths of a point, which halves a long path."""
    return _DECIMALS.sub(r"\1", path[0])


def inline(text: str, prefix: str) -> str:
    """Return SVG text that may stand in a page beside others.

    Ids get a prefix, colours become CSS variables (so that the figure follows light
    and dark), and policies become classes `p0`, `p1`, … that can be hidden.
    """
    text = _POLICY.sub(r'class="p\1"', text)
    text = _ID.sub(rf'id="{prefix}-\1"', text)
    text = _REFERENCE.sub(rf"\1{prefix}-", text)
    text = _SIZE.sub(r'<svg \1width="\2pt" height="\3pt" class="plot"', text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return _COLOUR.sub(lambda hit: f"var(--{_VARIABLES[hit[0]]})", text)
