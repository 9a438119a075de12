"""What was probably meant, where the choice is too long to be listed whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(written: str, known: Iterable[str], alike: float = 0.6) -> str:
    """A sentence with the nearest known word; empty if none is so much ``alike`` (0 to 1)."""
    found = difflib.get_close_matches(written, known, n=1, cutoff=alike)
    return f"Did you mean '{found[0]}'?" if found else ""
