"""Steps that come when a door stands open longer than usual, and rules that name doors by a pattern.

How to read a script stands in ``scene.py``; day 0 is a Monday. ``p90:2m-10m residents`` is
told after what is usual, but from 2 to 10 minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from rules import duration
from rules.duration import HOUR_MS, MINUTE_MS, SECOND_MS
from rules.engine import HOURS_OF_WEEK, Engine, hour_of_week
from rules.load import load_texts
from rules.outcome import StepDue
from rules.reading import OPEN, Reading
from rules.rule import Entrance, Override, Rule, Watch
from tests.unit.rules.scene import SHANGHAI, Scene, a_rule, a_setup, an_entrance, steps, watch

BERLIN = ZoneInfo("Europe/Berlin")
NEWFOUNDLAND = ZoneInfo("America/St_Johns")  # half an hour off
USUALLY = a_rule("p90:2m-10m residents")

Learned = dict[tuple[str, int], tuple[int, ...]]


def always(length: str, entrance: str = "A", percent: int = 90) -> Learned:
    """The same at each hour."""
    return {(entrance, percent): (duration.parse(length),) * HOURS_OF_WEEK}


def by_hour(hours: dict[int, str], entrance: str = "A", percent: int = 90) -> Learned:
    """Known at these hours of the week only."""
    return {
        (entrance, percent): tuple(
            duration.parse(hours[hour]) if hour in hours else 0 for hour in range(HOURS_OF_WEEK)
        )
    }


def told(rule: Rule, learned: Learned, script: str, zone: tzinfo = SHANGHAI) -> list[str]:
    return Scene(a_setup([rule], zone=zone, usual=learned)).play(script).told()


# -- from at_least to at_most -----------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "at"),
    [
        pytest.param("5m", "10:05", id="what-is-usual"),
        pytest.param("5m7s", "10:05:07", id="to-the-second"),
        pytest.param("1s", "10:02", id="never-sooner-than-at-least"),
        pytest.param("1m59s", "10:02", id="a-little-less-than-at-least"),
        pytest.param("2m", "10:02", id="exactly-at-least"),
        pytest.param("2m1s", "10:02:01", id="a-little-more-than-at-least"),
        pytest.param("9m59s", "10:09:59", id="a-little-less-than-at-most"),
        pytest.param("10m", "10:10", id="exactly-at-most"),
        pytest.param("10m1s", "10:10", id="a-little-more-than-at-most"),
        pytest.param("3d", "10:10", id="never-later-than-at-most"),
        pytest.param("0s", "10:10", id="nothing-known-is-at-most"),
    ],
)
def test_what_is_usual_counts_from_at_least_to_at_most(length: str, at: str) -> None:
    assert told(USUALLY, always(length), "10:00 open, 11:00 end") == [f"{at} tell residents"]


@pytest.mark.parametrize(
    ("learned", "at"),
    [
        pytest.param({}, "10:10", id="nothing-is-known-of-any-door"),
        pytest.param(always("5m", "B"), "10:10", id="nothing-of-this-one"),
        pytest.param(always("5m", percent=99), "10:10", id="nothing-of-this-share"),
        pytest.param(always("5m") | always("8m", percent=99), "10:05", id="of-this-share-and-of-another"),
        pytest.param(by_hour({9: "5m", 11: "5m"}), "10:10", id="nothing-of-this-hour"),
        pytest.param(by_hour({10: "5m"}), "10:05", id="of-this-hour-only"),
        pytest.param(by_hour({24 + 10: "5m"}), "10:10", id="of-this-hour-on-another-day"),
    ],
)
def test_where_too_little_is_known_it_is_at_most(learned: Learned, at: str) -> None:
    assert told(USUALLY, learned, "10:00 open, 11:00 end") == [f"{at} tell residents"]


def test_each_door_has_its_own() -> None:
    learned = always("3m") | always("6m", "B")
    scene = Scene(a_setup([USUALLY], [an_entrance(name) for name in "ABC"], usual=learned))
    assert scene.play("10:00 open, 10:00 B open, 10:00 C open, 11:00 end").told() == [
        "10:03 tell residents",
        "10:06 B tell residents",
        "10:10 C tell residents",
    ]


def test_each_step_has_its_own_share_and_bounds() -> None:
    rule = a_rule("p50:1m-2m residents, p99:3m-9m grid_worker, 9m grid_leader, p99:9m-1h community")
    learned = always("90s", percent=50) | always("7m", percent=99)
    assert told(rule, learned, "10:00 open, 12:00 end") == [
        "10:01:30 tell residents",
        "10:07 tell grid_worker",
        "10:09 tell grid_leader",
        "10:09 tell community",
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("10:04:59 close, 10:30 end", [], id="shut-in-its-usual-time"),
        pytest.param(
            "10:06 close, 10:30 end",
            ["10:05 tell residents", "10:06:30 cleared"],
            id="shut-after-it",
        ),
        pytest.param("10:04 offline, 10:06 close, 10:30 end", ["10:06 missed"], id="shut-unseen-after-it"),
        pytest.param("10:04 offline, 10:04:30 close, 10:30 end", [], id="shut-unseen-in-it"),
        pytest.param(
            "10:04 offline, 10:07 open, 10:30 end",
            ["10:07 tell residents, late"],
            id="open-when-it-speaks-again",
        ),
        pytest.param("10:04 deaf, 10:20 listening, 10:30 end", ["10:20 tell residents, late"], id="deaf"),
        pytest.param("10:04 mute until 10:20, 10:30 end", ["10:20 tell residents, muted"], id="muted"),
        pytest.param("10:04 open, 10:30 end", ["10:05 tell residents"], id="a-repeated-open"),
    ],
)
def test_a_door_that_is_usually_open_for_5_minutes_is_opened_at_10_00(
    script: str, expected: list[str]
) -> None:
    assert told(USUALLY, always("5m"), f"10:00 open, {script}") == expected


# -- the hour of the week --------------------------------------------------------------------

EACH_HOUR = {("A", 90): tuple((hour + 1) * MINUTE_MS for hour in range(HOURS_OF_WEEK))}
WIDE = a_rule("p90:1s-10h residents")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("00:00 open, 01:00 end", "00:01", id="monday-at-midnight-is-the-first"),
        pytest.param("10:00 open, 12:00 end", "10:11", id="the-first-moment-of-an-hour"),
        pytest.param("10:59:59 open, 12:00 end", "11:10:59", id="its-last-second-though-it-goes-on"),
        pytest.param("11:00 open, 12:00 end", "11:12", id="the-next-hour"),
        pytest.param("23:30 open, +1 12:00 end", "23:54", id="the-last-hour-of-monday"),
        pytest.param("+1 00:00 open, +1 12:00 end", "+1 00:25", id="tuesday-at-midnight"),
        pytest.param("+6 23:30 open, +7 12:00 end", "+7 02:18", id="the-last-hour-of-the-week"),
        pytest.param("+7 00:30 open, +7 12:00 end", "+7 00:31", id="and-the-first-again"),
    ],
)
def test_the_hour_of_the_week_in_which_it_was_opened_counts(script: str, expected: str) -> None:
    assert told(WIDE, EACH_HOUR, script) == [f"{expected} tell residents"]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "minutes"),
    [
        pytest.param(UTC, "2024-01-01", "10:00", 11, id="utc"),
        pytest.param(SHANGHAI, "2024-01-01", "02:00", 11, id="shanghai-is-8-hours-ahead"),
        pytest.param(SHANGHAI, "2024-01-01", "16:00", 25, id="there-it-is-tuesday-already"),
        pytest.param(SHANGHAI, "2023-12-31", "16:00", 1, id="there-the-week-has-begun"),
        pytest.param(NEWFOUNDLAND, "2024-01-01", "03:29", 168, id="half-an-hour-off-it-is-sunday-still"),
        pytest.param(NEWFOUNDLAND, "2024-01-01", "03:30", 1, id="half-an-hour-off-it-is-monday"),
        pytest.param(BERLIN, "2026-03-28", "01:30", 5 * 24 + 3, id="saturday-in-winter"),
        pytest.param(BERLIN, "2026-03-29", "00:59", 6 * 24 + 2, id="just-before-the-clocks-go-forward"),
        pytest.param(BERLIN, "2026-03-29", "01:00", 6 * 24 + 4, id="just-after-it-an-hour-is-passed-over"),
        pytest.param(BERLIN, "2026-10-25", "00:30", 6 * 24 + 3, id="the-hour-before-the-clocks-go-back"),
        pytest.param(BERLIN, "2026-10-25", "01:30", 6 * 24 + 3, id="comes-twice"),
        pytest.param(BERLIN, "2026-10-25", "02:30", 6 * 24 + 4, id="and-then-the-next"),
    ],
)
def test_it_is_the_hour_that_local_clocks_show(zone: tzinfo, day: str, clock: str, minutes: int) -> None:
    """The scripts are in UTC; the door is usually open for (hour of the week + 1) minutes."""
    scene = Scene(a_setup([WIDE], zone=zone, usual=EACH_HOUR), day=day, clock=UTC)
    scene.play(f"{clock} open, +1 12:00 end")
    (step,) = (one for one in scene.outcomes if isinstance(one, StepDue))
    assert (step.at_ms - step.since_ms) // MINUTE_MS == minutes


def test_the_hours_of_a_week_follow_each_other() -> None:
    monday = int(datetime(2024, 1, 1, tzinfo=SHANGHAI).timestamp() * 1000)
    hours = [hour_of_week(monday + n * HOUR_MS, SHANGHAI) for n in range(-1, HOURS_OF_WEEK + 1)]
    assert hours == [167, *range(HOURS_OF_WEEK), 0]
    assert hour_of_week(monday - 1, SHANGHAI) == 167


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("10:59 open, 11:30 end", ["11:07 tell residents"], id="not-the-hour-in-which-it-is-due"),
        pytest.param(
            "10:59 open, 11:01 offline, 11:02 open, 11:30 end",
            ["11:07 tell residents"],
            id="not-the-hour-in-which-it-speaks-again",
        ),
        pytest.param(
            "10:55 open, 11:00 close, 11:10 open, 11:30 end",
            ["11:13 tell residents"],
            id="the-next-opening-has-its-own-hour",
        ),
        pytest.param(
            "10:50 open, 10:59 close, 11:05 open, 11:30 close, 11:40 end",
            ["10:58 tell residents", "10:59:30 cleared", "11:08 tell residents", "11:30:30 cleared"],
            id="so-has-the-next-alarm",
        ),
        pytest.param(
            "10:50 open, 10:59:50 close, 11:00:10 open, 11:30 end",
            ["10:58 tell residents"],
            id="opened-again-within-clear-after-it-is-the-same-alarm",
        ),
    ],
)
def test_from_10_to_11_it_is_8_minutes_and_from_11_to_12_it_is_3(script: str, expected: list[str]) -> None:
    assert told(USUALLY, by_hour({10: "8m", 11: "3m"}), script) == expected


# -- together with windows, repetitions and changes ------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("22:30 open, 23:00 end", ["22:34 tell residents"], id="opened-inside-the-window"),
        pytest.param(
            "20:30 open, 23:00 end",
            ["22:06 tell residents"],
            id="open-when-it-starts-it-counts-from-the-start-by-the-hour-of-the-opening",
        ),
        pytest.param("19:30 open, 23:00 end", ["22:10 tell residents"], id="of-which-nothing-may-be-known"),
        pytest.param(
            "+1 05:55 open, +1 23:00 end",
            ["+1 22:08 tell residents"],
            id="due-after-its-end-it-comes-in-the-next-one-by-the-hour-of-the-opening",
        ),
    ],
)
def test_at_22_it_is_4_minutes_at_20_it_is_6_and_at_5_it_is_8(script: str, expected: list[str]) -> None:
    rule = a_rule("p90:2m-10m residents", window="22:00-06:00")
    assert told(rule, by_hour({22: "4m", 20: "6m", 24 + 5: "8m"}), script) == expected


def test_repetitions_count_from_at_most() -> None:
    rule = a_rule("p90:2m-10m residents +2x5m")
    assert told(rule, always("3m"), "10:00 open, 11:00 end") == [
        "10:03 tell residents",
        "10:15 tell residents again 1",
        "10:20 tell residents again 2",
    ]


def test_steps_come_one_after_the_other_so_a_repetition_in_between_would_delay_what_is_usual() -> None:
    """Such a rule can be made, but no file that says so is taken."""
    rule = a_rule("2m residents +9x1m, p90:5m-11m grid_worker")
    came = told(rule, always("6m"), "10:00 open, 11:00 end")
    assert came[-2:] == ["10:11 tell residents again 9", "10:11 tell grid_worker, late"]


def test_no_file_is_taken_in_which_another_step_comes_between_at_least_and_at_most() -> None:
    text = """\
rules:
  - name: door
    title: {zh: 门, en: Door}
    why: A test.
    when: left_open
    steps:
      - {after: 2m, tell: residents, repeat: {every: 1m, at_most: 9}}
      - {after: {usual: p90, at_least: 5m, at_most: 11m}, tell: grid_worker}
"""
    _, faults = load_texts([("a.yaml", text)])
    assert [fault.where for fault in faults] == ["a.yaml:8:10"]
    assert load_texts([("a.yaml", text.replace("at_most: 9", "at_most: 3"))])[1] == []


SETUPS = {
    "5m": a_setup([USUALLY], usual=always("5m")),
    "3m": a_setup([USUALLY], usual=always("3m")),
    "8m": a_setup([USUALLY], usual=always("8m")),
    "nothing": a_setup([USUALLY]),
    "fixed": a_setup([a_rule("6m residents")]),
}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("10:02 change 3m, 10:30 end", ["10:03 tell residents"], id="shorter"),
        pytest.param(
            "10:04 change 3m, 10:30 end", ["10:04 tell residents, late"], id="shorter-and-due-already"
        ),
        pytest.param("10:04 change 8m, 10:30 end", ["10:08 tell residents"], id="longer"),
        pytest.param("10:06 change 8m, 10:30 end", ["10:05 tell residents"], id="longer-when-it-has-come"),
        pytest.param("10:04 change nothing, 10:30 end", ["10:10 tell residents"], id="forgotten"),
        pytest.param("10:04 change fixed, 10:30 end", ["10:06 tell residents"], id="the-rule-is-edited"),
        pytest.param("10:04 tick, 10:04 restart, 10:30 end", ["10:05 tell residents"], id="a-restart"),
    ],
)
def test_opened_at_10_00_and_what_is_usual_was_5_minutes_and_is_learned_anew(
    script: str, expected: list[str]
) -> None:
    scene = Scene(SETUPS["5m"], setups=SETUPS)
    assert scene.play(f"10:00 open, {script}").told() == expected


# -- doors named by a pattern ----------------------------------------------------------------

DOORS = ("xh-1", "xh-2", "xh-10", "xh-gate", "xh", "yh-1", "XH-1", "a.b", "axb", "a[1]-gate", "a1")


def watched(rules: Iterable[Rule], names: Iterable[str] = DOORS) -> dict[str, set[str]]:
    """Who is told of which doors, when all of them stand open for an hour."""
    engine = Engine(a_setup(rules, [Entrance(name) for name in names]))
    engine.on_readings([(name, Reading(name, MINUTE_MS, contact=OPEN)) for name in names])
    found: dict[str, set[str]] = {}
    for one in engine.on_time(2 * HOUR_MS):
        if isinstance(one, StepDue):
            found.setdefault(one.tell, set()).add(one.entrance)
    return found


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("xh-1", "xh-1", id="no-pattern"),
        pytest.param("xh-*", "xh-1 xh-2 xh-10 xh-gate", id="anything-after-it"),
        pytest.param("xh*", "xh-1 xh-2 xh-10 xh-gate xh", id="nothing-is-anything-too"),
        pytest.param("*-1", "xh-1 yh-1 XH-1", id="anything-before-it"),
        pytest.param("*h-*", "xh-1 xh-2 xh-10 xh-gate yh-1", id="on-both-sides"),
        pytest.param("?h-1", "xh-1 yh-1", id="one-character"),
        pytest.param("xh-?", "xh-1 xh-2", id="one-character-is-not-two"),
        pytest.param("a?b", "a.b axb", id="any-one-character"),
        pytest.param("a.b", "a.b", id="a-dot-is-a-dot"),
        pytest.param("*", " ".join(DOORS), id="all"),
        pytest.param("XH-*", "XH-1", id="capital-letters-are-others"),
        pytest.param("zh-*", "", id="none"),
        pytest.param("a[1]*", "a[1]-gate", id="brackets-are-brackets"),
        pytest.param("a[1]", "", id="also-without-a-star"),
    ],
)
def test_a_rule_watches_the_doors_that_its_pattern_fits(pattern: str, expected: str) -> None:
    found = watched([a_rule("3m residents", on=watch(pattern))])
    assert found.get("residents", set()) == set(expected.split())


def test_patterns_and_ids_stand_side_by_side() -> None:
    assert watched([a_rule("3m residents", on=watch("xh-?", "yh-1", "*b"))]) == {
        "residents": {"xh-1", "xh-2", "yh-1", "a.b", "axb"}
    }


def test_doors_that_patterns_tell_apart_have_rules_and_steps_of_their_own() -> None:
    ones = Override(watch=watch("*-1"), steps=steps("1m ones"))
    gates = Override(watch=watch("*-gate"), steps=steps("1m gates"))
    rule = Rule(
        name="rule",
        title={},
        why="A test.",
        watch=watch("*h-*"),
        excepting=(watch("xh-?0"),),
        when=a_rule().when,
        steps=steps("3m residents"),
        overrides=(ones, gates),
    )
    other = a_rule("4m others", name="other", on=watch("x*"))
    assert watched([rule, other]) == {
        "ones": {"xh-1", "yh-1"},
        "gates": {"xh-gate"},
        "residents": {"xh-2"},
        "others": {"xh-1", "xh-2", "xh-10", "xh-gate", "xh"},
    }


def test_a_pattern_goes_together_with_other_words() -> None:
    doors = [
        Entrance("xh-1", tags=frozenset({"busy"})),
        Entrance("xh-2"),
        Entrance("yh-1", tags=frozenset({"busy"})),
    ]
    covers = Watch(entrances=frozenset({"xh-*"}), tags=frozenset({"busy"}))
    assert [door.id for door in doors if covers.covers(door)] == ["xh-1"]


def test_a_step_that_is_usual_goes_by_the_door_and_not_by_the_pattern() -> None:
    learned = always("3m", "xh-1") | always("6m", "xh-2")
    names = ("xh-1", "xh-2", "xh-10")
    setup = a_setup(
        [a_rule("p90:2m-10m residents", on=watch("xh-*"))], [Entrance(n) for n in names], usual=learned
    )
    engine = Engine(setup)
    engine.on_readings([(name, Reading(name, SECOND_MS, contact=OPEN)) for name in names])
    came = {one.entrance: one.at_ms for one in engine.on_time(HOUR_MS) if isinstance(one, StepDue)}
    assert came == {name: SECOND_MS + m * MINUTE_MS for name, m in (("xh-1", 3), ("xh-2", 6), ("xh-10", 10))}
