"""Dates and times as people and their programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.times import parse_time

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01", "2026-02-28T16:00"),
        ("2026/3/1", "2026-02-28T16:00"),
        ("2026-3-1 9:05", "2026-03-01T01:05"),
        ("2026/03/01 09:05:07", "2026-03-01T01:05:07"),
        ("2026-03-01T09:05:07", "2026-03-01T01:05:07"),
        (" 2026-03-01T09:05:07+01:00 ", "2026-03-01T08:05:07"),
        ("2026-03-01T09:05:07Z", "2026-03-01T09:05:07"),
    ],
)
def test_a_time_is_understood_as_it_is_written(text: str, utc: str) -> None:
    assert datetime.fromtimestamp(parse_time(text, SHANGHAI) / 1000, UTC).isoformat().startswith(utc)


@pytest.mark.parametrize(
    "text", ["", "today", "2026/13/1", "2026-02-30", "1/3/2026", "2026/3/1 25:00", "26/3/1"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text, SHANGHAI)
