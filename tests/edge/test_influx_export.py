"""The export against a real VictoriaMetrics, and against servers that refuse."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete, select

from gateway.errors import DoorwardError
from gateway.history.influx import HONEST_REFUSALS, LONGEST_RETRY_MS, SKIPPED, Exporter
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.writing import JournalRow, Written, write
from rules.reading import Contact, Reading
from tests.real_things import free_port, wait_for

ROOT = Path(__file__).parents[2]
START = 1_732_400_000_000
TOKEN = "not-a-real-token-5f1e"


class VictoriaMetrics:
    """A real server that takes InfluxDB v2 writes. ``stop`` and ``start`` keep port and data.

    It keeps a point that comes twice twice, unless one of the ``options`` says otherwise.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        program = shutil.which("victoria-metrics", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program, "victoria-metrics is not installed: apt-get install victoria-metrics"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            program,
            f"-storageDataPath={directory}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._healthy, "VictoriaMetrics did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def series(self, metric: str) -> dict[str, list[tuple[int, float]]]:
        """All (at_ms, value) of a metric by entrance, in order of time."""
        self._get("/internal/force_flush")
        found: dict[str, list[tuple[int, float]]] = {}
        for line in self._get(f"/api/v1/export?match[]={metric}").splitlines():
            row = json.loads(line)
            points = zip(row["timestamps"], row["values"], strict=True)
            found.setdefault(row["metric"]["entrance"], []).extend(points)
        return {entrance: sorted(points) for entrance, points in found.items()}

    def ask(self, expression: str, at_ms: int) -> list[float]:
        """The values that a chart shows for that moment."""
        asked = urllib.parse.urlencode({"query": expression, "time": at_ms / 1000, "nocache": 1})
        found = json.loads(self._get(f"/api/v1/query?{asked}"))
        return [float(row["value"][1]) for row in found["data"]["result"]]

    def _healthy(self) -> bool:
        try:
            return bool(self._get("/health"))
        except OSError:
            return False

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310  # our own server
            return bytes(answer.read())


class Refuser:
    """A server that answers as told, and remembers what it accepted."""

    def __init__(self, answer: Callable[[list[str]], tuple[int, str]]) -> None:
        self.answer = answer
        self.requests = 0
        self.lines: list[str] = []
        self.headers: dict[str, str] = {}
        self.query: dict[str, list[str]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                lines = self.rfile.read(int(self.headers["content-length"])).decode().splitlines()
                server.requests += 1
                server.headers = dict(self.headers)
                server.query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                status, words = server.answer(lines)
                if status == 204:
                    server.lines += lines
                body = json.dumps({"code": "told", "message": words}).encode() if words else b""
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def seqs(self) -> list[int]:
        """Which of ``journal``'s readings arrived."""
        return [int(line.rpartition(" ")[2]) - START for line in self.lines]


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path / "victoria")
    yield server
    server.stop()


@pytest.fixture
def refuser() -> Iterator[Refuser]:
    server = Refuser(lambda lines: (204, ""))
    yield server
    server.close()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "doorward.db")
    yield database
    database.close()


@pytest.fixture
def exporter(db: Database) -> Iterator[Callable[..., Exporter]]:
    """Makes exporters that always wait the longest, and closes them."""
    made: list[Exporter] = []

    def make(url: str, **changes: Any) -> Exporter:
        settings = {"org": "district", "bucket": "doors", "token": TOKEN, "jitter": lambda low, high: high}
        made.append(Exporter(db, url=url, **{**settings, **changes}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def journal(db: Database, first: int, last: int) -> None:
    """Readings at the positions ``first`` … ``last``, one a millisecond; even ones say open."""
    rows = []
    for n in range(first, last + 1):
        reading = Reading("doorward:b0001#1", START + n, "closed" if n % 2 else "open", boot=1, seq=n)
        rows.append(JournalRow(n, START + n, "reading", "mjz-3-1", reading))
    write_rows(db, rows)


def write_rows(db: Database, rows: list[JournalRow]) -> None:
    with db.write() as tx:
        write(tx, Written(journal=rows), "setup", "rules", START)


def run(exporter: Exporter, now_ms: int, most: int = 1_000) -> None:
    for _ in range(most):
        if not exporter.step(now_ms):
            return
    raise AssertionError(f"no end after {most} steps")


def position(db: Database) -> int:
    with db.read() as tx:
        return tx.execute(select(t.cursors.c.position).where(t.cursors.c.name == "influx")).scalar() or 0


def skipped(db: Database) -> int:
    with db.read() as tx:
        return tx.execute(select(t.counters.c.value).where(t.counters.c.name == SKIPPED)).scalar() or 0


def contacts(first: int, last: int) -> list[tuple[int, float]]:
    return [(START + n, 1 - n % 2) for n in range(first, last + 1)]


# -- against the real server -------------------------------------------------------


def test_readings_arrive_with_their_facts_and_their_time(
    victoria: VictoriaMetrics, db: Database, exporter: Callable[..., Exporter]
) -> None:
    victoria.start()
    facts = Reading("zigbee2mqtt:北门 左", START + 7, "open", battery_pct=87, battery_v=2.98, linkquality=120)
    write_rows(
        db,
        [
            JournalRow(1, START, "listening", None, None),
            JournalRow(2, START + 7, "reading", "mjz-north", facts),
        ],
    )
    run(exporter(victoria.url), START)
    assert victoria.series("reading_contact_open") == {"mjz-north": [(START + 7, 1)]}
    assert victoria.series("reading_battery_pct") == {"mjz-north": [(START + 7, 87)]}
    assert victoria.series("reading_battery_v") == {"mjz-north": [(START + 7, 2.98)]}
    assert victoria.series("reading_linkquality") == {"mjz-north": [(START + 7, 120)]}
    assert victoria.series("reading_tamper") == {}
    assert position(db) == 2


def test_after_an_outage_the_copy_goes_on_where_it_stopped(
    victoria: VictoriaMetrics,
    db: Database,
    exporter: Callable[..., Exporter],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Down at first, down again in the middle: nothing is missing and nothing is there twice."""
    journal(db, 1, 250)
    copy = exporter(victoria.url, at_once=100)
    with caplog.at_level(logging.INFO, logger="gateway"):
        now = START
        for _ in range(5):
            assert not copy.step(now)
            now += LONGEST_RETRY_MS
        assert copy.trouble
        victoria.start()
        run(copy, now)
        assert position(db) == 250
        victoria.stop()
        journal(db, 251, 400)
        assert not copy.step(now)
        assert position(db) == 250
        victoria.start()
        run(copy, now + LONGEST_RETRY_MS)
    assert victoria.series("reading_contact_open") == {"mjz-3-1": contacts(1, 400)}
    assert not copy.trouble
    said = [record.levelname for record in caplog.records]
    assert said == ["WARNING", "INFO", "WARNING", "INFO"], caplog.text


def test_a_new_exporter_goes_on_and_does_not_begin_again(
    victoria: VictoriaMetrics, db: Database, exporter: Callable[..., Exporter]
) -> None:
    victoria.start()
    journal(db, 1, 300)
    first = exporter(victoria.url, at_once=100)
    assert first.step(START)
    first.close()
    assert position(db) == 100
    run(exporter(victoria.url, at_once=100), START)
    assert victoria.series("reading_contact_open") == {"mjz-3-1": contacts(1, 300)}


def test_what_the_retention_has_deleted_is_no_obstacle(
    victoria: VictoriaMetrics, db: Database, exporter: Callable[..., Exporter]
) -> None:
    victoria.start()
    journal(db, 1, 300)
    copy = exporter(victoria.url, at_once=100)
    assert copy.step(START)
    with db.write() as tx:
        tx.execute(delete(t.journal).where(t.journal.c.position <= 200))
    run(copy, START)
    assert victoria.series("reading_contact_open")["mjz-3-1"] == contacts(1, 100) + contacts(201, 300)


def test_what_is_sent_twice_after_a_crash_is_once_in_the_shipped_database(
    tmp_path: Path, db: Database, exporter: Callable[..., Exporter]
) -> None:
    """Killed between the server's yes and the cursor: the batch is sent again."""
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    shipped = command["services"]["victoria-metrics"]["command"]
    server = VictoriaMetrics(tmp_path / "shipped", *[one for one in shipped if one.startswith("-dedup")])
    server.start()
    try:
        journal(db, 1, 50)
        for _ in range(2):
            run(exporter(server.url), START)
            with db.write() as tx:
                tx.execute(delete(t.cursors))
        assert server.series("reading_contact_open") == {"mjz-3-1": contacts(1, 50)}
    finally:
        server.stop()


def test_every_picture_of_the_dashboard_shows_what_was_exported(
    victoria: VictoriaMetrics, db: Database, exporter: Callable[..., Exporter]
) -> None:
    victoria.start()
    rows = []
    for minute in range(50):
        contact: Contact = "open" if minute % 10 >= 8 else "closed"  # opened 5 times, in the end open
        reading = Reading("d", START + minute * 60_000, contact, battery_pct=80 - minute, battery_v=2.9)
        rows.append(JournalRow(minute + 1, reading.received_at_ms, "reading", "mjz-3-1", reading))
    write_rows(db, rows)
    run(exporter(victoria.url), START)
    victoria.series("reading_contact_open")  # what was written can be asked for from here on
    board = json.loads((ROOT / "deploy/grafana/dashboards/doorward.json").read_text("utf-8"))
    shown = {
        panel["title"].rpartition(" ")[0]: victoria.ask(target["expr"], START + 50 * 60_000)
        for panel in board["panels"]
        for target in panel["targets"]
    }
    assert shown == {
        "Standing open": [1],
        "Heard today": [1],
        "Readings per hour": [50],
        "Openings per hour": [5],
        "Share of time open": [0.2],
        "Lowest batteries": [31],
        "Lowest battery voltage": [2.9],
    }


# -- against one that refuses ------------------------------------------------------


def test_the_server_is_asked_for_org_bucket_and_milliseconds(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 1)
    run(exporter(refuser.url, token=f"  {TOKEN}\n"), START)
    assert refuser.query == {"org": ["district"], "bucket": ["doors"], "precision": ["ms"]}
    assert refuser.headers["Authorization"] == f"Token {TOKEN}"


def test_without_a_token_none_is_sent(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 1)
    run(exporter(refuser.url, token=None), START)
    assert "Authorization" not in refuser.headers


def test_the_one_point_that_is_refused_is_left_out_and_counted(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 5_000)
    refuser.answer = lambda lines: (
        (400, "bad point") if any(line.endswith(str(START + 3_333)) for line in lines) else (204, "")
    )
    run(exporter(refuser.url), START)
    assert refuser.seqs == [n for n in range(1, 5_001) if n != 3_333]
    assert skipped(db) == 1
    assert refuser.requests < 100
    assert position(db) == 5_000


def test_many_bad_points_among_good_ones_do_not_slow_it_down(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 2_000)
    refuser.answer = lambda lines: (
        (422, "bad") if any(line.endswith(("25", "75")) for line in lines) else (204, "")
    )
    run(exporter(refuser.url), START)
    assert refuser.seqs == [n for n in range(1, 2_001) if n % 50 != 25]
    assert skipped(db) == 40


def test_a_request_that_is_too_large_is_halved(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 1_000)
    refuser.answer = lambda lines: (413, "too large") if len(lines) > 300 else (204, "")
    run(exporter(refuser.url), START)
    assert refuser.seqs == list(range(1, 1_001))
    assert skipped(db) == 0


def test_a_partial_write_is_accepted_and_what_it_dropped_is_counted(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    """InfluxDB drops what is older than the bucket keeps, writes the rest, and answers 422."""
    journal(db, 1, 100)
    words = "failure writing points to database: partial write: points beyond retention policy dropped=40"
    refuser.answer = lambda lines: (422, words)
    run(exporter(refuser.url), START)
    assert (refuser.requests, skipped(db), position(db)) == (1, 40, 100)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 503])
def test_a_refusal_that_is_not_about_the_points_leaves_none_out(
    status: int, refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 10)
    refuser.answer = lambda lines: (status, "no")
    copy = exporter(refuser.url)
    run(copy, START)
    assert (refuser.requests, skipped(db), position(db)) == (1, 0, 0)
    assert f"HTTP {status}" in copy.trouble
    refuser.answer = lambda lines: (204, "")
    run(copy, START + LONGEST_RETRY_MS)
    assert refuser.seqs == list(range(1, 11))


def test_a_server_that_refuses_everything_does_not_eat_the_journal(
    refuser: Refuser, db: Database, exporter: Callable[..., Exporter]
) -> None:
    """Plain HTTP sent to a TLS port is answered with 400, whatever the points are."""
    journal(db, 1, 1_000)
    refuser.answer = lambda lines: (400, "client sent an HTTP request to an HTTPS server")
    copy = exporter(refuser.url)
    run(copy, START)
    assert skipped(db) == HONEST_REFUSALS + 1
    assert "refuses every reading" in copy.trouble
    for second in range(1, 60):
        run(copy, START + second * 1_000)
    assert skipped(db) < HONEST_REFUSALS + 10
    refuser.answer = lambda lines: (204, "")
    run(copy, START + 2 * LONGEST_RETRY_MS)
    assert refuser.seqs[-1] == 1_000
    assert not copy.trouble


def test_it_waits_longer_after_each_failure_and_at_most_a_minute(
    db: Database, exporter: Callable[..., Exporter]
) -> None:
    journal(db, 1, 1)
    asked: list[float] = []

    def longest(low: float, high: float) -> float:
        asked.append(high)
        return high

    copy = exporter(f"http://127.0.0.1:{free_port()}", jitter=longest)
    now = START
    for _ in range(9):
        assert not copy.step(now)
        assert not copy.step(now + int(asked[-1]) - 1)
        now += int(asked[-1])
    assert asked == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]


@pytest.mark.parametrize("status", [400, 401, 422, 500])
def test_the_token_is_in_no_log_and_no_error(
    status: int,
    refuser: Refuser,
    db: Database,
    exporter: Callable[..., Exporter],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even of a server that repeats what it was sent."""
    journal(db, 1, 1)
    refuser.answer = lambda lines: (status, f"what is Token {TOKEN}?")
    with caplog.at_level(logging.INFO):
        copy = exporter(refuser.url)
        run(copy, START)
    assert "***" in caplog.text
    assert TOKEN not in caplog.text + copy.trouble + repr(copy)


@pytest.mark.parametrize("token", ["two\nlines", "口令", "a b"])
def test_what_cannot_be_a_token_is_refused_without_being_repeated(token: str, db: Database) -> None:
    with pytest.raises(DoorwardError) as refusal:
        Exporter(db, url="http://127.0.0.1:1", org="o", bucket="b", token=token)
    assert not re.search("two|口令|a b", str(refusal.value))


def test_the_library_does_not_turn_the_log_of_connections_up(
    db: Database, exporter: Callable[..., Exporter]
) -> None:
    connections = logging.getLogger("urllib3")
    before = connections.level
    try:
        connections.setLevel(logging.CRITICAL)
        exporter("http://127.0.0.1:1")
        assert connections.level == logging.CRITICAL
    finally:
        connections.setLevel(before)
