"""What is wrong with something a person wrote: what, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One mistake in a file.

    Attributes:
        where: ``file:line`` or ``file:line:column``, or just the file.
        what: What is wrong, in plain words.
        mend: What to do about it; may be empty.
    """

    where: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        """One line: ``rules/doors.yaml:5: unknown key 'open_four'. Did you mean 'open_for'?``"""
        return f"{self.where}: {self.what}. {self.mend}".rstrip()


def guess(written: str, known: Iterable[str]) -> str:
    """A sentence with what was probably meant, or the whole choice if nothing is near."""
    choice = sorted(known)
    near = difflib.get_close_matches(written, choice, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Choose one of: {', '.join(choice)}."
