"""The three parts that ``doorward run`` starts, each in a process of its own."""

from __future__ import annotations

import logging
import signal
import threading
import time

from gateway.app import Gateway, machine_clock, open_store
from gateway.directory import Directory
from gateway.links import open_links
from gateway.notify.sending import Sender
from gateway.wake import Poker, Waker

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
HEALTH_EVERY_S = 5.0


def run_gateway(directory: Directory, stop: threading.Event) -> None:
    gateway = Gateway(directory)
    signal.signal(signal.SIGHUP, lambda *_: gateway.read_rules())
    gateway.run(stop)


def run_sender(directory: Directory, stop: threading.Event) -> None:
    waker = Waker(directory.data, "sender")
    own = Poker(directory.data, "sender")
    config = directory.config
    clock = machine_clock()
    sender = Sender(
        open_store(directory),
        directory.contacts,
        directory.registry.people,
        open_links(directory.data),
        clock,
        config.places.tz,
        public_url=config.web.public_url,
        language=config.places.language,
        timeout_ms=config.send.call_timeout_ms,
        per_minute=config.send.per_minute,
        wake=own.poke,
    )
    next_health = 0.0
    copying = threading.Thread(target=run_export, args=(directory, stop), name="export", daemon=True)
    copying.start()
    try:
        while not stop.is_set():
            sender.turn()
            if time.monotonic() >= next_health:
                sender.say_healthy()
                next_health = time.monotonic() + HEALTH_EVERY_S
            due = sender.next_due_ms()
            pause_s = LOOK_EVERY_S if due is None else (due - clock.now_ms()) / 1000
            waker.wait(min(max(pause_s, 0.02), LOOK_EVERY_S))
    finally:
        sender.stop()
        waker.close()


def run_export(directory: Directory, stop: threading.Event) -> None:
    """Copy readings to InfluxDB, if one is configured: beside the sender, never in the road's way."""
    influx = directory.config.influx
    if influx is None:
        return
    from gateway.history.influx import Exporter

    token = influx.token_file.read_text().strip() if influx.token_file else None
    clock = machine_clock()
    exporter = Exporter(
        open_store(directory), url=influx.url, org=influx.org, bucket=influx.bucket, token=token
    )
    try:
        while not stop.is_set():
            if not exporter.step(clock.now_ms()):
                stop.wait(LOOK_EVERY_S)
    finally:
        exporter.close()


def run_web(directory: Directory, stop: threading.Event) -> None:
    from gateway.web.app import build_app  # the pages' libraries are no other part's business
    from gateway.web.serve import serve

    waker = Waker(directory.data, "web")
    config = directory.config
    app = build_app(
        db=open_store(directory),
        registry=directory.registry,
        links=open_links(directory.data),
        clock=machine_clock(),
        zone=config.places.tz,
        poke=Poker(directory.data, "gateway").poke,
        public_url=config.web.public_url,
    )
    try:
        serve(app, config.web.host, config.web.port, stop)
    finally:
        waker.close()


RUN = {"gateway": run_gateway, "sender": run_sender, "web": run_web}
