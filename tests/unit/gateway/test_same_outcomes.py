"""Must hold 6: live, restarted, told as a story, replayed from the journal or from a file:
the same day has the same outcomes, to the millisecond."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import gateway.road
from gateway.history.replay import replay
from gateway.intake.dialects.answer import Report
from gateway.road import Mark, Road, rebuild
from gateway.store.database import open_database
from gateway.store.resuming import setup_hash
from rules.engine import Engine
from rules.outcome import AlarmCleared, AlarmMissed, Outcome, StepDue
from rules.reading import Contact
from rules.rule import Watch
from rules.story import HEARTBEAT_MS, Moment, parse_story, play
from tests.sensors import report
from tests.unit.gateway.test_road import district

ZONE = ZoneInfo("Asia/Shanghai")
START = "Mon 21:30"
START_MS = round(datetime(2024, 1, 1, 21, 30, tzinfo=ZONE).timestamp() * 1000)
RULES = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: Its night begins while the story runs.
    when: left_open
    during: {from: "22:00", to: "06:00"}
    steps:
      - {after: 2m, tell: residents}
      - {after: 7m, tell: grid_worker}
      - {after: 40m, tell: grid_leader}
    clear_after: 30s
"""

moves = st.lists(
    st.tuples(st.integers(1, 60) | st.integers(1, 1_500), st.sampled_from(["open", "close", "hello"])),
    max_size=20,
)


class Recorded(Engine):
    """An engine that remembers what it answered."""

    said: list[Outcome]
    aloud = True

    def _keep(self, outcomes: list[Outcome]) -> list[Outcome]:
        if Recorded.aloud:
            Recorded.said += outcomes
        return outcomes

    def on_readings(self, arrivals: Iterable[object]) -> list[Outcome]:
        return self._keep(super().on_readings(arrivals))  # type: ignore[arg-type]  # handed on as it came

    def on_time(self, now_ms: int) -> list[Outcome]:
        return self._keep(super().on_time(now_ms))

    def on_listening(self, at_ms: int) -> list[Outcome]:
        before = len(Recorded.said)
        whole = super().on_listening(at_ms)
        del Recorded.said[before:]  # it asks ``on_time`` itself and hands on what that said
        return self._keep(whole)


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.road, "Engine", Recorded)


@settings(max_examples=40, deadline=None)
@given(script=moves)
def test_five_ways_to_hear_of_a_day_end_in_the_same_outcomes(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, str]]
) -> None:
    at, lines = 0, []
    for after_s, what in script:
        at += after_s
        lines.append(f"+{at // 60:02d}:{at % 60:02d} {what}")
    end = at + 3_600
    lines.append(f"+{end // 60:02d}:{end % 60:02d} end")

    as_story = _story(lines)
    spoken = _spoken(script, end * 1000)
    live, from_journal = _live(tmp_path_factory.mktemp("live"), spoken, end * 1000, restarts=False)
    restarted, _ = _live(tmp_path_factory.mktemp("restarted"), spoken, end * 1000, restarts=True)
    from_file = _file(spoken, end * 1000)

    assert live == as_story
    assert restarted == as_story
    assert from_journal == as_story
    raised_and_cleared = [m for m in as_story if m.what in ("tell residents", "cleared")]
    assert from_file == raised_and_cleared


def _story(lines: list[str]) -> list[Moment]:
    here = district(RULES, doors=1)
    (rule,) = here.setup.rules.rules
    return play(rule, parse_story("any", START, lines, [], Watch(), rule.watch), ZONE)


def _spoken(script: list[tuple[int, str]], end: int) -> list[tuple[int, Contact]]:
    """All that the device says: its heartbeat and its movements, in order."""
    said: list[tuple[int, Contact]] = []
    at, beat = 0, 0
    contact: Contact = "closed"
    for after_s, what in [*script, (0, "end")]:
        at = at + after_s * 1000 if what != "end" else end
        while beat < at:
            said.append((START_MS + beat, contact))
            beat += HEARTBEAT_MS
        if what != "end":
            contact = {"open": "open", "close": "closed", "hello": contact}[what]  # type: ignore[assignment]  # of three texts
            said.append((START_MS + at, contact))
    return said


def _live(
    path: Path, spoken: list[tuple[int, Contact]], end: int, *, restarts: bool
) -> tuple[list[Moment], list[Moment]]:
    """The road itself, and what a replay of its journal says."""
    Recorded.said = []
    here = district(RULES, doors=1)
    db = open_database(path / "doorward.db")
    road = Road.open(db, here, START_MS)
    road.take([Mark("listening")], now_ms=START_MS)
    for seq, (at, contact) in enumerate(spoken):
        _pass(road, at)
        event = Report("door/b-00000/1/event", report("b-00000", seq, contact), False, at)
        road.take([event], now_ms=at)
        if restarts:
            if seq % 2:
                road.checkpoint(at)
            Recorded.aloud = False  # what a rebuild says again, nobody hears
            road = Road.open(db, here, at)
            Recorded.aloud = True
            road.take([Mark("listening")], now_ms=at)
    _pass(road, START_MS + end)
    live = _told(Recorded.said)
    Recorded.said = []
    with db.write() as tx:
        tx.execute(text("DELETE FROM checkpoints"))
        rebuild(tx, here.setup, setup_hash(here.setup))
    replayed = _told(Recorded.said)
    db.close()
    return live, replayed


def _pass(road: Road, until: int) -> None:
    """Time passes; the gateway wakes at each of its deadlines."""
    while (due := road.next_deadline_ms()) is not None and due <= until:
        road.take([], now_ms=due)
    road.take([], now_ms=until)


def _file(spoken: list[tuple[int, Contact]], end: int) -> list[Moment]:
    here = district(RULES, doors=1)
    readings = [(at, "door-00000", contact) for at, contact in spoken]
    found = []
    for alarm in replay(here.setup.rules, here.setup.entrances, ZONE, readings, START_MS + end):
        found.append(Moment(alarm.raised_at_ms - START_MS, "tell residents"))
        if alarm.cleared_at_ms is not None:
            found.append(Moment(alarm.cleared_at_ms - START_MS, "cleared"))
    return sorted(found)


def _told(outcomes: list[Outcome]) -> list[Moment]:
    found = []
    for outcome in outcomes:
        after = outcome.at_ms - START_MS
        match outcome:
            case StepDue(tell=role):
                found.append(Moment(after, f"tell {role}"))
            case AlarmCleared():
                found.append(Moment(after, "cleared"))
            case AlarmMissed():
                found.append(Moment(after, "missed"))
    return found
