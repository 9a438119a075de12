"""Time that never goes back, whatever is done to the wall clock."""

from __future__ import annotations

import time

import pytest

import gateway.clock
from gateway.clock import STEP_MS, MachineClock, ManualClock

T0 = 1_790_000_000_000


class Machine:
    """A machine whose two clocks a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ms, self.since_boot_ms = T0, 5_000
        monkeypatch.setattr(time, "time_ns", lambda: self.wall_ms * 1_000_000)
        monkeypatch.setattr(gateway.clock, "_since_boot_ms", lambda: self.since_boot_ms)

    def pass_by(self, ms: int) -> None:
        self.wall_ms += ms
        self.since_boot_ms += ms


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_it_begins_at_the_wall_clock_and_goes_with_it(machine: Machine) -> None:
    clock = MachineClock()
    assert clock.now_ms() == T0
    machine.pass_by(90_000)
    assert clock.now_ms() == T0 + 90_000
    assert clock.stepped_ms == 0


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000, 2 * 86_400_000, -STEP_MS - 1, STEP_MS + 1])
def test_a_step_of_the_wall_clock_is_noticed_and_not_followed(machine: Machine, step_ms: int) -> None:
    clock = MachineClock()
    machine.wall_ms += step_ms
    machine.pass_by(1_000)
    assert clock.now_ms() == T0 + 1_000
    assert clock.stepped_ms == step_ms


@pytest.mark.parametrize("drift_ms", [-STEP_MS, 0, STEP_MS])
def test_drift_is_no_step(machine: Machine, drift_ms: int) -> None:
    clock = MachineClock()
    machine.wall_ms += drift_ms
    assert clock.stepped_ms == 0


def test_it_never_goes_below_what_was_committed(machine: Machine) -> None:
    clock = MachineClock()
    clock.not_before(T0 + 60_000)
    machine.pass_by(10_000)
    assert clock.now_ms() == T0 + 70_000, "it runs on from there: a clock that stands still fires no deadline"
    machine.pass_by(60_000)
    assert clock.now_ms() == T0 + 130_000


def test_a_manual_clock_is_moved_by_hand() -> None:
    clock = ManualClock(T0)
    assert (clock.now_ms(), clock.move(5), clock.now_ms()) == (T0, T0 + 5, T0 + 5)
