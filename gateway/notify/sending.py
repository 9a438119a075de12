"""The sender: empties the outbox (I/O).

Rule 1: an attempt is written down before the call, so that a crash in the middle is
        known as one of which nobody can say whether it arrived.
Rule 2: every call runs in a worker process with a hard time limit, so that a slow or
        dripping provider holds up nobody else.
Rule 3: it only ever changes messages that are still queued; the gateway may withdraw
        one at any moment.
"""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as CallTimeout
from datetime import tzinfo
from typing import Any, NamedTuple, Protocol

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from pydantic import SecretStr
from sqlalchemy import Connection, Row, insert, select, update

from gateway.clock import Clock
from gateway.links import Links
from gateway.locale import Language
from gateway.notify.answers import GROUP_SCHEMES, Result, Verdict
from gateway.notify.calling import Call, call, end_with_sender
from gateway.notify.message import MessageState, Text, is_bundle
from gateway.notify.outbox import Attempt, next_try
from gateway.notify.words import Worded, word
from gateway.places.model import Person
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.writing import say_healthy
from rules.duration import MINUTE_MS
from rules.rule import RESIDENTS

log = logging.getLogger(__name__)

WORKERS = 4
CALLS_PER_WORKER = 200
"""Then it is replaced, and whatever a plugin left in memory with it."""
IN_FLIGHT = 2 * WORKERS
LOOK_AT = 200
_M = t.messages.c


class Reach(Protocol):
    """How people are reached: ``gateway.places.contacts.Contacts``."""

    def of(self, who: str) -> tuple[SecretStr, ...]: ...


class Under(NamedTuple):
    """A call under way.

    Attributes:
        along: Messages that waited for the same moment and go out in the same call.
    """

    message: str
    along: tuple[str, ...]
    person: str
    attempts: tuple[int, ...]
    channel: int


class Sender:
    """One sender for the whole district."""

    def __init__(
        self,
        db: Database,
        reach: Reach,
        people: Mapping[str, Person],
        links: Links,
        clock: Clock,
        zone: tzinfo,
        *,
        public_url: str,
        language: Language = "zh",
        timeout_ms: int = 10_000,
        per_minute: int = 15,
        start_method: str = "spawn",
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._db, self._reach, self._people = db, reach, people
        self._links, self._clock, self._zone = links, clock, zone
        self._url, self._language, self._timeout_s = public_url.rstrip("/"), language, timeout_ms / 1000
        self._wake, self._per_minute = wake, per_minute
        self._lately: dict[str, deque[int]] = {}
        self._start_method = start_method
        self._pool = self._new_pool()
        self._under_way: dict[ProcessFuture[Verdict], Under] = {}

    def turn(self) -> int:
        """Write down what has come back, start what is due; how many calls are under way."""
        self._collect()
        now = self._clock.now_ms()
        with self._db.read() as tx:
            due = self._due(tx, now)
        for message in due:
            if len(self._under_way) >= IN_FLIGHT:
                break
            self._start(message, now)
        return len(self._under_way)

    def next_due_ms(self) -> int | None:
        """When the next message wants to be tried."""
        with self._db.read() as tx:
            return tx.execute(
                select(_M.next_try_ms).where(_M.state == "queued").order_by(_M.next_try_ms).limit(1)
            ).scalar()

    def say_healthy(self) -> None:
        now = self._clock.now_ms()
        with self._db.write() as tx:
            oldest = tx.execute(
                select(_M.queued_at_ms).where(_M.state == "queued").order_by(_M.queued_at_ms).limit(1)
            ).scalar()
            facts = {"ok": True, "waiting_ms": now - oldest if oldest else 0, "calls": len(self._under_way)}
            say_healthy(tx, "sender", now, facts)

    def stop(self) -> None:
        """Give calls under way a moment; then they count as cut off."""
        self._pool.close()  # type: ignore[no-untyped-call]  # pebble's own gap
        try:
            self._pool.join(timeout=2)
        except CallTimeout:
            self._pool.stop()  # type: ignore[no-untyped-call]  # as above
            self._pool.join()
        self._collect()

    # -- inside ------------------------------------------------------------------

    def _due(self, tx: Connection, now: int) -> list[Row[Any]]:
        """Severe ones first, then the oldest; one at a time for each person."""
        busy = {under.person for under in self._under_way.values()}
        rows = tx.execute(
            select(t.messages)
            .where(_M.state == "queued", _M.next_try_ms <= now)
            .order_by(_M.severity, _M.queued_at_ms, _M.id)
            .limit(LOOK_AT)
        ).all()
        due = []
        for row in rows:
            if row.person not in busy:
                busy.add(row.person)
                due.append(row)
        return due

    def _start(self, message: Row[Any], now: int) -> None:
        urls = self._reach.of(message.person)
        along = self._along(message, now)
        worded = self._word_or_fail(message, along, now)
        if worded is None:
            return
        with self._db.write() as tx:
            if tx.execute(select(_M.state).where(_M.id == message.id)).scalar() != MessageState.QUEUED:
                return
            if message.expires_at_ms <= now:
                _end(tx, message.id, MessageState.FAILED)
                return
            attempts = _attempts(tx, message.id)
            todo = next_try(attempts, _usable(message.text_key, urls), random.random)
            if todo is None:
                _end(tx, message.id, MessageState.FAILED)
                log.warning("message %s: no channel is left", message.id)
                return
            url = urls[todo.channel].get_secret_value()
            if (free_ms := self._free_at(url, now)) > now:
                _put_off(tx, (message.id, *(one.id for one in along)), free_ms)
                return
            begun = [_begin(tx, message.id, todo.channel, attempts, now)]
            begun += [_begin(tx, one.id, todo.channel, _attempts(tx, one.id), now) for one in along]
        what = Call(url, worded.title, worded.body)
        future = self._call(what)
        others = tuple(one.id for one in along)
        self._under_way[future] = Under(message.id, others, message.person, tuple(begun), todo.channel)
        future.add_done_callback(lambda _: self._wake())

    def _call(self, what: Call) -> ProcessFuture[Verdict]:
        try:
            return self._pool.schedule(call, args=(what,), timeout=self._timeout_s)
        except RuntimeError:  # pebble gives its whole pool up when a worker is killed between two calls
            log.error("the worker processes broke and are started again")
            self._pool.join()
            self._pool = self._new_pool()
            return self._pool.schedule(call, args=(what,), timeout=self._timeout_s)

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context(self._start_method)
        return ProcessPool(WORKERS, CALLS_PER_WORKER, initializer=end_with_sender, context=context)

    def _free_at(self, url: str, now: int) -> int:
        """When this destination takes another message: a robot refuses more than a few a minute."""
        if url.partition(":")[0].lower() not in GROUP_SCHEMES:
            return now
        lately = self._lately.setdefault(url, deque())
        while lately and lately[0] <= now - MINUTE_MS:
            lately.popleft()
        if len(lately) >= self._per_minute:
            return lately[0] + MINUTE_MS
        lately.append(now)
        return now

    def _collect(self) -> None:
        for future in [f for f in self._under_way if f.done()]:
            under = self._under_way.pop(future)
            verdict = _verdict(future)
            now = self._clock.now_ms()
            with self._db.write() as tx:
                tx.execute(
                    update(t.attempts)
                    .where(t.attempts.c.id.in_(under.attempts))
                    .values(ended_at_ms=now, result=verdict.result, detail=verdict.detail)
                )
                self._move_on(tx, under, verdict, now)

    def _move_on(self, tx: Connection, under: Under, verdict: Verdict, now: int) -> None:
        if verdict.result is Result.ACCEPTED:
            # A withdrawn one stays withdrawn; that it arrived is kept beside it.
            for ident in (under.message, *under.along):
                tx.execute(update(t.messages).where(_M.id == ident).values(accepted_at_ms=now))
                _end(tx, ident, MessageState.ACCEPTED)
            return
        log.warning("message %s, channel %d: %s", under.message, under.channel, verdict.detail)
        message = tx.execute(select(t.messages).where(_M.id == under.message)).one()
        channels = _usable(message.text_key, self._reach.of(under.person))
        todo = next_try(_attempts(tx, under.message), channels, random.random)
        if todo is None:
            for ident in (under.message, *under.along):
                _end(tx, ident, MessageState.FAILED)
        else:
            tx.execute(
                update(t.messages)
                .where(_M.id == under.message, _M.state == MessageState.QUEUED)
                .values(channel=todo.channel)
            )
            _put_off(tx, (under.message, *under.along), now + todo.after_ms)

    def _along(self, message: Row[Any], now: int) -> list[Row[Any]]:
        """What else waited for the same moment; what is over by now was withdrawn, what is odd goes alone."""
        if not is_bundle(message.bundle):
            return []
        with self._db.read() as tx:
            rows = tx.execute(
                select(t.messages)
                .where(_M.bundle == message.bundle, _M.state == MessageState.QUEUED, _M.id != message.id)
                .order_by(_M.severity, _M.queued_at_ms, _M.id)
            )
            return [one for one in rows if self._can_be_worded(one, now)]

    def _can_be_worded(self, message: Row[Any], now: int) -> bool:
        try:
            self._word(message, [], now)
        except Exception:
            return False  # its own turn says so
        return True

    def _word_or_fail(self, message: Row[Any], along: list[Row[Any]], now: int) -> Worded | None:
        """Odd facts are this message's failure and nobody else's."""
        try:
            return self._word(message, along, now)
        except Exception as error:
            log.error("message %s cannot be put into words: %r", message.id, error)
            with self._db.write() as tx:
                _end(tx, message.id, MessageState.FAILED)
            return None

    def _word(self, message: Row[Any], along: list[Row[Any]], now: int) -> Worded:
        text, facts, link = Text(message.text_key), message.facts, self._link(message)
        if along:
            items = [{"text": one.text_key, "facts": one.facts} for one in (message, *along)]
            text, facts = Text.DIGEST, {"items": items}
            link = f"{self._url}/" if link else ""
        person = self._people.get(message.person)
        language = person.language if person else self._language
        return word(
            text,
            facts,
            language,
            zone=self._zone,
            now_ms=now,
            link=link,
        )

    def _link(self, message: Row[Any]) -> str:
        """Residents get none: it would give them authority."""
        if message.person.startswith(f"{RESIDENTS}:"):
            return ""
        if message.text_key == Text.LOGIN:
            return f"{self._url}/l/{self._links.login_token(message.person, message.id)}"
        if message.case_id:
            return f"{self._url}/c/{self._links.case_token(message.person, message.case_id)}"
        return f"{self._url}/"


def _usable(text_key: str, urls: tuple[SecretStr, ...]) -> list[int]:
    """Which channels may carry it; a log-in link never goes into a group."""
    if text_key != Text.LOGIN:
        return list(range(len(urls)))
    schemes = [url.get_secret_value().partition(":")[0].lower() for url in urls]
    return [i for i, scheme in enumerate(schemes) if scheme not in GROUP_SCHEMES]


def _attempts(tx: Connection, message: str) -> list[Attempt]:
    c = t.attempts.c
    rows = tx.execute(select(c.channel, c.result).where(c.message_id == message).order_by(c.id))
    return [Attempt(row.channel, row.result) for row in rows]


def _begin(tx: Connection, message: str, channel: int, before: list[Attempt], now: int) -> int:
    number = Counter(a.channel for a in before)[channel] + 1
    made = tx.execute(
        insert(t.attempts).values(message_id=message, channel=channel, number=number, at_ms=now)
    )
    tx.execute(update(t.messages).where(_M.id == message).values(channel=channel))
    key = made.inserted_primary_key
    return int(key[0]) if key else 0


def _put_off(tx: Connection, messages: tuple[str, ...], until_ms: int) -> None:
    """All of them stay together: the one that leads is tried again, the others go with it."""
    tx.execute(
        update(t.messages)
        .where(_M.id.in_(messages), _M.state == MessageState.QUEUED)
        .values(next_try_ms=until_ms)
    )


def _end(tx: Connection, message: str, state: MessageState) -> None:
    tx.execute(
        update(t.messages).where(_M.id == message, _M.state == MessageState.QUEUED).values(state=state)
    )


def _verdict(future: ProcessFuture[Verdict]) -> Verdict:
    try:
        return future.result()
    except CallTimeout:
        return Verdict(Result.UNCERTAIN, "no answer in time")
    except (ProcessExpired, Exception) as error:  # a dead worker is an attempt like any other
        return Verdict(Result.UNCERTAIN, type(error).__name__)
