"""``doorward check``: everything that is wrong with a directory, all at once."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from gateway.config import FILE, Config, load_config
from gateway.intake.dialects import DIALECTS
from gateway.places.contacts import OTHERS, Contacts, load_contacts
from gateway.places.load import load_registry
from gateway.places.model import Registry
from gateway.places.near import near
from gateway.public_holidays import load_calendar, runs_out
from rules.fault import Fault
from rules.load import load_texts
from rules.rule import RESIDENTS, ROLES, Rule, RuleSet, fits, is_pattern

MISSPELT = 0.9
"""So alike are two words that one is meant by the other, though it may stand for itself."""
_Texts = Sequence[tuple[str, str]]


def check(directory: Path, environ: Mapping[str, str] = os.environ) -> list[Fault]:
    """All faults of the settings, the tables, the contacts and the rules, and of how they fit together."""
    config, faults = load_config(directory, environ)
    if config:
        faults += _files_named(config)
    zone = config.places.tz if config else ZoneInfo("Asia/Shanghai")
    registry, wrong = load_registry(directory, zone, intervals(config))
    faults += wrong
    contacts, wrong = load_contacts(directory, registry, usable=can_be_sent_to)
    faults += wrong
    if contacts or not wrong:
        faults += _without_contact(registry, contacts)
    return faults + check_rules(directory, config, registry)


def check_rules(directory: Path, config: Config | None, registry: Registry) -> list[Fault]:
    """All faults of the rules, of the calendar that they go by, and of how they fit the tables."""
    texts, faults = rule_texts(directory)
    loaded, wrong = load_texts(texts, roles_of(registry))
    faults += wrong
    zone = config.places.tz if config else ZoneInfo("Asia/Shanghai")
    calendar, wrong = load_calendar(directory, config.places.holidays if config else "china")
    faults += wrong
    if loaded:
        faults += runs_out(calendar, loaded.rules.asks_for_holidays(), datetime.now(zone).date())
        faults += _untold_roles(loaded.rules, registry)
    if loaded and registry.entrances:
        unknown = list(_names_nothing(loaded.rules, texts, registry))
        faults += unknown or _watches_nothing(loaded.rules, texts, registry)
    return faults


def intervals(config: Config | None) -> dict[str, int | None]:
    """The dialects that are switched on, each with how often its devices speak, in ms."""
    enabled = config.dialects.enabled if config else tuple(DIALECTS)
    return {name: DIALECTS[name].EXPECTED_INTERVAL_MS for name in enabled}


def rule_texts(directory: Path) -> tuple[list[tuple[str, str]], list[Fault]]:
    """(file name, text) of each rule file, in the order of their names."""
    paths = sorted((directory / "rules").glob("*.yaml"))
    if not paths:
        return [], [Fault("rules", "there are no rule files", "doorward init writes some.")]
    return read_rule_files(paths, "rules")


def read_rule_files(paths: Iterable[Path], folder: str) -> tuple[list[tuple[str, str]], list[Fault]]:
    """(file name, text) of each that can be read; names begin with ``folder``."""
    texts: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for path in paths:
        name = f"{folder}/{path.name}"
        try:
            texts.append((name, path.read_text("utf-8-sig")))
        except UnicodeDecodeError:
            faults.append(Fault(name, "is not UTF-8", "Save it as UTF-8."))
        except OSError as error:
            faults.append(Fault(name, f"cannot be read: {error.strerror}"))
    return texts, faults


def roles_of(registry: Registry) -> set[str]:
    """Whom rules may tell: the roles that somebody has, and residents."""
    return (
        {person.role for person in registry.people.values()} | {RESIDENTS} if registry.people else set(ROLES)
    )


def can_be_sent_to(url: SecretStr) -> bool:
    """Whether Apprise knows what to do with such a URL. It sends nothing; its log would repeat the URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plugins import modules that are going out of use
        import apprise

        log = logging.getLogger("apprise")
        before, log.disabled = log.disabled, True
        try:
            return apprise.Apprise.instantiate(url.get_secret_value()) is not None
        except Exception:
            return False
        finally:
            log.disabled = before


def _files_named(config: Config) -> Iterator[Fault]:
    """The files that the settings name: there, and the secret ones nobody else's to read."""
    broker, influx = config.broker, config.influx
    secret = {"broker.password_file": broker.password_file, "influx.token_file": influx and influx.token_file}
    for key, path in {"broker.ca_file": broker.ca_file, **secret}.items():
        if path and not path.is_file():
            yield Fault(FILE, f"{key}: there is no file {path}", "Write it, or name another.")
        elif path and key in secret and path.stat().st_mode & OTHERS:
            yield Fault(FILE, f"{key}: others can read {path}", f"Run: chmod 600 {path}")


def _without_contact(registry: Registry, contacts: Contacts) -> Iterator[Fault]:
    for person in registry.people.values():
        if person.id not in contacts.named:
            what = f"{person.name} ({person.id}, {person.role}) cannot be reached"
            yield Fault(person.where, what, f"Add a row for {person.id} to contacts.csv.")


def _untold_roles(rules: RuleSet, registry: Registry) -> Iterator[Fault]:
    """A role of the district's own is good for something only if a rule tells it."""
    told = {step.tell for rule in rules.rules for step in rule.all_steps()}
    for person in registry.people.values():
        if person.role not in told and person.role not in ROLES:
            mend = near(person.role, ROLES) or "Let a rule tell it, or write another role."
            yield Fault(person.where, f"no rule tells the role '{person.role}'", mend)


def _names_nothing(rules: RuleSet, texts: _Texts, registry: Registry) -> Iterator[Fault]:
    """Rules that name a place, a tag or an entrance that there is not: they would watch nothing."""
    rows = registry.entrances.values()
    known: dict[str, set[str]] = {
        "place": {word for place in registry.places for word in (place, place.rpartition("/")[2])},
        "tag": {tag for row in rows for tag in row.tags},
        "entrance": set(registry.entrances),
    }
    for rule in rules.rules:
        for tag in sorted(_waiting_for(rule) - known["tag"]):
            mend = near(tag, known["tag"], MISSPELT)
            if mend:
                text = f"the rule '{rule.name}' makes an exception for '{tag}', a tag that no entrance has"
                yield Fault(_where(rule, tag, texts), text, mend)
        for what, word in dict.fromkeys(_words(rule)):
            if what == "entrance" and is_pattern(word):
                if not any(fits(entrance, word) for entrance in known[what]):
                    text = f"the rule '{rule.name}' names entrances like '{word}', and there are none"
                    yield Fault(_where(rule, word, texts), text)
            elif word not in known[what]:
                text = f"the rule '{rule.name}' names the {what} '{word}', and there is none"
                yield Fault(_where(rule, word, texts), text, near(word, known[what]))


def _watches_nothing(rules: RuleSet, texts: _Texts, registry: Registry) -> Iterator[Fault]:
    """Rules whose words are all known and fit no entrance together. Of a mere kind there may be none yet."""
    entrances = [row.for_rules(None) for row in registry.entrances.values()]
    for rule in rules.rules:
        watch = rule.watch
        named = watch.within or watch.tags or watch.entrances
        if named and not any(rule.watches(entrance) for entrance in entrances):
            text = f"the rule '{rule.name}' watches no entrance"
            yield Fault(_where(rule, rule.name, texts), text, "All keys of its watch must fit the same one.")


def _waiting_for(rule: Rule) -> set[str]:
    """An exception or override may wait for a tag that no entrance has yet; it changes nothing till then."""
    _watch, *exceptions = rule.watches_by()
    return {tag for watch in exceptions for tag in watch.tags}


def _words(rule: Rule) -> Iterator[tuple[str, str]]:
    """Where it looks: what must be there."""
    yield from (("tag", tag) for tag in sorted(rule.watch.tags))
    for watch in rule.watches_by():
        yield from (("place", place) for place in sorted(watch.within))
        yield from (("entrance", entrance) for entrance in sorted(watch.entrances))


def _where(rule: Rule, word: str, texts: _Texts) -> str:
    """The line of the word, searched from the rule's name on."""
    name = re.compile(rf"\bname:\s*[\"']?{re.escape(rule.name)}(?![\w-])")
    for file, text in texts:
        if found := name.search(text):
            at = text.find(word, found.start())
            return f"{file}:{text.count(chr(10), 0, max(at, found.start())) + 1}"
    return "rules"
