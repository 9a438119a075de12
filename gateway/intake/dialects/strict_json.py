"""JSON as devices should send it, and nothing else.

Python's own loader is kinder than is good for telemetry: it takes ``NaN``, keeps
the last of two equal keys, guesses UTF-16, and can be driven into a
``RecursionError``. Here each of these is refused, with its reason in plain words.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

# No report of the dialects here comes near it; Zigbee2MQTT's device states stay below 4 KiB.
MAX_BYTES: Final = 64 * 1024
# The deepest report known here (a Tasmota Zigbee report) has three levels.
MAX_DEPTH: Final = 50

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


class NotStrictJson(ValueError):
    """The bytes are refused; the text says why, in plain words."""


def load(payload: bytes, *, max_bytes: int = MAX_BYTES) -> object:
    """Read one JSON value, or raise ``NotStrictJson``; it raises nothing else."""
    if len(payload) > max_bytes:
        raise NotStrictJson(f"longer than {max_bytes} bytes")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrictJson("not UTF-8") from None
    # Counting first keeps the usual report cheap: few brackets cannot nest deeply.
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotStrictJson(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value: object = _DECODER.decode(text)
    except NotStrictJson:
        raise
    except (ValueError, RecursionError):  # ValueError: bad JSON, and whole numbers of thousands of digits
        raise NotStrictJson("not JSON") from None
    if "\\u" in text:
        _refuse_half_characters(value)
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refuse_half_characters(value: object) -> None:
    r"""Half of a surrogate pair (``"\ud800"``) is text that no database takes."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("half a character (a lone surrogate)") from None


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotStrictJson("the same key twice")
    return fields


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrictJson("a number too large")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise NotStrictJson(f"{word} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_doubles, parse_float=_finite, parse_constant=_refuse_constant
)
