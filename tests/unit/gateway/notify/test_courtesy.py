"""Quiet hours and a night's budget, told as small stories.

``"Mon 22:30 worker, Tue 05:00 home high"`` are two tellings in local time, the second severe.
What comes out is ``told``, or until when it waits and why. Everybody has one role.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.notify.courtesy import Courtesy, Told, Wait
from rules.days import Calendar
from rules.duration import DAY_MS, MINUTE_MS
from rules.engine import Setup
from rules.load import load_texts
from rules.rule import Severity

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 9, 21)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ROLES = {
    "worker": "grid_worker",
    "second": "grid_worker",
    "leader": "grid_leader",
    "home": "residents",
    "installer": "installer",
}
LETS = "{role: grid_worker, from: '22:00', to: '06:00', lets_through: high}"
QUIET = "quiet: [{role: residents, from: '22:00', to: '06:00'}, " + LETS + "]"
BUDGET = "budget: [{role: grid_worker, messages: 2, from: '20:00', to: '07:00'}]"
_LINE = re.compile(r"(\w{3}) (\d\d):(\d\d) (\w+)(?: (low|normal|high))?")


def a_setup(text: str, calendar: Calendar = Calendar(), zone: ZoneInfo = SHANGHAI) -> Setup:  # noqa: B008 - it is frozen
    loaded, faults = load_texts([("people.yaml", text)])
    assert loaded, faults
    return Setup(loaded.rules, {}, zone, calendar)


def ms(day: str, clock: str, zone: ZoneInfo = SHANGHAI, monday: date = MONDAY) -> int:
    at = datetime.combine(monday + timedelta(days=DAYS.index(day)), datetime.min.time(), zone)
    hour, minute = map(int, clock.split(":"))
    return int(at.replace(hour=hour, minute=minute).timestamp() * 1000)


def shown(wait: Wait | None, zone: ZoneInfo = SHANGHAI) -> str:
    if wait is None:
        return "told"
    until = datetime.fromtimestamp(wait.until_ms / 1000, zone)
    return f"until {until:%a %H:%M} for {wait.why}"


class Played:
    """One courtesy, and what it said of each telling."""

    def __init__(self, setup: Setup, told: tuple[Told, ...] = (), monday: date = MONDAY) -> None:
        self.courtesy = Courtesy(setup, told)
        self._zone, self._monday = setup.zone, monday
        assert isinstance(self._zone, ZoneInfo)

    def play(self, script: str) -> list[str]:
        return [self._say(line) for line in script.split(", ")]

    def _say(self, line: str) -> str:
        match = _LINE.fullmatch(line)
        assert match, line
        day, hour, minute, person, severity = match.groups()
        assert isinstance(self._zone, ZoneInfo)
        at = ms(day, f"{hour}:{minute}", self._zone, self._monday)
        role, how = ROLES[person], Severity(severity or "normal")
        return shown(self.courtesy.wait(person, role, how, at), self._zone)


def played(text: str, script: str) -> list[str]:
    return Played(a_setup(text)).play(script)


# -- quiet hours --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("Mon 21:59 home", ["told"], id="the-minute-before"),
        pytest.param("Mon 22:00 home", ["until Tue 06:00 for quiet"], id="its-first-minute"),
        pytest.param("Tue 05:59 home", ["until Tue 06:00 for quiet"], id="its-last-minute"),
        pytest.param("Tue 06:00 home", ["told"], id="its-end-is-not-in-it"),
        pytest.param("Mon 12:00 home", ["told"], id="by-day"),
        pytest.param(
            "Mon 23:00 home, Wed 00:30 home",
            ["until Tue 06:00 for quiet", "until Wed 06:00 for quiet"],
            id="each-night-has-its-own-end",
        ),
        pytest.param("Mon 23:00 home high", ["until Tue 06:00 for quiet"], id="nothing-is-let-through"),
        pytest.param("Mon 23:00 leader", ["told"], id="a-role-without-quiet"),
        pytest.param("Mon 23:00 worker", ["until Tue 06:00 for quiet"], id="another-role-with-its-own"),
        pytest.param("Mon 23:00 worker high", ["told"], id="and-with-what-it-lets-through"),
    ],
)
def test_who_is_to_be_left_alone_hears_it_when_the_quiet_ends(script: str, expected: list[str]) -> None:
    assert played(QUIET, script) == expected


@pytest.mark.parametrize(
    ("lets", "through"),
    [("", []), ("low", ["low", "normal", "high"]), ("normal", ["normal", "high"]), ("high", ["high"])],
)
def test_what_is_as_severe_as_the_quiet_lets_through_or_more_comes(lets: str, through: list[str]) -> None:
    more = f", lets_through: {lets}" if lets else ""
    text = f"quiet: [{{role: residents, from: '22:00', to: '06:00'{more}}}]"
    came = [how for how in Severity if played(text, f"Mon 23:00 home {how}") == ["told"]]
    assert came == through


@pytest.mark.parametrize(
    ("days", "script", "expected"),
    [
        pytest.param("Sat-Sun", "Fri 23:00 home", "told", id="another-day"),
        pytest.param("Sat-Sun", "Sat 23:00 home", "until Sun 06:00 for quiet", id="that-day"),
        pytest.param("Fri", "Sat 05:00 home", "until Sat 06:00 for quiet", id="it-is-the-night-of-friday"),
        pytest.param("workdays", "Thu 23:00 home", "told", id="a-holiday-is-no-workday"),
        pytest.param("holidays", "Thu 23:00 home", "until Fri 06:00 for quiet", id="a-holiday"),
        pytest.param("workdays", "Sun 23:00 home", "until Mon 06:00 for quiet", id="a-make-up-workday"),
    ],
)
def test_quiet_may_be_on_some_days(days: str, script: str, expected: str) -> None:
    text = f"quiet: [{{role: residents, days: {days}, from: '22:00', to: '06:00'}}]"
    thursday, sunday = MONDAY + timedelta(days=3), MONDAY + timedelta(days=6)
    calendar = Calendar(frozenset({thursday}), frozenset({sunday}), 2026)
    assert Played(a_setup(text, calendar)).play(script) == [expected]


def test_quiet_for_a_whole_weekend_ends_with_it() -> None:
    text = "quiet: [{role: residents, days: Sat-Sun}]"
    assert played(text, "Fri 23:59 home, Sat 00:00 home, Sun 23:59 home, Sat 12:00 home high") == [
        "told",
        "until Mon 00:00 for quiet",
        "until Mon 00:00 for quiet",
        "until Mon 00:00 for quiet",
    ]


def test_the_clocks_change_and_six_is_six() -> None:
    """The night of 2026-03-28 is an hour short, that of 2026-10-24 an hour long."""
    for monday in (date(2026, 3, 23), date(2026, 10, 19)):
        said = Played(a_setup(QUIET, zone=BERLIN), monday=monday).play("Sat 23:00 home, Sun 05:59 home")
        assert said == ["until Sun 06:00 for quiet"] * 2


def test_who_is_left_alone_now() -> None:
    courtesy = Courtesy(a_setup(QUIET))
    night, morning = ms("Mon", "23:00"), ms("Tue", "06:00")
    assert courtesy.quiet_roles(Severity.NORMAL, night) == {"residents": morning, "grid_worker": morning}
    assert courtesy.quiet_roles(Severity.HIGH, night) == {"residents": morning}
    assert courtesy.quiet_roles(Severity.LOW, morning) == {}
    assert courtesy.quiet_until("leader", Severity.LOW, night) == 0


# -- budgets ----------------------------------------------------------------------------------

SPENT = "until Tue 07:00 for budget"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "Mon 20:00 worker, Mon 21:00 worker, Mon 22:00 worker, Tue 06:59 worker",
            ["told", "told", SPENT, SPENT],
            id="what-is-more-waits-for-the-morning",
        ),
        pytest.param(
            "Mon 21:00 worker, Mon 21:00 worker, Mon 21:00 second, Mon 21:00 worker, Mon 21:00 second",
            ["told", "told", "told", SPENT, "told"],
            id="each-person-has-her-own",
        ),
        pytest.param(
            "Mon 21:00 worker, Mon 21:00 worker, Tue 07:00 worker, Tue 20:00 worker, Tue 20:00 worker, "
            "Tue 20:00 worker",
            ["told", "told", "told", "told", "told", "until Wed 07:00 for budget"],
            id="the-next-night-begins-anew",
        ),
        pytest.param(
            "Mon 19:58 worker, Mon 19:59 worker, Mon 20:00 worker, Mon 20:01 worker, Mon 20:02 worker",
            ["told", "told", "told", "told", SPENT],
            id="what-came-by-day-does-not-count",
        ),
        pytest.param(
            "Mon 23:59 worker, Tue 00:00 worker, Tue 00:01 worker",
            ["told", "told", SPENT],
            id="midnight-begins-nothing",
        ),
        pytest.param(
            "Mon 21:00 worker high, Mon 21:00 worker low, Mon 21:00 worker high",
            ["told", "told", SPENT],
            id="however-severe",
        ),
        pytest.param(
            "Mon 21:00 leader, Mon 21:00 leader, Mon 21:00 leader",
            ["told", "told", "told"],
            id="a-role-without-budget",
        ),
    ],
)
def test_nobody_is_told_more_in_a_night_than_the_budget_says(script: str, expected: list[str]) -> None:
    assert played(BUDGET, script) == expected


def test_what_waits_for_quiet_takes_nothing_of_the_budget() -> None:
    script = "Mon 23:00 worker, Mon 23:00 worker, Mon 23:00 worker high, Mon 23:00 worker high, Mon 23:00 worker high"
    assert played(f"{QUIET}\n{BUDGET}", script) == [
        "until Tue 06:00 for quiet",
        "until Tue 06:00 for quiet",
        "told",
        "told",
        SPENT,
    ]


def test_where_both_hold_it_is_the_quiet_that_counts() -> None:
    script = "Mon 20:00 worker, Mon 20:00 worker, Mon 23:00 worker, Mon 23:00 worker high, Tue 06:30 worker"
    assert played(f"{QUIET}\n{BUDGET}", script) == [
        "told",
        "told",
        "until Tue 06:00 for quiet",
        SPENT,
        SPENT,
    ]


def test_who_was_told_before_a_restart_was_told() -> None:
    told = (
        Told("worker", "grid_worker", ms("Mon", "20:00")),
        Told("worker", "grid_worker", ms("Mon", "19:59")),
        Told("worker", "grid_leader", ms("Mon", "21:00")),
        Told("second", "grid_worker", ms("Mon", "21:00")),
        Told("second", "grid_worker", ms("Mon", "21:00")),
    )
    said = Played(a_setup(BUDGET), told).play("Mon 22:00 worker, Mon 22:00 worker, Mon 22:00 second")
    assert said == ["told", SPENT, SPENT]


def test_other_rules_forget_nobody_who_was_told() -> None:
    one = Played(a_setup(BUDGET))
    assert one.play("Mon 21:00 worker, Mon 21:00 worker") == ["told", "told"]
    one.courtesy.adopt(a_setup(BUDGET.replace("messages: 2", "messages: 3")))
    assert one.play("Mon 22:00 worker, Mon 22:00 worker") == ["told", SPENT]
    one.courtesy.adopt(a_setup(QUIET))
    assert one.play("Mon 22:00 worker, Tue 06:00 worker") == ["until Tue 06:00 for quiet", "told"]
    one.courtesy.adopt(a_setup(BUDGET))
    assert one.play("Mon 22:00 worker") == [SPENT]


@pytest.mark.parametrize(("days", "expected"), [(1, SPENT), (2, "told")])
def test_two_days_later_a_night_is_forgotten(days: int, expected: str) -> None:
    one = Played(a_setup(BUDGET))
    one.play("Mon 20:00 worker, Mon 20:00 worker")
    one.courtesy.forget_until(ms("Mon", "20:00") + days * DAY_MS)
    assert one.play("Mon 22:00 worker") == [expected]


tellings = st.lists(
    st.tuples(st.integers(0, 4 * DAY_MS // MINUTE_MS), st.sampled_from(["worker", "second", "leader"])),
    max_size=60,
).map(sorted)


@given(tellings, st.integers(1, 4), st.sampled_from([0, 20]), st.sampled_from([7, 22]))
def test_budgets_are_what_a_naive_count_says(
    script: list[tuple[int, str]], messages: int, first: int, last: int
) -> None:
    """From ``first`` o'clock to ``last``, over midnight or not."""
    text = (
        f"budget: [{{role: grid_worker, messages: {messages}, from: '{first:02d}:00', to: '{last:02d}:00'}}]"
    )
    courtesy = Courtesy(a_setup(text))
    told: Counter[tuple[str, date]] = Counter()
    for minute, person in script:
        at = ms("Mon", "00:00") + minute * MINUTE_MS
        local = datetime.fromtimestamp(at / 1000, SHANGHAI)
        night = None
        if first < last:
            night = local.date() if first <= local.hour < last else None
        elif local.hour >= first or local.hour < last:
            night = (local - timedelta(hours=last)).date()
        wait = courtesy.wait(person, ROLES[person], Severity.NORMAL, at)
        if night is None or person == "leader":
            assert wait is None
            continue
        assert (wait is None) == (told[person, night] < messages)
        told[person, night] += wait is None
        if wait is not None:
            end = datetime.fromtimestamp(wait.until_ms / 1000, SHANGHAI)
            assert (end.hour, end.minute, wait.why) == (last, 0, "budget")
            assert 0 < wait.until_ms - at < DAY_MS


def test_where_a_budget_is_for_whole_days_each_day_has_its_own() -> None:
    """Windows that touch are one to a rule, but no night is longer than a day."""
    text = "budget: [{role: grid_worker, messages: 1, days: Mon-Wed}]"
    assert played(
        text, "Mon 12:00 worker, Mon 13:00 worker, Tue 00:00 worker, Wed 23:59 worker, Thu 00:00 worker"
    ) == [
        "told",
        "until Tue 00:00 for budget",
        "told",
        "told",
        "told",
    ]
    always = "budget: [{role: grid_worker, messages: 1}]"
    assert played(always, "Mon 12:00 worker, Mon 13:00 worker, Tue 12:00 worker, Tue 12:00 worker") == [
        "told",
        "until Tue 00:00 for budget",
        "told",
        "until Wed 00:00 for budget",
    ]


def test_the_same_message_counts_once() -> None:
    courtesy = Courtesy(a_setup(BUDGET))
    at = ms("Mon", "21:00")
    said = [
        shown(courtesy.wait("worker", "grid_worker", Severity.NORMAL, at, message))
        for message in ("a", "a", "b", "c", "a", "b", "c", "", "")
    ]
    assert said == ["told", "told", "told", SPENT, "told", "told", SPENT, SPENT, SPENT]
    courtesy.forget_until(at + 2 * DAY_MS)
    later = at + DAY_MS
    assert [shown(courtesy.wait("worker", "grid_worker", Severity.NORMAL, later, m)) for m in "abc"] == [
        "told",
        "told",
        "until Wed 07:00 for budget",
    ]


def test_what_waited_counts_once_it_is_told() -> None:
    courtesy = Courtesy(a_setup(f"{QUIET}\n{BUDGET}"))
    at = ms("Mon", "23:00")

    def said(severity: Severity, message: str) -> str:
        return shown(courtesy.wait("worker", "grid_worker", severity, at, message))

    assert said(Severity.NORMAL, "a") == "until Tue 06:00 for quiet"
    assert [said(Severity.HIGH, message) for message in "abc"] == ["told", "told", SPENT]
