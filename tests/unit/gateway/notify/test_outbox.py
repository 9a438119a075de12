"""When and through which channel a message is tried next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.notify.accounts import Accounts, Sent, settle
from gateway.notify.answers import Reply, Result, judge
from gateway.notify.outbox import MOST_UNCERTAIN, Attempt, NextTry, next_try

LATER, REFUSED, UNCERTAIN = Result.LATER, Result.REFUSED, Result.UNCERTAIN


def after(*attempts: tuple[int, str | None], channels: int = 2) -> NextTry | None:
    return next_try([Attempt(*a) for a in attempts], range(channels), lambda: 0.0)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param([], NextTry(0, 0), id="first-at-once"),
        pytest.param([(0, LATER)], NextTry(0, 5_000), id="again-in-five-seconds"),
        pytest.param([(0, LATER)] * 2, NextTry(0, 15_000), id="then-in-fifteen"),
        pytest.param([(0, LATER)] * 3, NextTry(1, 0), id="then-the-next-channel-at-once"),
        pytest.param([(0, REFUSED)], NextTry(1, 0), id="a-refusal-falls-over-at-once"),
        pytest.param([(0, UNCERTAIN)] * 2, NextTry(1, 0), id="never-a-third-time-when-nobody-can-say"),
        pytest.param([(0, None), (0, None)], NextTry(1, 0), id="an-attempt-that-was-cut-off-is-uncertain"),
        pytest.param([(0, REFUSED), (1, REFUSED)], None, id="no-channel-is-left"),
        pytest.param([(0, LATER)] * 3 + [(1, LATER)] * 3, NextTry(0, 45_000), id="all-had-their-turn"),
        pytest.param(
            [(0, LATER)] * 3 + [(1, LATER)] * 3 + [(0, LATER), (1, LATER), (0, LATER)],
            NextTry(1, 300_000),
            id="at-last-every-five-minutes",
        ),
    ],
)
def test_next_try(attempts: list[tuple[int, str | None]], expected: NextTry | None) -> None:
    assert after(*attempts) == expected


def test_without_a_channel_there_is_no_try() -> None:
    assert next_try([], [], lambda: 0.0) is None


results = st.sampled_from([LATER, REFUSED, UNCERTAIN, None])


@given(st.lists(results, max_size=60), st.integers(1, 4))
def test_no_channel_is_asked_a_third_time_when_two_may_have_arrived(
    said: list[str | None], channels: int
) -> None:
    attempts: list[Attempt] = []
    for result in said:
        todo = next_try(attempts, range(channels), lambda: 0.5)
        if todo is None:
            break
        attempts.append(Attempt(todo.channel, result))
    for channel in range(channels):
        its = [a.result for a in attempts if a.channel == channel]
        assert sum(1 for r in its if r in (None, UNCERTAIN)) <= MOST_UNCERTAIN
        assert REFUSED not in its[:-1]


@given(st.lists(st.just(LATER), max_size=3))
def test_a_failing_channel_gives_way_within_a_minute(said: list[str]) -> None:
    waited, attempts = 0, [Attempt(0, result) for result in said]
    while (todo := next_try(attempts, range(2), lambda: 1.0)) is not None and todo.channel == 0:
        waited += todo.after_ms
        attempts.append(Attempt(0, LATER))
    assert waited <= 60_000


OK = '{"errcode":0,"errmsg":"ok"}'


@pytest.mark.parametrize(
    ("scheme", "replies", "result"),
    [
        ("wecombot", [Reply(200, OK)], Result.ACCEPTED),
        ("wecombot", [Reply(200, '{"errcode":45009,"errmsg":"api freq out of limit"}')], LATER),
        ("wecombot", [Reply(200, '{"errcode":93000,"errmsg":"invalid webhook url"}')], REFUSED),
        ("dingtalk", [Reply(200, '{"errcode":130101,"errmsg":"send too fast"}')], LATER),
        ("dingtalk", [Reply(200, '{"errcode":310000,"errmsg":"keywords not in content"}')], REFUSED),
        ("feishu", [Reply(200, '{"code":9499,"msg":"too many request"}')], LATER),
        ("feishu", [Reply(200, '{"code":11232,"msg":"frequency limited"}')], LATER),
        ("feishu", [Reply(200, '{"StatusCode":0,"StatusMessage":"success"}')], Result.ACCEPTED),
        ("pushplus", [Reply(200, '{"code":200,"msg":"ok"}')], Result.ACCEPTED),
        ("dingtalk", [Reply(200, "<html>gateway</html>")], UNCERTAIN),
        ("dingtalk", [Reply(200, '{"errcode":true}')], UNCERTAIN),
        ("dingtalk", [Reply(200, "[" * 100_000)], UNCERTAIN),
        ("dingtalk", [Reply(200, '{"errcode":777777}')], LATER),
        ("json", [Reply(200, "anything")], Result.ACCEPTED),
        ("json", [Reply(404)], REFUSED),
        ("json", [Reply(429)], LATER),
        ("json", [Reply(503)], LATER),
        ("json", [Reply(502)], UNCERTAIN),
        ("json", [Reply(0, trouble="unreachable")], LATER),
        ("json", [Reply(0, trouble="broken")], UNCERTAIN),
        ("mailto", [], Result.ACCEPTED),
    ],
)
def test_the_body_decides(scheme: str, replies: list[Reply], result: Result) -> None:
    """Apprise calls every one of them a success."""
    assert judge(scheme, True, replies).result is result


def test_a_channel_without_http_that_says_no_is_tried_again() -> None:
    assert judge("mailto", False, []).result is LATER


@pytest.mark.parametrize(
    ("state", "results", "withdrawn", "told"),
    [
        pytest.param("accepted", ("accepted",), False, True, id="accepted"),
        pytest.param("queued", (), True, False, id="not-sent-yet"),
        pytest.param("queued", (None,), True, True, id="under-way"),
        pytest.param("queued", ("later",), True, False, id="refused-so-far"),
        pytest.param("queued", ("uncertain",), True, True, id="may-have-arrived"),
        pytest.param("failed", ("refused",), False, False, id="refused"),
        pytest.param("failed", ("uncertain", "refused"), False, True, id="failed-but-may-have-arrived"),
    ],
)
def test_the_all_clear_goes_to_exactly_those_who_were_told(
    state: str, results: tuple[str | None, ...], withdrawn: bool, told: bool
) -> None:
    assert settle([Sent("m", "worker", state, results)]) == Accounts(
        ["m"] if withdrawn else [], ["worker"] if told else []
    )
