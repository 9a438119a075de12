"""The reed switch: it chatters, and the firmware waits until it rests.

Rule: a movement is what the contact says after it has rested, never an edge.
"""

import random

from firmware_sim.wire import Contact

DEBOUNCE_MS = 50
"""How long the contact must rest before a movement counts (WIRE.md, Manners)."""

BOUNCES = (0, 4)
"""Fewest and most rebounds of one movement. Our choice: reed switches rebound a few times."""

BOUNCE_GAP_MS = (1, 8)
"""Shortest and longest time between two edges of a bounce. Our choice, well below the debounce."""


def bounce(to: Contact, now_ms: int, rng: random.Random) -> list[tuple[int, Contact]]:
    """The edges ``(at_ms, contact)`` of one movement; the last one is ``to``."""
    back: Contact = "closed" if to == "open" else "open"
    edges: list[tuple[int, Contact]] = [(now_ms, to)]
    for _ in range(rng.randint(*BOUNCES)):
        for contact in (back, to):
            edges.append((edges[-1][0] + rng.randint(*BOUNCE_GAP_MS), contact))
    return edges


class Debouncer:
    """Turns edges into movements."""

    __slots__ = ("_changed_ms", "_raw", "contact")

    def __init__(self, contact: Contact) -> None:
        self.contact: Contact = contact
        self._raw: Contact = contact
        self._changed_ms = 0

    def edge(self, contact: Contact, now_ms: int) -> None:
        """The switch says something; if it is new, the rest begins anew."""
        if contact != self._raw:
            self._raw = contact
            self._changed_ms = now_ms

    @property
    def due_ms(self) -> int | None:
        """When a movement will count if nothing else comes; None if none is under way."""
        return None if self._raw == self.contact else self._changed_ms + DEBOUNCE_MS

    def settle(self, now_ms: int) -> bool:
        """Take the contact as it rests. True if that is a movement."""
        if self.due_ms is None or now_ms < self.due_ms:
            return False
        self.contact = self._raw
        return True

    def reset(self) -> None:
        """Take the contact as it is, at once: what a start does."""
        self.contact = self._raw
