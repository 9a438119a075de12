"""Simulated time against real time, and the waits between attempts to connect."""

import random

import pytest

from firmware_sim.pace import Backoff, Pace


def test_simulated_time_runs_at_the_given_speed() -> None:
    pace = Pace(start_ms=1_000_000, speed=60, real_s=500.0)
    assert pace.now_ms(501.0) == 1_060_000


@pytest.mark.parametrize(("real_s", "wait_s"), [(500.0, 1.0), (500.5, 0.5), (502.0, -1.0)])
def test_the_wait_is_in_real_seconds(real_s: float, wait_s: float) -> None:
    pace = Pace(start_ms=0, speed=60, real_s=500.0)
    assert pace.wait_s(60_000, real_s) == pytest.approx(wait_s)


class Longest(random.Random):
    """Chance that always takes the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_waits_double_up_to_five_minutes_and_begin_again_after_a_success() -> None:
    backoff = Backoff(Longest())
    assert [backoff.wait_s() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff.worked()
    assert backoff.wait_s() == 1


def test_jitter_is_full() -> None:
    """Boxes that lost one broker together do not come back together."""
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s() for _ in range(200)][20:]
    assert min(waits) < 30
    assert max(waits) > 270
