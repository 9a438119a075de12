"""Rule files as their maintainers write them → ``Rule`` values, or every fault at once.

Loading never half-works: one fault anywhere, and no rule set comes out. All faults
of all files are reported together, each with file, line, column and a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from rules import duration, written
from rules.days import WEEKDAYS, Period
from rules.document import Document, Path, read
from rules.duration import MINUTE_MS
from rules.fault import Fault, guess
from rules.rule import ROLES, Condition, Rule, RuleSet
from rules.story import Story, StoryError, parse_story
from rules.window import DAY_MINUTES, Windows

T = TypeVar("T", bound=BaseModel)


class Loaded(NamedTuple):
    """A rule set that has no fault, with its stories.

    Attributes:
        rules: What the engine takes.
        stories: (rule, story, where it stands).
    """

    rules: RuleSet
    stories: list[tuple[Rule, Story, str]]


def load_texts(
    files: Sequence[tuple[str, str]], roles: Iterable[str] = ROLES
) -> tuple[Loaded | None, list[Fault]]:
    """Rules out of (file name, text) pairs; ``roles`` are those that can be told."""
    loading = _Loading(set(roles))
    documents = []
    for name, text in files:
        document, wrong = read(name, text)
        loading.faults += wrong
        if document is not None and loading.is_rule_file(document):
            documents.append(document)
    for document in documents:  # a period may stand in another file than the rule that names it
        loading.take_periods(document)
    for document in documents:
        loading.take_rules(document)
        loading.take_courtesies(document)
    if loading.faults:
        return None, _in_reading_order(loading.faults, [name for name, _ in files])
    return Loaded(rules=loading.rule_set(), stories=loading.stories), []


def from_canonical(text: str) -> RuleSet:
    """The rule set that ``RuleSet.text`` was made of."""
    return _rule_set(_parts(text))


def titles(text: str) -> dict[str, Mapping[str, str]]:
    """What the rules of a canonical text are called, by name and language."""
    return {rule["name"]: rule["title"] for rule in _parts(text)["rules"]}


class _Loading:
    """One loading of all files: what has been found so far, and what is wrong."""

    def __init__(self, roles: set[str]) -> None:
        self.faults: list[Fault] = []
        self.stories: list[tuple[Rule, Story, str]] = []
        self._roles = roles
        self._parts: dict[str, Any] = {"rules": [], "periods": {}, "quiet": [], "budget": []}
        self._periods: dict[str, tuple[Period, ...]] = {}
        self._faulty: set[str] = set()
        self._stands: dict[tuple[str, str], str] = {}

    def rule_set(self) -> RuleSet:
        return _rule_set(self._parts)

    def is_rule_file(self, document: Document) -> bool:
        value = document.value
        if value is None:
            return False
        known = list(written.RuleFile.model_fields)
        if not isinstance(value, dict) or not value:
            self._fault(document, (), "this file has no list 'rules'", "Begin it with 'rules:'.")
            return False
        for key in value:
            if key not in known:
                self._fault(document, (key,), f"unknown key '{key}'", guess(key, known))
        return True

    # -- periods -------------------------------------------------------------------

    def take_periods(self, document: Document) -> None:
        raw = document.value.get("periods", {})
        if not isinstance(raw, dict):
            mend = "Write it like summer: {from: 06-01, to: 08-31}."
            self._fault(document, ("periods",), "'periods' is a group of names", mend)
            return
        for name, value in raw.items():
            path: Path = ("periods", name)
            many = value if isinstance(value, list) else [value]
            found = [
                self._validated(document, (*path, i) if many is value else path, written.PeriodIn, one)
                for i, one in enumerate(many)
            ]
            if not many:
                self._fault(
                    document, path, f"the period '{name}' is empty", "Give it a first and a last day."
                )
            if self._is_new("period", name, document.where(path)) and many and all(found):
                self._periods[name] = tuple(one.built() for one in found if one)
                self._parts["periods"][name] = many
            else:
                self._faulty.add(name)
            self._periods.setdefault(name, ())  # a faulty one is known all the same

    # -- rules ---------------------------------------------------------------------

    def take_rules(self, document: Document) -> None:
        for path, raw in self._listed(document, "rules", "a rule is a list of keys", "- name:"):
            model = self._validated(document, path, written.RuleIn, raw)
            sound = model or written.sound_part(raw)
            if sound is not None:  # a misspelt condition must not hide a misspelt period
                self._sense(document, path, sound)
            if model is None:
                continue
            self._is_new("rule", model.name, document.where((*path, "name")))
            rule = model.built(self._periods)
            self._parts["rules"].append({k: v for k, v in raw.items() if k != "stories"})
            self._take_stories(document, path, rule, model)

    def _sense(self, document: Document, path: Path, rule: written.RuleIn) -> None:
        """What each value allows by itself and the whole does not."""
        self._sense_steps(document, path, rule)
        self._sense_windows(document, (*path, "during"), rule.during)
        if rule.when is not Condition.CHATTERING:
            for key in ("openings", "openings_within"):
                if getattr(rule, key) is not None:
                    what = f"'{key}' belongs to 'when: chattering'"
                    self._fault(document, (*path, key), what, "Leave it out.")
        if rule.when is not Condition.LEFT_OPEN:
            for inner, steps in _all_steps(path, rule):
                for i, step in enumerate(steps):
                    if isinstance(step.after, written.UsualIn):
                        what = (
                            "'usual' is about how long a door stands open, and belongs to 'when: left_open'"
                        )
                        self._fault(document, (*inner, i, "after"), what, "Write a duration.")
        for i, watch in enumerate(rule.except_):
            if not watch.built().names_anything():
                self._fault(
                    document,
                    (*path, "except", i),
                    "this exception names nothing",
                    "Name a kind, a place, a tag or an entrance.",
                )

    def _sense_steps(self, document: Document, path: Path, rule: written.RuleIn) -> None:
        for inner, steps in _all_steps(path, rule):
            for i, step in enumerate(steps):
                here: Path = (*inner, i)
                if step.first() > step.latest():
                    what = "'at_least' is more than 'at_most'"
                    self._fault(document, (*here, "after", "at_least"), what, "Write the smaller one first.")
                elif i and step.first() < steps[i - 1].latest():
                    what = "this step comes before the one above it"
                    usual = {step.first(), step.latest(), steps[i - 1].first(), steps[i - 1].latest()}
                    mend = "Order them by 'after'."
                    if len(usual) > 2:
                        mend += " What is 'usual' counts from 'at_least' to 'at_most'."
                    self._fault(document, (*here, "after"), what, mend)
                elif (longest := _longest(rule.during)) is not None and step.first() >= longest:
                    what = f"this step never comes: its window is {duration.show(longest)} long"
                    self._fault(
                        document, (*here, "after"), what, "Make the window longer, or the step sooner."
                    )
                elif self._in_between(step, steps):
                    what = "a repetition of another step comes between 'at_least' and 'at_most' of this one"
                    self._fault(document, (*here, "after"), what, "Let nothing else come in between.")
                self._sense_role(document, (*here, "tell"), step.tell)

    @staticmethod
    def _in_between(step: written.StepIn, steps: Sequence[written.StepIn]) -> bool:
        others = [one.after_ms for other in steps if other is not step for one in other.built() if one.again]
        return any(step.first() < after < step.latest() for after in others)

    def _sense_role(self, document: Document, path: Path, role: str) -> None:
        if role not in self._roles:
            self._fault(document, path, f"nobody has the role '{role}'", guess(role, self._roles))

    def _sense_windows(self, document: Document, path: Path, windows: Sequence[written.DuringIn]) -> None:
        raw = document.at(path)
        for i, window in enumerate(windows):
            here: Path = (*path, i) if isinstance(raw, list) else path
            if window.from_ == window.to:
                mend = "For the whole day leave 'from' and 'to' out."
                self._fault(document, here, "the window is empty", mend)
            self._sense_periods(document, here, window)
        full = all(
            window.from_ != window.to and not self._faulty & {*window.in_, *window.not_in}
            for window in windows
        )
        if windows and full and Windows(tuple(w.built_window(self._periods) for w in windows)).always():
            what = "these windows are always" if len(windows) > 1 else "this window is always"
            self._fault(document, path, what, "Leave 'during' out.")

    def _take_stories(self, document: Document, path: Path, rule: Rule, model: written.RuleIn) -> None:
        for i, raw in enumerate(model.stories):
            here: Path = (*path, "stories", i)
            try:
                story = parse_story(
                    raw.title, raw.start, raw.given, raw.expect, raw.entrance.built(), rule.watch, raw.usual
                )
                self.stories.append((rule, story, document.where(here)))
                self._sense_story(document, here, rule, story, model)
                for n, moment in enumerate(story.expect):
                    if moment.what.startswith("tell "):
                        self._sense_role(document, (*here, "expect", n), moment.what.removeprefix("tell "))
            except StoryError as error:
                self._fault(document, (*here, error.key, error.index), error.what, error.mend)

    def _sense_story(
        self, document: Document, path: Path, rule: Rule, story: Story, model: written.RuleIn
    ) -> None:
        """A story that could not fail proves nothing."""
        by_weekday = str(document.at((*path, "start")) or "Mon")[:3] in WEEKDAYS
        if by_weekday and any(window.in_ or window.not_in for window in model.during):
            mend = "Give a date, like 2026-07-06 17:00."
            self._fault(document, (*path, "start"), "a weekday is in no period of the year", mend)
        if why := rule.why_not(story.entrance):
            what = f"the rule does not watch the door of this story ('{why}')"
            self._fault(document, (*path, "entrance"), what, "Name a door that it watches.")

    # -- quiet hours and budgets -----------------------------------------------------

    def take_courtesies(self, document: Document) -> None:
        self._take_courtesy(document, "quiet", written.QuietIn)
        self._take_courtesy(document, "budget", written.BudgetIn)

    def _take_courtesy(
        self, document: Document, key: str, model: type[written.QuietIn | written.BudgetIn]
    ) -> None:
        for path, raw in self._listed(document, key, f"'{key}' is a list of groups", "- role:"):
            one = self._validated(document, path, model, raw)
            if one is None:
                continue
            self._is_new(key, one.role, document.where((*path, "role")))
            self._sense_role(document, (*path, "role"), one.role)
            if one.from_ == one.to:
                self._fault(document, path, "the window is empty", "Leave 'from' and 'to' out.")
            self._sense_periods(document, path, one)
            self._parts[key].append(raw)

    def _sense_periods(self, document: Document, path: Path, window: written.DuringIn) -> None:
        for key, names in (("in", window.in_), ("not_in", window.not_in)):
            for name in names:
                if name not in self._periods:
                    mend = guess(name, self._periods) if self._periods else "Name it under 'periods:'."
                    self._fault(document, (*path, key), f"no period is called '{name}'", mend)

    # -- what all share ----------------------------------------------------------------

    def _listed(self, document: Document, key: str, what: str, begin: str) -> list[tuple[Path, Any]]:
        value = document.value.get(key, [])
        if not isinstance(value, list):
            self._fault(document, (key,), f"'{key}' is a list", f"Begin each entry with '{begin}'.")
            return []
        found: list[tuple[Path, Any]] = []
        for i, raw in enumerate(value):
            if isinstance(raw, dict):
                found.append(((key, i), raw))
            else:
                self._fault(document, (key, i), what, f"Begin it with '{begin}'.")
        return found

    def _is_new(self, kind: str, name: str, where: str) -> bool:
        stands = self._stands.setdefault((kind, name), where)
        if stands == where:
            return True
        mend = "Rename one." if kind in ("rule", "period") else "Keep one of them."
        self.faults.append(Fault(where, f"the {kind} '{name}' stands already at {stands}", mend))
        return False

    def _validated(self, document: Document, path: Path, model: type[T], raw: Any) -> T | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.faults += [
                _fault(document, (*path, *e["loc"]), e["type"], e["msg"], e["input"]) for e in error.errors()
            ]
            return None

    def _fault(self, document: Document, path: Path, what: str, mend: str) -> None:
        self.faults.append(Fault(document.where(path), what, mend))


def _all_steps(path: Path, rule: written.RuleIn) -> list[tuple[Path, list[written.StepIn]]]:
    """Its own and those of its overrides, each list with where it stands."""
    own: list[tuple[Path, list[written.StepIn]]] = [((*path, "steps"), rule.steps)]
    return own + [((*path, "overrides", i, "steps"), o.steps) for i, o in enumerate(rule.overrides)]


def _longest(windows: Sequence[written.DuringIn]) -> int | None:
    """How long a rule's only window is; ``None`` if others may lengthen it, or another day's."""
    if len(windows) != 1:
        return None
    minutes = windows[0].to - windows[0].from_
    return (
        (minutes if minutes > 0 else minutes + DAY_MINUTES) * MINUTE_MS
        if abs(minutes) < DAY_MINUTES
        else None
    )


def _parts(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {"rules": found}  # of before there was anything else


def _rule_set(parts: Mapping[str, Any]) -> RuleSet:
    """Its text, and so its hash, names only what there is."""
    kept = {key: value for key, value in parts.items() if value}
    text = json.dumps(
        kept["rules"] if set(kept) == {"rules"} else kept or [], ensure_ascii=False, sort_keys=True
    )
    periods = {
        name: tuple(written.PeriodIn.model_validate(one).built() for one in many)
        for name, many in parts.get("periods", {}).items()
    }
    return RuleSet(
        rules=tuple(written.RuleIn.model_validate(raw).built(periods) for raw in parts.get("rules", ())),
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        text=text,
        quiet=tuple(written.QuietIn.model_validate(raw).built(periods) for raw in parts.get("quiet", ())),
        budgets=tuple(written.BudgetIn.model_validate(raw).built(periods) for raw in parts.get("budget", ())),
    )


def _in_reading_order(faults: list[Fault], names: list[str]) -> list[Fault]:
    """File by file, line by line, as somebody mends them."""

    def stands(fault: Fault) -> tuple[int, int, int]:
        name, line, column = (re.match(r"(.*?)(?::(\d+))?(?::(\d+))?$", fault.where) or [""] * 4).groups()  # type: ignore[union-attr]  # it always matches
        return names.index(name) if name in names else 0, int(line or 0), int(column or 0)

    return sorted(faults, key=stands)


_EXAMPLES = {
    "during": 'Write it like {from: "22:00", to: "06:00"}.',
    "title": "Write it like {zh: 单元门未关, en: Unit door left open}.",
}


def _fault(document: Document, path: Path, kind: str, message: str, value: Any) -> Fault:
    path = _written_path(document, path)
    where, key = document.where(path), path[-1]
    if kind == "extra_forbidden":
        return Fault(where, f"unknown key '{key}' in {_place(path)}", guess(str(key), _known_keys(path)))
    if kind == "missing":
        return Fault(where, f"the key '{key}' is missing in {_place(path)}", f"Add '{key}: …'.")
    if kind in ("enum", "literal_error") and not isinstance(value, str):
        return Fault(where, f"'{_key(path)}': one word is expected")
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']+)'", message.replace(f"'{value}'", ""))
        return Fault(where, f"'{value}' is not known as '{_key(path)}'", guess(str(value), words))
    if kind == "value_error":
        what, _, mend = message.removeprefix("Value error, ").partition(". ")
        return Fault(where, what, mend)
    if kind in ("too_short", "string_too_short"):
        mend = "Write at least one." if kind == "too_short" else "Write something here."
        return Fault(where, f"'{_key(path)}' is empty", mend)
    group = ("a group of keys is expected", _EXAMPLES.get(_key(path), "Write 'key: value' lines below it."))
    what, mend = {
        "string_type": ("one text is expected", ""),
        "list_type": ("a list is expected", "Write each entry as a line that begins with '- '."),
        "model_type": group,
        "model_attributes_type": group,
        "int_parsing": ("a whole number is expected", ""),
        "int_type": ("a whole number is expected", ""),
        "greater_than_equal": ("this is too little", f"Write at least {_number(message)}."),
        "less_than_equal": ("this is too much", f"Write at most {_number(message)}."),
    }.get(kind, (message, ""))
    return Fault(where, f"'{_key(path)}': {what}", mend)


def _number(message: str) -> str:
    """The one that a message of pydantic's names."""
    return "".join(re.findall(r"\d+", message)[:1])


def _written_path(document: Document, path: Path) -> Path:
    """Without the steps that only the models know: a union's branch, the list around a single value."""
    kept: Path = ()
    for part in path:
        if isinstance(part, str) and part.startswith(written.BRANCH):
            continue
        if isinstance(part, int) and not isinstance(document.at(kept), list):
            continue
        kept = (*kept, part)
    return kept


def _key(path: Path) -> str:
    return str(next((part for part in reversed(path) if isinstance(part, str)), "rules"))


def _place(path: Path) -> str:
    around = _key(path[:-1])
    if path[:1] == ("periods",):
        return "this period"
    return "a rule" if around == "rules" else f"'{around}'"


def _known_keys(path: Path) -> list[str]:
    here = "periods" if path[:1] == ("periods",) else _key(path[:-1])
    model = written.MODELS.get(here, written.RuleIn)
    return [info.alias or name for name, info in model.model_fields.items()]
