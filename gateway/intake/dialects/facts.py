"""Facts that several dialects state in the same way.

Rule 1: a value of the wrong type or outside its range is ``None`` here; the dialect
        decides whether that spoils the report or only loses a secondary fact.
Rule 2: ``True`` is not the number 1, although Python thinks so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from gateway.intake.dialects.answer import Fault, NoNews, Report
from rules.reading import CLOSED, OPEN, Contact, OnlineScope, Reading

PERCENT: Final = (0.0, 100.0)
# Volts: no battery in a door sensor exceeds 12 V; mains readings (230 V) are not a battery's.
BATTERY_VOLTS: Final = (0.0, 20.0)
# dBm: the range of our own treaty (WIRE.md); no radio hears below -130.
DBM: Final = (-130.0, 0.0)
# A device clock before this year was never set: clocks start at 1970 or 2000.
FIRST_CREDIBLE_YEAR: Final = 2001

# The longest plain word of any dialect here is "offline"; the rest is room for renamed words.
_MAX_WORD_BYTES = 64
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_ON_OFF = {"ON": True, "OFF": False}


def shown(value: object) -> str:
    """A value as it may stand in a reason: short, on one line."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def word(payload: bytes) -> str | None:
    """A payload that is one plain word; exactly as sent, for ``ON`` and a line end is not ``ON``."""
    if not 0 < len(payload) <= _MAX_WORD_BYTES:
        return None
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def number(value: object, within: tuple[float, float]) -> float | None:
    """A finite number inside the range, both ends included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    low, high = within
    return value if low <= value <= high else None  # NaN is never inside


def plain_number(text: object, within: tuple[float, float]) -> float | None:
    """A number written out as text, ``"98"`` or ``"-67.5"``."""
    if not isinstance(text, str) or not _PLAIN_NUMBER.fullmatch(text):
        return None
    return number(float(text), within)


def link_quality(value: object) -> int | None:
    """0 to 255, a Zigbee coordinator's own measure; never mixed with dBm."""
    return value if type(value) is int and 0 <= value <= 255 else None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def bit(value: object) -> bool | None:
    """0 or 1, as Tasmota writes true and false."""
    return bool(value) if type(value) is int and value in (0, 1) else None


def time_from_text(text: object) -> str | None:
    """ISO 8601 → the same moment in UTC, or without suffix where the device named no zone."""
    if not isinstance(text, str) or len(text) > 40 or "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return _time(moment)


def time_from_seconds(seconds: object) -> str | None:
    """Seconds since 1970 UTC → ISO 8601 in UTC; ``None`` for a clock that was never set."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return _time(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):  # beyond the years that datetime or the machine knows
        return None


def _time(moment: datetime) -> str | None:
    if moment.year < FIRST_CREDIBLE_YEAR:
        return None
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def leaf_is_open(is_open: bool) -> Contact:
    return OPEN if is_open else CLOSED


def with_meaning(reading: Reading, meaning: Mapping[str, str] | str, said: str) -> Reading | None:
    """Add what ``said`` means by the registry, or ``None`` if the registry does not tell.

    ``meaning`` is a map of words to the leaf (``{"ON": "open", "OFF": "closed"}``), or
    what the key is about: ``tamper``, ``battery_low`` (said ``ON`` or ``OFF``),
    ``battery_pct``, ``battery_v``, ``rssi_dbm`` (said as a number).
    """
    found: Reading | None = None
    if not isinstance(meaning, str):
        leaf = meaning.get(said)
        found = reading._replace(contact=leaf_is_open(leaf == OPEN)) if leaf in (OPEN, CLOSED) else None
    elif meaning == "tamper":
        found = reading._replace(tamper=_ON_OFF.get(said))
    elif meaning == "battery_low":
        found = reading._replace(battery_low=_ON_OFF.get(said))
    elif meaning == "battery_pct":
        found = reading._replace(battery_pct=plain_number(said, PERCENT))
    elif meaning == "battery_v":
        found = reading._replace(battery_v=plain_number(said, BATTERY_VOLTS))
    elif meaning == "rssi_dbm":
        found = reading._replace(rssi_dbm=plain_number(said, DBM))
    return found if found is not None and found != reading else None


def reading(
    report: Report,
    device: str,
    *,
    contact: Contact | None = None,
    online: bool | None = None,
    online_scope: OnlineScope = "device",
    device_time: str | None = None,
) -> Reading:
    """A reading that carries the report's arrival; ``_replace`` adds the rarer facts."""
    return Reading(
        device=device,
        received_at_ms=report.received_at_ms,
        contact=contact,
        retained=report.retained,
        online=online,
        online_scope=online_scope,
        device_time=device_time,
    )


def stated(reading: Reading) -> dict[str, str | int | float | bool]:
    """The facts that a reading states, by name; empty if it states none."""
    facts = reading._asdict()
    for name in ("device", "received_at_ms", "retained", "online_scope"):
        del facts[name]
    if reading.online_scope == "gateway":
        facts["online_scope"] = "gateway"
    return {name: value for name, value in facts.items() if value is not None}


def empty(report: Report, device: str | None) -> NoNews | Fault:
    """An empty retained payload wipes the broker's memory of a topic; an empty live one is broken."""
    if report.retained:
        return NoNews(device, "an empty retained payload removes what the broker remembered")
    return Fault(device, "an empty payload")
