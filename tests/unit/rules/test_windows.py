"""Windows agree with somebody who reads the clock, minute by minute, for two years.

The law: a window of a day begins at the first minute at which the clocks show its
beginning or later, and ends at the first at which they show its end or later. It counts
if the day fits. Several windows are one. The two years hold every clock change of
Europe/Berlin, and the public holidays and make-up workdays (调休) of China.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.days import Calendar
from rules.duration import HOUR_MS, MINUTE_MS
from rules.window import NEVER, Windows
from rules.written import DuringIn, PeriodIn

ZONES = ["Asia/Shanghai", "Europe/Berlin"]
AT_MIDNIGHT = "America/Santiago"
"""Here the clocks change at midnight, and the date is behind that of UTC."""

YEARS = (2025, 2026)

FREE = {
    2025: "01-01 01-28 01-29 01-30 01-31 02-01 02-02 02-03 02-04 04-04 04-05 04-06 05-01 05-02 05-03 05-04 "
    "05-05 05-31 06-01 06-02 10-01 10-02 10-03 10-04 10-05 10-06 10-07 10-08",
    2026: "01-01 01-02 01-03 02-15 02-16 02-17 02-18 02-19 02-20 02-21 02-22 02-23 04-04 04-05 04-06 05-01 "
    "05-02 05-03 05-04 05-05 06-19 06-20 06-21 09-25 09-26 09-27 10-01 10-02 10-03 10-04 10-05 10-06 10-07",
}
MADE_UP_FOR = {
    2025: "01-26 02-08 04-27 09-28 10-11",
    2026: "01-04 02-14 02-28 05-09 09-20 10-10",
}
"""What the State Council has announced, as it is."""

PERIODS: dict[str, list[dict[str, str]]] = {
    "summer": [{"from": "06-01", "to": "08-31"}],
    "winter": [{"from": "11-15", "to": "03-15"}],
    "new-year": [{"from": "12-31", "to": "01-01"}],
    "term": [
        {"from": "2025-02-17", "to": "2025-07-04"},
        {"from": "2025-09-01", "to": "2026-01-23"},
        {"from": "2026-03-02", "to": "2026-07-10"},
        {"from": "2026-09-01", "to": "2026-12-20"},
    ],
}

Raw = dict[str, Any]
"""A window as a rule file writes it."""


def dates(written: dict[int, str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{y}-{day}") for y, days in written.items() for day in days.split())


CALENDAR = Calendar(holidays=dates(FREE), workdays=dates(MADE_UP_FOR), last_year=max(YEARS))


def built(raws: list[Raw]) -> Windows:
    """What is tested."""
    periods = {
        name: tuple(PeriodIn.model_validate(one).built() for one in many) for name, many in PERIODS.items()
    }
    return Windows(tuple(DuringIn.model_validate(raw).built_window(periods) for raw in raws))


# -- whoever reads the clock -----------------------------------------------------------

FIRST_DAY = date(YEARS[0], 1, 1) - timedelta(days=5)
LAST_DAY = date(YEARS[1], 12, 31) + timedelta(days=5)
SURE = 3 * 1440
"""So few minutes from its beginning or end, the walk does not know what comes before or after."""
A_YEAR_MS = 365 * 1440 * MINUTE_MS
"""What lasts longer is not followed to both its ends."""


class Walk(NamedTuple):
    """Every minute of the two years.

    Attributes:
        begin: In minutes UTC.
        minutes: How many.
        shown: For each minute that a local clock without changes shows, counted from midnight
            of ``FIRST_DAY``: the first minute of the walk at which the clocks show it or later.
        changes: When the clocks jumped, in ms UTC.
    """

    begin: int
    minutes: int
    shown: array[int]
    changes: list[int]

    def ms(self, minute: int) -> int:
        """When that minute of the walk begins, in ms UTC."""
        return (self.begin + minute) * MINUTE_MS


@cache
def walk(zone: str) -> Walk:
    local, base = ZoneInfo(zone), FIRST_DAY.toordinal() * 1440
    begin = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=local).timestamp()) // 60
    minutes = (LAST_DAY - FIRST_DAY).days * 1440
    shown, changes, last = array("l"), [], -1
    for minute in range(minutes):
        clock = datetime.fromtimestamp((begin + minute) * 60, local)
        now = clock.toordinal() * 1440 + clock.hour * 60 + clock.minute - base
        while len(shown) <= now:
            shown.append(minute)
        if now != last + 1:
            changes.append((begin + minute) * MINUTE_MS)
        last = now
    return Walk(begin, minutes, shown, changes)


def fits(raw: Raw, day: date) -> bool:
    """Whether a window begins on that day."""
    if "in" in raw and not any(within(one, day) for name in raw["in"] for one in PERIODS[name]):
        return False
    if any(within(one, day) for name in raw.get("not_in", ()) for one in PERIODS[name]):
        return False
    return "days" not in raw or any(is_a(word, day) for word in raw["days"])


def within(period: dict[str, str], day: date) -> bool:
    its = day.isoformat()[-len(period["from"]) :]
    if period["from"] <= period["to"]:
        return period["from"] <= its <= period["to"]
    return its >= period["from"] or its <= period["to"]  # over new year


def is_a(word: str, day: date) -> bool:
    free, made_up_for = (f"{day:%m-%d}" in written.get(day.year, "") for written in (FREE, MADE_UP_FOR))
    if word in ("workdays", "days-off"):
        works = made_up_for or (day.isoweekday() <= 5 and not free)
        return works == (word == "workdays")
    if word == "holidays":
        return free
    week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    first, _, last = word.partition("-")
    meant = [first]
    while last and meant[-1] != last:
        meant.append(week[(week.index(meant[-1]) + 1) % 7])
    return week[day.weekday()] in meant


def minute_of(clock: str) -> int:
    return int(clock[:-3]) * 60 + int(clock[-2:])


def inside(raws: list[Raw], zone: str) -> bytearray:
    """For each minute of the walk whether it is in one of the windows."""
    whole = walk(zone)
    found = bytearray(whole.minutes)
    for number in range((LAST_DAY - FIRST_DAY).days - 1):
        for raw in raws:
            if fits(raw, FIRST_DAY + timedelta(days=number)):
                first, last = minute_of(raw.get("from", "00:00")), minute_of(raw.get("to", "24:00"))
                begin = whole.shown[number * 1440 + first]
                end = whole.shown[number * 1440 + last + (1440 if last <= first else 0)]
                found[begin:end] = b"\1" * (end - begin)
    return found


def stretches(raws: list[Raw], zone: str) -> Iterator[tuple[int, int, int]]:
    """(end of the one before, start, end) of each in ms UTC, if the walk has seen it all."""
    whole, minutes = walk(zone), inside(raws, zone)
    end = 0
    while (start := minutes.find(1, end)) >= 0:
        before, end = max(end, SURE), minutes.find(0, start)
        if end < 0 or end > whole.minutes - SURE:
            return
        if start >= SURE:
            yield whole.ms(before), whole.ms(start), whole.ms(end)


# -- the law ---------------------------------------------------------------------------

SETS: dict[str, list[Raw]] = {
    "the-night": [{"from": "22:00", "to": "06:00"}],
    "the-day": [{"from": "06:00", "to": "22:00"}],
    "the-night-in-two-that-touch-at-midnight": [
        {"from": "22:00", "to": "24:00"},
        {"from": "00:00", "to": "06:00"},
    ],
    "the-night-without-its-last-minute-of-the-day": [
        {"from": "22:00", "to": "23:59"},
        {"from": "00:00", "to": "06:00"},
    ],
    "three-that-overlap": [
        {"from": "01:00", "to": "05:00"},
        {"from": "20:00", "to": "23:00"},
        {"from": "22:00", "to": "02:00"},
    ],
    "all-but-an-hour": [{"from": "13:00", "to": "12:00"}],
    "all-but-a-minute": [{"from": "00:01", "to": "00:00"}],
    "the-last-minute-and-the-first": [{"from": "23:59", "to": "00:00"}, {"from": "00:00", "to": "00:01"}],
    "a-minute-at-noon": [{"from": "12:00", "to": "12:01"}],
    "workdays": [{"from": "08:00", "to": "18:00", "days": ["workdays"]}],
    "nights-of-workdays-and-whole-days-off": [
        {"from": "22:00", "to": "06:00", "days": ["workdays"]},
        {"days": ["days-off"]},
    ],
    "whole-days-off": [{"days": ["days-off"]}],
    "holidays": [{"days": ["holidays"]}],
    "evenings-of-holidays-and-of-Fridays": [{"from": "18:00", "to": "01:00", "days": ["holidays", "Fri"]}],
    "whole-days-Mon-Sat": [{"days": ["Mon-Sat"]}],
    "nights-Fri-Mon": [{"from": "23:30", "to": "04:30", "days": ["Fri-Mon"]}],
    "Sundays-and-every-night": [{"days": ["Sun"]}, {"from": "22:00", "to": "06:00"}],
    "school-days": [{"from": "07:30", "to": "17:00", "days": ["workdays"], "in": ["term"]}],
    "school-holidays": [{"from": "09:00", "to": "21:00", "not_in": ["term"]}],
    "the-summer": [{"in": ["summer"]}],
    "summer-nights-begin-later": [
        {"from": "21:00", "to": "06:00", "not_in": ["summer"]},
        {"from": "23:00", "to": "05:00", "in": ["summer"]},
    ],
    "the-winter-over-new-year": [{"in": ["winter"]}],
    "winter-evenings-in-term": [{"from": "17:00", "to": "22:00", "days": ["Mon-Fri"], "in": ["winter"]}],
    "new-year": [{"from": "20:00", "to": "04:00", "in": ["new-year"]}],
    "from-0230": [{"from": "02:30", "to": "04:00"}],
    "to-0230": [{"from": "01:00", "to": "02:30"}],
    "over-midnight-to-0230": [{"from": "22:00", "to": "02:30", "days": ["Sat"]}],
    "from-0230-over-midnight": [{"from": "02:30", "to": "02:00", "days": ["Sat", "Sun"]}],
    "a-quarter-that-may-be-skipped-or-come-twice": [{"from": "02:15", "to": "02:30"}],
    "a-minute-that-may-be-skipped-or-come-twice": [{"from": "02:30", "to": "02:31"}],
    "two-that-touch-at-0230": [{"from": "01:30", "to": "02:30"}, {"from": "02:30", "to": "03:30"}],
    "two-that-touch-where-an-hour-is-skipped": [
        {"from": "01:00", "to": "02:00"},
        {"from": "03:00", "to": "04:00"},
    ],
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", SETS)
def test_every_stretch_is_found_from_before_and_from_within(name: str, zone: str) -> None:
    windows, local, seen = built(SETS[name]), ZoneInfo(zone), 0
    for before, start, end in stretches(SETS[name], zone):
        for at in (before, end - 1):
            assert windows.occurrence(at, CALENDAR, local) == (start, end), shown(at, zone)
        seen += 1
    assert seen, "else nothing was compared"


@pytest.mark.parametrize(
    "name", [name for name in SETS if "0230" in name or "skipped" in name or "night" in name]
)
def test_every_minute_around_a_clock_change_is_in_or_out(name: str) -> None:
    zone = "Europe/Berlin"
    windows, minutes = built(SETS[name]), inside(SETS[name], zone)
    assert len(walk(zone).changes) == 4
    for change in walk(zone).changes:
        for at in range(change - 3 * HOUR_MS, change + 3 * HOUR_MS, MINUTE_MS):
            found = windows.contains(at, CALENDAR, ZoneInfo(zone))
            assert found == minutes[at // MINUTE_MS - walk(zone).begin], shown(at, zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", ["holidays", "school-days"])
def test_what_is_announced_no_further_does_not_come(name: str, zone: str) -> None:
    *_, (_, _, end) = stretches(SETS[name], zone)
    windows = built(SETS[name])
    assert windows.occurrence(end - 1, CALENDAR, ZoneInfo(zone))[1] == end
    assert windows.occurrence(end, CALENDAR, ZoneInfo(zone)) == (NEVER, NEVER)


def test_what_fits_no_day_never_comes() -> None:
    windows = built([{"days": ["holidays"], "in": ["term"], "not_in": ["term"]}])
    assert windows.occurrence(0, CALENDAR, UTC) == (NEVER, NEVER)


def shown(at_ms: int, zone: str) -> str:
    """For whoever reads a failure."""
    return f"asked at {datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S %z}"


clocks = st.one_of(
    st.integers(0, 1439),
    st.integers(110, 190) | st.integers(0, 70),  # near to where a clock change may be
    st.sampled_from([0, 1, 360, 720, 1320, 1439]),  # so that some touch
).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
times = st.tuples(clocks, st.one_of(clocks, st.just("24:00"))).filter(lambda both: both[0] != both[1])
weekdays = st.sampled_from(
    ["Mon", "Tue", "Sat", "Sun", "Mon-Fri", "Mon-Sat", "Fri-Sun", "Sat-Tue", "Sun-Sat"]
)
days = st.lists(weekdays | st.sampled_from(["workdays", "days-off", "holidays"]), min_size=1, max_size=2)
names = st.lists(st.sampled_from(sorted(PERIODS)), min_size=1, max_size=2, unique=True)


@st.composite
def raw_windows(draw: st.DrawFn) -> Raw:
    raw: Raw = {}
    if draw(st.integers(0, 3)):
        raw["from"], raw["to"] = draw(times)
    for key, values in (("days", days), ("in", names), ("not_in", names)):
        if not draw(st.integers(0, 2)):
            raw[key] = draw(values)
    return raw


@settings(max_examples=100, deadline=None)
@given(
    st.lists(raw_windows(), min_size=1, max_size=4),
    st.sampled_from([*ZONES, AT_MIDNIGHT]),
    st.randoms(use_true_random=False),
)
@example([{"from": "22:00", "to": "21:30"}], AT_MIDNIGHT, Random(0))  # to an end that is tomorrow in UTC
def test_any_windows_agree_with_the_clock(raws: list[Raw], zone: str, random: Random) -> None:
    windows, local = built(raws), ZoneInfo(zone)
    found = [one for one in stretches(raws, zone) if one[2] - one[1] < A_YEAR_MS]
    near = [
        (before, start, end)
        for before, start, end in found
        if any(before - HOUR_MS < change < end + HOUR_MS for change in walk(zone).changes)
    ]
    for before, start, end in [*near, *random.sample(found, min(len(found), 30))]:
        for at in (before, start, random.randrange(before, end), end - 1):
            assert windows.occurrence(at, CALENDAR, local) == (start, end), shown(at, zone)
