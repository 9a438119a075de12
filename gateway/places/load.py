"""The three tables of a directory into one registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path

from gateway.places import devices_table, entrances_table, people_table
from gateway.places.model import Registry
from gateway.places.tables import read_table
from rules.fault import Fault


def load_registry(
    directory: Path, zone: tzinfo, dialect_intervals: Mapping[str, int | None]
) -> tuple[Registry, list[Fault]]:
    """What can be used of ``entrances``, ``devices`` and ``people``, and every fault in them.

    Args:
        directory: Where the tables are.
        zone: What dates and times without an offset mean.
        dialect_intervals: The dialects that are switched on, each with how often its devices
            speak, in ms; ``None`` where their silence says nothing.
    """
    rows, faults = read_table(directory, "entrances", entrances_table.COLUMNS)
    if faults and not rows:  # the others are about them; a fault in each of their rows would say nothing
        for name, columns in (("devices", devices_table.COLUMNS), ("people", people_table.COLUMNS)):
            faults += read_table(directory, name, columns)[1]
        return Registry(), faults
    entrances, places, wrong = entrances_table.entrances_of(rows)
    faults += wrong

    rows, wrong = read_table(directory, "devices", devices_table.COLUMNS)
    faults += wrong
    known = {entrance.id: entrance for entrance in entrances}
    bindings, wrong = devices_table.bindings_of(rows, known, zone, dialect_intervals)
    faults += wrong

    rows, wrong = read_table(directory, "people", people_table.COLUMNS)
    faults += wrong
    people, wrong = people_table.people_of(rows, places)
    faults += wrong
    return Registry(entrances, bindings, people), faults
