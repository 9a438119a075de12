"""Rule files as their maintainers write them → ``Rule`` values, or every fault at once.

Loading never half-works: one fault anywhere, and no rule set comes out. All faults
of all files are reported together, each with file, line, column and a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rules import duration
from rules.document import Document, Path, read
from rules.fault import Fault, guess
from rules.rule import ROLES, Condition, Override, Rule, RuleSet, Severity, Step, Watch
from rules.story import Story, StoryError, parse_story
from rules.window import During

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _minute(value: Any) -> Any:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"'{value}' is not a time of day; write it like 22:00")
    return int(match[1]) * 60 + int(match[2])


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a duration is one text with a unit; write it like 30s, 8m, 1h30m or 2d")
    return duration.parse(value)


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"'{value}' is not a name; use small letters, digits and '-', at most 60")
    return value


_Duration = Annotated[int, BeforeValidator(_duration)]
_Minute = Annotated[int, BeforeValidator(_minute)]
_Texts = Annotated[list[str], BeforeValidator(_many)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Title(_Strict):
    zh: str
    en: str


class _Watch(_Strict):
    kind: Annotated[list[Literal["unit_door", "gate"]], BeforeValidator(_many)] = []
    within: _Texts = []
    tags: _Texts = []
    entrance: _Texts = []

    def built(self) -> Watch:
        return Watch(
            kinds=frozenset(self.kind),
            within=frozenset(self.within),
            tags=frozenset(self.tags),
            entrances=frozenset(self.entrance),
        )


class _During(_Strict):
    from_: _Minute = Field(alias="from")
    to: _Minute


class _Step(_Strict):
    after: _Duration
    tell: str
    unless: Literal["taken"] | None = None

    def built(self) -> Step:
        return Step(after_ms=self.after, tell=self.tell, unless_taken=self.unless == "taken")


class _Override(_Strict):
    watch: _Watch
    steps: list[_Step] = Field(min_length=1)


class _Story(_Strict):
    title: str
    start: str = "Mon 12:00"
    entrance: _Watch = _Watch()
    given: list[str] = Field(min_length=1)
    expect: list[str]


class _Rule(_Strict):
    name: Annotated[str, BeforeValidator(_name)]
    title: _Title
    why: str = Field(min_length=1)
    watch: _Watch = _Watch()
    except_: Annotated[list[_Watch], Field(alias="except")] = []
    when: Condition
    openings: int | None = Field(None, ge=2, le=1000)
    openings_within: _Duration | None = None
    during: _During | None = None
    steps: list[_Step] = Field(min_length=1)
    clear_after: _Duration = 30_000
    reopen_within: _Duration = 600_000
    severity: Severity = Severity.NORMAL
    overrides: list[_Override] = []
    stories: list[_Story] = []

    def built(self) -> Rule:
        during = During(self.during.from_, self.during.to) if self.during else None
        return Rule(
            name=self.name,
            title={"zh": self.title.zh, "en": self.title.en},
            why=self.why,
            watch=self.watch.built(),
            excepting=tuple(w.built() for w in self.except_),
            when=self.when,
            openings=self.openings or 10,
            openings_within_ms=self.openings_within or 5 * duration.MINUTE_MS,
            during=during,
            steps=tuple(s.built() for s in self.steps),
            clear_after_ms=self.clear_after,
            reopen_within_ms=self.reopen_within,
            severity=self.severity,
            overrides=tuple(
                Override(watch=o.watch.built(), steps=tuple(s.built() for s in o.steps))
                for o in self.overrides
            ),
        )


# Which model stands at which place of a file: for the guess at an unknown key.
_MODELS: dict[str, type[BaseModel]] = {
    "title": _Title,
    "watch": _Watch,
    "entrance": _Watch,
    "except": _Watch,
    "during": _During,
    "steps": _Step,
    "overrides": _Override,
    "stories": _Story,
}


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
    faults: list[Fault] = []
    found: list[tuple[Rule, Any]] = []
    stories: list[tuple[Rule, Story, str]] = []
    stands: dict[str, str] = {}
    told = set(roles)
    for name, text in files:
        document, wrong = read(name, text)
        faults += wrong
        if document is None:
            continue
        for path, raw in _rules_of(document, faults):
            model = _validated(document, path, raw, faults)
            if model is None:
                continue
            here = document.where((*path, "name"))
            if model.name in stands:
                faults.append(
                    Fault(
                        here, f"the rule '{model.name}' stands already at {stands[model.name]}", "Rename one."
                    )
                )
            stands.setdefault(model.name, here)
            rule = model.built()
            faults += _sense(document, path, model, told)
            found.append((rule, {k: v for k, v in raw.items() if k != "stories"}))
            stories += _stories(document, path, rule, model, faults)
    if faults:
        return None, faults
    return Loaded(rules=_rule_set(found), stories=stories), []


def from_canonical(text: str) -> RuleSet:
    """The rule set that ``RuleSet.text`` was made of."""
    return _rule_set([(_Rule.model_validate(raw).built(), raw) for raw in json.loads(text)])


def _rule_set(found: list[tuple[Rule, Any]]) -> RuleSet:
    text = json.dumps([raw for _, raw in found], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return RuleSet(tuple(rule for rule, _ in found), digest, text)


def _rules_of(document: Document, faults: list[Fault]) -> list[tuple[Path, Mapping[str, Any]]]:
    value = document.value
    if value is None:
        return []
    if not isinstance(value, dict) or not isinstance(value.get("rules"), list):
        faults.append(Fault(document.where(()), "this file has no list 'rules'", "Begin it with 'rules:'."))
        return []
    for key in value:
        if key != "rules":
            faults.append(
                Fault(document.where((key,)), f"unknown key '{key}'", "A rule file has one key, 'rules'.")
            )
    rules: list[tuple[Path, Mapping[str, Any]]] = []
    for i, raw in enumerate(value["rules"]):
        if isinstance(raw, dict):
            rules.append((("rules", i), raw))
        else:
            faults.append(
                Fault(document.where(("rules", i)), "a rule is a list of keys", "Begin it with '- name:'.")
            )
    return rules


def _validated(document: Document, path: Path, raw: Mapping[str, Any], faults: list[Fault]) -> _Rule | None:
    try:
        return _Rule.model_validate(raw)
    except ValidationError as error:
        faults += [
            _fault(document, (*path, *e["loc"]), e["type"], e["msg"], e["input"]) for e in error.errors()
        ]
        return None


_EXAMPLES = {
    "during": 'Write it like {from: "22:00", to: "06:00"}.',
    "title": "Write it like {zh: 单元门未关, en: Unit door left open}.",
}


def _fault(document: Document, path: Path, kind: str, message: str, value: Any) -> Fault:
    where, key = document.where(path), path[-1]
    if kind == "extra_forbidden":
        return Fault(where, f"unknown key '{key}' in {_place(path)}", guess(str(key), _known_keys(path)))
    if kind == "missing":
        return Fault(where, f"the key '{key}' is missing in {_place(path)}", f"Add '{key}: …'.")
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']+)'", message.replace(f"'{value}'", ""))
        return Fault(where, f"'{value}' is not known as '{_key(path)}'", guess(str(value), words))
    if kind == "value_error":
        return Fault(where, message.removeprefix("Value error, "))
    if kind in ("too_short", "string_too_short"):
        return Fault(where, f"'{_key(path)}' is empty", "Write at least one.")
    group = ("a group of keys is expected", _EXAMPLES.get(_key(path), "Write 'key: value' lines below it."))
    what, mend = {
        "string_type": ("one text is expected", ""),
        "list_type": ("a list is expected", "Write each entry as a line that begins with '- '."),
        "model_type": group,
        "model_attributes_type": group,
    }.get(kind, (message, ""))
    return Fault(where, f"'{_key(path)}': {what}", mend)


def _key(path: Path) -> str:
    return str(next((part for part in reversed(path) if isinstance(part, str)), "rules"))


def _place(path: Path) -> str:
    around = _key(path[:-1])
    return "a rule" if around == "rules" else f"'{around}'"


def _known_keys(path: Path) -> list[str]:
    model = _MODELS.get(_key(path[:-1]), _Rule)
    return [info.alias or name for name, info in model.model_fields.items()]


def _sense(document: Document, path: Path, rule: _Rule, roles: set[str]) -> list[Fault]:
    """What each value allows by itself and the whole does not."""
    faults: list[Fault] = []

    def fault(inner: Path, what: str, mend: str) -> None:
        faults.append(Fault(document.where((*path, *inner)), what, mend))

    for inner, steps in [
        (("steps",), rule.steps),
        *((("overrides", i, "steps"), o.steps) for i, o in enumerate(rule.overrides)),
    ]:
        for i, step in enumerate(steps):
            if i and step.after < steps[i - 1].after:
                fault(
                    (*inner, i, "after"), "this step comes before the one above it", "Order them by 'after'."
                )
            if step.tell not in roles:
                fault((*inner, i, "tell"), f"nobody has the role '{step.tell}'", guess(step.tell, roles))
    if rule.during and rule.during.from_ == rule.during.to:
        fault(("during",), "the window is empty", "For the whole day leave 'during' out.")
    if rule.when is not Condition.CHATTERING:
        for key in ("openings", "openings_within"):
            if getattr(rule, key) is not None:
                fault((key,), f"'{key}' belongs to 'when: chattering'", "Leave it out.")
    for i, watch in enumerate(rule.except_):
        if not watch.built().names_anything():
            fault(
                ("except", i), "this exception names nothing", "Name a kind, a place, a tag or an entrance."
            )
    return faults


def _stories(
    document: Document, path: Path, rule: Rule, model: _Rule, faults: list[Fault]
) -> list[tuple[Rule, Story, str]]:
    stories = []
    for i, raw in enumerate(model.stories):
        where = document.where((*path, "stories", i))
        try:
            story = parse_story(raw.title, raw.start, raw.given, raw.expect, raw.entrance.built(), rule.watch)
            stories.append((rule, story, where))
        except StoryError as error:
            at = document.where((*path, "stories", i, error.key, error.index))
            faults.append(Fault(at, error.what, error.mend))
    return stories
