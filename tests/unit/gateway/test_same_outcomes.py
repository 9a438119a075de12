"""Must hold 6: live, restarted, with its rules read again, told as a story, asked what if, replayed
from the journal or from a file: the same day has the same outcomes, to the millisecond."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import gateway.road
import gateway.tuning.whatif
from gateway.history import past
from gateway.history.replay import replay
from gateway.intake.dialects.answer import Report
from gateway.road import Mark, Road, rebuild
from gateway.store.database import Database, open_database
from gateway.store.resuming import setup_hash
from gateway.store.rule_versions import Activation
from rules.engine import Engine, Setup
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
OTHERS = {
    "later-steps": RULES.replace("2m", "12m").replace("7m", "17m").replace("40m", "50m"),
    "a-shorter-night": RULES.replace("22:00", "23:00").replace("06:00", "05:00"),
    "another-title": RULES.replace("Unit door left open", "Door left open"),
    "a-rule-for-gates-too": RULES
    + RULES.partition("rules:\n")[2]
    .replace("left-open", "gate")
    .replace("when:", "watch: {kind: gate}\n    when:"),
}
"""Rules under which nothing is due that is not due under ours."""

moves = st.lists(
    st.tuples(st.integers(1, 60) | st.integers(1, 1_500), st.sampled_from(["open", "close", "hello"])),
    max_size=20,
)
reloads = st.lists(
    st.tuples(st.sampled_from([0, 500, 1_000]), st.sampled_from(["", "", "same", *OTHERS])),
    min_size=1,
    max_size=9,
)
"""Before each word of the device: how far on the way to it (‰), and by which rules we go for a moment."""
Reloads = list[tuple[int, str]]


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

    def change(self, setup: Setup, at_ms: int) -> list[Outcome]:
        before = len(Recorded.said)
        whole = super().change(setup, at_ms)
        del Recorded.said[before:]
        return self._keep(whole)


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (gateway.road, gateway.tuning.whatif):
        monkeypatch.setattr(module, "Engine", Recorded)


@settings(max_examples=25, deadline=None)
@given(script=moves, reloads=reloads)
def test_every_way_to_hear_of_a_day_ends_in_the_same_outcomes(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, str]], reloads: Reloads
) -> None:
    at, lines = 0, []
    for after_s, what in script:
        at += after_s
        lines.append(f"+{at // 60:02d}:{at % 60:02d} {what}")
    end = at + 3_600
    lines.append(f"+{end // 60:02d}:{end % 60:02d} end")

    as_story = _story(lines)
    spoken = _spoken(script, end * 1000)
    lives: dict[str, dict[str, Any]] = {
        "live": {},
        "restarted": {"restarts": True},
        "rules-read-again": {"reloads": reloads},
    }
    for life, how in lives.items():
        for way, told in _live(tmp_path_factory.mktemp(life), spoken, end * 1000, **how).items():
            assert told == as_story, f"{life}, {way}"

    raised_and_cleared = [m for m in as_story if m.what in ("tell residents", "cleared")]
    assert _file(spoken, end * 1000) == raised_and_cleared


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
    path: Path,
    spoken: list[tuple[int, Contact]],
    end: int,
    *,
    restarts: bool = False,
    reloads: Reloads | None = None,
) -> dict[str, list[Moment]]:
    """What the road itself says, a replay of its journal, and a what-if of the same rules."""
    Recorded.said = []
    here = district(RULES, doors=1)
    db = open_database(path / "doorward.db")
    road = Road.open(db, here, START_MS)
    road.take([Mark("listening")], now_ms=START_MS)
    before = START_MS
    for (seq, (at, contact)), (thousandth, rules) in zip(
        enumerate(spoken), cycle(reloads or [(0, "")]), strict=False
    ):
        _reload(road, before + (at - before) * thousandth // 1_000, rules)
        _pass(road, at)
        event = Report("door/b-00000/1/event", report("b-00000", seq, contact), False, at)
        road.take([event], now_ms=at)
        before = at
        if restarts:
            if seq % 2:
                road.checkpoint(at)
            Recorded.aloud = False  # what a rebuild says again, nobody hears
            road = Road.open(db, here, at)
            Recorded.aloud = True
            road.take([Mark("listening")], now_ms=at)
    _pass(road, START_MS + end)
    found = {"itself": _told(Recorded.said)}
    found |= {"replayed": _replayed(db, here.setup), "what-if": _what_if(db, START_MS + end)}
    db.close()
    return found


def _reload(road: Road, at: int, rules: str) -> None:
    """The same rules once more, or others and at the same moment ours again."""
    if not rules:
        return
    _pass(road, at)
    ours = road.engine.setup
    if rules in OTHERS:
        road.change(district(OTHERS[rules], doors=1).setup, at, Activation([], "test", "reload"))
    road.change(ours, at, Activation([], "test", "reload"))


def _replayed(db: Database, setup: Setup) -> list[Moment]:
    Recorded.said = []
    with db.write() as tx:
        tx.execute(text("DELETE FROM checkpoints"))
        rebuild(tx, setup, setup_hash(setup))
    return _told(Recorded.said)


def _what_if(db: Database, until_ms: int) -> list[Moment]:
    Recorded.said = []
    here = district(RULES, doors=1)
    whole = past.Recorded(db, START_MS, until_ms, here.setup.entrances)
    gateway.tuning.whatif.play(whole, here.setup, here.registry, here.reachable)
    return _told(Recorded.said)


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
