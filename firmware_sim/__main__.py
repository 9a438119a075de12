"""The command line: ``python -m firmware_sim SCENARIO.yaml``."""

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

import click
from aiomqtt import ProtocolVersion

from firmware_sim import values
from firmware_sim.fleet import Fleet
from firmware_sim.link import Broker
from firmware_sim.publish import publish
from firmware_sim.scenario import read_scenario
from firmware_sim.staging import stage, start_of
from firmware_sim.yaml_page import PageError, Unfit

PROTOCOLS = {"5": ProtocolVersion.V5, "3.1.1": ProtocolVersion.V311}


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Milliseconds from a text such as 90s or 1h30m."""
    try:
        return None if value is None else values.duration_ms(value)
    except Unfit as unfit:
        raise click.BadParameter(f"{unfit.what}. {unfit.mend}.", ctx, param) from None


@click.command()
@click.argument("path", metavar="SCENARIO.yaml", type=click.Path(path_type=Path))
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Simulated seconds in one real second; above 1 the doors' clocks run ahead.",
)
@click.option("--host", default="localhost", show_default=True, help="Where the broker is.")
@click.option("--port", type=click.IntRange(1, 65535), default=1883, show_default=True)
@click.option("--username", help="A user who may write for every simulated box.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file whose first line is the password.",
)
@click.option("--mqtt", type=click.Choice(list(PROTOCOLS)), default="5", show_default=True)
@click.option(
    "--connections",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="Connections to share. Only a connection with a single box has a last will.",
)
@click.option(
    "--for",
    "for_ms",
    metavar="DURATION",
    callback=_duration,
    help="How much of the scenario to play, in simulated time; may be longer than it.",
)
@click.option("--dry-run", is_flag=True, help="Print topic<TAB>payload lines; no broker, no waiting.")
def main(
    path: Path,
    speed: float,
    host: str,
    port: int,
    username: str | None,
    password_file: Path | None,
    mqtt: str,
    connections: int,
    for_ms: int | None,
    dry_run: bool,
) -> None:
    """Play a scenario: simulated doors publish to a broker."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    try:
        scenario = read_scenario(path)
    except PageError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    now_ms = time.time_ns() // 1_000_000
    start_ms = start_of(scenario, now_ms=now_ms)
    end_ms = start_ms + (for_ms or scenario.duration_ms)
    # A boot number must never go back, so a later run starts from a greater one: seconds since 1970.
    fleet = stage(scenario, start_ms=start_ms, first_boot=0 if dry_run else now_ms // 1000)
    if dry_run:
        _print_all(fleet, start_ms, end_ms)
        return
    broker = Broker(
        host=host,
        port=port,
        username=username,
        password=_first_line(password_file) if password_file else None,
        protocol=PROTOCOLS[mqtt],
    )
    asyncio.run(_publish_until_stopped(fleet, broker, start_ms, end_ms, speed, connections))


def _print_all(fleet: Fleet, start_ms: int, end_ms: int) -> None:
    fleet.broker_up(range(len(fleet.devices)), start_ms)
    for step in fleet.steps(end_ms):
        for one in step.publishes:
            click.echo(f"{one.topic}\t{one.payload.decode()}")


async def _publish_until_stopped(
    fleet: Fleet, broker: Broker, start_ms: int, end_ms: int, speed: float, connections: int
) -> None:
    """Ctrl-C and SIGTERM end the story early, and cleanly."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await publish(
        fleet, broker, start_ms=start_ms, end_ms=end_ms, speed=speed, connections=connections, stop=stop
    )


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


if __name__ == "__main__":
    main(prog_name="python -m firmware_sim")
