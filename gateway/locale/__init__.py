"""Everything a person reads, in Chinese and English.

The English sentence stands in the code and is the key; ``zh.po`` has the Chinese
one. A test collects every key and finds any that is missing.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import Literal

from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@cache
def texts(language: Language) -> NullTranslations:
    """gettext and ngettext of that language."""
    if language == "en":
        return NullTranslations()
    with (files(__name__) / "zh.po").open("rb") as file:
        catalog = read_po(file, locale="zh_Hans_CN")
    translations = Translations()
    # Its own reader wants a compiled file, and nobody who runs doorward should have to compile one.
    translations._catalog = {
        message.id: str(message.string) for message in catalog if isinstance(message.id, str) and message.id
    }
    return translations


def duration(ms: int, language: Language) -> str:
    """As people say it: ``8 分钟``, ``1 小时 20 分钟``, ``3 天``; nothing below a second."""
    seconds = max(ms, 0) // 1000
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "天", "d"), (hours, "小时", "h"), (minutes, "分钟", "min"), (seconds % 60, "秒", "s")]
    first = next((i for i, (n, _, _) in enumerate(parts) if n), 3)
    shown = [part for part in parts[first : first + 2] if part[0]] or [parts[3]]
    if first < 2 or (first == 2 and minutes >= 10):  # nobody needs the seconds of a long time
        shown = [part for part in shown if part[1] != "秒"]
    if language == "zh":
        return " ".join(f"{n} {zh}" for n, zh, _ in shown)
    return " ".join(f"{n} {en}" for n, _, en in shown)


def moment(at_ms: int, now_ms: int, zone: tzinfo, language: Language) -> str:
    """A time of day, with the day where it is not today's: ``22:41``, ``周一 22:41``, ``11月3日 22:41``."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    clock = f"{at:%H:%M}"
    days = (now.date() - at.date()).days
    if days == 0:
        return clock
    if days == 1:
        return f"昨天 {clock}" if language == "zh" else f"yesterday {clock}"
    if 0 < days < 7:
        return f"{_WEEKDAYS[at.weekday()]} {clock}" if language == "zh" else f"{at:%a} {clock}"
    return f"{at.month}月{at.day}日 {clock}" if language == "zh" else f"{at.day} {at:%b} {clock}"
