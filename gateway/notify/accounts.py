"""Who was told, when it is over: the all-clear goes to exactly those (pure).

Accepted, or possibly accepted: they hear that it is over. Not yet sent: withdrawn,
and nobody hears of it at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.notify.message import MessageState

UNCERTAIN = "uncertain"
"""An attempt of which nobody can say whether it arrived; so is one that has no result yet."""


class Sent(NamedTuple):
    """A message that was queued about what is over now.

    Attributes:
        results: Of its attempts; ``None`` for one that is under way or was cut off.
    """

    id: str
    person: str
    state: str
    results: tuple[str | None, ...]


class Accounts(NamedTuple):
    """``withdraw``: message ids; ``tell``: persons, each once, in order."""

    withdraw: list[str]
    tell: list[str]


def settle(sent: Iterable[Sent]) -> Accounts:
    """What to do about the messages of something that is over."""
    withdraw: list[str] = []
    tell: dict[str, None] = {}
    for message in sent:
        if message.state == MessageState.QUEUED:
            withdraw.append(message.id)
        maybe = any(result is None or result == UNCERTAIN for result in message.results)
        if message.state == MessageState.ACCEPTED or maybe:
            tell[message.person] = None
    return Accounts(withdraw, list(tell))
