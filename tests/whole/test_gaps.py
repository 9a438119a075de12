"""What never came is recorded, where a maintainer finds it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_things import FakePhones, Mosquitto, wait_for
from tests.sensors import Sensors, report
from tests.small_district import write_directory
from tests.whole.impatient_gateway import PATIENCE_MS
from tests.whole.watched import Watched, say

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BEAT_S = 6
ANSWERING, RETAINED_ONLY, DEAD = range(10), range(10, 20), range(20, 30)
STRANGERS = range(30, 35)
"""Nobody has ever heard them; the broker remembers a state of theirs."""


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "forgetful", persistent=False)
    yield broker
    broker.stop()


def test_reports_that_never_come_are_a_gap_and_late_ones_are_none(
    tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    """Acceptance 10, with two seconds for the sixty that the tests of rules/order.py and of the
    road hold to."""
    seen = Watched(
        write_directory(tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, doors=2)
    )
    sensors = Sensors(mosquitto.port)
    with seen.gateway(module="tests.whole.impatient_gateway"):
        for seq in (41, 44, 42, 43):
            sensors.event("b-00001", seq, "closed")
        for seq in (41, 44):
            sensors.event("b-00000", seq, "open" if seq == 44 else "closed")
        question = "SELECT at_ms, entrance, facts FROM gaps WHERE kind = 'reports'"
        ((at_ms, entrance, facts),) = wait_for(lambda: seen.ask(question), "a gap is found")
        came = seen.ask("SELECT at_ms FROM journal WHERE device = 'doorward:b-00000#1' AND seq = 44")
        assert (entrance, at_ms) == ("door-00000", came[0][0] + PATIENCE_MS)
        assert json.loads(facts) == {
            "device": "doorward:b-00000#1",
            "boot": 1,
            "first": 42,
            "last": 43,
            "missing": 2,
        }
        assert seen.ask("SELECT contact FROM states WHERE entrance = 'door-00000'") == [("open",)]
        beat = report("b-00000", 45, "closed", why="heartbeat")
        sensors.publish("door/b-00000/1/state", beat, retain=True)
        wait_for(
            lambda: seen.ask("SELECT contact FROM states WHERE entrance = 'door-00000'") == [("closed",)],
            "the next heartbeat says what is so",
        )
    sensors.close()
    assert seen.count("SELECT count(*) FROM gaps WHERE kind = 'reports'") == 1, "the late ones are no gap"
    shown = "reports  door-00000  2 missing of 42 to 43 (boot 1) of doorward:b-00000#1"
    assert shown in gaps_shown(seen)


def test_after_a_lost_session_every_door_is_confirmed_or_unknown_within_a_heartbeat(
    tmp_path: Path, forgetful: Mosquitto, phones: FakePhones
) -> None:
    """Acceptance 8. A retained state is no sign of life: it confirms nothing."""
    seen = Watched(
        write_directory(
            tmp_path / "district",
            broker_port=forgetful.port,
            phone_port=phones.port,
            doors=STRANGERS.stop,
            interval=f"{BEAT_S}s",
        )
    )
    sensors = Sensors(forgetful.port)
    with seen.gateway() as running:
        for door in (*ANSWERING, *RETAINED_ONLY, *DEAD):
            beat(sensors, door, 0)
        sensors.wait()
        sensors.close()
        wait_for(lambda: seen.stored() == 30, "all have spoken")
        before = len(sessions_lost(seen))

        running.send_signal(signal.SIGSTOP)  # so that the devices are back before it is
        forgetful.kill()
        forgetful.start()
        sensors = Sensors(forgetful.port)
        for door in (*RETAINED_ONLY, *STRANGERS):
            beat(sensors, door, 1)
        sensors.wait()
        back = time.time()
        listened = seen.times_listening()
        running.send_signal(signal.SIGCONT)
        seen.wait_until_it_listens(listened)
        (lost_ms,) = wait_for(lambda: sessions_lost(seen)[before:], "the lost session is noticed", 20)
        for door in ANSWERING:
            beat(sensors, door, 1)
        sensors.wait()

        wait_for(lambda: len(unknown(seen)) >= 20 + len(STRANGERS), "who does not speak is unknown")
        unknown_at_ms = unknown(seen)
    sensors.close()
    late_ms = max(at - lost_ms for at in unknown_at_ms.values()) - BEAT_S * 1_000
    say(
        f"lost session noticed {lost_ms / 1000 - back:.1f} s after the broker was back; unknown +{late_ms} ms"
    )
    assert unknown_at_ms.keys() == set(names(*RETAINED_ONLY, *DEAD, *STRANGERS))
    assert late_ms < 3_000
    confirmed = seen.ask(
        "SELECT DISTINCT entrance FROM journal WHERE kind = 'reading' AND NOT retained AND at_ms >= ?"
        " ORDER BY entrance",
        lost_ms,
    )
    assert [entrance for (entrance,) in confirmed] == names(*ANSWERING)
    assert gaps_shown(seen).count("session_lost") == before + 1


def beat(sensors: Sensors, door: int, seq: int) -> None:
    box = f"b-{door:05d}"
    said = report(box, seq, "closed", why="heartbeat")
    sensors.publish(f"door/{box}/1/state", said, retain=True)


def names(*doors: int) -> list[str]:
    return [f"door-{door:05d}" for door in doors]


def sessions_lost(seen: Watched) -> list[int]:
    return [at for (at,) in seen.ask("SELECT at_ms FROM gaps WHERE kind = 'session_lost' ORDER BY id")]


def unknown(seen: Watched) -> dict[str, int]:
    """Since when, by entrance."""
    return dict(seen.ask("SELECT entrance, unknown_since_ms FROM states WHERE unknown_since_ms > 0"))


def gaps_shown(seen: Watched) -> str:
    """As a maintainer looks at them."""
    shown = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "gaps", str(seen.directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    return shown.stdout
