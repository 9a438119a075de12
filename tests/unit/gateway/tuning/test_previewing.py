"""A rule's edges in words and as pictures: what is said, and that every picture can be read.

The rule is a unit door's of the night; it is asked on Monday 2024-01-01 at 12:00.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.locale import LANGUAGES, Language
from gateway.pictures import FILLS, LEFT, WIDTH, Lane, Mark, Span, timeline
from gateway.tuning.previewing import Previewing
from rules.days import Calendar
from rules.duration import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from rules.preview import Edge
from rules.rule import Condition, Rule
from tests.unit.rules.scene import SHANGHAI, a_rule

BERLIN = ZoneInfo("Europe/Berlin")
NOON = int(datetime(2024, 1, 1, 12, tzinfo=SHANGHAI).timestamp() * 1000)
RULE = replace(
    a_rule("3m residents, 8m grid_worker", window="22:00-06:00"),
    title={"zh": "夜间单元门未关", "en": "Left open"},
)
BATTERY = a_rule("10m installer", when=Condition.BATTERY_LOW)
HOSTILE = (
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "</title><title>",
    "]]> & &amp; <!-- 门",
    "{title} {0} %s {{ x }} {% raw %}",
    "'><svg/onload=alert(1)>",
    "𝔘𝔫𝔦 🚪 \u202eabc",
)


def previewed(rule: Rule = RULE, language: Language = "en") -> Previewing:
    return Previewing(rule, NOON, SHANGHAI, Calendar(), language)


def titled(title: str) -> Rule:
    return replace(RULE, title={"zh": title, "en": title})


class Seen:
    """A picture, read back."""

    def __init__(self, picture: str) -> None:
        self.root = ElementTree.fromstring(picture)  # noqa: S314 - our own
        self.title, self.said = (str(self.root.findtext(f"{{*}}{name}")) for name in ("title", "desc"))
        self.height = float(self.root.attrib["viewBox"].split()[3])

    def all(self, tag: str) -> list[ElementTree.Element]:
        return [one for one in self.root if one.tag.endswith(f"}}{tag}")]

    @property
    def lanes(self) -> list[str]:
        return [str(one.text) for one in self.all("text") if one.attrib["x"] == "4"]

    @property
    def ticks(self) -> list[str]:
        return [str(one.text) for one in self.all("text") if one.get("text-anchor") == "middle"]

    @property
    def marks(self) -> list[ElementTree.Element]:
        return [one for one in self.all("text") if one.get("text-anchor") in ("start", "end")]

    def spans(self, kind: str) -> list[tuple[float, float]]:
        """From where to where."""
        found = [one.attrib for one in self.all("rect") if one.get("fill") == FILLS[kind]]
        return [(float(one["x"]), float(one["x"]) + float(one["width"])) for one in found]


# -- in words ---------------------------------------------------------------------------------

SAID: dict[Edge, tuple[str, str, str, str]] = {
    Edge.WINDOW_BEGINS: (
        "The door is open already when the window begins",
        "2024-01-01 open since 21:57; window 22:00–06:00; 22:03 residents; 22:08 grid worker; cleared 22:38:30",
        "时段开始时门已经开着",
        "2024-01-01 21:57 起开着；时段 22:00–06:00；22:03 居民；22:08 网格员；22:38:30 解除",
    ),
    Edge.WINDOW_ENDS: (
        "The door is still open when the window ends",
        "2024-01-02 open since 05:53:30; window 22:00–06:00; 05:56:30 residents; cleared 06:38:30",
        "时段结束时门还开着",
        "2024-01-02 05:53:30 起开着；时段 22:00–06:00；05:56:30 居民；06:38:30 解除",
    ),
    Edge.MUTE_ENDS: (
        "The door is still open when a mute ends",
        "2024-01-01 open since 22:30; window 22:00–06:00; muted 22:31:30–22:39:30; 22:39:30 residents; "
        "22:39:30 grid worker; cleared 23:08:30",
        "静音结束时门还开着",
        "2024-01-01 22:30 起开着；时段 22:00–06:00；静音 22:31:30–22:39:30；22:39:30 居民；22:39:30 网格员；"
        "23:08:30 解除",
    ),
    Edge.RULE_ADDED: (
        "The door is open already when the rule is added",
        "2024-01-01 open since 22:30; window 22:00–06:00; rule added 22:36:30; 22:36:30 residents; "
        "22:38 grid worker; cleared 23:08:30",
        "加上规则时门已经开着",
        "2024-01-01 22:30 起开着；时段 22:00–06:00；22:36:30 加上规则；22:36:30 居民；22:38 网格员；"
        "23:08:30 解除",
    ),
    Edge.SILENT: (
        "The sensor falls silent in the middle",
        "2024-01-01 open since 22:30; window 22:00–06:00; no word 22:31:30–22:39:30; 22:39:30 residents; "
        "22:39:30 grid worker; cleared 23:08:30",
        "中途传感器失联",
        "2024-01-01 22:30 起开着；时段 22:00–06:00；失联 22:31:30–22:39:30；22:39:30 居民；22:39:30 网格员；"
        "23:08:30 解除",
    ),
    Edge.RESTART: (
        "doorward is away in the middle",
        "2024-01-01 open since 22:30; window 22:00–06:00; away 22:31:30–22:34:30; 22:34:30 residents; "
        "22:38 grid worker; cleared 23:08:30",
        "中途系统不在线",
        "2024-01-01 22:30 起开着；时段 22:00–06:00；系统不在线 22:31:30–22:34:30；22:34:30 居民；22:38 网格员；"
        "23:08:30 解除",
    ),
}


@pytest.mark.parametrize("edge", list(Edge))
def test_what_a_picture_shows_is_said_in_both_languages(edge: Edge) -> None:
    found: list[str] = []
    for language in ("en", "zh"):
        shown = previewed(language=language)
        (scene,) = [scene for scene in shown.scenes if scene.edge is edge]
        found += [shown.heading(scene), shown.said(scene)]
    assert tuple(found) == SAID[edge]


def test_what_is_no_door_has_other_words() -> None:
    english, chinese = previewed(BATTERY), previewed(BATTERY, "zh")
    assert list(map(english.heading, english.scenes)) == [
        "It still holds when a mute ends",
        "It holds already when the rule is added",
        "The sensor falls silent in the middle",
        "doorward is away in the middle",
    ]
    assert english.said(english.scenes[0]) == (
        "2024-01-01 from 13:30 on it holds; muted 13:35–13:45; 13:45 installer; cleared 14:10:30"
    )
    assert chinese.said(chinese.scenes[0]) == (
        "2024-01-01 从 13:30 起符合条件；静音 13:35–13:45；13:45 安装人员；14:10:30 解除"
    )
    assert [line for line in chinese.lines() if "门" in line] == []


@pytest.mark.parametrize(("language", "first"), [("en", "Left open (rule)"), ("zh", "夜间单元门未关 (rule)")])
def test_all_of_it_as_text(language: Language, first: str) -> None:
    at = 0 if language == "en" else 2
    assert previewed(language=language).lines() == [
        first,
        *(line for said in SAID.values() for line in ("", said[at], f"  {said[at + 1]}")),
    ]


def test_that_nobody_is_told_is_said() -> None:
    shown = previewed(a_rule("30m residents", window="12:00-12:20"))
    assert {"nobody is told" in shown.said(scene) for scene in shown.scenes} == {True}


@pytest.mark.parametrize("when", [Condition.SILENT, Condition.CHATTERING])
def test_where_there_is_nothing_to_draw_that_is_said(when: Condition) -> None:
    for language in LANGUAGES:
        shown = previewed(a_rule(when=when), language)
        assert shown.lines() == [shown.nothing()] and shown.pictures() == {}
        assert shown.nothing() in shown.html() and "<svg" not in shown.html()
    assert previewed(a_rule(when=when)).nothing().startswith("There is nothing to draw")


# -- the pictures of a rule ----------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", [RULE, BATTERY], ids=["a-door", "a-battery"])
def test_every_picture_says_in_words_what_it_shows(rule: Rule, language: Language) -> None:
    shown = previewed(rule, language)
    assert list(shown.pictures()) == [str(scene.edge) for scene in shown.scenes] != []
    for scene, picture in zip(shown.scenes, shown.pictures().values(), strict=True):
        seen = Seen(picture)
        assert (seen.title, seen.said) == (f"{shown.title}: {shown.heading(scene)}", shown.said(scene))
        assert seen.root.get("role") == "img"


@pytest.mark.parametrize(
    ("edge", "lanes", "kinds"),
    [
        (Edge.WINDOW_BEGINS, ["window", "door open", "told"], {"window", "open"}),
        (Edge.WINDOW_ENDS, ["window", "door open", "told"], {"window", "open"}),
        (Edge.MUTE_ENDS, ["window", "door open", "muted", "told"], {"window", "open", "muted"}),
        (Edge.RULE_ADDED, ["window", "door open", "rule", "told"], {"window", "open"}),
        (Edge.SILENT, ["window", "door open", "no word", "told"], {"window", "open", "unknown"}),
        (Edge.RESTART, ["window", "door open", "away", "told"], {"window", "open", "away"}),
    ],
)
def test_each_colour_stands_beside_its_word(edge: Edge, lanes: list[str], kinds: set[str]) -> None:
    seen = Seen(previewed().pictures()[str(edge)])
    assert seen.lanes == lanes
    drawn = {one.attrib["fill"] for one in seen.all("rect")} - {"#fff"}
    assert drawn == {FILLS[kind] for kind in kinds}
    told = {"residents", "grid worker", "cleared"} - ({"grid worker"} if edge == Edge.WINDOW_ENDS else set())
    assert {one.text for one in seen.marks} == told
    assert len(seen.all("circle")) == len(seen.marks)


def test_from_its_beginning_on_a_rule_is_there() -> None:
    window, rule = map(list, Seen(previewed().pictures()["rule_added"]).spans("window"))
    assert window == [LEFT, WIDTH - 10]
    assert LEFT < rule[0] < rule[1] == WIDTH - 10


def test_a_rule_without_a_window_has_no_lane_of_one() -> None:
    assert Seen(previewed(BATTERY).pictures()["restart"]).lanes == ["it holds", "away", "told"]


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_title_is_nothing_but_a_title(title: str, language: Language) -> None:
    shown = previewed(titled(title), language)
    for scene, picture in zip(shown.scenes, shown.pictures().values(), strict=True):
        seen = Seen(picture)
        assert seen.title == f"{title} (rule): {shown.heading(scene)}"
        plain = Seen(previewed(titled("x"), language).pictures()[str(scene.edge)])
        assert [one.tag for one in seen.root.iter()] == [one.tag for one in plain.root.iter()]
        assert [one.attrib for one in seen.root.iter()] == [one.attrib for one in plain.root.iter()]
    page = shown.html()
    assert "<script" not in page and "onload=" not in re.sub(r">[^<]*<", "><", page)
    assert page.count("<svg") == page.count("</svg>") == len(Edge)


@pytest.mark.parametrize(("language", "code"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_shows_all_and_loads_nothing(language: Language, code: str) -> None:
    shown = previewed(language=language)
    page = shown.html()
    assert page.startswith(f'<!doctype html>\n<html lang="{code}">')
    for scene in shown.scenes:
        assert f"<h2>{shown.heading(scene)}</h2>" in page
        assert f"<figcaption>{shown.said(scene)}</figcaption>" in page
        assert str(shown.picture(scene)) in page
    links = set(re.findall(r"https?://[^\"' <]+", page))
    assert links == {"http://www.w3.org/2000/svg"} and "src=" not in page and "href=" not in page


# -- any picture ------------------------------------------------------------------------------------


def drawn(
    *lanes: Lane, long_ms: int = 2 * HOUR_MS, zone: ZoneInfo = SHANGHAI, from_ms: int = NOON, title: str = "t"
) -> Seen:
    return Seen(
        timeline(list(lanes), from_ms=from_ms, to_ms=from_ms + long_ms, zone=zone, title=title, said=title)
    )


def words_of(mark: ElementTree.Element) -> tuple[float, float]:
    """From where to where its words reach, at 12 pixels: a Chinese sign is square, others are narrower."""
    width = sum(12.0 if ord(letter) > 0x2E80 else 7.0 for letter in str(mark.text))
    x = float(mark.attrib["x"])
    return (x - width, x) if mark.get("text-anchor") == "end" else (x, x + width)


def overlap(a: ElementTree.Element, b: ElementTree.Element) -> bool:
    (a_left, a_right), (b_left, b_right) = words_of(a), words_of(b)
    near = abs(float(a.attrib["y"]) - float(b.attrib["y"])) < 12
    return near and a_left < b_right and b_left < a_right


texts = st.sampled_from(
    [
        "业主委员会北家属院分会",
        "居民",
        "网格员",
        "grid worker",
        "cleared",
        "m",
        "解除",
        "维修公司 repair company",
    ]
)
marks = st.lists(st.tuples(st.integers(0, 120), texts), max_size=12).map(
    lambda many: tuple(Mark(NOON + minute * MINUTE_MS, text) for minute, text in many)
)


@given(marks, marks)
def test_the_words_of_marks_lie_over_no_others(first: tuple[Mark, ...], second: tuple[Mark, ...]) -> None:
    seen = drawn(Lane("a", marks=first), Lane("b", marks=second))
    found = seen.marks
    assert sorted(str(one.text) for one in found) == sorted(mark.text for mark in (*first, *second))
    assert not any(overlap(a, b) for i, a in enumerate(found) for b in found[:i])
    assert all(0 < float(one.attrib["y"]) < seen.height - 20 for one in found)
    below = next(float(one.attrib["y"]) for one in seen.all("text") if one.text == "b")
    above = [float(one.attrib["y"]) for one in found[: len(first)]]
    assert all(y < below - 10 for y in above), "a lane begins below all words of the one before"


@given(marks)
def test_each_mark_has_its_place_on_the_axis(its: tuple[Mark, ...]) -> None:
    seen = drawn(Lane("a", marks=its))
    scale = (WIDTH - LEFT - 10) / (2 * HOUR_MS)
    wanted = sorted(LEFT + (mark.at_ms - NOON) * scale for mark in its)
    found = sorted(float(one.attrib["cx"]) for one in seen.all("circle"))
    assert found == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param((0, 120), (110, 710), id="all-of-it"),
        pytest.param((30, 60), (260, 410), id="a-part"),
        pytest.param((-60, 30), (110, 260), id="begun-before"),
        pytest.param((90, 999), (560, 710), id="not-over-by-then"),
        pytest.param((60, 60), (410, 411.5), id="a-moment-can-be-seen"),
    ],
)
def test_a_span_is_drawn_as_far_as_the_picture_goes(
    span: tuple[int, int], expected: tuple[float, float]
) -> None:
    a, b = (NOON + minute * MINUTE_MS for minute in span)
    assert drawn(Lane("a", (Span(a, b, "open"),))).spans("open") == [expected]


@pytest.mark.parametrize(
    ("long_ms", "ticks"),
    [
        pytest.param(0, ["12:00"], id="a-moment"),
        pytest.param(
            30 * MINUTE_MS, ["12:00", "12:05", "12:10", "12:15", "12:20", "12:25", "12:30"], id="half-an-hour"
        ),
        pytest.param(
            2 * HOUR_MS, [f"{12 + m // 60}:{m % 60:02d}" for m in range(0, 121, 15)], id="two-hours"
        ),
        pytest.param(
            DAY_MS,
            ["12:00", "15:00", "18:00", "21:00", "00:00", "03:00", "06:00", "09:00", "12:00"],
            id="a-day",
        ),
        pytest.param(7 * DAY_MS, [f"01-0{day}" for day in range(2, 9)], id="a-week"),
        pytest.param(
            60 * DAY_MS,
            ["01-08", "01-15", "01-22", "01-29", "02-05", "02-12", "02-19", "02-26"],
            id="two-months",
        ),
    ],
)
def test_the_axis_has_round_local_times_and_not_more_than_fit(long_ms: int, ticks: list[str]) -> None:
    assert drawn(Lane("a"), long_ms=long_ms).ticks == ticks


def test_the_axis_goes_by_the_clocks_of_the_place() -> None:
    """From ten in the evening of 2024-10-26 in Berlin: from two to three it is an hour twice."""
    begin = int(datetime(2024, 10, 26, 22, tzinfo=BERLIN).timestamp() * 1000)
    seen = drawn(Lane("a"), from_ms=begin, long_ms=9 * HOUR_MS, zone=BERLIN)
    assert seen.ticks == [f"{(22 + hour) % 24:02d}:00" for hour in range(9)]
    at = [float(one.attrib["x1"]) for one in seen.all("line")]
    apart = [b - a for a, b in pairwise(at)]
    assert apart == pytest.approx([apart[0]] * 4 + [2 * apart[0]] + [apart[0]] * 3, abs=0.2)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_nothing_but_words(text: str) -> None:
    seen = drawn(Lane(text, marks=(Mark(NOON + SECOND_MS, text),)), title=text)
    assert (seen.title, seen.said, seen.lanes) == (text, text, [text])
    assert [one.text for one in seen.marks] == [text]
    assert len(list(seen.root.iter())) == len(
        list(drawn(Lane("x", marks=(Mark(NOON, "x"),)), title="x").root.iter())
    )


@pytest.mark.parametrize("title", ["bell \x07", "nothing \x00", "escape \x1b[31m"])
def test_a_title_with_signs_that_xml_does_not_allow_makes_a_picture_all_the_same(title: str) -> None:
    for picture in previewed(titled(title)).pictures().values():
        assert Seen(picture).title.startswith(title.split()[0])


def test_long_words_stay_in_the_picture() -> None:
    role = "owner_committee_of_the_northern_compound"  # a role may have forty letters
    for minute in range(121):
        (mark,) = drawn(Lane("a", marks=(Mark(NOON + minute * MINUTE_MS, role),))).marks
        left, right = words_of(mark)
        assert left >= 0 and right <= WIDTH


@pytest.mark.parametrize("edge", [Edge.MUTE_ENDS, Edge.SILENT])
def test_what_comes_at_one_moment_stands_in_its_order(edge: Edge) -> None:
    seen = Seen(previewed().pictures()[str(edge)])
    rows = sorted(seen.marks, key=lambda mark: float(mark.attrib["y"]))
    assert [one.text for one in rows if one.text != "cleared"] == ["residents", "grid worker"]
