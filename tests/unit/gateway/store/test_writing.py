"""What is written comes back as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.database import open_database
from gateway.store.resuming import journal_after
from gateway.store.writing import JournalRow, Written, move_road, write
from rules.reading import Reading

# Each field differs from all others, so that no two can be mixed up.
FULL = Reading(
    device="doorward:b-1#1",
    received_at_ms=1_790_000_000_001,
    contact="open",
    retained=True,
    boot=2,
    seq=3,
    battery_pct=87.5,
    battery_v=2.98,
    battery_low=False,
    tamper=True,
    online=False,
    online_scope="gateway",
    rssi_dbm=-67.0,
    linkquality=118,
    device_time="2026-09-21T22:00:00+08:00",
)


@pytest.mark.parametrize(
    "reading",
    [
        FULL,
        FULL._replace(contact=None, retained=False, battery_low=True, tamper=None, online=True),
        Reading("tasmota:s-1", 1_790_000_000_002),
    ],
    ids=["all-facts", "other-facts", "no-facts"],
)
def test_a_reading_comes_back_from_the_journal_as_it_went_in(tmp_path: Path, reading: Reading) -> None:
    db = open_database(tmp_path / "doorward.db")
    rows = [
        JournalRow(1, 7, "setup", setup="a-hash"),
        JournalRow(2, reading.received_at_ms, "reading", "door-00001", reading),
        JournalRow(3, 9, "deaf"),
    ]
    with db.write() as tx:
        write(tx, Written(journal=rows), "a-hash", "rules", 9)
    with db.read() as tx:
        setup, line, deaf = list(journal_after(tx, 0))
    db.close()
    assert (setup.kind, setup.at_ms, setup.setup, setup.arrival) == ("setup", 7, "a-hash", None)
    assert (line.position, line.kind, line.arrival) == (2, "reading", ("door-00001", reading))
    assert (deaf.position, deaf.kind, deaf.setup) == (3, "deaf", None)


def test_nobody_moves_a_road_that_somebody_else_has_moved(tmp_path: Path) -> None:
    db = open_database(tmp_path / "doorward.db")
    with pytest.raises(StoreError, match="not at position 4"), db.write() as tx:
        move_road(tx, 4, 5, 1)
    db.close()


def test_counters_add_up(tmp_path: Path) -> None:
    db = open_database(tmp_path / "doorward.db")
    for more in (2, 3):
        with db.write() as tx:
            write(tx, Written(counts=Counter(reports=more)), "", "", 1)
    with db.read() as tx:
        assert tx.exec_driver_sql("SELECT name, value FROM counters").all() == [("reports", 5)]
    db.close()
