"""Durations as people write them: ``30s``, ``8m``, ``1h30m``, ``2d``. Always with a unit."""

from __future__ import annotations

import re

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_UNITS = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS}
_SHAPE = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")
PATTERN = f"^{_SHAPE.pattern}$"
"""For a JSON Schema."""


def parse(text: str) -> int:
    """Milliseconds meant by ``text``.

    Raises:
        ValueError: It is not a duration with units; the message says how to write one.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a duration with a unit; write it like 30s, 8m, 1h30m or 2d")
    return sum(int(n) * _UNITS[unit] for n, unit in zip(match.groups(), "dhms", strict=True) if n)


def show(ms: int) -> str:
    """The shortest text that ``parse`` reads back, in whole seconds."""
    left, parts = ms // SECOND_MS, []
    for unit in "dhms":
        size = _UNITS[unit] // SECOND_MS
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0s"
