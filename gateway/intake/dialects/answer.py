"""What a dialect may answer to a report.

Every dialect is one pure function in a file of its own:

    decode(report: Report) -> Answer

It never raises for bad input: what cannot be understood is a ``Fault`` with its
reason in plain words, and what only lacks a registry row is ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rules.reading import Reading

# What a registry row says of a device beyond its name: {"Switch1": {"ON": "open", "OFF": "closed"}}
# maps a key's values to the leaf; {"box_tamper": "tamper"} says what a key is about.
Profile = Mapping[str, Mapping[str, str] | str]


class Report(NamedTuple):
    """What a device put on the wire.

    Attributes:
        topic: The MQTT topic.
        payload: The bytes as they came.
        retained: The broker replayed it from its memory.
        received_at_ms: Our clock, milliseconds since 1970 UTC.
        profile: What the registry says of this device, or ``None``.
        base: The dialect's topic prefix where it is configurable (``zigbee2mqtt``).
    """

    topic: str
    payload: bytes
    retained: bool = False
    received_at_ms: int = 0
    profile: Profile | None = None
    base: str | None = None


class Readings(NamedTuple):
    """Facts were stated; most reports carry one reading, a bridge's may carry several."""

    readings: tuple[Reading, ...]


class NoNews(NamedTuple):
    """Understood, and it states nothing that concerns a door.

    Attributes:
        device: Who spoke, where it can be told.
        reason: Why it is no news, for a maintainer.
    """

    device: str | None
    reason: str


class Fault(NamedTuple):
    """Not understood: it goes to quarantine with its bytes and this reason."""

    device: str | None
    reason: str


class Unknown(NamedTuple):
    """The dialect or the device's profile is not known; a maintainer can adopt it."""

    device: str | None
    reason: str


Answer = Readings | NoNews | Fault | Unknown
