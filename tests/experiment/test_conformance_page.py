"""The page of the proof, as it is stored."""

from __future__ import annotations

import json
from pathlib import Path

from schedbench.experiment.conformance.page import page, sentence

REPORTS = Path(__file__).parents[2] / "reports"
GROUP = {
    "name": "taints",
    "engine": "scan",
    "cases": 2,
    "pods": 1_234,
    "verdicts": 5,
    "scores": 6,
    "different": 1,
    "not_modelled": 0,
}
PLAYED = {
    "date": "2026-01-01",
    "version": "9",
    "release": "v1",
    "groups": [GROUP, {**GROUP, "engine": "explain", "different": 0}],
}


def test_the_stored_page_is_that_of_the_stored_counts() -> None:
    """Nobody typed a number into the proof."""
    played = json.loads((REPORTS / "conformance.json").read_text())

    assert (REPORTS / "conformance.md").read_text() == page(played)


def test_differences_show() -> None:
    """Every engine has its rows, and what is different is counted."""
    text = page(PLAYED)

    assert "| taints | scan | 2 | 1,234 | 5 | 6 | 1 | 0 |" in text
    assert "| taints | explain | 2 | 1,234 | 5 | 6 | 0 | 0 |" in text
    assert "| **all** |  | 4 | 2,468 | 10 | 12 | 1 | 0 |" in text


def test_the_sentence_counts_pods_once() -> None:
    """Pods are those of one engine, differences those of all."""
    text = sentence(PLAYED)

    assert "1,234 decisions of the real kube-scheduler v1" in text
    assert "engines scan and explain: **1 different**" in text
