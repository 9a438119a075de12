"""Pages hear of each commit, through one poll for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.web import watching
from gateway.web.live import Live
from tests.unit.gateway.web.house import House


class Road:
    """A position that a test moves, and how often it was read."""

    def __init__(self) -> None:
        self.position, self.reads, self.broken = 1, 0, False
        self.loop, self.refused = asyncio.get_running_loop(), asyncio.Event()

    def read(self) -> int:
        self.reads += 1
        if self.broken:
            self.loop.call_soon_threadsafe(self.refused.set)
            raise OSError("the disk is busy")
        return self.position


def _live(road: Road, beat_every_s: float = 60.0) -> Live:
    return Live(road.read, look_every_s=0.0, beat_every_s=beat_every_s)


async def _next(events: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(events), 10)


def test_a_page_hears_the_position_now_and_each_new_one() -> None:
    async def play() -> None:
        road = Road()
        events = _live(road).events()
        assert await _next(events) == "event: position\ndata: 1\n\n"
        road.position = 5
        assert await _next(events) == "event: position\ndata: 5\n\n"

    asyncio.run(play())


def test_many_pages_share_one_poll_and_none_runs_without_a_page() -> None:
    async def play() -> None:
        road = Road()
        live = Live(road.read, look_every_s=0.05)
        pages = [live.events() for _ in range(50)]
        assert {await _next(page) for page in pages} == {"event: position\ndata: 1\n\n"}
        assert live.pages == 50
        assert road.reads < 25
        for page in pages:
            await page.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert live.pages == 0
        assert live._poll is not None
        await asyncio.wait_for(live._poll, 10)

    asyncio.run(play())


def test_between_commits_a_beat_proves_the_connection() -> None:
    async def play() -> None:
        events = _live(Road(), beat_every_s=0.001).events()
        said = [await _next(events) for _ in range(3)]
        assert "event: beat\ndata:\n\n" in said

    asyncio.run(play())


def test_a_busy_disk_does_not_end_the_stream() -> None:
    async def play() -> None:
        road = Road()
        events = _live(road).events()
        await _next(events)
        road.broken = True
        waiting = asyncio.ensure_future(_next(events))
        await asyncio.wait_for(road.refused.wait(), 10)
        road.position, road.broken = 2, False
        assert await waiting == "event: position\ndata: 2\n\n"

    asyncio.run(play())


def test_closing_ends_every_stream() -> None:
    async def play() -> None:
        live = _live(Road())
        events = live.events()
        await _next(events)
        live.close()
        assert [event async for event in events] == []

    asyncio.run(play())


def test_the_stream_is_for_readers_and_for_so_many_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.phone().get("/live").status_code == 403
    monkeypatch.setattr(watching, "MOST_PAGES", 0)
    assert house.phone("worker").get("/live").status_code == 503
