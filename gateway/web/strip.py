"""The last 24 hours of one door (pure): what a picture and a sentence both say.

Rule 1: what nobody can know is shaded. That is: before the first word, from the last
        word on if the device then was silent for too long or said that it is offline,
        and while the gateway did not listen.
Rule 2: a report that is older than one heard before fills history and changes no state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.web.door import State
from rules.duration import HOUR_MS

LONG_MS = 24 * HOUR_MS


class Line(NamedTuple):
    """What a line of the journal says of this door.

    Attributes:
        kind: ``reading``, or a mark of the listening itself: ``deaf``, ``listening``.
    """

    at_ms: int
    kind: str = "reading"
    contact: str | None = None
    online: bool | None = None
    boot: int | None = None
    seq: int | None = None


class Span(NamedTuple):
    """The door was in ``state`` from … to …."""

    state: State
    from_ms: int
    to_ms: int

    @property
    def ms(self) -> int:
        return self.to_ms - self.from_ms


def spans(
    lines: Iterable[Line],
    *,
    from_ms: int,
    now_ms: int,
    silent_after_ms: int | None,
    unknown_since_ms: int = 0,
) -> list[Span]:
    """The door's states between ``from_ms`` and ``now_ms``, without a gap.

    Args:
        lines: In order; those before ``from_ms`` say how the day began.
        silent_after_ms: A longer silence leaves the state unknown; ``None``: silence says nothing.
        unknown_since_ms: As the gateway says now; 0 if it knows the state.
    """
    lines = list(lines)
    found: list[Span] = []
    at_ms, contact = from_ms, None
    heard_ms: int | None = None
    newest: tuple[int, int] = (-1, -1)
    first_mark = next((line.kind for line in lines if line.kind != "reading"), "")
    deaf = first_mark == "listening"  # nobody listened when the day began
    state: State = "none"

    def turn(moment_ms: int, becomes: State) -> None:
        """It is ``becomes`` from that moment on."""
        nonlocal at_ms, state
        moment_ms = min(max(moment_ms, at_ms), now_ms)
        if becomes != state and moment_ms > at_ms:
            found.append(Span(state, at_ms, moment_ms))
            at_ms = moment_ms
        state = becomes

    for line in lines:
        if line.kind == "deaf":
            deaf = True
            turn(line.at_ms, _unknown(contact))
            continue
        if line.kind == "listening":
            deaf = False
            turn(line.at_ms, _known(contact))
            continue
        if line.boot is not None and line.seq is not None:
            if (line.boot, line.seq) < newest:
                continue
            newest = line.boot, line.seq
        if heard_ms is not None and silent_after_ms and line.at_ms - heard_ms > silent_after_ms:
            turn(heard_ms, _unknown(contact))
        heard_ms = line.at_ms
        contact = line.contact or contact
        turn(line.at_ms, _unknown(contact) if deaf or line.online is False else _known(contact))
    if unknown_since_ms:
        turn(unknown_since_ms, _unknown(contact))
    found.append(Span(state, at_ms, now_ms))
    return _joined(found)


def _known(contact: str | None) -> State:
    return "none" if contact is None else "open" if contact == "open" else "closed"


def _unknown(contact: str | None) -> State:
    return "none" if contact is None else "unknown"


def _joined(found: list[Span]) -> list[Span]:
    """Neighbours of one state are one span."""
    joined: list[Span] = []
    for span in found:
        if joined and joined[-1].state == span.state:
            joined[-1] = joined[-1]._replace(to_ms=span.to_ms)
        else:
            joined.append(span)
    return joined
