"""A sender at work, for tests: its time stands still until a test moves it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import Row, select, update

from gateway.clock import ManualClock
from gateway.links import Links
from gateway.notify.message import Message, Text, bundle_of
from gateway.notify.sending import Sender
from gateway.places.contacts import Contacts
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.writing import queue
from tests.real_things import wait_for

T0 = 1_790_000_000_000


class Office:
    """An outbox on a real database, its sender with real worker processes, and a clock to move.

    ``urls``: who → how they are reached, in order.
    """

    def __init__(self, path: Path, urls: Mapping[str, Sequence[str]]) -> None:
        self.db: Database = open_database(path / "doorward.db")
        self.clock = ManualClock(T0)
        secret = {who: tuple(SecretStr(url) for url in its) for who, its in urls.items()}
        self.woken = threading.Event()
        self.sender = Sender(
            self.db,
            Contacts(secret),
            {},
            Links("key"),
            self.clock,
            ZoneInfo("Asia/Shanghai"),
            public_url="http://doors.example",
            wake=self.woken.set,
        )

    def put(
        self,
        ident: str,
        who: str = "worker",
        severity: str = "normal",
        *,
        waits_until_ms: int = 0,
        text: Text = Text.TELL,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """A message about the door ``ident``; with ``waits_until_ms`` it waits for that moment with others."""
        if facts is None:
            facts = {
                "place": ident,
                "condition": "left_open",
                "since_ms": T0,
                "over_ms": T0 + 60_000,
                "title": {"zh": ident, "en": ident},
            }
        with self.db.write() as tx:
            queue(
                tx,
                Message(
                    id=ident,
                    person=who,
                    about=f"alarm of {ident}",
                    text=text,
                    facts=facts,
                    severity=severity,
                    bundle=bundle_of(who, waits_until_ms) if waits_until_ms else who,
                    case="case",
                    queued_at_ms=T0,
                    expires_at_ms=max(waits_until_ms, T0) + 3_600_000,
                    not_before_ms=waits_until_ms,
                ),
            )

    def state(self, ident: str) -> str:
        self.sender.turn()
        with self.db.read() as tx:
            return str(tx.execute(select(t.messages.c.state).where(t.messages.c.id == ident)).scalar())

    def play_until(self, ident: str, state: str) -> None:
        """While no call is under way, time passes until the next one is due."""

        def done() -> bool:
            if self.state(ident) == state:
                return True
            if not self.sender.turn() and (due := self.sender.next_due_ms()) is not None:
                self.clock.move(max(due - self.clock.now_ms(), 0))
            return False

        wait_for(done, f"{ident} is {state}")

    def attempts(self, ident: str = "door") -> list[Row[Any]]:
        with self.db.read() as tx:
            c = t.attempts.c
            return list(tx.execute(select(t.attempts).where(c.message_id == ident).order_by(c.id)))

    def withdraw(self, ident: str) -> None:
        """As the gateway does when a door is shut."""
        with self.db.write() as tx:
            tx.execute(update(t.messages).where(t.messages.c.id == ident).values(state="withdrawn"))

    def next_try_ms(self, ident: str) -> int:
        with self.db.read() as tx:
            return int(
                tx.execute(select(t.messages.c.next_try_ms).where(t.messages.c.id == ident)).scalar_one()
            )

    def results(self, ident: str = "door") -> list[tuple[int, str | None]]:
        return [(attempt.channel, attempt.result) for attempt in self.attempts(ident)]

    def close(self) -> None:
        self.sender.stop()
        self.db.close()
