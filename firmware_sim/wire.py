"""How a device puts things on the wire: topics and bytes, as ``WIRE.md`` says.

Rule: this file decides how a thing is written, never whether or when.
"""

import json
from typing import Literal, NamedTuple

Contact = Literal["open", "closed"]
Why = Literal["change", "heartbeat", "boot"]

VERSION = 1
"""Version of ``WIRE.md`` that is spoken here."""


class Publish(NamedTuple):
    """One MQTT publish, ready to be sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


def event_topic(box: str, channel: int) -> str:
    """Where movements go; not retained."""
    return f"door/{box}/{channel}/event"


def state_topic(box: str, channel: int) -> str:
    """Where the state as it is now goes; retained."""
    return f"door/{box}/{channel}/state"


def event(box: str, channel: int, report: bytes) -> Publish:
    """A movement (or a start)."""
    return Publish(event_topic(box, channel), report, qos=1, retain=False)


def state(box: str, channel: int, report: bytes) -> Publish:
    """The state as it is now."""
    return Publish(state_topic(box, channel), report, qos=1, retain=True)


def status(box: str, *, online: bool) -> Publish:
    """Whether the box is connected; with ``online=False`` it is the last will."""
    payload = _bytes({"v": VERSION, "id": box, "online": online})
    return Publish(f"door/{box}/status", payload, qos=1, retain=True)


def report(
    box: str, channel: int, *, boot: int, seq: int, why: Why, contact: Contact, extras: dict[str, object]
) -> bytes:
    """A report's bytes.

    Args:
        box: Serial number of the box.
        channel: Which of the box's doors, 1 to 8.
        boot: Number of the box's start.
        seq: Number of the channel's report since that start.
        why: What made the device speak.
        contact: The leaf, after debouncing.
        extras: Fields that may be absent; those that are None are left out.
    """
    must = {"v": VERSION, "id": box, "ch": channel, "boot": boot, "seq": seq, "why": why, "contact": contact}
    return _bytes(must | {name: value for name, value in extras.items() if value is not None})


def _bytes(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
