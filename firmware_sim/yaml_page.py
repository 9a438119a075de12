"""Reading a YAML file with its lines, and collecting all its faults together.

Rule 1: scalars stay text (``yaml.compose``): YAML would turn an unquoted 22:30 into 1350.
Rule 2: a fault says where, what, and how to mend it; reading goes on after one, to find the others.
"""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file. ``str()`` gives ``file:line:column: what. mend.``"""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        end = "" if self.mend.endswith("?") else "."
        return f"{self.where}: {self.what}. {self.mend}{end}"


class PageError(Exception):
    """A file cannot be used. ``str()`` gives one line for each fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Unfit(Exception):
    """A value that does not fit, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend


class Page:
    """One YAML file being read."""

    def __init__(self, name: str, text: str) -> None:
        """Raises ``PageError`` where the text is not YAML at all."""
        self.name = name
        self.faults: list[Fault] = []
        self.root = self._compose(text)

    def fault(self, node: Node | None, what: str, mend: str) -> None:
        """Note a fault and go on."""
        line, column = (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)
        self.faults.append(Fault(f"{self.name}:{line}:{column}", what, mend))

    def finish(self) -> None:
        """Raise all faults together, in the order of the lines."""
        if self.faults:
            raise PageError(
                sorted(self.faults, key=lambda fault: [int(n) for n in fault.where.split(":")[-2:]])
            )

    def fields(
        self, node: Node | None, *, of: str, known: Iterable[str], must: Iterable[str]
    ) -> dict[str, Node]:
        """The entries of a mapping. Unknown, doubled and missing keys are faults."""
        known = list(known)
        if not isinstance(node, MappingNode):
            self.fault(node, f"{of} must be keys with values", f"Write it with the keys {', '.join(known)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if not isinstance(key, ScalarNode) or name not in known:
                self.fault(key, f"unknown key '{_short(name)}' in {of}", _guess(name, known))
            elif name in found:
                self.fault(key, f"key '{name}' appears twice in {of}", "Keep one of them")
            else:
                found[name] = value
        for name in must:
            if name not in found:
                self.fault(node, f"{of} has no '{name}'", f"Add '{name}: ...'")
        return found

    def items(self, node: Node | None, *, of: str) -> list[Node]:
        """The items of a list; none if the node is absent."""
        if node is None:
            return []
        if not isinstance(node, SequenceNode):
            self.fault(node, f"{of} must be a list", "Begin each item with '- '")
            return []
        return list(node.value)

    def value(self, node: Node | None, parse: Callable[[str], T], default: T) -> T:
        """One scalar, parsed from its text; the default if it is absent or does not fit."""
        if node is None:
            return default
        if not isinstance(node, ScalarNode):
            self.fault(node, "a single value was expected here", "Write one value, not a list or keys")
            return default
        try:
            return parse(str(node.value))
        except Unfit as unfit:
            self.fault(node, unfit.what, unfit.mend)
            return default

    def _compose(self, text: str) -> Node | None:
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
            self._give_up(line, column, str(error.problem))
        except yaml.YAMLError as error:
            self._give_up(1, 1, str(error).splitlines()[0])
        except RecursionError:
            self._give_up(1, 1, "too many levels of brackets")

    def _give_up(self, line: int, column: int, what: str) -> NoReturn:
        fault = Fault(f"{self.name}:{line}:{column}", f"not YAML: {what}", "Mend the spelling first")
        raise PageError([fault]) from None


def _guess(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known keys are {', '.join(known)}"


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "..."
