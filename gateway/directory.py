"""A directory as its people keep it → what the parts run with.

A bad row in a table is left out (``check.py`` says so, at each start too); a fault in the settings
stops the start, because nobody could say what would be missing. Rules that have a fault stop
a first start; later the last good ones go on, for a district without any rules is unwatched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.check import intervals, roles_of, rule_texts
from gateway.config import Config, load_config
from gateway.errors import DirectoryError
from gateway.intake.dialects import DIALECTS
from gateway.places.contacts import Contacts, load_contacts
from gateway.places.load import load_registry
from gateway.places.model import Registry
from gateway.public_holidays import load_calendar
from gateway.road import District
from rules.days import Calendar
from rules.engine import Setup
from rules.fault import Fault
from rules.load import Loaded, load_texts
from rules.rule import ROLES

NO_CALENDAR = Calendar()
Files = Sequence[tuple[str, str]]
Usual = Mapping[tuple[str, int], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that a directory says, read once; only its rules may be others later.

    Attributes:
        loaded: The rules that are in force.
        files: (name, text) of their files.
        refused: What is wrong with the files as they stand, if they are not those in force.
    """

    path: Path
    config: Config
    registry: Registry
    contacts: Contacts
    loaded: Loaded
    files: Files = ()
    calendar: Calendar = NO_CALENDAR
    refused: tuple[Fault, ...] = ()

    @property
    def data(self) -> Path:
        return self.config.store.path.parent

    @property
    def roles(self) -> set[str]:
        """Whom rules may tell."""
        return roles_of(self.registry) | set(ROLES)

    def district(self, at_ms: int, usual: Usual | None = None) -> District:
        """What the road decides by at that moment; a binding may begin or end later."""
        return District(self.registry, self.setup(at_ms, usual), self.reachable, self.config.dialects.bases)

    def setup(self, at_ms: int | None, usual: Usual | None = None, loaded: Loaded | None = None) -> Setup:
        """What the engine decides by; only what the rules ask for is in it, so that nothing else changes it."""
        rules = (loaded or self.loaded).rules
        if at_ms is None:
            entrances = {row.id: row.for_rules(None) for row in self.registry.entrances.values()}
        else:
            entrances = self.registry.for_rules(at_ms)
        asked = rules.usual_percents()
        return Setup(
            rules,
            entrances,
            self.config.places.tz,
            self.calendar if rules.asks_for_holidays() else NO_CALENDAR,
            {key: hours for key, hours in (usual or {}).items() if key[1] in asked and key[0] in entrances},
        )

    def reachable(self, who: str) -> bool:
        return bool(self.contacts.of(who))

    def topics(self) -> list[str]:
        """What to listen to at the broker."""
        topics: list[str] = []
        for name in self.config.dialects.enabled:
            base = self.config.dialects.bases.get(name)
            topics += [f"{base}/#"] if base else DIALECTS[name].DEFAULT_TOPICS
        return topics


def open_directory(
    path: Path,
    environ: Mapping[str, str] = os.environ,
    last_good: Callable[[Config], Files | None] = lambda config: None,
) -> Directory:
    """Read all of it.

    Args:
        last_good: The rule files that were in force last, if those as they stand have faults.

    Raises:
        DirectoryError: The settings or the rules have faults; they are all named.
    """
    if not path.is_dir():
        raise DirectoryError(
            "there is no such directory", where=str(path), mend=f"Make one with 'doorward init {path}'."
        )
    config, faults = load_config(path, environ)
    if config is None:
        raise _refusal(path, faults)
    registry, _ = load_registry(path, config.places.tz, intervals(config))
    contacts, _ = load_contacts(path, registry)
    calendar, _ = load_calendar(path, config.places.holidays)
    roles = roles_of(registry) | set(ROLES)
    texts, unread = rule_texts(path)
    loaded, faults = load_texts(texts, roles)
    faults = unread + faults
    if faults:
        texts = list(last_good(config) or ())
        loaded, _ = load_texts(texts, roles) if texts else (None, [])
    if loaded is None:
        raise _refusal(path, faults)
    return Directory(path, config, registry, contacts, loaded, texts, calendar, tuple(faults))


def _refusal(path: Path, faults: list[Fault]) -> DirectoryError:
    lines = "\n  ".join(map(str, faults))
    return DirectoryError(f"this directory cannot be used as it stands:\n  {lines}")
