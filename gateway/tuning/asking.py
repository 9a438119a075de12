"""A maintainer's questions, answered out of a directory and its database (I/O)."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.cases.act import Where
from gateway.check import read_rule_files
from gateway.directory import Directory, Usual, open_directory
from gateway.errors import DoorwardError
from gateway.history.past import FromFile, Past, Recorded, read_file
from gateway.locale import Language
from gateway.places.model import Registry
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.resuming import accepted_usual, read_setup, setup_at
from gateway.store.rule_versions import last_good
from gateway.tuning.explaining import Basis, Explaining, MuteNote, Told, played, told_of
from gateway.tuning.learning import Learned, Openings
from gateway.tuning.report import Report
from gateway.tuning.whatif import Done, compare, play
from rules import duration
from rules.engine import Setup
from rules.fault import Fault
from rules.load import Loaded, load_texts
from rules.rule import RESIDENTS, Entrance, fits

REPORT_EVERY_S = 0.3
MOST_SHOWN = 20


# -- explain ----------------------------------------------------------------------------


def explain(opened: Directory, db: Database, entrance: str, at_ms: int, language: Language) -> list[str]:
    """The sentences about one entrance at one moment.

    Raises:
        DoorwardError: There is no such entrance.
    """
    row = opened.registry.entrances.get(entrance)
    if row is None:
        near = [one for one in opened.registry.entrances if entrance in one][:5]
        mend = f"Is it one of: {', '.join(near)}?" if near else "Its id stands in entrances.csv."
        raise DoorwardError(f"no entrance is called '{entrance}'", where="entrances.csv", mend=mend)
    with db.read() as tx:
        usual = accepted_usual(tx)
        records = told_of(_events(tx, entrance, at_ms), _names(opened.registry)) + _reminders(
            tx, entrance, at_ms
        )
        mutes = _mutes(tx, at_ms, opened.registry, row.for_rules(None))
        bases = _bases(tx, entrance)
        first = tx.execute(select(func.min(t.journal.c.at_ms))).scalar() or at_ms
        begun = setup_at(tx, first)
    seen = row.for_rules(opened.registry.device_of(entrance, at_ms))
    now = opened.setup(at_ms, usual)._replace(entrances={entrance: seen})

    def setup_of(name: str) -> Setup:
        with db.read() as tx:
            kept = read_setup(tx, name)
        return kept._replace(entrances={e: one for e, one in kept.entrances.items() if e == entrance})

    setup = setup_of(begun) if begun else now
    if entrance not in setup.entrances:
        setup = setup._replace(entrances={entrance: seen})
    past = Recorded(db, first, at_ms, setup.entrances, only=entrance)
    engine, said = played(setup, past.parts(), at_ms, setup_of)
    return Explaining(
        engine,
        said,
        entrance,
        place=row.words,
        at_ms=at_ms,
        zone=setup.zone,
        language=language,
        records=records,
        mutes=mutes,
        bases=bases,
    ).lines()


def _names(registry: Registry) -> dict[str, str]:
    return {person.id: person.name for person in registry.people.values()}


def _events(tx: Connection, entrance: str, at_ms: int) -> list[Any]:
    e = t.case_events.c
    return list(
        tx.execute(
            select(t.case_events)
            .join(t.cases, t.cases.c.id == e.case_id)
            .where(t.cases.c.entrance == entrance, e.at_ms <= at_ms, e.what.in_(("told", "not_told")))
            .order_by(e.id)
        )
    )


def _reminders(tx: Connection, entrance: str, at_ms: int) -> list[Told]:
    """A reminder files no case; its message is the record."""
    m = t.messages.c
    rows = tx.execute(
        select(t.messages).where(m.entrance == entrance, m.text_key == "remind", m.queued_at_ms <= at_ms)
    )
    return [
        Told(
            row.queued_at_ms,
            "told",
            RESIDENTS,
            "",
            "by_rule",
            row.next_try_ms if row.bundle != row.person and row.state == "queued" else 0,
            "quiet",
        )
        for row in rows
    ]


def _mutes(tx: Connection, at_ms: int, registry: Registry, entrance: Entrance) -> list[MuteNote]:
    """Those that hold there."""
    m = t.mutes.c
    names = _names(registry)
    rows = tx.execute(
        select(t.mutes).where(m.from_ms <= at_ms, m.until_ms > at_ms).order_by(m.until_ms.desc())
    )
    return [
        MuteNote(row.until_ms, row.why, names.get(row.who, row.who))
        for row in rows
        if Where.model_validate(row.scope).built().covers(entrance)
    ]


def _bases(tx: Connection, entrance: str) -> dict[int, Basis]:
    learned = t.learned.c
    rows = tx.execute(select(t.learned).where(learned.entrance == entrance, learned.state == "accepted"))
    return {row.percent: Basis(tuple(row.openings), row.from_ms, row.to_ms) for row in rows}


# -- what if ------------------------------------------------------------------------------


class Question(NamedTuple):
    """What a what-if is about.

    Attributes:
        candidate: A folder of rule files, or one that takes the place of its namesake.
        file: Readings of a file; ``None``: our own history from … to ….
    """

    directory: Path
    candidate: Path
    file: Path | None
    from_ms: int
    until_ms: int


def what_if(
    opened: Directory, asked: Question, language: Language, progress: Callable[[int, int], None]
) -> tuple[Report, list[Fault]]:
    """Both rule sets through the past, each in a process of its own.

    Raises:
        DoorwardError: The candidate has faults, or there is nothing to play.
    """
    _candidate(opened, asked.candidate)  # its faults are said before anything is played
    context = multiprocessing.get_context("spawn")
    counters = [context.Value("q", 0) for _ in range(2)]
    size = context.Value("q", 0)
    with ProcessPoolExecutor(2, mp_context=context, initializer=_share, initargs=(counters, size)) as pool:
        futures = [pool.submit(_play, asked, which) for which in (0, 1)]
        while not all(future.done() for future in futures):
            time.sleep(REPORT_EVERY_S)
            if size.value:
                progress(sum(counter.value for counter in counters), 2 * size.value)
        now, then = _answers(futures)
    done, faults, from_ms, until_ms = now
    zone = opened.config.places.tz
    if not done.readings:
        raise DoorwardError(
            "there are no readings to play",
            where=str(asked.file or opened.config.store.path),
            mend="Give more of --last, or a file with --from.",
        )
    comparison = compare(done, then[0], from_ms=from_ms, until_ms=until_ms, zone=zone)
    places, people = opened.registry.entrances, opened.registry.people

    def place(entrance: str) -> str:
        return places[entrance].words if entrance in places else entrance

    def name(person: str) -> str:
        return people[person].name if person in people else person.removeprefix(f"{RESIDENTS}:")

    played_s = max(done.seconds, then[0].seconds)
    return Report(comparison, zone, language, place, name, played_s, len(places)), faults


_shared: list[Any] = []


def _share(counters: list[Any], size: Any) -> None:
    """In each process: where it says how far it is."""
    _shared[:] = [counters, size]


def _answers(futures: list[Future[Any]]) -> list[Any]:
    return [future.result() for future in futures]


def _play(asked: Question, which: int) -> tuple[Done, list[Fault], int, int]:
    """In a process of its own: 0 plays the rules in force, 1 the candidate."""
    opened = open_directory(asked.directory, last_good=lambda config: last_good(config.store.path))
    db = open_database(opened.config.store.path, migrate=False) if opened.config.store.path.exists() else None
    loaded = _candidate(opened, asked.candidate) if which else opened.loaded
    setup = opened.setup(None if asked.file else asked.until_ms, _usual(db, proposed=bool(which)), loaded)
    past, faults = _past(opened, db, asked, setup)
    counters, size = _shared
    size.value = past.size

    def progress(done: int) -> None:
        counters[which].value = done

    gc.disable()  # ten million readings leave no cycles, and to look for some takes a third of the time
    began = time.monotonic()
    done = play(past, setup, opened.registry, opened.reachable, progress)
    done.seconds = time.monotonic() - began
    return done, faults, past.from_ms, past.until_ms


def _past(opened: Directory, db: Database | None, asked: Question, setup: Setup) -> tuple[Past, list[Fault]]:
    if asked.file is not None:
        read = read_file(asked.file, setup.zone, setup.entrances)
        return read, [*read.faults, *_more(read, asked.file)]
    if db is None:
        raise DoorwardError(
            "there is no history yet", where=str(opened.config.store.path), mend="Give a file with --from."
        )
    return Recorded(db, asked.from_ms, asked.until_ms, setup.entrances), []


def _more(read: FromFile, path: Path) -> list[Fault]:
    return [Fault(path.name, f"{read.more_faults} more rows were left out")] if read.more_faults else []


def _candidate(opened: Directory, path: Path) -> Loaded:
    """The rule set that would be in force.

    Raises:
        DoorwardError: It has faults; they are all named.
    """
    if path.is_dir():
        texts, faults = read_rule_files(sorted(path.glob("*.yaml")), path.name)
    else:
        texts, faults = list(opened.files), []
        new, wrong = read_rule_files([path], "rules")
        texts = sorted({**dict(texts), **dict(new)}.items())
        faults += wrong
    if not texts and not faults:
        faults = [Fault(str(path), "there are no rule files", "Give a folder with .yaml files, or one file.")]
    loaded, wrong = load_texts(texts, opened.roles)
    faults += wrong
    if loaded is None or faults:
        lines = "\n  ".join(map(str, faults))
        raise DoorwardError(f"the new rules cannot be used:\n  {lines}")
    return loaded


def _usual(db: Database | None, *, proposed: bool) -> Usual:
    """What was accepted; for a candidate what would be, if the proposals were."""
    if db is None:
        return {}
    with db.read() as tx:
        usual = dict(accepted_usual(tx))
        if proposed:
            c = t.learned.c
            rows = tx.execute(select(c.entrance, c.percent, c.hours).where(c.state == "proposed"))
            usual |= {(row.entrance, row.percent): tuple(row.hours) for row in rows}
    return usual


# -- what is usual --------------------------------------------------------------------------


def learn(
    opened: Directory, db: Database, file: Path | None, from_ms: int, until_ms: int
) -> tuple[list[str], list[Fault]]:
    """Propose what is usual, for every entrance at which a step asks for it.

    Raises:
        DoorwardError: No step asks for it.
    """
    setup = opened.setup(None, {})
    asked: dict[int, set[str]] = {percent: set() for percent in setup.rules.usual_percents()}
    for rule in setup.rules.rules:
        for row in setup.entrances.values():
            for step in rule.steps_for(row) if rule.watches(row) else ():
                if step.usual is not None:
                    asked[step.usual.percent].add(row.id)
    wanted = set().union(*asked.values())
    if not wanted:
        raise DoorwardError(
            "no step asks for what is usual",
            where="rules",
            mend="Write one: after: {usual: p99, at_least: 3m, at_most: 20m}",
        )
    past: Past = (
        read_file(file, setup.zone, setup.entrances)
        if file
        else Recorded(db, from_ms, until_ms, setup.entrances)
    )
    openings = Openings(wanted, setup.zone)
    openings.take(past.parts())
    faults = [*past.faults, *_more(past, file)] if file and isinstance(past, FromFile) else []
    lines = []
    with db.write() as tx:
        before = accepted_usual(tx)
        tx.execute(delete(t.learned).where(t.learned.c.state == "proposed"))
        for percent, entrances in sorted(asked.items()):
            learned = {e: one for e, one in openings.learned(percent).items() if e in entrances}
            changed = 0
            for entrance, one in learned.items():
                changed += before.get((entrance, percent)) != one.hours
                tx.execute(
                    insert(t.learned).values(
                        entrance=entrance,
                        percent=percent,
                        state="proposed",
                        hours=list(one.hours),
                        openings=list(one.openings),
                        from_ms=past.from_ms,
                        to_ms=past.until_ms,
                        at_ms=until_ms,
                    )
                )
            known = sum(1 for one in learned.values() if any(one.hours))
            lines.append(
                f"p{percent}: {len(entrances)} entrances, {known} with enough openings, {changed} other than accepted"
            )
            lines += _shown(learned, opened.registry)
    lines.append(
        "Try it with 'doorward rules whatif', then 'doorward rules accept'. Until then nothing changes."
    )
    return lines, faults


def _shown(learned: Mapping[str, Learned], registry: Registry) -> list[str]:
    """The doors of which something is known: how long in half of their hours, at the most, and in how many."""
    known = {entrance: sorted(filter(None, one.hours)) for entrance, one in learned.items() if any(one.hours)}
    lines = [
        f"  {entrance}  {registry.entrances[entrance].words}: usually up to {duration.show(hours[len(hours) // 2])},"
        f" at the most {duration.show(hours[-1])}, known of {len(hours)} hours of the week"
        for entrance, hours in list(known.items())[:MOST_SHOWN]
    ]
    return [*lines, f"  … and {len(known) - MOST_SHOWN} more"] if len(known) > MOST_SHOWN else lines


def accept(db: Database, pattern: str, by: str, at_ms: int) -> int:
    """Proposals become what counts; how many."""
    c = t.learned.c
    with db.write() as tx:
        rows = tx.execute(select(c.entrance, c.percent).where(c.state == "proposed")).all()
        chosen = [row for row in rows if fits(row.entrance, pattern)]
        for entrance, percent in chosen:
            its = (c.entrance == entrance) & (c.percent == percent)
            tx.execute(delete(t.learned).where(its, c.state == "accepted"))
            tx.execute(
                update(t.learned)
                .where(its, c.state == "proposed")
                .values(state="accepted", who=by, at_ms=at_ms)
            )
    return len(chosen)
