"""Label filters of scheduler_perf: `performance,-slow`."""

from __future__ import annotations

from collections.abc import Iterable


def match_labels(label_filter: str, labels: Iterable[str]) -> bool:
    """Tell whether labels pass a filter.

    The filter is a comma list: a label, plain or after `+`, must be there; after `-` it
    must not. The empty filter passes everything.
    """
    present = set(labels)
    for part in label_filter.split(","):
        word = part.strip()
        if not word:
            continue
        if word.startswith("-"):
            if word[1:] in present:
                return False
        elif word.removeprefix("+") not in present:
            return False
    return True
