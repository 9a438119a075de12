"""The four edges of DESIGN.md, section 6 (2), as tables of stories with exact times.

A door is open when a window starts, when a window ends, when a mute ends, and when a rule
is added or edited. How to read a script stands in ``scene.py``; day 0 is a Monday.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.days import Days
from rules.rule import Condition, Entrance, Override, Rule
from rules.window import During, Window, Windows
from tests.unit.rules.scene import Scene, a_rule, a_setup, steps, watch

# To look again and again at one moment is a fault, too; it shall fail here and not hold up the rest.
pytestmark = pytest.mark.timeout(10, method="signal")

ALWAYS = a_rule()
NIGHT = a_rule(window="22:00-06:00")


def told(rule: Rule, script: str) -> list[str]:
    return Scene(a_setup([rule])).play(script).told()


def heard(rule: Rule, script: str) -> list[str]:
    return Scene(a_setup([rule])).play(script).heard()


def windows(*texts: str) -> Windows:
    """``"22:00-24:00"``, each maybe with the weekdays on which it begins: ``"0123 22:00-06:00"``."""
    return Windows(tuple(_window(text) for text in texts))


def _window(text: str) -> Window:
    weekdays, _, clocks = text.rpartition(" ")
    first, last = (int(clock[:2]) * 60 + int(clock[3:]) for clock in clocks.split("-"))
    return Window(During(first, last), Days(frozenset(map(int, weekdays))))


# -- open when the window starts ---------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "21:00 open, 22:30 end",
            ["22:03 tell residents", "22:08 tell grid_worker"],
            id="it-counts-from-the-start-of-the-window",
        ),
        pytest.param(
            "22:00 open, 22:30 end",
            ["22:03 tell residents", "22:08 tell grid_worker"],
            id="opened-as-the-window-starts",
        ),
        pytest.param(
            "22:30 open, 23:00 end",
            ["22:33 tell residents", "22:38 tell grid_worker"],
            id="opened-inside-the-window-it-counts-from-the-opening",
        ),
        pytest.param("21:00 open, 22:00 close, 23:00 end", [], id="shut-as-the-window-starts"),
        pytest.param("21:00 open, 22:02:59 close, 23:00 end", [], id="shut-just-after-the-window-started"),
        pytest.param("10:00 open, 21:00 close, 23:00 end", [], id="by-day-the-night-rule-sleeps"),
        pytest.param(
            "21:00 open, 21:30 offline, 22:05 open, 22:30 end",
            ["22:05 tell residents, late", "22:08 tell grid_worker"],
            id="unknown-as-it-starts-and-open-when-it-speaks-again",
        ),
        pytest.param(
            "21:00 open, 21:59 deaf, 22:05 listening, 22:30 end",
            ["22:05 tell residents, late", "22:08 tell grid_worker"],
            id="nobody-listens-as-it-starts",
        ),
        pytest.param(
            "21:00 open, 21:30 offline, 22:05 close, 22:30 end",
            ["22:05 missed"],
            id="shut-unseen-after-it-was-due-is-missed",
        ),
        pytest.param(
            "21:00 open, 21:30 offline, 22:02 close, 22:30 end",
            [],
            id="shut-unseen-before-it-was-due-is-nothing",
        ),
        pytest.param(
            "10:00 open, +3 12:00 end",
            ["22:03 tell residents", "22:08 tell grid_worker"],
            id="three-days-open-tells-each-step-once",
        ),
    ],
)
def test_open_when_the_window_starts(script: str, expected: list[str]) -> None:
    assert told(NIGHT, script) == expected


@pytest.mark.parametrize(
    ("window", "script", "expected"),
    [
        pytest.param(
            windows("22:00-24:00", "00:00-06:00"),
            "23:58 open, +1 00:10 end",
            ["+1 00:01 tell residents", "+1 00:06 tell grid_worker"],
            id="two-that-touch-at-midnight-are-one",
        ),
        pytest.param(
            windows("10:00-11:00", "10:58-12:00"),
            "09:00 open, 12:30 end",
            ["10:03 tell residents", "10:08 tell grid_worker"],
            id="where-two-overlap-nothing-begins",
        ),
        pytest.param(
            windows("10:00-10:05", "12:00-13:00"),
            "09:00 open, 13:00 end",
            ["10:03 tell residents", "12:08 tell grid_worker"],
            id="the-next-of-the-same-day-counts-from-its-own-start",
        ),
        pytest.param(
            windows("12:00-13:00", "10:00-10:05"),
            "09:00 open, 13:00 end",
            ["10:03 tell residents", "12:08 tell grid_worker"],
            id="in-whatever-order-they-are-written",
        ),
        pytest.param(
            windows("1 22:00-06:00"),
            "21:00 open, +2 12:00 end",
            ["+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
            id="the-night-of-tuesday-begins-on-tuesday",
        ),
        pytest.param(
            windows("0 22:00-06:00"),
            "+1 01:00 open, +1 02:00 end",
            ["+1 01:03 tell residents", "+1 01:08 tell grid_worker"],
            id="and-the-night-of-monday-goes-on-on-tuesday",
        ),
        pytest.param(
            windows("0 22:00-06:00"),
            "+1 23:00 open, +6 23:00 end",
            [],
            id="the-night-of-tuesday-is-not-the-night-of-monday",
        ),
    ],
)
def test_open_when_one_of_several_windows_starts(window: Windows, script: str, expected: list[str]) -> None:
    assert told(a_rule(window=window), script) == expected


# -- the window ends while it is open ------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "+1 05:54 open, +1 07:00 close, +1 08:00 end",
            ["+1 05:57 tell residents", "+1 07:00:30 cleared"],
            id="no-further-step-comes-and-the-alarm-stands",
        ),
        pytest.param(
            "+1 05:54 open, +1 22:30 end",
            ["+1 05:57 tell residents", "+1 22:08 tell grid_worker"],
            id="next-night-only-the-remaining-steps-come-and-count-from-its-start",
        ),
        pytest.param(
            "+1 05:57 open, +1 22:30 end",
            ["+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
            id="due-exactly-at-its-end-belongs-to-the-next-one",
        ),
        pytest.param(
            "+1 05:56:59 open, +1 21:00 end",
            ["+1 05:59:59 tell residents"],
            id="due-one-second-before-its-end-still-comes",
        ),
        pytest.param("+1 05:58 open, +1 07:00 close, +1 23:00 end", [], id="over-before-it-was-due"),
        pytest.param(
            "+1 05:54 open, +1 05:59:50 close, +1 07:00 end",
            ["+1 05:57 tell residents", "+1 06:00:20 cleared"],
            id="it-is-cleared-after-its-end",
        ),
        pytest.param(
            "+1 05:54 open, +1 07:00 close, +1 07:00:29 open, +1 07:30 close, +1 23:00 end",
            ["+1 05:57 tell residents", "+1 07:30:30 cleared"],
            id="opened-again-within-clear-after-is-the-same-alarm-by-day-too",
        ),
        pytest.param(
            "+1 05:54 open, +1 05:55 offline, +1 06:30 open, +1 22:30 end",
            ["+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
            id="unknown-until-it-was-over-waits-for-the-next-one",
        ),
        pytest.param(
            "+1 05:50 open, +1 05:52 deaf, +1 06:30 listening, +1 22:30 end",
            ["+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
            id="deaf-until-it-was-over-waits-for-the-next-one",
        ),
        pytest.param(
            "+1 05:54 open, +1 05:55 offline, +1 06:30 close, +1 22:30 end",
            ["+1 06:30 missed"],
            id="due-inside-and-shut-unseen-after-it-is-missed",
        ),
        pytest.param(
            "23:58 open, +1 00:10 end",
            ["+1 00:01 tell residents", "+1 00:06 tell grid_worker"],
            id="midnight-is-nothing-special",
        ),
    ],
)
def test_the_window_ends_while_it_is_open(script: str, expected: list[str]) -> None:
    assert told(NIGHT, script) == expected


def test_a_rule_for_two_hours_cannot_ask_for_three() -> None:
    assert told(a_rule("3h residents", window="10:00-12:00"), "09:00 open, +5 12:00 end") == []


def test_repetitions_that_the_end_of_the_window_cuts_off_come_at_their_distance_from_the_next_start() -> None:
    rule = a_rule("3m residents +3x30m", window="22:00-06:00")
    assert told(rule, "+1 05:20 open, +2 12:00 end") == [
        "+1 05:23 tell residents",
        "+1 05:53 tell residents again 1",
        "+1 23:03 tell residents again 2",
        "+1 23:33 tell residents again 3",
    ]


# -- the mute ends while it is open: more of mutes stands in test_mutes.py --------------

MUTED = "raised, muted until"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "10:00 open, 10:01 mute until 10:05, 10:20 end",
            [f"10:03 {MUTED} 10:05", "10:05 tell residents, muted", "10:08 tell grid_worker"],
            id="what-fell-due-comes-at-once-and-the-rest-at-its-time",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:30, 10:40 end",
            [f"10:03 {MUTED} 10:30", "10:30 tell residents, muted", "10:30 tell grid_worker, muted"],
            id="several-come-in-their-order",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:02, 10:20 end",
            ["10:03 raised", "10:03 tell residents", "10:08 tell grid_worker"],
            id="over-before-anything-was-due-it-changes-nothing",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:03, 10:04 end",
            ["10:03 raised", "10:03 tell residents"],
            id="due-at-the-instant-of-its-end-is-not-muted",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:03:02, 10:04 end",
            [f"10:03 {MUTED} 10:03:02", "10:03:02 tell residents"],
            id="two-seconds-later-is-nothing-to-speak-of",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:03:03, 10:04 end",
            [f"10:03 {MUTED} 10:03:03", "10:03:03 tell residents, muted"],
            id="three-seconds-later-says-why",
        ),
        pytest.param(
            "09:00 mute until 10:30, 10:00 open, 10:40 end",
            [f"10:03 {MUTED} 10:30", "10:30 tell residents, muted", "10:30 tell grid_worker, muted"],
            id="opened-while-muted",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:30, 10:29:30 close, 10:40 end",
            [f"10:03 {MUTED} 10:30", "10:30 cleared"],
            id="shut-before-its-end-nobody-is-told",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:30, 10:30 close, 10:40 end",
            [
                f"10:03 {MUTED} 10:30",
                "10:30 tell residents, muted",
                "10:30 tell grid_worker, muted",
                "10:30:30 cleared",
            ],
            id="shut-at-the-instant-of-its-end-what-was-due-comes-first",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:30, 10:29:50 close, 10:30:10 open, 10:40 end",
            [f"10:03 {MUTED} 10:30", "10:30:10 tell residents, muted", "10:30:10 tell grid_worker, muted"],
            id="shut-for-a-moment-at-its-end-and-opened-again-is-told-then",
        ),
        pytest.param(
            "10:00 open, 10:01 mute until 10:30, 10:29 offline, 10:35 open, 10:40 end",
            [f"10:03 {MUTED} 10:30", "10:35 tell residents, muted", "10:35 tell grid_worker, muted"],
            id="unknown-at-its-end-is-told-when-it-speaks-again",
        ),
    ],
)
def test_the_mute_ends_while_it_is_open(script: str, expected: list[str]) -> None:
    assert heard(ALWAYS, script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "21:00 open, 21:30 mute until 23:00, 23:30 end",
            [f"22:03 {MUTED} 23:00", "23:00 tell residents, muted", "23:00 tell grid_worker, muted"],
            id="the-window-starts-while-muted",
        ),
        pytest.param(
            "21:00 open, 21:30 mute until 22:00, 23:30 end",
            ["22:03 raised", "22:03 tell residents", "22:08 tell grid_worker"],
            id="the-window-starts-as-the-mute-ends",
        ),
        pytest.param(
            "+1 05:30 open, +1 05:31 mute until +1 07:00, +1 22:30 end",
            [f"+1 05:33 {MUTED} +1 07:00", "+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
            id="the-window-ends-while-muted-so-it-waits-for-the-next-one-and-is-not-late-there",
        ),
        pytest.param(
            "+1 05:30 open, +1 05:31 mute until +1 06:00, +1 22:04 end",
            [f"+1 05:33 {MUTED} +1 06:00", "+1 22:03 tell residents"],
            id="the-window-ends-as-the-mute-does",
        ),
        pytest.param(
            "+1 05:30 open, +1 05:31 mute until +1 05:59:59, +1 22:04 end",
            [
                f"+1 05:33 {MUTED} +1 05:59:59",
                "+1 05:59:59 tell residents, muted",
                "+1 05:59:59 tell grid_worker, muted",
            ],
            id="the-mute-ends-a-second-before",
        ),
        pytest.param(
            "+1 05:30 open, +1 05:31 mute until +1 07:00, +1 08:00 close, +1 22:30 end",
            [f"+1 05:33 {MUTED} +1 07:00", "+1 08:00:30 cleared"],
            id="shut-by-day-it-was-raised-and-nobody-ever-knew",
        ),
    ],
)
def test_the_mute_ends_inside_or_outside_the_window(script: str, expected: list[str]) -> None:
    assert heard(NIGHT, script) == expected


def test_repetitions_that_were_held_back_all_come_at_the_end_of_the_mute() -> None:
    rule = a_rule("3m residents +3x5m")
    assert heard(rule, "10:00 open, 10:01 mute until 10:14, 11:00 end") == [
        f"10:03 {MUTED} 10:14",
        "10:14 tell residents, muted",
        "10:14 tell residents again 1, muted",
        "10:14 tell residents again 2, muted",
        "10:18 tell residents again 3",
    ]


# -- a rule is added or edited while it is open -------------------------------------------

OTHER = a_rule("5m repair", name="other")
CLINIC = Override(watch=watch("A"), steps=steps("1m clinic, 6m grid_worker"))
SETUPS = {
    "none": a_setup([]),
    "rule": a_setup([ALWAYS]),
    "night": a_setup([NIGHT]),
    "later-night": a_setup([a_rule(window="22:30-06:00")]),
    "night-till-five": a_setup([a_rule(window="22:00-05:00")]),
    "both": a_setup([ALWAYS, OTHER]),
    "renamed": a_setup([a_rule(name="renamed")]),
    "slower": a_setup([a_rule("20m residents, 30m grid_worker")]),
    "sooner": a_setup([a_rule("1m residents, 2m grid_worker, 3m grid_leader")]),
    "appended": a_setup([a_rule("3m residents, 8m grid_worker, 20m grid_leader")]),
    "prepended": a_setup([a_rule("1m community, 3m residents, 8m grid_worker")]),
    "between": a_setup([a_rule("3m residents, 5m community, 8m grid_worker")]),
    "first-only": a_setup([a_rule("3m residents")]),
    "second-only": a_setup([a_rule("8m grid_worker")]),
    "other-roles": a_setup([a_rule("3m community, 8m street")]),
    "repeated": a_setup([a_rule("3m residents +3x5m")]),
    "repeated-once": a_setup([a_rule("3m residents +1x5m")]),
    "repeated-slowly": a_setup([a_rule("3m residents +3x20m")]),
    "repeated-and-worker": a_setup([a_rule("3m residents +2x2m, 30m grid_worker")]),
    "worker": a_setup([a_rule("3m residents, 30m grid_worker")]),
    "patient": a_setup([a_rule(clear_after="10m")]),
    "clinic": a_setup([a_rule(overrides=(CLINIC,))]),
    "elsewhere": a_setup([a_rule(on=watch("B"))]),
    "excepted": a_setup([replace(ALWAYS, excepting=(watch("A"),))]),
    "battery": a_setup([a_rule("0s installer", when=Condition.BATTERY_LOW)]),
    "tampered": a_setup([a_rule("1m installer", when=Condition.TAMPERED)]),
    "chattering": a_setup([a_rule("0s installer", when=Condition.CHATTERING)]),
    "nowhere": a_setup([ALWAYS], []),
    "trial": a_setup([ALWAYS], [Entrance("A", trial=True)]),
}


def changed(begin: str, script: str) -> list[str]:
    return Scene(SETUPS[begin], setups=SETUPS).play(script).told()


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "none",
            "10:00 open, 10:01 change rule, 10:04 end",
            ["10:03 tell residents"],
            id="before-it-is-due-it-counts-from-the-opening",
        ),
        pytest.param(
            "none",
            "10:00 open, 10:03 change rule, 10:04 end",
            ["10:03 tell residents"],
            id="at-the-instant-that-it-is-due",
        ),
        pytest.param(
            "none",
            "10:00 open, 10:30 change rule, 10:31 end",
            ["10:30 tell residents, late", "10:30 tell grid_worker, late"],
            id="after-it-was-due-it-comes-at-once",
        ),
        pytest.param(
            "none",
            "21:00 open, 21:30 change night, 22:05 end",
            ["22:03 tell residents"],
            id="a-night-rule-in-the-evening",
        ),
        pytest.param(
            "none",
            "21:00 open, 22:05 change night, 22:10 end",
            ["22:05 tell residents, late", "22:08 tell grid_worker"],
            id="a-night-rule-at-night",
        ),
        pytest.param(
            "none",
            "05:00 open, 05:10 tick, 07:00 change night, 22:04 end",
            ["22:03 tell residents"],
            id="a-night-rule-by-day-tells-nothing-of-the-night-before",
        ),
        pytest.param(
            "none",
            "10:00 retained-open, 10:30 change rule, 11:00 end",
            [],
            id="open-and-nobody-knows-since-when",
        ),
        pytest.param(
            "none",
            "10:00 open, 10:10 close, 10:30 change rule, 11:00 end",
            [],
            id="what-was-over-before-it-is-nothing",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change both, 10:06 end",
            ["10:03 tell residents", "10:05 tell repair"],
            id="another-rule-is-another-alarm",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:01 deaf, 10:05 change both, 10:06 listening",
            ["10:06 tell residents, late", "10:06 tell repair, late"],
            id="while-deaf-it-tells-nobody-yet",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:01 offline, 10:05 change both, 10:10 end",
            [],
            id="while-unknown-it-tells-nobody",
        ),
        pytest.param(
            "none",
            "10:00 open, 10:01 mute until 10:30, 10:20 change rule, 10:40 end",
            ["10:30 tell residents, muted", "10:30 tell grid_worker, muted"],
            id="while-muted-it-waits-for-the-end-of-the-mute",
        ),
        pytest.param(
            "none",
            "10:00 low, 10:30 change battery, 11:00 end",
            ["10:30 tell installer, late"],
            id="the-battery-is-low-already",
        ),
        pytest.param(
            "none",
            "10:00 tamper, 10:00:30 change tampered, 11:00 end",
            ["10:01 tell installer"],
            id="the-box-is-open-already",
        ),
        pytest.param(
            "none",
            "10:00 open, 10:00:01 close, 10:00:02 open, 10:00:03 close, 10:00:04 change chattering, "
            "10:00:05 open, 10:00:06 close, 10:01 end",
            [],
            id="openings-were-not-counted-before-there-was-a-rule-about-them",
        ),
    ],
)
def test_a_rule_is_added(begin: str, script: str, expected: list[str]) -> None:
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "rule",
            "10:00 open, 10:04 change none, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, rule_removed"],
            id="while-raised",
        ),
        pytest.param("rule", "10:00 open, 10:02 change none, 10:30 end", [], id="before-it-was-due"),
        pytest.param(
            "rule",
            "10:00 open, 10:03 change none, 10:04 end",
            ["10:03 tell residents", "10:03 cleared, rule_removed"],
            id="what-is-due-at-that-instant-comes-first",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:01 mute until 10:30, 10:20 change none, 10:40 end",
            ["10:20 cleared, rule_removed"],
            id="while-muted-nobody-is-told-any-more",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 close, 10:04:10 change none, 10:30 end",
            ["10:03 tell residents", "10:04:10 cleared, rule_removed"],
            id="while-it-clears",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change none, 10:06 change rule, 10:10 end",
            [
                "10:03 tell residents",
                "10:04 cleared, rule_removed",
                "10:06 tell residents, late",
                "10:08 tell grid_worker",
            ],
            id="and-added-again-all-steps-come-anew",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change renamed, 10:10 end",
            [
                "10:03 tell residents",
                "10:04 cleared, rule_removed",
                "10:04 tell residents, late",
                "10:08 tell grid_worker",
            ],
            id="renamed-it-is-another-rule",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change elsewhere, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, rule_removed"],
            id="it-watches-other-doors",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change excepted, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, rule_removed"],
            id="this-door-is-excepted",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change nowhere, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, entrance_removed"],
            id="the-entrance-is-removed",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change nowhere, 10:05 change rule, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, entrance_removed"],
            id="an-entrance-that-comes-back-is-not-known",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change trial, 10:30 end",
            ["10:03 tell residents", "10:04 cleared, rule_removed"],
            id="its-device-is-on-trial-so-no-rule-watches-it",
        ),
    ],
)
def test_a_rule_is_removed(begin: str, script: str, expected: list[str]) -> None:
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "rule",
            "10:00 open, 10:02 change slower, 10:20 end",
            ["10:20 tell residents"],
            id="slower-still-counts-from-the-opening",
        ),
        pytest.param(
            "slower",
            "10:00 open, 10:10 change rule, 10:11 end",
            ["10:10 tell residents, late", "10:10 tell grid_worker, late"],
            id="sooner-what-is-due-comes-at-once",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change sooner, 10:05 end",
            ["10:03 tell residents", "10:04 tell grid_worker, late", "10:04 tell grid_leader, late"],
            id="steps-that-came-are-not-repeated",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change slower, 10:31 end",
            ["10:03 tell residents", "10:30 tell grid_worker"],
            id="a-raised-alarm-stands-though-the-edited-rule-would-not-yet-raise-it",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change appended, 10:30 end",
            ["10:03 tell residents", "10:08 tell grid_worker", "10:20 tell grid_leader"],
            id="a-step-appended-in-time",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:30 change appended, 10:31 end",
            ["10:03 tell residents", "10:08 tell grid_worker", "10:30 tell grid_leader, late"],
            id="a-step-appended-after-it-was-due",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:30 close, 10:30:10 change appended, 10:31 end",
            ["10:03 tell residents", "10:08 tell grid_worker", "10:30:30 cleared"],
            id="a-step-appended-while-it-clears-does-not-come",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:09 change first-only, 10:10 change rule, 10:30 end",
            ["10:03 tell residents", "10:08 tell grid_worker", "10:10 tell grid_worker, late"],
            id="a-step-removed-and-added-again-is-a-new-one",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change first-only, 10:30 close, 10:31 end",
            ["10:03 tell residents", "10:30:30 cleared"],
            id="a-step-removed-before-it-came",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change other-roles, 10:30 end",
            ["10:03 tell residents", "10:04 tell community, late", "10:08 tell street"],
            id="who-is-told-from-now-on-has-not-been-told",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:02 change clinic, 10:10 end",
            ["10:02 tell clinic, late", "10:06 tell grid_worker"],
            id="other-steps-for-this-door",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change clinic, 10:10 end",
            ["10:03 tell residents", "10:04 tell clinic, late", "10:06 tell grid_worker"],
            id="other-steps-for-this-door",
        ),
    ],
)
def test_the_steps_of_a_rule_are_edited(begin: str, script: str, expected: list[str]) -> None:
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "rule",
            "10:00 open, 10:04 change prepended, 10:10 end",
            ["10:03 tell residents", "10:08 tell grid_worker"],
            id="a-step-put-before-those-that-came-is-passed-over",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change between, 10:10 end",
            ["10:03 tell residents", "10:05 tell community", "10:08 tell grid_worker"],
            id="a-step-put-between-comes-in-its-turn",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:09 change between, 10:30 end",
            ["10:03 tell residents", "10:08 tell grid_worker"],
            id="a-step-put-between-those-that-came-is-passed-over",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change second-only, 10:30 end",
            ["10:03 tell residents", "10:08 tell grid_worker"],
            id="the-step-that-came-is-removed-and-the-next-one-comes-in-its-time",
        ),
        pytest.param(
            "repeated-and-worker",
            "10:00 open, 10:10 change worker, 11:00 end",
            [
                "10:03 tell residents",
                "10:05 tell residents again 1",
                "10:07 tell residents again 2",
                "10:30 tell grid_worker",
            ],
            id="the-repetitions-that-came-are-removed-and-the-next-step-comes-in-its-time",
        ),
        pytest.param(
            "worker",
            "10:00 open, 10:31 change repeated-and-worker, 11:00 end",
            [
                "10:03 tell residents",
                "10:30 tell grid_worker",
            ],
            id="repetitions-added-before-a-step-that-came-are-passed-over",
        ),
    ],
)
def test_steps_are_known_by_whom_they_tell(begin: str, script: str, expected: list[str]) -> None:
    """What has come does not come again; what is put before it is passed over; all others come."""
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "first-only",
            "10:00 open, 10:04 change repeated, 11:00 end",
            [
                "10:03 tell residents",
                "10:08 tell residents again 1",
                "10:13 tell residents again 2",
                "10:18 tell residents again 3",
            ],
            id="added-in-time",
        ),
        pytest.param(
            "first-only",
            "10:00 open, 10:14 change repeated, 11:00 end",
            [
                "10:03 tell residents",
                "10:14 tell residents again 1, late",
                "10:14 tell residents again 2, late",
                "10:18 tell residents again 3",
            ],
            id="added-later-all-that-were-due-come-at-once",
        ),
        pytest.param(
            "repeated",
            "10:00 open, 10:10 change repeated-once, 11:00 end",
            ["10:03 tell residents", "10:08 tell residents again 1"],
            id="fewer",
        ),
        pytest.param(
            "repeated",
            "10:00 open, 10:15 change repeated-once, 11:00 close, 11:01 end",
            [
                "10:03 tell residents",
                "10:08 tell residents again 1",
                "10:13 tell residents again 2",
                "11:00:30 cleared",
            ],
            id="fewer-than-have-come",
        ),
        pytest.param(
            "repeated",
            "10:00 open, 10:10 change repeated-slowly, 12:00 end",
            [
                "10:03 tell residents",
                "10:08 tell residents again 1",
                "10:43 tell residents again 2",
                "11:03 tell residents again 3",
            ],
            id="further-apart",
        ),
    ],
)
def test_the_repetitions_of_a_step_are_edited(begin: str, script: str, expected: list[str]) -> None:
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "rule",
            "10:00 open, 10:02 change night, 22:04 end",
            ["22:03 tell residents"],
            id="a-window-is-added-before-it-was-due",
        ),
        pytest.param(
            "rule",
            "10:00 open, 10:04 change night, 22:30 end",
            ["10:03 tell residents", "22:08 tell grid_worker"],
            id="a-window-is-added-while-raised-so-the-alarm-stands",
        ),
        pytest.param(
            "night",
            "10:00 open, 12:00 change rule, 12:30 end",
            ["12:00 tell residents, late", "12:00 tell grid_worker, late"],
            id="the-window-is-removed-by-day",
        ),
        pytest.param(
            "night",
            "21:00 open, 22:02 change later-night, 22:40 end",
            ["22:33 tell residents", "22:38 tell grid_worker"],
            id="it-starts-later",
        ),
        pytest.param(
            "night",
            "21:00 open, 22:04 change later-night, 22:40 end",
            ["22:03 tell residents", "22:38 tell grid_worker"],
            id="it-starts-later-when-the-first-step-has-come",
        ),
        pytest.param(
            "later-night",
            "21:00 open, 22:20 change night, 22:40 end",
            ["22:20 tell residents, late", "22:20 tell grid_worker, late"],
            id="it-starts-earlier-what-would-have-been-due-comes-at-once",
        ),
        pytest.param(
            "night",
            "+1 04:54 open, +1 04:58 change night-till-five, +1 22:09 end",
            ["+1 04:57 tell residents", "+1 22:08 tell grid_worker"],
            id="it-ends-earlier",
        ),
        pytest.param(
            "night-till-five",
            "+1 04:54 open, +1 05:30 change night, +1 22:09 end",
            ["+1 04:57 tell residents", "+1 05:30 tell grid_worker, late"],
            id="it-ends-later-what-would-have-been-due-comes-at-once",
        ),
    ],
)
def test_the_window_of_a_rule_is_edited(begin: str, script: str, expected: list[str]) -> None:
    assert changed(begin, script) == expected


@pytest.mark.parametrize(
    ("begin", "script", "expected"),
    [
        pytest.param(
            "rule",
            "10:04 close, 10:04:10 change patient, 10:20 end",
            ["10:03 tell residents", "10:14 cleared"],
            id="clear-after-is-longer",
        ),
        pytest.param(
            "patient",
            "10:04 close, 10:06 change rule, 10:20 end",
            ["10:03 tell residents", "10:06 cleared"],
            id="clear-after-is-shorter",
        ),
        pytest.param(
            "rule",
            "10:04 change battery, 10:20 end",
            ["10:03 tell residents", "10:04:30 cleared"],
            id="another-condition-under-the-same-name-ends-the-alarm-as-if-the-door-had-been-shut",
        ),
    ],
)
def test_opened_at_10_00_and_other_parts_of_the_rule_are_edited(
    begin: str, script: str, expected: list[str]
) -> None:
    assert changed(begin, f"10:00 open, {script}") == expected
