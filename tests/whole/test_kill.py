"""Must hold 1: whatever kills the gateway, nothing is lost and nobody is told twice too often."""

from __future__ import annotations

import random
import signal
import sqlite3
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.real_things import FakePhones, Mosquitto, process, wait_for
from tests.sensors import Sensors
from tests.small_district import write_directory
from tests.whole.crashing_gateway import POINTS

BOXES = 200
REPORTS = 20_000
KILLS = 10
TAMPERED = 20
RULE = """\
rules:
  - name: tampered
    title: {zh: 传感器被拆, en: Sensor tampered with}
    why: A test watches it.
    when: tampered
    steps: [{after: 0s, tell: grid_worker}]
"""


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_ten_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    directory = write_directory(
        tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, doors=BOXES, rules=RULE
    )
    database = directory / "data" / "doorward.db"
    log = tmp_path / "log"
    stored = "SELECT count(*) FROM journal WHERE kind = 'reading' AND boot IS NOT NULL"
    with process("tests.whole.crashing_gateway", str(directory), "never", "1", log=log):
        wait_for(
            lambda: _ask(database, "SELECT count(*) FROM journal WHERE kind = 'listening'"), "it listens"
        )

    sensors = Sensors(mosquitto.port)
    wanted = threading.Semaphore(0)
    publisher = threading.Thread(target=_publish, args=(sensors, wanted), daemon=True)
    publisher.start()
    rng = random.Random(7)
    with process("gateway.cli", "run", str(directory), "--only", "sender", log=log):
        for kill in range(KILLS):
            wanted.release()
            point = POINTS[kill % 4] if kill < 6 else "never"
            enough = (kill + rng.random() / 2) * REPORTS / KILLS
            count = str(rng.randint(1, 4))
            with process("tests.whole.crashing_gateway", str(directory), point, count, log=log) as gateway:
                if point == "never":
                    wait_for(partial(_more_than, enough, database, stored), "it is at work")
                    gateway.kill()
                wait_for(lambda: gateway.poll() is not None, f"it dies at {point}")
                assert gateway.returncode == -signal.SIGKILL
        with process("tests.whole.crashing_gateway", str(directory), "never", "1", log=log):
            publisher.join(120)
            wait_for(lambda: _ask(database, stored) >= REPORTS, "every report is stored", 120)
            told = "SELECT count(*) FROM messages WHERE state = 'accepted'"
            wait_for(lambda: _ask(database, told) >= TAMPERED, "every message is accepted")
    sensors.close()

    assert _ask(database, stored) == REPORTS
    distinct = "SELECT count(*) FROM (SELECT DISTINCT device, boot, seq FROM journal WHERE boot IS NOT NULL)"
    assert _ask(database, distinct) == REPORTS
    assert _ask(database, "SELECT count(*) FROM alarms") == TAMPERED
    assert _ask(database, "SELECT count(*) FROM cases") == TAMPERED
    assert _ask(database, "SELECT count(*) FROM gaps WHERE kind = 'reports'") == 0
    times_told = Counter(message.title for message in phones.of("worker"))
    assert len(times_told) == TAMPERED
    assert max(times_told.values()) <= 2


def _publish(sensors: Sensors, wanted: threading.Semaphore) -> None:
    """Each box opens and closes a hundred times; twenty are opened with a screwdriver in between.

    A tenth of it for each life of the gateway, so that none is killed while it has nothing to do.
    """
    rounds = REPORTS // BOXES
    for seq in range(rounds):
        if seq % (rounds // KILLS) == 0:
            wanted.acquire()
        for box in range(BOXES):
            contact = "open" if seq % 2 == 0 else "closed"
            more = {"tamper": True} if box < TAMPERED and seq == 20 + box * 3 else {}
            sensors.event(f"b-{box:05d}", seq, contact, **more)
        sensors.wait()


def _more_than(many: float, database: Path, question: str) -> bool:
    return _ask(database, question) > many


def _ask(database: Path, question: str) -> int:
    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute(question).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not made yet
    finally:
        connection.close()
