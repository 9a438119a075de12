"""What a provider's answer means (pure).

Many answer HTTP 200 with an error inside. The body decides, by one table for all of
them. Codes as their documentation and error reports state them (DESIGN.md, section 5;
FIELD.md T13, T14).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Result(StrEnum):
    """How an attempt ended.

    ``ACCEPTED``: the provider has it. ``LATER``: it refused, and may take it another
    time. ``REFUSED``: this channel will never take it. ``UNCERTAIN``: nobody knows.
    """

    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


class Reply(NamedTuple):
    """What came back over HTTP.

    Attributes:
        status: 0 if no answer came.
        trouble: ``""``, ``unreachable`` (it never got there) or ``broken`` (it may have).
    """

    status: int
    body: str = ""
    trouble: str = ""


class Verdict(NamedTuple):
    """``detail`` is for a maintainer and holds no secret: status and code only."""

    result: Result
    detail: str


class _Service(NamedTuple):
    """Where the code stands in the body, which one is good, and which ones come and go."""

    keys: tuple[str, ...]
    good: frozenset[int]
    later: frozenset[int]
    refused: frozenset[int]


_WECOM = _Service(
    ("errcode",),
    frozenset({0}),
    later=frozenset({-1, 45009, 45033, 42001, 40014}),
    refused=frozenset({93000, 40001, 40013, 40056, 40058, 45002, 60111, 81013}),
)
_DINGTALK = _Service(
    ("errcode",),
    frozenset({0}),
    later=frozenset({-1, 130101, 410100, 88, 90018}),
    refused=frozenset({310000, 300001, 300005, 400013, 400101, 400102, 400106, 430101, 430102}),
)
_FEISHU = _Service(
    ("code", "StatusCode"),
    frozenset({0}),
    later=frozenset({9499, 11232, 11233}),
    refused=frozenset({19001, 19002, 19021, 19022, 19024, 9419}),
)
_SERVERCHAN = _Service(
    ("code", "errno"), frozenset({0}), later=frozenset({40000}), refused=frozenset({40001, 40003})
)
_PUSHPLUS = _Service(
    ("code",), frozenset({200}), later=frozenset({500, 900, 905}), refused=frozenset({400, 401, 403, 903})
)
_BARK = _Service(("code",), frozenset({200}), later=frozenset({500}), refused=frozenset({400, 404}))
_PUSHDEER = _Service(("code",), frozenset({0}), later=frozenset(), refused=frozenset({80501, 80502}))

# By the scheme of the Apprise URL.
SERVICES: Final[Mapping[str, _Service]] = {
    "wecombot": _WECOM,
    "dingtalk": _DINGTALK,
    "feishu": _FEISHU,
    "lark": _FEISHU,
    "schan": _SERVERCHAN,
    "pushplus": _PUSHPLUS,
    "bark": _BARK,
    "barks": _BARK,
    "pushdeer": _PUSHDEER,
    "pushdeers": _PUSHDEER,
    "spugpush": _PUSHPLUS,
}

# Robots write into a group: nothing that is for one person alone may go there.
GROUP_SCHEMES: Final = frozenset({"wecombot", "dingtalk", "feishu", "lark"})


def judge(scheme: str, said_ok: bool, replies: list[Reply]) -> Verdict:
    """What came of one call.

    Args:
        scheme: Of the Apprise URL.
        said_ok: What Apprise made of it.
        replies: What came back over HTTP; empty for channels that do not use it.
    """
    if not replies:
        return Verdict(Result.ACCEPTED, "ok") if said_ok else Verdict(Result.LATER, "the channel failed")
    reply = replies[-1]
    if reply.trouble == "unreachable":
        return Verdict(Result.LATER, "unreachable")
    if reply.trouble:
        return Verdict(Result.UNCERTAIN, "the connection broke")
    if reply.status >= 400 or reply.status < 200:
        return _judge_status(reply.status)
    service = SERVICES.get(scheme)
    if service is not None:
        return _judge_body(service, reply.body)
    if said_ok:
        return Verdict(Result.ACCEPTED, f"HTTP {reply.status}")
    return Verdict(Result.LATER, f"HTTP {reply.status}, but the channel says no")


def _judge_status(status: int) -> Verdict:
    detail = f"HTTP {status}"
    if status in (408, 425, 429, 503):
        return Verdict(Result.LATER, detail)
    if status >= 500:
        return Verdict(Result.UNCERTAIN, detail)  # it may have broken after it took the message
    return Verdict(Result.REFUSED, detail)


def _judge_body(service: _Service, body: str) -> Verdict:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return Verdict(Result.UNCERTAIN, "HTTP 200 with a body that is not JSON")
    code = next((said[key] for key in service.keys if key in said), None) if isinstance(said, dict) else None
    if isinstance(code, bool) or not isinstance(code, int):
        return Verdict(Result.UNCERTAIN, "HTTP 200 without a code in the body")
    if code in service.good:
        return Verdict(Result.ACCEPTED, f"code {code}")
    if code in service.refused:
        return Verdict(Result.REFUSED, f"code {code}")
    return Verdict(Result.LATER, f"code {code}")  # what is not known may pass; another channel comes soon
