"""How long each entrance usually stands open, by hour of the week, out of its own past (pure).

Rule 1: what is learned is a proposal. It counts once a maintainer accepts it, and then
        stays as it is until she accepts another.
Rule 2: an opening during which nobody could know the door's state is left out.
Rule 3: where an hour of the week has too few openings, that hour of all weekdays (or of
        both weekend days) speaks for it, then that hour of all days; then nothing does.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import tzinfo
from typing import Final, NamedTuple

from gateway.history.past import Part
from rules.engine import HOURS_OF_WEEK, hour_of_week
from rules.reading import OPEN

ENOUGH: Final = 30
"""Openings. Of fewer, one odd one would be the 97th of a hundred."""
_WEEKEND: Final = 5 * 24


class Learned(NamedTuple):
    """What one entrance usually does.

    Attributes:
        hours: Milliseconds, by hour of the week; 0: too little is known.
        openings: Of how many openings each is made.
    """

    hours: tuple[int, ...]
    openings: tuple[int, ...]


class Openings:
    """Every opening of some entrances, by hour of the week."""

    def __init__(self, entrances: Collection[str], zone: tzinfo) -> None:
        self._entrances, self._zone = entrances, zone
        self._open: dict[str, int] = {}
        self._doubtful: set[str] = set()  # if one of these says that it is open, nobody knows since when
        self._deaf = False
        self._long: dict[str, dict[int, array[int]]] = defaultdict(lambda: defaultdict(lambda: array("q")))

    def take(self, parts: Iterable[Part]) -> None:
        for part in parts:
            for entrance, reading in part.arrivals:
                if entrance not in self._entrances:
                    continue
                if reading.retained:
                    self._doubtful.add(entrance)
                    continue
                if reading.online is False:
                    self._lose(entrance)
                elif reading.contact == OPEN:
                    self._opens(entrance, reading.received_at_ms)
                elif reading.contact is not None and not self._deaf:
                    if entrance in self._open:
                        self._note(entrance, self._open.pop(entrance), reading.received_at_ms)
                    self._doubtful.discard(entrance)
            if part.mark is not None:
                self._mark(part.mark[0])

    def _opens(self, entrance: str, at_ms: int) -> None:
        if entrance not in self._doubtful and not self._deaf:
            self._open.setdefault(entrance, at_ms)

    def _lose(self, entrance: str) -> None:
        self._open.pop(entrance, None)
        self._doubtful.add(entrance)

    def _mark(self, kind: str) -> None:
        if kind in ("deaf", "session_lost"):
            self._open.clear()
            self._doubtful.update(self._entrances)
        self._deaf = kind == "deaf" or (self._deaf and kind != "listening")

    def learned(self, percent: int) -> dict[str, Learned]:
        """What so many of a hundred openings do not exceed, for each entrance."""
        return {entrance: _learned(hours, percent) for entrance, hours in sorted(self._long.items())}

    def _note(self, entrance: str, opened_ms: int, closed_ms: int) -> None:
        self._long[entrance][hour_of_week(opened_ms, self._zone)].append(closed_ms - opened_ms)


def _learned(hours: dict[int, array[int]], percent: int) -> Learned:
    usual, of = [], []
    for hour in range(HOURS_OF_WEEK):
        found = next((some for some in _samples(hours, hour) if len(some) >= ENOUGH), [])
        usual.append(_percentile(found, percent) if found else 0)
        of.append(len(found))
    return Learned(tuple(usual), tuple(of))


def _samples(hours: dict[int, array[int]], hour: int) -> Iterable[list[int]]:
    """The narrowest first."""
    alike = range(hour % 24, HOURS_OF_WEEK, 24)
    weekend = hour >= _WEEKEND
    yield list(hours.get(hour, ()))
    yield [long for h in alike if (h >= _WEEKEND) is weekend for long in hours.get(h, ())]
    yield [long for h in alike for long in hours.get(h, ())]


def _percentile(some: list[int], percent: int) -> int:
    """The nearest rank: a length that really was, of which ``percent`` of a hundred are no longer."""
    ordered = sorted(some)
    return ordered[-(-percent * len(ordered) // 100) - 1]
