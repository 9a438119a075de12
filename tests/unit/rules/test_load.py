"""Rule files as people write them, and how a mistake in them is told."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from rules.load import Loaded, from_canonical, load_texts
from rules.rule import Condition, Override, Rule, Severity, Step, Watch
from rules.story import play
from rules.window import Windows

SHANGHAI = ZoneInfo("Asia/Shanghai")

GOOD = """\
rules:
  - name: door
    title: {zh: 门, en: Door}
    why: A test.
    when: left_open
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker}
"""

# The example of the style guide, word for word.
AS_ITS_MAINTAINER_SEES_IT = """\
rules:
  - name: unit-door-left-open-at-night
    title: {zh: 夜间单元门未关, en: Unit door left open at night}
    why: A unit door that stands open lets anyone walk in.
    watch: {kind: unit_door}
    when: left_open
    during: {from: "22:00", to: "06:00"}
    steps:
      - {after: 3m,  tell: residents}
      - {after: 8m,  tell: grid_worker}
      - {after: 38m, tell: grid_leader, unless: taken}
    clear_after: 30s                      # so that a swinging door is one alarm, not ten
    stories:
      - title: A swinging door is one alarm, not ten
        start: Mon 22:30                  # what follows is +minutes:seconds from there
        given: ["+00:00 open", "+06:00 close", "+06:10 open", "+12:00 end"]
        expect: ["+03:00 tell residents", "+08:00 tell grid_worker"]
"""


def loaded(text: str) -> Loaded:
    found, faults = load_texts([("doors.yaml", text)])
    assert found is not None, faults
    return found


def the_rule(text: str) -> Rule:
    (rule,) = loaded(text).rules.rules
    return rule


def faults_of(*texts: str) -> list[str]:
    """Each as people see it; the files are a.yaml, b.yaml …"""
    found, faults = load_texts([(f"{chr(ord('a') + i)}.yaml", text) for i, text in enumerate(texts)])
    assert (found is None) == bool(faults), "a rule set comes out exactly when there is no fault"
    return [str(fault) for fault in faults]


# -- what is right -----------------------------------------------------------------


def test_a_rule_with_everything() -> None:
    rule = the_rule(
        """\
rules:
  - name: everything
    title: {zh: 一切, en: Everything}
    why: To see that each key arrives.
    watch: {kind: [unit_door, gate], within: North, tags: [a, b], entrance: [E1, E2]}
    except: [{kind: gate}, {tags: held-open}]
    when: chattering
    openings: 7
    openings_within: 1m30s
    during: {from: 8:05, to: 23:59}
    steps:
      - {after: 0s, tell: installer}
      - {after: 12h, tell: maintainer, unless: taken}
    clear_after: 10m
    reopen_within: 2h
    severity: high
    overrides:
      - {watch: {tags: [quick]}, steps: [{after: 5s, tell: repair}]}
"""
    )
    assert rule == Rule(
        name="everything",
        title={"zh": "一切", "en": "Everything"},
        why="To see that each key arrives.",
        watch=Watch(
            kinds=frozenset({"unit_door", "gate"}),
            within=frozenset({"North"}),
            tags=frozenset({"a", "b"}),
            entrances=frozenset({"E1", "E2"}),
        ),
        excepting=(Watch(kinds=frozenset({"gate"})), Watch(tags=frozenset({"held-open"}))),
        when=Condition.CHATTERING,
        openings=7,
        openings_within_ms=90_000,
        during=Windows.daily(8 * 60 + 5, 23 * 60 + 59),
        steps=(
            Step(after_ms=0, tell="installer"),
            Step(after_ms=43_200_000, tell="maintainer", unless_taken=True),
        ),
        clear_after_ms=600_000,
        reopen_within_ms=7_200_000,
        severity=Severity.HIGH,
        overrides=(
            Override(
                watch=Watch(tags=frozenset({"quick"})),
                steps=(Step(after_ms=5_000, tell="repair"),),
            ),
        ),
    )


def test_what_is_left_out_has_a_sensible_value() -> None:
    rule = the_rule(GOOD)
    assert (rule.during, rule.clear_after_ms, rule.reopen_within_ms) == (None, 30_000, 600_000)
    assert (rule.severity, rule.watch, rule.excepting, rule.overrides) == (Severity.NORMAL, Watch(), (), ())


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "rules: []\n", "rules: []\r\n"])
def test_a_file_without_rules_has_no_fault(text: str) -> None:
    assert loaded(text).rules.rules == ()


def test_unquoted_values_stay_the_text_that_was_written() -> None:
    rule = the_rule(
        GOOD.replace("en: Door", "en: no")
        + "    during: {from: 22:30, to: 06:00}\n    watch: {tags: [1.0, yes, ~]}\n"
    )
    assert rule.during == Windows.daily(22 * 60 + 30, 6 * 60)
    assert rule.title["en"] == "no"
    assert rule.watch.tags == {"1.0", "yes", "~"}


def test_rules_keep_the_order_of_their_files() -> None:
    found, _ = load_texts([("z.yaml", GOOD), ("a.yaml", GOOD.replace("door", "gate"))])
    assert found is not None
    assert [rule.name for rule in found.rules.rules] == ["door", "gate"]
    assert found.rules.named("gate") is found.rules.rules[1]
    assert found.rules.named("window") is None


def test_the_example_of_the_style_guide_loads_and_its_story_passes() -> None:
    ((rule, story, where),) = loaded(AS_ITS_MAINTAINER_SEES_IT).stories
    assert where == "doors.yaml:14:9"
    assert play(rule, story, SHANGHAI) == list(story.expect)


@pytest.mark.parametrize(
    "text", [GOOD, AS_ITS_MAINTAINER_SEES_IT, "rules: []"], ids=["good", "guide", "none"]
)
def test_the_canonical_text_gives_the_same_rules_back(text: str) -> None:
    rules = loaded(text).rules
    again = from_canonical(rules.text)
    assert again == rules
    assert again.hash == rules.hash


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        pytest.param(GOOD + "# a comment\n", True, id="a-comment-changes-nothing"),
        pytest.param(
            GOOD.replace("after: 3m, tell: residents", "tell: residents, after: 3m"),
            True,
            id="nor-the-order-of-keys",
        ),
        pytest.param(
            GOOD + "    stories: [{title: t, given: ['+00:00 end'], expect: []}]\n", True, id="nor-a-story"
        ),
        pytest.param(GOOD.replace("3m", "4m"), False, id="another-time-is-another-rule-set"),
        pytest.param(GOOD.replace("A test.", "Another."), False, id="another-reason-too"),
    ],
)
def test_the_hash_names_what_the_rules_say(changed: str, same: bool) -> None:
    assert (loaded(changed).rules.hash == loaded(GOOD).rules.hash) is same


# -- what is wrong -----------------------------------------------------------------

# Each fault by itself has a file in faults/; here is what is more than one file's words.


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        pytest.param("rules: &a\n  - *a\n", "a.yaml:1:8", "anchors (&, *) are not used", id="a-ring"),
        pytest.param("门" * 400_000, "a.yaml", "larger than 1 MiB", id="bytes-are-counted-not-characters"),
        pytest.param("rules: " + "{a: " * 5_000, "a.yaml", "this is not YAML", id="deep-groups"),
    ],
)
def test_what_is_no_rule_file(text: str, where: str, what: str) -> None:
    found, faults = load_texts([("a.yaml", text)])
    assert found is None
    assert [(fault.where, what in fault.what) for fault in faults] == [(where, True)]


def test_aliases_cannot_make_a_small_file_explode() -> None:
    laughs = "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert len(faults_of("a: &a [ha]\n" + laughs)) == 9 * 8


@pytest.mark.parametrize("depth", [50, 150, 250, 350, 450, 550])
@pytest.mark.parametrize("around", ["{}", "- watch: {}", "- stories: {}"])
def test_however_deep_it_is_there_is_a_fault_and_no_crash(depth: int, around: str) -> None:
    assert faults_of("rules:\n  " + around.format("[" * depth + "]" * depth) + "\n") != []


def test_the_faults_of_all_files_come_together() -> None:
    assert faults_of(
        GOOD, "rules: [\n", GOOD, GOOD.replace("name: door", "name: gate").replace("3m", "x")
    ) == [
        "b.yaml:2:1: this is not YAML: expected the node content, but found '<stream end>'. "
        "Look at this line and the one above.",
        "c.yaml:2:5: the rule 'door' stands already at a.yaml:2:5. Rename one.",
        "d.yaml:7:10: 'x' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d.",
    ]


def test_a_district_may_have_roles_of_its_own() -> None:
    text = GOOD.replace("grid_worker", "night_watch")
    assert faults_of(text) != []
    found, faults = load_texts([("a.yaml", text)], roles=["residents", "night_watch"])
    assert (faults, found is not None) == ([], True)
