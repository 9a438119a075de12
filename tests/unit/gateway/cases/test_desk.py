"""The desk, told as small stories: alarms and people's acts in, what comes of them out.

``"180 step residents"`` is 180 s after the door was opened; ``night`` names another rule,
``b`` another opening of the same door. ``"480 raise muted"`` is raised while nobody is to be
told, ``again1`` the first repetition of a step. What comes out is sorted by time only; the
door is opened at 22:13:20, and what waits says until when.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.cases.act import Act
from gateway.cases.desk import Changes, Desk, Handled, Over
from gateway.notify.courtesy import Told
from gateway.notify.message import KEEPS_MS, Message, bundle_of
from gateway.places.model import Person, Registry
from rules.engine import Setup
from rules.outcome import AlarmCleared, AlarmRaised, Cleared, Outcome, RuleFailed, StepDue, alarm_id
from rules.rule import Budget, Condition, Quiet, Rule, RuleSet, Severity, Step, Watch
from rules.window import Windows
from tests.small_district import GRID, PEOPLE, entrance

T0 = 1_790_000_000_000
DOOR = entrance(1)
COMMUNITY = GRID.rpartition("/")[0]
STAFF = [
    *(Person(ident, name, role, place) for ident, name, role, place in PEOPLE),
    Person("chief", "何平", "community", COMMUNITY),
    Person("stranger", "赵敏", "grid_leader", GRID.replace("第一", "第二")),
]
EVERYBODY = {*(person.id for person in STAFF), DOOR.resident_key}
_LINE = re.compile(r"(\d+) (\w+)(?: (.+))?")
ZONE = ZoneInfo("Asia/Shanghai")
NIGHT = Windows.daily(22 * 60, 6 * 60)


def _rule(name: str, when: Condition = Condition.LEFT_OPEN, severity: Severity = Severity.NORMAL) -> Rule:
    return Rule(
        name=name,
        title={"zh": name, "en": name},
        why="A test.",
        watch=Watch(),
        when=when,
        steps=(Step(after_ms=0, tell="grid_worker"),),
        severity=severity,
    )


RULES = (
    _rule("day"),
    _rule("night"),
    _rule("low", Condition.BATTERY_LOW),
    _rule("grave", severity=Severity.HIGH),
)


class Played:
    """One desk, and the story that it was told."""

    def __init__(
        self,
        reachable: Container[str] = EVERYBODY,
        *,
        quiet: Iterable[Quiet] = (),
        budgets: Iterable[Budget] = (),
        told: Iterable[Told] = (),
    ) -> None:
        registry = Registry([DOOR], [], STAFF)
        rules = RuleSet(RULES, hash="h", quiet=tuple(quiet), budgets=tuple(budgets))
        self.desk = Desk(registry, Setup(rules, {}, ZONE), lambda who: who in reachable, told=told)
        self.told: list[str] = []
        self.messages: list[Message] = []
        self.facts: list[dict[str, object]] = []
        self._case = ""

    def play(self, script: str) -> list[str]:
        for line in script.split(", "):
            self._do(line)
        return self.told

    def _do(self, line: str) -> None:
        match = _LINE.fullmatch(line)
        assert match, line
        at, what, words = T0 + int(match[1]) * 1000, match[2], (match[3] or "").split()
        if what in ("raise", "step", "clear", "fail"):
            self.desk.on_outcome(_outcome(what, at, words))
        else:
            person, *rest = words
            reason, _, note = " ".join(rest).partition(": ")
            act = Act.model_validate(
                {"do": what, "person": person, "case": self._case, "reason": reason, "note": note}
            )
            answer = self.desk.on_act(act, at)
            if answer != "done":
                self.told.append(f"{match[1]} {person} is answered {answer}")
        self._read(self.desk.take_changes(), match[1])

    def _read(self, changes: Changes, at: str) -> None:
        for case in changes.cases.values():
            self._case = case.id
        for event in changes.events:
            self.facts.append(dict(event.facts))
            who = event.facts.get("person") or event.facts.get("role") or event.who or ""
            by = f" by {event.who}" if event.who and event.who != who else ""
            why = (
                f"{event.why}, waits for {event.facts['waits_for']}"
                if "waits_for" in event.facts
                else event.why
            )
            self.told.append(" ".join(f"{at} {event.what} {who}{by} ({why})".split()))
        for message in changes.messages:
            self.messages.append(message)
            person = "residents" if message.person == DOOR.resident_key else message.person
            until = f" at {_clock(message.not_before_ms)}" if message.not_before_ms else ""
            self.told.append(f"{at} > {message.text} to {person}{until}")
        self.told += [f"{at} > all clear about {over.alarm.rule}{_quiet(over)}" for over in changes.all_clear]
        self.told += [f"{at} > handled{_quiet(handled)}" for handled in changes.handled]

    @property
    def owner(self) -> tuple[str | None, str, str, str]:
        case = self.desk._cases[self._case]
        return case.owner, case.owner_role, case.owner_why, str(case.state)


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, ZONE):%H:%M}"


def _quiet(said: Over | Handled) -> str:
    return "".join(f", to {role} at {_clock(end)}" for role, end in said.quiet.items())


def _outcome(what: str, at: int, words: list[str]) -> Outcome:
    rule = next((word for word in words if word in ("night", "low", "grave")), "day")
    since = T0 if "b" not in words else T0 + 1_000_000
    condition = Condition.BATTERY_LOW if rule == "low" else Condition.LEFT_OPEN
    about = {
        "entrance": DOOR.id,
        "at_ms": at,
        "alarm": alarm_id(rule, DOOR.id, since),
        "rule": rule,
        "since_ms": since,
    }
    match what:
        case "raise":
            until = at + 1_000 if "muted" in words else 0
            return AlarmRaised(**about, condition=condition, due_ms=at, late=False, muted_until_ms=until)  # type: ignore[arg-type]  # mixed values
        case "clear":
            reason = Cleared.RULE_REMOVED if "removed" in words else Cleared.OVER
            return AlarmCleared(**about, reason=reason, ended_ms=at - 30_000)  # type: ignore[arg-type]  # mixed values
        case "fail":
            return RuleFailed(
                entrance=DOOR.id, at_ms=at, rule=rule, error="ZeroDivisionError()", everywhere=True
            )
    again = next((int(word.removeprefix("again")) for word in words if word.startswith("again")), 0)
    return StepDue(
        **about,  # type: ignore[arg-type]  # mixed values
        condition=condition,
        step=again,
        tell=words[0],
        unless_taken="unless" in words,
        due_ms=at,
        late=False,
        muted="muted" in words,
        again=again,
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "180 raise, 180 step residents, 200 clear",
            ["180 > remind to residents", "200 > all clear about day"],
            id="a-reminder-to-residents-is-no-case",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 take worker, 600 clear",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 taken worker (took_it)",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day",
            ],
            id="taken-and-settled-by-the-sensor",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 900 step grid_leader unless, 950 step community",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "900 passed_up leader (not_taken)",
                "900 told leader (not_taken)",
                "900 > tell to leader",
                "950 passed_up chief (not_taken)",
                "950 told chief (not_taken)",
                "950 > tell to chief",
            ],
            id="nobody-took-it-so-it-goes-up",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 take second, 900 step grid_leader unless, 950 step community",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 taken second (took_it)",
                "900 not_told grid_leader (taken)",
                "950 told chief (first_listed)",
                "950 > tell to chief",
            ],
            id="a-taken-case-is-passed-to-nobody-who-should-hear-only-of-untaken-ones",
        ),
        pytest.param(
            "60 raise, 60 step grid_worker, 180 step residents, 300 take worker, 400 step residents unless",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "180 told residents (by_rule)",
                "180 > remind to residents",
                "300 taken worker (took_it)",
                "400 not_told residents (taken)",
            ],
            id="residents-may-come-after-the-worker",
        ),
        pytest.param(
            "180 raise, 180 step residents, 480 step grid_worker, 500 take second, 600 clear, "
            "1200 raise b, 1200 step residents b, 1500 step grid_worker b",
            [
                "180 > remind to residents",
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 taken second (took_it)",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day",
                "1200 reopened (day)",
                "1200 not_told residents (reminded_before)",
                "1500 told second (has_it)",
                "1500 > tell to second",
            ],
            id="soon-after-settling-it-is-the-same-case-with-the-same-owner",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 600 clear, 1201 raise b, 1500 step grid_worker b",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day",
                "1500 filed worker (day)",
                "1500 told worker (first_listed)",
                "1500 > tell to worker",
            ],
            id="later-it-is-a-new-case",
        ),
        pytest.param(
            "180 raise, 180 step residents, 200 raise night, 480 step grid_worker night, 600 clear, 610 clear night",
            [
                "180 > remind to residents",
                "480 filed worker (night)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "600 alarm_over (day)",
                "600 > all clear about day",
                "610 settled (verified_by_sensor)",
                "610 > all clear about night",
            ],
            id="two-alarms-of-one-door-are-one-case-and-the-last-settles-it",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 490 raise low, 490 step grid_worker low",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "490 filed worker (low)",
                "490 told worker (first_listed)",
                "490 > tell to worker",
            ],
            id="the-door-and-its-sensor-are-two-cases",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 settle worker, 500 settle worker in_use: 搬家, "
            "520 take second, 900 step grid_leader unless, 950 clear",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 worker is answered reason_needed",
                "500 settled worker (in_use)",
                "500 > handled",
                "520 second is answered already_settled",
                "900 not_told grid_leader (settled)",
                "950 > all clear about day",
            ],
            id="settled-by-hand-with-a-reason-and-nobody-is-told-any-more",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 take worker, 510 take worker, 520 take second",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 taken worker (took_it)",
                "510 worker is answered already_yours",
                "520 second is answered already_taken",
            ],
            id="only-one-takes-it",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 take worker, 520 pass_up worker : 门锁坏了, 530 take leader",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 taken worker (took_it)",
                "520 passed_up leader by worker (asked)",
                "520 > passed to leader",
                "530 taken leader (took_it)",
            ],
            id="passed-up-by-hand",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 500 take stranger, 500 settle stranger closed, 500 take nobody",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "500 stranger is answered not_found",
                "500 stranger is answered not_found",
                "500 nobody is answered not_found",
            ],
            id="another-grid-learns-nothing",
        ),
        pytest.param(
            "480 raise, 480 step grid_worker, 600 clear removed",
            [
                "480 filed worker (day)",
                "480 told worker (first_listed)",
                "480 > tell to worker",
                "600 settled (rule_removed)",
                "600 > all clear about day",
            ],
            id="a-rule-that-is-gone-is-not-verified-by-a-sensor",
        ),
        pytest.param(
            "10 fail", ["10 > rule_off to maintainer"], id="a-rule-that-is-off-is-for-the-maintainer"
        ),
        pytest.param("10 login worker", ["10 > login to worker"], id="a-log-in"),
        pytest.param("10 login nobody", ["10 nobody is answered not_found"], id="a-log-in-of-nobody"),
    ],
)
def test_a_story(script: str, expected: list[str]) -> None:
    assert Played().play(script) == expected


def test_whose_it_is_and_why() -> None:
    played = Played()
    played.play("480 raise, 480 step grid_worker")
    assert played.owner == ("worker", "grid_worker", "first_listed", "filed")
    played.play("490 take second")
    assert played.owner == ("second", "grid_worker", "took_it", "taken")
    played.play("500 pass_up second")
    assert played.owner == ("leader", "grid_leader", "passed_up", "filed")
    played.play("510 take leader, 520 pass_up leader, 530 pass_up leader")
    assert played.owner == ("chief", "community", "passed_up", "filed")
    assert played.told[-1] == "530 leader is answered nobody_above"


@pytest.mark.parametrize(
    ("unreachable", "expected", "owner"),
    [
        pytest.param({"worker"}, "480 told second (next_listed)", "second", id="a-colleague-can"),
        pytest.param({"worker", "second"}, "480 told leader (nobody_below)", "leader", id="no-worker"),
        pytest.param(
            {"worker", "second", "leader"}, "480 told chief (nobody_below)", "chief", id="nobody-in-the-grid"
        ),
        pytest.param(
            {"worker", "second", "leader", "chief"}, "480 not_told grid_worker (nobody)", None, id="nobody"
        ),
    ],
)
def test_who_cannot_be_reached_is_passed_over_and_the_case_says_so(
    unreachable: set[str], expected: str, owner: str | None
) -> None:
    played = Played(EVERYBODY - unreachable)
    told = played.play("480 raise, 480 step grid_worker")
    assert expected in told
    assert played.owner[0] == owner
    assert told[0].startswith("480 filed"), "a case that nobody can be told of is a case all the same"


def test_residents_without_a_contact_are_not_told_and_the_case_says_so() -> None:
    played = Played(EVERYBODY - {DOOR.resident_key})
    assert played.play("180 raise, 180 step residents") == []
    assert played.play("480 step grid_worker, 490 step residents")[-1] == "490 not_told residents (nobody)"


def test_what_nothing_can_reopen_is_forgotten() -> None:
    played = Played()
    played.play("480 raise, 480 step grid_worker, 600 clear")
    played.desk.forget_until(T0 + 1_200_000)
    assert played.play("1190 take worker")[-1] == "1190 worker is answered already_settled"
    played.desk.forget_until(T0 + 1_200_001)
    assert played.play("1201 take worker")[-1] == "1201 worker is answered not_found"


# -- mutes and repetitions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("1200 raise b muted", [], id="raised-while-muted-it-reopens-nothing"),
        pytest.param("1200 raise b", ["1200 reopened (day)"], id="raised-unmuted-it-does"),
        pytest.param(
            "1000 raise b muted, 1100 clear b, 1150 raise night b",
            ["1100 > all clear about day", "1150 reopened (night)"],
            id="the-mute-of-one-alarm-does-not-count-for-the-next",
        ),
        pytest.param(
            "1200 raise b muted, 1201 step residents b muted, 1202 step grid_worker b muted",
            [
                "1201 > remind to residents",
                "1202 filed worker (day)",
                "1202 told worker (first_listed)",
                "1202 > tell to worker",
            ],
            id="when-the-mute-ends-it-is-a-new-case-and-residents-are-reminded-anew",
        ),
    ],
)
def test_an_alarm_that_is_muted_reopens_no_case(script: str, expected: list[str]) -> None:
    played = Played()
    before = list(played.play("480 raise, 480 step grid_worker, 600 clear"))
    assert played.play(script)[len(before) :] == expected


def test_an_alarm_that_is_muted_joins_the_case_that_there_is() -> None:
    told = Played().play("480 raise, 480 step grid_worker, 500 raise night muted, 600 clear, 610 clear night")
    assert told[3:] == [
        "500 alarm_joined (night)",
        "600 alarm_over (day)",
        "600 > all clear about day",
        "610 settled (verified_by_sensor)",
        "610 > all clear about night",
    ]


def test_a_case_says_that_a_mute_held_its_telling_back() -> None:
    played = Played()
    played.play("480 raise muted, 481 step grid_worker muted, 482 step grid_leader")
    told = [facts for facts in played.facts if "message" in facts]
    assert [facts.get("muted") for facts in told] == [True, None]


def test_one_person_is_told_once_of_one_opening_and_again_only_where_a_rule_repeats() -> None:
    played = Played()
    played.play(
        "480 raise, 480 step grid_worker, 500 raise night, 500 step grid_worker night, "
        "600 step grid_worker again1, 700 step grid_worker again2, 800 step grid_worker night again1"
    )
    first, other, *again = [message.id for message in played.messages]
    assert other == first, "another rule leads to the same message, and the outbox keeps one"
    assert len({first, *again}) == 4, "each repetition of each rule is a message of its own"
    twice = Played()
    twice.play("480 raise, 600 step grid_worker again1")
    assert [message.id for message in twice.messages] == again[:1], "and queueing it again changes nothing"


# -- leaving people alone: the door is opened at 22:13, in the night of all these ----------------

ALL_QUIET = (Quiet(role="grid_worker", windows=NIGHT), Quiet(role="residents", windows=NIGHT))
GRAVE_COMES = (Quiet(role="grid_worker", windows=NIGHT, lets_through=Severity.HIGH),)
TWO_A_NIGHT = (Budget(role="grid_worker", messages=2, windows=NIGHT),)


@pytest.mark.parametrize(
    ("quiet", "budgets", "script", "expected"),
    [
        pytest.param(
            ALL_QUIET,
            (),
            "180 raise, 180 step residents, 480 step grid_worker, 900 step grid_leader unless",
            [
                "180 > remind to residents at 06:00",
                "480 filed worker (day)",
                "480 told worker (first_listed, waits for quiet)",
                "480 > tell to worker at 06:00",
                "900 passed_up leader (not_taken)",
                "900 told leader (not_taken)",
                "900 > tell to leader",
            ],
            id="a-case-is-filed-and-goes-up-though-its-words-wait",
        ),
        pytest.param(
            ALL_QUIET,
            (),
            "60 raise, 60 step grid_worker, 180 step residents",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed, waits for quiet)",
                "60 > tell to worker at 06:00",
                "180 told residents (by_rule, waits for quiet)",
                "180 > remind to residents at 06:00",
            ],
            id="a-reminder-that-waits-says-so-in-the-case",
        ),
        pytest.param(
            (Quiet(role="grid_worker", windows=NIGHT),),
            (),
            "60 raise, 60 step residents",
            ["60 > remind to residents"],
            id="the-quiet-of-another-role-is-not-the-residents",
        ),
        pytest.param(
            GRAVE_COMES,
            (),
            "60 raise, 60 step grid_worker",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed, waits for quiet)",
                "60 > tell to worker at 06:00",
            ],
            id="what-is-not-grave-waits",
        ),
        pytest.param(
            GRAVE_COMES,
            (),
            "60 raise grave, 60 step grid_worker grave",
            ["60 filed worker (grave)", "60 told worker (first_listed)", "60 > tell to worker"],
            id="what-is-grave-does-not",
        ),
        pytest.param(
            ALL_QUIET,
            (),
            "28000 raise, 28000 step grid_worker",
            ["28000 filed worker (day)", "28000 told worker (first_listed)", "28000 > tell to worker"],
            id="in-the-morning-nothing-waits",
        ),
        pytest.param(
            ALL_QUIET,
            (),
            "60 raise, 60 step grid_worker, 600 clear",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed, waits for quiet)",
                "60 > tell to worker at 06:00",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day, to grid_worker at 06:00, to residents at 06:00",
            ],
            id="so-does-the-all-clear",
        ),
        pytest.param(
            GRAVE_COMES,
            (),
            "60 raise grave, 60 step grid_worker grave, 600 clear grave",
            [
                "60 filed worker (grave)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "600 settled (verified_by_sensor)",
                "600 > all clear about grave, to grid_worker at 06:00",
            ],
            id="an-all-clear-is-never-grave",
        ),
        pytest.param(
            GRAVE_COMES,
            (),
            "60 raise grave, 60 step grid_worker grave, 600 settle leader closed, 28000 clear grave",
            [
                "60 filed worker (grave)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "600 settled leader (closed)",
                "600 > handled, to grid_worker at 06:00",
                "28000 > all clear about grave",
            ],
            id="nor-is-that-a-colleague-has-settled-it",
        ),
        pytest.param(
            (Quiet(role="grid_worker", windows=NIGHT, lets_through=Severity.NORMAL),),
            (),
            "60 raise, 60 step grid_worker, 600 clear",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day",
            ],
            id="and-comes-where-the-usual-comes",
        ),
        pytest.param(
            (),
            TWO_A_NIGHT,
            "60 raise, 60 step grid_worker, 120 step grid_worker again1, 180 step grid_worker again2, "
            "240 step grid_leader, 600 clear",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "120 told worker (has_it)",
                "120 > tell to worker",
                "180 told worker (has_it, waits for budget)",
                "180 > tell to worker at 06:00",
                "240 passed_up leader (not_taken)",
                "240 told leader (not_taken)",
                "240 > tell to leader",
                "600 settled (verified_by_sensor)",
                "600 > all clear about day",
            ],
            id="more-than-the-budget-waits-and-the-all-clear-does-not",
        ),
        pytest.param(
            (Quiet(role="grid_leader", windows=NIGHT),),
            (),
            "60 raise, 60 step grid_worker, 70 take worker, 80 pass_up worker",
            [
                "60 filed worker (day)",
                "60 told worker (first_listed)",
                "60 > tell to worker",
                "70 taken worker (took_it)",
                "80 passed_up leader by worker (asked)",
                "80 > passed to leader",
            ],
            id="what-a-person-passes-to-her-does-not-wait",
        ),
        pytest.param(
            (Quiet(role="grid_worker", windows=NIGHT),),
            (),
            "60 login worker",
            ["60 > login to worker"],
            id="nor-a-log-in",
        ),
    ],
)
def test_a_story_of_the_night(
    quiet: tuple[Quiet, ...], budgets: tuple[Budget, ...], script: str, expected: list[str]
) -> None:
    assert Played(quiet=quiet, budgets=budgets).play(script) == expected


def test_what_waits_for_one_person_and_one_moment_is_one_bundle() -> None:
    played = Played(quiet=ALL_QUIET)
    played.play(
        "60 raise, 60 step grid_worker, 90 raise low, 90 step grid_worker low, 180 step residents, "
        "28000 raise night b, 28000 step grid_worker night b"
    )
    one, other, residents, morning = played.messages
    six = T0 + 28_000_000
    assert one.not_before_ms == six
    assert one.bundle == other.bundle == bundle_of("worker", six)
    assert residents.bundle == bundle_of(DOOR.resident_key, six) != one.bundle
    assert morning.bundle == "worker", "what does not wait is no bundle"
    assert {m.expires_at_ms for m in (one, other, residents)} == {six + KEEPS_MS}, "it keeps from then on"
    assert morning.expires_at_ms == six + KEEPS_MS


@pytest.mark.parametrize(
    ("role", "until"),
    [("grid_worker", ""), ("grid_leader", " at 06:00")],
    ids=["hers-who-was-meant", "her-own"],
)
def test_whoever_is_told_instead_is_left_alone_by_her_own_quiet(role: str, until: str) -> None:
    played = Played(EVERYBODY - {"worker", "second"}, quiet=(Quiet(role=role, windows=NIGHT),))
    assert played.play("60 raise, 60 step grid_worker")[-1] == f"60 > tell to leader{until}"


def test_the_case_says_until_when_its_words_wait() -> None:
    played = Played(quiet=ALL_QUIET)
    played.play("60 raise, 60 step grid_worker, 70 step grid_leader")
    told = [facts for facts in played.facts if "message" in facts]
    assert [facts.get("waits_until_ms") for facts in told] == [T0 + 28_000_000, None]


def test_what_was_told_before_a_restart_counts() -> None:
    told = [Told("worker", "grid_worker", T0), Told("worker", "grid_worker", T0 + 1_000)]
    played = Played(budgets=TWO_A_NIGHT, told=told)
    assert played.play("60 raise, 60 step grid_worker")[-1] == "60 > tell to worker at 06:00"


def test_other_rules_may_end_the_quiet() -> None:
    played = Played(quiet=ALL_QUIET)
    assert played.play("60 raise, 60 step grid_worker")[-1] == "60 > tell to worker at 06:00"
    played.desk.adopt(Setup(RuleSet(RULES), {}, ZONE))
    assert played.play("120 step grid_worker again1")[-1] == "120 > tell to worker"


def test_a_message_that_two_rules_lead_to_counts_once() -> None:
    played = Played(budgets=TWO_A_NIGHT)
    told = played.play(
        "60 raise, 60 step grid_worker, 70 raise night, 70 step grid_worker night, "
        "80 raise low, 80 step grid_worker low"
    )
    assert len({message.id for message in played.messages}) == 2
    assert told[-1] == "80 > tell to worker", "it is the second message of this night"
