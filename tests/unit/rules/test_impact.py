"""What a change of rules does to what is going on: one story for each thing that it may do.

How to read a script stands in ``scene.py``; the rules change at its last moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

import pytest

from gateway.locale import Language
from gateway.tuning.impact_words import impact_sentence
from rules.engine import Setup
from rules.impact import Impact, impact, standing
from rules.rule import Condition, Override, Rule, Severity
from tests.unit.rules.scene import Scene, a_rule, a_setup, an_entrance, steps, watch

DOORS = tuple(an_entrance(name) for name in "ABC")
RULE = a_rule("3m residents, 8m grid_worker")
SHORTER = a_rule("1m residents, 8m grid_worker")
LONGER = a_rule("5m residents, 9m grid_worker")
LAST_STEP_GONE = a_rule("3m residents")
NIGHT = a_rule("3m residents, 8m grid_worker", window="22:00-06:00")
OTHER = a_rule("3m residents, 8m grid_worker", name="other")
BATTERY = a_rule("10m installer", when=Condition.BATTERY_LOW, name="battery")


def changed(before: Iterable[Rule], script: str, after: Iterable[Rule] | Setup) -> Impact:
    """What it does that other rules hold from the script's last moment on."""
    scene = Scene(a_setup(before, DOORS)).play(script)
    engine = scene.engine
    was = standing(engine)
    setup = after if isinstance(after, Setup) else a_setup(after, DOORS)
    outcomes = engine.change(setup, engine.at_ms)
    return impact(was, standing(engine), outcomes)


@pytest.mark.parametrize(
    ("before", "script", "after", "expected"),
    [
        pytest.param(
            [RULE],
            "10:00 open, 10:01 end",
            [],
            Impact(closes=1, changes=3),
            id="closes-what-no-rule-waits-for",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:04 end",
            [LAST_STEP_GONE],
            Impact(closes=1, changes=3),
            id="closes-where-no-further-step-is-left",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:00 B open, 10:00 C open, 10:01 B close, 10:02 end",
            [],
            Impact(closes=2, changes=3),
            id="closes-as-many-as-there-are",
        ),
        pytest.param(
            [],
            "10:00 open, 10:01 end",
            [RULE],
            Impact(starts=1, changes=3),
            id="starts-on-a-door-that-is-open",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:01 end",
            [RULE, OTHER],
            Impact(starts=1, changes=3),
            id="starts-beside-another-rule",
        ),
        pytest.param(
            [RULE], "10:00 open, 10:01 end", [LONGER], Impact(moves=1, changes=3), id="moves-what-comes-later"
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:00:30 end",
            [SHORTER],
            Impact(moves=1, changes=3),
            id="moves-what-comes-sooner",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:01 end",
            [NIGHT],
            Impact(moves=1, changes=3),
            id="moves-what-waits-for-the-night",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:02 end",
            [SHORTER],
            Impact(raises=1, tells=1, changes=3),
            id="raises-and-tells-what-is-due-by-then",
        ),
        pytest.param(
            [],
            "10:00 open, 10:09 end",
            [RULE],
            Impact(raises=1, tells=2, changes=3),
            id="tells-all-steps-that-are-due",
        ),
        pytest.param(
            [],
            "10:00 open, 10:05 end",
            [RULE],
            Impact(raises=1, tells=1, starts=1, changes=3),
            id="starts-what-is-still-to-come",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:06 end",
            [a_rule("3m residents, 5m grid_worker")],
            Impact(tells=1, changes=3),
            id="tells-without-raising-again",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:02 mute until 11:00, 10:02 end",
            [SHORTER],
            Impact(raises=1, moves=1, changes=3),
            id="raises-though-a-mute-holds-the-telling-back",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:09 end",
            [],
            Impact(clears=1, changes=3),
            id="clears-what-no-rule-watches",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:04 end",
            [],
            Impact(closes=1, clears=1, changes=3),
            id="clears-and-closes-its-next-step",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:01 end",
            [replace(RULE, name="renamed")],
            Impact(closes=1, starts=1, changes=3),
            id="another-name-is-another-rule",
        ),
        pytest.param(
            [RULE, BATTERY],
            "10:00 open, 10:00 B low, 10:01 end",
            [RULE],
            Impact(closes=1, changes=3),
            id="what-is-said-of-the-others-stays",
        ),
        pytest.param(
            [RULE],
            "10:00 open, 10:01 deaf",
            [SHORTER],
            Impact(moves=1, changes=3),
            id="while-nobody-listens-nobody-is-told",
        ),
        pytest.param([RULE], "10:00 open, 10:01 end", [RULE], Impact(), id="the-same-rules-change-nothing"),
        pytest.param(
            [RULE], "10:00 close, 10:01 end", [LONGER], Impact(changes=3), id="closed-doors-have-no-clock"
        ),
        pytest.param(
            [RULE, OTHER],
            "10:00 open, 10:04 end",
            [OTHER, RULE],
            Impact(changes=3),
            id="in-another-order-no-clock-changes",
        ),
    ],
)
def test_a_change_of_rules(before: list[Rule], script: str, after: list[Rule], expected: Impact) -> None:
    assert changed(before, script, after) == expected


def test_every_number_has_its_story() -> None:
    stories = test_a_change_of_rules.pytestmark[0].args[1]  # type: ignore[attr-defined]  # pytest's own
    seen = {
        field.name for story in stories for field in fields(Impact) if getattr(story.values[3], field.name)
    }
    assert seen == {field.name for field in fields(Impact)}


# -- how many doors are watched otherwise ------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "many"),
    [
        pytest.param(
            replace(RULE, overrides=(Override(watch=watch("B"), steps=steps("1h residents")),)),
            1,
            id="other-steps-for-one-door",
        ),
        pytest.param(replace(RULE, excepting=(watch("B"),)), 1, id="an-exception-for-one-door"),
        pytest.param(NIGHT, 3, id="another-window"),
        pytest.param(replace(RULE, clear_after_ms=1), 3, id="another-end"),
        pytest.param(replace(RULE, reopen_within_ms=1), 3, id="another-time-to-reopen"),
        pytest.param(replace(RULE, severity=Severity.HIGH), 3, id="another-severity"),
        pytest.param(replace(RULE, when=Condition.TAMPERED), 3, id="another-condition"),
        pytest.param(replace(RULE, openings=4), 3, id="another-count-of-openings"),
        pytest.param(replace(RULE, openings_within_ms=3), 3, id="another-time-for-them"),
        pytest.param(replace(RULE, watch=watch("A", "C")), 1, id="one-door-that-it-does-not-watch-any-more"),
        pytest.param(RULE, 0, id="the-same"),
        pytest.param(replace(RULE, title={"zh": "门", "en": "Door"}), 0, id="another-title"),
        pytest.param(replace(RULE, why="Because."), 0, id="another-reason"),
    ],
)
def test_a_door_is_changed_where_it_has_something_else_of_a_rule(after: Rule, many: int) -> None:
    assert changed([RULE], "10:00 close", [after]) == Impact(changes=many)


def test_only_the_doors_that_a_new_rule_watches_are_changed() -> None:
    more = a_rule("1m residents", name="more", on=watch("B"))
    assert changed([RULE], "10:00 close", [RULE, more]).changes == 1
    assert changed([RULE, more], "10:00 close", [RULE]).changes == 1


def test_doors_that_come_or_go_are_changed() -> None:
    two = a_setup([RULE], DOORS[:2])
    four = a_setup([RULE], [*DOORS, an_entrance("D")])
    assert changed([RULE], "10:00 C open, 10:04 end", two) == Impact(closes=1, clears=1, changes=1)
    assert changed([RULE], "10:00 C open, 10:04 end", four) == Impact(changes=1)
    assert changed([], "10:00 close", a_setup([], DOORS[:2])) == Impact(), (
        "of no rule they were never watched"
    )


def test_doors_that_no_rule_tells_apart_are_counted_each() -> None:
    many = [an_entrance(f"d{n}") for n in range(500)]
    scene = Scene(a_setup([RULE], many)).play("10:00 end")
    was = standing(scene.engine)
    outcomes = scene.engine.change(a_setup([LONGER], many), scene.ms("10:00"))
    assert impact(was, standing(scene.engine), outcomes) == Impact(changes=500)


def test_how_things_stood_is_not_changed_by_what_comes_later() -> None:
    scene = Scene(a_setup([RULE], DOORS)).play("10:00 open, 10:01 end")
    was = standing(scene.engine)
    assert was.clocks == {("A", "rule"): scene.ms("10:03")}
    assert set(was.watchings) == {"A", "B", "C"}
    scene.play("10:04 end")
    assert was.clocks == {("A", "rule"): scene.ms("10:03")}
    assert standing(scene.engine).clocks == {("A", "rule"): scene.ms("10:08")}


# -- in one sentence ------------------------------------------------------------------------------

ALL = Impact(closes=2, starts=3, moves=4, raises=5, clears=6, tells=7, changes=8)


@pytest.mark.parametrize(
    ("change", "language", "said"),
    [
        (Impact(), "en", "changes nothing that is going on"),
        (Impact(), "zh", "对正在发生的没有影响"),
        (
            ALL,
            "en",
            "closes 2 clocks, starts 3 clocks, moves 4 clocks, raises 5 alarms, ends 6 alarms, "
            "takes 7 steps at once, changes 8 doors",
        ),
        (
            Impact(closes=12, raises=3, changes=41),
            "en",
            "closes 12 clocks, raises 3 alarms, changes 41 doors",
        ),
    ],
)
def test_what_a_change_did_in_one_sentence(change: Impact, language: Language, said: str) -> None:
    assert impact_sentence(change, language) == said


@pytest.mark.parametrize("name", [field.name for field in fields(Impact)])
def test_each_number_has_its_own_words_in_both_languages(name: str) -> None:
    one = Impact(**{name: 907})
    others = [Impact(**{other.name: 907}) for other in fields(Impact) if other.name != name]
    for language in ("zh", "en"):
        said = impact_sentence(one, language)
        assert "907" in said and said not in {impact_sentence(other, language) for other in others}
        assert said in impact_sentence(replace(ALL, **{name: 907}), language)
    assert impact_sentence(ALL, "zh").count("，") == len(fields(Impact)) - 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("closes", "closes 1 clock"),
        ("starts", "starts 1 clock"),
        ("moves", "moves 1 clock"),
        ("raises", "raises 1 alarm"),
        ("clears", "ends 1 alarm"),
        ("tells", "takes 1 step at once"),
        ("changes", "changes 1 door"),
    ],
)
def test_one_is_not_several(name: str, said: str) -> None:
    assert impact_sentence(Impact(**{name: 1}), "en") == said
    assert "1" in impact_sentence(Impact(**{name: 1}), "zh")
