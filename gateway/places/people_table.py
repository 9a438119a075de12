"""The people table into people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.places.duty import DutyWindow, parse_duty
from gateway.places.model import LEVELS, Language, Person
from gateway.places.place_names import COMPOUND, FOUR_LEVELS, PlaceNames, PlaceUnclear
from gateway.places.tables import Columns, Row
from rules.fault import Fault, guess
from rules.rule import RESIDENTS, ROLES

COLUMNS: Final = Columns(needed=("person", "name", "role", "place"), optional=("language", "duty"))

# Where each role's place must lie; other roles may be there for any of the four levels.
PLACE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    **dict(zip(LEVELS, (("grid",), ("grid",), ("community",), ("street",), ("district",)), strict=True)),
    "repair": (COMPOUND, *FOUR_LEVELS),
}

_ID = re.compile(r"[^\s/:#?]{1,64}")  # it stands in addresses of pages; "residents:…" is no person
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGES: Final[Mapping[str, Language]] = {"": "zh", "zh": "zh", "en": "en"}
_ROLES = tuple(role for role in ROLES if role != RESIDENTS)


def people_of(rows: Sequence[Row], places: PlaceNames) -> tuple[list[Person], list[Fault]]:
    """The people in the order of the table, and what is wrong."""
    good: dict[str, tuple[Row, Person]] = {}
    faults: list[Fault] = []
    for row in rows:
        wrong = _wrong(row, good)
        if wrong:
            faults.append(wrong)
            continue
        try:
            place = places.find(row["place"], PLACE_OF.get(row["role"], FOUR_LEVELS))
            good[row["person"]] = row, _person(row, place, parse_duty(row["duty"]))
        except PlaceUnclear as unclear:
            faults.append(row.fault("place", str(unclear), unclear.mend))
        except ValueError as error:
            faults.append(
                row.fault("duty", str(error), "Write it like Mon-Fri 08:00-20:00; Sat,Sun 20:00-08:00.")
            )
    return [person for _, person in good.values()], faults


def _wrong(row: Row, good: Mapping[str, tuple[Row, Person]]) -> Fault | None:
    person, role, language = row["person"], row["role"], row["language"]
    if not _ID.fullmatch(person):
        mend = "Use at most 64 characters, without spaces, '/', ':', '#' and '?'."
        return row.fault("person", f"'{person}' cannot be a person's id", mend)
    if person in good:
        first = good[person][0]
        mend = f"Give one of the two another id; the first is in {first.file}:{first.line}."
        return row.fault("person", f"'{person}' is there twice", mend)
    if role == RESIDENTS:
        return row.fault("role", "residents are no person", "Put their contact into the contacts table.")
    if not _WORD.fullmatch(role):
        return row.fault("role", f"'{role}' is no role", guess(role, _ROLES))
    if language not in _LANGUAGES:
        return row.fault("language", f"'{language}' is no language here", "Write zh or en.")
    return None


def _person(row: Row, place: str, duty: tuple[DutyWindow, ...]) -> Person:
    return Person(
        id=row["person"],
        name=row.words("name"),
        role=row["role"],
        place=place,
        language=_LANGUAGES[row["language"]],
        duty=duty,
        where=f"{row.file}:{row.line}",
    )
