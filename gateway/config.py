"""Where doorward runs: ``doorward.toml``, which its installer writes.

Rule 1: what should happen stands in the rules; here stands only where and through what.
Rule 2: an environment variable overrides any value: ``DOORWARD_BROKER__HOST`` is
        ``host`` in ``[broker]``.
Rule 3: no secret stands here; ``…_file`` names the file that holds it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from rules import duration
from rules.fault import Fault, guess

FILE = "doorward.toml"
PREFIX = "DOORWARD_"

DialectName = Literal["doorward", "zigbee2mqtt", "tasmota", "esphome", "shelly_gen1"]


def _in_directory(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context["directory"], path) if info.context else path


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a duration is a text with a unit, like 10s")
    return duration.parse(value)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone '{name}'; write it like Asia/Shanghai") from None
    return name


_Path = Annotated[Path, AfterValidator(_in_directory)]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Duration = Annotated[int, BeforeValidator(_duration), Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Broker(_Section):
    """The MQTT broker.

    Attributes:
        tls: Encrypted; then the port is 8883 unless said otherwise, else 1883.
        ca_file: Who vouches for the broker; the system's authorities if absent.
        client_id: Fixed: the broker keeps what came in for this name while we are away.
    """

    host: str = "127.0.0.1"
    tls: bool = False
    port: int = Field(default=0, ge=0, le=65535)
    ca_file: _Path | None = None
    username: str | None = None
    password_file: _Path | None = None
    client_id: str = Field(default="doorward", min_length=1, max_length=64)

    @field_validator("port")
    @classmethod
    def _usual_port(cls, port: int, info: ValidationInfo) -> int:
        return port or (8883 if info.data.get("tls") else 1883)


class Places(_Section):
    """The district.

    Attributes:
        zone: Its time zone; windows, duty and dates in tables are meant in it.
        language: What pages are written in until a reader chooses.
        holidays: Whose public holidays windows may ask for; ``calendar.csv`` adds to them.
    """

    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    holidays: Literal["china", "none"] = "china"

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class Web(_Section):
    """The pages.

    Attributes:
        public_url: What links in messages begin with, as phones reach it.
    """

    host: str = "127.0.0.1"
    port: _Port = 8080
    public_url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://[^/\s@]+(/[^\s?#]*)?$")


class Store(_Section):
    """The database.

    Attributes:
        keep_days: How long readings are kept, in days.
    """

    path: _Path = Path("data/doorward.db")
    keep_days: int = Field(default=90, ge=1)


class Dialects(_Section):
    """What devices speak.

    Attributes:
        enabled: The dialects that we listen to. Each may have its own topic prefix.
    """

    enabled: Annotated[tuple[DialectName, ...], BeforeValidator(_listed), Field(min_length=1)] = ("doorward",)
    doorward: str | None = None
    zigbee2mqtt: str | None = None
    tasmota: str | None = None
    esphome: str | None = None
    shelly_gen1: str | None = None

    @property
    def bases(self) -> dict[str, str]:
        """The topic prefixes that differ from the usual, by dialect."""
        return {name: base for name in get_args(DialectName) if (base := getattr(self, name))}


class Influx(_Section):
    """Where readings are exported to."""

    url: str = Field(pattern=r"^https?://[^/\s@]+(/[^\s?#]*)?$")
    org: str
    bucket: str
    token_file: _Path | None = None


class Send(_Section):
    """How messages leave.

    Attributes:
        call_timeout_ms: The longest that one call of a channel may take; in the file it is
            ``call_timeout`` and has a unit (``10s``).
        per_minute: The most messages a minute to one robot; DingTalk and WeCom refuse the 21st.
    """

    call_timeout_ms: _Duration = Field(default=10_000, alias="call_timeout", validate_default=False)
    per_minute: int = Field(default=15, ge=1)


class Config(_Section):
    """Everything that ``doorward.toml`` says; paths are absolute or relative to where we run."""

    broker: Broker = Broker()
    places: Places = Places()
    web: Web = Web()
    store: Store = Store()
    dialects: Dialects = Dialects()
    influx: Influx | None = None
    send: Send = Send()


class _Written(NamedTuple):
    """What the installer wrote, and where.

    Attributes:
        values: By section and key.
        stands: ``file:line``, or the variable's name, by (section, key) and by (section,).
    """

    values: dict[str, Any]
    stands: dict[tuple[str, ...], str]

    def where(self, place: tuple[str, ...]) -> str:
        """As near as we know it."""
        return next((self.stands[place[:n]] for n in (2, 1) if place[:n] in self.stands), FILE)


def load_config(directory: Path, environ: Mapping[str, str]) -> tuple[Config | None, list[Fault]]:
    """The settings of ``directory``; none of them if there is any fault."""
    try:
        text = (directory / FILE).read_text("utf-8-sig")
        written = _Written(tomllib.loads(text), _stands(text))
    except OSError as error:
        return None, [Fault(FILE, f"cannot be read: {error.strerror}", "doorward init writes one.")]
    except UnicodeDecodeError:
        return None, [Fault(FILE, "is not UTF-8", "Save it as UTF-8.")]
    except tomllib.TOMLDecodeError as error:
        return None, [_not_toml(str(error))]
    _override(written, environ)
    for section, field in Config.model_fields.items():  # a section that is absent lies in the directory, too
        if not field.is_required() and field.default is not None:
            written.values.setdefault(section, {})
    try:
        return Config.model_validate(written.values, context={"directory": directory}), []
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return None, [_fault(written, tuple(map(str, e["loc"])), e["type"], e["msg"]) for e in found]


def _override(written: _Written, environ: Mapping[str, str]) -> None:
    """An empty variable says nothing: that is what container files make of an unset one."""
    for name in sorted(environ):
        section, between, key = name.removeprefix(PREFIX).lower().partition("__")
        if name.startswith(PREFIX) and between and environ[name]:
            values = written.values.setdefault(section, {})
            if isinstance(values, dict):
                values[key] = environ[name]
                written.stands[section, key] = name
                written.stands.setdefault((section,), name)


_SECTION_LINE = re.compile(r"\s*\[\s*([\w-]+)\s*\]")
_KEY_LINE = re.compile(r"\s*([\w-]+(?:\.[\w-]+)*)\s*=")


def _stands(text: str) -> dict[tuple[str, ...], str]:
    stands: dict[tuple[str, ...], str] = {}
    section: tuple[str, ...] = ()
    for line, content in enumerate(text.splitlines(), start=1):
        if match := _SECTION_LINE.match(content):
            section = (match[1],)
            stands.setdefault(section, f"{FILE}:{line}")
        elif match := _KEY_LINE.match(content):
            stands.setdefault((*section, *match[1].split(".")), f"{FILE}:{line}")
    return stands


def _not_toml(message: str) -> Fault:
    at = re.search(r" \(at line (\d+), column (\d+)\)", message)
    where = f"{FILE}:{at[1]}:{at[2]}" if at else FILE
    what = message[: at.start()] if at else message
    return Fault(where, f"is not TOML: {what[:1].lower()}{what[1:]}", "A text needs quotes around it.")


def _fault(written: _Written, place: tuple[str, ...], kind: str, message: str) -> Fault:
    key, where = place[-1], written.where(place)
    if kind == "extra_forbidden" and ("password" in key or "token" in key):
        return Fault(where, f"'{key}' does not belong here", "Put it into a file of its own and name that.")
    if kind == "extra_forbidden":
        section = Config.model_fields[place[0]].annotation if len(place) > 1 else Config
        return Fault(where, f"unknown key '{key}'", guess(key, _keys(section)))
    text = message.removeprefix("Value error, ")
    return Fault(where, f"{'.'.join(place)}: {text[:1].lower()}{text[1:]}")


def _keys(section: object) -> list[str]:
    """The keys of a section; of ``Influx | None`` those of ``Influx``."""
    for model in (section, *get_args(section)):
        if isinstance(model, type) and issubclass(model, BaseModel):
            return [field.alias or name for name, field in model.model_fields.items()]
    return []
