"""Whole numbers as options, within bounds."""

from __future__ import annotations

from typing import Any

import click


class Whole(click.ParamType):
    """A whole number between two bounds."""

    name = "whole number"

    def __init__(self, low: int, high: int = 2**63 - 1) -> None:
        self.low, self.high = low, high

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number, or refuse what is none or lies outside."""
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:
            bounds = f"from {self.low}"
            if self.high < 2**63 - 1:
                bounds += f" to {self.high:,}"
            self.fail(f"{value!r} is not a whole number {bounds}", param, ctx)
        return number
