"""Label selectors, after "Labels and Selectors" in the documentation."""

from __future__ import annotations

from collections.abc import Mapping

from schedbench.objects.selectors import LabelSelector


def is_empty(selector: LabelSelector | None) -> bool:
    """Tell whether it is the selector `{}`, which selects all; None selects nothing."""
    return selector is not None and not (
        selector.match_labels or selector.match_expressions
    )


def selects(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Tell whether all the selector's conditions hold."""
    if selector is None:
        return False
    conditions = [
        labels.get(key) == value for key, value in selector.match_labels.items()
    ]
    for condition in selector.match_expressions:
        value = labels.get(condition.key)
        holds = {
            "In": value is not None and value in condition.values,
            "NotIn": value is None or value not in condition.values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        conditions.append(holds[condition.operator])
    return all(conditions)
