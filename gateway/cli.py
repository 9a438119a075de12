"""The command line."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy import select

from gateway.rules_cli import mute, mutes, rules, unmute
from gateway.terminal import in_directory, last_of, or_exit, stored, when

log = logging.getLogger("doorward")
SHOWN_BYTES = 200


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="doorward")
def main() -> None:
    """doorward 门卫: which doors stand open or are broken, and whose they are."""


@main.command()
@in_directory
def init(directory: Path) -> None:
    """Write a commented starter directory."""
    from gateway.starter import write_starter

    for path in or_exit(lambda: write_starter(directory)):
        click.echo(path)
    click.echo(f"\nEdit these, then:\n  doorward check {directory}\n  doorward run {directory}")


@main.command()
@in_directory
def check(directory: Path) -> None:
    """List every fault of a directory; exit 1 if there is any."""
    from gateway.check import check as all_faults

    faults = all_faults(directory)
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    click.echo("no fault found")


@main.command()
@in_directory
@click.option("--only", type=click.Choice(["gateway", "sender", "web"]), help="Run one part only.")
def run(directory: Path, only: str | None) -> None:
    """Run the gateway, the sender and the web pages."""
    from gateway.directory import open_directory
    from gateway.store.rule_versions import last_good
    from gateway.supervise import CANNOT_WORK, SUPERVISED, supervise

    _log()
    stop = _stop_on_signal()
    reread = _reread_on_hangup(stop)
    opened = or_exit(
        lambda: open_directory(directory, last_good=lambda config: last_good(config.store.path)),
        CANNOT_WORK if only else 1,
    )
    if not os.environ.get(SUPERVISED):  # it tries each of 20,000 contacts, and no door waits for that
        threading.Thread(target=_say_faults, args=(directory,), name="check", daemon=True).start()
    if only is None:
        del opened  # read to refuse it once; each part reads it for itself
        sys.exit(supervise(directory, stop, reread))
    from gateway.parts import RUN

    or_exit(lambda: RUN[only](opened, stop), CANNOT_WORK)


def _say_faults(directory: Path) -> None:
    from gateway.check import check as all_faults

    for fault in all_faults(directory):
        log.warning("%s", fault)


@main.command()
def decode() -> None:
    """Reports in (JSON lines on standard input), what we understand out.

    A line in is {"topic": "…", "payload": "text"}, or "payload_hex" for bytes; "retained",
    "dialect" and "profile" may stand beside them. A line out answers each in its order.
    """
    from gateway.intake.decode import decode_lines

    for line in decode_lines(sys.stdin.buffer):
        click.echo(line)


@main.command()
@in_directory
@click.option("--readings", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.File("w", encoding="utf-8", lazy=False), default="-", help="Default: the screen."
)
@click.option("--until", help="Play on to this time (ISO 8601) instead of ending at the last reading.")
def replay(directory: Path, readings: Path, out: TextIO, until: str | None) -> None:
    """Play a CSV file (time,entrance,contact) through the rules of DIR; one JSON line per alarm."""
    from gateway.directory import open_directory
    from gateway.history.replay import read_readings
    from gateway.history.replay import replay as play
    from gateway.times import parse_time

    opened = or_exit(lambda: open_directory(directory))
    zone = opened.config.places.tz
    entrances = {row.id: row.for_rules(None) for row in opened.registry.entrances.values()}
    with readings.open(encoding="utf-8-sig", newline="") as lines:
        rows, faults = read_readings(lines, readings.name, zone, entrances)
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults and not rows:
        sys.exit(1)
    try:
        until_ms = parse_time(until, zone) if until else None
    except ValueError:
        raise click.BadParameter(f"'{until}' is no time", param_hint="--until") from None
    for alarm in play(opened.loaded.rules, entrances, zone, rows, until_ms):
        out.write(json.dumps(alarm.line(), ensure_ascii=False) + "\n")


@main.command()
@in_directory
def devices(directory: Path) -> None:
    """Devices that report and stand in no table, as rows to add to devices.csv."""
    from gateway.store.tables import unknown_devices as t

    opened, rows = stored(directory, select(t).order_by(t.c.last_ms.desc()))
    click.echo("dialect,box,channel,entrance,from,to,profile,gateway,trial,interval")
    boxes = {row.device.partition("#")[0] for row in rows if "#" in row.device}
    for row in rows:
        if row.device in boxes or opened.registry.binding(row.device, row.last_ms) is not None:
            continue  # a box whose channels are named, or adopted meanwhile
        dialect, _, name = row.device.partition(":")
        box, _, channel = name.partition("#")
        click.echo(f"{dialect},{box},{channel},,,,,,,")
        click.echo(f"#   {row.reports} reports, topic {row.topic}: {row.reason}", err=True)


@main.command()
@in_directory
@last_of
def quarantine(directory: Path, last: int) -> None:
    """Reports that could not be understood, and why. The newest first; 1,000 are kept."""
    from gateway.store.tables import quarantine as t

    opened, rows = stored(directory, select(t).order_by(t.c.id.desc()).limit(last))
    for row in rows:
        click.echo(f"{when(opened, row.at_ms)}  {row.topic}  {row.size} bytes: {row.reason}")
        click.echo(f"    {ascii(row.payload[:SHOWN_BYTES])[1:]}")


@main.command()
@in_directory
@last_of
def gaps(directory: Path, last: int) -> None:
    """What never came: reports that are missing, sessions that the broker lost. The newest first.

    A report is missing once it has not come for a minute after a later one.
    """
    from gateway.store.tables import gaps as t

    opened, rows = stored(directory, select(t).order_by(t.c.id.desc()).limit(last))
    for row in rows:
        click.echo(f"{when(opened, row.at_ms)}  {_gap(row.kind, row.entrance, row.facts)}")


def _gap(kind: str, entrance: str | None, facts: dict[str, Any]) -> str:
    if kind == "session_lost":
        return "session_lost  the broker did not know us: a first start, or what waited there is lost"
    if kind == "rule_failed":
        what = "the rule '{rule}' broke: {error}".format(**facts)
        return f"{kind}  {entrance}  {what}" + (", and is off everywhere" if facts.get("everywhere") else "")
    if kind == "clock_step":
        return f"clock_step  the machine's clock stepped by {facts['stepped_ms'] / 1000:+.0f} s; durations went on"
    missing = "{missing} missing of {first} to {last} (boot {boot}) of {device}".format(**facts)
    return f"{kind}  {entrance}  {missing}"


@main.command()
@click.option("--port", default=8080, show_default=True, help="Of the pages.")
@click.option("--phone-port", default=8090, show_default=True, help="Of the fake phones.")
@click.option("--broker-port", default=1884, show_default=True, help="Of the demonstration's own broker.")
@click.option("--data", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True)
def demo(port: int, phone_port: int, broker_port: int, data: Path) -> None:
    """A district of its own, on this machine: broker, doors, people and their phones."""
    from gateway.demo import show

    _log(logging.ERROR)
    or_exit(
        lambda: show(data, port=port, phone_port=phone_port, broker_port=broker_port, stop=_stop_on_signal())
    )


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def on_signal(*_: Any) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop


def _reread_on_hangup(stop: threading.Event) -> threading.Event:
    """A hang-up asks a service to read its rules again; a terminal that is closed ends what it started."""
    asked = stop if sys.stdin is not None and sys.stdin.isatty() else threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: asked.set())
    return threading.Event() if asked is stop else asked


def _log(level: int = logging.INFO) -> None:
    """To standard error. Libraries that put addresses or tokens into their lines stay silent."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in ("apprise", "urllib3", "requests", "httpx", "uvicorn.access", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


main.add_command(rules)
main.add_command(mute)
main.add_command(unmute)
main.add_command(mutes)


if __name__ == "__main__":
    main()
