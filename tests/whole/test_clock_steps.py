"""Acceptance 14: somebody sets the machine's clock while a door stands open."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_things import FakePhones, Mosquitto, wait_for
from tests.sensors import Sensors
from tests.small_district import RULE, write_directory
from tests.whole.watched import Watched, say

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HOUR_S = 3600
STEPS_S = (-HOUR_S, HOUR_S, 2 * 24 * HOUR_S)
DUE_MS = 4_000
OFF_BY_MS = 1_000


class Machine:
    """A gateway whose wall clock is ``offset`` seconds off."""

    def __init__(self, watched: Watched, offset: Path, sensors: Sensors) -> None:
        self.watched, self._offset, self._sensors, self._seq = watched, offset, sensors, 0

    def set_clock(self, by_s: int) -> None:
        self._offset.write_text(str(by_s))

    def report(self, contact: str) -> None:
        self._sensors.event("b-00000", self._seq, contact)
        self._seq += 1

    def alarms(self) -> list[tuple[int, int]]:
        return [
            (row[0], row[1])
            for row in self.watched.ask("SELECT since_ms, raised_at_ms FROM alarms ORDER BY since_ms")
        ]

    def wait_for_alarm(self, number: int) -> tuple[int, int]:
        return wait_for(lambda: self.alarms()[number:], f"alarm {number} comes though the clock stepped")[0]

    def wait_for_step(self, number: int) -> None:
        wait_for(lambda: self.steps()[number:], f"step {number} is recorded")

    def steps(self) -> list[float]:
        rows = self.watched.ask("SELECT facts FROM gaps WHERE kind = 'clock_step' ORDER BY id")
        return [json.loads(row[0])["stepped_ms"] / 1000 for row in rows]


@pytest.fixture
def machine(tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones) -> Iterator[Machine]:
    rules = RULE.replace("after: 4s", "after: 6s").replace("after: 2s", f"after: {DUE_MS // 1000}s")
    directory = write_directory(
        tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, rules=rules
    )
    offset = tmp_path / "offset"
    offset.write_text("0")
    watched = Watched(directory)
    with watched.gateway(module="tests.whole.stepping_gateway", more=(str(offset),)):
        sensors = Sensors(mosquitto.port)
        yield Machine(watched, offset, sensors)
        sensors.close()


def test_durations_stay_true_when_the_wall_clock_steps(machine: Machine) -> None:
    """Each step once, in the middle of an open door: one alarm each, on time, and a record of the step."""
    for number, step_s in enumerate(STEPS_S):
        machine.report("open")
        opened = time.monotonic()
        machine.set_clock(step_s)
        since, raised = machine.wait_for_alarm(number)
        heard_s = time.monotonic() - opened
        assert abs(raised - since - DUE_MS) <= OFF_BY_MS, f"by its own clock, after {step_s} s"
        say(
            f"step {step_s:+} s: raised {raised - since} ms after the opening, seen here after {heard_s:.2f} s"
        )
        assert heard_s > DUE_MS / 1000 - 1, "and not before, by the test's clock"
        machine.wait_for_step(number)
        machine.report("closed")
        wait_for(
            lambda: not machine.watched.count("SELECT count(*) FROM alarms WHERE cleared_at_ms IS NULL"),
            "it is over",
        )
    assert len(machine.alarms()) == len(STEPS_S), "none is doubled, none is lost"
    assert [round(step / 10) for step in machine.steps()] == [
        round((after - before) / 10) for before, after in zip((0, *STEPS_S), STEPS_S, strict=False)
    ]


def test_a_restart_on_a_clock_that_was_set_back_still_counts(
    tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    """An hour earlier by the wall: time goes on from what was committed, it does not stand for an hour."""
    directory = write_directory(tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port)
    offset = tmp_path / "offset"
    offset.write_text("0")
    watched = Watched(directory)
    sensors = Sensors(mosquitto.port)
    with watched.gateway(module="tests.whole.stepping_gateway", more=(str(offset),)):
        sensors.event("b-00000", 0, "closed")
        wait_for(watched.stored, "the report is stored")
    offset.write_text(str(-HOUR_S))
    with watched.gateway(module="tests.whole.stepping_gateway", more=(str(offset),)):
        sensors.event("b-00000", 1, "open")
        wait_for(
            lambda: watched.count("SELECT count(*) FROM alarms WHERE raised_at_ms > 0"), "the alarm is raised"
        )
        ((since, raised),) = watched.ask("SELECT since_ms, raised_at_ms FROM alarms")
        assert abs(raised - since - 2_000) <= OFF_BY_MS
    sensors.close()
