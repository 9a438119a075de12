"""The listener on a real mosquitto: sessions, acknowledgements, bounds, the watchdog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.intake import mqtt
from gateway.intake.mqtt import Arrived, BrokerAddress, Heard, Listener
from tests.real_things import Mosquitto, wait_for
from tests.sensors import Sensors

pytestmark = pytest.mark.broker
TOPIC = "door/+/+/event"


class Heap:
    """What a listener handed over, taken out as it comes."""

    def __init__(self, broker: Mosquitto, *, acknowledging: bool = False) -> None:
        self._acknowledging = acknowledging
        self.listener = Listener(
            BrokerAddress(host="127.0.0.1", port=broker.port, client_id="doorward"), [TOPIC], lambda: None
        )
        self.items: list[Arrived | Heard] = []
        self.listener.start()

    def take(self, most: int = 10_000) -> list[Arrived]:
        taken = self.listener.drain(most)
        if self._acknowledging:
            self.listener.acknowledge([item for item in taken if isinstance(item, Arrived)])
        self.items += taken
        return self.arrived

    @property
    def arrived(self) -> list[Arrived]:
        return [item for item in self.items if isinstance(item, Arrived)]

    def heard(self, kind: str) -> bool:
        self.take()
        return Heard(kind) in self.items


@pytest.fixture
def sensors(mosquitto: Mosquitto) -> Iterator[Sensors]:
    found = Sensors(mosquitto.port)
    yield found
    found.close()


def _publish(sensors: Sensors, many: int, first: int = 0) -> None:
    for seq in range(first, first + many):
        sensors.event("b-1", seq, "open")
    sensors.wait()


def test_what_waited_at_the_broker_comes_before_the_word_that_all_was_heard(
    mosquitto: Mosquitto, sensors: Sensors
) -> None:
    """Acceptance 3: a fresh process finds its session, and all 500 in it."""
    first = Heap(mosquitto)
    wait_for(lambda: first.heard("listening"), "it listens")
    assert first.heard("session_lost"), "there was no session before the first start"
    first.listener.stop()
    _publish(sensors, 500)
    second = Heap(mosquitto, acknowledging=True)
    wait_for(lambda: second.heard("listening"), "it listens again")
    assert not second.heard("session_lost")
    assert len(second.arrived) == 500
    assert isinstance(second.items[-1], Heard), "the word comes last"
    second.listener.stop()


def test_what_was_not_acknowledged_comes_again_and_the_rest_does_not(
    mosquitto: Mosquitto, sensors: Sensors
) -> None:
    first = Heap(mosquitto)
    wait_for(lambda: first.heard("listening"), "it listens")
    _publish(sensors, 20)
    wait_for(lambda: len(first.take()) == 20, "all have come")
    first.listener.acknowledge(first.arrived[:12])
    first.listener.stop()
    second = Heap(mosquitto)
    wait_for(lambda: second.heard("listening"), "it listens again")
    assert [a.payload for a in second.arrived] == [a.payload for a in first.arrived[12:]]
    second.listener.stop()


def test_an_acknowledgement_is_good_for_its_own_connection_only(
    mosquitto: Mosquitto, sensors: Sensors
) -> None:
    """Acceptance 9: after a reconnect the same ids mean other messages."""
    heap = Heap(mosquitto)
    wait_for(lambda: heap.heard("listening"), "it listens")
    _publish(sensors, 20)
    old = wait_for(lambda: heap.take() if len(heap.take()) == 20 else [], "all have come")[:]
    heap.items.clear()
    heap.listener.forget()
    wait_for(lambda: len(heap.take()) == 20, "they come again")
    assert {a.epoch for a in heap.arrived}.isdisjoint({a.epoch for a in old})
    heap.listener.acknowledge(old)  # too late: these ids belong to the new connection now
    heap.listener.stop()
    again = Heap(mosquitto)
    wait_for(lambda: again.heard("listening"), "it listens again")
    assert len(again.arrived) == 20
    again.listener.stop()


def test_a_lost_session_that_could_not_be_committed_is_said_again(
    mosquitto: Mosquitto, sensors: Sensors
) -> None:
    """The broker says it once only. That all was heard is not said again before it is true."""
    heap = Heap(mosquitto)
    wait_for(lambda: heap.heard("listening"), "it listens")
    _publish(sensors, 20)
    wait_for(lambda: len(heap.take()) == 20, "all have come")
    taken = [item for item in heap.items if isinstance(item, Heard)]
    assert taken == [Heard("session_lost"), Heard("listening")]
    heap.items.clear()
    heap.listener.forget(taken)
    wait_for(lambda: heap.heard("listening"), "it listens again")
    assert heap.items[0] == Heard("session_lost")
    assert [isinstance(item, Arrived) for item in heap.items] == [False, *[True] * 20, False]
    heap.listener.stop()


def test_too_much_is_left_at_the_broker_and_nothing_is_dropped(
    mosquitto: Mosquitto, sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "MOST_BYTES", 2_000)
    monkeypatch.setattr(mqtt, "HOLD_S", 0.5)
    heap = Heap(mosquitto)
    wait_for(lambda: heap.listener.listening, "it listens")
    _publish(sensors, 300)
    wait_for(lambda: not heap.listener.listening, "it lets go")

    def all_have_come() -> bool:
        taken = [item for item in heap.listener.drain(10) if isinstance(item, Arrived)]
        heap.items += taken
        heap.listener.acknowledge(taken)
        return len({a.payload for a in heap.arrived}) == 300

    wait_for(all_have_come, "all of them come in the end")
    heap.listener.stop()


def test_a_thread_that_died_is_started_again(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acceptance 28: health looks at the thread and at traffic, not at ``is_connected()``."""
    heap = Heap(mosquitto)
    wait_for(lambda: heap.listener.healthy, "it is well")
    with monkeypatch.context() as patch:
        patch.setattr(heap.listener, "_lose", heap.listener._stop.set)
        heap.listener.forget()  # the connection ends, and with it, this once, the thread
        wait_for(lambda: not heap.listener.healthy, "health says so")
    heap.listener._stop.clear()
    heap.listener.watch()
    wait_for(lambda: heap.listener.healthy, "it is well again")
    assert heap.listener.restarts == 1
    heap.listener.stop()


def test_a_connection_without_traffic_is_given_up(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "SILENCE_S", 1.0)
    heap = Heap(mosquitto)
    wait_for(lambda: heap.heard("listening"), "it listens")
    monkeypatch.setattr(mqtt, "PROBE_EVERY_S", 0.2)
    monkeypatch.setattr(heap.listener, "_probe", lambda client: None)  # nothing comes back any more
    wait_for(lambda: heap.heard("deaf"), "it gives the connection up")
    heap.listener.stop()


def test_a_probe_that_is_not_ours_changes_nothing(mosquitto: Mosquitto, sensors: Sensors) -> None:
    heap = Heap(mosquitto)
    wait_for(lambda: heap.heard("listening"), "it listens")
    sensors.publish("doorward/probe/doorward", b"forged")
    _publish(sensors, 1)
    wait_for(lambda: heap.take(), "the report comes")
    assert len(heap.arrived) == 1
    heap.listener.stop()
