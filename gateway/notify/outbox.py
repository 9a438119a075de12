"""When and through which channel a message is tried next (pure).

Rule 1: per channel at least once unless the channel itself refuses, and at most twice
        where nobody can say whether it arrived.
Rule 2: a channel that fails gives way to the next within a minute; the message comes
        back to it as long as it is worth sending.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.notify.answers import Result
from rules.duration import MINUTE_MS, SECOND_MS

FIRST_RETRIES_MS = (5 * SECOND_MS, 15 * SECOND_MS)
"""On the same channel; then the next one (ACCEPTANCE.md, Notifier)."""
LATER_RETRIES_MS = (45 * SECOND_MS, 2 * MINUTE_MS, 5 * MINUTE_MS)
"""When every channel had its turn; the last one again and again until the message expires."""
MOST_UNCERTAIN = 2
JITTER = 0.2
"""Up to this much is added, so that a thousand messages do not come back at once."""


class Attempt(NamedTuple):
    """``result`` is ``None`` for one that was cut off: nobody knows whether it arrived."""

    channel: int
    result: str | None


class NextTry(NamedTuple):
    channel: int
    after_ms: int


def next_try(
    attempts: Sequence[Attempt], channels: Sequence[int], random: Callable[[], float]
) -> NextTry | None:
    """The next try, or ``None`` if no channel is left.

    Args:
        attempts: All so far, in order.
        channels: Which of the person's channels may be used, in her order.
        random: 0 to 1, for the jitter.
    """
    left = [channel for channel in channels if not _barred(attempts, channel)]
    if not left:
        return None
    if not attempts:
        return NextTry(left[0], 0)
    tries = {channel: sum(1 for a in attempts if a.channel == channel) for channel in left}
    last = attempts[-1]
    if last.channel in tries and tries[last.channel] <= len(FIRST_RETRIES_MS):
        return NextTry(last.channel, _jittered(FIRST_RETRIES_MS[tries[last.channel] - 1], random))
    for channel in left:
        if not tries[channel]:
            return NextTry(channel, 0)
    least = min(left, key=lambda channel: tries[channel])
    round_ = max(sum(tries.values()) - len(left) * (len(FIRST_RETRIES_MS) + 1), 0)
    delay = LATER_RETRIES_MS[min(round_, len(LATER_RETRIES_MS) - 1)]
    return NextTry(least, _jittered(delay, random))


def _barred(attempts: Sequence[Attempt], channel: int) -> bool:
    results = [a.result for a in attempts if a.channel == channel]
    uncertain = sum(1 for result in results if result is None or result == Result.UNCERTAIN)
    return Result.REFUSED in results or uncertain >= MOST_UNCERTAIN


def _jittered(delay_ms: int, random: Callable[[], float]) -> int:
    return int(delay_ms * (1 + JITTER * random()))
