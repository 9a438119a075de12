"""Places as people write them, a name or a path, into the one path that is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from gateway.places.entrance import EntranceRow
from gateway.places.near import near

FOUR_LEVELS = ("grid", "community", "street", "district")
COMPOUND = "compound"

MOST_GUESSES = 100
"""A guess among 620 grids takes 5 ms; where everything is wrong, nobody needs a thousand of them."""


class PlaceUnclear(Exception):
    """The text names no place, or more than one.

    Attributes:
        mend: What to write instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


class PlaceNames:
    """All places that hold an entrance, by name."""

    def __init__(self, entrances: Iterable[EntranceRow]) -> None:
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for row in entrances:
            for level, path in zip((COMPOUND, *FOUR_LEVELS), row.places, strict=True):
                found[level][path] = None
        self._paths = {level: tuple(paths) for level, paths in found.items()}
        self._by_name = {level: _by_name(paths) for level, paths in self._paths.items()}
        self._guessed: dict[tuple[str, tuple[str, ...]], str] = {}

    def find(self, text: str, levels: Collection[str] = FOUR_LEVELS) -> str:
        """The path of the place of one of these levels that ``text`` names.

        Raises:
            PlaceUnclear: There is none, or there are several.
        """
        wanted = text.strip("/")
        found = {p for level in levels for p in self._by_name.get(level, {}).get(wanted, ())}
        if len(found) == 1:
            return found.pop()
        if found:
            listed = " or ".join(sorted(found)[:3])
            raise PlaceUnclear(f"'{text}' is the name of {len(found)} places", f"Write its path: {listed}.")
        raise PlaceUnclear(
            f"no {' or '.join(levels)} is called '{text}'", self._nearest(wanted, tuple(levels))
        )

    def _nearest(self, text: str, levels: tuple[str, ...]) -> str:
        if (text, levels) not in self._guessed:
            few = len(self._guessed) < MOST_GUESSES
            names = {name for level in levels for name in self._by_name.get(level, ())} if few else ()
            guessed = near(text, names) or "Write a name or path as in the entrances table."
            self._guessed[text, levels] = guessed
        return self._guessed[text, levels]


def _by_name(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """A place goes by its own name and by its whole path."""
    named: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for path in paths:
        for name in {path, path.rpartition("/")[2]}:
            named[name] += (path,)
    return dict(named)
