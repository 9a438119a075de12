"""A directory as its people keep it → what the parts run with.

A bad row in a table is left out (``check.py`` says so, at each start too); a fault in the settings or the rules
stops the start, because nobody could say what would be missing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.check import intervals, roles_of, rule_texts
from gateway.config import Config, load_config
from gateway.errors import DirectoryError
from gateway.intake.dialects import DIALECTS
from gateway.places.contacts import Contacts, load_contacts
from gateway.places.load import load_registry
from gateway.places.model import Registry
from gateway.road import District
from rules.engine import Setup
from rules.fault import Fault
from rules.load import Loaded, load_texts
from rules.rule import ROLES


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that a directory says, read once."""

    path: Path
    config: Config
    registry: Registry
    contacts: Contacts
    loaded: Loaded

    @property
    def data(self) -> Path:
        return self.config.store.path.parent

    def district(self, at_ms: int) -> District:
        """What the road decides by at that moment; a binding may begin or end later."""
        setup = Setup(self.loaded.rules, self.registry.for_rules(at_ms), self.config.places.tz)
        return District(
            self.registry, setup, lambda who: bool(self.contacts.of(who)), self.config.dialects.bases
        )

    def topics(self) -> list[str]:
        """What to listen to at the broker."""
        topics: list[str] = []
        for name in self.config.dialects.enabled:
            base = self.config.dialects.bases.get(name)
            topics += [f"{base}/#"] if base else DIALECTS[name].DEFAULT_TOPICS
        return topics


def open_directory(path: Path, environ: Mapping[str, str] = os.environ) -> Directory:
    """Read all of it.

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
    texts, unread = rule_texts(path)
    loaded, faults = load_texts(texts, roles_of(registry) | set(ROLES))
    faults = unread + faults
    if loaded is None or unread:
        raise _refusal(path, faults)
    return Directory(path, config, registry, contacts, loaded)


def _refusal(path: Path, faults: list[Fault]) -> DirectoryError:
    lines = "\n  ".join(map(str, faults))
    return DirectoryError(f"this directory cannot be used:\n  {lines}\nDoorward does not start with these")
