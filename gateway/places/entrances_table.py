"""The entrances table into entrances."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.places.entrance import GATE, UNIT_DOOR, EntranceRow
from gateway.places.place_names import PlaceNames, PlaceUnclear
from gateway.places.tables import Columns, Row
from rules.fault import Fault, guess

COLUMNS: Final = Columns(
    needed=("entrance", "name", "kind", "district", "street", "community", "grid", "compound"),
    optional=("building", "unit", "tags", "seen_by"),
)
KINDS: Final[Mapping[str, str]] = {
    UNIT_DOOR: UNIT_DOOR,
    GATE: GATE,
    "单元门": UNIT_DOOR,
    "大门": GATE,
}

_ID = re.compile(r"[^\s/#?]{1,64}")  # it stands in addresses of pages and in rule files
_PLACES = ("district", "street", "community", "grid", "compound", "building", "unit")
_BETWEEN_TAGS = re.compile(r"[;；,，、\s]+")
_BETWEEN_GRIDS = re.compile(r"\s*[;；]\s*")


def entrances_of(rows: Sequence[Row]) -> tuple[list[EntranceRow], PlaceNames, list[Fault]]:
    """The entrances, the places that they make up, and what is wrong."""
    faults: list[Fault] = []
    good: dict[str, tuple[Row, EntranceRow]] = {}
    for row in rows:
        wrong = _wrong(row, good)
        if wrong:
            faults.append(wrong)
        else:
            good[row["entrance"]] = row, _entrance(row)
    places = PlaceNames(entrance for _, entrance in good.values())
    entrances = [_shown(row, entrance, places, faults) for row, entrance in good.values()]
    return entrances, places, faults


def _wrong(row: Row, good: Mapping[str, tuple[Row, EntranceRow]]) -> Fault | None:
    entrance = row["entrance"]
    if not _ID.fullmatch(entrance):
        mend = "Use at most 64 characters, without spaces, '/', '#' and '?'."
        return row.fault("entrance", f"'{entrance}' cannot be an entrance's id", mend)
    if entrance in good:
        first = good[entrance][0]
        mend = f"Give one of the two another id; the first is in {first.file}:{first.line}."
        return row.fault("entrance", f"'{entrance}' is there twice", mend)
    if row["kind"] not in KINDS:
        return row.fault("kind", f"'{row['kind']}' is no kind of entrance", guess(row["kind"], KINDS))
    for column in _PLACES:
        if "/" in row[column]:
            return row.fault(column, f"a {column} has no '/' in its name", "Write it another way.")
    if KINDS[row["kind"]] == UNIT_DOOR and not row["building"]:
        return row.fault("building", "a unit door needs a building", "Or its kind is gate.")
    if KINDS[row["kind"]] == UNIT_DOOR and row["seen_by"]:
        return row.fault("seen_by", "only a gate can be shown to other grids", "Leave it empty.")
    return None


def _entrance(row: Row) -> EntranceRow:
    return EntranceRow(
        id=row["entrance"],
        name=row.words("name"),
        kind=KINDS[row["kind"]],
        district=row.words("district"),
        street=row.words("street"),
        community=row.words("community"),
        grid=row.words("grid"),
        compound=row.words("compound"),
        building=row.words("building"),
        unit=row.words("unit"),
        tags=frozenset(filter(None, _BETWEEN_TAGS.split(row["tags"]))) if row["tags"] else frozenset(),
    )


def _shown(row: Row, entrance: EntranceRow, places: PlaceNames, faults: list[Fault]) -> EntranceRow:
    """The same with the other grids that may see it; one that cannot be found does not cost the door."""
    if not row["seen_by"]:
        return entrance
    grids = set()
    for text in filter(None, _BETWEEN_GRIDS.split(row["seen_by"])):
        try:
            grids.add(places.find(text, ("grid",)))
        except PlaceUnclear as unclear:
            faults.append(row.fault("seen_by", str(unclear), unclear.mend))
    return entrance._replace(seen_by=frozenset(grids - {entrance.grid_key}))
