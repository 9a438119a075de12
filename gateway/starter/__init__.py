"""The directory that a new installation starts from: settings, small tables, the shipped rules."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from gateway.errors import DoorwardError
from gateway.shipped import SCHEMA, schema_text, shipped

FILES = ("doorward.toml", "entrances.csv", "devices.csv", "people.csv", "contacts.csv")
SECRET = frozenset({"contacts.csv"})


def write_starter(directory: Path) -> list[Path]:
    """Write the starting files into a new or empty directory, and answer which.

    Raises:
        DoorwardError: Something is there already; nothing is ever written over it.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        mend = "Choose a new directory: nothing of yours is written over."
        raise DoorwardError("is there already and not empty", where=str(directory), mend=mend)
    (directory / "rules").mkdir(parents=True)
    texts = [(name, files(__name__).joinpath(name).read_text("utf-8")) for name in FILES]
    texts += [*shipped(), (SCHEMA, schema_text())]
    return [_write(directory / name, text, name in SECRET) for name, text in texts]


def _write(path: Path, text: str, secret: bool) -> Path:
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with open(made, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path
