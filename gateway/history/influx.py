"""A copy of the journal's readings in a time-series database that speaks the InfluxDB v2 API.

Rule 1: the copy follows the journal by a cursor, and the cursor moves only when the server
        has accepted what lies before it. An outage therefore loses nothing, and a crash in
        between writes the same points twice, which InfluxDB takes for one (VictoriaMetrics
        with ``-dedup.minScrapeInterval=1ms``, as in docker-compose.yml).
Rule 2: nothing here stops anything: a server that is down is tried again later, and a point
        that it refuses is found, left out and counted.
Rule 3: the token is in the request and nowhere else.

A retained reading is not copied: it is the broker's memory, and the moment at which the
broker repeated it would be charted as the moment at which it was true.
"""

from __future__ import annotations

import logging
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any, Literal, NamedTuple

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from sqlalchemy import select

from gateway.errors import DoorwardError
from gateway.history.keeping import INFLUX_CURSOR, move_cursor
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.resuming import JournalLine, journal_after
from gateway.store.writing import count
from rules.reading import OPEN, Reading

log = logging.getLogger(__name__)

SKIPPED = "influx_skipped"
"""The counter of readings that the server would not take."""

AT_ONCE = 5_000
"""Journal lines in one request: what InfluxDB advises, about 500 KB."""
TIMEOUT_MS = 10_000
FIRST_RETRY_MS, LONGEST_RETRY_MS = 1_000, 60_000
HONEST_REFUSALS = 20
"""So many points one after the other may be bad. If the server refuses more than that and
accepts none, it rather refuses us (plain HTTP sent to a TLS port is answered with 400, too):
then what is left out is left out slowly, at the pace of the retries, so that somebody can
still mend it."""

COMPLAIN_EVERY_MS = 60_000
"""Readings that are left out are reported together, so often at most."""

_ABOUT_THE_DATA = frozenset({400, 413, 422})
"""HTTP 400 bad request, 413 too large, 422 unprocessable. All others (401, 404, 429, 500 …)
are about us or the server, and would be the same for any other point."""
_PARTIAL = re.compile(r"partial write.*\bdropped=(\d+)", re.DOTALL)
"""InfluxDB's word for: all others were written."""


class _Answer(NamedTuple):
    """What came of a request.

    Attributes:
        what: ``refused`` is about these points, ``failed`` would be the same for any others.
        dropped: So many points of an accepted request were left out.
        why: The server's words, or the network's.
    """

    what: Literal["accepted", "refused", "failed"]
    why: str = ""
    dropped: int = 0


class Exporter:
    """Copies a batch at each ``step``. It never sleeps, but a step may take ``timeout_ms``.

    Attributes:
        trouble: Why nothing is copied at present; empty if all is well.
    """

    def __init__(
        self,
        db: Database,
        *,
        url: str,
        org: str,
        bucket: str,
        token: str | None,
        at_once: int = AT_ONCE,
        timeout_ms: int = TIMEOUT_MS,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """``token``: what the token file holds; space around it does not matter.

        Raises:
            DoorwardError: The token cannot be one.
        """
        self._db, self._url, self._bucket = db, url, bucket
        self._token = _checked(token)
        self._client = _client(url, self._token, org, timeout_ms)
        self._api = self._client.write_api(write_options=SYNCHRONOUS)
        self._jitter = jitter
        self._most = self._size = at_once
        self._failures = 0
        self._refusals = 0
        self._not_before_ms = 0
        self._unsaid = 0
        self._complain_after_ms = 0
        self.trouble = ""

    def step(self, now_ms: int) -> bool:
        """Copy up to one batch; whether there may be more to do at once."""
        if now_ms < self._not_before_ms:
            return False
        lines = self._next()
        if not lines:
            return False
        answer = self._write(lines)
        if answer.what == "failed":
            self._fail(answer.why, now_ms)
            return False
        if answer.what == "accepted":
            return self._go_on(lines, answer, now_ms)
        if len(lines) > 1:
            self._size = len(lines) // 2
            return True
        return self._leave_out(lines[0], answer, now_ms)

    def close(self) -> None:
        self._api.close()
        self._client.close()

    def _next(self) -> list[JournalLine]:
        with self._db.read() as tx:
            cursor = (
                tx.execute(select(t.cursors.c.position).where(t.cursors.c.name == INFLUX_CURSOR)).scalar()
                or 0
            )
            return list(islice(journal_after(tx, cursor), self._size))

    def _write(self, lines: list[JournalLine]) -> _Answer:
        points = [point for line in lines if line.arrival and (point := point_line(*line.arrival))]
        if not points:
            return _Answer("accepted")
        try:
            self._api.write(self._bucket, record=points, write_precision=WritePrecision.MS)
        except ApiException as error:
            why = self._blotted(f"HTTP {error.status} {error.reason}: {error.message}")
            if partly := _PARTIAL.search(why):
                return _Answer("accepted", why, int(partly[1]))
            return _Answer("refused" if error.status in _ABOUT_THE_DATA else "failed", why)
        except Exception as error:  # no connection, no name, no end …: the next attempt may do better
            return _Answer("failed", self._blotted(f"{type(error).__name__}: {error}"))
        return _Answer("accepted")

    def _go_on(self, lines: list[JournalLine], answer: _Answer, now_ms: int) -> bool:
        self._move(lines[-1].position, answer.dropped)
        if answer.dropped:
            self._complain(answer.dropped, answer.why, now_ms)
        if self.trouble:
            log.info("readings are exported to %s again", self._url)
        full = len(lines) == self._size
        self._size = min(self._size * 2, self._most)
        self.trouble, self._failures, self._refusals = "", 0, 0
        return full

    def _leave_out(self, line: JournalLine, answer: _Answer, now_ms: int) -> bool:
        """It is this one that the server will not take: go on behind it."""
        self._move(line.position, skipped=1)
        self._refusals += 1
        if self._refusals > HONEST_REFUSALS:
            self._fail(f"it refuses every reading: {answer.why}", now_ms)
            return False
        self._complain(1, f"position {line.position}: {answer.why}", now_ms)
        return True

    def _move(self, position: int, skipped: int) -> None:
        with self._db.write() as tx:
            move_cursor(tx, INFLUX_CURSOR, position)
            count(tx, Counter({SKIPPED: skipped} if skipped else {}))

    def _fail(self, why: str, now_ms: int) -> None:
        """Said once for an outage, whatever words the following failures use."""
        if not self.trouble:
            log.warning("readings cannot be exported to %s; tried again: %s", self._url, why)
        self.trouble = why
        longest_ms = min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(self._failures, 10))
        self._failures += 1
        self._not_before_ms = now_ms + round(self._jitter(0, longest_ms))  # full jitter

    def _complain(self, skipped: int, why: str, now_ms: int) -> None:
        self._unsaid += skipped
        if now_ms >= self._complain_after_ms:
            log.warning("%s did not take %d readings; the last: %s", self._url, self._unsaid, why)
            self._unsaid, self._complain_after_ms = 0, now_ms + COMPLAIN_EVERY_MS

    def _blotted(self, text: str) -> str:
        """Short, on one line, and without the token: a server may repeat what it was sent."""
        if self._token:
            text = text.replace(self._token, "***")
        return " ".join(text.split())[:300]


def point_line(entrance: str, reading: Reading) -> str | None:
    """A reading in line protocol, its time in milliseconds; ``None`` if there is nothing to copy.

    Only what was stated becomes a field. Yes and no are 1 and 0, so that they can be
    averaged and drawn: a share of 0.25 of an hour's ``contact_open`` is a quarter of an hour.
    """
    if reading.retained:
        return None
    fields: dict[str, float | int | None] = {
        "contact_open": None if reading.contact is None else int(reading.contact == OPEN),
        "battery_pct": _float(reading.battery_pct),
        "battery_v": _float(reading.battery_v),
        "battery_low": _int(reading.battery_low),
        "rssi_dbm": _float(reading.rssi_dbm),
        "linkquality": _int(reading.linkquality),
        "tamper": _int(reading.tamper),
        "online": _int(reading.online),
    }
    point: Any = Point("reading")  # type: ignore[no-untyped-call]  # the library has no types here
    point.tag("entrance", entrance).tag("device", reading.device)
    for name, value in fields.items():
        point.field(name, value)
    point.time(reading.received_at_ms, WritePrecision.MS)
    return point.to_line_protocol() or None


def _float(value: float | None) -> float | None:
    """Always a float: InfluxDB refuses a field that is an integer today and was none yesterday."""
    return None if value is None else float(value)


def _int(value: float | bool | None) -> int | None:
    return None if value is None else int(value)


def _checked(token: str | None) -> str:
    """Refused here, because the library's own error would show it."""
    checked = (token or "").strip()
    if not all("!" <= sign <= "~" for sign in checked):
        raise DoorwardError(
            "the token has characters that no token has",
            where="influx.token_file",
            mend="It is one line of letters, digits and signs.",
        )
    return checked


def _client(url: str, token: str, org: str, timeout_ms: int) -> Any:
    """The library turns urllib3's log up, which ``doorward run`` has turned down."""
    connections = logging.getLogger("urllib3")
    level = connections.level
    try:
        return InfluxDBClient(url, token or None, org=org, timeout=timeout_ms)  # type: ignore[arg-type]  # None is meant
    finally:
        connections.setLevel(level)
