"""What a new installation starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.check import check
from gateway.errors import DoorwardError
from gateway.starter import write_starter


def test_the_starter_passes_its_own_check(tmp_path: Path) -> None:
    written = write_starter(tmp_path / "new")
    assert check(tmp_path / "new", {}) == []
    names = {path.relative_to(tmp_path / "new").as_posix() for path in written}
    assert {"doorward.toml", "contacts.csv", "rules/unit_doors.yaml"} <= names


def test_only_the_owner_can_read_the_contacts(tmp_path: Path) -> None:
    write_starter(tmp_path)
    assert (tmp_path / "contacts.csv").stat().st_mode & 0o777 == 0o600


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DoorwardError, match="not empty"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
