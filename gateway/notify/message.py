"""A message (通知): one text to one person. Stored as a key and facts, worded at the rim."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from rules.duration import HOUR_MS, MINUTE_MS

KEEPS_MS: Final = 6 * HOUR_MS
"""How long a message is worth sending (retries go on for 6 h)."""
LOGIN_KEEPS_MS: Final = 10 * MINUTE_MS

SEVERITY_RANK: Final[Mapping[str, int]] = {"high": 0, "normal": 1, "low": 2}
"""Smaller goes out first."""


class Text(StrEnum):
    """What a message says; ``words.py`` has the sentences."""

    REMIND = "remind"
    TELL = "tell"
    PASSED = "passed"
    ALL_CLEAR = "all_clear"
    HANDLED = "handled"
    RULE_OFF = "rule_off"
    DIGEST = "digest"
    LOGIN = "login"


class MessageState(StrEnum):
    QUEUED = "queued"
    ACCEPTED = "accepted"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


# The life of a message. Delivered and seen are stamps on an accepted one.
NEXT_STATES: Mapping[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(MessageState) - {MessageState.QUEUED},
    MessageState.ACCEPTED: frozenset(),
    MessageState.FAILED: frozenset(),
    MessageState.WITHDRAWN: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One row of the outbox.

    Attributes:
        person: A person's id, or ``residents:…``.
        about: The alarm (or case, or log-in) that it is about.
        bundle: Of messages that waited for the same moment, all go out as one.
        expires_at_ms: After this it is not worth sending.
        not_before_ms: It waits until then: quiet hours, or the night's budget is spent.
    """

    id: str
    person: str
    about: str
    text: Text
    facts: Mapping[str, Any]
    severity: str = "normal"
    bundle: str = ""
    case: str | None = None
    entrance: str | None = None
    queued_at_ms: int
    expires_at_ms: int
    not_before_ms: int = 0


def message_id(*about: object) -> str:
    """Derived from what it is about, so that queueing it again changes nothing."""
    return hashlib.sha256("\0".join(map(str, about)).encode()).hexdigest()[:20]


def bundle_of(person: str, until_ms: int) -> str:
    """Names what waits for one person until one moment."""
    return f"waits:{person}:{until_ms}"


def is_bundle(name: str) -> bool:
    return name.startswith("waits:")
