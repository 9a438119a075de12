"""What a monitoring system reads: ``/metrics`` in Prometheus' text format.

Counters and gauges come out of the database at each request, so that all parts of
doorward are in one place and a restart loses none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.rule_versions import refused, versions

COUNTERS: Final = {
    "reports": "Reports taken from the broker.",
    "readings": "Readings that reports held.",
    "quarantined": "Reports that could not be understood.",
    "alarms": "Alarms raised.",
    "desk_failures": "Outcomes that the desk failed on.",
}


def measured(db: Database, now_ms: int) -> bytes:
    """Everything, at this moment."""
    registry = CollectorRegistry()
    with db.read() as tx:
        registry.register(_Now(list(_metrics(tx, now_ms))))
        return generate_latest(registry)


class _Now(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _metrics(tx: Connection, now_ms: int) -> Iterator[Metric]:
    counted = {row.name: row.value for row in tx.execute(select(t.counters))}
    for name, help_ in COUNTERS.items():
        yield CounterMetricFamily(f"doorward_{name}", help_, counted.get(name, 0))
    broken = refused(tx)
    yield GaugeMetricFamily(
        "doorward_rules_reload_ok",
        "1 if the rule files as they stand are in force, else 0.",
        float(broken is None),
    )
    latest = versions(tx, last=1)
    if latest:
        info = GaugeMetricFamily(
            "doorward_rules_active_since_seconds", "When the active rules were switched on.", labels=["hash"]
        )
        info.add_metric([latest[0].hash], latest[0].at_ms / 1000)
        yield info
    off = tx.execute(
        select(func.count(func.distinct(t.gaps.c.facts["rule"].as_string()))).where(
            t.gaps.c.kind == "rule_failed", t.gaps.c.at_ms >= (latest[0].at_ms if latest else 0)
        )
    ).scalar_one()
    yield GaugeMetricFamily("doorward_rules_broken", "Active rules that broke somewhere.", off)
    unsettled = tx.execute(
        select(func.count()).select_from(t.cases).where(t.cases.c.state != "settled")
    ).scalar_one()
    yield GaugeMetricFamily("doorward_cases_unsettled", "Cases that are not settled.", unsettled)
    waiting = tx.execute(
        select(func.count()).select_from(t.messages).where(t.messages.c.state == "queued")
    ).scalar_one()
    yield GaugeMetricFamily("doorward_messages_queued", "Messages in the outbox.", waiting)
    muted = tx.execute(
        select(func.count())
        .select_from(t.mutes)
        .where(t.mutes.c.from_ms <= now_ms, t.mutes.c.until_ms > now_ms)
    ).scalar_one()
    yield GaugeMetricFamily("doorward_mutes", "Mutes that hold now.", muted)
    age = GaugeMetricFamily(
        "doorward_part_age_seconds", "Since a part last said that it works.", labels=["part"]
    )
    for row in tx.execute(select(t.health)):
        age.add_metric([row.part], (now_ms - row.at_ms) / 1000)
    yield age
