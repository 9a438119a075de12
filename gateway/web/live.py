"""Tells every open page that something was committed.

One poll of the road's position serves all pages, however many are open, and none runs
while no page is. An event carries the position and nothing else: the page then fetches
itself again, so that only the pages decide who may see what.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.3
BEAT_EVERY_S = 10.0
"""A page that hears nothing for three beats knows that its connection is gone."""
MOST_PAGES = 1_000
"""Open connections; a page above that fetches itself once a minute instead."""


class Live:
    """The shared poll.

    Attributes:
        pages: How many listen.
    """

    def __init__(
        self,
        read: Callable[[], int],
        *,
        look_every_s: float = LOOK_EVERY_S,
        beat_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self._read, self._look_every_s, self._beat_every_s = read, look_every_s, beat_every_s
        self._position: int | None = None
        self._listeners: set[asyncio.Event] = set()
        self._poll: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def pages(self) -> int:
        return len(self._listeners)

    def close(self) -> None:
        """End every stream soon; may be called from any thread."""
        self._closing = True

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events: the position now, each new one, and beats between them."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        if self._poll is None or self._poll.done():
            self._position = None
            self._poll = asyncio.create_task(self._look())
        told: int | None = None
        try:
            while not self._closing:
                if self._position is not None and self._position != told:
                    told = self._position
                    yield f"event: position\ndata: {told}\n\n"
                try:
                    await asyncio.wait_for(changed.wait(), self._beat_every_s)
                except TimeoutError:
                    yield "event: beat\ndata:\n\n"
                changed.clear()
        finally:
            self._listeners.discard(changed)

    async def _look(self) -> None:
        while self._listeners:
            try:
                position = await asyncio.to_thread(self._read)
            except Exception as error:  # the next look may succeed, and pages must not lose their stream
                log.warning("the position could not be read: %s", type(error).__name__)
            else:
                if position != self._position:
                    self._position = position
                    self._wake()
            if self._closing:
                self._wake()
                return
            await asyncio.sleep(self._look_every_s)

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()
