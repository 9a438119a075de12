"""What people do on a page, and what they are answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_NOTE = 500
"""Characters that somebody may write beside a reason."""


class Act(BaseModel):
    """One press of a button. It waits in the inbox until the gateway has done it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["take", "settle", "pass_up", "login"]
    person: str
    case: str = ""
    reason: str = ""
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""
    through: str = "page"


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
