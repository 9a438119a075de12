"""What stands on the phone, word for word, in both languages."""

from __future__ import annotations

from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cases.case import REASONS
from gateway.locale import LANGUAGES, Language
from gateway.notify.message import Text
from gateway.notify.words import CONDITIONS, Worded, reason, word

NOON_MS = 1_773_892_800_000  # 2026-03-19 12:00 in Shanghai
LINK = "https://doors.example/c/token"
FACTS: dict[str, Any] = {
    "place": "西湖社区 煤机总厂北家属院 3号楼2单元门",
    "grid": "第一网格",
    "kind": "unit_door",
    "title": {"zh": "单元门未关", "en": "Unit door left open"},
    "condition": "left_open",
    "since_ms": NOON_MS - 480_000,
    "due_ms": NOON_MS - 60_000,
}
WHYS = ("on_duty", "first_listed", "next_listed", "nobody_below", "has_it", "not_taken")
MORE: dict[Text, dict[str, Any]] = {
    Text.REMIND: {},
    Text.TELL: {"why": "on_duty", "role": "grid_worker"},
    Text.PASSED: {"by": "王芳", "note": "门锁坏了"},
    Text.ALL_CLEAR: {"over_ms": NOON_MS},
    Text.HANDLED: {"over_ms": NOON_MS, "reason": "in_use"},
    Text.RULE_OFF: {"error": "ZeroDivisionError()"},
    Text.DIGEST: {
        "items": [
            {"text": "all_clear", "facts": FACTS | {"over_ms": NOON_MS, "place": "东门"}},
            {"text": "tell", "facts": FACTS},
        ]
    },
    Text.LOGIN: {},
}


def worded(text: Text, language: Language, **facts: Any) -> Worded:
    zone = ZoneInfo("Asia/Shanghai")
    return word(text, FACTS | MORE[text] | facts, language, zone=zone, now_ms=NOON_MS, link=LINK)


@pytest.mark.parametrize(
    ("text", "facts", "zh", "en"),
    [
        pytest.param(
            Text.TELL,
            {},
            """\
单元门未关：西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门从 11:52 起一直开着，已 8 分钟。
通知您，因为第一网格现在由您值班。
https://doors.example/c/token""",
            """\
Unit door left open: 西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门 has been open since 11:52, for 8 min.
You are told because you are on duty for grid 第一网格 now.
https://doors.example/c/token""",
            id="a-worker-is-told",
        ),
        pytest.param(
            Text.TELL,
            {"late": True, "why": "not_taken"},
            """\
单元门未关：西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门从 11:52 起一直开着，已 8 分钟。
迟到的通知：本应在 11:59 发出。
通知您，因为还没有人按时受理。
https://doors.example/c/token""",
            """\
Unit door left open: 西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门 has been open since 11:52, for 8 min.
This comes late: it was due at 11:59.
You are told because it has not been taken in time.
https://doors.example/c/token""",
            id="late-and-nobody-took-it",
        ),
        pytest.param(
            Text.REMIND,
            {},
            """\
请随手关门：西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门从 11:52 起一直开着，已 8 分钟。
请就近的邻居随手关上，谢谢。
https://doors.example/c/token""",
            """\
Please close the door: 西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门 has been open since 11:52, for 8 min.
Whoever is near, please close it. Thank you.
https://doors.example/c/token""",
            id="residents-are-reminded",
        ),
        pytest.param(
            Text.ALL_CLEAR,
            {},
            """\
已关好：西湖社区 煤机总厂北家属院 3号楼2单元门
从 11:52 开到 12:00，共 8 分钟。现已关好，无需再处理。
https://doors.example/c/token""",
            """\
Closed again: 西湖社区 煤机总厂北家属院 3号楼2单元门
It was open from 11:52 to 12:00, for 8 min. Nothing is left to do.
https://doors.example/c/token""",
            id="it-is-over",
        ),
        pytest.param(
            Text.PASSED,
            {},
            """\
王芳转给您一个事件单：西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门从 11:52 起一直开着，已 8 分钟。
留言：门锁坏了
https://doors.example/c/token""",
            """\
王芳 passes a case to you: 西湖社区 煤机总厂北家属院 3号楼2单元门
西湖社区 煤机总厂北家属院 3号楼2单元门 has been open since 11:52, for 8 min.
They write: 门锁坏了
https://doors.example/c/token""",
            id="passed-up-by-hand",
        ),
        pytest.param(
            Text.HANDLED,
            {},
            """\
已办结：西湖社区 煤机总厂北家属院 3号楼2单元门
“单元门未关”已于 12:00 办结：有意开着（搬家、送货、通风）。
https://doors.example/c/token""",
            """\
Handled: 西湖社区 煤机总厂北家属院 3号楼2单元门
“Unit door left open” was settled at 12:00: kept open on purpose (moving, delivery, airing).
https://doors.example/c/token""",
            id="settled-by-hand",
        ),
        pytest.param(
            Text.DIGEST,
            {},
            """\
免打扰期间的 2 条通知
· 西湖社区 煤机总厂北家属院 3号楼2单元门从 11:52 起一直开着，已 8 分钟。
· 已关好：东门
https://doors.example/c/token""",
            """\
2 notices while you were left alone
· 西湖社区 煤机总厂北家属院 3号楼2单元门 has been open since 11:52, for 8 min.
· Closed again: 东门
https://doors.example/c/token""",
            id="several-that-waited",
        ),
    ],
)
def test_a_message_word_for_word(text: Text, facts: dict[str, Any], zh: str, en: str) -> None:
    assert "\n".join(worded(text, "zh", **facts)) == zh
    assert "\n".join(worded(text, "en", **facts)) == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_message_has_its_own_words(language: Language) -> None:
    every = {text: worded(text, language) for text in Text}
    told = {c: worded(Text.TELL, language, condition=c) for c in CONDITIONS}
    why = {why: worded(Text.TELL, language, why=why) for why in WHYS}
    for some in (every, told, why):
        assert len(set(some.values())) == len(some)
        for one in some.values():
            assert one.title and one.body and not {"{", "}"} & set(one.title + one.body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words(language: Language) -> None:
    assert len({reason(code, language) for code in REASONS} - set(REASONS)) >= len(REASONS) - 2
    assert reason("unheard_of", language) == "unheard_of"


def test_the_two_languages_say_different_words() -> None:
    for text, condition in product(Text, CONDITIONS):
        zh, en = (worded(text, language, condition=condition) for language in ("zh", "en"))
        assert zh.title != en.title and zh.body != en.body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", ["on_duty", "first_listed"])
def test_a_grid_is_named_only_to_those_who_are_there_for_it(language: Language, why: str) -> None:
    assert "第一网格" in worded(Text.TELL, language, why=why, role="grid_worker").body
    assert "第一网格" not in worded(Text.TELL, language, why=why, role="installer").body
