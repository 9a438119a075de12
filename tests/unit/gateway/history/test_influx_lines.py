"""What a reading looks like in line protocol."""

from __future__ import annotations

import pytest

from gateway.history.influx import point_line
from rules.reading import Reading

AT = 1_732_400_000_500


@pytest.mark.parametrize(
    ("reading", "line"),
    [
        pytest.param(
            Reading("doorward:b0417-03#1", AT, "open"),
            f"reading,device=doorward:b0417-03#1,entrance=mjz-3-1 contact_open=1i {AT}",
            id="an-open-door-is-1",
        ),
        pytest.param(
            Reading("d", AT, "closed"),
            f"reading,device=d,entrance=mjz-3-1 contact_open=0i {AT}",
            id="a-closed-door-is-0",
        ),
        pytest.param(
            Reading("d", AT, battery_pct=87, battery_v=2.98, rssi_dbm=-67.0, linkquality=120),
            f"reading,device=d,entrance=mjz-3-1 battery_pct=87,battery_v=2.98,linkquality=120i,rssi_dbm=-67 {AT}",
            id="percent-is-a-float-even-if-it-is-whole",
        ),
        pytest.param(
            Reading("d", AT, battery_low=False, tamper=True, online=False),
            f"reading,device=d,entrance=mjz-3-1 battery_low=0i,online=0i,tamper=1i {AT}",
            id="no-is-news-too",
        ),
        pytest.param(
            Reading("zigbee2mqtt:北门, left=1", AT, "open"),
            f"reading,device=zigbee2mqtt:北门\\,\\ left\\=1,entrance=mjz-3-1 contact_open=1i {AT}",
            id="names-may-have-commas-and-spaces",
        ),
        pytest.param(Reading("d", AT), None, id="a-report-that-says-nothing-has-no-line"),
        pytest.param(
            Reading("d", AT, "open", retained=True), None, id="a-retained-reading-is-of-another-moment"
        ),
    ],
)
def test_a_reading_becomes_a_line(reading: Reading, line: str | None) -> None:
    assert point_line("mjz-3-1", reading) == line


def test_a_line_break_in_a_name_cannot_begin_a_second_line() -> None:
    line = point_line("a", Reading("x contact_open=1i 1\nreading,entrance=b", AT, "open"))
    assert line is not None
    assert "\n" not in line
