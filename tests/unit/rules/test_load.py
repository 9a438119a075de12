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
      - {after: 1d, tell: maintainer, unless: taken}
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
            Step(after_ms=86_400_000, tell="maintainer", unless_taken=True),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            GOOD.replace("when:", "wen:"),
            [
                "a.yaml:2:5: the key 'when' is missing in a rule. Add 'when: …'.",
                "a.yaml:5:5: unknown key 'wen' in a rule. Did you mean 'when'?",
            ],
            id="a-misspelt-key",
        ),
        pytest.param(
            GOOD.replace("tell: grid_worker", "tel: grid_worker"),
            [
                "a.yaml:8:9: the key 'tell' is missing in 'steps'. Add 'tell: …'.",
                "a.yaml:8:21: unknown key 'tel' in 'steps'. Did you mean 'tell'?",
            ],
            id="a-misspelt-key-in-a-step",
        ),
        pytest.param(
            GOOD + "    open_four: 3m\n    unles: taken\n",
            [
                "a.yaml:9:5: unknown key 'open_four' in a rule. Choose one of: clear_after, during, except, name, "
                "openings, openings_within, overrides, reopen_within, severity, steps, stories, title, watch, when, why.",
                "a.yaml:10:5: unknown key 'unles' in a rule. Choose one of: clear_after, during, except, name, "
                "openings, openings_within, overrides, reopen_within, severity, steps, stories, title, watch, when, why.",
            ],
            id="unknown-keys-that-resemble-nothing",
        ),
        pytest.param(
            GOOD + "    watch: {kid: gate}\n    except: [{tag: x}]\n    during: {form: 1:00, to: 2:00}\n",
            [
                "a.yaml:9:13: unknown key 'kid' in 'watch'. Did you mean 'kind'?",
                "a.yaml:10:15: unknown key 'tag' in 'except'. Did you mean 'tags'?",
                "a.yaml:11:14: unknown key 'form' in 'during'. Did you mean 'from'?",
            ],
            id="each-place-has-its-own-keys",
        ),
        pytest.param(
            GOOD.replace("    why: A test.\n", ""),
            ["a.yaml:2:5: the key 'why' is missing in a rule. Add 'why: …'."],
            id="without-a-reason",
        ),
        pytest.param(
            GOOD.replace("A test.", "''"), ["a.yaml:4:5: 'why' is empty. Write at least one."], id="an-empty-reason"
        ),
        pytest.param(
            GOOD.replace("en: Door", "fr: Porte"),
            [
                "a.yaml:3:5: the key 'en' is missing in 'title'. Add 'en: …'.",
                "a.yaml:3:20: unknown key 'fr' in 'title'. Choose one of: en, zh.",
            ],
            id="a-title-in-one-language",
        ),
        pytest.param(
            GOOD.replace("3m", "3 minutes").replace("8m", "8") + "    clear_after: no\n    reopen_within: [1m]\n",
            [
                "a.yaml:7:10: '3 minutes' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d.",
                "a.yaml:8:10: '8' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d.",
                "a.yaml:9:5: 'no' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d.",
                "a.yaml:10:5: a duration is one text with a unit; write it like 30s, 8m, 1h30m or 2d.",
            ],
            id="durations-without-a-unit",
        ),
        pytest.param(
            GOOD + "    during: {from: 24:00, to: 6}\n",
            [
                "a.yaml:9:14: '24:00' is not a time of day to begin at; write it like 22:00.",
                "a.yaml:9:27: '6' is not a time of day; write it like 22:00.",
            ],
            id="times-of-day",
        ),
        pytest.param(
            GOOD + "    during: {from: 6:00, to: 06:00}\n",
            ["a.yaml:9:5: the window is empty. For the whole day leave 'from' and 'to' out."],
            id="an-empty-window",
        ),
        pytest.param(
            GOOD.replace("left_open", "left_opened") + "    severity: hihg\n    watch: {kind: gates}\n",
            [
                "a.yaml:5:5: 'left_opened' is not known as 'when'. Did you mean 'left_open'?",
                "a.yaml:9:5: 'hihg' is not known as 'severity'. Did you mean 'high'?",
                "a.yaml:10:13: 'gates' is not known as 'kind'. Did you mean 'gate'?",
            ],
            id="words-that-are-not-known",
        ),
        pytest.param(
            GOOD.replace("tell: residents", "tell: resident").replace("grid_worker", "nobody"),
            [
                "a.yaml:7:21: nobody has the role 'resident'. Did you mean 'residents'?",
                "a.yaml:8:21: nobody has the role 'nobody'. Choose one of: community, district, grid_leader, "
                "grid_worker, installer, maintainer, repair, residents, street.",
            ],
            id="unknown-roles",
        ),
        pytest.param(
            GOOD.replace("8m", "2m59s"),
            ["a.yaml:8:10: this step comes before the one above it. Order them by 'after'."],
            id="steps-out-of-order",
        ),
        pytest.param(
            GOOD
            + "    overrides: [{watch: {}, steps: [{after: 5m, tell: street}, {after: 4m, tell: strete}]}]\n"
            + "    openings: 4\n    except: [{}]\n",
            [
                "a.yaml:9:65: this step comes before the one above it. Order them by 'after'.",
                "a.yaml:9:76: nobody has the role 'strete'. Did you mean 'street'?",
                "a.yaml:10:5: 'openings' belongs to 'when: chattering'. Leave it out.",
                "a.yaml:11:14: this exception names nothing. Name a kind, a place, a tag or an entrance.",
            ],
            id="what-does-not-fit-together",
        ),
        pytest.param(
            GOOD[: GOOD.index("      - ")].replace("steps:", "steps: []"),
            ["a.yaml:6:5: 'steps' is empty. Write at least one."],
            id="no-steps",
        ),
        pytest.param(
            GOOD.replace("door", "Unit Door"),
            ["a.yaml:2:5: 'Unit Door' is not a name; use small letters, digits and '-', at most 60."],
            id="a-name-with-a-blank",
        ),
        pytest.param(
            GOOD + "    during: 22:00-06:00\n    watch: gate\n    stories: none\n",
            [
                """a.yaml:9:5: 'during': a group of keys is expected. Write it like {from: "22:00", to: "06:00"}.""",
                "a.yaml:10:5: 'watch': a group of keys is expected. Write 'key: value' lines below it.",
                "a.yaml:11:5: 'stories': a list is expected. Write each entry as a line that begins with '- '.",
            ],
            id="texts-where-groups-or-lists-belong",
        ),
        pytest.param(
            GOOD + "    why: Twice.\n", ["a.yaml:9:5: the key 'why' stands here twice. Keep one of them."], id="a-key-twice"
        ),
        pytest.param(
            GOOD
            + "    stories:\n"
            + "      - {title: a, given: ['+00:00 opn'], expect: []}\n"
            + "      - {title: b, start: Sun 25:00, given: ['+00:00 end'], expect: []}\n"
            + "      - {title: c, given: ['+01:00 open', '+00:59 end'], expect: []}\n"
            + "      - {title: d, given: ['00:00 open'], expect: []}\n"
            + "      - {title: e, given: ['+00:00 end'], expect: ['+00:00 shout']}\n",
            [
                "a.yaml:10:28: nothing is called 'opn'. Did you mean 'open'?",
                "a.yaml:11:20: 'Sun 25:00' is not a start. Write it like 'Mon 22:30' or '2026-03-29 01:30'.",
                "a.yaml:12:43: this comes before the line above it. Order the lines by time.",
                "a.yaml:13:28: '00:00 open' cannot be read. Write it like '+03:00 open'.",
                "a.yaml:14:52: 'shout' cannot be expected. Write 'tell ROLE', 'cleared' or 'missed'.",
            ],
            id="stories-that-cannot-be-read",
        ),
        pytest.param(
            "- name: door\n", ["a.yaml:1:1: this file has no list 'rules'. Begin it with 'rules:'."], id="a-list"
        ),
        pytest.param(
            "just words\n", ["a.yaml:1:1: this file has no list 'rules'. Begin it with 'rules:'."], id="words"
        ),
        pytest.param(
            "rules: many\n", ["a.yaml:1:1: 'rules' is a list. Begin each entry with '- name:'."], id="no-list"
        ),
        pytest.param(
            "rules:\n  - a word\nversion: 1\n",
            [
                "a.yaml:2:5: a rule is a list of keys. Begin it with '- name:'.",
                "a.yaml:3:1: unknown key 'version'. Choose one of: budget, periods, quiet, rules.",
            ],
            id="a-word-for-a-rule-and-another-key",
        ),
    ],
)  # fmt: skip
def test_every_fault_at_once_with_its_place(text: str, expected: list[str]) -> None:
    assert faults_of(text) == expected


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        pytest.param("rules: [\n", "a.yaml:2:1", "this is not YAML", id="a-list-that-does-not-end"),
        pytest.param("rules:\n\t- name: x\n", "a.yaml:2:1", "'\\t' that cannot start any token", id="tabs"),
        pytest.param("rules:\n  - name: 'x\n", "a.yaml:3:1", "unexpected end of stream", id="a-quote"),
        pytest.param("rules: []\n---\nrules: []\n", "a.yaml:2:1", "another document", id="two-documents"),
        pytest.param("rules: *all\n", "a.yaml:1:8", "undefined alias 'all'", id="an-alias-to-nothing"),
        pytest.param("x: &a [1]\nrules: *a\n", "a.yaml:1:4", "anchors (&, *) are not used", id="an-anchor"),
        pytest.param("rules: &a\n  - *a\n", "a.yaml:1:8", "anchors (&, *) are not used", id="a-ring"),
        pytest.param("? [x]\n: y\n", "a.yaml:1:3", "a key must be a plain word", id="a-list-as-a-key"),
        pytest.param("rules: [\x07]\n", "a.yaml", "this is not YAML", id="a-control-character"),
        pytest.param("#" * 2 * 1024 * 1024, "a.yaml", "larger than 1 MiB", id="two-mebibytes"),
        pytest.param("门" * 400_000, "a.yaml", "larger than 1 MiB", id="bytes-are-counted-not-characters"),
        pytest.param("rules: " + "[" * 100_000, "a.yaml", "this is not YAML", id="deep-lists"),
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


def test_a_name_twice_in_one_file() -> None:
    twice = GOOD + GOOD.removeprefix("rules:\n")
    assert faults_of(twice) == ["a.yaml:9:5: the rule 'door' stands already at a.yaml:2:5. Rename one."]


def test_a_district_may_have_roles_of_its_own() -> None:
    text = GOOD.replace("grid_worker", "night_watch")
    assert faults_of(text) != []
    found, faults = load_texts([("a.yaml", text)], roles=["residents", "night_watch"])
    assert (faults, found is not None) == ([], True)
