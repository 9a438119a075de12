"""The language of stories, verb by verb: rule files are loaded, and their stories played.

The device of every story speaks every 15 minutes, and is silent after 45. The scripts here
are its lines, ``"+00:00 open, +10:00 end"``, and what comes of them is written alike.
"""

from __future__ import annotations

from datetime import date, tzinfo
from zoneinfo import ZoneInfo

import pytest

from rules.days import Calendar
from rules.load import Loaded, load_texts
from rules.story import VERBS, Moment, play

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")

FILE = """\
rules:
  - name: rule
    title: {zh: 规则, en: Rule}
    why: A test.
    RULE
    stories:
      - title: A story
        start: START
        given: GIVEN
        expect: EXPECT
        MORE
"""
DOOR = """\
when: left_open
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker}
      - {after: 20m, tell: grid_leader, unless: taken}"""
REPEATS = """\
when: left_open
    steps:
      - {after: 3m, tell: grid_worker, repeat: {every: 5m, at_most: 3}}"""
USUAL = """\
when: left_open
    steps:
      - {after: {usual: p90, at_least: 2m, at_most: 10m}, tell: residents}"""
SILENT = "when: silent\n    steps: [{after: 0s, tell: installer}, {after: 30m, tell: maintainer}]\n    clear_after: 0s"
BATTERY = "when: battery_low\n    steps: [{after: 0s, tell: installer}]\n    clear_after: 0s"
TAMPERED = "when: tampered\n    steps: [{after: 30s, tell: grid_worker}]"
CHATTERING = """\
when: chattering
    openings: 3
    openings_within: 1m
    steps: [{after: 0s, tell: installer}]
    clear_after: 10s"""


def lines(script: str) -> list[str]:
    return [line.strip() for line in script.split(", ") if line]


def written(rule: str, given: str, *, start: str = "Mon 10:00", more: str = "", expect: str = "") -> str:
    text = FILE.replace("RULE", rule).replace("START", start).replace("MORE", more)
    return text.replace("GIVEN", f"{lines(given)}").replace("EXPECT", f"{lines(expect)}")


def loaded(text: str) -> Loaded:
    found, faults = load_texts([("a.yaml", text)])
    assert found is not None, "\n".join(map(str, faults))
    return found


def played(
    rule: str, given: str, *, start: str = "Mon 10:00", more: str = "", zone: tzinfo = SHANGHAI
) -> list[str]:
    """What comes of it; and it is what the story may expect."""
    its_rule, story, _ = loaded(written(rule, given, start=start, more=more)).stories[0]
    came = [str(moment) for moment in play(its_rule, story, zone)]
    text = written(rule, given, start=start, more=more, expect=", ".join(came))
    its_rule, story, _ = loaded(text).stories[0]
    assert play(its_rule, story, zone) == list(story.expect)
    return came


# -- each verb -----------------------------------------------------------------------------

OPENED = ["+03:00 tell residents", "+08:00 tell grid_worker", "+20:00 tell grid_leader"]

OF_THE_DOOR = [
    pytest.param("+00:00 open, +30:00 end", OPENED, id="open"),
    pytest.param("+00:00 open, +02:59 close, +30:00 end", [], id="close"),
    pytest.param(
        "+00:00 open, +04:00 close, +30:00 end",
        ["+03:00 tell residents", "+04:30 cleared"],
        id="close-after-it-was-told",
    ),
    pytest.param("+00:00 open, +01:00 open, +03:00 end", ["+03:00 tell residents"], id="open-twice"),
    pytest.param("+00:00 open, +02:00 open, +02:59 end, +30:00 close", [], id="end"),
    pytest.param("+00:00 open, +05:00 open", ["+03:00 tell residents"], id="without-end"),
    pytest.param("+00:00 open, +01:00 offline, +30:00 end", [], id="offline"),
    pytest.param(
        "+00:00 open, +01:00 offline, +06:00 online, +09:00 end",
        ["+06:00 tell residents", "+08:00 tell grid_worker"],
        id="online-says-how-it-stands",
    ),
    pytest.param(
        "+00:00 open, +01:00 offline, +06:00 hello, +09:00 end",
        ["+06:00 tell residents", "+08:00 tell grid_worker"],
        id="hello-says-how-it-stands",
    ),
    pytest.param(
        "+00:00 open, +01:00 offline, +06:00 close, +09:00 end",
        ["+06:00 missed"],
        id="closed-when-it-speaks-again",
    ),
    pytest.param("+00:00 open, +04:00 take, +30:00 end", OPENED[:2], id="take"),
    pytest.param("+00:00 open, +04:00 settle, +30:00 end", OPENED[:1], id="settle"),
    pytest.param(
        "+00:00 open, +04:00 settle, +05:00 close, +10:00 open, +14:00 end",
        ["+03:00 tell residents", "+05:30 cleared", "+13:00 tell residents"],
        id="settle-counts-until-it-is-cleared",
    ),
    pytest.param(
        "+00:00 open, +04:00 take, +21:00 close, +30:00 open, +51:00 end",
        [
            *OPENED[:2],
            "+21:30 cleared",
            "+33:00 tell residents",
            "+38:00 tell grid_worker",
            "+50:00 tell grid_leader",
        ],
        id="take-counts-until-it-is-cleared",
    ),
    pytest.param(
        "+00:00 open, +20:00 take, +30:00 end",
        OPENED,
        id="take-at-the-instant-of-a-step-comes-after-it",
    ),
    pytest.param(
        "+00:00 open, +01:00 mute 30m, +40:00 end",
        ["+31:00 tell residents", "+31:00 tell grid_worker", "+31:00 tell grid_leader"],
        id="mute",
    ),
    pytest.param(
        "+00:00 open, +01:00 mute 1m30s, +04:00 end", ["+03:00 tell residents"], id="mute-for-a-moment"
    ),
    pytest.param(
        "+00:00 open, +01:00 mute 30m, +05:00 take, +40:00 end",
        ["+31:00 tell residents", "+31:00 tell grid_worker"],
        id="mute-and-take",
    ),
    pytest.param(
        "+00:00 open, +01:00 mute 30m, +05:00 unmute, +09:00 end",
        ["+05:00 tell residents", "+08:00 tell grid_worker"],
        id="unmute",
    ),
    pytest.param(
        "+00:00 open, +01:00 unmute, +04:00 end", ["+03:00 tell residents"], id="unmute-without-mute"
    ),
    pytest.param(
        "+00:00 open, +01:00 mute 30m, +02:00 mute 3m, +09:00 end",
        ["+05:00 tell residents", "+08:00 tell grid_worker"],
        id="mute-again-changes-the-mute",
    ),
    pytest.param(
        "+00:00 open, +04:00 mute 30m, +06:00 close, +09:00 end",
        ["+03:00 tell residents", "+06:30 cleared"],
        id="mute-does-not-hold-back-that-it-is-over",
    ),
    pytest.param(
        "+00:00 mute 1h, +01:00 open, +09:00 close, +70:00 end",
        ["+09:30 cleared"],
        id="mute-and-cleared-though-nobody-was-told",
    ),
    pytest.param(
        "+00:00 open, +01:00 down, +10:00 up, +21:00 end",
        ["+10:00 tell residents", "+10:00 tell grid_worker", "+20:00 tell grid_leader"],
        id="down-and-up",
    ),
    pytest.param(
        "+00:00 open, +01:00 down, +05:00 close, +10:00 up, +21:00 end",
        ["+10:00 missed"],
        id="down-what-is-said-meanwhile-is-heard-when-it-is-up",
    ),
    pytest.param(
        "+00:00 down, +01:00 open, +10:00 up, +13:00 end",
        ["+13:00 tell residents"],
        id="down-an-opening-counts-from-when-it-is-heard",
    ),
    pytest.param(
        "+00:00 open, +01:00 down, +02:00 mute 10m, +05:00 up, +13:00 end",
        ["+12:00 tell residents", "+12:00 tell grid_worker"],
        id="down-and-muted",
    ),
]
OF_THE_DEVICE = [
    pytest.param(SILENT, "+20:00 silent, +59:59 end", [], id="silent-not-yet"),
    pytest.param(SILENT, "+20:00 silent, +60:00 end", ["+60:00 tell installer"], id="silent"),
    pytest.param(
        SILENT,
        "+20:00 silent, +70:00 hello, +80:00 end",
        ["+60:00 tell installer", "+70:00 cleared"],
        id="hello",
    ),
    pytest.param(
        SILENT,
        "+20:00 silent, +70:00 hello, +1:10:01 silent, +1:55:00 end",
        ["+60:00 tell installer", "+70:00 cleared", "+115:00 tell installer"],
        id="silent-again",
    ),
    pytest.param(
        SILENT,
        "+20:00 silent, +70:00 hello, +9:00:00 end",
        ["+60:00 tell installer", "+70:00 cleared"],
        id="hello-and-it-beats-again",
    ),
    pytest.param(
        SILENT,
        "+20:00 offline, +1:30:00 end",
        ["+60:00 tell installer", "+90:00 tell maintainer"],
        id="offline",
    ),
    pytest.param(
        SILENT,
        "+20:00 offline, +70:00 online, +80:00 end",
        ["+60:00 tell installer", "+70:00 cleared"],
        id="online",
    ),
    pytest.param(
        SILENT, "+20:00 silent, +50:00 mute 20m, +80:00 end", ["+70:00 tell installer"], id="silent-and-muted"
    ),
    pytest.param(SILENT, "+9:00:00 end", [], id="end-it-beats-by-itself"),
    pytest.param(BATTERY, "+01:00 battery_low, +02:00 end", ["+01:00 tell installer"], id="battery_low"),
    pytest.param(
        BATTERY,
        "+01:00 battery_low, +02:00 battery_ok, +03:00 end",
        ["+01:00 tell installer", "+02:00 cleared"],
        id="battery_ok",
    ),
    pytest.param(TAMPERED, "+01:00 tamper, +02:00 end", ["+01:30 tell grid_worker"], id="tamper"),
    pytest.param(TAMPERED, "+01:00 tamper, +01:29 tamper_over, +02:00 end", [], id="tamper_over-in-time"),
    pytest.param(
        TAMPERED,
        "+01:00 tamper, +02:00 tamper_over, +03:00 end",
        ["+01:30 tell grid_worker", "+02:30 cleared"],
        id="tamper_over",
    ),
    pytest.param(
        CHATTERING,
        "+00:00 open, +00:01 close, +00:10 open, +00:11 close, +00:20 open, +00:21 close, +02:00 end",
        ["+00:20 tell installer", "+01:10 cleared"],
        id="open-and-close",
    ),
]


@pytest.mark.parametrize(("given", "expected"), OF_THE_DOOR)
def test_what_may_happen_to_a_door(given: str, expected: list[str]) -> None:
    assert played(DOOR, given) == expected


@pytest.mark.parametrize(("rule", "given", "expected"), OF_THE_DEVICE)
def test_what_may_happen_to_a_device(rule: str, given: str, expected: list[str]) -> None:
    assert played(rule, given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            "+00:00 open, +01:00 down, +02:00 take, +10:00 up, +30:00 end",
            ["+10:00 tell residents", "+10:00 tell grid_worker"],
            id="taken-while-the-gateway-is-away",
        ),
        pytest.param(
            "+00:00 open, +01:00 down, +02:00 settle, +10:00 up, +30:00 end",
            [],
            id="settled-while-the-gateway-is-away",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 1h, +02:00 down, +03:00 unmute, +05:00 up, +09:00 end",
            ["+05:00 tell residents", "+08:00 tell grid_worker"],
            id="unmuted-while-the-gateway-is-away",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 1h, +02:00 unmute, +02:30 mute 2m, +09:00 end",
            ["+04:30 tell residents", "+08:00 tell grid_worker"],
            id="muted-once-more",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 30m, +02:00 offline, +20:00 online, +40:00 end",
            ["+31:00 tell residents", "+31:00 tell grid_worker", "+31:00 tell grid_leader"],
            id="muted-and-unknown",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 5m, +02:00 offline, +20:00 online, +30:00 end",
            ["+20:00 tell residents", "+20:00 tell grid_worker", "+20:00 tell grid_leader"],
            id="unknown-for-longer-than-muted",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 30m, +05:00 settle, +40:00 end",
            [],
            id="muted-and-settled",
        ),
        pytest.param(
            "+00:00 open, +09:00 settle, +10:00 mute 5m, +30:00 close, +35:00 end",
            [*OPENED[:2], "+30:30 cleared"],
            id="settled-and-muted",
        ),
        pytest.param(
            "+00:00 open, +09:00 take, +10:00 settle, +19:00 unmute, +30:00 end",
            OPENED[:2],
            id="taken-and-settled",
        ),
    ],
)
def test_what_several_people_do_to_one_door(given: str, expected: list[str]) -> None:
    assert played(DOOR, given) == expected


def test_every_verb_has_its_story_here() -> None:
    scripts = [str(one.values[0]) for one in OF_THE_DOOR] + [str(one.values[1]) for one in OF_THE_DEVICE]
    assert {line.split()[1] for script in scripts for line in lines(script)} == set(VERBS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            "+00:00 open, +30:00 end",
            [f"+{minute}:00 tell grid_worker" for minute in ("03", "08", "13", "18")],
            id="nobody-takes-it",
        ),
        pytest.param(
            "+00:00 open, +09:00 take, +30:00 end",
            ["+03:00 tell grid_worker", "+08:00 tell grid_worker"],
            id="somebody-takes-it",
        ),
        pytest.param(
            "+00:00 open, +09:00 close, +30:00 end",
            ["+03:00 tell grid_worker", "+08:00 tell grid_worker", "+09:30 cleared"],
            id="it-is-shut",
        ),
        pytest.param(
            "+00:00 open, +04:00 mute 10m, +30:00 end",
            [f"+{minute}:00 tell grid_worker" for minute in ("03", "14", "14", "18")],
            id="all-that-were-held-back-come-together",
        ),
    ],
)
def test_a_step_that_is_repeated(given: str, expected: list[str]) -> None:
    assert played(REPEATS, given) == expected


# -- what people may not expect ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            "+00:00 open, +01:00 take, +30:00 end",
            OPENED[:2],
            id="take-counts-before-there-is-a-case",
        ),
        pytest.param(
            "+00:00 open, +01:00 settle, +30:00 end",
            [],
            id="settle-counts-before-there-is-a-case",
        ),
        pytest.param(
            "+00:00 open, +01:00 take, +02:00 close, +10:00 open, +40:00 end",
            ["+13:00 tell residents", "+18:00 tell grid_worker"],
            id="take-of-what-was-never-raised-counts-for-the-next-opening",
        ),
        pytest.param(
            "+00:00 open, +01:00 settle, +02:00 close, +10:00 open, +40:00 end",
            [],
            id="settle-of-what-was-never-raised-counts-for-the-next-opening",
        ),
        pytest.param(
            "+00:00 open, +04:00 settle, +05:00 close, +09:00 end",
            ["+03:00 tell residents", "+05:30 cleared"],
            id="settled-by-hand-it-is-cleared-all-the-same",
        ),
        pytest.param(
            "+00:00 silent, +00:10 open, +04:00 end",
            ["+03:10 tell residents"],
            id="a-silent-device-still-says-that-the-door-opens",
        ),
    ],
)
def test_what_counts_though_it_may_surprise(given: str, expected: list[str]) -> None:
    assert played(DOOR, given) == expected


# -- usual ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param("usual: 5m", ["+05:00 tell residents"], id="so-long"),
        pytest.param("usual: 30s", ["+02:00 tell residents"], id="at-least"),
        pytest.param("usual: 1h", ["+10:00 tell residents"], id="at-most"),
        pytest.param("", ["+10:00 tell residents"], id="nothing-is-known"),
        pytest.param("usual: 0s", ["+10:00 tell residents"], id="0s-is-nothing-known"),
    ],
)
def test_how_long_the_door_of_the_story_usually_stands_open(more: str, expected: list[str]) -> None:
    assert played(USUAL, "+00:00 open, +30:00 end", more=more) == expected


def test_what_is_usual_is_so_at_every_hour_and_for_every_share() -> None:
    rule = USUAL + "\n      - {after: {usual: p99, at_least: 10m, at_most: 3h}, tell: grid_worker}"
    assert played(rule, "+00:00 open, +9:00:00 end", start="Sun 23:59", more="usual: 1h30m") == [
        "+10:00 tell residents",
        "+90:00 tell grid_worker",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("+00:00 open, +04:59 close, +30:00 end", [], id="shut-in-its-usual-time"),
        pytest.param(
            "+00:00 open, +06:00 close, +30:00 end",
            ["+05:00 tell residents", "+06:30 cleared"],
            id="a-little-later",
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 20m, +30:00 end", ["+21:00 tell residents"], id="a-mute-holds-it-back"
        ),
        pytest.param(
            "+00:00 open, +01:00 mute 20m, +02:00 unmute, +30:00 end",
            ["+05:00 tell residents"],
            id="an-unmute-does-not",
        ),
        pytest.param("+00:00 open, +01:00 settle, +30:00 end", [], id="settled"),
        pytest.param(
            "+00:00 open, +01:00 down, +08:00 up, +30:00 end",
            ["+08:00 tell residents"],
            id="the-gateway-was-away",
        ),
        pytest.param(
            "+00:00 open, +01:00 offline, +07:00 close, +30:00 end", ["+07:00 missed"], id="nobody-could-know"
        ),
    ],
)
def test_what_happens_to_a_door_that_is_usually_open_for_five_minutes(
    given: str, expected: list[str]
) -> None:
    assert played(USUAL, given, more="usual: 5m") == expected


def test_a_step_that_is_not_usual_does_not_ask() -> None:
    assert played(DOOR, "+00:00 open, +04:00 end", more="usual: 1s") == ["+03:00 tell residents"]


# -- when and where ----------------------------------------------------------------------------------

NIGHT = DOOR + '\n    during: {from: "22:00", to: "06:00"}'


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        pytest.param("Mon 21:59", SHANGHAI, ["+04:00 tell residents"], id="a-weekday"),
        pytest.param("Mon 22:01", SHANGHAI, ["+03:00 tell residents"], id="inside-the-window"),
        pytest.param("Mon 12:00", SHANGHAI, [], id="by-day"),
        pytest.param("2026-07-01 21:59", SHANGHAI, ["+04:00 tell residents"], id="a-date"),
        pytest.param(
            "2026-03-29 05:56", BERLIN, ["+03:00 tell residents"], id="the-morning-of-a-short-night"
        ),
    ],
)
def test_a_story_starts_by_the_clock_of_the_place(start: str, zone: tzinfo, expected: list[str]) -> None:
    assert played(NIGHT, "+00:00 open, +05:00 end", start=start, zone=zone) == expected


THURSDAY = date(2026, 10, 1)
HOLIDAYS = Calendar(frozenset({THURSDAY}), frozenset({date(2026, 10, 10)}), 2026)


@pytest.mark.parametrize(
    ("days", "start", "calendar", "told"),
    [
        pytest.param("holidays", "2026-10-01 10:00", HOLIDAYS, True, id="a-holiday"),
        pytest.param("holidays", "2026-10-08 10:00", HOLIDAYS, False, id="no-holiday"),
        pytest.param("workdays", "2026-10-01 10:00", HOLIDAYS, False, id="no-workday"),
        pytest.param("workdays", "2026-10-10 10:00", HOLIDAYS, True, id="a-make-up-workday"),
        pytest.param("days-off", "2026-10-10 10:00", HOLIDAYS, False, id="no-day-off"),
        pytest.param(
            "workdays", "2026-10-01 10:00", None, True, id="without-a-calendar-a-thursday-is-a-thursday"
        ),
        pytest.param("holidays", "Thu 10:00", HOLIDAYS, False, id="a-weekday-alone-is-no-date"),
    ],
)
def test_a_story_is_played_by_the_holidays_of_the_place(
    days: str, start: str, calendar: Calendar | None, told: bool
) -> None:
    rule = DOOR + f"\n    during: {{days: {days}}}"
    its_rule, story, _ = loaded(written(rule, "+00:00 open, +04:00 end", start=start)).stories[0]
    came = [str(moment) for moment in play(its_rule, story, SHANGHAI, calendar)]
    assert came == ["+03:00 tell residents"] * told


@pytest.mark.parametrize(
    ("watch", "entrance", "door"),
    [
        pytest.param("", "", "story", id="any"),
        pytest.param("entrance: g-7", "", "g-7", id="the-one-that-the-rule-names"),
        pytest.param("entrance: xh-*", "", "xh-1", id="one-that-the-pattern-fits"),
        pytest.param("entrance: 'xh-??'", "", "xh-11", id="one-that-each-question-mark-fits"),
        pytest.param("entrance: [b, a]", "", "a", id="the-first-of-several"),
        pytest.param("", "entrance: m-3", "m-3", id="the-one-that-the-story-names"),
        pytest.param("", "entrance: 'm-*'", "m-1", id="one-that-the-story-s-pattern-fits"),
        pytest.param("kind: gate", "", "story", id="a-gate"),
        pytest.param("tags: busy", "kind: unit_door", "story", id="both-together"),
    ],
)
def test_a_story_is_played_on_a_door_that_the_rule_watches(watch: str, entrance: str, door: str) -> None:
    rule = DOOR + f"\n    watch: {{{watch}}}"
    text = written(rule, "+00:00 open, +04:00 end", more=f"entrance: {{{entrance}}}" if entrance else "")
    its_rule, story, _ = loaded(text).stories[0]
    assert story.entrance.id == door
    assert its_rule.watches(story.entrance)
    assert [str(moment) for moment in play(its_rule, story, SHANGHAI)] == ["+03:00 tell residents"]


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("+00:00 open", Moment(0, "open")),
        ("+03:07 close", Moment(187_000, "close")),
        ("+90:00 end", Moment(5_400_000, "end")),
        ("+1:30:00 end", Moment(5_400_000, "end")),
        ("  +5:00   mute   30m ", Moment(300_000, "mute 30m")),
    ],
)
def test_a_line_says_when_and_what(line: str, moment: Moment) -> None:
    _, story, _ = loaded(written(DOOR, line)).stories[0]
    assert story.given == (moment,)


# -- lines that cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("+01:00 mute", "'mute' does not say how long. Write how long, like 'mute 30m'."),
        ("+01:00 mute soon", "'mute soon' does not say how long. Write how long, like 'mute 30m'."),
        ("+01:00 mute 30", "'mute 30' does not say how long. Write how long, like 'mute 30m'."),
        ("+01:00 mut 30m", "nothing is called 'mut 30m'. Did you mean 'mute'?"),
        ("+01:00 unmute 30m", "nothing is called 'unmute 30m'. Did you mean 'unmute'?"),
        ("+01:00 open 30m", "nothing is called 'open 30m'. Did you mean 'open'?"),
        ("+01:00 setle", "nothing is called 'setle'. Did you mean 'settle'?"),
        ("+01:60open", "'+01:60open' cannot be read. Write it like '+03:00 open'."),
        ("01:00 open", "'01:00 open' cannot be read. Write it like '+03:00 open'."),
        (
            "+00:60 open",
            "'+00:60 open' is no moment of a story. Write it like '+03:00 open', within a month.",
        ),
        (
            "+999:00:00 open",
            "'+999:00:00 open' is no moment of a story. Write it like '+03:00 open', within a month.",
        ),
        (
            "+44641:00 open",
            "'+44641:00 open' is no moment of a story. Write it like '+03:00 open', within a month.",
        ),
        ("+01:00 settle it", "nothing is called 'settle it'. Did you mean 'settle'?"),
        ("+01:00 take worker", "nothing is called 'take worker'. Did you mean 'take'?"),
        ("+01:00 mute 30m 5s", "'mute 30m 5s' does not say how long. Write how long, like 'mute 30m'."),
    ],
)
def test_a_line_that_cannot_be_read_says_how_to_write_it(line: str, fault: str) -> None:
    found, faults = load_texts([("a.yaml", written(DOOR, line))])
    assert found is None
    assert [f"{one.what}. {one.mend}" for one in faults] == [fault]


@pytest.mark.parametrize(
    ("given", "start", "expect", "fault"),
    [
        pytest.param(
            "+02:00 open, +01:00 close",
            "Mon 10:00",
            "",
            "this comes before the line above it. Order the lines by time.",
            id="lines-out-of-order",
        ),
        pytest.param(
            "+00:00 open",
            "Monday 10:00",
            "",
            "'Monday 10:00' is not a start. Write it like 'Mon 22:30' or '2026-03-29 01:30'.",
            id="no-weekday",
        ),
        pytest.param(
            "+00:00 open",
            "2026-02-30 10:00",
            "",
            "'2026-02-30 10:00' is not a start. Write it like 'Mon 22:30' or '2026-03-29 01:30'.",
            id="no-date",
        ),
        pytest.param(
            "+00:00 open",
            "Mon 24:00",
            "",
            "'Mon 24:00' is not a start. Write it like 'Mon 22:30' or '2026-03-29 01:30'.",
            id="no-time-of-day",
        ),
        pytest.param(
            "+00:00 open",
            "Mon 10:00",
            "+03:00 take",
            "'take' cannot be expected. Write 'tell ROLE', 'cleared' or 'missed'.",
            id="an-act-is-no-outcome",
        ),
        pytest.param(
            "+00:00 open",
            "Mon 10:00",
            "+03:00 tell resident",
            "nobody has the role 'resident'. Did you mean 'residents'?",
            id="nobody-is-called-so",
        ),
    ],
)
def test_a_story_that_cannot_be_understood_says_why(given: str, start: str, expect: str, fault: str) -> None:
    found, faults = load_texts([("a.yaml", written(DOOR, given, start=start, expect=expect))])
    assert found is None
    assert [f"{one.what}. {one.mend}" for one in faults] == [fault]


def test_what_does_not_come_true_is_seen() -> None:
    text = written(DOOR, "+00:00 open, +04:00 end", expect="+03:01 tell residents")
    rule, story, _ = loaded(text).stories[0]
    assert play(rule, story, SHANGHAI) != list(story.expect)


@pytest.mark.parametrize(
    ("watch", "entrance"),
    [
        pytest.param("xh-*", "xh-7", id="one-that-the-rule-s-pattern-fits"),
        pytest.param("[a-9, m-3]", "m-3", id="one-of-those-that-the-rule-names"),
    ],
)
def test_a_story_is_played_on_the_door_that_it_names(watch: str, entrance: str) -> None:
    rule = DOOR + f"\n    watch: {{entrance: {watch}}}"
    text = written(rule, "+00:00 open, +04:00 end", more=f"entrance: {{entrance: {entrance}}}")
    _, story, _ = loaded(text).stories[0]
    assert story.entrance.id == entrance
