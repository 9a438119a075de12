"""What docs/rules.md says is what the engine does, and every example in it loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.load import load_texts
from rules.story import VERBS, play
from rules.written import RuleIn
from tests.unit.rules.scene import SHANGHAI, Scene, a_rule, a_setup

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH, CHINESE = ((DOCS / name).read_text("utf-8") for name in ("rules.md", "rules.zh-CN.md"))
NIGHT = a_rule("3m residents, 8m grid_worker", window="22:00-06:00")
SETUPS = {
    "none": a_setup([]),
    "rule": a_setup([NIGHT]),
    "shorter": a_setup([a_rule("1m residents, 2m grid_worker", window="22:00-06:00")]),
    "longer": a_setup([a_rule("30m residents, 40m grid_worker", window="22:00-06:00")]),
    "prepended": a_setup([a_rule("1m community, 3m residents, 8m grid_worker", window="22:00-06:00")]),
}
A_RULE = """\
rules:
  - name: any
    title: {zh: 任何, en: Any}
    why: It carries an example.
    when: left_open
    steps: [{after: 3m, tell: residents}]
"""
SUMMER = "periods:\n  summer: {from: 06-01, to: 09-15}\n"


def blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def as_files(block: str) -> list[str]:
    """Whole rule files, each with a part of the block."""
    if re.search(r"^rules:", block, re.MULTILINE):
        return [block]
    if re.match(r"\w+:", block) and not block.startswith("during"):
        return [block + A_RULE]
    if block.startswith("during"):
        parts = re.split(r"^(?=during)", block, flags=re.MULTILINE)[1:]
        return [
            SUMMER + A_RULE + re.sub(r"^", "    ", part.rstrip(), flags=re.MULTILINE) + "\n" for part in parts
        ]
    return [A_RULE + block]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_example_loads_and_its_stories_come_true(text: str) -> None:
    assert len(blocks(text)) >= 5
    for block in blocks(text):
        for file in as_files(block):
            loaded, faults = load_texts([("rules.yaml", file)])
            assert loaded, f"{[str(fault) for fault in faults]}\n{file}"
            for rule, story, _ in loaded.stories:
                assert play(rule, story, SHANGHAI) == list(story.expect), story.title


def test_both_languages_have_the_same_examples_and_commands() -> None:
    def plain(block: str) -> str:
        return re.sub(r"\s*#.*|\w*: \{zh.*|why: .*|title: .*|--why \S+.*", "", block)

    assert list(map(plain, blocks(ENGLISH))) == list(map(plain, blocks(CHINESE)))
    commands = [
        re.findall(r"(?:^    |`)(doorward (?:rules )?[a-z]+)", text, re.MULTILINE)
        for text in (ENGLISH, CHINESE)
    ]
    assert set(commands[0]) == set(commands[1])


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_key_and_verb_is_explained(text: str) -> None:
    keys = [info.alias or name for name, info in RuleIn.model_fields.items()]
    assert [word for word in (*keys, *VERBS) if f"`{word}" not in text] == []


@pytest.mark.parametrize(
    ("row", "script", "told"),
    [
        (
            "opened 21:00, still open",
            "21:00 open, 23:00 end",
            ["22:03 tell residents", "22:08 tell grid_worker"],
        ),
        ("opened 21:00, shut 22:00", "21:00 open, 22:00 close, 23:00 end", []),
        (
            "open for three days",
            "21:00 open, +3 23:00 end",
            ["22:03 tell residents", "22:08 tell grid_worker"],
        ),
        (
            "opened 21:00, unknown from 21:30, open again at 22:30",
            "21:00 open, 21:30 offline, 22:30 open, 22:40 end",
            ["22:30 tell residents, late", "22:30 tell grid_worker, late"],
        ),
        (
            "opened 05:54, shut 07:00",
            "05:54 open, 07:00 close, 08:00 end",
            ["05:57 tell residents", "07:00:30 cleared"],
        ),
        (
            "opened 05:54, still open at night",
            "05:54 open, 23:00 end",
            ["05:57 tell residents", "22:08 tell grid_worker"],
        ),
        ("opened 05:58, shut 07:00", "05:58 open, 07:00 close, 08:00 end", []),
        (
            "23:05 | 23:05 residents, 23:08 worker",
            "23:00 open, 23:01 mute until 23:05, 23:30 end",
            ["23:05 tell residents", "23:08 tell grid_worker"],
        ),
        (
            "23:30 | 23:30 residents and worker",
            "23:00 open, 23:01 mute until 23:30, 23:40 end",
            ["23:30 tell residents", "23:30 tell grid_worker"],
        ),
        (
            "23:30, shut 23:20 | nobody",
            "23:00 open, 23:01 mute until 23:30, 23:20 close, 23:40 end",
            ["23:20:30 cleared"],
        ),
        (
            "07:00, past the window's end | nothing at 07:00; what is left comes in the next night",
            "23:00 open, 23:01 mute until +1 07:00, +1 23:30 end",
            ["+1 22:03 tell residents", "+1 22:08 tell grid_worker"],
        ),
        (
            "rule added 23:05",
            "23:00 open, 23:05 change rule, 23:30 end",
            ["23:05 tell residents", "23:08 tell grid_worker"],
        ),
        (
            "steps made shorter, to 1 and 2 minutes, at 23:02",
            "23:00 open, 23:02 change shorter, 23:30 end",
            ["23:02 tell residents", "23:02 tell grid_worker"],
        ),
        (
            "steps made longer, to 30 and 40 minutes, at 23:02",
            "23:00 open, 23:02 change longer, 23:50 end",
            ["23:30 tell residents", "23:40 tell grid_worker"],
        ),
        (
            "edited after the residents were told",
            "23:00 open, 23:04 change prepended, 23:30 end",
            ["23:03 tell residents", "23:08 tell grid_worker"],
        ),
        (
            "rule removed, or the door excepted",
            "23:00 open, 23:04 change none, 23:30 end",
            ["23:03 tell residents", "23:04 cleared, rule_removed"],
        ),
        (
            "a file saved again without a change",
            "23:00 open, 23:02 change rule, 23:05 end",
            ["23:03 tell residents"],
        ),
    ],
)
def test_the_tables_of_the_four_edges(row: str, script: str, told: list[str]) -> None:
    assert row in ENGLISH
    begin = "none" if "added" in row else "rule"
    said = Scene(SETUPS[begin], setups=SETUPS).play(script).told()
    if "unknown" not in row:
        said = [re.sub(", (late|muted)$", "", line) for line in said]
    assert said == told
