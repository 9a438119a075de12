"""Other rules without a restart: watch the files, prove them, hand them to the loop.

Rule 1: rules are switched on as a whole or not at all. They are read, their stories are
        played, and they are tried on the last readings, all beside the loop; a fault
        anywhere leaves what is in force as it is, and is said.
Rule 2: a file that is still being written has no fault: what is read has to have been the
        same for ``SETTLED_S``.
Rule 3: what the files say counts. Going back (``doorward rules rollback``) writes files.
"""

from __future__ import annotations

import json
import logging
import pwd
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.check import rule_texts
from gateway.directory import Directory, Files, Usual
from gateway.store.database import Database
from gateway.store.resuming import readings_before
from gateway.store.rule_versions import Activation
from rules.engine import Engine, Setup
from rules.fault import Fault
from rules.load import Loaded, load_texts
from rules.outcome import RuleFailed
from rules.story import play

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25
SETTLED_S: Final = 0.3
TRIED_ON: Final = 1_000
"""Readings (ACCEPTANCE.md, Rules reload)."""
ROLLBACK: Final = "rollback.json"
"""Beside the database: who went back to which rule set, until the gateway has seen it."""
REREAD: Final = "reread"
"""Beside the database: touched when something else changed that rules go by."""
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Proved:
    """Rules that may be switched on."""

    loaded: Loaded
    files: Files
    author: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Rule files that may not."""

    faults: tuple[Fault, ...]
    author: str


Result = Proved | Refused


def prove(directory: Directory, files: Files, author: str, readings: list[Any], usual: Usual) -> Result:
    """Read, play, try. Pure but for what it is given."""
    loaded, faults = load_texts(files, directory.roles)
    if loaded is None:
        return Refused(tuple(faults), author)
    faults = list(untrue_stories(loaded, directory))
    if not faults:
        at = readings[-1][1].received_at_ms if readings else 0
        faults = list(tried(directory.setup(at, usual, loaded), readings))
    return Refused(tuple(faults), author) if faults else Proved(loaded, files, author)


def untrue_stories(loaded: Loaded, directory: Directory) -> Iterator[Fault]:
    """Each story that ends otherwise than it says."""
    for rule, story, where in loaded.stories:
        told = play(rule, story, directory.config.places.tz, directory.calendar)
        if tuple(told) != story.expect:
            expected = ", ".join(map(str, story.expect)) or "nothing"
            came = ", ".join(map(str, told)) or "nothing"
            yield Fault(
                where,
                f"the story '{story.title}' of '{rule.name}' expects {expected}; what comes is {came}",
                "Mend the rule or its story.",
            )


def tried(setup: Setup, readings: list[Any]) -> Iterator[Fault]:
    """Each rule that breaks on what the doors last said."""
    engine = Engine(setup)
    engine.on_listening(readings[0][1].received_at_ms if readings else 0)
    broken: dict[str, RuleFailed] = {}
    for outcome in engine.on_readings(readings):
        if isinstance(outcome, RuleFailed):
            broken.setdefault(outcome.rule, outcome)
    for name, outcome in broken.items():
        what = f"the rule '{name}' breaks on the last readings, at {outcome.entrance}: {outcome.error}"
        yield Fault("rules", what, "This is a fault in doorward; leave the rule out and report it.")


class RuleFiles:
    """Watches the rule files of a directory from a thread of its own.

    Attributes:
        results: What came of each change, for the loop to take.
    """

    def __init__(
        self, directory: Directory, db: Database, usual: Callable[[], Usual], poke: Callable[[], None]
    ) -> None:
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._directory, self._db, self._usual, self._poke = directory, db, usual, poke
        self._seen = self._signature()
        self._stop = threading.Event()
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="rules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look_now(self) -> None:
        """Read the files again, changed or not (SIGHUP)."""
        self._asked.set()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._asked.wait(LOOK_EVERY_S)
            try:
                if self._asked.is_set() or self._signature() != self._seen:
                    self._asked.clear()
                    self._read()
            except Exception:  # a watcher that dies would leave the next change unread
                log.exception("the rule files could not be looked at")

    def _read(self) -> None:
        settled = self._settle()
        files, unread = rule_texts(self._directory.path)
        if self._signature() != settled:
            return  # it moved under our hands; the next look reads it again
        self._seen = settled
        author = author_of(self._directory.path)
        if unread:
            result: Result = Refused(tuple(unread), author)
        else:
            with self._db.read() as tx:
                readings = readings_before(tx, TRIED_ON)
            result = prove(self._directory, files, author, readings, self._usual())
        self.results.put(result)
        self._poke()

    def _settle(self) -> Signature:
        """Wait until nobody writes any more."""
        now = self._signature()
        while not self._stop.wait(SETTLED_S):
            before, now = now, self._signature()
            if now == before:
                break
        return now

    def _signature(self) -> Signature:
        found = []
        for path in sorted((self._directory.path / "rules").glob("*.yaml")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((path.name, stat.st_mtime_ns, stat.st_size))
        asked = self._directory.data / REREAD
        if asked.exists():
            found.append((REREAD, asked.stat().st_mtime_ns, 0))
        return tuple(found)


def author_of(directory: Path) -> str:
    """Who owns the rule file that was changed last; the machine knows no more of its author."""
    try:
        newest = max(
            (path.stat() for path in (directory / "rules").glob("*.yaml")), key=lambda s: s.st_mtime_ns
        )
    except (OSError, ValueError):
        return "unknown"
    try:
        return pwd.getpwuid(newest.st_uid).pw_name
    except KeyError:
        return f"user {newest.st_uid}"


def activation(proved: Proved, data: Path) -> Activation:
    """Through what it comes: if somebody went back to just these rules, through that, and by her."""
    note = data / ROLLBACK
    try:
        asked = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return Activation(proved.files, proved.author, "reload")
    note.unlink(missing_ok=True)
    if asked.get("hash") != proved.loaded.rules.hash:
        return Activation(proved.files, proved.author, "reload")
    return Activation(proved.files, str(asked.get("by")), "rollback")
