"""How people are reached: the secret table.

Rule 1: a URL opens somebody's phone or a whole group chat. None of it ever stands in a
        fault, a representation or a log; ``get_secret_value`` is for the sender alone.
Rule 2: the file is its owner's only; if others can read it, none of it is used.

A row names a person, or the homes behind an entrance: ``residents:小区/楼栋/单元``, for a
gate ``residents:小区``. Where two communities have a compound of the same name, the
community comes first: ``residents:社区/小区/楼栋/单元``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from gateway.places.model import Registry
from gateway.places.near import near
from gateway.places.tables import Columns, Row, read_table, table_path
from rules.fault import Fault

COLUMNS: Final = Columns(needed=("who", "url"), secret=True)
OTHERS: Final = 0o077
"""Permission bits of group and others."""

_SCHEME = re.compile(r"([a-z][a-z0-9]{1,19})://")


class Contacts:
    """Who is reached where, in the order of preference.

    Keys are person ids and ``EntranceRow.resident_key``.
    """

    def __init__(self, urls: Mapping[str, tuple[SecretStr, ...]], named: Collection[str] = ()) -> None:
        """``named``: all who have a row, though nothing can be sent by it."""
        self._urls = dict(urls)
        self.named = frozenset(named) | frozenset(urls)

    def of(self, who: str) -> tuple[SecretStr, ...]:
        """The person's URLs, the preferred one first; none if there is no way."""
        return self._urls.get(who, ())

    def __contains__(self, who: object) -> bool:
        return who in self._urls

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def __len__(self) -> int:
        return len(self._urls)

    def __repr__(self) -> str:
        return f"Contacts({len(self)})"


def load_contacts(
    directory: Path, registry: Registry, usable: Callable[[SecretStr], bool] = lambda url: True
) -> tuple[Contacts, list[Fault]]:
    """The contacts of those whom the registry knows, and every fault.

    Args:
        directory: Where the table is.
        registry: Who and which homes there are.
        usable: Whether something can be sent to such a URL.
    """
    path, faults = table_path(directory, "contacts")
    if path is None:
        return Contacts({}), faults
    if path.stat().st_mode & OTHERS:
        mend = f"Run: chmod 600 {path.name}"
        return Contacts({}), [Fault(path.name, "others can read the contacts, so they are not used", mend)]
    rows, faults = read_table(directory, "contacts", COLUMNS)
    known = _known(registry)
    urls: defaultdict[str, list[SecretStr]] = defaultdict(list)
    for row in rows:
        if not (registry.entrances if row["who"].startswith("residents:") else registry.people):
            continue  # their own table cannot be read, and says so
        wrong = _wrong(row, known, usable)
        if wrong:
            faults.append(wrong)
        else:
            (who,) = known[row["who"]]
            urls[who].append(SecretStr(row["url"]))
    named = [who for row in rows for who in known.get(row["who"], ())]
    return Contacts({who: tuple(found) for who, found in urls.items()}, named), faults


def _known(registry: Registry) -> dict[str, set[str]]:
    """What a row may say, and whom it may mean by that; more than one is unclear."""
    known = defaultdict(set, {person: {person} for person in registry.people})
    for row in registry.entrances.values():
        key = row.resident_key
        known[key].add(key)
        known[key.replace(f"residents:{row.community}/", "residents:", 1)].add(key)
    return known


def _wrong(row: Row, known: Mapping[str, set[str]], usable: Callable[[SecretStr], bool]) -> Fault | None:
    meant = known.get(row["who"], ())
    if not meant:
        # What is written there may be a URL in the wrong column, so only what is known is ever named.
        mend = near(row["who"], known)
        mend = mend or "Write a person of the people table, or residents:compound/building/unit."
        return row.fault("who", "there is no such person or home", mend)
    if len(meant) > 1:
        mend = "Put the community before the compound: residents:community/compound/building/unit."
        return row.fault("who", "several communities have such a compound", mend)
    scheme = _SCHEME.match(row["url"])
    if scheme is None:
        return row.fault("url", "it is not a URL", "Write it as Apprise knows it, like mailtos://…")
    if not usable(SecretStr(row["url"])):
        mend = "Look up in Apprise's documentation how its URLs are written."
        return row.fault("url", f"nothing can be sent to this {scheme[1]} URL", mend)
    return None
