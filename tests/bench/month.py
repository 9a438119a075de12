"""A made-up month of many doors, as a directory and a CSV file, for what-if and its benchmark.

Most openings last seconds; some doors are forgotten in the evening, a few are wedged for
hours. The seed is fixed, so that two runs play the same month.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.shipped import shipped
from tests.small_district import write_directory

ZONE = ZoneInfo("Asia/Shanghai")
FIRST_MS = int(datetime(2026, 10, 1, tzinfo=ZONE).timestamp() * 1000)
DAY_MS = 86_400_000


def write_month(path: Path, *, doors: int, days: int, openings: int, seed: int = 7) -> Path:
    """A directory with the shipped rules; beside it ``month.csv``. Answers the CSV's path."""
    write_directory(path, broker_port=1, phone_port=1, doors=doors)
    (path / "rules" / "rules.yaml").unlink()
    for name, text in shipped():
        (path / name).write_text(text)
    file = path / "month.csv"
    with file.open("w") as out:
        out.write("time,entrance,contact\n")
        for day in range(days):
            for at, door, contact in _day(random.Random(seed * 1000 + day), day, doors, openings):
                moment = datetime.fromtimestamp(at / 1000, ZONE).isoformat(timespec="milliseconds")
                out.write(f"{moment},door-{door:05d},{contact}\n")
    return file


def _day(chance: random.Random, day: int, doors: int, openings: int) -> Iterator[tuple[int, int, str]]:
    moves: list[tuple[int, int, str]] = []
    begin = FIRST_MS + day * DAY_MS
    for door in range(doors):
        free = begin
        for at in sorted(chance.randrange(DAY_MS) for _ in range(openings)):
            opened = max(begin + at, free)
            long = _long(chance, door)
            if opened + long >= begin + DAY_MS:
                break
            moves += [(opened, door, "open"), (opened + long, door, "closed")]
            free = opened + long + 1000
    moves.sort()
    yield from moves


def _long(chance: random.Random, door: int) -> int:
    lot = chance.random()
    if lot < 0.0005 * (1 + door % 5):  # some doors have no closer
        return chance.randrange(10 * 60_000, 3 * 3_600_000)
    if lot < 0.01:
        return chance.randrange(60_000, 8 * 60_000)
    return chance.randrange(3_000, 25_000)
