"""The road on a real SQLite file: what is committed, what a restart gives back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

import gateway.road
from gateway.cases.act import Act
from gateway.errors import StoreError
from gateway.intake.dialects.answer import Report
from gateway.road import District, Mark, Road, rebuild
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.inbox import put_into_inbox
from gateway.store.resuming import setup_hash
from rules.engine import Setup
from rules.load import load_texts
from tests.sensors import report
from tests.small_district import RULE, registry

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_790_000_000_000


def district(rules: str = RULE, doors: int = 3) -> District:
    loaded, faults = load_texts([("rules.yaml", rules)])
    assert loaded, faults
    places = registry(doors)
    return District(places, Setup(loaded.rules, places.for_rules(T0), ZONE), lambda who: True)


def opened(path: Path, rules: str = RULE, now: int = T0) -> tuple[Database, Road]:
    db = open_database(path / "doorward.db")
    road = Road.open(db, district(rules), now)
    road.take([Mark("listening")], now_ms=now)
    return db, road


def event(at: int, seq: int, contact: str, door: int = 0, *, retained: bool = False, **more: Any) -> Report:
    box = f"b-{door:05d}"
    topic = f"door/{box}/1/{'state' if retained else 'event'}"
    return Report(topic, report(box, seq, contact, **more), retained, at)


def rows(db: Database, table: Any) -> list[Any]:
    with db.read() as tx:
        return list(tx.execute(select(table)))


def count(db: Database, table: Any) -> int:
    with db.read() as tx:
        return tx.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_open_door_becomes_one_alarm_one_case_two_messages(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0 + 10, 0, "open")], now_ms=T0 + 10)
    road.take([], now_ms=T0 + 2_010)
    road.take([], now_ms=T0 + 4_010)
    (alarm,) = rows(db, t.alarms)
    (case,) = rows(db, t.cases)
    assert (alarm.since_ms, alarm.raised_at_ms, alarm.case_id) == (T0 + 10, T0 + 2_010, case.id)
    assert (case.state, case.owner, case.filed_at_ms) == ("filed", "worker", T0 + 4_010)
    assert [(m.person, m.text_key) for m in rows(db, t.messages)] == [
        ("residents:西湖社区/北家属院/0号楼/1单元", "remind"),
        ("worker", "tell"),
    ]


def test_a_button_is_an_event_on_the_same_road(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + 5_000)
    (case,) = rows(db, t.cases)
    with db.write() as tx:
        put_into_inbox(tx, Act(do="take", person="worker", case=case.id), T0 + 6_000)
        put_into_inbox(tx, Act(do="take", person="second", case=case.id), T0 + 6_000)
        put_into_inbox(tx, Act(do="take", person="stranger", case=case.id), T0 + 6_000)
    road.take([], now_ms=T0 + 6_010)
    assert [row.answer for row in rows(db, t.inbox)] == ["done", "already_taken", "not_found"]
    (case,) = rows(db, t.cases)
    assert (case.state, case.taken_by) == ("taken", "worker")
    road.take([], now_ms=T0 + 70_000)
    assert not [m for m in rows(db, t.messages) if m.person == "leader"]


def test_it_closes_and_only_those_who_were_told_hear_it(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + 5_000)
    with db.write() as tx:  # the worker's message arrived; the residents' is still waiting
        tx.execute(text("UPDATE messages SET state = 'accepted' WHERE person = 'worker'"))
    road.take([event(T0 + 9_000, 1, "closed")], now_ms=T0 + 9_000)
    road.take([], now_ms=T0 + 11_000)
    (case,) = rows(db, t.cases)
    assert (case.state, case.settled_how, case.settled_at_ms) == (
        "settled",
        "verified_by_sensor",
        T0 + 10_000,
    )
    (over,) = [m for m in rows(db, t.messages) if m.text_key == "all_clear"]
    assert over.facts["over_ms"] == T0 + 9_000, "when it was closed, not when that was sure"
    assert {(m.person.partition(":")[0], m.text_key, m.state) for m in rows(db, t.messages)} == {
        ("residents", "remind", "withdrawn"),
        ("worker", "tell", "accepted"),
        ("worker", "all_clear", "queued"),
    }


@pytest.mark.parametrize(
    ("away", "back", "raised", "late"),
    [
        pytest.param(2_000, 4_000, 300_000, False, id="back-before-it-is-due"),
        pytest.param(120_000, 240_000, 300_000, False, id="away-from-minute-two-to-four"),
        pytest.param(120_000, 540_000, 540_000, True, id="away-from-minute-two-to-nine"),
    ],
)
def test_a_restart_keeps_the_clock(tmp_path: Path, away: int, back: int, raised: int, late: bool) -> None:
    rules = RULE.replace("2s", "300s").replace("4s", "600s").replace("60s", "900s")
    db, road = opened(tmp_path, rules)
    road.take([event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + away)
    db.close()
    db, road = opened(tmp_path, rules, T0 + back)
    road.take([], now_ms=T0 + 560_000)
    (alarm,) = rows(db, t.alarms)
    assert (alarm.since_ms, alarm.due_ms) == (T0, T0 + 300_000)
    assert (alarm.raised_at_ms, alarm.late) == (T0 + raised, late)


def test_what_closed_while_nobody_listened_is_recorded_and_told_to_nobody(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open")], now_ms=T0)
    db.close()
    db = open_database(tmp_path / "doorward.db")
    road = Road.open(db, district(), T0 + 600_000)
    road.take([event(T0 + 600_000, 1, "closed"), Mark("listening")], now_ms=T0 + 600_000)
    (alarm,) = rows(db, t.alarms)
    assert (alarm.raised_at_ms, alarm.cleared_why) == (None, "missed")
    assert count(db, t.messages) == 0


def test_retained_states_raise_nothing_and_start_no_clock(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    for again in range(10):
        at = T0 + again * 60_000
        states = [event(at, 5, "open", door, retained=True) for door in range(3)]
        road.take([Mark("deaf"), *states, Mark("listening")], now_ms=at)
        road.take([], now_ms=at + 30_000)
    assert count(db, t.alarms) == 0
    assert [(row.contact, row.open_since_ms) for row in rows(db, t.states)] == [("open", 0)] * 3
    with db.read() as tx:
        stored = tx.execute(text("SELECT count(*) FROM journal WHERE kind = 'reading'")).scalar_one()
    assert stored == 3
    road.take([event(T0 + 900_000, 6, "open")], now_ms=T0 + 900_000)  # a live one confirms it
    road.take([], now_ms=T0 + 902_000)
    assert [row.since_ms for row in rows(db, t.alarms)] == [T0 + 900_000]


def test_a_report_that_comes_twice_is_stored_once(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open"), event(T0, 0, "open")], now_ms=T0)
    road.take([event(T0 + 1, 0, "open")], now_ms=T0 + 1)
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM journal WHERE boot = 1")).scalar_one() == 1


def test_reports_that_do_not_come_within_a_minute_are_a_gap_and_the_heartbeat_says_what_is_so(
    tmp_path: Path,
) -> None:
    """Acceptance 10; the clock is moved, and the gateway restarts while it waits."""
    db, road = opened(tmp_path)
    road.take([event(T0, 41, "closed"), event(T0, 41, "closed", 1)], now_ms=T0)
    road.take([event(T0 + 1_000, 44, "open"), event(T0 + 1_000, 44, "open", 1)], now_ms=T0 + 1_000)
    road.take([event(T0 + 2_000, seq, "closed", 1) for seq in (42, 43)], now_ms=T0 + 2_000)
    db.close()
    db, road = opened(tmp_path, now=T0 + 3_000)
    road.take([], now_ms=T0 + 60_999)
    assert count(db, t.gaps) == 0
    road.take([], now_ms=T0 + 61_000)
    (gap,) = rows(db, t.gaps)
    assert (gap.at_ms, gap.kind, gap.entrance) == (T0 + 61_000, "reports", "door-00000")
    assert (gap.facts["boot"], gap.facts["first"], gap.facts["last"], gap.facts["missing"]) == (1, 42, 43, 2)
    road.take([event(T0 + 70_000, 45, "closed", why="heartbeat")], now_ms=T0 + 70_000)
    assert [
        (row.contact, row.open_since_ms) for row in rows(db, t.states) if row.entrance == gap.entrance
    ] == [("closed", 0)]


HOSTILE = [
    b"",
    b"\xff\xfe",
    b"\x00" * 10,
    b"not json",
    b"[" * 1_000 + b"]" * 1_000,
    b'{"v":1,"id":"b-00000","ch":1,"boot":NaN,"seq":0,"why":"change","contact":"open"}',
    b'{"v":1,"id":"b-00000","ch":1,"boot":1e400,"seq":0,"why":"change","contact":"open"}',
    b'{"v":1,"id":"b-00000","ch":1,"boot":1,"seq":0,"why":"change","contact":true}',
    b'{"v":1,"id":"b-00001","ch":1,"boot":1,"seq":0,"why":"change","contact":"open"}',
    b"9" * 100_000,
    b'"' + b"a" * 1_048_576 + b'"',
    json.dumps(
        {"v": 1, "id": "b-00000", "ch": 1, "boot": -1, "seq": [], "why": {}, "contact": None}
    ).encode(),
]


def test_hostile_payloads_are_quarantined_and_stop_nobody(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    rng = random.Random(5)
    bad = [Report("door/b-00000/1/event", rng.choice(HOSTILE[1:]), False, T0) for _ in range(1_000)]
    good = [event(T0, seq, "open" if seq % 2 else "closed", 1) for seq in range(100)]
    mixed = list(bad)
    for place, one in zip(sorted(rng.sample(range(1_000), 100)), good, strict=True):
        mixed.insert(place, one)
    road.take(mixed, now_ms=T0)
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM journal WHERE kind = 'reading'")).scalar_one() == 100
    assert count(db, t.quarantine) == 1_000
    road.take([Report("door/b-00000/1/event", b"one more", False, T0)], now_ms=T0 + 1)
    assert count(db, t.quarantine) == 1_000, "only the newest are kept"


def test_an_unknown_device_is_no_error(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    stranger = Report("door/stranger/1/event", report("stranger", 0, "open"), False, T0)
    road.take([stranger, stranger], now_ms=T0)
    (device,) = rows(db, t.unknown_devices)
    assert (device.device, device.reports) == ("doorward:stranger#1", 2)


def test_a_commit_that_fails_changes_nothing_that_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, road = opened(tmp_path)
    before = count(db, t.journal)

    def broken(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.road, "write", broken)
        with pytest.raises(StoreError):
            road.take([event(T0, 0, "open")], now_ms=T0)
    assert count(db, t.journal) == before
    road = Road.open(db, district(), T0)
    road.take([Mark("listening"), event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + 2_000)
    assert count(db, t.alarms) == 1


def test_a_second_writer_is_noticed_and_writes_nothing(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    other = Road.open(db, district(), T0)
    other.take([event(T0, 0, "open")], now_ms=T0)
    with pytest.raises(StoreError, match="not at position"):
        road.take([event(T0, 0, "closed", 1)], now_ms=T0)


def test_a_rule_that_is_gone_ends_its_alarm(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + 5_000)
    Road.open(db, district(RULE.replace("name: left-open", "name: another")), T0 + 6_000)
    (case,) = rows(db, t.cases)
    assert (case.state, case.settled_how) == ("settled", "rule_removed")


moves = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["open", "closed"]),
        st.integers(0, 90_000),
        st.sampled_from(["", "", "", "tick", "deaf", "listening", "session_lost", "checkpoint"]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(script=moves)
def test_live_restart_and_replay_end_in_the_same_state(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, str, int, str]]
) -> None:
    """Must hold 6: the checkpoint with its tail, and the whole journal, give the live engine's state."""
    db, road = opened(tmp_path_factory.mktemp("road"))
    at, here = T0, district()
    for seq, (door, contact, after, what) in enumerate(script):
        at += after
        if what == "tick":
            road.take([], now_ms=at)
        elif what == "checkpoint":
            road.checkpoint(at)
        elif what:
            road.take([Mark(what)], now_ms=at)
        road.take([event(at, seq, contact, door)], now_ms=at)
    name = setup_hash(here.setup)
    with db.write() as tx:
        rebuilt, _ = rebuild(tx, here.setup, name)
        tx.execute(text("DELETE FROM checkpoints"))
        replayed, _ = rebuild(tx, here.setup, name)
    live = _state(road.engine.snapshot)
    db.close()
    assert _state(rebuilt.snapshot) == live
    assert _state(replayed.snapshot) == live


def _state(snapshot: Callable[[], dict[str, Any]]) -> Any:
    """All but the moment of the last look, which leaves no trace in the journal."""
    return {key: value for key, value in json.loads(json.dumps(snapshot())).items() if key != "at"}
