"""Opening the database: its pragmas, its version, and the refusals.

WAL with ``synchronous=FULL``: what was committed is on disk before a report is
acknowledged. Writers begin with BEGIN IMMEDIATE, so that none fails half-way because
another process was quicker.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.errors import StoreError

BUSY_MS = 5_000
_CHECK_UP_TO_BYTES = 1 << 30
"""Larger files are not read through at every start; that would take minutes."""


class Database:
    """One database file, or an address of a server later."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent moment, to look at."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, written as a whole or not at all."""
        with self._engine.connect() as connection:
            connection.info["immediate"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info.pop("immediate", None)

    def close(self) -> None:
        self._engine.dispose()


def open_database(path: Path, *, migrate: bool = True) -> Database:
    """Open (and create or upgrade) the database at ``path``.

    Raises:
        StoreError: It is damaged, was made by a newer doorward, or cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_damaged(path)
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        _upgrade(engine, path, migrate)
    except DatabaseError as error:
        engine.dispose()
        raise StoreError(f"cannot be opened: {error.orig}", where=str(path), mend=_RESTORE) from error
    return Database(engine)


_RESTORE = "Stop doorward, keep this file, and put a backup in its place."


def _refuse_damaged(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with sqlite3.connect(path, timeout=BUSY_MS / 1000) as connection:
            if path.stat().st_size <= _CHECK_UP_TO_BYTES:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            else:
                found = (
                    "ok" if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() else "empty"
                )
        connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"the database is damaged: {error}", where=str(path), mend=_RESTORE) from error
    if found != "ok":
        raise StoreError(f"the database is damaged: {found}", where=str(path), mend=_RESTORE)


def _upgrade(engine: Engine, path: Path, migrate: bool) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            "the database was made by a newer doorward",
            where=str(path),
            mend="Install that version, or put a backup of this version in its place.",
        )
    if present == scripts.get_current_head():
        return
    if not migrate:
        raise StoreError(
            "the database is not ready", where=str(path), mend="Start the gateway first; it prepares it."
        )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _on_connect(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("immediate") else "BEGIN")
