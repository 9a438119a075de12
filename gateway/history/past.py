"""What the doors said in the past, from our own history or from a file, ready to be played.

Rule 1: in the order of arrival, as the engine took it, with the marks of the listening
        itself (deaf, listening, a lost session, mutes).
Rule 2: memory does not grow with the file more than a dozen bytes a reading: a month of a
        district has ten million.
"""

from __future__ import annotations

import csv
import heapq
import json
import operator
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from datetime import time as clock_time
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import func, or_, select

from gateway.errors import DoorwardError
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.times import parse_time
from rules.duration import DAY_MS
from rules.fault import Fault
from rules.reading import CLOSED, OPEN, Reading
from rules.rule import Entrance

AT_ONCE: Final = 5_000
COLUMNS: Final = ("time", "entrance", "contact")
MOST_FAULTS: Final = 100
"""A file of the wrong kind has as many as it has rows."""
LONGEST_DATE: Final = 8
"""20261103 is a date; more digits are milliseconds since 1970."""
LAST_MS: Final = 4_102_444_800_000
"""The year 2100: what lies behind it are seconds or nanoseconds by mistake."""
MARKS: Final = ("deaf", "listening", "session_lost", "mute", "setup")
Arrival = tuple[str, Reading]


class Part(NamedTuple):
    """Some readings, and then maybe a mark.

    Attributes:
        mark: (kind, at, what it carries).
    """

    arrivals: list[Arrival]
    mark: tuple[str, int, str | None] | None = None


class Past(Protocol):
    """Readings in order.

    Attributes:
        from_ms: What counts begins here; what lies before only says how things stood.
        until_ms: The last moment.
        size: About how many readings; for the progress.
    """

    @property
    def from_ms(self) -> int: ...

    @property
    def until_ms(self) -> int: ...

    @property
    def size(self) -> int: ...

    def parts(self) -> Iterator[Part]: ...


# -- our own history -------------------------------------------------------------------


@dataclass(slots=True)
class Recorded:
    """The journal, and the heartbeats that were condensed to days.

    Attributes:
        only: Of this entrance alone.
    """

    db: Database
    from_ms: int
    until_ms: int
    entrances: Mapping[str, Entrance]
    only: str | None = None
    size: int = 0
    lead_in_ms: int = 2 * DAY_MS

    def __post_init__(self) -> None:
        j = t.journal.c
        with self.db.read() as tx:
            first, last = tx.execute(
                select(func.min(j.position), func.max(j.position)).where(
                    j.at_ms >= self.from_ms - self.lead_in_ms, j.at_ms <= self.until_ms
                )
            ).one()
            beats = tx.execute(
                select(func.sum(t.heard.c.reports)).where(
                    t.heard.c.day_ms >= self.from_ms - self.lead_in_ms - DAY_MS
                )
            ).scalar()
        with self.db.read() as tx:
            began = tx.execute(select(func.min(j.at_ms))).scalar()
        if began is not None:
            self.from_ms = min(max(self.from_ms, began), self.until_ms)  # before, nobody was there
        self.size = (last - first + 1 if first is not None else 0) + int(beats or 0)

    def parts(self) -> Iterator[Part]:
        arrivals: list[Arrival] = []
        before = self._before()
        said = {entrance: reading for entrance, reading in before if not reading.retained}
        if before:
            yield Part(before)
        yield from self._mutes_before()
        for at_ms, _order, what in heapq.merge(self._lines(), self._beats(), key=operator.itemgetter(0, 1)):
            if len(what) == 2:
                entrance, reading = what
                if reading is None:  # a heartbeat, which only repeated what was said before
                    if entrance not in said:
                        continue
                    reading = said[entrance]._replace(received_at_ms=at_ms, boot=None, seq=None)
                elif not reading.retained:
                    said[entrance] = reading
                arrivals.append((entrance, reading))
                if len(arrivals) == AT_ONCE:
                    yield Part(arrivals)
                    arrivals = []
            else:
                yield Part(arrivals, (what[0], at_ms, what[1]))
                arrivals = []
        yield Part(arrivals)

    def _mutes_before(self) -> Iterator[Part]:
        """Those that were asked for before the beginning; who may still hold is for the engine to know."""
        begins = self.from_ms - self.lead_in_ms
        j = t.journal.c
        with self.db.read() as tx:
            asked = select(j.device).where(j.kind == "mute", j.at_ms < begins).order_by(j.position)
            for carried in list(tx.execute(asked).scalars()):
                if mute_of(carried)[-1] > begins:
                    yield Part([], ("mute", begins, carried))

    def _lines(self) -> Iterator[tuple[int, int, Any]]:
        """(at, position, arrival or mark)."""
        j = t.journal.c
        question = (
            select(*_columns())
            .where(j.at_ms.between(self.from_ms - self.lead_in_ms, self.until_ms))
            .order_by(j.position)
        )
        if self.only:
            question = question.where(or_(j.entrance == self.only, j.entrance.is_(None)))
        with self.db.read() as tx:
            # The plain cursor: to make SQLAlchemy's rows of ten million lines takes twice as long.
            rows = tx.execute(question).cursor
            while some := rows.fetchmany(AT_ONCE):
                yield from filter(None, map(_line, some))

    def _before(self) -> list[Arrival]:
        """What each entrance last said of its door before that, with its own time: so things stood."""
        j = t.journal.c
        last = (
            select(func.max(j.position))
            .where(j.kind == "reading", j.at_ms < self.from_ms - self.lead_in_ms, j.contact.is_not(None))
            .group_by(j.entrance)
        )
        if self.only:
            last = last.where(j.entrance == self.only)
        with self.db.read() as tx:
            rows = tx.execute(select(*_columns()).where(j.position.in_(last)).order_by(j.position)).cursor
            return [line[2] for line in map(_line, rows.fetchall()) if line]

    def _beats(self) -> Iterator[tuple[int, int, Any]]:
        """(at, -1, (entrance, None)) of each heartbeat again; a silence stays as long as it was."""
        h = t.heard.c
        begins = self.from_ms - self.lead_in_ms - DAY_MS
        with self.db.read() as tx:
            for day in range(begins // DAY_MS * DAY_MS, self.until_ms + 1, DAY_MS):
                found = select(t.heard).where(h.day_ms >= day, h.day_ms < day + DAY_MS)
                if self.only:
                    found = found.where(h.entrance == self.only)
                beats: list[tuple[int, int, Any]] = []
                for row in tx.execute(found):
                    entrance = self.entrances.get(row.entrance)
                    if entrance is not None:
                        moments = beats_of(row, entrance.heartbeat_ms)
                        beats += [(at, -1, (row.entrance, None)) for at in moments if at <= self.until_ms]
                yield from sorted(beats, key=operator.itemgetter(0))


def _columns() -> tuple[Any, ...]:
    j = t.journal.c
    known = (j.at_ms, j.position, j.kind, j.entrance, j.device, j.contact, j.retained, j.boot, j.seq)
    stated = (j.battery_pct, j.battery_v, j.battery_low, j.tamper, j.online, j.online_scope)
    return (*known, *stated, j.rssi_dbm, j.linkquality, j.device_time)


def _line(row: Any) -> tuple[int, int, Any] | None:
    """(at, position, arrival or mark) of a raw row; ``None`` for what a replay does without."""
    at_ms, position, kind, entrance, device, contact, retained, boot, seq, *facts = row
    if kind in MARKS:
        return at_ms, position, (kind, device, None)
    if kind != "reading":
        return None
    pct, volts, low, tamper, online, scope, *rest = facts
    reading = Reading(
        device,
        at_ms,
        contact,
        bool(retained),
        boot,
        seq,
        pct,
        volts,
        None if low is None else bool(low),
        None if tamper is None else bool(tamper),
        None if online is None else bool(online),
        scope or "device",
        *rest,
    )
    return at_ms, position, (entrance, reading)


def beats_of(day: Any, heartbeat_ms: int | None) -> list[int]:
    """Moments that fit what a condensed day says: its first, its last, its longest gap."""
    many = max(day.reports, 1)
    step = heartbeat_ms or max((day.last_ms - day.first_ms) // many, 1)
    gap_from, gap_to = day.gap_from_ms, day.gap_from_ms + day.longest_gap_ms
    moments = {day.first_ms, day.last_ms}
    moments |= {at for at in (gap_from, gap_to) if day.first_ms <= at <= day.last_ms}
    at = day.first_ms
    while at < day.last_ms:
        if not gap_from < at < gap_to or day.longest_gap_ms <= step:
            moments.add(at)
        at += step
    return sorted(moments)


# -- a file ------------------------------------------------------------------------------


@dataclass(slots=True)
class FromFile:
    """A table of movements: time, entrance, contact.

    Attributes:
        faults: What is wrong with its rows; the good ones are played.
    """

    times: array[int] = field(default_factory=lambda: array("q"))
    doors: array[int] = field(default_factory=lambda: array("l"))
    opened: bytearray = field(default_factory=bytearray)
    names: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0

    @property
    def size(self) -> int:
        return len(self.times)

    @property
    def from_ms(self) -> int:
        return min(self.times, default=0)

    @property
    def until_ms(self) -> int:
        return max(self.times, default=0)

    def parts(self) -> Iterator[Part]:
        names, times, doors, opened = self.names, self.times, self.doors, self.opened
        order: Iterable[int] = range(len(times))
        if any(times[i] > times[i + 1] for i in range(len(times) - 1)):
            order = sorted(order, key=times.__getitem__)
        arrivals: list[Arrival] = []
        yield Part([], ("listening", self.from_ms, None))
        for i in order:
            arrivals.append((names[doors[i]], Reading("file", times[i], OPEN if opened[i] else CLOSED)))
            if len(arrivals) == AT_ONCE:
                yield Part(arrivals)
                arrivals = []
        yield Part(arrivals)


def read_file(path: Path, zone: tzinfo, known: Mapping[str, Entrance]) -> FromFile:
    """A CSV or Parquet file (by its name) of movements.

    Raises:
        DoorwardError: It cannot be read at all.
    """
    past = FromFile()
    taking = _Taking(past, zone, known)
    try:
        if path.suffix.lower() == ".parquet":
            _read_parquet(path, taking)
        else:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                _read_csv(lines, path.name, taking)
    except (OSError, UnicodeDecodeError) as error:
        raise DoorwardError(
            f"cannot be read: {error}", where=str(path), mend="Give a CSV file in UTF-8, or Parquet."
        ) from error
    return past


class _Taking:
    """Takes row by row."""

    def __init__(self, past: FromFile, zone: tzinfo, known: Mapping[str, Entrance]) -> None:
        self._past, self._zone = past, zone
        self._numbers: dict[str, int] = {}
        self._known = known
        self._strangers: set[str] = set()

    def fault(self, where: str, what: str, mend: str = "") -> None:
        if len(self._past.faults) < MOST_FAULTS:
            self._past.faults.append(Fault(where, what, mend))
        else:
            self._past.more_faults += 1

    def take(self, where: str, time: Any, entrance: Any, contact: Any) -> None:
        entrance = str(entrance)
        number = self._numbers.get(entrance)
        if number is None:
            number = self._meet(where, entrance)
            if number is None:
                return
        if contact != OPEN and contact != CLOSED:
            self.fault(where, f"'{contact}' is no contact", f"Write {OPEN} or {CLOSED}.")
            return
        try:
            at = self._ms(time)
        except (TypeError, ValueError, OverflowError):
            self.fault(where, f"'{time}' is no time", "Write it like 2026-11-03T22:14:00+08:00.")
            return
        if not 0 < at < LAST_MS:
            self.fault(where, f"'{time}' is no time of ours", "Write it like 2026-11-03T22:14:00+08:00.")
            return
        self._past.times.append(at)
        self._past.doors.append(number)
        self._past.opened.append(contact == OPEN)

    def _ms(self, time: Any) -> int:
        if isinstance(time, str):
            if time.isdigit() and len(time) > LONGEST_DATE:
                return int(time)  # milliseconds
            try:
                at = datetime.fromisoformat(time)
            except ValueError:
                return parse_time(time, self._zone)
        elif isinstance(time, datetime):
            at = time
        elif isinstance(time, date):
            at = datetime.combine(time, clock_time())
        else:
            return int(time)
        return round((at if at.tzinfo else at.replace(tzinfo=self._zone)).timestamp() * 1000)

    def _meet(self, where: str, entrance: str) -> int | None:
        if entrance not in self._known:
            if entrance not in self._strangers:
                self.fault(where, f"no entrance is called '{entrance}'", "Its rows are left out.")
            self._strangers.add(entrance)
            return None
        self._past.names.append(entrance)
        self._numbers[entrance] = len(self._past.names) - 1
        return self._numbers[entrance]


def _read_csv(lines: Iterable[str], name: str, taking: _Taking) -> None:
    rows = csv.reader(lines)
    header = [cell.strip() for cell in next(rows, [])]
    if not header:
        taking.fault(name, "the file is empty", f"Begin it with: {','.join(COLUMNS)}")
        return
    if not set(COLUMNS) <= set(header):
        taking.fault(f"{name}:1", f"the header is {','.join(header)}", f"Write: {','.join(COLUMNS)}")
        return
    time, entrance, contact = (header.index(column) for column in COLUMNS)
    for row in _readable(rows, name, taking):
        if len(row) == len(header):
            taking.take(f"{name}:{rows.line_num}", row[time], row[entrance].strip(), row[contact].strip())
        elif row:
            taking.fault(f"{name}:{rows.line_num}", f"{len(row)} cells instead of {len(header)}")


def _readable(rows: Any, name: str, taking: _Taking) -> Iterator[list[str]]:
    """Row by row; one that the reader itself refuses is a fault, and the next goes on."""
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            taking.fault(
                f"{name}:{rows.line_num}", f"cannot be read: {error}", "Look for a quote without an end."
            )
            continue
        if row is None:
            return
        yield row


def _read_parquet(path: Path, taking: _Taking) -> None:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ModuleNotFoundError:
        raise DoorwardError(
            "Parquet needs the package pyarrow", where=str(path), mend="Run: pip install 'doorward[parquet]'"
        ) from None
    try:
        file = parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise DoorwardError(
            "this is no Parquet file", where=str(path), mend="Give CSV or Parquet."
        ) from error
    if not set(COLUMNS) <= set(file.schema_arrow.names):
        found = ", ".join(file.schema_arrow.names)
        taking.fault(path.name, f"the columns are {found}", f"It needs: {', '.join(COLUMNS)}")
        return
    number = 0
    for batch in file.iter_batches(columns=list(COLUMNS)):
        columns = [batch.column(name) for name in COLUMNS]
        for row in zip(*columns, strict=True):
            number += 1
            where = f"{path.name}:row {number}"
            try:
                values = [cell.as_py() for cell in row]
            except (ValueError, OverflowError) as error:  # a nanosecond too much
                taking.fault(where, f"cannot be read: {error}", "Write times in milliseconds.")
                continue
            taking.take(where, *values)


def mute_of(carried: str | None) -> list[Any]:
    """The snapshot of a mute that a mark carries."""
    found = json.loads(carried or "[]")
    return found if isinstance(found, list) else []
