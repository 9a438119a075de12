"""What the engine keeps of one entrance, and of each alarm on it.

Rule 1: everything here is whole milliseconds since 1970 UTC, and 0 means "not so".
Rule 2: deadlines are never kept; they are derived from these fields, so that a
        restart, an edited rule and a replay give the same ones.
"""

from __future__ import annotations

from array import array
from typing import Any

from rules.order import Order
from rules.reading import Contact


class Alarm:
    """One alarm that is more than a possibility.

    Attributes:
        since: Since when the condition holds; never changes.
        count: From when the steps count; later than ``since`` for silence.
        step: How many steps have come.
        raised_at: When the first came; 0 while pending.
        ended_at: When the condition ended; 0 while it holds.
        held_until: Until when a mute held, or holds, its steps back; 0 if none did.
    """

    __slots__ = ("count", "ended_at", "held_until", "raised_at", "since", "step")

    def __init__(
        self,
        since: int,
        count: int,
        step: int = 0,
        raised_at: int = 0,
        ended_at: int = 0,
        held_until: int = 0,
    ) -> None:
        self.since = since
        self.count = count
        self.step = step
        self.raised_at = raised_at
        self.ended_at = ended_at
        self.held_until = held_until

    def snapshot(self) -> list[int]:
        return [self.since, self.count, self.step, self.raised_at, self.ended_at, self.held_until]


class Door:
    """One entrance.

    Attributes:
        device: Who spoke last.
        contact: The last word on the leaf, ``None`` before the first.
        open_since: When it was opened; also 0 if it is open and nobody knows since when.
        last_seen: The last live word of any kind.
        unknown_since: Since when nobody can say whether it is open.
        silent_at: When its silence became too long.
        low_since: Since when its battery is low.
        tamper_since: Since when its box is open.
        openings: The latest openings, for ``chattering``.
        order: Newest (boot, seq), if the device states one.
        alarms: By rule name; ``None`` as long as there is none.
        armed: The earliest moment at which the engine will look at it again.
    """

    __slots__ = (
        "alarms",
        "armed",
        "contact",
        "device",
        "last_seen",
        "low_since",
        "open_since",
        "openings",
        "order",
        "silent_at",
        "tamper_since",
        "unknown_since",
    )

    def __init__(self) -> None:
        self.device: str | None = None
        self.contact: Contact | None = None
        self.open_since = 0
        self.last_seen = 0
        self.unknown_since = 0
        self.silent_at = 0
        self.low_since = 0
        self.tamper_since = 0
        self.openings: array[int] | None = None
        self.order: Order | None = None
        self.alarms: dict[str, Alarm] | None = None
        self.armed = 0

    def snapshot(self) -> list[Any]:
        """Plain values for a checkpoint; ``Door.resume`` reads them back."""
        return [
            self.device,
            self.contact,
            self.open_since,
            self.last_seen,
            self.unknown_since,
            self.silent_at,
            self.low_since,
            self.tamper_since,
            list(self.openings) if self.openings else None,
            self.order.snapshot() if self.order else None,
            {name: alarm.snapshot() for name, alarm in self.alarms.items()} if self.alarms else None,
        ]

    @classmethod
    def resume(cls, snapshot: list[Any]) -> Door:
        door = cls()
        (
            door.device,
            door.contact,
            door.open_since,
            door.last_seen,
            door.unknown_since,
            door.silent_at,
            door.low_since,
            door.tamper_since,
            openings,
            order,
            alarms,
        ) = snapshot
        if openings:
            door.openings = array("q", openings)
        if order:
            door.order = Order.resume(order)
        if alarms:
            door.alarms = {name: Alarm(*values) for name, values in alarms.items()}
        return door
