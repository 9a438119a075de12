"""One call to one channel, in a worker process (I/O).

Apprise's own word is not taken for it: what the service answered over HTTP is looked
at as well. Nothing here logs; an Apprise URL is a secret.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import apprise
import requests

from gateway.notify.answers import Reply, Result, Verdict, judge

_BODY_KEPT = 4_096


class Call(NamedTuple):
    """One message to one channel. Its ``repr`` shows no secret."""

    url: str
    title: str
    body: str

    def __repr__(self) -> str:
        return "Call(…)"


def end_with_sender() -> None:
    """Let this worker process end as soon as its sender has, however that ended.

    Only the sender limits a call; without it, a dripping provider would hold the worker for ever.
    """
    threading.Thread(target=_wait_for_its_end, name="end-with-sender", daemon=True).start()


def _wait_for_its_end() -> None:
    sender = multiprocessing.parent_process()
    if sender is not None:
        sender.join()
        os._exit(1)


def call(what: Call) -> Verdict:
    """Send it. Never raises."""
    logging.disable(logging.CRITICAL)  # Apprise's debug lines hold tokens
    scheme = what.url.partition(":")[0].lower()
    replies: list[Reply] = []
    try:
        with _overheard(replies):
            target = apprise.Apprise.instantiate(what.url)
            if target is None:
                return Verdict(Result.REFUSED, "this is no channel that Apprise knows")
            target.request_rate_per_sec = 0.0  # its throttle is a sleep; the outbox has its own
            ok = bool(target.notify(body=what.body, title=what.title, notify_type=apprise.NotifyType.INFO))
    except Exception as error:  # a plugin's bug is that channel's failure and nobody else's
        return Verdict(Result.UNCERTAIN if replies else Result.LATER, type(error).__name__)
    return judge(scheme, ok, replies)


@contextlib.contextmanager
def _overheard(replies: list[Reply]) -> Any:
    """Note what comes back over HTTP while Apprise talks."""
    send = requests.Session.send
    requests.Session.send = _listening(send, replies)  # type: ignore[method-assign]  # that is the point
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]  # as above


def _listening(send: Callable[..., requests.Response], replies: list[Reply]) -> Any:
    def listening(
        session: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        try:
            response = send(session, request, **options)
        except (requests.ConnectTimeout, requests.exceptions.InvalidURL):
            replies.append(Reply(0, trouble="unreachable"))
            raise
        except requests.ConnectionError as error:
            never_there = "NewConnectionError" in str(error) or "NameResolutionError" in str(error)
            replies.append(Reply(0, trouble="unreachable" if never_there else "broken"))
            raise
        except requests.RequestException:
            replies.append(Reply(0, trouble="broken"))
            raise
        replies.append(Reply(response.status_code, response.text[:_BODY_KEPT]))
        return response

    return listening
