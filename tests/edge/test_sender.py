"""The sender on a real outbox, real worker processes and an HTTP server that answers as told."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from gateway.cases.case import StandingAlarm
from gateway.cases.desk import Changes, Over
from gateway.notify.message import Text
from gateway.store import tables as t
from gateway.store.writing import Written, write
from rules.rule import Condition
from tests.office import T0, Office
from tests.real_things import FakePhones, wait_for

HOME = "residents:西湖社区/北家属院/1号楼/1单元"
SIX = T0 + 1_800_000
"""When the quiet ends."""


@pytest.fixture
def office(tmp_path: Path, phones: FakePhones) -> Iterator[Office]:
    urls = {"worker": ("first", "second"), HOME: ("home",)}
    at = f"json://127.0.0.1:{phones.port}"
    found = Office(tmp_path, {who: [f"{at}/{name}" for name in names] for who, names in urls.items()})
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


# -- what waited for one moment goes out as one --------------------------------------------


def at_six(office: Office, *messages: str, who: str = "worker") -> None:
    """They have waited, and now it is six."""
    for ident in messages:
        office.put(ident, who, waits_until_ms=SIX)
    if office.clock.now_ms() < SIX:
        office.clock.move(SIX - office.clock.now_ms())


def states(office: Office, *messages: str) -> set[str]:
    return {office.state(ident) for ident in messages}


def test_what_waits_is_not_sent_before(office: Office, phones: FakePhones) -> None:
    office.put("door", waits_until_ms=SIX)
    office.put("now")
    wait_for(lambda: office.state("now") == "accepted", "what does not wait is sent")
    assert office.sender.next_due_ms() == SIX
    office.clock.move(SIX - 1 - T0)
    assert office.sender.turn() == 0
    assert [r.title for r in phones.received if "door" in r.title] == []


def test_what_waited_for_the_same_moment_is_one_message(office: Office, phones: FakePhones) -> None:
    office.put("over", waits_until_ms=SIX, text=Text.ALL_CLEAR)
    at_six(office, "door", "gate")
    wait_for(lambda: states(office, "door", "gate", "over") == {"accepted"}, "all three are accepted")
    (received,) = phones.received
    assert received.title == "免打扰期间的 3 条通知"
    door, gate, over, link = received.body.splitlines()
    assert (door[:6], gate[:6]) == ("· door", "· gate"), "what still is comes first"
    assert over == "· 已关好：over"
    assert link == "http://doors.example/", "it is about several cases"
    with office.db.read() as tx:
        accepted = tx.execute(text("SELECT DISTINCT accepted_at_ms FROM messages")).all()
    assert accepted == [(SIX,)]
    assert {tuple(office.results(ident)) for ident in ("door", "gate", "over")} == {((0, "accepted"),)}


def test_what_did_not_wait_is_no_digest(office: Office, phones: FakePhones) -> None:
    office.put("door")
    office.put("gate")
    wait_for(lambda: states(office, "door", "gate") == {"accepted"}, "both are accepted")
    assert [r.title for r in phones.received] == ["door：door", "gate：gate"]


def test_a_single_one_goes_out_in_its_own_words(office: Office, phones: FakePhones) -> None:
    at_six(office, "door")
    wait_for(lambda: office.state("door") == "accepted", "it is accepted")
    (received,) = phones.received
    assert received.title == "door：door" and "http://doors.example/c/" in received.body


def test_what_was_withdrawn_meanwhile_is_left_out(office: Office, phones: FakePhones) -> None:
    at_six(office, "door", "gate", "gone")
    office.withdraw("gone")
    wait_for(lambda: states(office, "door", "gate") == {"accepted"}, "the others are accepted")
    (received,) = phones.received
    assert received.title == "免打扰期间的 2 条通知" and "gone" not in received.body
    assert office.state("gone") == "withdrawn"


def test_the_one_that_is_left_goes_out_in_its_own_words(office: Office, phones: FakePhones) -> None:
    at_six(office, "a", "b", "door")
    office.withdraw("a")
    office.withdraw("b")
    wait_for(lambda: office.state("door") == "accepted", "it is accepted")
    assert [r.title for r in phones.received] == ["door：door"]


def test_what_waited_for_another_moment_or_another_person_is_another_message(
    office: Office, phones: FakePhones
) -> None:
    office.put("later", waits_until_ms=SIX + 1)
    office.put("lone")
    at_six(office, "door", "gate")
    at_six(office, "lamp", "roof", who=HOME)
    office.clock.move(1)
    everything = ("later", "lone", "door", "gate", "lamp", "roof")
    wait_for(lambda: states(office, *everything) == {"accepted"}, "all are accepted")
    assert sorted(r.title for r in phones.of("first")) == [
        "later：later",
        "lone：lone",
        "免打扰期间的 2 条通知",
    ]
    (home,) = phones.of("home")
    assert "lamp" in home.body and "roof" in home.body and "door" not in home.body


def test_residents_get_no_link_with_several_things_either(office: Office, phones: FakePhones) -> None:
    at_six(office, "door", "gate", who=HOME)
    wait_for(lambda: states(office, "door", "gate") == {"accepted"}, "it is accepted")
    assert "http" not in phones.received[0].body


def test_a_channel_that_fails_keeps_them_together(office: Office, phones: FakePhones) -> None:
    phones.answer = lambda path: (503, "{}") if len(phones.received) < 3 else (200, "{}")
    at_six(office, "door", "gate", "lamp")
    wait_for(lambda: office.sender.turn() == 0 and office.results() != [], "the first call is over")
    assert states(office, "door", "gate", "lamp") == {"queued"}
    assert len({office.next_try_ms(ident) for ident in ("door", "gate", "lamp")}) == 1
    assert office.next_try_ms("gate") > SIX
    office.play_until("door", "accepted")
    assert states(office, "gate", "lamp") == {"accepted"}
    assert [r.title for r in phones.received] == ["免打扰期间的 3 条通知"] * 3
    for ident in ("door", "gate", "lamp"):
        assert office.results(ident) == [(0, "later"), (0, "later"), (0, "accepted")]


def test_who_refuses_it_on_every_channel_has_refused_them_all(office: Office, phones: FakePhones) -> None:
    phones.answer = lambda path: (404, "{}")
    at_six(office, "door", "gate")
    office.play_until("door", "failed")
    assert office.state("gate") == "failed"
    assert [r.path for r in phones.received] == ["first", "second"], "and is not asked once more"


def test_what_is_withdrawn_between_two_tries_is_not_in_the_second(office: Office, phones: FakePhones) -> None:
    phones.answer = lambda path: (503, "{}") if len(phones.received) < 2 else (200, "{}")
    at_six(office, "door", "gate", "gone")
    wait_for(lambda: office.sender.turn() == 0 and office.results() != [], "the first call is over")
    office.withdraw("gone")
    office.play_until("door", "accepted")
    assert [r.title for r in phones.received] == ["免打扰期间的 3 条通知", "免打扰期间的 2 条通知"]
    assert office.state("gone") == "withdrawn"


def test_the_most_severe_stands_first(office: Office, phones: FakePhones) -> None:
    office.put("a", waits_until_ms=SIX, severity="low")
    office.put("b", waits_until_ms=SIX, severity="high")
    at_six(office, "c")
    wait_for(lambda: states(office, "a", "b", "c") == {"accepted"}, "all are accepted")
    assert [line[:3] for line in phones.received[0].body.splitlines()[:3]] == ["· b", "· c", "· a"]


def over(office: Office, ident: str) -> list[tuple[str, str]]:
    """Its door is shut: what becomes of its messages."""
    alarm = StandingAlarm(f"alarm of {ident}", "rule", ident, Condition.LEFT_OPEN, T0, None)
    with office.db.write() as tx:
        write(tx, Written(changes=Changes(all_clear=[Over(alarm, SIX, SIX)])), "", "", SIX)
        rows = tx.execute(
            text("SELECT text_key, state FROM messages WHERE about = :about ORDER BY text_key"),
            {"about": alarm.id},
        ).all()
    return [(row.text_key, row.state) for row in rows]


def cut_off_in_a_call(office: Office) -> None:
    """As if the sender had been killed: nobody waited for the answer."""
    assert office.sender.turn() == 1, "one call about all"
    office.sender.stop()
    with office.db.write() as tx:
        tx.execute(text("UPDATE attempts SET ended_at_ms = NULL, result = NULL"))
        tx.execute(text("UPDATE messages SET state = 'queued', accepted_at_ms = NULL"))


@pytest.mark.parametrize("shut", ["door", "gate"])
def test_whoever_may_have_been_told_in_a_digest_hears_that_it_is_over(office: Office, shut: str) -> None:
    at_six(office, "door", "gate")
    cut_off_in_a_call(office)
    assert over(office, shut) == [("all_clear", "queued"), ("tell", "withdrawn")]


def test_twice_is_the_most_for_each_in_a_digest_where_nobody_can_say(
    office: Office, phones: FakePhones
) -> None:
    def nobody_can_say(path: str) -> tuple[int, str]:
        if len(phones.received) == 2:
            office.withdraw("door")
        return (502, "{}") if path == "first" else (200, "{}")

    phones.answer = nobody_can_say
    at_six(office, "door", "gate")
    office.play_until("gate", "accepted")
    assert len([r for r in phones.of("first") if "gate" in r.title + r.body]) == 2


@pytest.mark.parametrize("severity", ["high", "low"], ids=["the-first", "the-last"])
def test_a_message_that_cannot_be_worded_fails_alone_in_a_digest_too(
    office: Office, phones: FakePhones, severity: str
) -> None:
    office.put("odd", severity=severity, waits_until_ms=SIX, facts={})
    at_six(office, "door", "gate")
    wait_for(lambda: office.state("odd") == "failed", "the odd one fails")
    wait_for(lambda: "queued" not in states(office, "door", "gate"), "the others do not wait for ever")
    assert states(office, "door", "gate") == {"accepted"}
    assert [r.title for r in phones.received] == ["免打扰期间的 2 条通知"]


def _kill_workers() -> None:
    for child in multiprocessing.active_children():
        child.kill()
