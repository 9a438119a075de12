"""Everything a person reads exists in Chinese and English."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from gateway.locale import Language, duration, texts

ROOT = Path(__file__).parents[3] / "gateway"


def _keys() -> set[str]:
    keys: set[str] = set()
    for path in ROOT.rglob("*.py"):
        for _, key, *_ in extract_from_file("python", path, keywords={"_": None, "gettext": None}):
            keys.add(str(key))
    for path in ROOT.glob("*/templates/*"):
        with path.open("rb") as file:
            keys |= {str(key) for _, _, key, _ in babel_extract(file, ("_", "gettext"), [], {})}
    return keys


def _translated() -> dict[str, str]:
    with (ROOT / "locale" / "zh.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def test_every_sentence_has_a_chinese_one() -> None:
    translated = _translated()
    assert sorted(key for key in _keys() if not translated.get(key)) == []


def test_no_translation_is_left_over() -> None:
    assert sorted(set(_translated()) - _keys()) == []


def test_a_chinese_sentence_has_the_same_facts() -> None:
    for key, text in _translated().items():
        fields = {part.partition("}")[0] for part in key.split("{")[1:]}
        assert fields == {part.partition("}")[0] for part in text.split("{")[1:]}, key


def test_english_is_what_the_code_says() -> None:
    assert texts("en").gettext("repaired") == "repaired"
    assert texts("zh").gettext("repaired") == "已修好"


@pytest.mark.parametrize(
    ("ms", "language", "said"),
    [
        (0, "zh", "0 秒"),
        (59_999, "en", "59 s"),
        (500_000, "zh", "8 分钟 20 秒"),
        (4_800_000, "zh", "1 小时 20 分钟"),
        (3_600_000, "en", "1 h"),
        (3 * 86_400_000, "en", "3 d"),
        (-5, "en", "0 s"),
    ],
)
def test_durations_as_people_say_them(ms: int, language: Language, said: str) -> None:
    assert duration(ms, language) == said
