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

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

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


def _one_or_many(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item}]})


_WORD = {"type": ["string", "number", "boolean"]}  # a tag may look like a number
_KINDS = ("unit_door", "gate")
_Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": duration.PATTERN, "examples": ["30s", "8m", "1h30m", "2d"]}),
]
_Minute = Annotated[
    int,
    BeforeValidator(_minute),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["22:00"]}),
]
_Texts = Annotated[list[str], BeforeValidator(_many), _one_or_many(_WORD)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# Each description is what an editor shows, in English and in Chinese.


class _Title(_Strict):
    zh: str = Field(description="In Chinese. 中文名称。")
    en: str = Field(description="In English. 英文名称。")


class _Watch(_Strict):
    kind: Annotated[
        list[Literal["unit_door", "gate"]], BeforeValidator(_many), _one_or_many({"enum": list(_KINDS)})
    ] = Field(default=[], description="unit_door or gate; both if left out. 单元门或大门，不写表示都要。")
    within: _Texts = Field(
        default=[],
        description="A district, street, community, grid or compound. 区、街道、社区、网格或小区。",
    )
    tags: _Texts = Field(
        default=[], description="Tags of the entrances table; one is enough. 出入口表里的标签，有其一即可。"
    )
    entrance: _Texts = Field(default=[], description="Entrances by their id. 出入口编号。")

    def built(self) -> Watch:
        return Watch(
            kinds=frozenset(self.kind),
            within=frozenset(self.within),
            tags=frozenset(self.tags),
            entrances=frozenset(self.entrance),
        )


class _During(_Strict):
    from_: _Minute = Field(alias="from", description="From this time of day. 从几点起。")
    to: _Minute = Field(
        description="Up to this one; over midnight if it is earlier. 到几点止，早于起点表示跨午夜。"
    )


class _Step(_Strict):
    after: _Duration = Field(description="Once it has lasted so long. 持续多久之后。")
    tell: str = Field(
        description="A role of the people table, or residents. 人员表里的角色，或 residents（居民）。"
    )
    unless: Literal["taken"] | None = Field(
        default=None, description="Not if somebody has taken the case. 已有人受理就不再通知。"
    )

    def built(self) -> Step:
        return Step(after_ms=self.after, tell=self.tell, unless_taken=self.unless == "taken")


class _Override(_Strict):
    watch: _Watch = Field(description="For which entrances. 针对哪些出入口。")
    steps: list[_Step] = Field(min_length=1, description="Their own steps. 它们自己的步骤。")


class _Story(_Strict):
    title: str = Field(description="What it shows. 说明什么。")
    start: str = Field(default="Mon 12:00", description="When it begins, like Mon 22:30. 何时开始。")
    entrance: _Watch = Field(default=_Watch(), description="On which door, if not any. 哪一种门。")
    given: list[str] = Field(
        min_length=1, description="What happens, like '+03:00 open'. 发生什么，写成“+分:秒 动作”。"
    )
    expect: list[str] = Field(description="What must come of it, like '+06:30 cleared'. 应有的结果。")


class _Rule(_Strict):
    name: Annotated[
        str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})
    ] = Field(description="Its lasting name; alarms are known by it. 固定的名字，告警以此识别。")
    title: _Title = Field(description="What people read. 人们看到的名称。")
    why: str = Field(min_length=1, description="Why anybody should be disturbed by it. 为什么值得打扰人。")
    watch: _Watch = Field(
        default=_Watch(), description="Which entrances; all if left out. 看哪些出入口，不写表示全部。"
    )
    except_: list[_Watch] = Field(default=[], alias="except", description="Which of them not. 其中不看哪些。")
    when: Condition = Field(description="The condition. 条件。")
    openings: int | None = Field(
        default=None,
        ge=2,
        le=1000,
        description="For chattering: so many openings … 仅用于 chattering：开门次数。",
    )
    openings_within: _Duration | None = Field(
        default=None, description="For chattering: … within this time. 仅用于 chattering：在多长时间内。"
    )
    during: _During | None = Field(
        default=None, description="Counts only then; always if left out. 只在此时段内计时。"
    )
    steps: list[_Step] = Field(min_length=1, description="Whom to tell, and when. 何时通知谁。")
    clear_after: _Duration = Field(
        default=30_000, description="So long it must be over. 结束多久后才解除，避免反复。"
    )
    reopen_within: _Duration = Field(
        default=600_000,
        description="A new alarm this soon reopens the case. 办结后这么久内再发生，重新立案。",
    )
    severity: Severity = Field(default=Severity.NORMAL, description="How much it matters. 严重程度。")
    overrides: list[_Override] = Field(
        default=[],
        description="Other steps for some entrances; the first that fits counts. 个别出入口的不同步骤。",
    )
    stories: list[_Story] = Field(default=[], description="Examples that must come true. 必须成立的示例。")

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


class _File(_Strict):
    rules: list[_Rule]


def schema() -> dict[str, Any]:
    """JSON Schema of a rule file, for editors. It knows each value; what only the whole can be
    wrong about (a step before the one above it, a role that nobody has) is for ``load_texts``."""
    made = _plain(_File.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "doorward rules", **made}


def _plain(made: Any) -> Any:
    """Without pydantic's own titles, and without defaults, which stand there in milliseconds."""
    if isinstance(made, list):
        return [_plain(item) for item in made]
    if not isinstance(made, dict):
        return made
    return {
        key: _plain(value)
        for key, value in made.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and "description" in made)
    }


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
