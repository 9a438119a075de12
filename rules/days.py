"""Which days a window may begin on: weekdays, workdays and holidays, named periods.

Rule 1: a window belongs to the day on which it begins: "the night of Monday" is asked
        for Monday, though most of it is Tuesday.
Rule 2: public holidays and make-up workdays are announced year by year. Beyond the last
        announced year a day is what its weekday says; ``check`` says so in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from rules.fault import guess

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORKDAYS: Final = "workdays"
DAYS_OFF: Final = "days-off"
HOLIDAYS: Final = "holidays"
NAMED: Final = (WORKDAYS, DAYS_OFF, HOLIDAYS)
"""Workdays are Monday to Friday without public holidays, and the make-up workdays; days
off are all others; holidays are the public ones only, with the weekends inside them."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What has been announced of public holidays.

    Attributes:
        holidays: Days that are free though they may be weekdays.
        workdays: Weekend days on which people work (调休).
        last_year: The last year that has been announced; 0 if nothing is known.
    """

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    last_year: int = 0

    def is_workday(self, day: date) -> bool:
        return day in self.workdays or (day.weekday() < 5 and day not in self.holidays)


class Period(NamedTuple):
    """From one date to another, both included; a year of 0 means every year.

    Attributes:
        first: (year, month, day).
        last: (year, month, day); before ``first`` in a yearly one, it is meant in the next year.
    """

    first: tuple[int, int, int]
    last: tuple[int, int, int]

    def holds(self, day: date) -> bool:
        if self.first[0]:
            return self.first <= (day.year, day.month, day.day) <= self.last
        first, last, its = self.first[1:], self.last[1:], (day.month, day.day)
        return first <= its <= last if first <= last else its >= first or its <= last


@dataclass(frozen=True, slots=True)
class Days:
    """Which days. Nothing named: all of them.

    Attributes:
        weekdays: Monday is 0.
        named: Of ``NAMED``; a day counts if a weekday or a named kind fits.
        within: Only in one of these periods.
        outside: In none of these.
    """

    weekdays: frozenset[int] = frozenset()
    named: frozenset[str] = frozenset()
    within: tuple[Period, ...] | None = None
    outside: tuple[Period, ...] = ()

    def holds(self, day: date, calendar: Calendar) -> bool:
        if self.within is not None and not any(period.holds(day) for period in self.within):
            return False
        if any(period.holds(day) for period in self.outside):
            return False
        if not self.weekdays and not self.named:
            return True
        return day.weekday() in self.weekdays or any(_is(name, day, calendar) for name in self.named)


ALL_DAYS: Final = Days()


def _is(name: str, day: date, calendar: Calendar) -> bool:
    if name == HOLIDAYS:
        return day in calendar.holidays
    return calendar.is_workday(day) is (name == WORKDAYS)


def parse_days(words: Iterable[str]) -> tuple[frozenset[int], frozenset[str]]:
    """Weekdays and named kinds of days out of ``Mon``, ``Mon-Fri``, ``Fri-Mon``, ``workdays`` …

    Raises:
        ValueError: A word is none of these.
    """
    weekdays: set[int] = set()
    named: set[str] = set()
    for word in words:
        first, _, last = word.strip().partition("-")
        if word.strip() in NAMED:
            named.add(word.strip())
        elif first in WEEKDAYS and (last or first) in WEEKDAYS:
            start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
            weekdays |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
        else:
            near = guess(word.strip(), (*WEEKDAYS, *NAMED))
            mend = (
                near
                if near.startswith("Did")
                else f"Write Mon, Mon-Fri, {', '.join(NAMED[:-1])} or {NAMED[-1]}."
            )
            raise ValueError(f"'{word}' is no day. {mend}")
    return frozenset(weekdays), frozenset(named)
