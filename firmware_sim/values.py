"""The values of a scenario file, from their text. A value that does not fit raises ``Unfit``."""

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from firmware_sim.yaml_page import Unfit

T = TypeVar("T", bound=str)

UTC_ZONE = ZoneInfo("UTC")
UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
LONGEST_MS = 366 * UNIT_MS["d"]
BOX = re.compile(r"[a-z0-9-]{1,32}")  # WIRE.md, Topics
PREFIX = re.compile(r"[a-z0-9-]{1,26}")  # leaves six of 32 characters for the number


def text(value: str) -> str:
    """Some words."""
    if not value.strip():
        raise Unfit("empty text", "Write a few words")
    return value.strip()


def duration_ms(value: str) -> int:
    """``90s``, ``15m``, ``1h30m``, ``7d``: milliseconds."""
    match = re.fullmatch(r"(?:(\d{1,3})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", value, re.ASCII)
    parts = match.groups("0") if match else ()
    total_ms = sum(int(part) * unit for part, unit in zip(parts, UNIT_MS.values(), strict=False))
    if not 0 < total_ms <= LONGEST_MS:
        raise Unfit(f"'{value}' is not a duration", "Write one like 90s, 15m, 1h30m or 7d (at most 366d)")
    return total_ms


def offset_ms(value: str) -> int:
    """``+minutes:seconds`` from the start: milliseconds."""
    match = re.fullmatch(r"\+(\d{1,6}):([0-5]\d)", value, re.ASCII)
    if match is None:
        raise Unfit(
            f"'{value}' is not a time from the start", "Begin with +minutes:seconds, like '+00:10 open'"
        )
    return int(match[1]) * UNIT_MS["m"] + int(match[2]) * UNIT_MS["s"]


def local_time(value: str) -> datetime | None:
    """``2026-01-31T06:30``, without a zone; the scenario's zone is put in later."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value, re.ASCII):
        raise Unfit(f"'{value}' is not a local time", "Write one like 2026-01-31T06:30")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise Unfit(f"'{value}' is not on the calendar", f"Mend it ({error})") from None


def zone(value: str) -> ZoneInfo:
    """A name of the time zone database."""
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise Unfit(f"unknown time zone '{value}'", "Write one like Asia/Shanghai") from None


def box(value: str) -> str:
    """A serial number."""
    if not BOX.fullmatch(value):
        raise Unfit(f"'{value}' is not a box", "Use 1 to 32 of the characters a-z, 0-9 and -")
    return value


def prefix(value: str) -> str:
    """The beginning of a serial number."""
    if not PREFIX.fullmatch(value):
        raise Unfit(
            f"'{value}' is not the beginning of a box", "Use 1 to 26 of the characters a-z, 0-9 and -"
        )
    return value


def share(value: str) -> float:
    """A share from 0 to 1."""
    if not re.fullmatch(r"0(\.\d{1,9})?|1(\.0{1,9})?", value, re.ASCII):
        raise Unfit(f"'{value}' is not a share", "Write a number from 0 to 1, like 0.02")
    return float(value)


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within limits."""

    def parse(value: str) -> int:
        number = int(value) if re.fullmatch(r"\d{1,12}", value, re.ASCII) else None
        if number is None or not least <= number <= most:
            raise Unfit(f"'{value}' does not fit", f"Write a whole number from {least} to {most}")
        return number

    return parse


def one_of(choices: Sequence[T]) -> Callable[[str], T]:
    """One of a few words."""
    words = {str(choice): choice for choice in choices}

    def parse(value: str) -> T:
        if value in words:
            return words[value]
        near = difflib.get_close_matches(value, words, n=1)
        mend = f"Did you mean '{near[0]}'?" if near else f"Choose from {', '.join(words)}"
        raise Unfit(f"unknown word '{value}'", mend)

    return parse
