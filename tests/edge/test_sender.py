"""The sender on a real outbox, real worker processes and an HTTP server that answers as told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, text

from gateway.clock import ManualClock
from gateway.links import Links
from gateway.notify.message import Message, Text
from gateway.notify.sending import Sender
from gateway.places.contacts import Contacts
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.writing import queue
from tests.real_things import FakePhones, wait_for

T0 = 1_790_000_000_000


class Office:
    """An outbox and its sender. ``channels``: who → paths at the fake phones, in order."""

    def __init__(self, path: Path, phones: FakePhones, channels: Mapping[str, tuple[str, ...]]) -> None:
        self.db: Database = open_database(path / "doorward.db")
        self.clock = ManualClock(T0)
        urls = {
            who: tuple(SecretStr(f"json://127.0.0.1:{phones.port}/{name}") for name in names)
            for who, names in channels.items()
        }
        self.woken = threading.Event()
        self.sender = Sender(
            self.db,
            Contacts(urls),
            {},
            Links("key"),
            self.clock,
            ZoneInfo("Asia/Shanghai"),
            public_url="http://doors.example",
            wake=self.woken.set,
        )

    def put(self, ident: str, who: str = "worker", severity: str = "normal") -> None:
        facts = {
            "place": ident,
            "condition": "left_open",
            "since_ms": T0,
            "title": {"zh": ident, "en": ident},
        }
        with self.db.write() as tx:
            queue(
                tx,
                Message(
                    id=ident,
                    person=who,
                    about="alarm",
                    text=Text.TELL,
                    facts=facts,
                    severity=severity,
                    case="case",
                    queued_at_ms=T0,
                    expires_at_ms=T0 + 3_600_000,
                ),
            )

    def state(self, ident: str) -> str:
        self.sender.turn()
        with self.db.read() as tx:
            return str(tx.execute(select(t.messages.c.state).where(t.messages.c.id == ident)).scalar())

    def results(self) -> list[tuple[int, str | None]]:
        with self.db.read() as tx:
            rows = tx.execute(select(t.attempts.c.channel, t.attempts.c.result).order_by(t.attempts.c.id))
            return [(row.channel, row.result) for row in rows]


@pytest.fixture
def office(tmp_path: Path, phones: FakePhones) -> Iterator[Office]:
    found = Office(tmp_path, phones, {"worker": ("first", "second")})
    yield found
    found.sender.stop()
    found.db.close()


def test_a_message_arrives_with_its_link(office: Office, phones: FakePhones) -> None:
    office.put("door")
    wait_for(lambda: office.state("door") == "accepted", "it is accepted")
    (received,) = phones.of("first")
    assert "door" in received.title and "http://doors.example/c/" in received.body


def test_a_channel_that_refuses_gives_way_to_the_next_at_once(office: Office, phones: FakePhones) -> None:
    phones.answer = lambda path: (404, "{}") if path == "first" else (200, "{}")
    office.put("door")
    wait_for(lambda: office.state("door") == "accepted", "the second channel takes it")
    assert office.results() == [(0, "refused"), (1, "accepted")]


def test_a_busy_channel_is_tried_three_times_and_then_left_within_a_minute(
    office: Office, phones: FakePhones
) -> None:
    phones.answer = lambda path: (503, "{}") if path == "first" else (200, "{}")
    office.put("door")

    def done() -> bool:
        if office.state("door") == "accepted":
            return True
        if not office.sender.turn():
            office.clock.move(1_000)
        return False

    wait_for(done, "the second channel takes it")
    assert office.results() == [(0, "later")] * 3 + [(1, "accepted")]
    assert office.clock.now_ms() - T0 < 60_000


def test_two_attempts_that_were_cut_off_are_the_most(office: Office, phones: FakePhones) -> None:
    """Acceptance 4: whoever kills the sender in a call, a phone hears it twice at most."""
    office.put("door")
    with office.db.write() as tx:
        for number in (1, 2):
            tx.execute(insert(t.attempts).values(message_id="door", channel=0, number=number, at_ms=T0))
    wait_for(lambda: office.state("door") == "accepted", "the second channel takes it")
    assert not phones.of("first")
    assert len(phones.of("second")) == 1


def test_what_was_withdrawn_is_not_sent(office: Office, phones: FakePhones) -> None:
    office.put("gone")
    with office.db.write() as tx:
        tx.execute(text("UPDATE messages SET state = 'withdrawn'"))
    office.put("door")
    wait_for(lambda: office.state("door") == "accepted", "the other one is sent")
    assert [r.title for r in phones.received if "gone" in r.title] == []


def test_whoever_has_no_channel_left_is_known_to_have_failed(office: Office) -> None:
    office.put("door", "stranger")
    wait_for(lambda: office.state("door") == "failed", "it has failed")


def test_a_message_that_cannot_be_worded_fails_alone(office: Office, phones: FakePhones) -> None:
    office.put("odd")
    with office.db.write() as tx:
        tx.execute(text("UPDATE messages SET facts = '{}'"))
    office.put("door")
    wait_for(lambda: office.state("door") == "accepted", "the other one is sent")
    assert office.state("odd") == "failed"
