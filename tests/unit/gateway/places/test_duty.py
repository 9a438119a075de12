"""Who is on duty when. 2026-03-02 is a Monday."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.places.duty import parse_duty

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("duty", "moment", "on_duty"),
    [
        pytest.param("Mon-Fri 08:00-20:00", "2026-03-02T08:00", True, id="its-first-moment"),
        pytest.param("Mon-Fri 08:00-20:00", "2026-03-02T20:00", False, id="not-its-last"),
        pytest.param("Mon-Fri 08:00-20:00", "2026-03-07T12:00", False, id="not-on-saturday"),
        pytest.param("Fri 20:00-08:00", "2026-03-07T07:59", True, id="friday-night-lasts-into-saturday"),
        pytest.param("Sat 20:00-08:00", "2026-03-07T07:59", False, id="saturday-night-begins-on-saturday"),
        pytest.param("Sun 20:00-08:00", "2026-03-02T01:00", True, id="sunday-night-lasts-into-the-week"),
        pytest.param("Sat,Sun 20:00-08:00", "2026-03-08T21:00", True, id="a-list-of-days"),
        pytest.param("Fri-Mon 09:00-10:00", "2026-03-02T09:30", True, id="a-range-over-the-weekend"),
        pytest.param("Fri-Mon 09:00-10:00", "2026-03-03T09:30", False, id="and-not-beyond-it"),
        pytest.param("Tue 09:00-10:00; Mon 09:00-10:00", "2026-03-02T09:30", True, id="the-second-window"),
        pytest.param("Mon 00:00-24:00", "2026-03-02T23:59", True, id="a-whole-day"),
        pytest.param("Mon 00:00-24:00", "2026-03-03T00:00", False, id="and-only-that-day"),
        pytest.param(
            "周一-周五 08:00–20:00；周六，周日 9:00-12:00", "2026-03-08T09:00", True, id="in-chinese"
        ),
    ],
)
def test_duty(duty: str, moment: str, on_duty: bool) -> None:
    assert any(window.covers(at(moment), SHANGHAI) for window in parse_duty(duty)) is on_duty


def test_the_night_of_a_clock_change_is_one_window() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    (night,) = parse_duty("Sat 20:00-08:00")
    assert night.covers(at("2026-03-29T07:59", berlin), berlin)
    assert not night.covers(at("2026-03-29T08:00", berlin), berlin)


def test_no_duty_is_no_window() -> None:
    assert parse_duty("") == ()


@pytest.mark.parametrize(
    "text", ["always", "Mon 8-20", "Mo 08:00-20:00", "Mon 08:60-20:00", "Mon 08:00-25:00"]
)
def test_what_is_no_duty_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_duty(text)
