"""Where the rules that ship are, as files of the package ``rules``, and their schema."""

from __future__ import annotations

import json
from importlib.resources import files

from rules.written import schema

SCHEMA = "rules/rules.schema.json"


def shipped() -> list[tuple[str, str]]:
    """(file name, text) of each shipped rule file, in the order of their names."""
    found = [f for f in files("rules").iterdir() if f.name.endswith(".yaml")]
    return [(f"rules/{f.name}", f.read_text("utf-8")) for f in sorted(found, key=lambda f: f.name)]


def schema_text() -> str:
    """The JSON Schema as it is written into a file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"
