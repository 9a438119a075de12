"""The rules that ship: they load, they say why, and their stories come true."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from gateway.shipped import shipped
from rules.load import Loaded, load_texts
from rules.rule import Rule
from rules.story import Story, play

SHANGHAI = ZoneInfo("Asia/Shanghai")

# Why a rule without a story needs none, by its name.
NEEDS_NO_STORY: dict[str, str] = {}


def load() -> Loaded:
    found, faults = load_texts(shipped())
    assert found is not None, [str(fault) for fault in faults]
    return found


LOADED = load()
STORIES = [(rule, story) for rule, story, _ in LOADED.stories]


def title(value: Rule | Story) -> str:
    return value.name if isinstance(value, Rule) else value.title


def test_the_shipped_files_are_found_in_the_order_of_their_names() -> None:
    assert [name for name, _ in shipped()] == [
        "rules/devices.yaml",
        "rules/gates.yaml",
        "rules/people.yaml",
        "rules/unit_doors.yaml",
    ]


@pytest.mark.parametrize("rule", LOADED.rules.rules, ids=lambda rule: rule.name)
def test_every_rule_says_why_and_has_a_story(rule: Rule) -> None:
    assert len(rule.why) > 20, "one whole sentence"
    assert rule.title["zh"] and rule.title["en"]
    has_story = rule.name in {its.name for its, _, _ in LOADED.stories}
    assert has_story or NEEDS_NO_STORY.get(rule.name)


@pytest.mark.parametrize(("rule", "story"), STORIES, ids=title)
def test_every_story_comes_true(rule: Rule, story: Story) -> None:
    assert [str(it) for it in play(rule, story, SHANGHAI)] == [str(it) for it in story.expect]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_stories_come_true_in_other_zones_too(zone: str) -> None:
    for rule, story, where in LOADED.stories:
        assert play(rule, story, ZoneInfo(zone)) == list(story.expect), where


def counts_to_the_second(story: Story) -> bool:
    """Whether somebody is told by the passing of time alone, not when the gateway or the device is back."""
    given = {moment.after_ms for moment in story.given}
    return any("tell" in told.what and told.after_ms not in given for told in story.expect)


@pytest.mark.parametrize(
    ("rule", "story"), [one for one in STORIES if counts_to_the_second(one[1])], ids=title
)
def test_a_story_fails_when_its_rule_tells_a_second_later(rule: Rule, story: Story) -> None:
    late = replace(rule, steps=tuple(replace(step, after_ms=step.after_ms + 1_000) for step in rule.steps))
    assert play(late, story, SHANGHAI) != list(story.expect)


@pytest.mark.parametrize("rule", LOADED.rules.rules, ids=lambda rule: rule.name)
def test_every_rule_has_a_story_that_fails_when_it_tells_too_hastily(rule: Rule) -> None:
    hasty = replace(rule, steps=tuple(replace(step, after_ms=0) for step in rule.steps), openings=2)
    stories = [story for its, story, _ in LOADED.stories if its.name == rule.name]
    assert any(play(hasty, story, SHANGHAI) != list(story.expect) for story in stories)
