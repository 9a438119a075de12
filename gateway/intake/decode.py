"""``doorward decode``: reports in, what we understand out, one JSON object a line each.

For people who want to see what a device means before they adopt it:

    {"topic": "zigbee2mqtt/North gate", "payload": "{\\"contact\\":false}"}
    {"kind": "reading", "dialect": "zigbee2mqtt", "device": "zigbee2mqtt:North gate", "contact": "open"}

An input line may also carry ``payload_hex`` instead of ``payload``, ``retained``,
``dialect`` (else it is told from topic and payload), ``base`` (the dialect's topic prefix)
and ``profile`` (what a registry row says of the device). Empty lines are skipped; a broken
line gives a fault and does not stop the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.intake import dialects
from gateway.intake.dialects import facts, strict_json
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Profile, Readings, Report, Unknown
from rules.reading import Reading

# Bytes: the largest payload (64 KiB), with every character written as \\u00xx, and its line around it.
MAX_LINE_BYTES: Final = 8 * strict_json.MAX_BYTES

_Line = dict[str, object]


class _BrokenLine(ValueError):
    """The input line is not what this command reads; the text says why."""


def decode_lines(lines: Iterable[bytes | str]) -> Iterator[str]:
    """Answer each line of ``lines``, in order."""
    for line in lines:
        raw = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
        if raw.strip():
            yield json.dumps(_answer_line(raw), ensure_ascii=False)


def _answer_line(raw: bytes) -> _Line:
    try:
        name, report = _read(raw)
    except (_BrokenLine, strict_json.NotStrictJson) as broken:
        return {"kind": "fault", "dialect": None, "device": None, "reason": f"the input line: {broken}"}
    name = name or dialects.guess(report.topic, report.payload)
    if name is None:
        answer: Answer = Unknown(None, "neither topic nor payload tell the dialect")
    else:
        answer = dialects.decode(name, report)
    return _told(name, answer)


def _read(raw: bytes) -> tuple[str | None, Report]:
    line = strict_json.load(raw, max_bytes=MAX_LINE_BYTES)
    if not isinstance(line, dict):
        raise _BrokenLine("not a JSON object")
    topic = _text(line, "topic")
    if topic is None:
        raise _BrokenLine("topic is missing")
    retained = line.get("retained", False)
    if not isinstance(retained, bool):
        raise _BrokenLine("retained is neither true nor false")
    report = Report(
        topic=topic,
        payload=_payload(line),
        retained=retained,
        profile=_profile(line.get("profile")),
        base=_text(line, "base"),
    )
    return _text(line, "dialect"), report


def _text(line: _Line, name: str) -> str | None:
    value = line.get(name)
    if value is not None and not isinstance(value, str):
        raise _BrokenLine(f"{name} is not text")
    return value


def _payload(line: _Line) -> bytes:
    text, hexadecimal = _text(line, "payload"), _text(line, "payload_hex")
    if (text is None) == (hexadecimal is None):
        raise _BrokenLine("give either payload or payload_hex")
    if text is not None:
        return text.encode("utf-8")
    try:
        return bytes.fromhex(hexadecimal or "")
    except ValueError:
        raise _BrokenLine("payload_hex is not hexadecimal") from None


def _profile(value: object) -> Profile | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _BrokenLine("profile is not an object")
    for key, meaning in value.items():
        words = meaning.values() if isinstance(meaning, dict) else (meaning,)
        if not all(isinstance(word, str) for word in words):
            raise _BrokenLine(f"profile: {facts.shown(key)} is neither text nor a map of words")
    return value


def _told(name: str | None, answer: Answer) -> _Line:
    match answer:
        case Readings(readings):
            told: _Line = {"kind": "reading", "dialect": name, **_reading(_foremost(readings))}
            if len(readings) > 1:
                told["readings"] = [_reading(reading) for reading in readings]
            return told
        case NoNews(device, reason):
            kind = "no_news"
        case Fault(device, reason):
            kind = "fault"
        case Unknown(device, reason):
            kind = "unknown"
    return {"kind": kind, "dialect": name, "device": device, "reason": reason}


def _foremost(readings: tuple[Reading, ...]) -> Reading:
    """One line answers one report: the first that speaks of a leaf, and ``readings`` lists them all."""
    return next((reading for reading in readings if reading.contact is not None), readings[0])


def _reading(reading: Reading) -> _Line:
    return {"device": reading.device, **facts.stated(reading)}
