"""Acceptance 4: whenever the sender is killed, a phone hears of it once or twice, and never not at all."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.notify.message import Message, Text
from gateway.store.database import open_database
from gateway.store.writing import queue
from rules.duration import HOUR_MS
from tests.real_things import PATIENCE_S, FakePhones, living, process, wait_for
from tests.small_district import write_directory
from tests.whole.crashing_sender import PID_FILE, POINTS, kill_sender

pytestmark = pytest.mark.slow
KILLS = 50
TIMES_HEARD = {"before_the_call": 1, "during_the_call": 2, "after_the_call": 2}
CUT_OFF = "SELECT message_id, count(*) FROM attempts WHERE result IS NULL GROUP BY message_id"
WAITING = "SELECT id FROM messages WHERE state = 'queued'"
DRIP_EVERY_S = 0.5


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_sender_tells_once_or_twice_but_never_not_at_all(
    tmp_path: Path, phones: FakePhones, point: str
) -> None:
    directory = _district(tmp_path, phones.port, messages=KILLS + 1)
    if point == "during_the_call":
        phones.answer = MurderousPhone(phones, directory).answer
    log = tmp_path / "log"
    with process("tests.whole.crashing_sender", str(directory), point, str(KILLS), log=log) as senders:
        wait_for(lambda: senders.poll() is not None or not _ask(directory, WAITING), "all is sent", 120)
        assert senders.poll() is None, "the senders gave up"

    times_heard = Counter(received.title for received in phones.of("worker"))
    assert len(times_heard) == KILLS + 1
    assert 1 <= min(times_heard.values()) <= max(times_heard.values()) <= 2
    assert [times for _, times in _ask(directory, CUT_OFF)] == [1] * KILLS, "a message for every kill"
    assert sorted(times_heard.values()) == [1, *[TIMES_HEARD[point]] * KILLS]


def test_a_killed_sender_leaves_no_worker_behind(tmp_path: Path) -> None:
    """Only the sender would have stopped the worker that a dripping phone holds."""
    log = tmp_path / "log"
    with DrippingPhone() as phone:
        directory = _district(tmp_path, phone.port, messages=1)
        command = ("gateway.cli", "run", str(directory), "--only", "sender")
        with process(*command, log=log, own_group=True) as sender:
            assert phone.dripping.wait(PATIENCE_S), "the call is under way"
            assert len(living(sender.pid)) > 1, "the call has a process of its own"
            kill_sender(sender.pid, whole=False)
            sender.wait()
            wait_for(lambda: not living(sender.pid), "its workers end with it", 20)


class MurderousPhone:
    """Kills the sender when it first hears of something, before it answers."""

    def __init__(self, phones: FakePhones, directory: Path) -> None:
        self._phones, self._pid_file = phones, directory / PID_FILE
        self._kills = 0

    def answer(self, path: str) -> tuple[int, str]:
        titles = [received.title for received in self._phones.of(path)]
        if titles.count(titles[-1]) == 1 and self._kills < KILLS:
            pid = int(self._pid_file.read_text())
            kill_sender(pid, whole=self._kills % 2 == 1)
            self._kills += 1
            wait_for(lambda: not living(pid), "the workers end with their sender")
        return 200, "{}"


class DrippingPhone:
    """Answers one byte after the other, and never comes to an end."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.dripping, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> DrippingPhone:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError), self._server.accept()[0] as caller:
            caller.recv(65_536)
            caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while not self._stop.wait(DRIP_EVERY_S):
                caller.sendall(b".")
                self.dripping.set()


def _district(path: Path, phone_port: int, *, messages: int) -> Path:
    """One person to whom there is much to say, one thing after the other."""
    directory = write_directory(path / "district", broker_port=1, phone_port=phone_port)
    now = time.time_ns() // 1_000_000
    db = open_database(directory / "data" / "doorward.db")
    with db.write() as tx:
        for number in range(messages):
            title = f"alarm {number}"
            facts = {"condition": "left_open", "place": title, "since_ms": now, "title": {"zh": title}}
            queue(
                tx,
                Message(
                    id=f"message-{number:02d}",
                    person="worker",
                    about=title,
                    text=Text.TELL,
                    facts=facts,
                    case="case",
                    queued_at_ms=now + number,
                    expires_at_ms=now + HOUR_MS,
                ),
            )
    db.close()
    return directory


def _ask(directory: Path, question: str) -> list[tuple[Any, ...]]:
    database = f"file:{directory}/data/doorward.db?mode=ro"
    with closing(sqlite3.connect(database, uri=True, timeout=30)) as connection:
        return connection.execute(question).fetchall()
