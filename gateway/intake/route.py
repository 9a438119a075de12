"""From a report to the entrances that it concerns (pure).

A report about a box concerns all its channels; one about an upstream gateway
concerns every device behind it. What nobody has entered in the tables is an
unknown device, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.intake.dialects import DIALECTS, decode, guess
from gateway.intake.dialects.answer import Answer, Fault, NoNews, Readings, Report, Unknown
from gateway.places.model import Registry
from rules.reading import Reading


class Routed(NamedTuple):
    """What a report came to.

    Attributes:
        arrivals: (entrance, reading) pairs for the engine.
        fault: Why it goes to quarantine, if it does.
        unknown: (device, reason) of somebody who is not in the tables.
    """

    arrivals: list[tuple[str, Reading]]
    fault: str | None = None
    unknown: tuple[str, str] | None = None


_NOTHING = Routed([])
NOT_BOUND = "not in the tables"


class Router:
    """Decodes reports and finds their entrances."""

    def __init__(self, registry: Registry, bases: Mapping[str, str] | None = None) -> None:
        """``bases``: the topic prefix of a dialect, where the district changed it."""
        self._registry = registry
        self._bases = bases or {}

    def route(self, report: Report) -> Routed:
        """Never raises: what breaks a decoder is a fault like any other."""
        try:
            return self._route(report)
        except Exception as error:  # a decoder's bug must not stop the road
            return Routed([], fault=f"the decoder failed: {error!r}"[:200])

    def _route(self, report: Report) -> Routed:
        name = self._dialect(report)
        if name is None:
            return Routed([], unknown=(f"topic:{report.topic}"[:200], "no dialect knows this topic"))
        base = self._bases.get(name)
        if base is not None:
            report = report._replace(base=base)
        answer = self._decode(name, report)
        match answer:
            case Readings(readings):
                return self._bind(name, readings)
            case Fault(reason=reason):
                return Routed([], fault=reason)
            case Unknown(device=device, reason=reason):
                return Routed([], unknown=(device or f"topic:{report.topic}"[:200], reason))
            case NoNews():
                return _NOTHING

    def _dialect(self, report: Report) -> str | None:
        for name, base in self._bases.items():
            if report.topic.startswith(f"{base}/"):
                return name
        return guess(report.topic, report.payload)

    def _decode(self, name: str, report: Report) -> Answer:
        answer = decode(name, report)
        if name == "doorward":
            return answer  # its reports say all themselves
        box = _device(answer).partition("#")[0]
        profile = {
            key: meaning
            for binding in self._registry.bindings_of_box(box, report.received_at_ms)
            for key, meaning in (binding.profile or {}).items()
        }
        return decode(name, report._replace(profile=profile)) if profile else answer

    def _bind(self, dialect: str, readings: tuple[Reading, ...]) -> Routed:
        arrivals: list[tuple[str, Reading]] = []
        unknown = None
        for reading in readings:
            if reading.online is False and not DIALECTS[dialect].OFFLINE_MEANS_LOST:
                continue
            bound = self._registry.binding(reading.device, reading.received_at_ms)
            if bound is not None:
                arrivals.append((bound.entrance, reading))
            elif not self._spread(reading, arrivals):
                unknown = (reading.device, NOT_BOUND)
        return Routed(arrivals, unknown=unknown)

    def _spread(self, reading: Reading, arrivals: list[tuple[str, Reading]]) -> bool:
        """A box's word for its channels, a gateway's for the devices behind it."""
        at = reading.received_at_ms
        if reading.online_scope == "gateway":
            found = self._registry.behind(reading.device, at) if reading.online is False else []
            reading = reading._replace(online_scope="device")
        else:
            found = self._registry.bindings_of_box(reading.device, at)
            if not found:
                return False
        for binding in found:
            arrivals.append((binding.entrance, reading._replace(device=binding.device, boot=None, seq=None)))
        return True


def _device(answer: Answer) -> str:
    match answer:
        case Readings(readings):
            return readings[0].device if readings else ""
        case _:
            return answer.device or ""
