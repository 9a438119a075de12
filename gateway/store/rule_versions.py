"""Every rule set that was ever active: its files, when, through whom, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.errors import StoreError
from gateway.store import tables as t
from gateway.store.database import open_database
from rules.fault import Fault
from rules.impact import Impact
from rules.rule import RuleSet

Files = Sequence[tuple[str, str]]


class Activation(NamedTuple):
    """Somebody switches a rule set on.

    Attributes:
        files: (name, text) of each rule file as it was written.
        author: Who wrote it, as far as the machine knows.
    """

    files: Files
    author: str
    through: Literal["start", "reload", "rollback"]


class Version(NamedTuple):
    """One activation, read back."""

    number: int
    at_ms: int
    hash: str
    author: str
    through: str
    impact: Impact


def activate(tx: Connection, rules: RuleSet, activation: Activation, impact: Impact, at_ms: int) -> None:
    """From now on this rule set is the active one, and its files are in force."""
    files = dict(activation.files)
    upsert = sqlite_insert(t.rule_sets).values(hash=rules.hash, text=rules.text, files=files)
    # The same rules with other comments or stories are the same set; the latest words are kept.
    tx.execute(upsert.on_conflict_do_update(index_elements=["hash"], set_={"files": files}))
    tx.execute(
        insert(t.activations).values(
            at_ms=at_ms,
            hash=rules.hash,
            author=activation.author,
            through=activation.through,
            impact=asdict(impact),
        )
    )
    tx.execute(delete(t.rule_faults))


def versions(tx: Connection, last: int = 100) -> list[Version]:
    """The newest first."""
    rows = tx.execute(select(t.activations).order_by(t.activations.c.id.desc()).limit(last)).all()
    return [_version(row) for row in rows]


def active_at(tx: Connection, at_ms: int) -> str | None:
    """The hash of what was active then."""
    a = t.activations.c
    return tx.execute(select(a.hash).where(a.at_ms <= at_ms).order_by(a.id.desc()).limit(1)).scalar()


def files_of(tx: Connection, name: str) -> Mapping[str, str] | None:
    """Its files; ``name`` may be the beginning of its hash, if only one begins so."""
    found = tx.execute(select(t.rule_sets).where(t.rule_sets.c.hash.startswith(name, autoescape=True))).all()
    return found[0].files if len(found) == 1 else None


def text_of(tx: Connection, name: str) -> str | None:
    """Its canonical text, which ``rules.load.from_canonical`` reads."""
    return tx.execute(select(t.rule_sets.c.text).where(t.rule_sets.c.hash == name)).scalar()


class Refused(NamedTuple):
    """The rule files as they stand are not in force."""

    at_ms: int
    author: str
    faults: list[str]


def say_refused(tx: Connection, at_ms: int, author: str, faults: Sequence[Fault]) -> None:
    tx.execute(delete(t.rule_faults))
    said = [str(fault) for fault in faults]
    tx.execute(insert(t.rule_faults).values(id=1, at_ms=at_ms, author=author, faults=said))


def say_accepted(tx: Connection, rules: RuleSet, files: Files) -> None:
    """The files say what is in force, maybe in other words."""
    tx.execute(delete(t.rule_faults))
    tx.execute(update(t.rule_sets).where(t.rule_sets.c.hash == rules.hash).values(files=dict(files)))


def last_good(path: Path) -> Files | None:
    """The rule files that were in force last, of the database at ``path``; ``None`` if nobody knows."""
    if not path.exists():
        return None
    try:
        db = open_database(path, migrate=False)
    except StoreError:
        return None
    try:
        with db.read() as tx:
            latest = versions(tx, last=1)
            files = files_of(tx, latest[0].hash) if latest else None
            return list(files.items()) if files else None
    finally:
        db.close()


def refused(tx: Connection) -> Refused | None:
    row = tx.execute(select(t.rule_faults)).first()
    return Refused(row.at_ms, row.author, row.faults) if row else None


def _version(row: Row[Any]) -> Version:
    return Version(row.id, row.at_ms, row.hash, row.author, row.through, Impact(**row.impact))
