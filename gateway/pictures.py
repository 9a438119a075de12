"""Timelines as SVG (pure): lanes of spans and marks over one axis of local time.

Every picture carries a title and a description that says the same in words. Colours come
with a pattern or a word, never alone; nothing is loaded from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from markupsafe import Markup

from rules.duration import HOUR_MS, MINUTE_MS

WIDTH: Final = 720
LEFT: Final = 110
LANE: Final = 30
ROW: Final = 14
FILLS: Final = {
    "open": "#c62828",
    "window": "#90caf9",
    "muted": "#b0bec5",
    "unknown": "url(#hatch)",
    "away": "url(#hatch)",
    "told": "#1b5e20",
}
_STEPS_MS: Final = tuple(m * MINUTE_MS for m in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 4320, 10080))
_MOST_TICKS: Final = 9


class Span(NamedTuple):
    from_ms: int
    to_ms: int
    kind: str


class Mark(NamedTuple):
    at_ms: int
    text: str


def plain(text: str) -> str:
    """Without signs that XML does not allow."""
    return "".join(letter for letter in text if letter >= " " and letter not in "\ufffe\uffff")


class Lane(NamedTuple):
    """One line of the picture, with its name."""

    name: str
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()


def timeline(lanes: list[Lane], *, from_ms: int, to_ms: int, zone: tzinfo, title: str, said: str) -> Markup:
    """The picture; ``said`` is what it shows, in words."""
    scale = (WIDTH - LEFT - 10) / max(to_ms - from_ms, 1)

    def x(at_ms: int) -> float:
        return round(LEFT + (min(max(at_ms, from_ms), to_ms) - from_ms) * scale, 1)

    tops: list[int] = []
    top = 6
    for lane in lanes:
        tops.append(top)
        placed = _placed(lane.marks, x)
        top += LANE + ROW * max((one.row for one in placed), default=0)
    bottom = top + 4
    parts: list[Markup] = []
    for tick in _ticks(from_ms, to_ms, zone):
        parts.append(
            Markup(
                '<line x1="{x}" y1="0" x2="{x}" y2="{y}" stroke="#ddd"/><text x="{x}" y="{ty}" text-anchor="middle">{text}</text>'
            ).format(x=x(tick), y=bottom, ty=bottom + 14, text=_clock(tick, to_ms - from_ms, zone))
        )
    for lane, y in zip(lanes, tops, strict=True):
        parts.append(Markup('<text x="4" y="{y}">{name}</text>').format(y=y + 15, name=plain(lane.name)))
        for span in lane.spans:
            width = max(x(span.to_ms) - x(span.from_ms), 1.5)
            parts.append(
                Markup('<rect x="{x}" y="{y}" width="{w}" height="18" fill="{fill}"/>').format(
                    x=x(span.from_ms), y=y, w=round(width, 1), fill=FILLS[span.kind]
                )
            )
        parts += [_drawn(one, y) for one in _placed(lane.marks, x)]
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="100%" role="img" '
        'font-family="sans-serif" font-size="12"><title>{title}</title><desc>{said}</desc>'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#eee"/><rect width="2" height="6" fill="#777"/></pattern></defs>'
        '<rect width="{w}" height="{h}" fill="#fff"/>'
    ).format(w=WIDTH, h=bottom + 20, title=plain(title), said=plain(said))
    return head + Markup("").join(parts) + Markup("</svg>")


class _Placed(NamedTuple):
    mark: Mark
    x: float
    row: int
    leftwards: bool


def _placed(marks: tuple[Mark, ...], x: Callable[[int], float]) -> list[_Placed]:
    """Each mark with a row in which its words lie over no other's."""
    placed = []
    row_ends: list[float] = []
    for mark in sorted(marks, key=lambda one: one.at_ms):
        at = x(mark.at_ms)
        width = 7.5 * sum(2 if ord(letter) > 0x2E80 else 1 for letter in mark.text) + 14
        leftwards = at + width > WIDTH and at - width >= 0
        left = at - width if leftwards else at
        row = next((i for i, end in enumerate(row_ends) if end <= left), len(row_ends))
        row_ends[row : row + 1] = [left + width]
        placed.append(_Placed(mark, at, row, leftwards))
    return placed


def _drawn(one: _Placed, y: int) -> Markup:
    return Markup(
        '<circle cx="{x}" cy="{cy}" r="4" fill="{fill}"/>'
        '<text x="{tx}" y="{ty}" text-anchor="{anchor}">{text}</text>'
    ).format(
        x=one.x,
        cy=y + 10 + ROW * one.row,
        fill=FILLS["told"],
        tx=one.x - 7 if one.leftwards else one.x + 7,
        ty=y + 14 + ROW * one.row,
        anchor="end" if one.leftwards else "start",
        text=plain(one.mark.text),
    )


def _ticks(from_ms: int, to_ms: int, zone: tzinfo) -> list[int]:
    """Round local times, not more than fit."""
    step = next((s for s in _STEPS_MS if (to_ms - from_ms) / s <= _MOST_TICKS), _STEPS_MS[-1])
    begin = datetime.fromtimestamp(from_ms / 1000, zone)
    at = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while (ms := int(at.timestamp() * 1000)) <= to_ms:
        if ms >= from_ms:
            found.append(ms)
        at += timedelta(milliseconds=step)
    return found


def _clock(at_ms: int, long_ms: int, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{local:%m-%d}" if long_ms > 72 * HOUR_MS else f"{local:%H:%M}"
