"""Acceptance 16: a door that flaps twenty times a minute is one alarm with a counter, and few words."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from gateway.road import Mark, Road
from gateway.store import tables as t
from gateway.store.database import open_database
from gateway.web import queries
from gateway.web.scope import Scope
from rules.duration import MINUTE_MS
from tests.unit.gateway.test_road import T0, district, event, rows

EVERY_MS = 10 * MINUTE_MS
RULES = """\
rules:
  - name: chattering
    title: {zh: 门磁抖动, en: Contact chattering}
    why: The magnet is loose or the leaf does not latch.
    when: chattering
    openings: 10
    openings_within: 1m
    steps:
      - {after: 0s, tell: installer, repeat: {every: 10m, at_most: 5}}
    clear_after: 10m
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: A swinging door must not tell the worker ten times.
    when: left_open
    steps:
      - {after: 1s, tell: grid_worker}
    clear_after: 30s
"""


def test_a_flapping_door_is_one_alarm_with_a_counter_and_a_message_an_interval(tmp_path: Path) -> None:
    db, here = open_database(tmp_path / "doorward.db"), district(RULES)
    road = Road.open(db, here, T0)
    road.take([Mark("listening")], now_ms=T0)
    at = T0
    for number in range(35 * 20):  # 35 minutes, each opening 1.5 s of its 3 s
        for half, contact in enumerate(("open", "closed")):
            at = T0 + number * 3_000 + half * 1_500
            road.take([event(at, 2 * number + half, contact)], now_ms=at)
    alarms = {alarm.rule: alarm for alarm in rows(db, t.alarms)}
    assert len(rows(db, t.alarms)) == 2, "one for each of the two rules, however often it flaps"
    told = [m for m in rows(db, t.messages) if m.text_key == "tell"]
    assert [m.person for m in told].count("worker") == 1
    installer = [m.queued_at_ms for m in told if m.person == "installer"]
    assert [b - a for a, b in pairwise(installer)] == [EVERY_MS] * 3
    opened = alarms["left-open"].since_ms
    with db.read() as tx:
        scope = Scope(here.registry, here.registry.people["maintainer"])
        assert queries.openings(tx, scope, "door-00000", opened) == 700
    assert all(alarm.cleared_at_ms is None for alarm in alarms.values()), (
        "and it stands until it has been calm"
    )
    db.close()
