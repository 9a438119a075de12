"""A poke from one part to another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.errors import AlreadyRunning
from gateway.wake import Poker, Waker

PATIENCE_S = 30.0


def test_a_poke_wakes_and_many_count_as_one(tmp_path: Path) -> None:
    waker, poker = Waker(tmp_path, "gateway"), Poker(tmp_path, "gateway")
    for _ in range(3):
        poker.poke()
    assert waker.wait(PATIENCE_S)
    assert not waker.wait(0)
    poker.close()
    waker.close()


def test_a_poke_that_comes_while_somebody_waits_wakes_too(tmp_path: Path) -> None:
    waker, poker = Waker(tmp_path, "gateway"), Poker(tmp_path, "gateway")
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(waker.wait(PATIENCE_S)), daemon=True)
    waiting.start()
    poker.poke()
    waiting.join(PATIENCE_S)
    assert woken == [True]
    poker.close()
    waker.close()


def test_nobody_there_is_no_error_and_a_crowd_neither(tmp_path: Path) -> None:
    poker = Poker(tmp_path, "gateway")
    poker.poke()
    waker = Waker(tmp_path, "gateway")
    for _ in range(10_000):
        poker.poke()
    assert waker.wait(0)
    poker.close()
    waker.close()


def test_other_parts_and_other_directories_hear_nothing(tmp_path: Path) -> None:
    wakers = [Waker(tmp_path / "a", "sender"), Waker(tmp_path / "b", "gateway")]
    poker = Poker(tmp_path / "a", "gateway")
    poker.poke()
    assert [waker.wait(0) for waker in wakers] == [False, False]
    poker.close()
    for waker in wakers:
        waker.close()


def test_a_part_works_once_in_a_directory(tmp_path: Path) -> None:
    waker = Waker(tmp_path, "sender")
    with pytest.raises(AlreadyRunning, match="another sender already works here"):
        Waker(tmp_path, "sender")
    waker.close()
    Waker(tmp_path, "sender").close()
