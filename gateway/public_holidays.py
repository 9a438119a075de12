"""Public holidays and make-up workdays, for windows that ask for them.

What the State Council announces each November comes with the package ``chinesecalendar``.
Until it does, or for a district elsewhere, a table ``calendar.csv`` says it:

    date,kind
    2027-01-01,holiday
    2027-01-03,workday
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, Literal

from chinese_calendar import constants

from rules.days import Calendar
from rules.fault import Fault, guess

FILE: Final = "calendar.csv"
KINDS: Final = ("holiday", "workday")
WARN_BEFORE_MS: Final = 45 * 24 * 3600 * 1000
"""The next year is announced in November; a month and a half leaves time to enter it."""


def load_calendar(directory: Path, holidays: Literal["china", "none"]) -> tuple[Calendar, list[Fault]]:
    """What is known, with the table's good rows, and what is wrong with the others."""
    free = set(constants.holidays) if holidays == "china" else set()
    made_up = set(constants.workdays) if holidays == "china" else set()
    rows, faults = _rows(directory / FILE)
    for day, kind in rows:
        (free if kind == "holiday" else made_up).add(day)
        (made_up if kind == "holiday" else free).discard(day)
    last = max((day.year for day in free | made_up), default=0)
    return Calendar(frozenset(free), frozenset(made_up), last), faults


def _rows(path: Path) -> tuple[list[tuple[date, str]], list[Fault]]:
    if not path.exists():
        return [], []
    found: list[tuple[date, str]] = []
    faults: list[Fault] = []
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return [], [Fault(FILE, "cannot be read as UTF-8", "Save it as UTF-8.")]
    reader = csv.DictReader(text.splitlines(), restval="")
    if not {"date", "kind"} <= set(reader.fieldnames or ()):
        return [], [Fault(f"{FILE}:1", "the header is not date,kind", "Write: date,kind")]
    try:
        for row in reader:
            _take(row, f"{FILE}:{reader.line_num}", found, faults)
    except csv.Error as error:
        faults.append(
            Fault(
                f"{FILE}:{reader.line_num + 1}",
                f"cannot be read: {error}",
                "Look for a quote without an end.",
            )
        )
    return found, faults


def _take(row: Mapping[str, str], where: str, found: list[tuple[date, str]], faults: list[Fault]) -> None:
    kind = row["kind"].strip()
    try:
        day = date.fromisoformat(row["date"].strip().replace("/", "-"))
    except ValueError:
        faults.append(Fault(where, f"'{row['date']}' is no date", "Write it like 2027-01-01."))
        return
    if kind in KINDS:
        found.append((day, kind))
    else:
        faults.append(Fault(where, f"'{kind}' is no kind of day", guess(kind, KINDS)))


def runs_out(calendar: Calendar, asked: bool, today: date) -> list[Fault]:
    """A fault in time before the announced years end, and for as long as they have ended."""
    if not asked:
        return []
    ends = date(calendar.last_year, 12, 31) if calendar.last_year else None
    if ends is not None and (ends - today).days * 86_400_000 > WARN_BEFORE_MS:
        return []
    until = f"are known up to {ends.isoformat()} only" if ends else "are not known"
    return [
        Fault(
            FILE,
            f"rules ask for workdays or holidays, and those of the coming year {until}",
            "Update doorward, or enter the new year's days here; until then a day is what its weekday says.",
        )
    ]
