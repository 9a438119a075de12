"""Must hold 3: whatever ends the connection, a retained state raises nothing and starts no clock."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.intake.mqtt import RECEIVE_MAXIMUM, SESSION_EXPIRY_S
from tests.real_things import FakePhones, Mosquitto, wait_for
from tests.sensors import Sensors, report
from tests.small_district import RULE, write_directory
from tests.whole.watched import Row, Watched
from tests.whole.wire import Wire

pytestmark = [pytest.mark.broker, pytest.mark.slow]

DOORS, OPEN, CONFIRMED = 5_000, 1_000, 200
"""All states are retained; the first ``OPEN`` are of open doors; ``CONFIRMED`` of them speak again."""
DUE_MS = 20_000
RULE_20_S = RULE.replace("after: 2s", "after: 20s").replace("after: 4s", "after: 21s")
AT_ONCE = 400


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """It saves when it stops, not at every change: with 5,000 states to save each time it would
    take 4 ms for every acknowledgement."""
    broker = Mosquitto(tmp_path / "broker", autosave_on_changes="false")
    yield broker
    broker.stop()


@pytest.fixture
def wire(mosquitto: Mosquitto) -> Iterator[Wire]:
    found = Wire(mosquitto.port)
    yield found
    found.close()


def watched(tmp_path: Path, wire: Wire, phones: FakePhones, doors: int, rules: str = RULE) -> Watched:
    return Watched(
        write_directory(
            tmp_path / "district", broker_port=wire.port, phone_port=phones.port, doors=doors, rules=rules
        )
    )


def client_id(wire: Wire) -> str:
    """The gateway's, as its directory names it; it asks for the broker's version by another."""
    return f"doorward-{wire.port}"


def test_a_fresh_process_resumes_its_session_and_stores_all_that_waited(
    tmp_path: Path, mosquitto: Mosquitto, wire: Wire, phones: FakePhones
) -> None:
    """Acceptance 3, as the bytes on the wire and the rows of the database say it."""
    seen = watched(tmp_path, wire, phones, doors=1)
    with seen.gateway():
        pass
    sensors = Sensors(mosquitto.port)
    for seq in range(500):
        sensors.event("b-00000", seq, "open" if seq % 2 else "closed")
    sensors.wait()
    sensors.close()
    assert seen.stored() == 0
    with seen.gateway():
        assert seen.stored() == 500, "all that waited is stored before it says that it listens"
    first, second = wire.greetings(client_id(wire))
    assert not first.session_present
    assert second == (False, SESSION_EXPIRY_S, RECEIVE_MAXIMUM, True)
    assert first[:3] == second[:3]
    assert seen.count("SELECT count(*) FROM gaps WHERE kind = 'reports'") == 0


@pytest.mark.timeout(300)
def test_ten_reconnects_on_5000_retained_states_raise_nothing_new(
    tmp_path: Path, mosquitto: Mosquitto, wire: Wire, phones: FakePhones
) -> None:
    """Acceptance 3 and 11. A fresh gateway does not know since when a retained "open" is true, so
    it starts no clock from it (DESIGN.md, Time); only the doors that then speak themselves have one.
    """
    seen = watched(tmp_path, wire, phones, DOORS, RULE_20_S)
    sensors = Sensors(mosquitto.port)
    an_hour_ago = time.time() - 3600
    publish_states(sensors, range(DOORS), an_hour_ago)

    with seen.gateway():
        assert states(seen)["known"] == DOORS
        assert states(seen)["with a clock"] == 0, "a retained state started a clock"
        publish_states(sensors, range(CONFIRMED), an_hour_ago)  # the gateway listens: these are live
        wait_for(lambda: states(seen)["with a clock"] == CONFIRMED, "the confirmed ones have a clock")
        before = every_state(seen)
        ends = itertools.cycle((wire.cut, wire.cut, lambda: restart(mosquitto)))
        lasting_reconnects(seen, ends, 3, before)
    for _ in range(2):
        with seen.gateway():
            assert every_state(seen) == before, "a restart of the gateway changed a state"
            lasting_reconnects(seen, ends, 1, before)
    forget_the_session(mosquitto.port, client_id(wire))
    with seen.gateway():
        assert every_state(seen) == before, "5,000 retained states, sent again, changed one"
        lasting_reconnects(seen, ends, 1, before)
        wait_for(lambda: seen.count("SELECT count(*) FROM alarms") == CONFIRMED, "the true ones come")
    with seen.gateway():
        assert every_state(seen) == before
    sensors.close()

    assert seen.times_listening() == 1 + 10
    assert [g.session_present for g in wire.greetings(client_id(wire))].count(False) == 2, (
        "the first, and the forgotten"
    )
    since = {entrance: open_since for entrance, contact, open_since in before if open_since}
    alarms = seen.ask("SELECT entrance, since_ms, due_ms, raised_at_ms FROM alarms")
    assert {entrance: began for entrance, began, *_ in alarms} == since
    assert len(alarms) == CONFIRMED
    assert all(due == began + DUE_MS <= raised for _, began, due, raised in alarms), "a timer was re-armed"
    told = seen.count("SELECT count(*) FROM messages WHERE text_key = 'remind'")
    assert told == CONFIRMED, "each was told of once"
    again = "SELECT count(*) FROM journal WHERE retained AND kind = 'reading'"
    assert seen.count(again) == DOORS, "a retained state is taken down once"


def publish_states(sensors: Sensors, doors: range, device_time: float) -> None:
    for door in doors:
        box = f"b-{door:05d}"
        said = report(box, 7, "open" if door < OPEN else "closed", t=device_time)
        sensors.publish(f"door/{box}/1/state", said, retain=True)
        if door % AT_ONCE == AT_ONCE - 1:
            sensors.wait()
    sensors.wait()


def lasting_reconnects(
    seen: Watched, ends: Iterator[Callable[[], None]], times: int, before: list[Row]
) -> None:
    """After each, every state is as it was."""
    for _ in range(times):
        listened = seen.times_listening()
        next(ends)()
        seen.wait_until_it_listens(listened)
        assert every_state(seen) == before, "a reconnect changed a state"


def restart(broker: Mosquitto) -> None:
    broker.stop()
    broker.start()


def forget_the_session(port: int, client_id: str) -> None:
    """As a broker does whose gateway was away too long: retained states stay, the session goes."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=True
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_for(client.is_connected, "the broker takes the connection")
    client.disconnect()
    client.loop_stop()


def every_state(seen: Watched) -> list[Row]:
    return seen.ask("SELECT entrance, contact, open_since_ms FROM states ORDER BY entrance")


def states(seen: Watched) -> dict[str, int]:
    rows = every_state(seen)
    return {
        "known": sum(1 for _, contact, _ in rows if contact),
        "with a clock": sum(1 for *_, open_since in rows if open_since),
    }
