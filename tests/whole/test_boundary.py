"""A row of the devices table that begins or ends while the gateway runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.real_things import FakePhones, Mosquitto, wait_for
from tests.sensors import Sensors
from tests.small_district import write_directory
from tests.whole.watched import Watched

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SOON_S = 4


def test_a_device_that_begins_to_watch_while_it_runs_is_heard_from_then_on(
    tmp_path: Path, mosquitto: Mosquitto, phones: FakePhones
) -> None:
    """And the clock of a door that stands open meanwhile runs on."""
    directory = write_directory(
        tmp_path / "district", broker_port=mosquitto.port, phone_port=phones.port, doors=2
    )
    begins = datetime.now(UTC) + timedelta(seconds=SOON_S)
    (directory / "devices.csv").write_text(
        "dialect,box,channel,entrance,from\n"
        "doorward,b-00000,1,door-00000,\n"
        f"doorward,b-00001,1,door-00001,{begins.isoformat()}\n"
    )
    seen = Watched(directory)
    sensors = Sensors(mosquitto.port)
    with seen.gateway():
        sensors.event("b-00001", 0, "open")
        wait_for(lambda: seen.ask("SELECT device FROM unknown_devices"), "it is nobody's yet")
        wait_for(lambda: datetime.now(UTC) >= begins - timedelta(seconds=1), "it is almost time")
        sensors.event("b-00000", 0, "open")
        wait_for(lambda: seen.stored() == 1, "the other one is")
        wait_for(lambda: seen.count("SELECT count(*) FROM journal WHERE kind = 'setup'"), "the row begins")
        sensors.event("b-00001", 1, "open")
        wait_for(lambda: seen.count("SELECT count(*) FROM alarms") == 2, "both are raised")
    sensors.close()
    (old, new) = seen.ask("SELECT since_ms, due_ms, raised_at_ms, late FROM alarms ORDER BY entrance")
    opened = seen.ask("SELECT at_ms FROM journal WHERE contact = 'open' ORDER BY entrance")
    assert [old[0], new[0]] == [at for (at,) in opened]
    assert (old[3], new[3]) == (0, 0), "each was raised when it was due"
    assert seen.count("SELECT count(*) FROM gaps WHERE kind = 'session_lost'") == 1, "only the first start"
