"""Durations, windows, the order of reports, faults, and that the engine touches nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rules import duration
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from rules.fault import Fault, guess
from rules.order import GAP_PATIENCE_MS, Order
from rules.outcome import NEXT_STATES, AlarmState, alarm_id
from rules.reading import Reading
from rules.rule import SUBJECT, Condition, Entrance, Override, Rule, Step, Watch
from rules.window import During

# -- durations ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("30s", 30 * SECOND_MS),
        ("8m", 8 * MINUTE_MS),
        ("90m", 90 * MINUTE_MS),
        ("1h30m", HOUR_MS + 30 * MINUTE_MS),
        ("2d", 2 * DAY_MS),
        ("1d2h3m4s", DAY_MS + 2 * HOUR_MS + 3 * MINUTE_MS + 4 * SECOND_MS),
        (" 5m ", 5 * MINUTE_MS),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, ms: int) -> None:
    assert duration.parse(text) == ms


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1m1h", "5min", "-5m", "1.5h", "5M", "5m5m", "99999d"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 30s, 8m, 1h30m or 2d"):
        duration.parse(text)


@given(st.integers(0, 9_999 * DAY_MS // SECOND_MS))
def test_a_shown_duration_reads_back(seconds: int) -> None:
    assert duration.parse(duration.show(seconds * SECOND_MS)) == seconds * SECOND_MS


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0s"), (999, "0s"), (90 * MINUTE_MS, "1h30m"), (DAY_MS, "1d"), (61_000, "1m1s")]
)
def test_a_duration_is_shown_as_short_as_possible(ms: int, text: str) -> None:
    assert duration.show(ms) == text


# -- windows ------------------------------------------------------------------------

ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/St_Johns",
        "Australia/Lord_Howe",  # its clocks change by half an hour
        "America/Santiago",  # its clocks change at midnight
        "UTC",
    )
]
minutes = st.integers(0, 1439)
moments = st.datetimes(datetime(2023, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001
    lambda naive: int(naive.replace(tzinfo=UTC).timestamp()) * 1000
)


def wall(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def is_inside(at_ms: int, during: During, zone: ZoneInfo) -> bool:
    """What the wall clock says; it is only sure away from a clock change."""
    local = wall(at_ms, zone)
    minute = local.hour * 60 + local.minute
    if during.from_minute < during.to_minute:
        return during.from_minute <= minute < during.to_minute
    return minute >= during.from_minute or minute < during.to_minute


def near_a_clock_change(at_ms: int, zone: ZoneInfo) -> bool:
    around = [wall(at_ms + hours * HOUR_MS, zone).utcoffset() for hours in range(-50, 51)]
    return len(set(around)) > 1


@settings(max_examples=300)
@given(minutes, minutes, moments, st.sampled_from(ZONES))
@example(22 * 60, 6 * 60, 1711843200000, ZONES[1])  # the night of 2024-03-30
def test_a_window_contains_the_moment_or_is_the_next_one(
    first: int, last: int, at_ms: int, zone: ZoneInfo
) -> None:
    assume(first != last)
    during = During(first, last)
    start, end = during.occurrence(at_ms, zone)
    assert at_ms < end
    if near_a_clock_change(at_ms, zone):
        return
    assert (start <= at_ms) == is_inside(at_ms, during, zone)
    assert end - start == (last - first) % 1440 * MINUTE_MS
    assert start - at_ms < DAY_MS, "there is one every day"
    assert (wall(start, zone).hour * 60 + wall(start, zone).minute) == first


@settings(max_examples=300)
@given(minutes, minutes, moments, st.sampled_from(ZONES))
def test_every_moment_before_its_end_finds_the_same_window(
    first: int, last: int, at_ms: int, zone: ZoneInfo
) -> None:
    """The engine keeps a window until it is over; so it must not change on the way."""
    assume(first != last)
    during = During(first, last)
    start, end = during.occurrence(at_ms, zone)
    for later in (at_ms + (end - at_ms) // 3, at_ms + (end - at_ms) // 2, end - 1):
        assert during.occurrence(later, zone) == (start, end)
    assert during.occurrence(end, zone)[1] > end


@settings(max_examples=300)
@given(minutes, minutes, moments, st.sampled_from(ZONES))
def test_windows_follow_each_other_day_by_day(first: int, last: int, at_ms: int, zone: ZoneInfo) -> None:
    assume(first != last)
    during = During(first, last)
    start, end = during.occurrence(at_ms, zone)
    next_start, _ = during.occurrence(end, zone)
    assert timedelta(hours=22) <= timedelta(milliseconds=next_start - start) <= timedelta(hours=26)


BERLIN = ZONES[1]


@pytest.mark.parametrize(
    ("during", "at", "start", "end"),
    [
        pytest.param((22, 6), "2026-03-28 12:00", "2026-03-28 21:00", "2026-03-29 04:00", id="the-short-night"),
        pytest.param((22, 6), "2026-10-24 12:00", "2026-10-24 20:00", "2026-10-25 05:00", id="the-long-night"),
        pytest.param((22, 6), "2026-03-29 03:59", "2026-03-28 21:00", "2026-03-29 04:00", id="its-last-minute"),
        pytest.param((22, 6), "2026-03-29 04:00", "2026-03-29 20:00", "2026-03-30 04:00", id="its-end-is-not-in-it"),
        pytest.param((22, 6), "2026-03-28 21:00", "2026-03-28 21:00", "2026-03-29 04:00", id="its-start-is-in-it"),
        pytest.param((2, 3), "2026-10-24 12:00", "2026-10-25 00:00", "2026-10-25 02:00", id="the-hour-that-comes-twice"),
        pytest.param((6, 22), "2026-03-29 12:00", "2026-03-29 04:00", "2026-03-29 20:00", id="by-day"),
    ],
)  # fmt: skip
def test_windows_in_berlin(during: tuple[int, int], at: str, start: str, end: str) -> None:
    """Times in UTC; the clocks change on 2026-03-29 and 2026-10-25 at 01:00."""
    found = During(during[0] * 60, during[1] * 60).occurrence(utc(at), BERLIN)
    assert found == (utc(start), utc(end))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_window_is_shown_as_it_is_written() -> None:
    assert str(During(22 * 60, 6 * 60 + 5)) == "22:00-06:05"


# -- the order of reports --------------------------------------------------------------

numbers = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=30)


@given(numbers)
def test_a_report_is_accepted_when_it_is_newer_than_all_before(reports: list[tuple[int, int]]) -> None:
    order = Order("device")
    for i, (boot, seq) in enumerate(reports):
        assert order.accept(boot, seq, i) == all((boot, seq) > before for before in reports[:i])
    if reports:
        assert (order.boot, order.seq) == max(reports)


@given(st.permutations(range(8)))
def test_when_all_have_come_nothing_is_missing(seqs: list[int]) -> None:
    order = Order("device")
    order.accept(1, 0, 0)
    for seq in seqs:
        order.accept(1, seq, 0)
    assert order.gap_due_ms == 0


@given(st.sets(st.integers(1, 30), min_size=1))
def test_what_is_missing_is_what_has_not_come(came: set[int]) -> None:
    order = Order("device")
    for seq in [0, *sorted(came)]:
        order.accept(1, seq, 1)
    missing = set(range(max(came))) - came - {0}
    assert order.gap_due_ms == (1 + GAP_PATIENCE_MS if missing else 0)
    assert {seq for hole in order.holes or () for seq in hole.missing or ()} == missing


@given(numbers)
def test_an_order_survives_its_snapshot(reports: list[tuple[int, int]]) -> None:
    order = Order("device")
    for i, (boot, seq) in enumerate(reports):
        order.accept(boot, seq, i)
    assert Order.resume(order.snapshot()).snapshot() == order.snapshot()


# -- faults ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("a.yaml:5", "unknown key 'x'", "Leave it out."), "a.yaml:5: unknown key 'x'. Leave it out."),
        (Fault("a.yaml", "too large"), "a.yaml: too large."),
    ],
)
def test_a_fault_is_one_line(fault: Fault, text: str) -> None:
    assert str(fault) == text


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("opne", "Did you mean 'open'?"),
        ("xyz", "Choose one of: close, open."),
        ("", "Choose one of: close, open."),
    ],
)
def test_a_guess_names_the_nearest_or_the_whole_choice(written: str, sentence: str) -> None:
    assert guess(written, {"open", "close"}) == sentence


# -- which entrances -----------------------------------------------------------------------

GATE = Entrance("G1", kind="gate", within=frozenset({"Grid 7", "Rose Garden"}), tags=frozenset({"busy"}))


@pytest.mark.parametrize(
    ("watch", "covers"),
    [
        pytest.param(Watch(), True, id="an-empty-watch-covers-all"),
        pytest.param(Watch(kinds=frozenset({"gate"})), True, id="its-kind"),
        pytest.param(Watch(kinds=frozenset({"unit_door"})), False, id="another-kind"),
        pytest.param(Watch(within=frozenset({"Grid 7", "Grid 8"})), True, id="one-of-its-places"),
        pytest.param(Watch(within=frozenset({"Grid 8"})), False, id="another-place"),
        pytest.param(Watch(tags=frozenset({"busy"})), True, id="its-tag"),
        pytest.param(Watch(tags=frozenset({"quiet"})), False, id="another-tag"),
        pytest.param(Watch(entrances=frozenset({"G1"})), True, id="itself"),
        pytest.param(Watch(entrances=frozenset({"G2"})), False, id="another-one"),
        pytest.param(
            Watch(kinds=frozenset({"gate"}), tags=frozenset({"quiet"})),
            False,
            id="all-that-it-names-must-fit",
        ),
    ],
)
def test_which_entrances_a_watch_covers(watch: Watch, covers: bool) -> None:
    assert watch.covers(GATE) is covers


def a_rule(*, excepting: tuple[Watch, ...] = (), overrides: tuple[Override, ...] = ()) -> Rule:
    return Rule(
        name="rule",
        title={},
        why="A test.",
        watch=Watch(kinds=frozenset({"gate"})),
        when=Condition.LEFT_OPEN,
        steps=(Step(after_ms=1, tell="residents"),),
        excepting=excepting,
        overrides=overrides,
    )


def test_a_rule_leaves_its_exceptions_and_trials_alone() -> None:
    assert a_rule().watches(GATE)
    assert not a_rule().watches(GATE._replace(trial=True))
    assert not a_rule(excepting=(Watch(tags=frozenset({"busy"})),)).watches(GATE)


def test_the_first_override_that_covers_an_entrance_counts() -> None:
    quick, slow = ((Step(after_ms=ms, tell="repair"),) for ms in (2, 3))
    overrides = (
        Override(watch=Watch(tags=frozenset({"quiet"})), steps=slow),
        Override(watch=Watch(tags=frozenset({"busy"})), steps=quick),
        Override(watch=Watch(), steps=slow),
    )
    assert a_rule(overrides=overrides).steps_for(GATE) == quick
    assert a_rule().steps_for(GATE)[0].after_ms == 1


# -- words ---------------------------------------------------------------------------------


def test_an_alarm_is_named_after_what_it_is_about() -> None:
    assert alarm_id("r", "e", 1) == alarm_id("r", "e", 1)
    assert (
        len({alarm_id("r", "e", 1), alarm_id("r", "e", 2), alarm_id("r", "f", 1), alarm_id("re", "", 1)}) == 4
    )


def test_every_condition_is_about_the_door_or_its_device() -> None:
    assert set(SUBJECT) == set(Condition)


def test_the_life_of_an_alarm_ends() -> None:
    assert set(NEXT_STATES) == set(AlarmState)
    ends = {state for state, following in NEXT_STATES.items() if not following}
    assert ends == {AlarmState.CLEARED, AlarmState.DROPPED}


def test_an_absent_fact_is_no_news() -> None:
    reading = Reading("device", 1)
    assert (reading.contact, reading.online, reading.battery_low, reading.tamper) == (None,) * 4
    assert reading.retained is False


# -- the engine touches nothing -----------------------------------------------------------------

IO = "socket ssl asyncio sqlite3 sqlalchemy requests paho aiomqtt apprise logging"


@pytest.mark.parametrize(
    ("what", "never"),
    [
        pytest.param("rules", f"{IO} yaml pydantic", id="the-room"),
        pytest.param("rules.engine", f"{IO} yaml pydantic", id="the-engine"),
        pytest.param("rules.story", f"{IO} yaml pydantic", id="stories"),
        pytest.param("rules.document", "socket ssl asyncio sqlite3 sqlalchemy requests paho", id="documents"),
    ],
)
def test_importing_it_brings_nothing_that_touches_the_world(what: str, never: str) -> None:
    program = f"import sys, {what}; print(*sorted(set('{never}'.split()) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []
