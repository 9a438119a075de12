"""``doorward replay``: a file of past readings through the rules."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from gateway.history.replay import read_readings, replay, utc
from gateway.shipped import shipped
from gateway.times import parse_time
from rules.load import load_texts
from rules.rule import Entrance, RuleSet

ZONE = ZoneInfo("Asia/Shanghai")
DOORS = {name: Entrance(name) for name in ("a", "b")}
FILE = """\
time,entrance,contact
2026-11-02T10:20:00,a,closed
2026-11-02T10:00:00,a,open
not a time,a,open
2026-11-02T23:00:00+08:00,b,open
2026-11-02T23:10:00+08:00,nowhere,open
2026-11-02T23:20:00+08:00,nowhere,closed
2026-11-02T23:30:00+08:00,a,ajar
2026-11-02T23:40:00+08:00,a
2026-11-02T15:45:00Z,a,closed
"""


def _rules() -> RuleSet:
    loaded, faults = load_texts(shipped())
    assert loaded, faults
    return loaded.rules


def test_bad_rows_are_named_and_the_good_ones_are_played() -> None:
    readings, faults = read_readings(FILE.splitlines(), "doors.csv", ZONE, DOORS)
    assert [fault.where for fault in faults] == [f"doors.csv:{line}" for line in (4, 6, 8, 9)]
    assert [(utc(at), name, contact) for at, name, contact in readings] == [
        ("2026-11-02T02:00:00Z", "a", "open"),
        ("2026-11-02T02:20:00Z", "a", "closed"),
        ("2026-11-02T15:00:00Z", "b", "open"),
        ("2026-11-02T15:45:00Z", "a", "closed"),
    ]


def test_one_line_for_each_alarm_and_null_while_it_stands() -> None:
    readings, _ = read_readings(FILE.splitlines(), "doors.csv", ZONE, DOORS)
    assert [alarm.line() for alarm in replay(_rules(), DOORS, ZONE, readings)] == [
        {
            "rule": "unit-door-left-open-by-day",
            "entrance": "a",
            "verdict": "left_open",
            "since": "2026-11-02T02:00:00Z",
            "raised_at": "2026-11-02T02:05:00Z",
            "cleared_at": "2026-11-02T02:20:30Z",
        },
        {
            "rule": "unit-door-left-open-at-night",
            "entrance": "b",
            "verdict": "left_open",
            "since": "2026-11-02T15:00:00Z",
            "raised_at": "2026-11-02T15:03:00Z",
            "cleared_at": None,
        },
    ]


def test_until_plays_less_or_more() -> None:
    readings, _ = read_readings(FILE.splitlines(), "doors.csv", ZONE, DOORS)
    rules = _rules()
    assert replay(rules, DOORS, ZONE, readings, parse_time("2026-11-02T10:04:59", ZONE)) == []
    longer = replay(rules, DOORS, ZONE, readings, parse_time("2026-11-04T00:00:00", ZONE))
    assert {alarm.entrance for alarm in longer} == {"a", "b"}


def test_a_wrong_header_is_one_fault() -> None:
    readings, (fault,) = read_readings(["when,door"], "doors.csv", ZONE, DOORS)
    assert readings == []
    assert str(fault) == "doors.csv:1: the header is when,door. Write: time,entrance,contact"


def test_nothing_in_nothing_out() -> None:
    assert replay(_rules(), DOORS, ZONE, []) == []
