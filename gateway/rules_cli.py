"""``doorward rules …``, ``doorward mute …``: what a maintainer types."""

from __future__ import annotations

import difflib
import getpass
import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime, tzinfo
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.terminal import in_directory, in_language, last_of, or_exit, when

if TYPE_CHECKING:
    from gateway.directory import Directory
    from gateway.locale import Language
    from gateway.store.database import Database

ANSWERED_WITHIN_S = 5.0


@click.group()
def rules() -> None:
    """Write, prove, try and switch rules. The walk through all of it: docs/rules.md"""


@rules.command("check")
@in_directory
def rules_check(directory: Path) -> None:
    """List every fault of the rules, with file:line:column and how to mend it; exit 1 if there is any."""
    import os

    from gateway.check import check_rules, intervals
    from gateway.config import load_config
    from gateway.places.load import load_registry

    config, faults = load_config(directory, os.environ)
    if config is not None:
        registry, _ = load_registry(directory, config.places.tz, intervals(config))
        faults = check_rules(directory, config, registry)
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    click.echo("no fault found")


@rules.command("test")
@in_directory
def rules_test(directory: Path) -> None:
    """Play the stories in the rule files; exit 1 if one ends otherwise."""
    from gateway.reloading import untrue_stories

    opened = _opened(directory)
    faults = list(untrue_stories(opened.loaded, opened))
    for fault in faults:
        click.echo(fault)
    click.echo(f"{len(opened.loaded.stories) - len(faults)} stories as expected, {len(faults)} not")
    sys.exit(1 if faults else 0)


@rules.command("schema")
def rules_schema() -> None:
    """JSON Schema of a rule file, for editors; 'init' writes it beside the rules."""
    from gateway.shipped import schema_text

    click.echo(schema_text(), nl=False)


@rules.command("explain")
@in_directory
@click.argument("entrance")
@click.option("--at", help="At this time (ISO 8601) instead of now.")
@in_language
def rules_explain(directory: Path, entrance: str, at: str | None, lang: Language | None) -> None:
    """Which rules watch ENTRANCE, how each stands, what comes next, and why it told or did not tell."""
    from gateway.tuning.asking import explain

    opened = _opened(directory, last_good=True)
    at_ms = _time(at, opened.config.places.tz, "--at") if at else _now()
    language = lang or opened.config.places.language
    for line in or_exit(lambda: explain(opened, _db(opened), entrance, at_ms, language)):
        click.echo(line)


@rules.command("whatif")
@in_directory
@click.argument("new_rules", type=click.Path(exists=True, path_type=Path))
@click.option("--last", default="30d", show_default=True, help="So much of our own history, like 30d or 12h.")
@click.option(
    "--from", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Readings of a CSV or Parquet file (time, entrance, contact) instead.",
)  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with pictures.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures."
)
@in_language
def rules_whatif(
    directory: Path,
    new_rules: Path,
    last: str,
    file: Path | None,
    html: Path | None,
    json_file: Path | None,
    lang: Language | None,
) -> None:
    """What NEW_RULES would have done, beside the rules in DIR.

    NEW_RULES is a folder of rule files, or one file that takes the place of the one with its
    name. Nothing is switched; people, quiet hours and budgets are those of DIR.
    """
    from gateway.tuning.asking import Question, what_if
    from rules import duration

    opened = _opened(directory, last_good=True)
    try:
        last_ms = duration.parse(last)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--last") from None
    asked = Question(directory, new_rules, file, _now() - last_ms, _now())
    bar: Any = None

    def progress(done: int, of: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=max(of, 1), label="playing", file=sys.stderr)
        bar.update(min(done, max(of, 1)) - bar.pos)

    report, faults = or_exit(lambda: what_if(opened, asked, lang or opened.config.places.language, progress))
    if bar is not None:
        bar.render_finish()
    for fault in faults:
        click.echo(fault, err=True)
    click.echo(report.text())
    if html:
        html.write_text(report.html(), "utf-8")
    if json_file:
        json_file.write_text(json.dumps(report.json(), ensure_ascii=False, indent=1), "utf-8")


@rules.command("preview")
@in_directory
@click.argument("rule")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write one page with all pictures."
)
@click.option(
    "--svg", type=click.Path(file_okay=False, path_type=Path), help="Write each picture into this folder."
)
@in_language
def rules_preview(
    directory: Path, rule: str, out: Path | None, svg: Path | None, lang: Language | None
) -> None:
    """Draw what RULE means: open when its window begins or ends, when a mute ends, when it is added."""
    from gateway.tuning.previewing import Previewing

    opened = _opened(directory)
    found = opened.loaded.rules.named(rule)
    if found is None:
        from rules.fault import guess

        names = [one.name for one in opened.loaded.rules.rules]
        raise click.BadParameter(f"no rule is called '{rule}'. {guess(rule, names)}")
    zone, language = opened.config.places.tz, lang or opened.config.places.language
    shown = Previewing(found, _now(), zone, opened.calendar, language)
    for line in shown.lines():
        click.echo(line)
    if out:
        out.write_text(shown.html(), "utf-8")
    if svg:
        svg.mkdir(parents=True, exist_ok=True)
        for edge, picture in shown.pictures().items():
            (svg / f"{found.name}-{edge}.svg").write_text(picture, "utf-8")


@rules.command("history")
@in_directory
@last_of
@in_language
def rules_history(directory: Path, last: int, lang: Language | None) -> None:
    """Every rule set that was ever active: when, through whom, and what it changed. The newest first."""
    from gateway.store.rule_versions import refused, versions
    from gateway.tuning.impact_words import impact_sentence

    opened = _opened(directory, last_good=True)
    with _db(opened).read() as tx:
        found, bad = versions(tx, last), refused(tx)
    language = lang or opened.config.places.language
    if bad:
        click.echo(f"NOT IN FORCE  the files as they stand since {when(opened, bad.at_ms)}, by {bad.author}:")
        for fault in bad.faults:
            click.echo(f"    {fault}")
    for one in found:
        said = impact_sentence(one.impact, language)
        click.echo(f"{one.hash}  {when(opened, one.at_ms)}  {one.author}  {one.through}  {said}")


@rules.command("diff")
@in_directory
@click.argument("older", required=False)
@click.argument("newer", required=False)
def rules_diff(directory: Path, older: str | None, newer: str | None) -> None:
    """What differs between two rule sets of the history; without OLDER and NEWER, what the last change did."""
    from gateway.store.rule_versions import versions

    opened = _opened(directory, last_good=True)
    db = _db(opened)
    with db.read() as tx:
        hashes = list(dict.fromkeys(one.hash for one in versions(tx)))
    if older is None and len(hashes) < 2:
        click.echo("only one rule set was ever active")
        return
    before, after = _files(db, older or hashes[1]), _files(db, newer or hashes[0])
    for name in sorted(before.keys() | after.keys()):
        lines = difflib.unified_diff(
            before.get(name, "").splitlines(), after.get(name, "").splitlines(), name, name, lineterm=""
        )
        for line in lines:
            click.echo(line)


@rules.command("rollback")
@in_directory
@click.argument("version", required=False)
@click.option("--by", default=getpass.getuser, help="Who goes back. Default: who is logged in.")
def rules_rollback(directory: Path, version: str | None, by: str) -> None:
    """Put the files of an older rule set back, by the beginning of its hash.

    Without one: if the files have a fault, those of the rules in force; else of the rules before.

    What stands in the folder is kept beside the database. A running gateway switches at once.
    """
    from gateway.reloading import ROLLBACK
    from gateway.store.rule_versions import refused, versions

    opened = _opened(directory, last_good=True)
    db = _db(opened)
    with db.read() as tx:
        hashes = list(dict.fromkeys(one.hash for one in versions(tx)))
        broken = refused(tx) is not None
    if version is None and len(hashes) < 2 and not broken:
        raise click.UsageError("there is no rule set before this one")
    chosen = _hash(hashes, version) if version else hashes[0] if broken else hashes[1]
    files = _files(db, chosen)
    folder = directory / "rules"
    stamp = f"rules-before-rollback-{datetime.now(opened.config.places.tz):%Y%m%d-%H%M%S}"
    kept = next(
        path for n in count() if not (path := opened.data / (f"{stamp}-{n}" if n else stamp)).exists()
    )
    shutil.copytree(folder, kept)
    opened.data.joinpath(ROLLBACK).write_text(json.dumps({"hash": chosen, "by": by}), "utf-8")
    for name, text in files.items():
        path = directory / name
        written = path.with_suffix(".new")
        written.write_text(text, "utf-8")
        written.replace(path)
    for path in folder.glob("*.yaml"):
        if f"rules/{path.name}" not in files:
            path.unlink()
    click.echo(f"the files of {chosen} are back; what stood there is in {kept}")


@rules.command("learn")
@in_directory
@click.option("--last", default="60d", show_default=True, help="Out of so much of our own history.")
@click.option(
    "--from", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Or of a file."
)
def rules_learn(directory: Path, last: str, file: Path | None) -> None:
    """Find out how long doors usually stand open, where a step asks for it. It counts once accepted."""
    from gateway.tuning.asking import learn
    from rules import duration

    opened = _opened(directory)
    try:
        last_ms = duration.parse(last)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--last") from None
    lines, faults = or_exit(lambda: learn(opened, _db(opened), file, _now() - last_ms, _now()))
    for fault in faults:
        click.echo(fault, err=True)
    for line in lines:
        click.echo(line)


@rules.command("accept")
@in_directory
@click.option(
    "--entrance", default="*", show_default=True, help="Of these only: an id, or a pattern like xh-*."
)
@click.option("--by", default=getpass.getuser, help="Who accepts it. Default: who is logged in.")
def rules_accept(directory: Path, entrance: str, by: str) -> None:
    """Let what was learned count from now on, until something else is accepted."""
    from gateway.reloading import REREAD
    from gateway.tuning.asking import accept

    opened = _opened(directory)
    many = or_exit(lambda: accept(_db(opened), entrance, by, _now()))
    opened.data.joinpath(REREAD).touch()
    click.echo(f"{many} accepted by {by}")


# -- mutes --------------------------------------------------------------------------------


@click.command("mute")
@in_directory
@click.option("--within", multiple=True, help="A district, street, community, grid or compound.")
@click.option("--entrance", multiple=True, help="An entrance, or a pattern like xh-*.")
@click.option("--tag", "tags", multiple=True, help="Entrances with this tag.")
@click.option("--kind", multiple=True, type=click.Choice(["unit_door", "gate"]))
@click.option("--from", "begin", help="Begins then (ISO 8601) instead of now.")
@click.option("--until", required=True, help="Ends then: ISO 8601, or a length like 2h.")
@click.option("--why", required=True, help="Why; everybody who asks reads it.")
@click.option("--by", required=True, help="Whose it is: a person of the people table.")
def mute(
    directory: Path,
    within: Sequence[str],
    entrance: Sequence[str],
    tags: Sequence[str],
    kind: Sequence[str],
    begin: str | None,
    until: str,
    why: str,
    by: str,
) -> None:
    """Tell nobody for a while: a removal, maintenance, a fire drill.

    Doors are watched all the same, and who was told before hears the all-clear. When it ends on
    a door that still stands open, what is due comes at once.
    """
    from gateway.cases.act import Act, Where

    opened = _opened(directory, last_good=True)
    zone = opened.config.places.tz
    begins = _time(begin, zone, "--from") if begin else 0
    act = Act(
        do="mute",
        person=by,
        note=why,
        through="terminal",
        where=Where.model_validate({"kind": kind, "within": within, "tags": tags, "entrance": entrance}),
        from_ms=begins,
        until_ms=_end(until, zone, begins or _now()),
    )
    _ask(opened, act)


@click.command("unmute")
@in_directory
@click.argument("ident", metavar="ID")
@click.option("--by", required=True, help="Who ends it: a person of the people table.")
def unmute(directory: Path, ident: str, by: str) -> None:
    """End a mute early."""
    from gateway.cases.act import Act

    _ask(_opened(directory, last_good=True), Act(do="unmute", person=by, mute=ident, through="terminal"))


@click.command("mutes")
@in_directory
@last_of
def mutes(directory: Path, last: int) -> None:
    """Mutes: where, until when, why, by whom. The newest first."""
    from sqlalchemy import select

    from gateway.store.tables import mutes as t

    opened = _opened(directory, last_good=True)
    with _db(opened).read() as tx:
        rows = tx.execute(select(t).order_by(t.c.at_ms.desc()).limit(last)).all()
    now = _now()
    for row in rows:
        state = "over" if row.until_ms <= now else "holds" if row.from_ms <= now else "to come"
        scope = "; ".join(f"{key} {', '.join(words)}" for key, words in row.scope.items())
        ended = f", ended by {row.ended_by}" if row.ended_by else ""
        click.echo(
            f"{row.id}  {state:<8} {when(opened, row.from_ms)} to {when(opened, row.until_ms)}  "
            f"{scope}: {row.why} ({row.who}{ended})"
        )


# -- what they share ------------------------------------------------------------------------


def _opened(directory: Path, *, last_good: bool = False) -> Directory:
    from gateway.directory import open_directory
    from gateway.store.rule_versions import last_good as kept

    if not last_good:
        return or_exit(lambda: open_directory(directory))
    opened = or_exit(lambda: open_directory(directory, last_good=lambda config: kept(config.store.path)))
    if opened.refused:
        click.echo(
            "the rule files have faults (doorward rules check); these are the rules in force", err=True
        )
    return opened


def _db(opened: Directory) -> Database:
    from gateway.app import open_store

    return or_exit(lambda: open_store(opened, wait_s=0))


def _now() -> int:
    return int(time.time() * 1000)


def _time(text: str, zone: tzinfo, option: str) -> int:
    from gateway.times import parse_time

    try:
        return parse_time(text, zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"'{text}' is no time; write it like 2026-11-03T22:14", param_hint=option
        ) from None


def _end(text: str, zone: tzinfo, begins_ms: int) -> int:
    """A length counts from the beginning."""
    from rules import duration

    with suppress(ValueError):
        return begins_ms + duration.parse(text)
    return _time(text, zone, "--until")


def _hash(hashes: list[str], version: str) -> str:
    found = [one for one in hashes if one.startswith(version)]
    if len(found) != 1:
        raise click.BadParameter(
            f"{len(found)} rule sets begin with '{version}'; see 'doorward rules history'"
        )
    return found[0]


def _files(db: Database, version: str) -> dict[str, str]:
    from gateway.store.rule_versions import files_of

    with db.read() as tx:
        files = files_of(tx, version)
    if files is None:
        raise click.BadParameter(f"no single rule set begins with '{version}'; see 'doorward rules history'")
    return dict(files)


def _ask(opened: Directory, act: Any) -> None:
    """Put it where a button's press goes, and wait a moment for the gateway's answer."""
    from gateway.cases.act import Answer
    from gateway.store.inbox import answer_of, put_into_inbox
    from gateway.wake import Poker

    db = _db(opened)
    with db.write() as tx:
        item = put_into_inbox(tx, act, _now())
    with closing(Poker(opened.data, "gateway")) as poker:
        poker.poke()
    end = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < end:
        with db.read() as tx:
            answer = answer_of(tx, item)
        if answer is not None:
            if answer != Answer.DONE:
                click.echo(f"doorward: {_REFUSALS.get(answer, answer)}", err=True)
                sys.exit(1)
            click.echo("done")
            return
        time.sleep(0.05)
    click.echo("the gateway does not answer; it is done when it runs again")


_REFUSALS = {
    "not_found": "there is nothing of that kind, or it is not theirs to mute",
    "reason_needed": "say why",
    "not_understood": "it needs a place, an entrance, a tag or a kind, and an end within 31 days",
}
