"""The sender on a real outbox, real worker processes and an HTTP server that answers as told."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from gateway.store import tables as t
from tests.office import T0, Office
from tests.real_things import FakePhones, wait_for


@pytest.fixture
def office(tmp_path: Path, phones: FakePhones) -> Iterator[Office]:
    found = Office(
        tmp_path, {"worker": [f"json://127.0.0.1:{phones.port}/{name}" for name in ("first", "second")]}
    )
    yield found
    found.close()


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
    office.play_until("door", "accepted")
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


def test_a_worker_that_is_killed_in_a_call_is_an_attempt_of_which_nobody_can_say(
    office: Office, phones: FakePhones
) -> None:
    def kill_the_workers_once(path: str) -> tuple[int, str]:
        if len(phones.received) == 1:
            _kill_workers()
        return 200, "{}"

    phones.answer = kill_the_workers_once
    office.put("door")
    wait_for(lambda: office.sender.turn() == 0 and office.results() != [], "the call is over")
    assert office.results() == [(0, "uncertain")]
    office.clock.move(6_000)
    wait_for(lambda: office.state("door") == "accepted", "it is sent again")


def test_workers_that_are_killed_between_two_calls_are_replaced(office: Office, phones: FakePhones) -> None:
    """A machine that runs out of memory kills whom it likes."""
    office.put("door")
    wait_for(lambda: office.state("door") == "accepted", "it is accepted")
    _kill_workers()
    wait_for(lambda: not office.sender._pool.active, "their end is noticed")
    office.put("gate")
    wait_for(lambda: office.state("gate") == "accepted", "others take the next message")
    assert office.results("gate") == [(0, "accepted")]


def _kill_workers() -> None:
    for child in multiprocessing.active_children():
        child.kill()
