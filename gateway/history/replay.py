"""A file of past readings through the rules of today.

The very engine that runs live plays it. Only what such a file can know is judged: it
says when doors moved, not whether their sensors were well.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from gateway.times import parse_time
from rules.engine import Engine, Setup
from rules.fault import Fault
from rules.outcome import AlarmCleared, AlarmRaised, Outcome
from rules.reading import CLOSED, OPEN, Contact, Reading
from rules.rule import Entrance, RuleSet

HEADER: Final = ("time", "entrance", "contact")
_AT_ONCE = 5_000


@dataclass(slots=True)
class Replayed:
    """One alarm; times in ms UTC, ``cleared_at_ms`` is ``None`` while it stands."""

    rule: str
    entrance: str
    verdict: str
    since_ms: int
    raised_at_ms: int
    cleared_at_ms: int | None = None

    def line(self) -> dict[str, str | None]:
        """As ``doorward replay`` writes it."""
        return {
            "rule": self.rule,
            "entrance": self.entrance,
            "verdict": self.verdict,
            "since": utc(self.since_ms),
            "raised_at": utc(self.raised_at_ms),
            "cleared_at": None if self.cleared_at_ms is None else utc(self.cleared_at_ms),
        }


def utc(ms: int) -> str:
    """ISO 8601 in UTC; milliseconds only where there are any."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def read_readings(
    lines: Iterable[str], name: str, zone: tzinfo, known: Mapping[str, Entrance]
) -> tuple[list[tuple[int, str, Contact]], list[Fault]]:
    """The good rows in order of time, and what is wrong with the others."""
    rows = csv.reader(lines)
    header = [cell.strip().lstrip("\ufeff") for cell in next(rows, [])]
    if sorted(header) != sorted(HEADER):
        return [], [Fault(f"{name}:1", f"the header is {','.join(header)}", f"Write: {','.join(HEADER)}")]
    order = [header.index(column) for column in HEADER]
    readings: list[tuple[int, str, Contact]] = []
    faults: list[Fault] = []
    strangers: set[str] = set()
    for row in rows:
        where = f"{name}:{rows.line_num}"
        if not row:
            continue
        if len(row) != len(HEADER):
            faults.append(Fault(where, f"{len(row)} cells instead of {len(HEADER)}"))
            continue
        time, entrance, contact = (row[i].strip() for i in order)
        if contact not in (OPEN, CLOSED):
            faults.append(Fault(where, f"'{contact}' is no contact", f"Write {OPEN} or {CLOSED}."))
        elif entrance not in known:
            if entrance not in strangers:
                faults.append(Fault(where, f"no entrance is called '{entrance}'", "Its rows are left out."))
            strangers.add(entrance)
        else:
            try:
                readings.append((parse_time(time, zone), entrance, OPEN if contact == OPEN else CLOSED))
            except (ValueError, OverflowError):
                faults.append(
                    Fault(where, f"'{time}' is no time", "Write it like 2026-11-03T22:14:00+08:00.")
                )
    readings.sort(key=lambda reading: reading[0])
    return readings, faults


def replay(
    rules: RuleSet,
    entrances: Mapping[str, Entrance],
    zone: tzinfo,
    readings: list[tuple[int, str, Contact]],
    until_ms: int | None = None,
) -> list[Replayed]:
    """Every alarm that the rules raise, in the order in which they were raised.

    It ends at the last reading, or at ``until_ms``; what comes later is not played.
    """
    if not readings:
        return []
    end = readings[-1][0] if until_ms is None else until_ms
    engine = Engine(Setup(rules, entrances, zone))
    alarms: dict[str, Replayed] = {}
    engine.on_listening(readings[0][0])
    arrivals = ((name, Reading("file", at, contact)) for at, name, contact in readings if at <= end)
    for batch in _batches(arrivals):
        _note(engine.on_readings(batch), alarms)
    _note(engine.on_time(end), alarms)
    return list(alarms.values())


def _batches(arrivals: Iterator[tuple[str, Reading]]) -> Iterator[list[tuple[str, Reading]]]:
    batch: list[tuple[str, Reading]] = []
    for arrival in arrivals:
        batch.append(arrival)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


def _note(outcomes: Iterable[Outcome], alarms: dict[str, Replayed]) -> None:
    for o in outcomes:
        if isinstance(o, AlarmRaised):
            alarms[o.alarm] = Replayed(o.rule, o.entrance, o.condition, o.since_ms, o.at_ms)
        elif isinstance(o, AlarmCleared):
            alarms[o.alarm].cleared_at_ms = o.at_ms
