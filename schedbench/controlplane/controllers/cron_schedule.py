"""Cron schedules: five fields, and the next time that they name.

Source: kubernetes.io/docs/concepts/workloads/controllers/cron-jobs, "Schedule syntax".
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from schedbench.errors import InputError

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_YEARS = 8
"""So far apart are two 29ths of February at most."""


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes that a schedule names.

    Attributes
    ----------
    any_day, any_weekday
        Whether the field is a star; if neither is, one of both must hold.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def next(self, after: dt.datetime) -> dt.datetime | None:
        """Return the first minute after a time; None if there is none in years."""
        time = after.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        last = after.year + _YEARS
        while time.year <= last:
            if time.month not in self.months:
                first = time.replace(day=1, hour=0, minute=0)
                time = (first + dt.timedelta(days=32)).replace(day=1)
            elif not self._on_day(time):
                time = time.replace(hour=0, minute=0) + dt.timedelta(days=1)
            elif time.hour not in self.hours:
                time = time.replace(minute=0) + dt.timedelta(hours=1)
            elif time.minute not in self.minutes:
                time += dt.timedelta(minutes=1)
            else:
                return time
        return None

    def _on_day(self, time: dt.datetime) -> bool:
        day = time.day in self.days
        weekday = time.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday


def parse(text: str) -> Schedule:
    """Read a schedule.

    Raises
    ------
    InputError
        If it is none.
    """
    fields = _MACROS.get(text.strip(), text).lower().split()
    if len(fields) != 5:
        raise InputError(
            "a schedule has five fields", value=text, fix='write "*/5 * * * *"'
        )
    minute, hour, day, month, weekday = fields
    return Schedule(
        minutes=_field(minute, 0, 59, text),
        hours=_field(hour, 0, 23, text),
        days=_field(day, 1, 31, text),
        months=_field(month, 1, 12, text, _MONTHS, 1),
        weekdays=frozenset(each % 7 for each in _field(weekday, 0, 7, text, _DAYS)),
        any_day=day[0] in "*?",
        any_weekday=weekday[0] in "*?",
    )


def _field(
    field: str,
    low: int,
    high: int,
    text: str,
    names: list[str] | None = None,
    base: int = 0,
) -> frozenset[int]:
    def number(word: str) -> int:
        if names and word in names:
            return names.index(word) + base
        value = int(word) if word.isdigit() else -1
        if not low <= value <= high:
            raise InputError(
                f"{word!r} is not in {low}..{high}", value=text, fix="correct the field"
            )
        return value

    chosen: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = low, 6 if high == 7 else high
        elif "-" in span:
            left, _, right = span.partition("-")
            first, last = number(left), number(right)
        else:
            first = number(span)
            last = high if slash else first
        if (slash and not (step.isdigit() and int(step) > 0)) or first > last:
            raise InputError("a range or step is wrong", value=text, fix="correct it")
        chosen.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(chosen)
