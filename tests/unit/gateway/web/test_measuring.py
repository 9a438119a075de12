"""What a monitoring system reads at ``/metrics``."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from gateway.store import tables as t
from gateway.store.rule_versions import Activation, activate, say_refused
from gateway.web.measuring import COUNTERS, measured
from rules.fault import Fault
from rules.impact import Impact
from rules.load import load_texts
from tests.small_district import RULE
from tests.unit.gateway.web.house import HOSTILE, NOON_MS, House

Sample = tuple[str, tuple[tuple[str, str], ...]]


def read(house: House) -> dict[Sample, float]:
    """Every sample, as Prometheus understands the text."""
    families = list(text_string_to_metric_families(measured(house.db, house.clock.now_ms()).decode()))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "none stands there twice"
    return found


def plain(house: House) -> dict[str, float]:
    """Those without labels, by the name behind ``doorward_``."""
    return {
        name.removeprefix("doorward_"): value for (name, labels), value in read(house).items() if not labels
    }


def switched(house: House, at_ms: int = NOON_MS - 60_000) -> str:
    loaded, _ = load_texts([("rules/rules.yaml", RULE)])
    assert loaded
    with house.db.write() as tx:
        activate(tx, loaded.rules, Activation([], "root", "start"), Impact(), at_ms)
    return loaded.rules.hash


def muted(house: House, ident: str, from_ms: int, until_ms: int) -> None:
    values = {"scope": {"entrance": ["gate"]}, "why": "why", "who": "anna", "at_ms": from_ms}
    house.put(t.mutes, id=ident, from_ms=from_ms, until_ms=until_ms, **values)


def broke(house: House, rule: str, at_ms: int = NOON_MS) -> None:
    house.put(
        t.gaps, at_ms=at_ms, kind="rule_failed", entrance="door-00001", facts={"rule": rule, "error": "x"}
    )


def test_a_fresh_database_has_every_figure_at_nothing(house: House) -> None:
    assert plain(house) == {f"{name}_total": 0.0 for name in COUNTERS} | {
        "rules_reload_ok": 1.0,
        "rules_broken": 0.0,
        "cases_unsettled": 0.0,
        "messages_queued": 0.0,
        "mutes": 0.0,
    }
    assert not [labels for _, labels in read(house) if labels]


def test_counters_are_those_of_the_database(house: House) -> None:
    for n, name in enumerate((*COUNTERS, "another")):
        house.put(t.counters, name=name, value=10 + n)
    found = plain(house)
    assert [found[f"{name}_total"] for name in COUNTERS] == [10, 11, 12, 13, 14]
    assert "another_total" not in found


def _refuse(house: House) -> None:
    with house.db.write() as tx:
        say_refused(tx, NOON_MS, "root", [Fault("rules/rules.yaml:5", "no", "")])


def _cases(house: House) -> None:
    for state in ("filed", "taken", "settled"):
        house.case(state, state=state)


def _messages(house: House) -> None:
    for state in ("queued", "accepted", "failed", "withdrawn"):
        house.message(state, state=state)


def _mutes(house: House) -> None:
    for ident, begins, ends in (("holds", -1, 1), ("over", -2, 0), ("later", 1, 2), ("begins", 0, 1)):
        muted(house, ident, NOON_MS + begins, NOON_MS + ends)


def _broken(house: House) -> None:
    broke(house, "old", NOON_MS - 60_001)
    switched(house)
    for rule in ("a", "a", "b"):
        broke(house, rule)
    house.put(t.gaps, at_ms=NOON_MS, kind="reports", entrance="door-00001", facts={"rule": "c"})


def _broken_before_any(house: House) -> None:
    broke(house, "a", 1)


@pytest.mark.parametrize(
    ("happen", "name", "value"),
    [
        pytest.param(_refuse, "rules_reload_ok", 0, id="files-that-are-not-in-force"),
        pytest.param(_cases, "cases_unsettled", 2, id="filed-and-taken"),
        pytest.param(_messages, "messages_queued", 1, id="only-what-waits"),
        pytest.param(_mutes, "mutes", 2, id="from-its-first-moment-and-not-after-its-last"),
        pytest.param(_broken, "rules_broken", 2, id="each-once-since-they-were-switched-on"),
        pytest.param(_broken_before_any, "rules_broken", 1, id="before-any-was-switched-on"),
    ],
)
def test_each_figure_says_how_things_stand(house: House, happen: Any, name: str, value: float) -> None:
    happen(house)
    assert plain(house)[name] == value


def test_the_rules_in_force_are_named_by_their_hash(house: House) -> None:
    switched(house, 1_000)
    name = switched(house)
    assert read(house)["doorward_rules_active_since_seconds", (("hash", name),)] == (NOON_MS - 60_000) / 1000
    assert sum(1 for sample, _ in read(house) if sample == "doorward_rules_active_since_seconds") == 1


def test_each_part_says_how_long_ago_it_was_well(house: House) -> None:
    for part, ago in (("gateway", 5_000), (f'a "part"\\\n{HOSTILE}', 61_500)):
        house.put(t.health, part=part, at_ms=NOON_MS - ago, facts={"ok": False})
    ages = {
        labels[0][1]: value for (name, labels), value in read(house).items() if name.endswith("age_seconds")
    }
    assert ages == {"gateway": 5.0, f'a "part"\\\n{HOSTILE}': 61.5}


def test_nobody_and_no_door_is_named(house: House) -> None:
    _cases(house)
    _messages(house)
    _mutes(house)
    _broken(house)
    house.put(t.health, part="gateway", at_ms=NOON_MS, facts={"who": "worker"})
    with house.db.write() as tx:
        tx.execute(insert(t.inbox).values(at_ms=NOON_MS, act={"do": "take", "person": "anna"}))
    text = measured(house.db, NOON_MS).decode()
    people = house.registry.people.values()
    for word in (
        *(person.id for person in people if person.id != "maintainer"),
        *(person.name for person in people),
        *(entrance for entrance in house.registry.entrances if entrance.startswith("door-")),
        "东门",
        "北家属院",
        "root",
    ):
        assert word not in text, word


def test_it_is_there_for_who_asks_and_says_what_it_is(house: House) -> None:
    before = house.everything()
    for method in ("GET", "HEAD"):
        answer = house.phone().ask(method, "/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
    assert house.everything() == before
    assert house.phone().post("/metrics").status_code == 405
    text = house.phone().get("/metrics").text
    assert "# TYPE doorward_reports_total counter" in text
    assert "# HELP doorward_mutes Mutes that hold now." in text
