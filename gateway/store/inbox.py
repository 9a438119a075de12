"""Where presses of a button wait for the gateway, and where its answer stands."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from gateway.cases.act import Act
from gateway.store import tables as t


def put_into_inbox(tx: Connection, act: Act, at_ms: int) -> int:
    """Its number there."""
    made = tx.execute(insert(t.inbox).values(at_ms=at_ms, act=act.model_dump()).returning(t.inbox.c.id))
    return int(made.scalar_one())


def answer_of(tx: Connection, item: int) -> str | None:
    return tx.execute(select(t.inbox.c.answer).where(t.inbox.c.id == item)).scalar()
