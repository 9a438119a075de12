"""What waits at night, on a real SQLite file: the outbox, a restart, and that it is over meanwhile.

The doors are opened at 22:13, in the night; a worker is told 4 s later, residents 2 s later.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from gateway.cases.act import Act
from gateway.notify.courtesy import Told
from gateway.notify.message import KEEPS_MS, Message, Text, bundle_of
from gateway.notify.words import word
from gateway.road import Mark, Road
from gateway.store import tables as t
from gateway.store.database import Database, open_database
from gateway.store.inbox import put_into_inbox
from gateway.store.resuming import told_lately
from gateway.store.rule_versions import Activation
from gateway.store.writing import queue
from rules.duration import DAY_MS, HOUR_MS
from rules.outcome import alarm_id
from tests.small_district import RULE
from tests.unit.gateway.test_road import T0, ZONE, district, event, opened, rows

SIX = T0 + 28_000_000
NIGHT = "from: '22:00', to: '06:00'"
QUIET = RULE + f"quiet: [{{role: grid_worker, {NIGHT}}}]\n"
BUDGET = RULE + f"budget: [{{role: grid_worker, messages: 2, {NIGHT}}}]\n"
GRAVE = """\
  - name: wide-open
    title: {zh: 门一直开着, en: Door wide open}
    why: After ten seconds it is grave.
    when: left_open
    steps: [{after: 10s, tell: grid_worker}]
    severity: high
"""

BY = Activation([], "somebody", "reload")
AGAIN = GRAVE.replace("severity: high", "severity: normal")


def outbox(db: Database, person: str = "worker") -> list[Any]:
    found = [m for m in rows(db, t.messages) if m.person == person]
    return sorted(found, key=lambda m: (m.queued_at_ms, m.entrance))


def accept_all(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(t.messages).where(t.messages.c.state == "queued").values(state="accepted"))


def open_doors(road: Road, doors: Sequence[int], at: int, seq: int = 0) -> None:
    """One after the other, each told of before the next is opened."""
    for i, door in enumerate(doors):
        road.take([event(at + i * 5_000, seq, "open", door)], now_ms=at + i * 5_000)
        road.take([], now_ms=at + i * 5_000 + 4_500)


def told_and_waiting(db: Database) -> list[str]:
    return ["waits" if m.next_try_ms == SIX else "told" for m in outbox(db)]


def test_what_waits_stands_in_the_outbox_until_the_quiet_ends(tmp_path: Path) -> None:
    db, road = opened(tmp_path, QUIET)
    open_doors(road, [0, 1], T0)
    one, other = outbox(db)
    assert (one.state, one.next_try_ms, one.expires_at_ms) == ("queued", SIX, SIX + KEEPS_MS)
    assert one.bundle == other.bundle == bundle_of("worker", SIX)
    assert len(rows(db, t.cases)) == 2, "cases are filed as if nobody were asleep"
    (reminder,) = outbox(db, "residents:西湖社区/北家属院/0号楼/1单元")
    assert reminder.next_try_ms == T0 + 2_000, "another role is told at once"


def test_what_is_over_before_the_quiet_ends_is_told_to_nobody(tmp_path: Path) -> None:
    db, road = opened(tmp_path, QUIET)
    open_doors(road, [0], T0)
    road.take([event(T0 + 9_000, 1, "closed")], now_ms=T0 + 9_000)
    road.take([], now_ms=T0 + 11_000)
    assert [(m.text_key, m.state) for m in outbox(db)] == [("tell", "withdrawn")]


def test_the_all_clear_of_what_was_told_before_the_quiet_waits_with_all_else(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    open_doors(road, [0], T0)
    accept_all(db)
    db.close()
    db, road = opened(tmp_path, QUIET, T0 + 20_000)
    open_doors(road, [1], T0 + 30_000)
    road.take([event(T0 + 40_000, 1, "closed")], now_ms=T0 + 40_000)
    road.take([], now_ms=T0 + 42_000)
    told, waits, over = outbox(db)
    assert (told.text_key, waits.text_key, over.text_key) == ("tell", "tell", "all_clear")
    assert over.bundle == waits.bundle == bundle_of("worker", SIX)
    assert (over.next_try_ms, over.expires_at_ms) == (SIX, SIX + KEEPS_MS)
    assert over.facts["over_ms"] == T0 + 40_000
    (residents,) = [m for m in rows(db, t.messages) if m.text_key == "all_clear" and m.person != "worker"]
    assert residents.next_try_ms == T0 + 41_000, "whoever is not left alone hears it at once"


def test_a_budget_holds_back_what_is_more(tmp_path: Path) -> None:
    db, road = opened(tmp_path, BUDGET)
    open_doors(road, [0, 1, 2], T0)
    assert told_and_waiting(db) == ["told", "told", "waits"]
    assert outbox(db)[2].bundle == bundle_of("worker", SIX)


@pytest.mark.parametrize("restart_after", [0, 1, 2, 3])
def test_a_restart_does_not_begin_the_night_anew(tmp_path: Path, restart_after: int) -> None:
    db, road = opened(tmp_path, BUDGET)
    open_doors(road, [0, 1, 2][:restart_after], T0)
    accept_all(db)
    db.close()
    db, road = opened(tmp_path, BUDGET, T0 + 15_000)
    open_doors(road, [0, 1, 2][restart_after:], T0 + 20_000)
    assert told_and_waiting(db) == ["told", "told", "waits"]


def test_who_was_told_lately_is_whoever_was_told_within_two_days_and_not_what_waits(tmp_path: Path) -> None:
    db, road = opened(tmp_path, BUDGET)
    open_doors(road, [0, 1, 2], T0)
    road.take([event(T0 + 20_000, 1, "closed")], now_ms=T0 + 20_000)
    with db.write() as tx:
        tx.execute(text("UPDATE messages SET state = 'accepted' WHERE person = 'worker'"))
    road.take([], now_ms=T0 + 22_000)
    assert {m.text_key for m in rows(db, t.messages)} == {"remind", "tell", "all_clear"}

    def told(now_ms: int) -> list[Told]:
        with db.read() as tx:
            return sorted(one._replace(message="") for one in told_lately(tx, now_ms))

    homes = [f"residents:西湖社区/北家属院/{n}号楼/1单元" for n in range(3)]
    tellings = [Told(home, "residents", T0 + 2_000 + n * 5_000) for n, home in enumerate(homes)]
    tellings += [Told("worker", "grid_worker", T0 + 4_000 + n * 5_000) for n in range(2)]
    assert told(T0 + HOUR_MS) == tellings, "neither what waits nor an all-clear"
    assert told(T0 + 4_000 + 2 * DAY_MS - 1) == sorted(tellings[1:])
    assert told(T0 + 9_000 + 2 * DAY_MS) == tellings[2:3]
    assert told(T0 + 3 * DAY_MS) == []


def test_nobody_is_told_anew_of_what_waits_when_the_gateway_restarts(tmp_path: Path) -> None:
    db, road = opened(tmp_path, QUIET)
    open_doors(road, [0], T0)
    before = outbox(db)
    db.close()
    db = open_database(tmp_path / "doorward.db")
    road = Road.open(db, district(QUIET), T0 + HOUR_MS)
    road.take([Mark("listening")], now_ms=T0 + HOUR_MS)
    road.take([], now_ms=T0 + 2 * HOUR_MS)
    assert outbox(db) == before


def test_what_is_grave_comes_though_something_else_about_the_door_waits(tmp_path: Path) -> None:
    lets = f"quiet: [{{role: grid_worker, {NIGHT}, lets_through: high}}]\n"
    db, road = opened(tmp_path, RULE + GRAVE + lets)
    open_doors(road, [0], T0)
    assert told_and_waiting(db) == ["waits"]
    road.take([], now_ms=T0 + 12_000)
    (grave,) = outbox(db)
    assert (grave.next_try_ms, grave.bundle, grave.severity) == (T0 + 10_000, "worker", 0)
    assert grave.about == alarm_id("wide-open", "door-00000", T0)
    assert grave.facts["rule"] == "wide-open" and grave.expires_at_ms == T0 + 10_000 + KEEPS_MS
    accept_all(db)
    road.take([event(T0 + 20_000, 1, "closed")], now_ms=T0 + 20_000)
    road.take([], now_ms=T0 + 60_000)
    assert [(m.text_key, m.next_try_ms) for m in outbox(db)] == [("tell", T0 + 10_000), ("all_clear", SIX)]


def test_what_was_told_does_not_come_again_because_something_grave_is_due(tmp_path: Path) -> None:
    db, road = opened(tmp_path, RULE + GRAVE)
    open_doors(road, [0], T0)
    accept_all(db)
    before = outbox(db)
    road.take([], now_ms=T0 + 12_000)
    assert outbox(db) == before


def test_what_is_tried_again_later_is_neither_hurried_nor_changed(tmp_path: Path) -> None:
    """A channel that fails is left alone for a while, whatever other rules lead to the same message."""
    db, road = opened(tmp_path, RULE + GRAVE)
    open_doors(road, [0], T0)
    with db.write() as tx:
        tx.execute(update(t.messages).values(next_try_ms=T0 + 300_000))
    before = outbox(db)
    road.take([], now_ms=T0 + 12_000)
    assert outbox(db) == before


@pytest.mark.parametrize("state", ["accepted", "failed"])
def test_what_is_done_with_is_not_queued_anew(tmp_path: Path, state: str) -> None:
    db, road = opened(tmp_path, QUIET)
    open_doors(road, [0], T0)
    with db.write() as tx:
        tx.execute(update(t.messages).values(state=state))
    (before,) = outbox(db)
    again = Message(
        id=before.id,
        person="worker",
        about="another",
        text=Text.TELL,
        facts={},
        queued_at_ms=T0 + 9_000,
        expires_at_ms=T0 + 10_000,
    )
    with db.write() as tx:
        queue(tx, again)
    assert outbox(db) == [before]


def test_where_a_budget_is_for_whole_days_each_day_has_its_own(tmp_path: Path) -> None:
    weekdays = RULE + "budget: [{role: grid_worker, messages: 2, days: Mon-Wed}]\n"
    db, road = opened(tmp_path, weekdays)
    open_doors(road, [0, 1, 2], T0)
    midnight = T0 + 6_400_000
    assert [m.next_try_ms for m in outbox(db)] == [T0 + 4_000, T0 + 9_000, midnight]
    accept_all(db)
    later = T0 + 3 * HOUR_MS
    db.close()
    db, road = opened(tmp_path, weekdays, later)
    road.take([event(later, 1, "closed")], now_ms=later)
    open_doors(road, [0], later + 5_000, seq=2)
    assert [m.next_try_ms for m in outbox(db) if m.text_key == "tell"][3:] == [later + 9_000]


def test_nobody_is_woken_to_hear_that_a_colleague_has_settled_it(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    open_doors(road, [0], T0)
    accept_all(db)
    db.close()
    db, road = opened(tmp_path, QUIET, T0 + 20_000)
    (case,) = rows(db, t.cases)
    with db.write() as tx:
        put_into_inbox(tx, Act(do="settle", person="second", case=case.id, reason="closed"), T0 + 21_000)
    road.take([], now_ms=T0 + 21_000)
    told, handled = outbox(db)
    assert (told.text_key, handled.text_key) == ("tell", "handled")
    assert (handled.next_try_ms, handled.bundle) == (SIX, bundle_of("worker", SIX))
    assert handled.expires_at_ms == SIX + KEEPS_MS


def test_a_message_that_two_rules_lead_to_counts_once(tmp_path: Path) -> None:
    db, road = opened(tmp_path, BUDGET.replace("budget:", AGAIN + "budget:"))
    open_doors(road, [0], T0)
    road.take([], now_ms=T0 + 11_000)
    open_doors(road, [1], T0 + 12_000)
    assert told_and_waiting(db) == ["told", "told"]


def test_a_message_that_two_rules_lead_to_counts_once_though_the_gateway_restarts(tmp_path: Path) -> None:
    rules = BUDGET.replace("budget:", AGAIN + "budget:")
    db, road = opened(tmp_path, rules)
    open_doors(road, [0], T0)
    accept_all(db)
    db.close()
    db, road = opened(tmp_path, rules, T0 + 8_000)
    road.take([], now_ms=T0 + 11_000)
    open_doors(road, [1], T0 + 12_000)
    assert told_and_waiting(db) == ["told", "told"]


ANOTHER = RULE.replace("name: left-open", "name: another").replace("{after: 4s", "{after: 50s")


def test_a_rule_that_is_taken_out_and_put_back_tells_what_it_would_have_told(tmp_path: Path) -> None:
    db, road = opened(tmp_path, QUIET)
    open_doors(road, [0], T0)
    assert [m.state for m in outbox(db)] == ["queued"]
    road.change(district(ANOTHER).setup, T0 + 20_000, BY)
    assert [m.state for m in outbox(db)] == ["withdrawn"]
    road.change(district(QUIET).setup, T0 + 30_000, BY)
    assert [m.state for m in outbox(db)] == ["queued"], "the door stands open, and she was told nothing"


def test_of_a_rule_that_is_taken_out_nobody_hears_that_the_door_is_closed(tmp_path: Path) -> None:
    db, road = opened(tmp_path)
    open_doors(road, [0], T0)
    accept_all(db)
    road.change(district(ANOTHER).setup, T0 + 20_000, BY)
    (over,) = [m for m in outbox(db) if m.text_key == "all_clear"]
    said = word(Text(over.text_key), over.facts, "en", zone=ZONE, now_ms=T0 + 21_000)
    assert "Closed" not in said.title, "it stands open"
