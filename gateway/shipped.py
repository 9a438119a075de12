"""Where the rules that ship are, as files of the package ``rules``."""

from __future__ import annotations

from importlib.resources import files


def shipped() -> list[tuple[str, str]]:
    """(file name, text) of each shipped rule file, in the order of their names."""
    found = [f for f in files("rules").iterdir() if f.name.endswith(".yaml")]
    return [(f"rules/{f.name}", f.read_text("utf-8")) for f in sorted(found, key=lambda f: f.name)]
