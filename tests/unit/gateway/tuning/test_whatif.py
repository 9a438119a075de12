"""What other rules would have done: the past once more, counted night by night.

The law above all: what a replay says of the rules in force is what the gateway wrote when
it lived through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.history.past import FromFile, read_file
from gateway.tuning.whatif import (
    Came,
    Comparison,
    Done,
    Filed,
    Raised,
    Telling,
    compare,
    night_of,
    play,
)
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from rules.engine import Engine
from tests.small_district import RULE
from tests.unit.gateway.lived import Lived, alarms_of, messages_of
from tests.unit.gateway.test_road import T0, ZONE, district

RULES = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: A test watches it.
    when: left_open
    during: {from: "22:00", to: "06:00"}
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker}
      - {after: 30m, tell: grid_leader, unless: taken}
    clear_after: 30s
  - name: silent
    title: {zh: 传感器失联, en: Sensor silent}
    why: A test watches it.
    when: silent
    steps:
      - {after: 0s, tell: installer}
      - {after: 1h, tell: maintainer}
    clear_after: 1s
  - name: low
    title: {zh: 电量低, en: Battery low}
    why: A test watches it.
    when: battery_low
    steps:
      - {after: 10m, tell: installer}
    clear_after: 5m
    severity: high
  - name: tampered
    title: {zh: 被拆, en: Tampered with}
    why: A test watches it.
    when: tampered
    steps:
      - {after: 30s, tell: grid_worker, repeat: {every: 5m, at_most: 2}}
      - {after: 20m, tell: installer}
    clear_after: 1m
  - name: chattering
    title: {zh: 抖动, en: Chattering}
    why: A test watches it.
    when: chattering
    openings: 3
    openings_within: 10m
    steps:
      - {after: 0s, tell: installer}
    clear_after: 10m
"""
COURTESY = """\
quiet:
  - {role: residents, from: "23:00", to: "06:00"}
  - {role: installer, from: "21:30", to: "07:00", lets_through: high}
budget:
  - {role: grid_worker, messages: 1, from: "20:00", to: "07:00"}
"""
WORDS = (
    *("open",) * 5,
    *("closed",) * 5,
    *("again",) * 2,
    *("low", "full", "tamper", "untamper", "offline", "online", "retained-open", "retained-closed"),
    *("deaf", "listening", "session_lost", "mute", "mute-one", "unmute", "restart", "checkpoint"),
)
WAITS_S = (0, 1, 1, 20, 20, 60, 200, 400, 500, 1_800, 4_000)
Move = tuple[int, str, int]
moves: st.SearchStrategy[list[Move]] = st.sampled_from((1, 12)).flatmap(
    lambda least: st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(WORDS), st.sampled_from(WAITS_S)),
        min_size=least,
        max_size=25,
    )
)


class Devices:
    """Three devices that say again what they said, with whatever else a word means."""

    def __init__(self, lived: Lived) -> None:
        self._lived = lived
        self._contact = ["closed"] * 3

    def do(self, door: int, word: str) -> None:
        lived = self._lived
        facts: dict[str, dict[str, Any]] = {
            "again": {"why": "heartbeat"},
            "low": {"bat_pct": 5},
            "full": {"bat_pct": 100},
            "tamper": {"tamper": True},
            "untamper": {"tamper": False},
        }
        match word:
            case "open" | "closed":
                self._contact[door] = word
                lived.say(word, door)
            case "retained-open" | "retained-closed":
                lived.say(word.removeprefix("retained-"), door, retained=True)
            case "offline" | "online":
                lived.status(word == "online", door)
            case "mute":
                lived.mute(lived.now + 20 * MINUTE_MS)
            case "mute-one":
                lived.mute(lived.now + HOUR_MS, entrance=(f"door-{door:05d}",))
            case "unmute":
                lived.unmute()
            case "restart":
                lived.restart()
            case "checkpoint":
                lived.road.checkpoint(lived.now)
            case "deaf" | "listening" | "session_lost":
                lived.mark(word)
            case _:
                lived.say(self._contact[door], door, **facts[word])


@settings(max_examples=30, deadline=None)
@given(script=moves, courtesy=st.booleans())
def test_a_replay_gives_the_alarms_cases_and_messages_that_the_live_road_wrote(
    tmp_path_factory: pytest.TempPathFactory, script: list[Move], courtesy: bool
) -> None:
    lived = Lived(tmp_path_factory.mktemp("lived"), RULES + COURTESY * courtesy)
    devices = Devices(lived)
    for door, word, wait_s in script:
        lived.go(wait_s * SECOND_MS)
        devices.do(door, word)
    lived.go(13 * HOUR_MS)  # the night ends, and with it quiet hours and budgets
    done = replayed(lived)
    live = (lived.alarms(), lived.missed(), lived.cases(), lived.messages(), lived.phone_rings())
    lived.close()
    assert alarms_of(done) == live[0]
    assert done.missed == live[1]
    assert sorted(done.cases) == live[2]
    assert messages_of(done) == live[3]
    assert sum(not message.with_others for message in done.messages) == live[4]


def replayed(lived: Lived, **more: Any) -> Done:
    here = lived.here
    return play(lived.recorded(**more), here.setup, here.registry, here.reachable)


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Lived]:
    lived = Lived(tmp_path, RULES + COURTESY)
    yield lived
    lived.close()


def test_what_came_before_the_beginning_is_played_and_not_counted(lived: Lived) -> None:
    lived.say("open")
    lived.go(15 * MINUTE_MS)
    begins = lived.now
    lived.go(20 * MINUTE_MS)
    lived.say("closed")
    lived.say("open", 1)
    lived.go(12 * MINUTE_MS)
    whole, rest = replayed(lived), replayed(lived, from_ms=begins)
    assert [(a.entrance, a.raised_ms) for a in whole.alarms] == [
        ("door-00000", T0 + 3 * MINUTE_MS),
        ("door-00001", begins + 23 * MINUTE_MS),
    ]
    assert rest.alarms == whole.alarms[1:]
    assert rest.cases == whole.cases[1:]
    assert rest.messages == [message for message in whole.messages if message.at_ms >= begins]
    assert {m.entrance for m in rest.messages} == {"door-00000", "door-00001"}, "who is told late is told"


@pytest.mark.parametrize(
    "days",
    [
        pytest.param(1, id="a-day"),
        pytest.param(
            8,
            id="a-week",
        ),
    ],
)
def test_a_mute_that_was_asked_for_long_before_holds_in_a_replay_too(lived: Lived, days: int) -> None:
    lived.mute(lived.now + 20 * DAY_MS)
    lived.go(days * DAY_MS)
    begins = lived.now
    lived.say("open")
    lived.go(HOUR_MS)
    assert lived.messages() == []
    assert messages_of(replayed(lived, from_ms=begins)) == []


def test_it_says_how_far_it_is_with_every_part(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.history.past.AT_ONCE", 2)
    for contact in ("open", "closed", "open", "closed", "open"):
        lived.say(contact)
    heard: list[int] = []
    here = lived.here
    done = play(lived.recorded(), here.setup, here.registry, here.reachable, heard.append)
    assert heard == [0, 0, 2, 4, 5]
    assert (done.readings, done.hash) == (5, here.setup.rules.hash)


def test_a_rule_that_breaks_is_named_with_what_it_said_and_stops_nothing(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.say("open")
    lived.say("open", 1, tamper=True)
    lived.go(HOUR_MS)
    right = Engine._after

    def broken(self: Engine, entrance: str, step: Any, count: int) -> int:
        if step.tell in ("residents", "grid_leader"):
            raise ZeroDivisionError(f"at {entrance}")
        return right(self, entrance, step, count)

    monkeypatch.setattr(Engine, "_after", broken)
    done = replayed(lived)
    assert done.failed == {"left-open": "ZeroDivisionError('at door-00000')"}
    assert {alarm.rule for alarm in done.alarms} == {"tampered", "silent"}


def test_openings_for_pictures_are_long_enough_to_be_seen_and_of_doors_with_an_alarm(lived: Lived) -> None:
    lived.say("open", 1)
    lived.go(2 * MINUTE_MS)
    lived.say("closed", 1)
    for long_ms in (19_999, 20_000, 5 * MINUTE_MS):
        lived.say("open")
        lived.go(long_ms)
        lived.say("closed")
        lived.go(10 * MINUTE_MS)
    lived.say("open")
    lived.go(4 * MINUTE_MS)
    done = replayed(lived)
    assert {alarm.entrance for alarm in done.alarms} == {"door-00000"}
    assert list(done.openings) == ["door-00000"]
    lengths = [to_ms - from_ms for from_ms, to_ms in done.openings["door-00000"]]
    assert lengths == [20_000, 5 * MINUTE_MS, 4 * MINUTE_MS], "one that goes on ends with the past"


def test_who_was_told_of_what_leaves_the_all_clear_out(lived: Lived) -> None:
    lived.say("open")
    lived.go(10 * MINUTE_MS)
    lived.say("closed")
    lived.go(HOUR_MS // 2)
    done = replayed(lived)
    residents, worker = T0 + 3 * MINUTE_MS, T0 + 8 * MINUTE_MS
    assert done.told() == [
        Came("door-00000", residents, "residents"),
        Came("door-00000", worker, "grid_worker"),
    ]
    assert [message.text for message in done.messages].count("all_clear") == 2


def test_what_waited_for_the_same_moment_goes_out_as_one(lived: Lived) -> None:
    for door in (0, 1, 2):
        lived.say("open", door)
    lived.go(12 * HOUR_MS)
    worker = [message for message in replayed(lived).messages if message.person == "worker"]
    assert [(message.held_ms > 0, message.with_others) for message in worker] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert worker[1].at_ms == worker[2].at_ms


def test_what_is_over_before_it_goes_out_is_withdrawn_and_nobody_hears_of_it(lived: Lived) -> None:
    lived.go(HOUR_MS)  # 23:13, when residents are left alone
    lived.say("open")
    lived.go(7 * MINUTE_MS)
    lived.say("closed")
    lived.go(12 * HOUR_MS)
    done = replayed(lived)
    assert [alarm.rule for alarm in done.alarms if alarm.rule == "left-open"] == ["left-open"]
    assert [message for message in done.messages if message.person.startswith("residents")] == []


def test_of_a_file_too_every_alarm_and_message_comes_as_if_it_were_lived(tmp_path: Path) -> None:
    here = district(RULE, doors=2)
    file = tmp_path / "readings.csv"
    file.write_text(
        "time,entrance,contact\n"
        "2026-11-03T22:00:00,door-00001,open\n"
        "2026-11-03T22:00:10,door-00001,closed\n"
        "2026-11-03T22:00:20,door-00000,open\n"
    )
    past = read_file(file, ZONE, here.setup.entrances)
    done = play(past, here.setup, here.registry, here.reachable)
    assert [(a.entrance, a.raised_ms - a.since_ms, a.cleared_ms - a.ended_ms) for a in done.alarms] == [
        ("door-00001", 2_000, 1_000)
    ], "nothing comes after its last moment"
    assert [(m.person.partition(":")[0], m.text) for m in done.messages] == [
        ("residents", "remind"),
        ("worker", "tell"),
        ("residents", "all_clear"),
        ("worker", "all_clear"),
    ]


def test_an_empty_past_does_nothing() -> None:
    here = district(RULE)
    done = play(FromFile(), here.setup, here.registry, here.reachable)
    assert (done.alarms, done.cases, done.messages, done.readings) == ([], [], [], 0)


# -- nights -----------------------------------------------------------------------------


def ms(text: str, zone: ZoneInfo = ZONE) -> int:
    """``3 22:14``: on the third of November 2026."""
    day, _, clock = text.partition(" ")
    at = datetime.fromisoformat(f"2026-11-{int(day):02d}T{clock}").replace(tzinfo=zone)
    return round(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "night"),
    [
        pytest.param("3 12:00", 3, id="it-begins-at-noon"),
        pytest.param("3 11:59:59.999", 2, id="just-before-noon-is-the-night-before"),
        pytest.param("3 22:14", 3, id="in-the-evening"),
        pytest.param("4 00:00", 3, id="at-midnight"),
        pytest.param("4 05:59", 3, id="in-the-morning"),
    ],
)
def test_a_night_lasts_from_noon_to_noon(at: str, night: int) -> None:
    assert night_of(ms(at), ZONE) == date(2026, 11, night)


@pytest.mark.parametrize(
    ("at", "night"),
    [("2026-03-29T12:30", 29), ("2026-10-25T11:30", 24)],
    ids=["when-clocks-go-forward", "when-clocks-go-back"],
)
def test_a_night_begins_at_noon_of_the_clock_on_every_day(at: str, night: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at_ms = round(datetime.fromisoformat(at).replace(tzinfo=berlin).timestamp() * 1000)
    assert night_of(at_ms, berlin).day == night


def raised(entrance: str, at: str, *, open_s: int = 0, rule: str = "left-open") -> Raised:
    """An alarm that ended ``open_s`` after it was raised; 0: it stands."""
    at_ms = ms(at)
    ended = at_ms + open_s * 1000 if open_s else 0
    return Raised(rule, entrance, at_ms - 180_000, at_ms, ended, ended + 30_000 if ended else 0)


def told(
    person: str, at: str, entrance: str = "a", *, text: str = "tell", held_s: int = 0, others: bool = False
) -> Telling:
    role = "grid_worker" if person != "leader" else "grid_leader"
    return Telling(person, role, text, entrance, ms(at), held_s * 1000, others)


def filed(entrance: str, at: str) -> Filed:
    return Filed(entrance, "left-open", ms(at), "worker")


def compared(now: Done, then: Done, *, begins: str = "3 20:00", ends: str = "5 08:00") -> Comparison:
    return compare(now, then, from_ms=ms(begins), until_ms=ms(ends), zone=ZONE)


@pytest.mark.parametrize(
    ("begins", "ends", "nights"),
    [
        pytest.param("3 20:00", "4 08:00", [3], id="one-night"),
        pytest.param("3 12:00", "5 11:59", [3, 4], id="two-from-noon-to-noon"),
        pytest.param("3 11:59", "5 12:00", [2, 3, 4, 5], id="what-reaches-into-a-night-counts-it"),
    ],
)
def test_every_night_is_there_also_those_in_which_nothing_was(
    begins: str, ends: str, nights: list[int]
) -> None:
    c = compared(Done(), Done(), begins=begins, ends=ends)
    assert c.nights == [date(2026, 11, night) for night in nights]
    assert (c.now.alarms, c.now.cases.total(), c.now.messages.total(), c.now.held) == (0, 0, 0, 0)
    assert (c.newly, c.no_longer, c.examples, c.now.most_to_one()) == ([], [], [], None)


def test_cases_and_messages_are_counted_by_night_and_a_digest_once() -> None:
    now = Done(
        alarms=[raised("a", "3 23:00"), raised("a", "4 23:00"), raised("b", "4 23:00")],
        cases=[filed("a", "3 23:05"), filed("a", "4 02:00"), filed("b", "4 23:05")],
        messages=[
            told("worker", "3 23:05"),
            told("worker", "4 07:00", held_s=60),
            told("worker", "4 07:00", "b", held_s=60, others=True),
            told("leader", "4 07:00", held_s=60),
            told("worker", "4 12:00"),
        ],
        readings=70,
    )
    c = compared(now, Done(failed={"odd": "why"}, readings=9))
    third, fourth = date(2026, 11, 3), date(2026, 11, 4)
    assert c.now.alarms == 3
    assert c.now.cases == {third: 2, fourth: 1}
    assert c.now.messages == {third: 3, fourth: 1}
    assert c.now.to_person == {("worker", third): 2, ("leader", third): 1, ("worker", fourth): 1}
    assert c.now.held == 3, "three messages waited, though two went out as one"
    assert (c.readings, c.failed) == (70, {"odd": "why"})
    assert (c.then.alarms, c.then.held) == (0, 0)


@pytest.mark.parametrize(
    ("messages", "worst"),
    [
        pytest.param([("worker", "3 23:00"), ("worker", "4 23:00")], ("worker", 3, 1), id="the-first-night"),
        pytest.param(
            [("worker", "3 23:00"), ("worker", "4 11:00"), ("worker", "4 13:00"), ("leader", "3 23:00")],
            ("worker", 3, 2),
            id="from-noon-to-noon",
        ),
        pytest.param(
            [("worker", "3 23:00"), ("leader", "4 23:00")], ("leader", 4, 1), id="the-first-by-name"
        ),
        pytest.param(
            [("leader", "3 23:00"), ("worker", "4 23:00"), ("worker", "4 23:10")],
            ("worker", 4, 2),
            id="most-before-first",
        ),
    ],
)
def test_the_worst_night_is_that_of_one_person(
    messages: list[tuple[str, str]], worst: tuple[str, int, int]
) -> None:
    c = compared(Done(messages=[told(*one) for one in messages]), Done())
    person, night, many = worst
    assert c.now.most_to_one() == (person, date(2026, 11, night), many)


def test_a_door_is_newly_noticed_or_no_longer_over_all_nights_together() -> None:
    now = Done(alarms=[raised("d", "3 23:00"), raised("c", "3 23:00"), raised("b", "3 23:00")])
    then = Done(alarms=[raised("b", "4 23:00"), raised("a", "3 23:00"), raised("a", "4 23:00")])
    c = compared(now, then)
    assert (c.newly, c.no_longer) == (["a"], ["c", "d"])
    third, fourth = date(2026, 11, 3), date(2026, 11, 4)
    assert c.newly_nights == [("a", third), ("a", fourth), ("b", fourth)]
    assert c.no_longer_nights == [("b", third), ("c", third), ("d", third)]


@pytest.mark.parametrize(("open_s", "candidate"), [(1, True), (60, True), (61, False), (0, False)], ids=str)
def test_an_alarm_whose_door_closed_within_a_minute_is_a_false_one_perhaps(
    open_s: int, candidate: bool
) -> None:
    alarm = raised("a", "3 23:00", open_s=open_s)
    c = compared(Done(alarms=[alarm]), Done())
    assert c.now.soon_over == ([alarm] if candidate else [])
    assert c.then.soon_over == []


# -- examples -----------------------------------------------------------------------------


def nights(**doors: str) -> Done:
    """``a="3 23:00, 4 23:00"``: an alarm of that door, and the worker told, at each."""
    moments = [(door, at) for door, all_ in doors.items() for at in all_.split(", ")]
    return Done(
        alarms=[raised(door, at) for door, at in moments],
        messages=[told("worker", at, door) for door, at in moments],
    )


@pytest.mark.parametrize(
    ("now", "then", "chosen"),
    [
        pytest.param({}, {}, [], id="nothing-came"),
        pytest.param({"a": "3 23:00"}, {"a": "3 23:00"}, ["a 3 same"], id="all-as-before-is-shown-too"),
        pytest.param({"a": "3 23:00"}, {"a": "3 23:01"}, ["a 3 changed"], id="at-another-moment"),
        pytest.param(
            {"a": "3 23:00", "b": "3 23:00", "d": "3 23:00"},
            {"b": "3 23:30", "c": "4 23:00", "d": "3 23:00"},
            ["c 4 newly_caught", "a 3 no_longer_caught", "b 3 changed", "d 3 same"],
            id="one-of-each-kind",
        ),
        pytest.param(
            {"x": "3 23:00"},
            {"a": "3 23:00", "b": "3 23:00", "c": "3 23:00", "d": "3 23:00", "e": "3 23:00", "f": "3 23:00"},
            [
                "a 3 newly_caught",
                "x 3 no_longer_caught",
                "b 3 newly_caught",
                "c 3 newly_caught",
                "d 3 newly_caught",
            ],
            id="no-kind-crowds-another-out-and-five-are-enough",
        ),
        pytest.param(
            {},
            {"a": "3 23:00", "b": "4 23:00, 5 00:30", "c": "3 22:00, 3 23:00, 4 01:00"},
            ["c 3 newly_caught", "b 4 newly_caught", "a 3 newly_caught"],
            id="where-most-differs-first",
        ),
        pytest.param(
            {},
            {"a": "3 23:00, 4 22:00, 4 23:00", "b": "3 23:00"},
            ["a 4 newly_caught", "b 3 newly_caught", "a 3 newly_caught"],
            id="another-door-before-the-same-again",
        ),
        pytest.param(
            {"a": "3 23:00", "b": "3 23:00"},
            {"a": "3 23:00, 4 23:00", "b": "3 23:00"},
            ["a 4 changed", "a 3 same", "b 3 same"],
            id="what-differs-before-what-does-not",
        ),
    ],
)
def test_examples_are_the_nights_that_tell_most(
    now: dict[str, str], then: dict[str, str], chosen: list[str]
) -> None:
    c = compared(nights(**now), nights(**then))
    assert [f"{one.entrance} {one.night.day} {one.why}" for one in c.examples] == chosen


def test_an_example_shows_its_night_alone() -> None:
    now, then = nights(a="3 23:00, 4 23:00"), nights(a="3 23:10, 5 01:00")
    spans = [("3 11:00", "3 13:00"), ("3 22:57", "3 23:20"), ("4 11:30", "4 12:30"), ("4 22:00", "4 23:00")]
    then.openings = {"a": [(ms(a), ms(b)) for a, b in spans]}
    now.openings = {"a": [(0, 1 << 50)]}
    one, *_ = compared(now, then).examples
    assert (one.from_ms, one.to_ms) == (ms("3 12:00"), ms("4 12:00"))
    assert one.openings == [
        (ms("3 12:00"), ms("3 13:00")),
        (ms("3 22:57"), ms("3 23:20")),
        (ms("4 11:30"), ms("4 12:00")),
    ]
    assert one.now == [Came("a", ms("3 23:00"), "grid_worker")]
    assert one.then == [Came("a", ms("3 23:10"), "grid_worker")]


def test_an_example_that_only_the_present_rules_notice_shows_their_openings() -> None:
    now = nights(a="3 23:00")
    now.openings = {"a": [(ms("3 22:57"), ms("3 23:20"))]}
    (one,) = compared(now, Done()).examples
    assert one.openings == now.openings["a"]
    assert one.then == []


def test_a_night_in_which_somebody_heard_the_all_clear_alone_is_no_example() -> None:
    now = Done(alarms=[raised("a", "3 23:00")], messages=[told("worker", "4 12:00", text="all_clear")])
    assert compared(now, Done()).examples == []


def test_a_day_of_a_clock_change_is_shown_from_noon_to_noon() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 10, 24, 23, tzinfo=berlin)
    at_ms = round(at.timestamp() * 1000)
    then = Done(
        alarms=[Raised("r", "a", at_ms, at_ms, 0, 0)],
        messages=[Telling("worker", "grid_worker", "tell", "a", at_ms, 0, False)],
    )
    (one,) = compare(Done(), then, from_ms=at_ms, until_ms=at_ms, zone=berlin).examples
    assert one.night == date(2026, 10, 24)
    assert one.to_ms - one.from_ms == 25 * HOUR_MS
    assert datetime.fromtimestamp(one.to_ms / 1000, berlin) - at.replace(hour=12) == timedelta(days=1)
