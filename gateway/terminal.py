"""What all commands share: how they end on an error, name their directory, and read the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from sqlalchemy import Row, Select

from gateway.errors import DoorwardError

if TYPE_CHECKING:
    from gateway.directory import Directory

T = TypeVar("T")
in_directory = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
last_of = click.option("--last", default=100, show_default=True, help="How many.")
in_language = click.option("--lang", type=click.Choice(["zh", "en"]), help="Default: the directory's.")


def or_exit(work: Callable[[], T], code: int = 1) -> T:
    """What ``work`` answers; an error is one line on standard error, and the end."""
    try:
        return work()
    except DoorwardError as error:
        click.echo(f"doorward: {error}", err=True)
        sys.exit(code)


def stored(directory: Path, question: Select[Any]) -> tuple[Directory, Sequence[Row[Any]]]:
    """The directory, and what its database answers."""
    from gateway.app import open_store
    from gateway.directory import open_directory

    opened = or_exit(lambda: open_directory(directory))
    db = or_exit(lambda: open_store(opened, wait_s=0))
    with db.read() as tx:
        return opened, tx.execute(question).all()


def when(opened: Directory, at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, opened.config.places.tz).isoformat(" ", "seconds")
