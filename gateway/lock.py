"""A lock by a file: whoever holds it is the only one, until it ends."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from gateway.errors import DoorwardError


def hold(path: Path, refusal: DoorwardError) -> IO[str]:
    """The lock; it is let go when the file is closed.

    Raises:
        DoorwardError: ``refusal``, if somebody else holds it.
    """
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise refusal from error
    return file
