"""A rule file as its maintainer writes it: the pydantic models, and their JSON Schema.

What each value may be stands here; what only the whole can be wrong about stands in
``load.py``. Each description is what an editor shows, in English and in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from rules import duration
from rules.days import DAYS_OFF, NAMED, WEEKDAYS, WORKDAYS, Days, Period, parse_days
from rules.rule import (
    RESIDENTS,
    Budget,
    Condition,
    Override,
    Quiet,
    Rule,
    Severity,
    Step,
    Usual,
    Watch,
)
from rules.window import DAY_MINUTES, During, Window, Windows

MOST_REPEATS = 20
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
_PERCENT = re.compile(r"p([5-9]\d)")
BRANCH = "\0"
"""What the name of a union's branch begins with; nothing that people can write does."""
Periods = Mapping[str, tuple[Period, ...]]


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _minute(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a time of day is one text; write it like 22:00")
    match = _CLOCK.fullmatch(value)
    if match is None:
        raise ValueError(f"'{value}' is not a time of day; write it like 22:00")
    return int(match[1]) * 60 + int(match[2]) if match[1] else DAY_MINUTES


def _first_minute(value: Any) -> Any:
    if value == "24:00":
        raise ValueError("'24:00' is not a time of day to begin at; write it like 22:00")
    return _minute(value)


def _day(value: Any) -> Any:
    parse_days([str(value)])
    return value


def _date(value: Any) -> Any:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    wanted = "write it like 06-01 for every year, or 2026-09-01"
    if match is None:
        raise ValueError(f"'{value}' is not a date; {wanted}")
    year, month, day = int(match[1] or 0), int(match[2]), int(match[3])
    try:
        if match[1] and not year:
            raise ValueError
        date(year or 2024, month, day)  # a leap year: 02-29 is a day
    except ValueError:
        raise ValueError(f"there is no day '{value}'; {wanted}") from None
    return year, month, day


def _percent(value: Any) -> Any:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"'{value}' is no share of the openings; write p50 to p99, like p99")
    return int(match[1])


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a duration is one text with a unit; write it like 30s, 8m, 1h30m or 2d")
    return duration.parse(value)


def _positive(value: Any) -> Any:
    if not (made := _duration(value)):
        raise ValueError(f"'{value}' is no time at all; write it like 10m")
    return made


def _name(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a name is one word")
    if not _NAME.fullmatch(value):
        raise ValueError(f"'{value}' is not a name; use small letters, digits and '-', at most 60")
    return value


def _one_or_many(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item}]})


class _OneOrMany:
    """For a list of models of which one may stand alone."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        many = handler(core)
        return {"anyOf": [many["items"], many]}


_WORD = {"type": ["string", "number", "boolean"]}  # a tag may look like a number
_KINDS = ("unit_door", "gate")
_Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": duration.PATTERN, "examples": ["30s", "8m", "1h30m", "2d"]}),
]
_Positive = Annotated[
    int,
    BeforeValidator(_positive),
    WithJsonSchema({"type": "string", "pattern": duration.PATTERN, "examples": ["10m"]}),
]
_Minute = Annotated[
    int,
    BeforeValidator(_minute),
    WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK.pattern})$", "examples": ["22:00"]}),
]
_FirstMinute = Annotated[
    int,
    BeforeValidator(_first_minute),
    WithJsonSchema(
        {"type": "string", "pattern": f"^({_CLOCK.pattern.rpartition('|')[0]})$", "examples": ["22:00"]}
    ),
]
_Date = Annotated[
    Any,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$", "examples": ["06-01", "2026-09-01"]}),
]
_Texts = Annotated[list[str], BeforeValidator(_many), _one_or_many(_WORD)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Title(_Strict):
    zh: str = Field(min_length=1, description="In Chinese. 中文名称。")
    en: str = Field(min_length=1, description="In English. 英文名称。")


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
    entrance: _Texts = Field(
        default=[],
        description="Entrances by their id, or by a pattern like xh-*. 出入口编号，可用通配符，如 xh-*。",
    )

    def built(self) -> Watch:
        return Watch(
            kinds=frozenset(self.kind),
            within=frozenset(self.within),
            tags=frozenset(self.tags),
            entrances=frozenset(self.entrance),
        )


class DuringIn(_Strict):
    from_: _FirstMinute = Field(default=0, alias="from", description="From this time of day. 从几点起。")
    to: _Minute = Field(
        default=DAY_MINUTES,
        description="Up to this one; over midnight if it is earlier. 到几点止，早于起点表示跨午夜。",
    )
    days: Annotated[
        list[Annotated[str, BeforeValidator(_day)]],
        BeforeValidator(_listed),
        _one_or_many({"type": "string", "examples": ["Mon-Fri", *NAMED]}),
    ] = Field(
        default=[],
        description="On which days it begins: Mon, Mon-Fri, workdays, days-off, holidays. "
        "在哪些日子开始：星期、workdays（工作日，含调休上班）、days-off（休息日）、holidays（法定节假日）。",
    )
    in_: _Texts = Field(
        default=[], alias="in", description="Only in these periods. 只在这些时期内（见 periods）。"
    )
    not_in: _Texts = Field(default=[], description="Not in these periods. 不在这些时期内。")

    @model_validator(mode="after")
    def _both(self) -> DuringIn:
        if len({"from_", "to"} & self.model_fields_set) == 1:
            raise ValueError("'from' and 'to' belong together; write both, or none for the whole day")
        return self

    def built_window(self, periods: Periods) -> Window:
        weekdays, named = parse_days(self.days)
        if len(weekdays) == len(WEEKDAYS) or {WORKDAYS, DAYS_OFF} <= named:
            weekdays, named = frozenset(), frozenset()  # all days
        within = tuple(p for name in self.in_ for p in periods.get(name, ())) if self.in_ else None
        outside = tuple(p for name in self.not_in for p in periods.get(name, ()))
        return Window(During(self.from_, self.to), Days(weekdays, named, within, outside))


class UsualIn(_Strict):
    usual: Annotated[
        int,
        BeforeValidator(_percent),
        WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$", "examples": ["p99"]}),
    ] = Field(
        description="Longer than so many of a hundred openings of this door at this hour of the week. "
        "比这扇门在这个钟点通常开着的时间更久（百分位）。"
    )
    at_least: _Duration = Field(description="Never sooner than this. 绝不早于。")
    at_most: _Duration = Field(description="Never later, also while little is known. 绝不晚于。")


_FIXED, _USUAL = f"{BRANCH}fixed", f"{BRANCH}usual"


def _fixed_or_usual(value: Any) -> str:
    return _USUAL if isinstance(value, dict | UsualIn) else _FIXED


_After = Annotated[
    Annotated[_Duration, Tag(_FIXED)] | Annotated[UsualIn, Tag(_USUAL)], Discriminator(_fixed_or_usual)
]


class _Repeat(_Strict):
    every: _Positive = Field(description="How long after the time before. 每隔多久。")
    at_most: int = Field(ge=1, le=MOST_REPEATS, description="How many times more. 最多再几次。")


class StepIn(_Strict):
    after: _After = Field(
        description="Once it has lasted so long, or longer than usual for this door. 持续多久之后，或比平常更久。"
    )
    tell: str = Field(
        description="A role of the people table, or residents. 人员表里的角色，或 residents（居民）。"
    )
    unless: Literal["taken"] | None = Field(
        default=None, description="Not if somebody has taken the case. 已有人受理就不再通知。"
    )
    repeat: _Repeat | None = Field(
        default=None,
        description="Again and again while nobody has taken it. 无人受理时重复通知。",
    )

    def first(self) -> int:
        """Its earliest moment."""
        return self.after.at_least if isinstance(self.after, UsualIn) else self.after

    def latest(self) -> int:
        return self.after.at_most if isinstance(self.after, UsualIn) else self.after

    def built(self) -> list[Step]:
        usual = None
        if isinstance(self.after, UsualIn):
            usual = Usual(self.after.usual, self.after.at_least, self.after.at_most)
        after = self.latest()
        step = Step(after_ms=after, tell=self.tell, unless_taken=self.unless == "taken", usual=usual)
        if self.repeat is None:
            return [step]
        every = self.repeat.every
        again = [
            Step(after_ms=after + n * every, tell=self.tell, unless_taken=True, again=n)
            for n in range(1, self.repeat.at_most + 1)
        ]
        return [step, *again]


def _built_steps(steps: Sequence[StepIn]) -> tuple[Step, ...]:
    """With their repetitions, in the order in which they come."""
    return tuple(sorted((one for step in steps for one in step.built()), key=lambda one: one.after_ms))


class _Override(_Strict):
    watch: _Watch = Field(description="For which entrances. 针对哪些出入口。")
    steps: list[StepIn] = Field(min_length=1, description="Their own steps. 它们自己的步骤。")


class _Story(_Strict):
    title: str = Field(description="What it shows. 说明什么。")
    start: str = Field(default="Mon 12:00", description="When it begins, like Mon 22:30. 何时开始。")
    entrance: _Watch = Field(default=_Watch(), description="On which door, if not any. 哪一种门。")
    given: list[str] = Field(
        min_length=1, description="What happens, like '+03:00 open'. 发生什么，写成“+分:秒 动作”。"
    )
    usual: _Duration | None = Field(
        default=None,
        description="How long this door usually stands open, where a step asks. 这扇门平常开多久（步骤用到时）。",
    )
    expect: list[str] = Field(description="What must come of it, like '+06:30 cleared'. 应有的结果。")


_ONE, _BOTH = f"{BRANCH}one", f"{BRANCH}both"


def _one_or_both(value: Any) -> str:
    return _BOTH if isinstance(value, dict | _Title) else _ONE


_InOneOrBoth = Annotated[
    Annotated[str, Field(min_length=1), Tag(_ONE)] | Annotated[_Title, Tag(_BOTH)],
    Discriminator(_one_or_both),
]


class RuleIn(_Strict):
    name: Annotated[
        str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})
    ] = Field(description="Its lasting name; alarms are known by it. 固定的名字，告警以此识别。")
    title: _Title = Field(description="What people read. 人们看到的名称。")
    why: _InOneOrBoth = Field(
        description="Why anybody should be disturbed by it: a text, or one in each language. "
        "为什么值得打扰人：一段话，或中英文各一段。"
    )
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
    during: Annotated[list[DuringIn], BeforeValidator(_many), _OneOrMany()] = Field(
        default=[], description="Counts only then; always if left out. 只在这些时段内计时。"
    )
    steps: list[StepIn] = Field(min_length=1, description="Whom to tell, and when. 何时通知谁。")
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

    def built(self, periods: Periods) -> Rule:
        during = Windows(tuple(d.built_window(periods) for d in self.during)) if self.during else None
        return Rule(
            name=self.name,
            title={"zh": self.title.zh, "en": self.title.en},
            why=self.why if isinstance(self.why, str) else self.why.en,
            whys={"zh": self.why.zh, "en": self.why.en} if isinstance(self.why, _Title) else {},
            watch=self.watch.built(),
            excepting=tuple(w.built() for w in self.except_),
            when=self.when,
            openings=self.openings or 10,
            openings_within_ms=self.openings_within or 5 * duration.MINUTE_MS,
            during=during,
            steps=_built_steps(self.steps),
            clear_after_ms=self.clear_after,
            reopen_within_ms=self.reopen_within,
            severity=self.severity,
            overrides=tuple(
                Override(watch=o.watch.built(), steps=_built_steps(o.steps)) for o in self.overrides
            ),
        )


_INSTEAD: Mapping[str, Any] = {
    "name": "-",
    "title": {"zh": "-", "en": "-"},
    "why": "-",
    "when": Condition.LEFT_OPEN,
    "steps": [{"after": "0s", "tell": RESIDENTS}],
}


def sound_part(raw: Mapping[str, Any]) -> RuleIn | None:
    """A faulty rule without its faulty keys, so that the others can be looked at together."""
    try:
        return RuleIn.model_validate(raw)
    except ValidationError as error:
        faulty = {str(e["loc"][0]) for e in error.errors()}
    if "when" in faulty:
        faulty |= {"openings", "openings_within"}  # whether they may stand there depends on it
    kept = {key: value for key, value in raw.items() if key not in faulty}
    try:
        return RuleIn.model_validate({**_INSTEAD, **kept})
    except ValidationError:
        return None


class PeriodIn(_Strict):
    from_: _Date = Field(alias="from", description="Its first day, like 06-01 or 2026-09-01. 第一天。")
    to: _Date = Field(description="Its last day. 最后一天。")

    @model_validator(mode="after")
    def _fits(self) -> PeriodIn:
        if bool(self.from_[0]) != bool(self.to[0]):
            raise ValueError("write both days with their year, or none of them")
        if self.from_[0] and self.to < self.from_:
            raise ValueError("it ends before it begins")
        return self

    def built(self) -> Period:
        return Period(self.from_, self.to)


class QuietIn(DuringIn):
    role: str = Field(description="Who is left alone. 哪个角色免打扰。")
    lets_through: Severity | None = Field(
        default=None, description="What is so severe comes all the same. 达到此严重程度仍然通知。"
    )

    def built(self, periods: Periods) -> Quiet:
        windows = Windows((self.built_window(periods),))
        return Quiet(role=self.role, windows=windows, lets_through=self.lets_through)


class BudgetIn(DuringIn):
    role: str = Field(description="Whose messages are counted. 限制哪个角色的通知数量。")
    messages: int = Field(
        ge=1,
        le=1000,
        description="So many to one person in one window; the rest as one digest. 每人每个时段的条数，其余合并为一条。",
    )

    def built(self, periods: Periods) -> Budget:
        windows = Windows((self.built_window(periods),))
        return Budget(role=self.role, messages=self.messages, windows=windows)


class RuleFile(_Strict):
    rules: list[RuleIn] = Field(default=[], description="Each is one sentence. 每条规则就是一句话。")
    periods: dict[str, Annotated[list[PeriodIn], BeforeValidator(_many), _OneOrMany()]] = Field(
        default={}, description="Names for parts of the year: summer, school terms. 给时期起名：夏季、学期。"
    )
    quiet: list[QuietIn] = Field(default=[], description="When a role is left alone. 免打扰时段。")
    budget: list[BudgetIn] = Field(default=[], description="How much one person is told. 每人通知上限。")


def schema() -> dict[str, Any]:
    """JSON Schema of a rule file, for editors. It knows each value; what only the whole can be
    wrong about (a step before the one above it, a role that nobody has) is for ``load.load_texts``."""
    made = _plain(RuleFile.model_json_schema(by_alias=True))
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
MODELS: dict[str, type[BaseModel]] = {
    "title": _Title,
    "why": _Title,
    "watch": _Watch,
    "entrance": _Watch,
    "except": _Watch,
    "during": DuringIn,
    "steps": StepIn,
    "after": UsualIn,
    "repeat": _Repeat,
    "overrides": _Override,
    "stories": _Story,
    "quiet": QuietIn,
    "budget": BudgetIn,
    "periods": PeriodIn,
}
