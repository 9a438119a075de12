"""A YAML document as plain text values that remember where they stood.

YAML turns an unquoted ``22:30`` into 1350 and ``no`` into False, so every scalar is
read as the text that was written. Anchors and aliases are refused: a rule is read
by people, and an alias can make a small file explode.
"""

from __future__ import annotations

from typing import Any

import yaml

from rules.fault import Fault

Path = tuple[str | int, ...]
Places = dict[Path, tuple[int, int]]

MOST_BYTES = 1024 * 1024
"""No rule file that people write comes near this."""


class Document:
    """One file.

    Attributes:
        name: The file, as people see it in an error.
        value: dicts, lists and texts.
    """

    def __init__(self, name: str, value: Any, places: Places) -> None:
        self.name = name
        self.value = value
        self._places = places

    def at(self, path: Path) -> Any:
        """The value there; ``None`` if there is none."""
        value = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def where(self, path: Path) -> str:
        """``file:line:column`` of the value at ``path``, or of the nearest one around it."""
        while path and path not in self._places:
            path = path[:-1]
        line, column = self._places.get(path, (1, 1))
        return f"{self.name}:{line}:{column}"


def read(name: str, text: str) -> tuple[Document | None, list[Fault]]:
    """The document, or what is wrong with it."""
    if len(text.encode()) > MOST_BYTES:
        return None, [Fault(name, "the file is larger than 1 MiB", "Split it, or see what got into it.")]
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        began = error.context_mark
        mend = "Look at this line and the one above."
        if error.problem and "'\\t'" in error.problem:
            mend = "A tab stands here; YAML wants blanks."
        elif began and mark and began.line < mark.line - 1:
            mend = f"What is not ended began in line {began.line + 1}."
        return None, [Fault(where, f"this is not YAML: {error.problem}", mend)]
    except (yaml.YAMLError, RecursionError) as error:
        return None, [
            Fault(name, f"this is not YAML: {type(error).__name__}", "Look at the file's beginning.")
        ]
    faults: list[Fault] = []
    places: Places = {}
    seen: set[int] = set()
    value = _plain(node, (), name, places, seen, faults) if node is not None else None
    return (None, faults) if faults else (Document(name, value, places), [])


def _plain(
    node: yaml.Node, path: Path, name: str, places: Places, seen: set[int], faults: list[Fault]
) -> Any:
    mark = node.start_mark
    places.setdefault(path, (mark.line + 1, mark.column + 1))
    if id(node) in seen:
        faults.append(Fault(_at(name, node), "anchors (&, *) are not used here", "Write it out."))
        return None
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*path, i), name, places, seen, faults) for i, n in enumerate(node.value)]
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(
                Fault(_at(name, key_node), "a key must be a plain word", "Write it as 'key: value'.")
            )
            continue
        key = key_node.value
        if key in values:
            faults.append(
                Fault(_at(name, key_node), f"the key '{key}' stands here twice", "Keep one of them.")
            )
        inner = (*path, key)
        places[inner] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        values[key] = _plain(value_node, inner, name, places, seen, faults)
    return values


def _at(name: str, node: yaml.Node) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
