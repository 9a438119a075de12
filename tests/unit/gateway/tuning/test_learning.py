"""What is usual, learned out of a past: told as stories that come true on sixty Mondays.

``"10:00 open, 10:05 close"`` is one door by local time; ``deaf``, ``listening``,
``session_lost`` and ``mute`` are the listening itself, ``B open`` is another door.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.history.past import Part
from gateway.tuning.learning import ENOUGH, Learned, Openings
from rules import duration
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from rules.engine import HOURS_OF_WEEK
from rules.reading import CLOSED, OPEN, Reading

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NEWFOUNDLAND = ZoneInfo("America/St_Johns")
MONDAY = int(datetime(2024, 1, 1, tzinfo=SHANGHAI).timestamp() * 1000)
WEEK_MS = 7 * DAY_MS
MARKS = ("deaf", "listening", "session_lost", "mute")


def opening(at_ms: int, long_ms: int, door: str = "A") -> Part:
    said = Reading("box", at_ms, OPEN), Reading("box", at_ms + long_ms, CLOSED)
    return Part([(door, one) for one in said])


def learned(parts: Iterable[Part], percent: int = 90, zone: tzinfo = SHANGHAI) -> dict[str, Learned]:
    openings = Openings({"A", "B"}, zone)
    openings.take([Part([(door, Reading("box", 1, CLOSED)) for door in "ABC"])])  # so they stood before
    openings.take(parts)
    return openings.learned(percent)


def some(lengths: Sequence[int], hour: int = 10) -> list[Part]:
    """One opening in the same hour of each week."""
    return [opening(MONDAY + n * WEEK_MS + hour * HOUR_MS, long) for n, long in enumerate(lengths)]


# -- the share ---------------------------------------------------------------------------------


def naive(lengths: Sequence[int], percent: int) -> int:
    """The least of them of which so many of a hundred are no longer."""
    return min(
        x for x in lengths if 100 * sum(1 for other in lengths if other <= x) >= percent * len(lengths)
    )


@given(
    st.lists(st.integers(1, HOUR_MS), min_size=ENOUGH, max_size=90),
    st.integers(50, 99),
)
def test_what_is_usual_is_the_nearest_rank(lengths: list[int], percent: int) -> None:
    known = learned(some(lengths), percent)["A"]
    assert known.hours[10] == naive(lengths, percent)
    assert known.openings[10] == len(lengths)


@given(st.lists(st.integers(1, 5), min_size=ENOUGH, max_size=200), st.integers(50, 99))
def test_what_is_usual_really_was_and_so_many_were_no_longer(lengths: list[int], percent: int) -> None:
    usual = learned(some(lengths), percent)["A"].hours[10]
    assert usual in lengths
    assert 100 * sum(1 for long in lengths if long <= usual) >= percent * len(lengths)


@pytest.mark.parametrize(("percent", "many"), [(55, 100), (56, 50), (68, 75), (81, 300)])
def test_a_share_is_counted_in_whole_openings(percent: int, many: int) -> None:
    """Binary fractions say that 55 hundredths of a hundred are more than 55."""
    lengths = list(range(1, many + 1))
    assert learned(some(lengths), percent)["A"].hours[10] == naive(lengths, percent) == percent * many // 100


@pytest.mark.parametrize(("percent", "usual"), [(50, 50), (75, 75), (90, 90), (95, 95), (97, 97), (99, 99)])
def test_of_a_hundred_openings_it_is_the_one_at_that_place(percent: int, usual: int) -> None:
    lengths = [(n * 37 % 100 + 1) * SECOND_MS for n in range(100)]
    assert learned(some(lengths), percent)["A"].hours[10] == usual * SECOND_MS


def test_one_that_stood_open_all_day_moves_the_last_share_only() -> None:
    lengths = [MINUTE_MS] * 99 + [DAY_MS]
    assert [learned(some(lengths), p)["A"].hours[10] for p in (50, 90, 99)] == [MINUTE_MS] * 3
    assert learned(some(lengths[1:]), 99)["A"].hours[10] == DAY_MS, (
        "of 99 the last one is the 99th of a hundred"
    )


# -- the hour ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "moment", "hour"),
    [
        pytest.param(SHANGHAI, datetime(2024, 1, 7, 16, 0, tzinfo=UTC), 0, id="monday-begins-at-midnight"),
        pytest.param(SHANGHAI, datetime(2024, 1, 7, 15, 59, tzinfo=UTC), 167, id="sunday-ends-then"),
        pytest.param(UTC, datetime(2024, 1, 7, 16, 0, tzinfo=UTC), 6 * 24 + 16, id="another-zone"),
        pytest.param(NEWFOUNDLAND, datetime(2024, 1, 8, 3, 30, tzinfo=UTC), 0, id="half-an-hour-off"),
        pytest.param(BERLIN, datetime(2024, 1, 8, 9, 0, tzinfo=UTC), 10, id="in-winter"),
        pytest.param(BERLIN, datetime(2024, 6, 3, 8, 0, tzinfo=UTC), 10, id="in-summer"),
    ],
)
def test_an_hour_is_the_place_s_own(zone: tzinfo, moment: datetime, hour: int) -> None:
    """On that day it stands open for a second, at the same time of all others for nine."""
    at = int(moment.timestamp() * 1000)
    days = {at + day * DAY_MS: 9 * SECOND_MS if day else SECOND_MS for day in range(7)}
    parts = [opening(begin + n, long) for begin, long in days.items() for n in range(ENOUGH)]
    hours = learned(parts, zone=zone)["A"].hours
    assert {h: long for h, long in enumerate(hours) if long} == {
        h: SECOND_MS if h == hour else 9 * SECOND_MS for h in range(hour % 24, HOURS_OF_WEEK, 24)
    }


def test_an_opening_belongs_to_the_hour_in_which_it_began() -> None:
    parts = [opening(MONDAY + n * WEEK_MS + 11 * HOUR_MS - MINUTE_MS, 2 * HOUR_MS) for n in range(ENOUGH)]
    known = learned(parts)["A"]
    assert known.hours[10] == 2 * HOUR_MS
    assert known.hours[11:24] == (0,) * 13


MON, TUE, WED, FRI, SAT, SUN = (24 * day + 10 for day in (0, 1, 2, 4, 5, 6))
"""Ten o'clock of those days."""


@pytest.mark.parametrize(
    ("openings", "known"),
    [
        pytest.param({MON: 29}, {MON: 0, TUE: 0, SAT: 0, MON + 1: 0}, id="too-few"),
        pytest.param({MON: 30}, {MON: 30, TUE: 30, SAT: 30, MON + 1: 0}, id="enough-speak-for-all-days"),
        pytest.param({SUN: 30}, {SUN: 30, SAT: 30, MON: 30, SUN - 1: 0}, id="whatever-the-day"),
        pytest.param({MON: 15, FRI: 15}, {MON: 30, TUE: 30, FRI: 30, SAT: 30}, id="two-weekdays-together"),
        pytest.param({SAT: 10, SUN: 20}, {SAT: 30, SUN: 30, MON: 30}, id="two-weekend-days-together"),
        pytest.param(
            {MON: 15, TUE: 15, SAT: 30},
            {MON: 30, WED: 30, SAT: 30, SUN: 30},
            id="weekdays-alone-where-enough",
        ),
        pytest.param(
            {MON: 20, SAT: 20}, {MON: 40, TUE: 40, SAT: 40, SUN: 40}, id="all-days-where-neither-is-enough"
        ),
        pytest.param({MON: 29, SAT: 31}, {MON: 60, TUE: 60, SAT: 31, SUN: 31}, id="each-as-narrow-as-it-can"),
        pytest.param({MON: 30, TUE: 31}, {MON: 30, TUE: 31, WED: 61}, id="an-hour-of-its-own-first"),
        pytest.param({MON: 15, MON + 1: 15}, {MON: 0, MON + 1: 0}, id="the-next-hour-is-another"),
    ],
)
def test_where_an_hour_has_too_few_openings_others_like_it_speak(
    openings: dict[int, int], known: dict[int, int]
) -> None:
    parts = [part for hour, many in openings.items() for part in some([MINUTE_MS] * many, hour)]
    one = learned(parts)["A"]
    assert {hour: one.openings[hour] for hour in known} == known
    assert {hour: one.hours[hour] for hour in known} == {h: MINUTE_MS * bool(n) for h, n in known.items()}


def test_each_hour_says_its_own_and_others_all_together() -> None:
    parts = some([MINUTE_MS] * 30, MON) + some([9 * MINUTE_MS] * 30, TUE) + some([HOUR_MS] * 30, SAT)
    hours = learned(parts, 50)["A"].hours
    assert (hours[MON], hours[TUE], hours[SAT], hours[SUN]) == (MINUTE_MS, 9 * MINUTE_MS, HOUR_MS, HOUR_MS)
    assert hours[WED] == MINUTE_MS
    assert len(hours) == HOURS_OF_WEEK


# -- what counts -----------------------------------------------------------------------------------


def story(script: str, monday: int) -> list[Part]:
    parts: list[Part] = []
    for line in script.split(", "):
        clock, _, what = line.partition(" ")
        hour, minute = map(int, clock.split(":"))
        at = monday + hour * HOUR_MS + minute * MINUTE_MS
        if what in MARKS:
            parts.append(Part([], (what, at, None)))
            continue
        *door, word = what.split()
        stated = {
            "open": Reading("box", at, OPEN),
            "close": Reading("box", at, CLOSED),
            "kept-open": Reading("box", at, OPEN, retained=True),
            "kept-close": Reading("box", at, CLOSED, retained=True),
            "offline": Reading("box", at, online=False),
            "online": Reading("box", at, online=True),
            "battery": Reading("box", at, battery_pct=80.0),
        }
        parts.append(Part([("".join(door) or "A", stated[word])]))
    return parts


def usually(script: str, door: str = "A") -> str:
    """How long it usually stands open at ten on Mondays; empty if nothing is known of it."""
    parts = [part for n in range(2 * ENOUGH) for part in story(script, MONDAY + n * WEEK_MS)]
    known = learned(parts).get(door)
    return duration.show(known.hours[10]) if known and known.hours[10] else ""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("10:00 open, 10:05 close", "5m", id="it-opens-and-closes"),
        pytest.param(
            "10:00 open, 10:02 open, 10:05 close", "5m", id="a-heartbeat-says-that-it-is-still-open"
        ),
        pytest.param("10:00 open, 10:05 close, 10:06 close", "5m", id="and-that-it-is-still-closed"),
        pytest.param("10:00 open, 10:02 battery, 10:05 close", "5m", id="a-report-about-something-else"),
        pytest.param("10:00 open, 10:02 online, 10:05 close", "5m", id="it-is-connected-still"),
        pytest.param("10:00 open, 10:02 B open, 10:05 close, 10:09 B close", "5m", id="another-door"),
        pytest.param("10:00 open, 10:02 mute, 10:05 close", "5m", id="a-mute"),
        pytest.param("10:00 open, 10:02 listening, 10:05 close", "5m", id="somebody-listens-still"),
        pytest.param(
            "10:00 open, 10:02 kept-close, 10:05 close", "5m", id="the-broker-s-memory-ends-nothing"
        ),
        pytest.param("10:00 kept-open, 10:05 close", "", id="and-begins-nothing"),
        pytest.param("10:00 close, 10:05 close", "", id="it-never-opened"),
        pytest.param("10:00 open, 10:02 offline, 10:05 close", "", id="nobody-could-know"),
        pytest.param("10:00 open, 10:02 offline, 10:03 online, 10:05 close", "", id="for-a-moment"),
        pytest.param("10:00 open, 10:02 deaf, 10:04 listening, 10:05 close", "", id="nobody-listened"),
        pytest.param("10:00 open, 10:02 session_lost, 10:05 close", "", id="the-broker-forgot-us"),
        pytest.param(
            "09:00 offline, 09:01 close, 10:00 open, 10:05 close", "5m", id="known-to-be-shut-again"
        ),
        pytest.param(
            "09:00 deaf, 09:01 listening, 09:05 close, 10:00 open, 10:05 close",
            "5m",
            id="heard-to-be-shut-again",
        ),
        pytest.param("10:00 open, 10:02 B offline, 10:05 close", "5m", id="another-door-s-device"),
        pytest.param(
            "10:00 open, 10:02 deaf, 10:03 listening, 10:05 close, 10:10 open, 10:17 close",
            "7m",
            id="the-next-opening-counts-again",
        ),
    ],
)
def test_what_is_an_opening(script: str, expected: str) -> None:
    assert usually(script) == expected


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("10:00 open, 10:02 offline, 10:25 open, 10:30 close", id="the-device-is-back"),
        pytest.param("09:00 offline, 10:00 open, 10:05 close", id="it-is-open-when-it-is-back"),
        pytest.param(
            "10:00 open, 10:02 deaf, 10:03 listening, 10:15 open, 10:20 close", id="after-a-restart"
        ),
        pytest.param("09:00 deaf, 09:01 listening, 10:00 open, 10:05 close", id="the-first-word-after-one"),
        pytest.param("10:00 open, 10:02 session_lost, 10:15 open, 10:20 close", id="after-a-lost-session"),
        pytest.param(
            "09:58 deaf, 09:59 kept-open, 10:00 listening, 10:15 open, 10:20 close",
            id="the-broker-knew-that-it-was-open",
        ),
        pytest.param(
            "09:00 deaf, 10:00 open, 10:05 close, 10:30 listening", id="all-that-waited-comes-at-once"
        ),
        pytest.param(
            "09:00 deaf, 09:30 session_lost, 10:00 open, 10:05 close, 10:30 listening",
            id="and-a-lost-session-does-not-end-that",
        ),
        pytest.param(
            "09:00 deaf, 09:30 session_lost, 09:50 close, 10:00 open, 10:05 close, 10:30 listening",
            id="whatever-it-says-meanwhile",
        ),
        pytest.param(
            "10:00 kept-open, 10:15 open, 10:20 close", id="the-broker-says-that-it-is-open-already"
        ),
    ],
)
def test_of_what_nobody_knows_when_it_opened_nobody_knows_how_long(script: str) -> None:
    assert usually(script) == ""


def test_an_opening_that_is_not_over_is_none() -> None:
    assert learned([Part([("A", Reading("box", MONDAY, OPEN))])]) == {}


def test_each_door_has_its_own_and_nobody_asked_for_others() -> None:
    script = "10:00 open, 10:01 B open, 10:02 C open, 10:05 close, 10:10 B close, 10:20 C close"
    parts = [part for n in range(ENOUGH) for part in story(script, MONDAY + n * WEEK_MS)]
    assert list(learned(parts)) == ["A", "B"]
    assert (usually(script), usually(script, "B")) == ("5m", "9m")


@given(
    st.lists(st.integers(1, 600), min_size=ENOUGH, max_size=40),
    st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_how_the_past_is_cut_into_parts_does_not_matter(lengths: list[int], cuts: list[int]) -> None:
    whole = some([long * SECOND_MS for long in lengths])
    arrivals = [arrival for part in whole for arrival in part.arrivals]
    parts: list[Part] = []
    for n in cuts:
        parts.append(Part(arrivals[:n]))
        arrivals = arrivals[n:]
    assert learned([*parts, Part(arrivals)]) == learned(whole)
