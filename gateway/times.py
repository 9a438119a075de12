"""A date or a time as people and their programs write it (pure)."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

_AS_EXCEL = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?)?")
"""``2026/3/1 9:05``: a Chinese Excel rewrites every date like that when it saves a CSV."""


def parse_time(text: str, zone: tzinfo) -> int:
    """ISO 8601, or as Excel writes it → ms UTC; without an offset it is meant in ``zone``.

    A date alone is its first moment.

    Raises:
        ValueError: It is no such time.
        OverflowError: It lies too far away.
    """
    text = text.strip()
    if found := _AS_EXCEL.fullmatch(text):
        at = datetime(*(int(part or 0) for part in found.groups()), tzinfo=zone)  # type: ignore[misc, arg-type]  # six numbers
    else:
        at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
