"""Where everything is joined. Read this first.

The road of one report, and where each step is:

    1  a device publishes            firmware_sim/WIRE.md says what
    2  intake/mqtt.py takes it, intake/dialects/ turn it into a reading
    3  rules/engine.py decides       readings and time in, outcomes out
    4  cases/desk.py, notify/whom.py outcomes → cases and messages
    5  store/writing.py              one transaction a batch
    6  intake/mqtt.py acknowledges   only now may the broker forget
    7  notify/sending.py             the outbox → phones; web/ shows the new state

Steps 2 to 6 are the loop below; ``road.py`` is 2 to 5 of it. Three processes share
the database: this gateway, the sender, the web.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from sqlalchemy.exc import SQLAlchemyError

from gateway.clock import STEP_MS, Clock, MachineClock
from gateway.directory import Directory
from gateway.errors import AlreadyRunning, DoorwardError, StoreError
from gateway.history.keeping import INFLUX_CURSOR, House
from gateway.intake.dialects.answer import Report
from gateway.intake.mqtt import Arrived, BrokerAddress, Heard, Listener
from gateway.intake.version import SOUND, ask_version, is_outdated
from gateway.lock import hold
from gateway.reloading import Proved, RuleFiles, activation, author_of
from gateway.road import Mark, Road
from gateway.store.database import Database, open_database
from gateway.store.resuming import accepted_usual
from gateway.store.rule_versions import Activation, activate, say_accepted, say_refused, versions
from gateway.store.writing import say_healthy, write_gap
from gateway.tuning.impact_words import impact_sentence
from gateway.wake import Poker, Waker
from rules.duration import DAY_MS
from rules.fault import Fault
from rules.impact import Impact

log = logging.getLogger(__name__)

BATCH = 500
"""As many as the broker sends before it waits for acknowledgements (Receive Maximum)."""
LOOK_EVERY_S = 1.0
HEALTH_EVERY_S = 5.0
CHECKPOINT_EVERY_S = 600.0
HOUSE_BUSY_S, HOUSE_IDLE_S = 0.5, 60.0
RETRY_S = 1.0
MOST_SAID = 20
"""Faults in the log; the maintainers' page shows all."""


class Gateway:
    """The process that listens, decides and commits. There is one for a database."""

    def __init__(self, directory: Directory) -> None:
        """Take the locks, open the database and rebuild the state.

        Raises:
            AlreadyRunning: Another gateway works on this database or as this client.
            StoreError: The database cannot be used.
        """
        self._directory = directory
        self._locks = _lock(directory.data), _lock_client(directory)
        self._waker = Waker(directory.data, "gateway")
        self._pokers = [Poker(directory.data, part) for part in ("sender", "web")]
        self._db = open_database(directory.config.store.path)
        self._clock = MachineClock()
        self._own = Poker(directory.data, "gateway")
        self._broker = broker_address(directory)
        self._looked_at_broker = False
        self._listener = Listener(self._broker, directory.topics(), self._own.poke)
        self._spoilt = False
        self._stepped_ms = 0
        with self._db.read() as tx:
            self._usual = accepted_usual(tx)
        self._open_road()
        self._say_rules()
        self._rule_files = RuleFiles(directory, self._db, lambda: self._usual, self._own.poke)
        followers = [INFLUX_CURSOR] if directory.config.influx else []
        self._house = House(self._db, directory.config.store.keep_days, followers, self._patience)
        self._next_health = self._next_checkpoint = self._next_house = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``."""
        self._listener.start()
        self._rule_files.start()
        self._next_checkpoint = time.monotonic() + CHECKPOINT_EVERY_S
        try:
            while not stop.is_set():
                self._waker.wait(self._pause_s())
                self._turn()
                if self._listener.taken_over:
                    raise AlreadyRunning(
                        "another client took our session at the broker",
                        where=f"broker.client_id = {self._directory.config.broker.client_id}",
                        mend="Stop the other gateway, or give it another client id.",
                    )
        finally:
            self._close()

    # -- the loop ----------------------------------------------------------------

    def _turn(self) -> None:
        """One turn: what has arrived, what people asked for, what time has brought."""
        if self._spoilt and not self._begin_again():
            return
        self._take_rules()
        while True:
            taken = self._listener.drain(BATCH)
            now = self._clock.now_ms()
            items = [_item(item, now) for item in taken]
            try:
                changed = self._road.take(items, now_ms=now)
            except (SQLAlchemyError, StoreError) as error:
                self._give_back(taken, error)
                return
            self._listener.acknowledge([item for item in taken if isinstance(item, Arrived)])
            if changed:
                for poker in self._pokers:
                    poker.poke()
            if len(taken) < BATCH:
                break
        self._chores()

    def _give_back(self, taken: list[Arrived | Heard], error: Exception) -> None:
        """Nothing of the batch was kept, and nothing was acknowledged: the broker sends it again."""
        log.error("the batch could not be committed, the broker keeps it: %s", error)
        self._listener.forget([item for item in taken if isinstance(item, Heard)])
        self._spoilt = True
        time.sleep(RETRY_S)

    def _begin_again(self) -> bool:
        """From the disk, which memory may be ahead of; whether the database lets us."""
        try:
            self._open_road()
        except SQLAlchemyError as error:
            log.error("the database still refuses: %s", error)
            time.sleep(RETRY_S)
            return False
        self._spoilt = False
        return True

    def read_rules(self) -> None:
        """Look at the rule files now (SIGHUP)."""
        self._rule_files.look_now()

    def _take_rules(self) -> None:
        """What the rule files say by now: switched on, or refused and said."""
        while not self._rule_files.results.empty():
            result = self._rule_files.results.get()
            try:
                if isinstance(result, Proved):
                    self._switch(result)
                else:
                    self._refuse(result.faults, result.author)
            except (SQLAlchemyError, StoreError) as error:
                log.error("the rules could not be switched: %s", error)
                self._spoilt = True
                self._rule_files.look_now()
                return

    def _switch(self, proved: Proved) -> None:
        now = self._clock.now_ms()
        directory = replace(self._directory, loaded=proved.loaded, files=proved.files, refused=())
        with self._db.read() as tx:
            usual = accepted_usual(tx)
        by = activation(proved, directory.data)
        if directory.setup(now, usual) == self._road.engine.setup:
            with self._db.write() as tx:
                say_accepted(tx, proved.loaded.rules, proved.files)
            log.info("the rule files say what is in force: %s", proved.loaded.rules.hash)
        else:
            changed = self._road.change(directory.setup(now, usual), now, by)
            said = impact_sentence(changed, "en")
            log.info("rules %s by %s (%s): %s", proved.loaded.rules.hash, by.author, by.through, said)
        self._directory, self._usual = directory, usual
        for poker in self._pokers:
            poker.poke()

    def _refuse(self, faults: Sequence[Fault], author: str) -> None:
        for fault in faults[:MOST_SAID]:
            log.error("the rules stay as they were: %s", fault)
        with self._db.write() as tx:
            say_refused(tx, self._clock.now_ms(), author, faults)
        for poker in self._pokers:
            poker.poke()

    def _say_rules(self) -> None:
        """At the start: which rules are in force, and whether they are those of the files."""
        directory, now = self._directory, self._clock.now_ms()
        rules = directory.loaded.rules
        with self._db.write() as tx:
            latest = versions(tx, last=1)
            if not latest or latest[0].hash != rules.hash:
                activate(
                    tx, rules, Activation(directory.files, author_of(directory.path), "start"), Impact(), now
                )
            say_accepted(tx, rules, directory.files)
        if directory.refused:
            self._refuse(directory.refused, author_of(directory.path))

    def _chores(self) -> None:
        now = time.monotonic()
        self._listener.watch()
        if not self._looked_at_broker and self._listener.listening:
            self._looked_at_broker = True
            threading.Thread(target=self._look_at_broker, name="version", daemon=True).start()
        try:
            if now >= self._next_health:
                self._next_health = now + HEALTH_EVERY_S
                self._say_healthy()
            if now >= self._next_checkpoint:
                self._next_checkpoint = now + CHECKPOINT_EVERY_S
                self._road.checkpoint(self._clock.now_ms())
            if now >= self._next_house:
                more = self._house.step(self._clock.now_ms())
                self._next_house = now + (HOUSE_BUSY_S if more else HOUSE_IDLE_S)
        except SQLAlchemyError as error:
            log.error("a chore has to wait: %s", error)
        if self._clock.now_ms() >= self._next_boundary:
            self._cross_boundary()

    def _look_at_broker(self) -> None:
        version = ask_version(self._broker)
        if is_outdated(version):
            log.warning("the broker is %s; install %s or later", version, ".".join(map(str, SOUND)))

    def _cross_boundary(self) -> None:
        """A device begins or ends to watch an entrance."""
        listened = not self._road.engine.deaf
        try:
            self._open_road()
            if listened:
                self._road.take([Mark("listening")], now_ms=self._clock.now_ms())
        except SQLAlchemyError as error:
            self._give_back([], error)

    def _open_road(self) -> None:
        """It is deaf until ``listening`` comes in its place among the reports."""
        now = self._clock.now_ms()
        self._next_boundary = self._directory.registry.boundaries_after(now) or 1 << 62
        self._road = Road.open(self._db, self._directory.district(now, self._usual), now)
        self._clock.not_before(self._road.committed_at_ms)

    def _patience(self, entrance: str) -> int:
        """How long it may say nothing before a rule could notice."""
        row = self._road.engine.setup.entrances.get(entrance)
        return (row.silent_after_ms if row else None) or DAY_MS

    def _pause_s(self) -> float:
        deadline = self._road.next_deadline_ms()
        if deadline is None:
            return LOOK_EVERY_S
        return min(max((deadline - self._clock.now_ms()) / 1000, 0.0), LOOK_EVERY_S)

    def _say_healthy(self) -> None:
        listener = self._listener
        facts = {
            "ok": listener.healthy,
            "broker": listener.trouble if not listener.healthy else "",
            "position": self._road.position,
            "committed_at_ms": self._road.committed_at_ms,
            "clock_stepped_ms": self._clock.stepped_ms,
            "thread_restarts": listener.restarts,
        }
        with self._db.write() as tx:
            say_healthy(tx, "gateway", self._clock.now_ms(), facts)
            if abs(self._clock.stepped_ms - self._stepped_ms) > STEP_MS:
                step_ms, self._stepped_ms = self._clock.stepped_ms - self._stepped_ms, self._clock.stepped_ms
                log.warning(
                    "the machine's clock stepped by %+.0f s; durations go on as they were", step_ms / 1000
                )
                write_gap(tx, self._clock.now_ms(), "clock_step", None, {"stepped_ms": step_ms})

    def _close(self) -> None:
        self._listener.stop()
        self._rule_files.stop()
        try:
            if not self._spoilt:
                self._road.checkpoint(self._clock.now_ms())
        except SQLAlchemyError as error:
            log.error("no checkpoint at the end; the next start replays more: %s", error)
        self._db.close()
        self._waker.close()


def _item(item: Arrived | Heard, now_ms: int) -> Report | Mark:
    if isinstance(item, Heard):
        return Mark(item.kind)
    return Report(item.topic, item.payload, item.retained, now_ms)


def broker_address(directory: Directory) -> BrokerAddress:
    """Of the settings; the password is read from its file.

    Raises:
        DoorwardError: A file that is named there cannot be read.
    """
    broker = directory.config.broker
    try:
        password = broker.password_file.read_text().strip() if broker.password_file else None
        tls = ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None
    except OSError as error:
        raise DoorwardError(
            f"a file of the broker's settings cannot be read: {error}",
            where="doorward.toml [broker]",
            mend="Check password_file and ca_file.",
        ) from error
    return BrokerAddress(
        host=broker.host,
        port=broker.port,
        client_id=broker.client_id,
        username=broker.username,
        password=password,
        tls=tls,
    )


def open_store(directory: Directory, wait_s: float = 30.0) -> Database:
    """For the parts beside the gateway, which prepares the database."""
    end = time.monotonic() + wait_s
    while True:
        try:
            return open_database(directory.config.store.path, migrate=False)
        except StoreError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def machine_clock() -> Clock:
    return MachineClock()


def _lock(data: Path) -> IO[str]:
    """One gateway for a database, in whatever container."""
    data.mkdir(parents=True, exist_ok=True)
    return hold(
        data / "gateway.lock",
        AlreadyRunning(
            "another gateway already works on this database",
            where=str(data),
            mend="Stop that one first; two would take each other's reports.",
        ),
    )


def _lock_client(directory: Directory) -> IO[str]:
    """One gateway for a client id at a broker, as far as this machine can know."""
    broker = directory.config.broker
    name = f"doorward-{broker.host}-{broker.port}-{broker.client_id}".replace("/", "_")
    shared = Path("/run/lock") if os.access("/run/lock", os.W_OK) else Path("/tmp")  # noqa: S108 - a lock by name, not a secret
    return hold(
        shared / f"{name}.lock",
        AlreadyRunning(
            f"another gateway is already '{broker.client_id}' at {broker.host}:{broker.port}",
            where="doorward.toml, broker.client_id",
            mend="Stop that one, or choose another client id here.",
        ),
    )
