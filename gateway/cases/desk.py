"""The desk: outcomes and people's acts in; cases, their events and messages out.

Rule 1: pure. ``at_ms`` comes with the outcome or the act, the registry is a value.
Rule 2: a case is filed at the first step that tells a worker or somebody above. A
        reminder to residents is a message without a case.
Rule 3: an alarm that is raised soon after settling reopens the case, with the same
        owner and without a second reminder to residents.
Rule 4: every telling and not telling leaves its reason.
Rule 5: quiet hours and a night's budget make words wait, never cases.

Read ``on_outcome``, then ``on_act``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.cases.act import Act, Answer
from gateway.cases.case import (
    REASONS,
    VERIFIED,
    Case,
    CaseEvent,
    CaseState,
    StandingAlarm,
    case_id,
)
from gateway.notify import courtesy
from gateway.notify.courtesy import Courtesy, Wait
from gateway.notify.message import KEEPS_MS, LOGIN_KEEPS_MS, Message, Text, bundle_of, message_id
from gateway.notify.whom import Told, above, rank, whom
from gateway.places.model import Registry
from rules.duration import MINUTE_MS
from rules.engine import Setup
from rules.outcome import AlarmCleared, AlarmRaised, Cleared, Outcome, RuleFailed, StepDue
from rules.rule import RESIDENTS, SUBJECT, Severity, Subject

Key = tuple[str, Subject]


class Over(NamedTuple):
    """An alarm that is over: what was the matter ended at ``ended_ms``, and at ``at_ms`` it was sure.

    Attributes:
        quiet: Roles that are left alone now, and until when.
        reason: How (``rules.outcome.Cleared``).
    """

    alarm: StandingAlarm
    at_ms: int
    ended_ms: int
    quiet: Mapping[str, int] = {}
    reason: str = Cleared.OVER


class Handled(NamedTuple):
    """A case that somebody settled with a reason; ``quiet`` as above."""

    case: Case
    at_ms: int
    quiet: Mapping[str, int] = {}


@dataclass(slots=True)
class Changes:
    """What the desk wants written, all in one transaction.

    Attributes:
        cases: Every case that changed, as it is now.
        joined: (alarm, case): alarms that belong to a case from now on.
        all_clear: Alarms that are over: whoever was told of one hears it.
        handled: Cases that were settled by hand: whoever was told hears it.
    """

    cases: dict[str, Case] = field(default_factory=dict)
    events: list[CaseEvent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    joined: list[tuple[str, str]] = field(default_factory=list)
    all_clear: list[Over] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)


class Desk:
    """All unsettled cases, and those that may be reopened."""

    def __init__(
        self,
        registry: Registry,
        setup: Setup,
        reachable: Callable[[str], bool],
        *,
        cases: Iterable[Case] = (),
        standing: Iterable[StandingAlarm] = (),
        told: Iterable[courtesy.Told] = (),
    ) -> None:
        self._registry = registry
        self._reachable = reachable
        self._courtesy = Courtesy(setup, told)
        self.adopt(setup)
        self._cases: dict[str, Case] = {}
        self._latest: dict[Key, Case] = {}
        for case in sorted(cases, key=lambda c: c.filed_at_ms):
            self._remember(case)
        self._standing: dict[str, StandingAlarm] = {alarm.id: alarm for alarm in standing}
        self._changes = Changes()

    def adopt(self, setup: Setup) -> None:
        """From now on by these rules; what there is stays."""
        self._rules = {rule.name: rule for rule in setup.rules.rules}
        self._setup = setup.rules.hash
        self._zone = setup.zone
        self._courtesy.adopt(setup)

    def take_changes(self) -> Changes:
        """Everything since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    def forget_until(self, now_ms: int) -> None:
        """Drop settled cases that nothing can reopen any more; the database keeps them."""
        self._courtesy.forget_until(now_ms)
        needed = {alarm.case for alarm in self._standing.values()}
        for case in list(self._cases.values()):
            if case.state is CaseState.SETTLED and case.reopen_until_ms < now_ms and case.id not in needed:
                del self._cases[case.id]
                if self._latest.get((case.entrance, case.subject)) is case:
                    del self._latest[(case.entrance, case.subject)]

    # -- outcomes --------------------------------------------------------------

    def on_outcome(self, outcome: Outcome) -> None:
        match outcome:
            case AlarmRaised():
                self._on_raised(outcome)
            case StepDue():
                self._on_step(outcome)
            case AlarmCleared():
                self._on_cleared(outcome)
            case RuleFailed(everywhere=True):
                self._tell_rule_off(outcome)

    def _on_raised(self, o: AlarmRaised) -> None:
        subject = SUBJECT[o.condition]
        case = self._latest.get((o.entrance, subject))
        joins = None
        if case is not None and case.state is not CaseState.SETTLED:
            joins = case.id
            self._note(case, o.at_ms, "alarm_joined", through="sensor", why=o.rule, facts={"alarm": o.alarm})
        elif case is not None and o.at_ms <= case.reopen_until_ms and not o.muted_until_ms:
            joins = case.id
            case.move(CaseState.FILED)
            case.settled_at_ms = case.settled_how = None
            self._note(case, o.at_ms, "reopened", through="sensor", why=o.rule, facts={"alarm": o.alarm})
        alarm = StandingAlarm(o.alarm, o.rule, o.entrance, o.condition, o.since_ms, joins)
        self._standing[o.alarm] = alarm
        if joins:
            self._changes.joined.append((o.alarm, joins))

    def _on_step(self, o: StepDue) -> None:
        alarm = self._standing[o.alarm]
        case = self._cases.get(alarm.case) if alarm.case else None
        case = case or self._unsettled(o)
        if case is not None:
            why_not = self._why_not(case, alarm, o)
            if why_not:
                self._note(case, o.at_ms, "not_told", through="clock", why=why_not, facts={"role": o.tell})
                return
        if o.tell == RESIDENTS:
            self._remind(case, alarm, o)
            return
        told = self._owner_of(case, o.tell) or self._whom(o.tell, o.entrance, o.at_ms)
        if case is None:
            case = self._file(alarm, o, told)
        elif told is not None and case.state is CaseState.FILED and rank(told.role) > rank(case.owner_role):
            self._hand_to(case, told, "passed_up")
            self._note(case, o.at_ms, "passed_up", through="clock", why="not_taken", facts=_of(told))
            told = told._replace(why="not_taken")
        if alarm.case is None:
            self._join(alarm, case)
        self._tell(case, alarm, o, told)

    def _on_cleared(self, o: AlarmCleared) -> None:
        alarm = self._standing.pop(o.alarm, None)
        if alarm is None:
            return
        quiet = self._courtesy.quiet_roles(Severity.NORMAL, o.at_ms)
        self._changes.all_clear.append(Over(alarm, o.at_ms, o.ended_ms, quiet, str(o.reason)))
        case = self._cases.get(alarm.case) if alarm.case else None
        if case is None or case.state is CaseState.SETTLED:
            return
        if any(other.case == case.id for other in self._standing.values()):
            self._note(case, o.at_ms, "alarm_over", through="sensor", why=o.rule, facts={"alarm": o.alarm})
            return
        how = VERIFIED if o.reason is Cleared.OVER else str(o.reason)
        self._settle(case, o.at_ms, how)
        self._note(case, o.at_ms, "settled", through="sensor", why=how)

    # -- what people do ----------------------------------------------------------

    def on_act(self, act: Act, at_ms: int) -> Answer:
        """What somebody did on a page. Who may not see the entrance learns nothing of its case."""
        if act.do == "login":
            return self._log_in(act.person, at_ms)
        case = self._cases.get(act.case)
        if case is None or not self._registry.may_see(act.person, case.entrance):
            return Answer.NOT_FOUND
        if case.state is CaseState.SETTLED:
            return Answer.ALREADY_SETTLED
        if act.do == "take":
            return self._take(case, act, at_ms)
        if act.do == "settle":
            return self._settle_by_hand(case, act, at_ms)
        return self._pass_up(case, act, at_ms)

    def _take(self, case: Case, act: Act, at_ms: int) -> Answer:
        if case.state is CaseState.TAKEN:
            return Answer.ALREADY_YOURS if case.taken_by == act.person else Answer.ALREADY_TAKEN
        case.move(CaseState.TAKEN)
        case.taken_at_ms, case.taken_by = at_ms, act.person
        case.owner, case.owner_role = act.person, self._registry.people[act.person].role
        case.owner_why = "took_it"
        self._note(case, at_ms, "taken", who=act.person, through=act.through, why="took_it")
        return Answer.DONE

    def _settle_by_hand(self, case: Case, act: Act, at_ms: int) -> Answer:
        if act.reason not in REASONS:
            return Answer.REASON_NEEDED
        self._settle(case, at_ms, act.reason)
        facts: dict[str, object] = {"note": act.note} if act.note else {}
        self._note(case, at_ms, "settled", who=act.person, through=act.through, why=act.reason, facts=facts)
        quiet = self._courtesy.quiet_roles(Severity.NORMAL, at_ms)
        self._changes.handled.append(Handled(case, at_ms, quiet))
        return Answer.DONE

    def _pass_up(self, case: Case, act: Act, at_ms: int) -> Answer:
        role = above(case.owner_role)
        told = self._whom(role, case.entrance, at_ms) if role else None
        if told is None:
            return Answer.NOBODY_ABOVE
        if case.state is CaseState.TAKEN:
            case.move(CaseState.FILED)
        self._hand_to(case, told, "passed_up")
        facts = _of(told) | ({"note": act.note} if act.note else {})
        self._note(case, at_ms, "passed_up", who=act.person, through=act.through, why="asked", facts=facts)
        by = self._registry.people[act.person].name
        self._queue(
            message_id("passed", case.id, told.person.id, at_ms),
            told.person.id,
            Text.PASSED,
            about=self._first_alarm(case),
            entrance=case.entrance,
            severity=case.severity,
            case=case.id,
            at_ms=at_ms,
            facts=self._facts(case.rule, case.entrance, case.since_ms)
            | {"why": told.why, "role": told.role, "by": by, "note": act.note},
        )  # somebody asks her in person: it does not wait
        return Answer.DONE

    def _log_in(self, person: str, at_ms: int) -> Answer:
        if person not in self._registry.people:
            return Answer.NOT_FOUND
        self._changes.messages.append(
            Message(
                id=message_id("login", person, at_ms // MINUTE_MS),  # one a minute is enough
                person=person,
                about=f"login:{person}",
                text=Text.LOGIN,
                facts={"name": self._registry.people[person].name},
                severity=Severity.HIGH,
                queued_at_ms=at_ms,
                expires_at_ms=at_ms + LOGIN_KEEPS_MS,
            )
        )
        return Answer.DONE

    # -- inside --------------------------------------------------------------------

    def _file(self, alarm: StandingAlarm, o: StepDue, told: Told | None) -> Case:
        subject = SUBJECT[o.condition]
        rule = self._rules[o.rule]
        case = Case(
            id=case_id(o.entrance, subject, o.at_ms),
            entrance=o.entrance,
            subject=subject,
            state=CaseState.FILED,
            severity=rule.severity,
            rule=o.rule,
            since_ms=o.since_ms,
            filed_at_ms=o.at_ms,
            owner=None,
            owner_role=o.tell,
            owner_why="nobody",
            setup=self._setup,
        )
        if told is not None:
            self._hand_to(case, told, told.why)
        self._remember(case)
        self._note(case, o.at_ms, "filed", through="clock", why=o.rule, facts=_of(told) if told else {})
        # Alarms of this door that only reminded residents so far belong to it as well.
        for other in list(self._standing.values()):
            if (
                other.id != alarm.id
                and other.case is None
                and (other.entrance, SUBJECT[other.condition])
                == (
                    o.entrance,
                    subject,
                )
            ):
                self._join(other, case)
        return case

    def _join(self, alarm: StandingAlarm, case: Case) -> None:
        self._standing[alarm.id] = alarm._replace(case=case.id)
        self._changes.joined.append((alarm.id, case.id))

    def _hand_to(self, case: Case, told: Told, why: str) -> None:
        case.owner, case.owner_role, case.owner_why = told.person.id, told.role, why
        self._changes.cases[case.id] = case

    def _unsettled(self, o: StepDue) -> Case | None:
        """What another alarm has filed about the same subject meanwhile."""
        case = self._latest.get((o.entrance, SUBJECT[o.condition]))
        return None if case is None or case.state is CaseState.SETTLED else case

    @staticmethod
    def _why_not(case: Case, alarm: StandingAlarm, o: StepDue) -> str:
        """Why this step is not for telling; empty if it is."""
        if case.state is CaseState.SETTLED:
            return "settled"
        if case.state is CaseState.TAKEN and o.unless_taken:
            return "taken"
        if o.tell == RESIDENTS and case.since_ms != alarm.since_ms:
            return "reminded_before"  # it was reopened, or is one of several alarms
        return ""

    def _owner_of(self, case: Case | None, role: str) -> Told | None:
        """A case stays with whom it has, though somebody else of her role may be on duty by now."""
        if case is None or case.owner is None or case.owner_role != role or not self._reachable(case.owner):
            return None
        person = self._registry.people.get(case.owner)
        return Told(person, role, "has_it", ()) if person else None

    def _settle(self, case: Case, at_ms: int, how: str) -> None:
        case.move(CaseState.SETTLED)
        case.settled_at_ms, case.settled_how = at_ms, how
        rule = self._rules.get(case.rule)
        case.reopen_until_ms = at_ms + (rule.reopen_within_ms if rule else 0)

    def _remind(self, case: Case | None, alarm: StandingAlarm, o: StepDue) -> None:
        """A reminder never files a case; in one that there is, it leaves its line."""
        row = self._registry.entrances.get(o.entrance)
        if row is None or not self._reachable(row.resident_key):
            if case is not None:
                self._note(case, o.at_ms, "not_told", through="clock", why="nobody", facts={"role": o.tell})
            return
        mid = _telling_id(o, row.resident_key)
        wait = self._wait(row.resident_key, RESIDENTS, o, mid)
        self._queue(
            mid,
            row.resident_key,
            Text.REMIND,
            about=alarm.id,
            entrance=o.entrance,
            severity=self._rules[o.rule].severity,
            case=None,
            at_ms=o.at_ms,
            facts=self._facts(o.rule, o.entrance, o.since_ms)
            | {"late": o.late, "due_ms": o.due_ms, "role": RESIDENTS},
            wait=wait,
        )
        if case is not None:
            facts: dict[str, object] = {"role": o.tell, "message": mid, "rule": o.rule, **_waits(wait)}
            self._note(case, o.at_ms, "told", through="clock", why="by_rule", facts=facts)

    def _tell(self, case: Case, alarm: StandingAlarm, o: StepDue, told: Told | None) -> None:
        if told is None:
            self._note(case, o.at_ms, "not_told", through="clock", why="nobody", facts={"role": o.tell})
            return
        mid = _telling_id(o, told.person.id)
        wait = self._wait(told.person.id, told.role, o, mid)
        self._queue(
            mid,
            told.person.id,
            Text.TELL,
            about=alarm.id,
            entrance=o.entrance,
            severity=self._rules[o.rule].severity,
            case=case.id,
            at_ms=o.at_ms,
            facts=self._facts(o.rule, o.entrance, o.since_ms)
            | {"late": o.late, "due_ms": o.due_ms, "why": told.why, "role": told.role},
            wait=wait,
        )
        facts = {**_of(told), "message": mid, "due_ms": o.due_ms, "late": o.late, "rule": o.rule}
        facts |= _waits(wait) | ({"muted": True} if o.muted else {})
        self._note(case, o.at_ms, "told", through="clock", why=told.why, facts=facts)

    def _tell_rule_off(self, o: RuleFailed) -> None:
        told = self._whom("maintainer", o.entrance, o.at_ms)
        if told is not None:
            self._queue(
                message_id("rule_off", o.rule, o.at_ms, told.person.id),
                told.person.id,
                Text.RULE_OFF,
                about=f"rule:{o.rule}",
                entrance=o.entrance,
                severity=Severity.HIGH,
                case=None,
                at_ms=o.at_ms,
                facts={"rule": o.rule, "title": dict(self._rules[o.rule].title), "error": o.error},
            )

    def _wait(self, person: str, role: str, o: StepDue, message: str) -> Wait | None:
        return self._courtesy.wait(person, role, self._rules[o.rule].severity, o.at_ms, message)

    def _queue(
        self,
        mid: str,
        person: str,
        text: Text,
        *,
        about: str,
        entrance: str,
        severity: str,
        case: str | None,
        at_ms: int,
        facts: dict[str, object],
        wait: Wait | None = None,
    ) -> None:
        not_before_ms = wait.until_ms if wait else 0
        self._changes.messages.append(
            Message(
                id=mid,
                person=person,
                about=about,
                text=text,
                facts=facts,
                severity=severity,
                bundle=bundle_of(person, not_before_ms) if wait else person,
                case=case,
                entrance=entrance,
                queued_at_ms=at_ms,
                expires_at_ms=max(at_ms, not_before_ms) + KEEPS_MS,
                not_before_ms=not_before_ms,
            )
        )

    def _facts(self, rule: str, entrance: str, since_ms: int) -> dict[str, object]:
        row = self._registry.entrances.get(entrance)
        known = self._rules.get(rule)
        return {
            "place": row.words if row else entrance,
            "grid": row.grid if row else "",
            "kind": row.kind if row else "unit_door",
            "rule": rule,
            "condition": str(known.when) if known else "",
            "title": dict(known.title) if known else {},
            "since_ms": since_ms,
        }

    def _first_alarm(self, case: Case) -> str:
        return min((a.id for a in self._standing.values() if a.case == case.id), default=case.id)

    def _whom(self, role: str, entrance: str, at_ms: int) -> Told | None:
        return whom(
            role, entrance, at_ms, registry=self._registry, zone=self._zone, reachable=self._reachable
        )

    def _remember(self, case: Case) -> None:
        self._cases[case.id] = case
        self._latest[(case.entrance, case.subject)] = case

    def _note(
        self,
        case: Case,
        at_ms: int,
        what: str,
        *,
        through: str,
        why: str,
        who: str | None = None,
        facts: dict[str, object] | None = None,
    ) -> None:
        self._changes.cases[case.id] = case
        self._changes.events.append(
            CaseEvent(
                case=case.id, at_ms=at_ms, what=what, who=who, through=through, why=why, facts=facts or {}
            )
        )


def _of(told: Told) -> dict[str, object]:
    return {"person": told.person.id, "role": told.role, "because": told.why, "skipped": list(told.skipped)}


def _telling_id(o: StepDue, person: str) -> str:
    """One person is told once of one opening, whatever rules and roles lead to her; and again where a rule
    repeats, though of all repetitions that were held back until one moment only once."""
    again = (o.rule, o.at_ms) if o.again else ()
    return message_id("tell", o.entrance, o.condition, o.since_ms, person, *again)


def _waits(wait: Wait | None) -> dict[str, object]:
    return {"waits_until_ms": wait.until_ms, "waits_for": wait.why} if wait else {}
