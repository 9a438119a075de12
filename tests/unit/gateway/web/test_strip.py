"""The last 24 hours of a door, told as spans."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.web.strip import Line, spans

MINUTE = 60_000


def _at(minute: float, contact: str | None = None, **more: object) -> Line:
    return Line(int(minute * MINUTE), contact=contact, **more)  # type: ignore[arg-type]  # named as in the journal


def _mark(minute: int, kind: str) -> Line:
    return Line(minute * MINUTE, kind)


@pytest.mark.parametrize(
    ("lines", "unknown_since", "told"),
    [
        pytest.param([], 0, "none 100-160", id="nothing-was-heard"),
        pytest.param([_at(90, "closed")], 0, "closed 100-160", id="as-it-was-before"),
        pytest.param(
            [_at(90, "closed"), _at(110, "open"), _at(112, "closed"), _at(130, "closed")],
            0,
            "closed 100-110, open 110-112, closed 112-160",
            id="open-for-two-minutes",
        ),
        pytest.param(
            [_at(110, "open")], 0, "none 100-110, open 110-160", id="nothing-is-known-before-the-first-word"
        ),
        pytest.param(
            [_at(95, "closed"), _at(105), _at(140, "open")],
            0,
            "closed 100-105, unknown 105-140, open 140-160",
            id="a-long-silence-is-shaded-from-the-last-word-on",
        ),
        pytest.param(
            [_at(95, "open"), _at(110, "open")],
            120 * MINUTE,
            "open 100-120, unknown 120-160",
            id="silent-now",
        ),
        pytest.param(
            [_at(95, "closed"), _at(110, online=False), _at(115, "closed")],
            0,
            "closed 100-110, unknown 110-115, closed 115-160",
            id="it-said-that-it-is-offline",
        ),
        pytest.param(
            [
                _at(95, "closed"),
                _mark(110, "deaf"),
                _at(112, "open"),
                _mark(120, "listening"),
                _at(125, "open"),
            ],
            0,
            "closed 100-110, unknown 110-120, open 120-160",
            id="nobody-listened",
        ),
        pytest.param(
            [_at(95, "closed"), _mark(110, "listening")],
            0,
            "unknown 100-110, closed 110-160",
            id="nobody-listened-when-the-day-began",
        ),
        pytest.param(
            [
                _at(95, "closed", boot=2, seq=9),
                _at(110, "open", boot=2, seq=8),
                _at(112, "closed", boot=2, seq=10),
            ],
            0,
            "closed 100-160",
            id="an-older-report-changes-nothing",
        ),
    ],
)
def test_the_day_of_a_door(lines: list[Line], unknown_since: int, told: str) -> None:
    day = spans(
        lines,
        from_ms=100 * MINUTE,
        now_ms=160 * MINUTE,
        silent_after_ms=30 * MINUTE,
        unknown_since_ms=unknown_since,
    )
    assert ", ".join(f"{s.state} {s.from_ms // MINUTE}-{s.to_ms // MINUTE}" for s in day) == told
    assert day[0].from_ms == 100 * MINUTE
    assert day[-1].to_ms == 160 * MINUTE
    assert all(a.to_ms == b.from_ms for a, b in pairwise(day))
