"""Errors for people: what, where, and how to mend it."""

from __future__ import annotations


class DoorwardError(Exception):
    """Something that a person has to mend.

    Attributes:
        what: What is wrong, in plain words.
        where: The file, address or option concerned; may be empty.
        mend: What to do; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        stop = "" if what.endswith((".", "?")) else "."
        said = f"{what}{stop} {mend}".rstrip()
        super().__init__(f"{where}: {said}" if where else said)

    def __reduce__(self) -> tuple[object, ...]:
        """So that it comes out of another process as it went in."""
        return _again, (type(self), self.what, self.where, self.mend)


def _again(kind: type[DoorwardError], what: str, where: str, mend: str) -> DoorwardError:
    return kind(what, where=where, mend=mend)


class StoreError(DoorwardError):
    """The database cannot be used."""


class AlreadyRunning(DoorwardError):
    """Another gateway works on the same database or client id."""


class DirectoryError(DoorwardError):
    """The settings or rules of a directory cannot be used."""
