"""Acceptance 5: group robots answer HTTP 200 to everything; what they say decides.

Through the plugins of Apprise that the contacts name; only the addresses lead to this
machine. Apprise calls each of these answers a success.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import select

from gateway.notify import sending
from gateway.notify.answers import Result
from gateway.store import tables as t
from tests.office import Office
from tests.robots import FIRST_WORDS, UNREACHABLE, Robots, call_robots

MINUTE_MS = 60_000
TRIED = {Result.LATER: 3, Result.UNCERTAIN: 2, Result.REFUSED: 1}
"""How often, before another channel has its turn."""
PORTAL = "<html><body>请先登录 Wi-Fi</body></html>"


class Kind(NamedTuple):
    """``url`` and the host that the plugin calls; ``good``: what it says when all is well."""

    url: str
    host: str
    good: str


SIGN = "SEC0f9eD1"
WECOM = Kind("wecombot://{key}", "qyapi.weixin.qq.com", '{"errcode":0,"errmsg":"ok"}')
DINGTALK = Kind(f"dingtalk://{SIGN}@{{key}}", "oapi.dingtalk.com", '{"errcode":0,"errmsg":"ok"}')
FEISHU = Kind("feishu://{key}", "open.feishu.cn", '{"code":0,"data":{},"msg":"success"}')
LARK = Kind("lark://{key}", "open.larksuite.com", '{"StatusCode":0,"StatusMessage":"success"}')
GOOD = {"GoodWecom": WECOM, "GoodDingtalk": DINGTALK, "GoodFeishu": FEISHU, "GoodLark": LARK}

# The key of a robot, its kind, what it answers (None: it hangs up), and what that means.
REFUSALS = {
    "Wecom45009": (WECOM, '{"errcode":45009,"errmsg":"api freq out of limit"}', Result.LATER),
    "Wecom130101": (WECOM, '{"errcode":130101,"errmsg":"send too fast"}', Result.LATER),
    "Wecom93000": (WECOM, '{"errcode":93000,"errmsg":"invalid webhook url"}', Result.REFUSED),
    "Dingtalk130101": (DINGTALK, '{"errcode":130101,"errmsg":"send too fast"}', Result.LATER),
    "Dingtalk310000": (DINGTALK, '{"errcode":310000,"errmsg":"keywords not in content"}', Result.REFUSED),
    "Feishu9499": (FEISHU, '{"code":9499,"msg":"Bad Request","data":{}}', Result.LATER),
    "Feishu11232": (FEISHU, '{"code":11232,"msg":"frequency limited"}', Result.LATER),
    "Feishu19024": (FEISHU, '{"code":19024,"msg":"Key Words Not Found"}', Result.REFUSED),
    "Lark9499": (LARK, '{"code":9499,"msg":"Bad Request","data":{}}', Result.LATER),
    "UnknownCode": (FEISHU, '{"code":777777,"msg":"?"}', Result.LATER),
    "NoCode": (WECOM, "{}", Result.UNCERTAIN),
    "Portal1": (WECOM, PORTAL, Result.UNCERTAIN),
    "Portal2": (DINGTALK, PORTAL, Result.UNCERTAIN),
    "Portal3": (FEISHU, PORTAL, Result.UNCERTAIN),
    "HangsUp": (DINGTALK, None, Result.UNCERTAIN),
    UNREACHABLE: (WECOM, None, Result.LATER),
}


@pytest.fixture(scope="module")
def robots() -> Iterator[Robots]:
    found = Robots()
    found.answers = {key: answer for key, (_, answer, _) in REFUSALS.items()}
    found.answers |= {key: kind.good for key, kind in GOOD.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "call", call_robots(found.port))
        yield found
    found.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, robots: Robots) -> Iterator[Office]:
    """Everyone is named by the robot that is tried first; some have a good one besides."""
    good = LARK.url.format(key="GoodLark")
    urls = {key: [kind.url.format(key=key), good] for key, (kind, *_) in REFUSALS.items()}
    urls |= {key: [kind.url.format(key=key)] for key, kind in GOOD.items()}
    urls["nobody else"] = [WECOM.url.format(key="Wecom45009")]
    found = Office(tmp_path_factory.mktemp("robots"), urls)
    yield found
    found.close()


@pytest.mark.parametrize("key", GOOD)
def test_what_a_robot_takes_is_delivered(office: Office, robots: Robots, key: str) -> None:
    office.put(key, key)
    office.play_until(key, "accepted")
    assert office.results(key) == [(0, "accepted")]
    (asked,) = [asked for asked in robots.asked if asked.key == key and key in asked.text]
    assert asked.host == GOOD[key].host
    assert "http://doors.example/c/" in asked.text


@pytest.mark.parametrize("key", REFUSALS)
def test_a_robot_that_says_no_gives_way_to_the_next_channel_within_a_minute(office: Office, key: str) -> None:
    result = REFUSALS[key][2]
    began = office.clock.now_ms()
    office.put(key, key)
    office.play_until(key, "accepted")
    assert office.results(key) == [(0, result)] * TRIED[result] + [(1, "accepted")]
    assert office.clock.now_ms() - began <= MINUTE_MS


def test_what_no_robot_takes_is_never_called_delivered(office: Office) -> None:
    office.put("alone", "nobody else")
    office.play_until("alone", "failed")
    with office.db.read() as tx:
        message = tx.execute(select(t.messages).where(t.messages.c.id == "alone")).one()
    assert message.accepted_at_ms is None
    attempts = office.attempts("alone")
    assert {(attempt.result, attempt.detail) for attempt in attempts} == {("later", "code 45009")}
    assert len(attempts) > 10, "it is tried for as long as it is worth sending"


def test_no_secret_stands_in_a_log_or_in_the_database(
    tmp_path: Path,
    robots: Robots,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Acceptance 37, for robots that fail in every way."""
    caplog.set_level(logging.DEBUG)
    keys = ("Wecom45009", "Dingtalk310000", "Feishu9499", "HangsUp", UNREACHABLE, "GoodLark")
    kinds = {key: kind for key, (kind, *_) in REFUSALS.items()} | GOOD
    office = Office(tmp_path, {"worker": [kinds[key].url.format(key=key) for key in keys]})
    robots.asked.clear()
    office.put("door")
    office.play_until("door", "accepted")
    office.close()

    assert {asked.key for asked in robots.asked} == set(keys) - {UNREACHABLE}
    workers = "".join(capfd.readouterr())
    assert FIRST_WORDS in workers, "what the workers say is heard"
    assert "code 45009" in caplog.text
    database = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (*keys, SIGN):
        assert secret not in workers + caplog.text
        assert secret.encode() not in database
