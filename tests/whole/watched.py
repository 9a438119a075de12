"""A gateway in a process of its own, and what its database says meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.real_things import process, wait_for

Row = tuple[Any, ...]


def say(measured: str) -> None:
    """What ``pytest -s`` shows: a number that is measured, not judged."""
    sys.stdout.write(f"\n{measured}\n")


class Watched:
    """A directory that a gateway works on. Only looks; ``hold`` is the one exception."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory.parent / "log"
        self._database = directory / "data" / "doorward.db"

    @contextmanager
    def gateway(
        self, *, module: str = "", limit_s: float = 60, more: tuple[str, ...] = ()
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Runs until the block ends; it begins when the gateway listens.

        Args:
            module: One of our own in place of the command line; it is given the directory
                and ``more``.
        """
        command = [module, str(self.directory), *more] if module else self._command()
        before = self.times_listening()
        with process(*command, log=self.log) as running:
            wait_for(
                lambda: running.poll() is not None or self.times_listening() > before,
                "the gateway listens",
                limit_s,
            )
            assert running.poll() is None, "the gateway ended at its start"
            yield running

    def _command(self) -> list[str]:
        return ["gateway.cli", "run", str(self.directory), "--only", "gateway"]

    def times_listening(self) -> int:
        """How often it has heard all that waited: at each start, and after each reconnect."""
        return self.count("SELECT count(*) FROM journal WHERE kind = 'listening'")

    def wait_until_it_listens(self, before: int, limit_s: float = 60) -> None:
        wait_for(lambda: self.times_listening() > before, "the gateway listens", limit_s)

    def ask(self, question: str, *values: object) -> list[Row]:
        """Nothing, as long as the table is not there."""
        if not self._database.exists():
            return []
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def count(self, question: str, *values: object) -> int:
        rows = self.ask(question, *values)
        return int(rows[0][0]) if rows else 0

    def stored(self) -> int:
        """Reports with a number of their own, each once."""
        return self.count("SELECT count(*) FROM journal WHERE boot IS NOT NULL AND NOT retained")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nobody else can write as long as the block lasts."""
        connection = sqlite3.connect(self._database, timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()
