"""Opening a real SQLite file: the tables it makes, and the files it refuses."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, text

from gateway.errors import StoreError
from gateway.store import tables as t
from gateway.store.database import open_database


def test_the_migrations_make_the_tables_that_the_code_names(tmp_path: Path) -> None:
    db = open_database(tmp_path / "doorward.db")
    with db.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, t.metadata) == []
    db.close()


def test_what_is_committed_survives_a_loss_of_power(tmp_path: Path) -> None:
    db = open_database(tmp_path / "doorward.db")
    with db.read() as tx:
        found = {
            name: tx.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    db.close()
    full = 2
    assert found == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1}


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    db = open_database(tmp_path / "doorward.db")
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx.execute(insert(t.road).values(id=1, position=1, committed_at_ms=1))
        raise ZeroDivisionError
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM road")).scalar() == 0
    db.close()


def test_a_database_of_a_newer_doorward_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "doorward.db"
    open_database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="made by a newer doorward"):
        open_database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0.5, 0.9], ids=["half", "most"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    path = _filled(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep) // 4096 * 4096])
    with pytest.raises(StoreError, match="damaged"):
        open_database(path)


def test_a_page_that_was_overwritten_is_refused(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        open_database(path)
    assert "backup" in str(caught.value)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "doorward.db"
    path.write_text("entrance,name\n" * 1_000)
    with pytest.raises(StoreError, match="damaged"):
        open_database(path)


def test_the_parts_beside_the_gateway_wait_for_it_to_prepare_the_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not ready"):
        open_database(tmp_path / "doorward.db", migrate=False)


def _filled(folder: Path) -> Path:
    """A database of some pages, closed, so that all of it is in its file."""
    path = folder / "doorward.db"
    db = open_database(path)
    with db.write() as tx:
        tx.execute(
            insert(t.counters), [{"name": f"counter {n} {'x' * 200}", "value": n} for n in range(2_000)]
        )
    db.close()
    return path
