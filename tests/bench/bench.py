"""``make bench``: how fast, beside something run in the same minutes on the same machine.

    python -m tests.bench.bench [--reports 100000] [--doors 20000]

(a) draining waiting QoS 1 reports from mosquitto through decode, engine and commit
(b) a bare paho loop on the same reports: same protocol, manual acknowledgement, nothing else
(c) the engine alone, with the shipped rules
(d) a restart with many entrances and a long journal tail
(e) what the engine keeps of one entrance
(f) the engine with thirty rules, beside itself with five
(g) with ``--month``: what-if over 30 days of 2,000 doors with 80 openings a day, two rule sets
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.directory import open_directory
from gateway.intake.dialects.answer import Report
from gateway.intake.mqtt import Arrived, BrokerAddress, Listener
from gateway.places.entrance import Binding
from gateway.places.model import Registry
from gateway.road import District, Mark, Road
from gateway.shipped import shipped
from gateway.store.database import open_database
from gateway.tuning.asking import Question, what_if
from rules.engine import Engine, Setup
from rules.load import load_texts
from rules.reading import CLOSED, OPEN, Contact, Reading
from rules.rule import RuleSet
from tests.bench.month import write_month
from tests.real_things import Mosquitto
from tests.sensors import Sensors, report
from tests.small_district import entrance

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_790_000_000_000


@click.command()
@click.option("--reports", default=100_000, show_default=True)
@click.option("--doors", default=20_000, show_default=True)
@click.option("--restart-doors", default=100_000, show_default=True)
@click.option("--month", is_flag=True, help="Also (g), which takes some minutes.")
def main(reports: int, doors: int, restart_doors: int, month: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = _bare(folder, reports, doors)
        drained = _drain(folder, reports, doors)
        _say(
            "a",
            f"{drained:,.0f} reports/s drained and committed; {drained / bare:.0%} of (b); aim ≥ 10,000 and ≥ 50 %",
        )
        _say("b", f"{bare:,.0f} reports/s by a bare paho loop")
        _say("c", f"{_engine(doors):,.0f} readings/s by the engine alone; aim ≥ 200,000")
        _say(
            "d",
            f"{_restart(folder, restart_doors, reports):.1f} s to restart with {restart_doors:,} entrances and a tail of {reports:,}; aim ≤ 5",
        )
        _say("e", f"{_memory(doors):,.0f} bytes an entrance in the engine; aim ≤ 1,024")
        few, many = (_engine(doors, _rules(number)) for number in (5, 30))
        _say("f", f"{many:,.0f} readings/s with 30 rules, {few:,.0f} with 5: {few / many:.2f} times; aim ≤ 2")
        if month:
            _say(
                "g", f"{_what_if(folder):,.0f} s for a month of 2,000 doors through two rule sets; aim ≤ 150"
            )


def _say(letter: str, text: str) -> None:
    click.echo(f"({letter}) {text}")


def _district(doors: int) -> District:
    loaded, faults = load_texts(shipped())
    assert loaded, faults
    rows = [entrance(n) for n in range(doors)]
    bindings = [
        Binding(f"doorward:b-{n:05d}#1", row.id, 0, None, "doorward", interval_ms=900_000)
        for n, row in enumerate(rows)
    ]
    registry = Registry(rows, bindings)
    return District(registry, Setup(loaded.rules, registry.for_rules(T0), ZONE), lambda who: False)


def _fill(broker: Mosquitto, client_id: str, reports: int, doors: int) -> None:
    """Subscribe, go away, and let the reports wait at the broker."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port, clean_start=False, properties=_session())
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda c, *_: c.subscribe("door/+/+/event", 1)
    client.loop_start()
    assert subscribed.wait(10)
    client.disconnect()
    client.loop_stop()
    sensors = Sensors(broker.port, "filling")
    for n in range(reports):
        box, seq = f"b-{n % doors:05d}", n // doors
        sensors.publish(
            f"door/{box}/1/event", report(box, seq, "open" if seq % 2 else "closed", bat_pct=87, rssi=-67)
        )
        if n % 400 == 399:
            sensors.wait(120)  # paho slows down with what waits in it
    sensors.wait(120)
    sensors.close()


def _session() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
    properties.SessionExpiryInterval = 3_600
    properties.ReceiveMaximum = 500
    return properties


def _bare(folder: Path, reports: int, doors: int) -> float:
    broker = Mosquitto(folder / "bare", persistent=False, max_inflight_bytes=0)
    try:
        _fill(broker, "bare", reports, doors)
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="bare", protocol=mqtt.MQTTv5, manual_ack=True
        )
        got = 0

        def take(c: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
            nonlocal got
            got += 1
            c.ack(message.mid, 1)

        client.on_message = take
        began = time.perf_counter()
        client.connect("127.0.0.1", broker.port, clean_start=False, properties=_session())
        while got < reports:
            client.loop(0.1)
        took = time.perf_counter() - began
        client.disconnect()
        return reports / took
    finally:
        broker.stop()


def _drain(folder: Path, reports: int, doors: int) -> float:
    broker = Mosquitto(folder / "drain", persistent=False, max_inflight_bytes=0)
    try:
        _fill(broker, "doorward", reports, doors)
        db = open_database(folder / "drain.db")
        road = Road.open(db, _district(doors), T0)
        bell = threading.Event()
        listener = Listener(BrokerAddress(host="127.0.0.1", port=broker.port), ["door/+/+/event"], bell.set)
        got, now = 0, T0
        began = time.perf_counter()
        listener.start()
        while got < reports:
            bell.wait(0.1)
            bell.clear()
            while taken := listener.drain(500):
                now += 1
                arrived = [item for item in taken if isinstance(item, Arrived)]
                road.take([Report(a.topic, a.payload, a.retained, now) for a in arrived], now_ms=now)
                listener.acknowledge(arrived)
                got += len(arrived)
        took = time.perf_counter() - began
        listener.stop()
        db.close()
        return reports / took
    finally:
        broker.stop()


def _rules(number: int) -> RuleSet:
    """So many rules, each on all doors, in windows and with steps like the shipped ones."""
    text = "rules:\n"
    for n in range(number):
        text += f"""\
  - name: rule-{n}
    title: {{zh: 规则, en: Rule}}
    why: A benchmark.
    when: left_open
    during: {{from: "{n % 24:02d}:00", to: "{(n + 8) % 24:02d}:00"}}
    steps:
      - {{after: {3 + n % 7}m, tell: residents}}
      - {{after: {10 + n % 7}m, tell: grid_worker}}
"""
    loaded, faults = load_texts([("rules.yaml", text)])
    assert loaded, faults
    return loaded.rules


def _what_if(folder: Path) -> float:
    file = write_month(folder / "month", doors=2_000, days=30, openings=80)
    candidate = folder / "candidate"
    candidate.mkdir()
    for name, text in shipped():
        (candidate / Path(name).name).write_text(text.replace("after: 8m", "after: 12m"))
    opened = open_directory(folder / "month")
    began = time.perf_counter()
    what_if(opened, Question(folder / "month", candidate, file, 0, 0), "en", lambda done, of: None)
    return time.perf_counter() - began


def _engine(doors: int, rules: RuleSet | None = None) -> float:
    """A busy hour: of a hundred readings 40 are movements (open for ten seconds), the rest heartbeats."""
    rng = random.Random(1)
    setup = _district(doors).setup
    if rules is not None:
        setup = setup._replace(rules=rules)
    names = list(setup.entrances)
    engine = Engine(setup)
    engine.on_listening(T0)
    arrivals: list[tuple[str, Reading]] = []
    seqs = dict.fromkeys(names, 0)

    def say(name: str, at: int, contact: Any) -> None:
        seqs[name] += 1
        arrivals.append(
            (
                name,
                Reading(
                    name,
                    at,
                    contact,
                    boot=1,
                    seq=seqs[name],
                    battery_pct=87.0,
                    battery_v=2.98,
                    tamper=False,
                    battery_low=False,
                ),
            )
        )

    at = T0
    shut_later: list[tuple[int, str]] = []
    while len(arrivals) < 400_000:
        at += 5
        while shut_later and shut_later[0][0] <= at:
            say(shut_later.pop(0)[1], at, CLOSED)
        name = rng.choice(names)
        if rng.random() < 0.25:
            say(name, at, OPEN)
            shut_later.append((at + 10_000, name))
        else:
            say(name, at, CLOSED)
    began = time.perf_counter()
    for i in range(0, len(arrivals), 500):
        engine.on_readings(arrivals[i : i + 500])
    return len(arrivals) / (time.perf_counter() - began)


def _restart(folder: Path, doors: int, tail: int) -> float:
    db = open_database(folder / "restart.db")
    district = _district(doors)
    road = Road.open(db, district, T0)
    road.take([Mark("listening")], now_ms=T0)
    rng = random.Random(2)
    everyone = [_event(n, 0, "closed", T0) for n in range(doors)]
    for i in range(0, doors, 5_000):
        road.take(everyone[i : i + 5_000], now_ms=T0 + i)
    road.checkpoint(T0 + doors)
    seqs = [0] * doors
    for i in range(0, tail, 1_000):
        batch = []
        for _ in range(1_000):
            n = rng.randrange(doors)
            seqs[n] += 1
            batch.append(_event(n, seqs[n], rng.choice(("open", "closed")), T0 + doors + i))
        road.take(batch, now_ms=T0 + doors + i)
        road._checkpoint = road.position  # the tail is what is measured
    began = time.perf_counter()
    Road.open(db, district, T0 + doors + tail)
    took = time.perf_counter() - began
    db.close()
    return took


def _event(door: int, seq: int, contact: str, at: int) -> Report:
    box = f"b-{door:05d}"
    said = {"v": 1, "id": box, "ch": 1, "boot": 1, "seq": seq, "why": "change", "contact": contact}
    return Report(f"door/{box}/1/event", json.dumps(said).encode(), False, at)


def _memory(doors: int) -> float:
    setup = _district(doors).setup
    names = list(setup.entrances)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    engine = Engine(setup)
    engine.on_listening(T0)
    contacts: tuple[Contact, ...] = (CLOSED, OPEN, CLOSED, OPEN)
    for seq, contact in enumerate(contacts):
        at = T0 + seq * 200_000
        engine.on_readings(
            [(name, Reading(f"doorward:{name}#1", at, contact, boot=1, seq=seq)) for name in names]
        )
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / doors


if __name__ == "__main__":
    sys.exit(main())
