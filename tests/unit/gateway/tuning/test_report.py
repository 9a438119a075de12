"""What other rules would have done, said to people: as text, as a page, as JSON, in both languages."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from gateway.locale import LANGUAGES, Language
from gateway.tuning.report import ENOUGH_TO_SAY, MOST_LISTED, Report
from gateway.tuning.whatif import Comparison, Done
from tests.unit.gateway.test_road import ZONE
from tests.unit.gateway.tuning.test_whatif import compared, filed, ms, nights, raised, told
from tests.unit.gateway.web.house import HOSTILE

NAMES = {"worker": "王芳", "leader": "陈静"}
SVG = "{http://www.w3.org/2000/svg}"


def two_nights() -> Comparison:
    """``a`` is told later, ``b`` no longer, ``c`` newly; the leader hears of something that waited."""
    now = nights(a="3 23:00, 4 23:00", b="3 22:30")
    now.cases = [filed("a", "3 23:00"), filed("a", "4 23:00"), filed("b", "3 22:30")]
    now.alarms.append(raised("b", "3 23:20", open_s=20))
    now.messages += [told("worker", "4 07:00", held_s=60), told("leader", "4 07:00", held_s=60)]
    now.openings = {"b": [(ms("3 22:20"), ms("3 22:40")), (ms("3 23:20"), ms("3 23:20:30"))]}
    now.readings = 1_234
    then = nights(a="3 23:10", c="4 01:00")
    then.cases = [filed("a", "3 23:10"), filed("c", "4 01:00")]
    then.alarms.append(raised("c", "4 01:00", open_s=60))
    then.openings = {"a": [(ms("3 22:55"), ms("3 23:40"))], "c": [(ms("4 00:50"), ms("4 01:30"))]}
    then.failed = {"odd": "KeyError('x')"}
    return compared(now, then)


def report(c: Comparison, language: Language = "en", **more: Any) -> Report:
    given: dict[str, Any] = {
        "zone": ZONE,
        "language": language,
        "place": lambda entrance: f"door {entrance}" if language == "en" else f"门{entrance}",
        "name": lambda person: NAMES.get(person, person),
        "seconds": 12.3,
        "doors": 3,
    }
    return Report(c, **(given | more))


TEXT = {
    "en": """\
In 2 nights there would have been 2 cases instead of 3, and 2 messages instead of 5. The worst night of one person would have had 2 messages instead of 3. Open doors would be noticed once that are not noticed now. Open doors that are noticed now would be noticed no more 2 times.

Night          cases now    then   messages now    then
2026-11-03             2       2              4       2
2026-11-04             1       0              1       0

Messages to one person in one night, the most
  王芳: now 3, then 2 (2026-11-03)
  陈静: now 1, then 0 (2026-11-03)

Newly noticed
  door c

No longer noticed
  door b

Perhaps nobody was needed: closed within a minute of the alarm
  now 1, then 1
  door c × 1

Waited for quiet hours or a spent budget
  now 2, then 0

Rules that broke
  odd: KeyError('x')

Night of 2026-11-03, door c: newly noticed
  open for a minute or more: 00:50–01:30
  now: nobody is told
  then: 01:00 grid worker

Night of 2026-11-03, door b: no longer noticed
  open for a minute or more: 22:20–22:40
  now: 22:30 grid worker
  then: nobody is told

Night of 2026-11-03, door a: told otherwise
  open for a minute or more: 22:55–23:40
  now: 23:00 grid worker, 07:00 grid worker, 07:00 grid leader
  then: 23:10 grid worker

Night of 2026-11-04, door a: told otherwise
  open for a minute or more: none
  now: 23:00 grid worker
  then: nobody is told

A night is from noon to noon, and named after its evening.
Nobody acts in a replay: no case is taken, so that what goes up is the most that could.
1,234 readings through two rule sets took 12 s.""",
    "zh": """\
2 个夜晚里会有 2 件事件单（现规则 3），2 条通知（现规则 5）。一人一夜最多会收到 2 条通知（现规则 3）。会多发现 1 次现在没发现的开着的门。现在发现的开着的门，会少发现 2 次。

夜晚            现事件单  新规则         现通知  新规则
2026-11-03             2       2              4       2
2026-11-04             1       0              1       0

一人一夜通知最多的
  王芳：现规则 3，新规则 2（2026-11-03）
  陈静：现规则 1，新规则 0（2026-11-03）

新规则多发现的
  门c

新规则不再发现的
  门b

可能不必打扰人：告警后一分钟内就关上了
  现规则 1，新规则 1
  门c × 1

因免打扰或条数用完而等待的通知
  现规则 2，新规则 0

出错的规则
  odd: KeyError('x')

2026-11-03 夜，门c：新规则多发现
  开着一分钟以上：00:50–01:30
  现规则：不通知任何人
  新规则：01:00 网格员

2026-11-03 夜，门b：新规则不再发现
  开着一分钟以上：22:20–22:40
  现规则：22:30 网格员
  新规则：不通知任何人

2026-11-03 夜，门a：通知有变化
  开着一分钟以上：22:55–23:40
  现规则：23:00 网格员、07:00 网格员、07:00 网格长
  新规则：23:10 网格员

2026-11-04 夜，门a：通知有变化
  开着一分钟以上：无
  现规则：23:00 网格员
  新规则：不通知任何人

一夜从中午到次日中午，以当晚的日期命名。
回放中无人操作：没有人受理，所以向上通知的是最多的情形。
1,234 条读数过两套规则用了 12 秒。""",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_says_all_of_it_word_for_word(language: Language) -> None:
    assert report(two_nights(), language).text().splitlines() == TEXT[language].splitlines()


def _wide(text: str) -> int:
    """Cells of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_end_where_their_columns_end(language: Language) -> None:
    heading, row = report(two_nights(), language).text().splitlines()[3:5]
    ends = [
        [_wide(line[: found.end()]) for found in re.finditer(r"\S+(?: now)?", line)]
        for line in (heading, row)
    ]
    assert ends[0][1:] == ends[1][1:]
    assert len(ends[0]) == 5


def test_a_chinese_sentence_has_chinese_commas() -> None:
    assert ", " not in report(two_nights(), "zh").text()


@pytest.mark.parametrize(
    ("nights_", "sentence"),
    [
        pytest.param(
            "4 08:00",
            "In 1 night there would have been 1 case instead of 0, and 1 message instead of 0. "
            "The worst night of one person would have had 1 message instead of 0. ",
            id="one-of-each",
        ),
        pytest.param(
            "5 08:00",
            "In 2 nights there would have been 1 case instead of 0, and 1 message instead of 0. ",
            id="two-nights",
        ),
    ],
)
def test_one_is_said_as_one(nights_: str, sentence: str) -> None:
    then = nights(a="3 23:00")
    then.cases = [filed("a", "3 23:00")]
    assert report(compared(Done(), then, ends=nights_)).sentence().startswith(sentence)


def test_nothing_at_all_is_said_as_nothing() -> None:
    said = report(compared(Done(), Done())).text()
    assert "there would have been 0 cases instead of 0, and 0 messages instead of 0." in said
    assert "The worst night of one person would have had 0 messages instead of 0." in said
    assert "\nNewly noticed\n  none\n\nNo longer noticed\n  none\n" in said
    for words in ("Open doors", "Rules that broke", "Night of"):
        assert words not in said


def test_of_many_the_first_are_listed_and_the_others_counted() -> None:
    doors = {f"d{n:02}": "3 23:00" for n in range(MOST_LISTED + 2)}
    then = nights(**doors)
    then.messages = [told(f"p{n:02}", "3 23:00") for n in range(MOST_LISTED + 3)]
    then.alarms = [
        raised(door, "3 23:00", open_s=5) for door in doors for _ in range(2 if door == "d11" else 1)
    ]
    lists = report(compared(Done(), then)).lists()
    newly = lists["Newly noticed"]
    assert (len(newly), newly[-2:]) == (MOST_LISTED + 1, ["door d09", "… and 2 more"])
    people = lists["Messages to one person in one night, the most"]
    assert (len(people), people[-1]) == (MOST_LISTED + 1, "… and 3 more")
    soon = lists["Perhaps nobody was needed: closed within a minute of the alarm"]
    assert soon[:2] == ["now 0, then 13", "door d11 × 2"]
    assert soon[-1] == "… and 2 more"
    assert len(report(compared(Done(), then)).json()["newly_caught"]) == MOST_LISTED + 2


def test_people_are_listed_with_the_night_in_which_either_rule_set_told_them_most() -> None:
    now = Done(messages=[told("worker", "3 23:00"), told("worker", "3 23:10"), told("leader", "3 23:00")])
    then = Done(messages=[told("worker", "4 23:00"), *(told("leader", f"4 23:0{n}") for n in range(3))])
    assert report(compared(now, then)).lists()["Messages to one person in one night, the most"] == [
        "陈静: now 0, then 3 (2026-11-04)",
        "王芳: now 2, then 0 (2026-11-03)",
    ]


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        (ENOUGH_TO_SAY - 1, "99,999 readings through two rule sets took 20 s."),
        (
            ENOUGH_TO_SAY,
            "100,000 readings through two rule sets took 20 s. A year of 15,000 such doors would take about 7.6 h.",
        ),
    ],
    ids=["too-few-to-say", "enough"],
)
def test_how_long_a_year_would_take_is_said_where_enough_was_measured(readings: int, said: str) -> None:
    """20 s for 100,000 readings of 2,000 doors in 2 nights: 0.2 ms each, 25 for a door and day."""
    c = replace(compared(Done(), Done()), readings=readings)
    assert report(replace(c, nights=c.nights[:2]), seconds=20.0, doors=2_000).takes() == said


def test_two_chinese_sentences_stand_beside_each_other() -> None:
    c = replace(compared(Done(), Done()), readings=ENOUGH_TO_SAY)
    assert "。 " not in report(c, "zh").takes()


# -- as a page ------------------------------------------------------------------------------


def hostile() -> Report:
    c = two_nights()
    c.failed[HOSTILE] = HOSTILE
    return report(
        c, place=lambda entrance: f'{entrance} "{HOSTILE}', name=lambda person: f"{person}'{HOSTILE}"
    )


def test_a_hostile_name_cannot_run_a_script_on_the_page() -> None:
    page = hostile().html()
    assert HOSTILE not in page
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]  # noqa: S314 - our own


def test_every_picture_is_sound_and_says_in_words_what_it_shows() -> None:
    made = hostile()
    drawn = pictures(made.html())
    assert [picture.findtext(f"{SVG}title") for picture in drawn] == [
        made.example_title(example) for example in made.comparison.examples
    ]
    for picture, example in zip(drawn, made.comparison.examples, strict=True):
        assert picture.findtext(f"{SVG}desc") == " ".join(made.example_lines(example))
        texts = {text.text for text in picture.findall(f"{SVG}text")}
        assert {"open", "the rules in force", "the new rules"} <= texts
        assert len(picture.findall(f"{SVG}circle")) == len(example.now) + len(example.then)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_loads_nothing_and_says_what_the_text_says(language: Language) -> None:
    made = report(two_nights(), language)
    page = made.html()
    assert not re.search(r"(?i)<script|<link|<img|<iframe|src=|href=|url\((?!#hatch)|@import", page)
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in page
    assert f'<p class="lead">{made.sentence()}</p>' in page
    assert "<td>2026-11-03</td><td>2</td><td>2</td><td>4</td><td>2</td>" in page
    for title, rows in made.lists().items():
        assert f"<h2>{title}</h2>" in page
        for row in rows:
            assert f"<li>{row}</li>".replace("'", "&#39;") in page


def test_bars_are_as_long_as_their_nights_and_the_longest_fills_its_place() -> None:
    page = report(two_nights()).html()
    widths = re.findall(r'class="bar (\w+)" style="width:([\d.]+)%"', page)
    assert widths == [("now", "100.0"), ("then", "50.0"), ("now", "25.0"), ("then", "0.0")]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "No step came in any night."), ("zh", "没有一夜需要通知。")]
)
def test_a_page_without_examples_says_so(language: Language, words: str) -> None:
    page = report(compared(Done(), Done()), language).html()
    assert f"<p>{words}</p>" in page
    assert pictures(page) == []


# -- as JSON --------------------------------------------------------------------------------


def test_the_json_has_every_figure_in_utc_and_ids_instead_of_names() -> None:
    made = report(two_nights(), "zh").json()
    assert json.loads(json.dumps(made)) == made
    assert {key: made[key] for key in made if key not in ("now", "then", "examples", "sentence")} == {
        "nights": ["2026-11-03", "2026-11-04"],
        "newly_caught": ["c"],
        "no_longer_caught": ["b"],
        "newly_caught_nights": [["c", "2026-11-03"]],
        "no_longer_caught_nights": [["a", "2026-11-04"], ["b", "2026-11-03"]],
        "failed_rules": {"odd": "KeyError('x')"},
        "readings": 1234,
        "seconds": 12.3,
    }
    assert made["now"] == {
        "alarms": 4,
        "cases": {"2026-11-03": 2, "2026-11-04": 1},
        "messages": {"2026-11-03": 4, "2026-11-04": 1},
        "messages_to_person": [
            {"person": "leader", "night": "2026-11-03", "messages": 1},
            {"person": "worker", "night": "2026-11-03", "messages": 3},
            {"person": "worker", "night": "2026-11-04", "messages": 1},
        ],
        "false_alarm_candidates": [
            {
                "entrance": "b",
                "rule": "left-open",
                "raised_at": "2026-11-03T15:20:00Z",
                "ended_at": "2026-11-03T15:20:20Z",
            }
        ],
        "held": 2,
    }
    assert made["then"]["held"] == 0
    assert made["examples"][0] == {
        "entrance": "c",
        "night": "2026-11-03",
        "why": "newly_caught",
        "openings": [["2026-11-03T16:50:00Z", "2026-11-03T17:30:00Z"]],
        "now": [],
        "then": [["2026-11-03T17:00:00Z", "grid_worker"]],
    }
    assert made["sentence"] == report(two_nights(), "zh").sentence()
    assert not any(name in json.dumps(made, ensure_ascii=False) for name in NAMES.values())
