"""When a person is on duty: ``Mon-Fri 08:00-20:00; Sat,Sun 20:00-08:00``.

A window that ends at or before its beginning runs over midnight and belongs to
the day on which it begins.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import NamedTuple

from rules.window import During

_DAYS = {name: i for i, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_DAYS |= {f"周{name}": i for i, name in enumerate("一二三四五六日")} | {"周天": 6}
_PLAIN = str.maketrans("；，：－–—", ";,:---")  # what Chinese keyboards and word processors make of them
_WINDOW = re.compile(r"(\S+(?:\s*,\s*\S+)*)\s+(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")


class DutyWindow(NamedTuple):
    """One weekly window.

    Attributes:
        days: The days on which it begins, Monday is 0.
        during: The time of day, local.
    """

    days: frozenset[int]
    during: During

    def covers(self, at_ms: int, zone: tzinfo) -> bool:
        start_ms, _ = self.during.occurrence(at_ms, zone)
        return start_ms <= at_ms and datetime.fromtimestamp(start_ms / 1000, zone).weekday() in self.days


def parse_duty(text: str) -> tuple[DutyWindow, ...]:
    """The windows meant by ``text``; none if it is empty.

    Raises:
        ValueError: It is not a list of windows; the message says which part is wrong.
    """
    parts = (part.strip() for part in text.translate(_PLAIN).split(";"))
    return tuple(_window(part) for part in parts if part)


def _window(part: str) -> DutyWindow:
    match = _WINDOW.fullmatch(part)
    if match is None:
        raise ValueError(f"'{part}' is not a duty window")
    days = frozenset(day for piece in match[1].split(",") for day in _days(piece.strip()))
    return DutyWindow(days, During(_minute(match[2], match[3]), _minute(match[4], match[5]) % 1440))


def _days(piece: str) -> list[int]:
    first, _, last = piece.casefold().partition("-")
    for name in (first, last or first):
        if name not in _DAYS:
            raise ValueError(f"'{name}' is not a day of the week")
    start, end = _DAYS[first], _DAYS[last or first]
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def _minute(hours: str, minutes: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > 1440:
        raise ValueError(f"'{hours}:{minutes}' is not a time of day")
    return minute
