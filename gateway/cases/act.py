"""What people do on a page, and what they are answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rules.rule import Watch

MOST_NOTE = 500
"""Characters that somebody may write beside a reason."""


class Where(BaseModel):
    """Which entrances a mute is for, in the words of a rule's ``watch``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: tuple[Literal["unit_door", "gate"], ...] = ()
    within: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    entrance: tuple[str, ...] = ()

    def built(self) -> Watch:
        return Watch(
            kinds=frozenset(self.kind),
            within=frozenset(self.within),
            tags=frozenset(self.tags),
            entrances=frozenset(self.entrance),
        )


class Act(BaseModel):
    """One press of a button. It waits in the inbox until the gateway has done it.

    Attributes:
        mute: For ``unmute``: which one ends now.
        where: For ``mute``: of what; ``note`` says why.
        from_ms: For ``mute``: its beginning; 0 is now.
        until_ms: For ``mute``: its end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["take", "settle", "pass_up", "login", "mute", "unmute"]
    person: str
    case: str = ""
    reason: str = ""
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""
    through: str = "page"
    mute: str = ""
    where: Where | None = None
    from_ms: int = 0
    until_ms: int = 0


class Answer(StrEnum):
    """What came of it."""

    DONE = "done"
    NOT_FOUND = "not_found"
    ALREADY_YOURS = "already_yours"
    ALREADY_TAKEN = "already_taken"
    ALREADY_SETTLED = "already_settled"
    REASON_NEEDED = "reason_needed"
    NOBODY_ABOVE = "nobody_above"
    NOT_UNDERSTOOD = "not_understood"
