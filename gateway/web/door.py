"""A door as a page shows it (pure): its state, since when, and the order that people look in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal, NamedTuple

from gateway.places.entrance import EntranceRow

State = Literal["open", "unknown", "closed", "none"]
_DIGITS = re.compile(r"(\d+)")


class Door(NamedTuple):
    """One entrance, what is known of it, and who has it.

    Attributes:
        contact: The last word, ``None`` before the first.
        cases: Rows of its unsettled cases.
    """

    row: EntranceRow
    contact: str | None = None
    open_since_ms: int = 0
    unknown_since_ms: int = 0
    last_seen_ms: int = 0
    changed_at_ms: int = 0
    cases: tuple[Any, ...] = ()

    @property
    def state(self) -> State:
        """No news is never "closed"."""
        if self.unknown_since_ms:
            return "unknown"
        if self.contact is None:
            return "none"
        return "open" if self.contact == "open" else "closed"

    @property
    def since_ms(self) -> int:
        """Since when it is in this state; 0 if nobody knows."""
        match self.state:
            case "open":
                return self.open_since_ms
            case "unknown":
                return self.unknown_since_ms
            case "closed":
                return self.changed_at_ms
            case _:
                return 0

    @property
    def label(self) -> str:
        """What people call it, once they know in which compound they are."""
        text = self.row.words
        for around in (self.row.community, self.row.compound):
            text = text.removeprefix(f"{around} ")
        return text


def urgency(door: Door) -> tuple[int, int, list[str | int]]:
    """Open longest first, then unknown, then those with a case; the others as people count them."""
    match door.state:
        case "open":
            return 0, door.since_ms, _counted_by(door)
        case "unknown":
            return 1, door.since_ms, _counted_by(door)
        case _ if door.cases:
            return 2, min(case.filed_at_ms for case in door.cases), _counted_by(door)
        case "closed":
            return 3, 0, _counted_by(door)
    return 4, 0, _counted_by(door)


def _counted_by(door: Door) -> list[str | int]:
    """So that building 10 comes after building 9."""
    parts = _DIGITS.split(f"{door.row.words} {door.row.id}")
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


class Compound(NamedTuple):
    """Doors under one heading; ``buildings`` are those of one building each."""

    name: str
    community: str
    buildings: list[list[Door]]


def grouped(doors: Iterable[Door]) -> list[Compound]:
    """By compound and building. The group with the most urgent door stands first."""
    compounds = []
    for _, members in _groups(doors, lambda d: d.row.compound_key):
        first = members[0].row
        buildings = [inside for _, inside in _groups(members, lambda d: d.row.building)]
        compounds.append(Compound(first.compound, first.community, buildings))
    return compounds


def _groups(doors: Iterable[Door], key: Any) -> list[tuple[str, list[Door]]]:
    together = groupby(sorted(doors, key=lambda d: (key(d), *urgency(d))), key)
    return sorted(((name, list(members)) for name, members in together), key=lambda g: urgency(g[1][0]))


def counted(doors: Iterable[Door]) -> Counter[State]:
    return Counter(door.state for door in doors)
