"""One entrance at one moment, in plain sentences, word for word.

A script is ``"12:00 open, 12:10 close"``, wall clock of a Tuesday in Shanghai; ``+1 06:00`` is
the next morning. ``mute 13:00`` mutes everything until then. What is said of the rule
itself is indented; its title stands in between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.directory import Directory, open_directory
from gateway.history.past import Part
from gateway.locale import Language
from gateway.store.rule_versions import Activation
from gateway.tuning.asking import explain
from gateway.tuning.explaining import Basis, Explaining, MuteNote, Told, played
from rules.duration import HOUR_MS, MINUTE_MS
from rules.engine import HOURS_OF_WEEK, Engine, Setup
from rules.load import load_texts
from rules.mute import Mute
from rules.outcome import StepDue
from rules.reading import Reading
from rules.rule import Entrance, Step, Watch
from tests.small_district import RULE, write_directory
from tests.unit.gateway.lived import Lived
from tests.unit.gateway.test_road import ZONE

DOOR = "mjz-1"
PLACE = "北家属院1号楼"
ROW = Entrance(
    DOOR,
    "unit_door",
    frozenset({"西湖社区"}),
    frozenset({"老人多"}),
    heartbeat_ms=15 * MINUTE_MS,
    silent_after_ms=45 * MINUTE_MS,
)
RULES = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: A test.
    when: left_open
    steps:
      - {after: 3m, tell: residents}
      - {after: 8m, tell: grid_worker}
      - {after: 30m, tell: grid_leader, unless: taken}
    clear_after: 30s
"""
TITLE: Mapping[Language, str] = {
    "en": "Unit door left open (left-open)",
    "zh": "单元门未关 (left-open)",
}
SAYS: dict[str, dict[str, Any]] = {
    "open": {"contact": "open"},
    "close": {"contact": "closed"},
    "retained-open": {"contact": "open", "retained": True},
    "offline": {"online": False},
    "low": {"battery_low": True},
}


def during(window: str) -> str:
    return RULES.replace("    steps:", f"    during: {{{window}}}\n    steps:")


def watching(watch: str) -> str:
    return RULES.replace("    when", f"    {watch}\n    when")


def when(condition: str) -> str:
    return RULES.replace("left_open", condition)


NIGHT = during('from: "22:00", to: "06:00"')
USUALLY = RULES.replace("after: 3m", "after: {usual: p99, at_least: 2m, at_most: 6m}")


def at_ms(text: str) -> int:
    days, _, clock = text.rpartition(" ")
    at = datetime.fromisoformat(f"2026-11-03T{clock}").replace(tzinfo=ZONE) + timedelta(days=int(days or 0))
    return round(at.timestamp() * 1000)


def parts(script: str) -> Iterator[Part]:
    for moment in filter(None, script.split(", ")):
        found = re.fullmatch(r"((?:\+\d+ )?[\d:]+) (.+)", moment)
        assert found, moment
        at, what = at_ms(found[1]), found[2]
        if what.startswith("mute "):
            mute = Mute("m", Watch(entrances=frozenset({"*"})), at, at_ms(what.removeprefix("mute ")))
            yield Part([], ("mute", at, json.dumps(mute.snapshot())))
        elif what in SAYS:
            yield Part([(DOOR, Reading("d", at, **SAYS[what]))])
        else:
            yield Part([], (what, at, None))


class Story(NamedTuple):
    """What happened, when somebody asks, and what she is told: first of the door, then of the rule."""

    script: str
    at: str
    en: Sequence[str]
    zh: Sequence[str]
    rules: str = RULES
    records: Sequence[Told] = ()
    mutes: Sequence[MuteNote] = ()
    bases: Mapping[int, Basis] = {}
    usual: Mapping[tuple[str, int], tuple[int, ...]] = {}
    row: Entrance = ROW

    def said(self, language: Language) -> list[str]:
        loaded, faults = load_texts([("rules.yaml", self.rules)])
        assert loaded, faults
        setup = Setup(loaded.rules, {DOOR: self.row}, ZONE, usual=self.usual)
        at = at_ms(self.at)
        engine, said = played(setup, parts(self.script), at)
        return Explaining(
            engine,
            said,
            DOOR,
            place=PLACE,
            at_ms=at,
            zone=ZONE,
            language=language,
            records=list(self.records),
            mutes=list(self.mutes),
            bases=self.bases,
        ).lines()


def of_rule(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith("  ")]


NEVER_REPORTED = f"{PLACE} has not reported yet."
NEVER_REPORTED_ZH = f"{PLACE}还没有报过状态。"
IDLE, IDLE_ZH = "  Watches it. Nothing is the matter.", "  在看着，一切正常。"
LEADER = "  If nothing changes: at 12:30 grid leader, unless somebody has taken it."
LEADER_ZH = "  若无变化：12:30 通知网格长，除非已有人受理。"
PAUSE = "  Steps pause: nobody knows the door's state. If it still holds when the sensor speaks, what is due comes at once."
PAUSE_ZH = "  暂停通知：门的状态未知。传感器恢复后若门仍开着，该通知的立即通知。"

STORIES = {
    # -- the door ---------------------------------------------------------------------
    "closed": Story(
        "12:00 open, 12:01 close",
        "12:05",
        [f"{PLACE} is closed since 12:01.", IDLE],
        [f"{PLACE}从 12:01 起关着。", IDLE_ZH],
    ),
    "what-comes-later-is-not-known-yet": Story(
        "12:00 close, 12:10 open, 12:11 mute 13:00",
        "12:05",
        [f"{PLACE} is closed since 12:00.", IDLE],
        [f"{PLACE}从 12:00 起关着。", IDLE_ZH],
    ),
    "open-and-the-clock-runs": Story(
        "12:00 open",
        "12:02",
        [
            f"{PLACE} is open since 12:00, for 2 min.",
            "  Its condition holds since 12:00.",
            "  If nothing changes: at 12:03 residents.",
            "  If nothing changes: at 12:08 grid worker.",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 2 分钟。",
            "  从 12:00 起符合条件。",
            "  若无变化：12:03 通知居民。",
            "  若无变化：12:08 通知网格员。",
            LEADER_ZH,
        ],
    ),
    "unknown-since-it-fell-silent": Story(
        "12:00 open, 12:02 offline",
        "12:10",
        [
            f"{PLACE}: nobody knows. Last known open, no word since 12:02.",
            "  Its condition holds since 12:00.",
            PAUSE,
            "  residents: due since 12:03.",
            "  grid worker: due since 12:08.",
            LEADER,
        ],
        [
            f"{PLACE}：状态未知。最后一次是开着，从 12:02 起没有消息。",
            "  从 12:00 起符合条件。",
            PAUSE_ZH,
            "  居民：从 12:03 起该通知。",
            "  网格员：从 12:08 起该通知。",
            LEADER_ZH,
        ],
    ),
    "unknown-for-three-missed-heartbeats": Story(
        "10:00 close",
        "11:00",
        [
            f"{PLACE}: nobody knows. Last known closed, no word since 10:00.",
            "  Its condition holds since 10:00.",
            "  10:48 residents: not told: nobody could be reached",
            "  10:53 grid worker: told 孙磊",
            "  If nothing changes: at 11:15 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}：状态未知。最后一次是已关，从 10:00 起没有消息。",
            "  从 10:00 起符合条件。",
            "  10:48 居民：未通知：没有人联系得上",
            "  10:53 网格员：已通知孙磊",
            "  若无变化：11:15 通知网格长，除非已有人受理。",
        ],
        rules=when("silent"),
        records=[Told(at_ms("10:53"), "told", "grid_worker", "孙磊", "on_duty")],
    ),
    # -- what has come -----------------------------------------------------------------
    "told": Story(
        "12:00 open",
        "12:10",
        [
            f"{PLACE} is open since 12:00, for 10 min.",
            "  Its condition holds since 12:00.",
            "  12:03 residents: told residents",
            "  12:08 grid worker: told 王芳",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 10 分钟。",
            "  从 12:00 起符合条件。",
            "  12:03 居民：已通知居民",
            "  12:08 网格员：已通知王芳",
            LEADER_ZH,
        ],
        records=[
            Told(at_ms("12:08"), "told", "grid_worker", "王芳", "on_duty"),
            Told(at_ms("12:03"), "told", "residents", "", "by_rule"),
        ],
    ),
    "somebody-of-another-role-was-told-in-her-place": Story(
        "12:00 open",
        "12:29",
        [
            f"{PLACE} is open since 12:00, for 29 min.",
            "  Its condition holds since 12:00.",
            "  12:03 residents: not told: nobody could be reached",
            "  12:08 grid worker: told Anna Berg",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 29 分钟。",
            "  从 12:00 起符合条件。",
            "  12:03 居民：未通知：没有人联系得上",
            "  12:08 网格员：已通知Anna Berg",
            LEADER_ZH,
        ],
        records=[Told(at_ms("12:08"), "told", "community", "Anna Berg", "nobody_below")],
    ),
    "told-and-waiting": Story(
        "22:00 open",
        "22:09",
        [
            f"{PLACE} is open since 22:00, for 9 min.",
            "  Its condition holds since 22:00.",
            "  22:03 residents: told residents (waits until 4 Nov 06:00: quiet hours)",
            "  22:08 grid worker: told 王芳 (waits until 4 Nov 07:00: the night's budget is spent)",
            "  If nothing changes: at 22:30 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}从 22:00 起开着，已 9 分钟。",
            "  从 22:00 起符合条件。",
            "  22:03 居民：已通知居民（等到 11月4日 06:00：免打扰时段）",
            "  22:08 网格员：已通知王芳（等到 11月4日 07:00：当夜条数已用完）",
            "  若无变化：22:30 通知网格长，除非已有人受理。",
        ],
        records=[
            Told(at_ms("22:03"), "told", "residents", "", "by_rule", at_ms("+1 06:00"), "quiet"),
            Told(at_ms("22:08"), "told", "grid_worker", "王芳", "on_duty", at_ms("+1 07:00"), "budget"),
        ],
    ),
    "repetitions-are-steps-too": Story(
        "12:00 open",
        "12:14",
        [
            f"{PLACE} is open since 12:00, for 14 min.",
            "  Its condition holds since 12:00.",
            "  12:03 residents: told residents",
            "  12:08 grid worker: told 王芳",
            "  12:13 grid worker: not told: somebody had taken the case",
            "  If nothing changes: at 12:18 grid worker, unless somebody has taken it.",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 14 分钟。",
            "  从 12:00 起符合条件。",
            "  12:03 居民：已通知居民",
            "  12:08 网格员：已通知王芳",
            "  12:13 网格员：未通知：已有人受理",
            "  若无变化：12:18 通知网格员，除非已有人受理。",
            LEADER_ZH,
        ],
        rules=RULES.replace("tell: grid_worker}", "tell: grid_worker, repeat: {every: 5m, at_most: 2}}"),
        records=[
            Told(at_ms("12:03"), "told", "residents", "", "by_rule"),
            Told(at_ms("12:08"), "told", "grid_worker", "王芳", "on_duty"),
            Told(at_ms("12:13"), "not_told", "grid_worker", "", "taken"),
        ],
    ),
    "of-an-opening-long-ago-nothing-is-said": Story(
        "12:00 open, 12:10 close, 12:20 open",
        "12:21",
        [
            f"{PLACE} is open since 12:20, for 1 min.",
            "  The last alarm ended 12:10.",
            "  Its condition holds since 12:20.",
            "  If nothing changes: at 12:23 residents.",
            "  If nothing changes: at 12:28 grid worker.",
            "  If nothing changes: at 12:50 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}从 12:20 起开着，已 1 分钟。",
            "  上一次告警在 12:10 解除。",
            "  从 12:20 起符合条件。",
            "  若无变化：12:23 通知居民。",
            "  若无变化：12:28 通知网格员。",
            "  若无变化：12:50 通知网格长，除非已有人受理。",
        ],
        records=[Told(at_ms("12:03"), "told", "residents", "", "by_rule")],
    ),
    "all-steps-have-come": Story(
        "12:00 open",
        "12:40",
        [
            f"{PLACE} is open since 12:00, for 40 min.",
            "  Its condition holds since 12:00.",
            "  12:03 residents: not told: nobody could be reached",
            "  12:08 grid worker: due then; what became of it is not on record",
            "  12:30 grid leader: told 陈静",
            "  All its steps have come; the alarm stands until it is over.",
        ],
        [
            f"{PLACE}从 12:00 起开着，已 40 分钟。",
            "  从 12:00 起符合条件。",
            "  12:03 居民：未通知：没有人联系得上",
            "  12:08 网格员：届时该通知；结果没有记录",
            "  12:30 网格长：已通知陈静",
            "  各步都已通知；告警保持到恢复正常为止。",
        ],
        records=[Told(at_ms("12:30"), "told", "grid_leader", "陈静", "not_taken")],
    ),
    # -- over, and missed ---------------------------------------------------------------
    "over-but-not-for-long-enough": Story(
        "12:00 open, 12:10 close",
        "12:10:10",
        [
            f"{PLACE} is closed since 12:10.",
            "  It is over; the alarm is cleared once it has been over for 30 s.",
        ],
        [f"{PLACE}从 12:10 起关着。", "  已恢复；再保持 30 秒 就解除告警。"],
    ),
    "cleared": Story(
        "12:00 open, 12:10 close",
        "12:11",
        [f"{PLACE} is closed since 12:10.", "  The last alarm ended 12:10.", IDLE],
        [f"{PLACE}从 12:10 起关着。", "  上一次告警在 12:10 解除。", IDLE_ZH],
    ),
    "missed": Story(
        "12:00 open, 12:01 deaf, 12:20 close, 12:20 listening",
        "12:30",
        [
            f"{PLACE} is closed since 12:20.",
            "  Missed at 12:20: it was due 12:03 and over again while nobody listened or knew.",
            IDLE,
        ],
        [
            f"{PLACE}从 12:20 起关着。",
            "  12:20 错过一次：本应在 12:03 告警，但当时系统没在听或状态未知，之后已恢复。",
            IDLE_ZH,
        ],
    ),
    "missed-more-than-a-day-ago": Story(
        "12:00 open, 12:01 deaf, 12:20 close, 12:20 listening, +1 12:20 close",
        "+1 12:20:01",
        [f"{PLACE} is closed since 12:20.", IDLE],
        [f"{PLACE}从 12:20 起关着。", IDLE_ZH],
    ),
    # -- mutes --------------------------------------------------------------------------
    "muted": Story(
        "12:00 open, 12:01 mute 12:20",
        "12:10",
        [
            f"{PLACE} is open since 12:00, for 10 min.",
            "Muted until 12:20 by 马红: Removal. Nobody is told before; what is due then comes at once.",
            "  Its condition holds since 12:00.",
            "  The alarm is raised since 12:03.",
            "  residents: due 12:03, held back by a mute until 12:20.",
            "  grid worker: due 12:08, held back by a mute until 12:20.",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 10 分钟。",
            "静音到 12:20（马红：Removal）。此前不通知任何人；届时该通知的立即通知。",
            "  从 12:00 起符合条件。",
            "  从 12:03 起告警。",
            "  居民：应在 12:03 通知，静音到 12:20。",
            "  网格员：应在 12:08 通知，静音到 12:20。",
            LEADER_ZH,
        ],
        mutes=[MuteNote(at_ms("12:20"), "Removal", "马红")],
    ),
    "muted-by-nobody-knows-whom": Story(
        "12:00 close, 12:01 mute 12:20",
        "12:10",
        [
            f"{PLACE} is closed since 12:00.",
            "Muted until 12:20 by —: —. Nobody is told before; what is due then comes at once.",
            IDLE,
        ],
        [
            f"{PLACE}从 12:00 起关着。",
            "静音到 12:20（—：—）。此前不通知任何人；届时该通知的立即通知。",
            IDLE_ZH,
        ],
        mutes=[MuteNote(at_ms("12:10"), "Over", "陈静")],
    ),
    "the-mute-is-over": Story(
        "12:00 open, 12:01 mute 12:20",
        "12:21",
        [
            f"{PLACE} is open since 12:00, for 21 min.",
            "  Its condition holds since 12:00.",
            "  12:20 residents: told residents",
            "  12:20 grid worker: told 王芳",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 21 分钟。",
            "  从 12:00 起符合条件。",
            "  12:20 居民：已通知居民",
            "  12:20 网格员：已通知王芳",
            LEADER_ZH,
        ],
        records=[
            Told(at_ms("12:20"), "told", "grid_worker", "王芳", "on_duty"),
            Told(at_ms("12:20"), "told", "residents", "", "by_rule"),
        ],
    ),
    # -- windows ------------------------------------------------------------------------
    "in-its-window": Story(
        "22:30 open",
        "22:31",
        [
            f"{PLACE} is open since 22:30, for 1 min.",
            "  Its condition holds since 22:30.",
            "  Its window is open until 4 Nov 06:00.",
            "  If nothing changes: at 22:33 residents.",
            "  If nothing changes: at 22:38 grid worker.",
            "  If nothing changes: at 23:00 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}从 22:30 起开着，已 1 分钟。",
            "  从 22:30 起符合条件。",
            "  计时时段到 11月4日 06:00 为止。",
            "  若无变化：22:33 通知居民。",
            "  若无变化：22:38 通知网格员。",
            "  若无变化：23:00 通知网格长，除非已有人受理。",
        ],
        rules=NIGHT,
    ),
    "before-its-window": Story(
        "12:00 open",
        "12:31",
        [
            f"{PLACE} is open since 12:00, for 31 min.",
            "  Its condition holds since 12:00.",
            "  It does not count now; its next window begins 22:00.",
            "  If nothing changes: at 22:03 residents.",
            "  If nothing changes: at 22:08 grid worker.",
            "  If nothing changes: at 22:30 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}从 12:00 起开着，已 31 分钟。",
            "  从 12:00 起符合条件。",
            "  现在不计时；下一个时段从 22:00 开始。",
            "  若无变化：22:03 通知居民。",
            "  若无变化：22:08 通知网格员。",
            "  若无变化：22:30 通知网格长，除非已有人受理。",
        ],
        rules=NIGHT,
    ),
    "closed-before-its-window": Story(
        "12:00 close",
        "12:31",
        [
            f"{PLACE} is closed since 12:00.",
            IDLE,
            "  It does not count now; its next window begins 22:00.",
        ],
        [f"{PLACE}从 12:00 起关着。", IDLE_ZH, "  现在不计时；下一个时段从 22:00 开始。"],
        rules=NIGHT,
    ),
    "its-window-never-comes": Story(
        "12:00 close",
        "12:31",
        [
            f"{PLACE} is closed since 12:00.",
            IDLE,
            "  It does not count now, and no window of it comes within two years.",
        ],
        [f"{PLACE}从 12:00 起关着。", IDLE_ZH, "  现在不计时，两年内也没有它的时段。"],
        rules="periods:\n  past: {from: 2020-01-01, to: 2020-02-01}\n" + during("in: past"),
    ),
    "its-window-is-too-short": Story(
        "22:01 open",
        "22:02",
        [
            f"{PLACE} is open since 22:01, for 1 min.",
            "  Its condition holds since 22:01.",
            "  Its window is open until 22:20.",
            "  If nothing changes: at 22:04 residents.",
            "  If nothing changes: at 22:09 grid worker.",
            "  grid leader: never, for its windows are too short for this step.",
        ],
        [
            f"{PLACE}从 22:01 起开着，已 1 分钟。",
            "  从 22:01 起符合条件。",
            "  计时时段到 22:20 为止。",
            "  若无变化：22:04 通知居民。",
            "  若无变化：22:09 通知网格员。",
            "  网格长：永远不会通知，时段比这一步还短。",
        ],
        rules=during('from: "22:00", to: "22:20"').replace(
            'during: {from: "22:00", to: "22:20"}',
            'during: [{from: "22:00", to: "22:20"}, {from: "23:00", to: "23:20"}]',
        ),
    ),
    # -- what is usual ---------------------------------------------------------------------
    "usual-and-learned": Story(
        "12:00 open",
        "12:01",
        [
            f"{PLACE} is open since 12:00, for 1 min.",
            "  Its condition holds since 12:00.",
            "  If nothing changes: at 12:03 residents.",
            "    99 of 100 openings of this door at this hour of the week were not longer than 3 min 20 s (50 openings, 2026-10-04 to 2026-11-03); never sooner than 2 min, never later than 6 min.",
            "  If nothing changes: at 12:08 grid worker.",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 1 分钟。",
            "  从 12:00 起符合条件。",
            "  若无变化：12:03 通知居民。",
            "    这扇门在每周这个钟点，100 次开门有 99 次不超过 3 分钟 20 秒（50 次，2026-10-04 至 2026-11-03）；绝不早于 2 分钟，绝不晚于 6 分钟。",
            "  若无变化：12:08 通知网格员。",
            LEADER_ZH,
        ],
        rules=USUALLY,
        usual={(DOOR, 99): tuple(200_000 * (hour == 36) for hour in range(HOURS_OF_WEEK))},
        bases={99: Basis((50,) * HOURS_OF_WEEK, at_ms("-30 12:00"), at_ms("12:00"))},
    ),
    "usual-and-known-of-another-hour": Story(
        "13:00 open",
        "13:01",
        [
            f"{PLACE} is open since 13:00, for 1 min.",
            "  Its condition holds since 13:00.",
            "  If nothing changes: at 13:06 residents.",
            "    Too little is known of this door at this hour, so it is told after 6 min.",
            "  If nothing changes: at 13:08 grid worker.",
            "  If nothing changes: at 13:30 grid leader, unless somebody has taken it.",
        ],
        [
            f"{PLACE}从 13:00 起开着，已 1 分钟。",
            "  从 13:00 起符合条件。",
            "  若无变化：13:06 通知居民。",
            "    这扇门在这个钟点的记录太少，所以 6 分钟 后通知。",
            "  若无变化：13:08 通知网格员。",
            "  若无变化：13:30 通知网格长，除非已有人受理。",
        ],
        rules=USUALLY,
        usual={(DOOR, 99): tuple(200_000 * (hour == 36) for hour in range(HOURS_OF_WEEK))},
        bases={99: Basis((50,) * HOURS_OF_WEEK, at_ms("-30 12:00"), at_ms("12:00"))},
    ),
    "usual-and-not-learned": Story(
        "12:00 open",
        "12:07",
        [
            f"{PLACE} is open since 12:00, for 7 min.",
            "  Its condition holds since 12:00.",
            "  12:06 residents: not told: nobody could be reached",
            "  If nothing changes: at 12:08 grid worker.",
            LEADER,
        ],
        [
            f"{PLACE}从 12:00 起开着，已 7 分钟。",
            "  从 12:00 起符合条件。",
            "  12:06 居民：未通知：没有人联系得上",
            "  若无变化：12:08 通知网格员。",
            LEADER_ZH,
        ],
        rules=USUALLY,
    ),
    # -- rules that do not watch it -----------------------------------------------------------
    "not-watching-for-its-places": Story(
        "",
        "12:00",
        [NEVER_REPORTED, "  Does not watch it: it is for 东湖社区, 南湖社区 only."],
        [NEVER_REPORTED_ZH, "  此规则不管这里：只管 东湖社区, 南湖社区。"],
        rules=watching("watch: {within: [南湖社区, 东湖社区]}"),
    ),
    "not-watching-for-its-tags": Story(
        "",
        "12:00",
        [NEVER_REPORTED, "  Does not watch it: it is for the tags x, y only."],
        [NEVER_REPORTED_ZH, "  此规则不管这里：只管带标签 x, y 的出入口。"],
        rules=watching("watch: {tags: [y, x]}"),
    ),
    "not-watching-for-it-names-others": Story(
        "",
        "12:00",
        [NEVER_REPORTED, "  Does not watch it: it names other entrances."],
        [NEVER_REPORTED_ZH, "  此规则不管这里：它点名的是别的出入口。"],
        rules=watching("watch: {entrance: [gate-*, mjz-2]}"),
    ),
    "not-watching-for-it-is-an-exception": Story(
        "",
        "12:00",
        [NEVER_REPORTED, "  Does not watch it: it is one of its exceptions."],
        [NEVER_REPORTED_ZH, "  此规则不管这里：属于它的例外。"],
        rules=watching("except: [{tags: 老人多}]"),
    ),
    "not-watching-for-its-device-is-on-trial": Story(
        "12:00 open",
        "12:05",
        [f"{PLACE} is open since 12:00, for 5 min.", "  Does not watch it: its device is on trial."],
        [f"{PLACE}从 12:00 起开着，已 5 分钟。", "  此规则不管这里：设备还在试运行。"],
        row=ROW._replace(trial=True),
    ),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", STORIES)
def test_each_situation_is_said_word_for_word(name: str, language: Language) -> None:
    story = STORIES[name]
    wanted = story.en if language == "en" else story.zh
    of_door = [line for line in wanted if not line.startswith("  ")]
    assert story.said(language) == [*of_door, "", TITLE[language], *of_rule(wanted)]


@pytest.mark.parametrize(
    ("why", "en", "zh"),
    [
        ("taken", "not told: somebody had taken the case", "未通知：已有人受理"),
        ("settled", "not told: the case was settled", "未通知：事件单已办结"),
        ("reminded_before", "not told: residents were reminded before", "未通知：居民之前已提醒过"),
        ("nobody", "not told: nobody could be reached", "未通知：没有人联系得上"),
        ("a reason of tomorrow", "not told: a reason of tomorrow", "未通知：a reason of tomorrow"),
    ],
)
def test_why_somebody_was_not_told_is_said(why: str, en: str, zh: str) -> None:
    record = Told(at_ms("12:08"), "not_told", "grid_worker", "", why)
    story = Story("12:00 open", "12:10", (), (), records=[record])
    assert f"  12:08 grid worker: {en}" in story.said("en")
    assert f"  12:08 网格员：{zh}" in story.said("zh")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "  Switched off here because it broke; change the rules or restart to try it again."),
        ("zh", "  因出错已在此停用；修改规则或重启后会再试。"),
    ],
)
def test_a_rule_that_broke_is_said_to_be_off(
    language: Language, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Engine, entrance: str, step: Step, count: int) -> int:
        raise KeyError(entrance)

    monkeypatch.setattr(Engine, "_after", broken)
    assert of_rule(Story("12:00 open", "12:10", (), ()).said(language)) == [words]


def test_each_rule_has_its_own_lines_in_the_order_of_the_files() -> None:
    more = RULES.partition("rules:\n")[2].replace("left-open", "low").replace("left_open", "battery_low")
    lines = Story("12:00 open", "12:01", (), (), rules=RULES + more).said("en")
    assert [line for line in lines if "(" in line] == [
        "Unit door left open (left-open)",
        "Unit door left open (low)",
    ]
    assert lines[-1] == IDLE


@pytest.mark.parametrize(
    ("at", "since"),
    [
        ("23:00", "12:00"),
        ("+1 09:00", "yesterday 12:00"),
        ("+3 09:00", "Tue 12:00"),
        ("+7 09:00", "3 Nov 12:00"),
    ],
)
def test_a_moment_of_another_day_is_said_with_its_day(at: str, since: str) -> None:
    row = ROW._replace(heartbeat_ms=None, silent_after_ms=None)
    first, *_ = Story("12:00 open", at, (), (), row=row).said("en")
    assert first.startswith(f"{PLACE} is open since {since}, for ")


# -- what it should not say ---------------------------------------------------------------


class Odd(NamedTuple):
    """A sentence that misleads, in what situation, and why."""

    story: Story
    words: str
    reason: str


CLOSED_LONG_AGO = Story("10:00 close", "12:00", (), ())
ODD = {
    "unknown-is-not-well": Odd(
        CLOSED_LONG_AGO, "Nothing is the matter", "nobody knows of the door, and nothing is the matter"
    ),
    "no-word-is-not-well": Odd(
        Story("", "12:00", (), ()), "Nothing is the matter", "it never reported, and nothing is the matter"
    ),
    "open-since-nobody-knows": Odd(
        Story("12:00 retained-open", "12:05", (), ()),
        "is open since nobody knows when, for —",
        "two sentences are put into each other",
    ),
    "nothing-comes-in-the-past": Odd(
        Story("12:00 open, 12:01 deaf", "12:30", (), ()),
        "If nothing changes: at 12:03 residents",
        "asked at 12:30 while nobody listens, it names a moment that is over",
    ),
    "due-later-was-not-due": Odd(
        Story("12:00 open, 12:01 mute 13:00", "12:05", (), ()),
        "was due 12:08",
        "asked at 12:05, it says that a step was due at 12:08",
    ),
    "a-window-that-never-comes-is-not-too-short": Odd(
        STORIES["its-window-never-comes"]._replace(script="12:00 open"),
        "its windows are too short",
        "no window comes at all, and it says that they are too short",
    ),
    "where-all-steps-came-none-pauses": Odd(
        Story("12:00 open", "13:00", (), ()),
        "Steps pause",
        "all steps have come, and it says that they pause",
    ),
    "a-kind-in-words": Odd(
        Story("", "12:00", (), (), rules=watching("watch: {kind: gate}")),
        "it is for gate only",
        "a kind is said as it is written in a file",
    ),
}


@pytest.mark.parametrize(
    "odd",
    [pytest.param(odd, id=name) for name, odd in ODD.items()],
)
def test_nothing_misleading_is_said(odd: Odd) -> None:
    assert not [line for line in odd.story.said("en") if odd.words in line]


def test_a_chinese_line_has_chinese_punctuation() -> None:
    lines = STORIES["told-and-waiting"].said("zh")
    assert not [line for line in lines if ": " in line or " （" in line]


def test_whoever_is_said_to_be_told_of_flapping_is_told_if_nothing_changes() -> None:
    script = "12:00 open, 12:00:10 close, 12:00:20 open, 12:00:30 close"
    flapping = when("chattering\n    openings: 2\n    openings_within: 10m")
    announced = [
        line for line in Story(script, "12:01", (), (), rules=flapping).said("en") if "at 12:" in line
    ]
    loaded, _ = load_texts([("rules.yaml", flapping)])
    assert loaded
    _, said = played(Setup(loaded.rules, {DOOR: ROW}, ZONE), parts(script), at_ms("13:00"))
    assert len(announced) == sum(isinstance(outcome, StepDue) for outcome in said)


# -- out of a directory and its database ----------------------------------------------------

QUIET = 'quiet:\n  - {role: grid_worker, from: "22:00", to: "07:00"}\n'
EVENING = at_ms("21:00")


class Asked:
    """A directory, and a database in which its gateway lived."""

    def __init__(self, path: Path, rules: str) -> None:
        self.directory = write_directory(path / "d", broker_port=1, phone_port=1, rules=rules)
        self.lived = Lived(self.directory / "data", rules, now=EVENING)

    def opened(self) -> Directory:
        return open_directory(self.directory)

    def said(
        self, at: int | None = None, entrance: str = "door-00000", language: Language = "en"
    ) -> list[str]:
        return explain(self.opened(), self.lived.db, entrance, at or self.lived.now, language)

    def change(self, rules: str) -> None:
        """Other rules, as a running gateway takes them."""
        name = "rules/rules.yaml"
        (self.directory / name).write_text(rules)
        setup = self.opened().setup(self.lived.now)
        self.lived.road.change(setup, self.lived.now, Activation([(name, rules)], "test", "reload"))


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Callable[..., Asked]]:
    made: list[Asked] = []

    def ask(rules: str = RULES) -> Asked:
        made.append(Asked(tmp_path, rules))
        return made[-1]

    yield ask
    for one in made:
        one.lived.close()


def test_it_says_what_the_gateway_did_and_will_do(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.say("open")
    house.lived.go(10 * MINUTE_MS)
    assert house.said() == [
        "西湖社区 北家属院 0号楼1单元门 is open since 21:00, for 10 min.",
        "",
        "Unit door left open (left-open)",
        "  Its condition holds since 21:00.",
        "  21:03 residents: told residents",
        "  21:08 grid worker: told 王芳",
        "  If nothing changes: at 21:30 grid leader, unless somebody has taken it.",
    ]
    assert house.said(EVENING + 4 * MINUTE_MS)[-3:] == [
        "  21:03 residents: told residents",
        "  If nothing changes: at 21:08 grid worker.",
        "  If nothing changes: at 21:30 grid leader, unless somebody has taken it.",
    ]
    house.lived.go(30 * MINUTE_MS)
    assert house.said()[-2] == "  21:30 grid leader: told 陈静"
    assert house.said(entrance="door-00001")[0] == "西湖社区 北家属院 1号楼1单元门 has not reported yet."


def test_heartbeats_that_were_condensed_are_known(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.say("closed")
    for _ in range(8):
        house.lived.go(15 * MINUTE_MS)
        house.lived.say("closed", why="heartbeat")
    house.lived.condense()
    assert house.said()[0] == "西湖社区 北家属院 0号楼1单元门 is closed since 21:00."


def test_what_waits_for_the_morning_is_said_with_its_reason(asked: Callable[..., Asked]) -> None:
    house = asked(RULES + QUIET)
    house.lived.go(HOUR_MS)
    house.lived.say("open")
    house.lived.go(10 * MINUTE_MS)
    assert "  22:08 grid worker: told 王芳 (waits until 4 Nov 07:00: quiet hours)" in house.said()


def test_what_has_waited_does_not_wait_any_more(asked: Callable[..., Asked]) -> None:
    house = asked(RULES + QUIET)
    house.lived.go(HOUR_MS)
    house.lived.say("open")
    for _ in range(12):
        house.lived.go(HOUR_MS)
        house.lived.say("open", why="heartbeat")
    assert house.lived.now > at_ms("+1 07:00")
    assert not [line for line in house.said() if "waits until" in line]


def test_a_past_moment_is_explained_by_the_rules_that_were_in_force_then(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.change(RULES)
    house.lived.say("open")
    house.lived.go(MINUTE_MS)
    house.change(RULES.replace("30m", "40m"))
    house.lived.go(MINUTE_MS)
    assert house.said()[-1] == "  If nothing changes: at 21:40 grid leader, unless somebody has taken it."
    then = house.said(EVENING + MINUTE_MS - 1)
    assert then[-1] == "  If nothing changes: at 21:30 grid leader, unless somebody has taken it."


def test_who_was_told_by_the_rules_before_is_not_said_to_be_told_again(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.say("open")
    house.lived.go(4 * MINUTE_MS)
    house.change(RULES.replace("3m", "6m"))
    house.lived.go(MINUTE_MS)
    said = house.said()
    house.lived.go(2 * MINUTE_MS)
    assert [m.text for m in house.lived.messages()] == ["remind"], "once, and not at 21:06 again"
    assert "  If nothing changes: at 21:06 residents." not in said


def test_a_mute_is_said_with_who_wanted_it_and_why(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.mute(house.lived.now + HOUR_MS, entrance=("door-00000",))
    muted = "Muted until 22:00 by 马红: Removal. Nobody is told before; what is due then comes at once."
    assert house.said()[1] == muted
    assert house.said(entrance="door-00001")[1] == ""
    house.lived.go(MINUTE_MS)
    house.lived.unmute()
    house.lived.go(MINUTE_MS)
    assert house.said()[1] == ""


def test_a_mute_of_another_door_is_not_quoted(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.mute(house.lived.now + HOUR_MS, "Removal", entrance=("door-00000",))
    house.lived.mute(house.lived.now + 2 * HOUR_MS, "Fire drill", entrance=("door-00001",))
    assert house.said()[1].startswith("Muted until 22:00 by 马红: Removal.")


def test_residents_whom_nobody_can_reach_are_said_to_be_out_of_reach(asked: Callable[..., Asked]) -> None:
    house = asked()
    house.lived.here = house.lived.here.__class__(
        house.lived.here.registry, house.lived.here.setup, lambda who: not who.startswith("residents")
    )
    house.lived.restart()
    house.lived.say("open")
    house.lived.go(4 * MINUTE_MS)
    assert "  21:03 residents: not told: nobody could be reached" in house.said()


def test_the_rule_of_the_small_district_is_explained_in_both_languages(asked: Callable[..., Asked]) -> None:
    house = asked(RULE)
    house.lived.say("open")
    house.lived.go(5_000)
    assert house.said()[3:] == [
        "  Its condition holds since 21:00.",
        "  21:00 residents: told residents",
        "  21:00 grid worker: told 王芳",
        "  If nothing changes: at 21:01 grid leader, unless somebody has taken it.",
    ]
    assert house.said(language="zh")[2] == "单元门未关 (left-open)"
