"""A mute on the road: from a press of a button to the journal, the engine and the table, and back.

The door is opened at 0; residents are told after 2 s, the worker after 4 s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.cases.act import Act, Where
from gateway.road import Mark, Road, rebuild
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.inbox import put_into_inbox
from gateway.store.resuming import setup_hash
from rules.duration import HOUR_MS, MINUTE_MS
from rules.engine import Engine
from rules.mute import Mute
from rules.rule import Watch
from tests.small_district import GRID
from tests.unit.gateway.test_road import T0, district, event, opened, rows

DOOR = Where(entrance=("door-00000",))


def press(db: Database, road: Road, at: int, *acts: Act) -> list[str]:
    """What each is answered."""
    with db.write() as tx:
        pressed = [put_into_inbox(tx, act, at) for act in acts]
    road.take([], now_ms=at)
    answers = {row.id: row.answer for row in rows(db, t.inbox)}
    return [answers[item] for item in pressed]


def a_mute(
    until: int, where: Where = DOOR, person: str = "maintainer", note: str = "搬家", **more: Any
) -> Act:
    return Act(do="mute", person=person, where=where, until_ms=T0 + until, note=note, **more)


def the_mute(db: Database) -> Any:
    (row,) = rows(db, t.mutes)
    return row


def told(db: Database) -> list[tuple[str, int]]:
    found = [(m.person.partition(":")[0], m.queued_at_ms - T0) for m in rows(db, t.messages)]
    return sorted(found, key=lambda one: (one[1], one[0]))


def test_a_mute_stands_in_the_journal_and_in_its_table(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    where = Where(kind=("unit_door",), within=(GRID,), tags=())
    assert press(db, road, T0 + 7, a_mute(HOUR_MS, where)) == ["done"]
    (mute,) = road.engine.mutes()
    assert mute == Mute(
        mute.id,
        Watch(kinds=frozenset({"unit_door"}), within=frozenset({GRID})),
        T0 + 7,
        T0 + HOUR_MS,
    )
    (line,) = [row for row in rows(db, t.journal) if row.kind == "mute"]
    assert (line.at_ms, line.position, line.entrance) == (T0 + 7, road.position, None)
    assert Mute.resume(json.loads(line.device)) == mute
    row = the_mute(db)
    assert (row.id, row.scope) == (mute.id, {"kind": ["unit_door"], "within": [GRID]})
    assert (row.from_ms, row.until_ms, row.at_ms) == (T0 + 7, T0 + HOUR_MS, T0 + 7)
    assert (row.why, row.who, row.ended_by, row.ended_at_ms) == ("搬家", "maintainer", None, None)


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        pytest.param(a_mute(HOUR_MS, note=" "), "reason_needed", id="without-a-reason"),
        pytest.param(a_mute(0), "not_understood", id="without-an-end"),
        pytest.param(a_mute(HOUR_MS, Where()), "not_understood", id="of-everything"),
        pytest.param(a_mute(HOUR_MS, person="worker"), "not_found", id="by-somebody-who-may-not"),
        pytest.param(a_mute(HOUR_MS, Where(entrance=("no-door",))), "not_found", id="of-nothing"),
        pytest.param(Act(do="unmute", person="maintainer", mute="nothing"), "not_found", id="no-mute-to-end"),
    ],
)
def test_what_is_refused_leaves_no_mute(tmp_path: Path, act: Act, answer: str) -> None:
    db, road = opened(tmp_path)
    assert press(db, road, T0 + 7, act) == [answer]
    assert road.engine.mutes() == [] and rows(db, t.mutes) == []
    assert [row for row in rows(db, t.journal) if row.kind == "mute"] == []


def test_an_act_that_nobody_understands_is_answered_and_stops_nobody(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    hostile: list[dict[str, Any]] = [
        {"do": "mute", "person": "maintainer", "where": {"door": ["x"]}, "note": "x", "until_ms": T0 + 9},
        {"do": "mute", "person": "maintainer", "where": {"entrance": "door-00000"}, "until_ms": "soon"},
        {"do": "mute", "person": "maintainer", "where": {"kind": ["window"]}, "until_ms": T0 + 9},
        {"do": "mute", "person": "maintainer", "note": "x" * 501},
        {"do": "silence", "person": "maintainer"},
        {},
    ]
    with db.write() as tx:
        for act in hostile:
            tx.execute(t.inbox.insert().values(at_ms=T0, act=act))
    assert press(db, road, T0 + 7, a_mute(HOUR_MS)) == ["done"]
    assert [row.answer for row in rows(db, t.inbox)] == ["not_understood"] * len(hostile) + ["done"]


def test_a_mute_holds_words_back_and_what_is_due_comes_when_it_ends(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(30_000))
    road.take([event(T0, 0, "open"), event(T0, 0, "open", 1)], now_ms=T0)
    road.take([], now_ms=T0 + 10_000)
    assert {(m.entrance) for m in rows(db, t.messages)} == {"door-00001"}, "the other door is not muted"
    alarms = {row.entrance: row for row in rows(db, t.alarms)}
    assert alarms["door-00000"].raised_at_ms == alarms["door-00001"].raised_at_ms == T0 + 2_000
    assert alarms["door-00000"].muted_until_ms == T0 + 30_000 and not alarms["door-00001"].muted_until_ms
    assert len(rows(db, t.cases)) == 1, "and no case is filed"
    road.take([], now_ms=T0 + 30_000)
    late = [m for m in rows(db, t.messages) if m.entrance == "door-00000"]
    assert sorted((m.text_key, m.queued_at_ms - T0) for m in late) == [("remind", 30_000), ("tell", 30_000)]


def test_a_mute_and_its_early_end_are_one_row(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(HOUR_MS))
    road.take([event(T0, 0, "open")], now_ms=T0)
    road.take([], now_ms=T0 + 5_000)
    assert told(db) == []
    end = Act(do="unmute", person="leader", mute=the_mute(db).id)
    assert press(db, road, T0 + 6_000, end, end) == ["done", "not_found"]
    row = the_mute(db)
    assert (row.from_ms, row.until_ms) == (T0, T0 + 6_000)
    assert (row.who, row.why, row.at_ms) == ("maintainer", "搬家", T0), "who began it and why stays"
    assert (row.ended_by, row.ended_at_ms) == ("leader", T0 + 6_000)
    assert told(db) == [("residents", 6_000), ("worker", 6_000)], "what is due comes at once"


def test_a_mute_in_the_same_batch_as_the_opening_comes_after_it(tmp_path: Path) -> None:
    """Reports first, then what people asked for: a telling that is due before the mute is not taken back."""
    db, road = opened(tmp_path)
    road.take([event(T0, 0, "open")], now_ms=T0)
    press(db, road, T0 + 3_000, a_mute(HOUR_MS))
    road.take([], now_ms=T0 + 10_000)
    assert told(db) == [("residents", 3_000 - 1_000)]


# -- restarts ----------------------------------------------------------------------------------

KEPT = [True, False]


def again(
    path: Path, road: Road, db: Database, kept: bool, away_at: int, back_at: int
) -> tuple[Database, Road]:
    if kept:
        road.checkpoint(T0 + away_at)
    db.close()
    db = open_database(path / "doorward.db")
    road = Road.open(db, district(), T0 + back_at)
    road.take([Mark("listening")], now_ms=T0 + back_at)
    return db, road


@pytest.mark.parametrize("kept", KEPT, ids=["with-a-checkpoint", "without"])
def test_a_mute_survives_a_restart(tmp_path: Path, kept: bool) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(30_000))
    before = road.engine.mutes()
    road.take([event(T0 + 1_000, 0, "open")], now_ms=T0 + 1_000)
    db, road = again(tmp_path, road, db, kept, 5_000, 20_000)
    assert road.engine.mutes() == before != []
    road.take([], now_ms=T0 + 29_999)
    assert told(db) == []
    road.take([], now_ms=T0 + 30_000)
    assert told(db) == [("residents", 30_000), ("worker", 30_000)]


@pytest.mark.parametrize("kept", KEPT, ids=["with-a-checkpoint", "without"])
def test_a_mute_that_ends_while_the_gateway_is_away_holds_nothing_back_afterwards(
    tmp_path: Path, kept: bool
) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(10_000))
    road.take([event(T0 + 1_000, 0, "open")], now_ms=T0 + 1_000)
    db, road = again(tmp_path, road, db, kept, 5_000, 20_000)
    assert told(db) == [("residents", 20_000), ("worker", 20_000)]


@pytest.mark.parametrize("kept", KEPT, ids=["with-a-checkpoint", "without"])
def test_a_mute_that_was_ended_stays_ended(tmp_path: Path, kept: bool) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(HOUR_MS))
    press(db, road, T0 + 1_000, Act(do="unmute", person="maintainer", mute=the_mute(db).id))
    db, road = again(tmp_path, road, db, kept, 2_000, 3_000)
    road.take([event(T0 + 4_000, 0, "open")], now_ms=T0 + 4_000)
    road.take([], now_ms=T0 + 20_000)
    assert told(db) == [("residents", 6_000), ("worker", 8_000)]


@pytest.mark.parametrize("kept", KEPT, ids=["with-a-checkpoint", "without"])
def test_a_mute_can_be_ended_after_a_restart(tmp_path: Path, kept: bool) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(HOUR_MS))
    db, road = again(tmp_path, road, db, kept, 2_000, 3_000)
    end = Act(do="unmute", person="maintainer", mute=the_mute(db).id)
    assert press(db, road, T0 + 4_000, end) == ["done"]
    assert the_mute(db).ended_at_ms == T0 + 4_000


def test_a_mute_that_is_not_committed_is_no_mute(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    with db.write() as tx:
        put_into_inbox(tx, a_mute(HOUR_MS), T0)
        tx.execute(text("UPDATE road SET position = position + 1"))
    with pytest.raises(Exception, match="not at position"):
        road.take([], now_ms=T0 + 1)
    assert rows(db, t.mutes) == []
    with db.write() as tx:
        tx.execute(text("UPDATE road SET position = position - 1"))
    road = Road.open(db, district(), T0 + 2)
    road.take([], now_ms=T0 + 3)
    assert [row.answer for row in rows(db, t.inbox)] == ["done"], "it waits in the inbox until it is done"
    assert [mute.id for mute in road.engine.mutes()] == [the_mute(db).id]


moves = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["open", "closed"]),
        st.integers(0, 20_000),
        st.sampled_from(["", "tick", "mute", "mute", "later", "unmute", "checkpoint", "deaf", "listening"]),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(script=moves)
def test_live_restart_and_replay_end_with_the_same_mutes_and_alarms(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, str, int, str]]
) -> None:
    db, road = opened(tmp_path_factory.mktemp("road"))
    at, here = T0, district()
    for seq, (door, contact, after, what) in enumerate(script):
        at += after
        where = Where(entrance=(f"door-{door:05d}",))
        if what == "tick":
            road.take([], now_ms=at)
        elif what in ("mute", "later"):
            begin = at + 5_000 if what == "later" else 0
            until = at - T0 + 30_000
            press(db, road, at, a_mute(until, where, note=f"{seq}", from_ms=begin))
        elif what == "unmute":
            for mute in road.engine.mutes()[:1]:
                press(db, road, at, Act(do="unmute", person="maintainer", mute=mute.id))
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
    live = _state(road.engine)
    db.close()
    assert _state(rebuilt) == live
    assert _state(replayed) == live


def _state(engine: Engine) -> Any:
    """All but the moment of the last look, which leaves no trace in the journal."""
    return {key: value for key, value in json.loads(json.dumps(engine.snapshot())).items() if key != "at"}


def test_a_button_that_is_pressed_twice_ends_no_mute(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    assert press(db, road, T0, a_mute(HOUR_MS), a_mute(HOUR_MS)) == ["done", "done"]
    row = the_mute(db)
    assert road.engine.muted_until_ms("door-00000", T0) == row.until_ms == T0 + HOUR_MS
    assert (row.ended_by, row.ended_at_ms) == (None, None)


def test_a_mute_that_is_ended_before_it_began_ends_in_no_past(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    press(db, road, T0, a_mute(2 * HOUR_MS, from_ms=T0 + HOUR_MS))
    press(db, road, T0 + 1_000, Act(do="unmute", person="maintainer", mute=the_mute(db).id))
    row = the_mute(db)
    assert row.from_ms <= row.until_ms == T0 + 1_000


@pytest.mark.parametrize(
    "act", [a_mute(HOUR_MS), Act(do="login", person="worker")], ids=["a-mute", "a-log-in"]
)
def test_what_is_pressed_while_the_gateway_is_away_is_done_when_it_is_back(tmp_path: Path, act: Act) -> None:
    db, road = opened(tmp_path)
    db.close()
    db = open_database(tmp_path / "doorward.db")
    pressed, back = T0 + 15 * MINUTE_MS, T0 + 16 * MINUTE_MS
    with db.write() as tx:
        put_into_inbox(tx, act, pressed)
    road = Road.open(db, district(), back)
    road.take([Mark("listening")], now_ms=back)
    assert [row.answer for row in rows(db, t.inbox)] == ["done"]
    assert [row.from_ms for row in rows(db, t.mutes) if row.from_ms < pressed] == []
    assert [m for m in rows(db, t.messages) if m.expires_at_ms < back] == [], "or the link is never sent"


@pytest.mark.parametrize("forgotten", [False, True], ids=["at-once", "when-it-is-forgotten"])
def test_a_mute_that_was_ended_before_it_began_may_be_asked_for_again(
    tmp_path: Path, forgotten: bool
) -> None:
    db, road = opened(tmp_path)
    act = a_mute(2 * HOUR_MS, from_ms=T0 + HOUR_MS)
    press(db, road, T0, act)
    press(db, road, T0 + 1_000, Act(do="unmute", person="maintainer", mute=the_mute(db).id))
    if forgotten:
        press(db, road, T0 + 2_000, a_mute(HOUR_MS, Where(entrance=("door-00001",))))
    assert press(db, road, T0 + 3_000, act) == ["done"]
    until = T0 + 2 * HOUR_MS
    road.take([], now_ms=T0 + HOUR_MS)
    assert road.engine.muted_until_ms("door-00000", T0 + HOUR_MS) == until
    (row,) = [row for row in rows(db, t.mutes) if row.until_ms == until]
    assert (row.from_ms, row.ended_by, row.ended_at_ms) == (T0 + HOUR_MS, None, None)
