"""A mute: for a while nobody is to be told of some entrances.

Rule 1: it always has an end, and says why and by whom.
Rule 2: it holds back steps, and nothing else: doors are watched, alarms raised and
        cleared, and whoever was told before hears the all-clear. When it ends on a
        door that still stands open, what was held back comes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rules.rule import Entrance, Watch


class Mute(NamedTuple):
    """One mute.

    Attributes:
        id: Its lasting name.
        where: Which entrances; it names something.
        from_ms: Its first moment.
        until_ms: The first moment after it.
    """

    id: str
    where: Watch
    from_ms: int
    until_ms: int

    def covers(self, entrance: Entrance) -> bool:
        return self.where.covers(entrance)

    def snapshot(self) -> list[Any]:
        w = self.where
        named = [sorted(names) for names in (w.kinds, w.within, w.tags, w.entrances)]
        return [self.id, *named, self.from_ms, self.until_ms]

    @classmethod
    def resume(cls, snapshot: list[Any]) -> Mute:
        ident, kinds, within, tags, entrances, from_ms, until_ms = snapshot
        where = Watch(
            kinds=frozenset(kinds),
            within=frozenset(within),
            tags=frozenset(tags),
            entrances=frozenset(entrances),
        )
        return cls(ident, where, from_ms, until_ms)


class Mutes:
    """All that may still matter, by entrance."""

    def __init__(self) -> None:
        self._mutes: dict[str, Mute] = {}
        self._spans: dict[str, list[tuple[int, int]]] = {}

    def __iter__(self) -> Iterator[Mute]:
        return iter(self._mutes.values())

    def __bool__(self) -> bool:
        return bool(self._spans)

    def put(self, mute: Mute) -> None:
        """Add it, or change what stands under its id."""
        self._mutes[mute.id] = mute

    def get(self, ident: str) -> Mute | None:
        return self._mutes.get(ident)

    def forget_until(self, at_ms: int) -> None:
        self._mutes = {m.id: m for m in self._mutes.values() if m.until_ms > at_ms}

    def fit(self, entrances: Iterable[Entrance]) -> None:
        """Find out again whom they cover; after ``put`` and when the entrances change."""
        self._spans = {}
        for mute in self._mutes.values():
            for entrance in entrances:
                if mute.covers(entrance):
                    self._spans.setdefault(entrance.id, []).append((mute.from_ms, mute.until_ms))

    def until(self, entrance: str, at_ms: int) -> int:
        """When the entrance is muted at that moment: until when, through all that follow; else 0."""
        spans = self._spans.get(entrance)
        if not spans:
            return 0
        end = 0
        for _ in spans:
            reached = max((u for f, u in spans if f <= (end or at_ms) < u), default=end)
            if reached == end:
                break
            end = reached
        return end

    def snapshot(self) -> list[list[Any]]:
        return [mute.snapshot() for mute in self._mutes.values()]
