"""The devices table into bindings: which device watches which entrance, from when to when."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

from gateway.places.entrance import Binding, EntranceRow
from gateway.places.tables import Columns, Row
from gateway.times import parse_time
from rules import duration
from rules.fault import Fault, guess

if TYPE_CHECKING:
    from gateway.intake.dialects.answer import Profile

COLUMNS: Final = Columns(
    needed=("dialect", "box", "entrance"),
    optional=("channel", "from", "to", "profile", "gateway", "trial", "interval"),
)
YES_NO: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("yes", "true", "是"), True),
    **dict.fromkeys(("", "no", "false", "否"), False),
}

_NAME = re.compile(r"[^#+\x00-\x1f]{1,200}")  # MQTT allows neither of them in a topic's level


class _Wrong(Exception):
    """One value of the row is wrong."""

    def __init__(self, column: str, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.column = column
        self.mend = mend


def bindings_of(
    rows: Sequence[Row],
    entrances: Mapping[str, EntranceRow],
    zone: tzinfo,
    intervals: Mapping[str, int | None],
) -> tuple[list[Binding], list[Fault]]:
    """The bindings that can hold together, in the order of the table, and what is wrong.

    Args:
        rows: The table.
        entrances: The entrances that there are.
        zone: What a date or a time without an offset means.
        intervals: The dialects that are switched on, each with how often its devices
            speak, in ms; ``None`` where their silence says nothing.
    """
    bindings: list[Binding] = []
    faults: list[Fault] = []
    taken: defaultdict[str, list[tuple[Row, Binding]]] = defaultdict(list)
    for row in rows:
        try:
            binding = _binding(row, entrances, zone, intervals)
            _refuse_overlap(row, binding, taken)
        except _Wrong as wrong:
            faults.append(row.fault(wrong.column, str(wrong), wrong.mend))
            continue
        bindings.append(binding)
        for key in _keys(binding).values():
            taken[key].append((row, binding))
    return bindings, faults


def _keys(binding: Binding) -> dict[str, str]:
    """What can be bound to one other only, by the column that names it."""
    return {"box": f"device {binding.device}", "entrance": f"entrance {binding.entrance}"}


def _refuse_overlap(row: Row, new: Binding, taken: Mapping[str, list[tuple[Row, Binding]]]) -> None:
    for column, key in _keys(new).items():
        for before, binding in taken.get(key, ()):
            if new.overlaps(binding):
                what = f"{key} is bound at the same time in line {before.line}"
                raise _Wrong(column, what, "End one where the other begins.")


def _binding(
    row: Row, entrances: Mapping[str, EntranceRow], zone: tzinfo, intervals: Mapping[str, int | None]
) -> Binding:
    dialect = row["dialect"]
    if dialect not in intervals:
        raise _Wrong("dialect", f"'{dialect}' is no dialect that is switched on", guess(dialect, intervals))
    if row["entrance"] not in entrances:
        mend = "Add it to the entrances table, or mend its row there."
        raise _Wrong("entrance", f"there is no entrance '{row['entrance']}'", mend)
    from_ms = _moment(row, "from", zone) or 0
    to_ms = _moment(row, "to", zone)
    if to_ms is not None and to_ms <= from_ms:
        raise _Wrong("to", "it ends before it begins", "'to' is the first day on which it no longer holds.")
    if row["trial"].casefold() not in YES_NO:
        raise _Wrong("trial", f"'{row['trial']}' is neither yes nor no", "Write yes, no or nothing.")
    return Binding(
        device=_device(row, dialect),
        entrance=row["entrance"],
        from_ms=from_ms,
        to_ms=to_ms,
        dialect=dialect,
        profile=_profile(row["profile"]),
        gateway=_gateway(row["gateway"], intervals),
        trial=YES_NO[row["trial"].casefold()],
        interval_ms=_interval(row["interval"]) or intervals[dialect],
    )


def _device(row: Row, dialect: str) -> str:
    for column in ("box", "channel"):
        if row[column] and not _NAME.fullmatch(row[column]):
            raise _Wrong(column, f"no {column} has such a name", "It has no '#', '+' or line breaks.")
    return f"{dialect}:{row['box']}" + (f"#{row['channel']}" if row["channel"] else "")


def _moment(row: Row, column: str, zone: tzinfo) -> int | None:
    """Milliseconds since 1970 UTC; a date means its first moment in ``zone``."""
    if not row[column]:
        return None
    try:
        return parse_time(row[column], zone)
    except (ValueError, OverflowError):
        raise _Wrong(
            column,
            f"'{row[column]}' is no date or time",
            "Write it like 2026-03-01 or 2026-03-01T14:30.",
        ) from None


def _interval(text: str) -> int | None:
    try:
        return duration.parse(text) if text else None
    except ValueError as error:
        raise _Wrong("interval", str(error)) from None


def _gateway(text: str, intervals: Mapping[str, int | None]) -> str | None:
    dialect, _, box = text.partition(":")
    if text and (dialect not in intervals or not _NAME.fullmatch(box)):
        raise _Wrong("gateway", f"'{text}' is no device's name", "Write it like zigbee2mqtt:bridge.")
    return text or None


def _profile(text: str) -> Profile | None:
    if not text:
        return None
    mend = 'Write it like {"Switch1": {"ON": "open", "OFF": "closed"}}.'
    try:
        profile = json.loads(text)
    except (ValueError, RecursionError):
        raise _Wrong("profile", "the profile is no JSON", mend) from None
    if not isinstance(profile, dict):
        raise _Wrong("profile", "a profile is a JSON object", mend)
    for key, meaning in profile.items():
        words = meaning.values() if isinstance(meaning, dict) else (meaning,)
        if not all(isinstance(word, str) for word in words):
            raise _Wrong("profile", f"'{key}' means neither a word nor a map of words", mend)
    return profile
