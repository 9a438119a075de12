"""Every fault of a rule file has a file here, and exactly these words.

``faults/`` holds pairs: a rule file that is named by what is wrong with it, and what is
said of it, a line for each fault. What cannot well be one file stands in ``MADE``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rules.load
from rules.load import load_texts

FAULTS = Path(__file__).with_name("faults")
NAMES = sorted({path.stem for path in FAULTS.iterdir()})

A_RULE = """\
rules:
  - name: door
    title: {zh: 单元门未关, en: Door left open}
    why: It lets anyone walk in.
    when: left_open
    steps: [{after: 8m, tell: grid_worker}]
"""
A_PERIOD = "periods:\n  summer: {from: 06-01, to: 08-31}\n"

# (texts, words), by what is wrong. The first text is rules.yaml, the next more.yaml.
MADE: dict[str, tuple[list[str], list[str]]] = {
    "a-file-that-is-too-large": (
        ["#" * (1024 * 1024 + 1)],
        ["rules.yaml: the file is larger than 1 MiB. Split it, or see what got into it."],
    ),
    "a-control-character": (
        ["rules: [\x07]\n"],
        ["rules.yaml: this is not YAML: ReaderError. Look at the file's beginning."],
    ),
    "brackets-without-end": (
        ["rules: " + "[" * 100_000],
        ["rules.yaml: this is not YAML: RecursionError. Look at the file's beginning."],
    ),
    "a-rule-name-in-two-files": (
        [A_RULE, A_RULE],
        ["more.yaml:2:5: the rule 'door' stands already at rules.yaml:2:5. Rename one."],
    ),
    "a-period-in-two-files": (
        [A_PERIOD, A_RULE + A_PERIOD],
        ["more.yaml:8:3: the period 'summer' stands already at rules.yaml:2:3. Rename one."],
    ),
}


def said(*texts: str) -> list[str]:
    """What is said of these files."""
    found, faults = load_texts(list(zip(("rules.yaml", "more.yaml"), texts, strict=False)))
    assert found is None, "no rule set comes out"
    return [str(fault) for fault in faults]


@pytest.mark.parametrize("name", NAMES)
def test_a_faulty_file_gets_exactly_its_words(name: str) -> None:
    text = (FAULTS / f"{name}.yaml").read_text("utf-8")
    assert said(text) == (FAULTS / f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", MADE)
def test_what_cannot_be_one_file_gets_exactly_its_words(name: str) -> None:
    texts, words = MADE[name]
    assert said(*texts) == words


def test_no_two_files_show_the_same() -> None:
    words = [(FAULTS / f"{name}.txt").read_text("utf-8") for name in NAMES]
    texts = [(FAULTS / f"{name}.yaml").read_text("utf-8") for name in NAMES]
    assert len(set(zip(texts, words, strict=True))) == len(NAMES) == len(set(texts))


# -- nothing is said that no file shows ------------------------------------------------

MAKERS = {"Fault", "_fault", "ValueError", "StoryError"}
"""What they are called with is what people read."""

SHORTEST = 8
"""A shorter piece, like ``' in '``, says nothing by itself."""


class Source:
    """One module, to find the pieces of text of which its faults are made."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        self._calls = [node for node in nodes if isinstance(node, ast.Call)]
        self._functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        self._bindings = [node for node in nodes if isinstance(node, ast.Assign | ast.AugAssign)]
        self._inside = {node: f for f in self._functions for node in ast.walk(f)}  # the innermost

    def pieces(self) -> Iterator[tuple[int, str]]:
        """(line, text) of each."""
        seen: set[ast.AST] = set()
        for call in self._calls:
            if _called(call) in MAKERS:
                yield from self._of(call, seen)

    def _of(self, node: ast.AST, seen: set[ast.AST]) -> Iterator[tuple[int, str]]:
        if node in seen:
            return
        seen.add(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            for value in self._values(node):
                yield from self._of(value, seen)
        elif isinstance(node, ast.Call) and _called(node) == "removeprefix":
            return  # this is what is not said
        else:
            for inner in (*ast.iter_child_nodes(node), *self._returned(node)):
                yield from self._of(inner, seen)

    def _values(self, name: ast.Name) -> Iterator[ast.AST]:
        """What a name stands for: what is bound to it here or in the module, or comes as an argument."""
        here = self._inside.get(name)
        for binding in self._bindings:
            targets = binding.targets if isinstance(binding, ast.Assign) else [binding.target]
            bound = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
            if name.id in bound and self._inside.get(binding) in (here, None):
                yield binding.value
        if here is not None and name.id in {a.arg for a in here.args.args}:
            for call in self._calls:
                if _called(call) == here.name:
                    yield from call.args

    def _returned(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a function of this module answers."""
        for function in self._functions:
            if isinstance(node, ast.Call) and _called(node) == function.name:
                yield from (r.value for r in ast.walk(function) if isinstance(r, ast.Return) and r.value)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def pieces() -> dict[str, str]:
    """Each piece of a fault's text in rules/, with where it stands."""
    modules = sorted(Path(rules.load.__file__).parent.glob("*.py"))
    return {
        piece: f"rules/{module.name}:{line}"
        for module in modules
        for line, piece in Source(module).pieces()
        if len(piece) >= SHORTEST and " " in piece
    }


def test_whatever_the_loader_can_say_some_file_shows() -> None:
    """A new message needs a new pair in faults/: the file, and its words."""
    shown = "\n".join((FAULTS / f"{name}.txt").read_text("utf-8") for name in NAMES)
    shown += "\n".join(line for _, words in MADE.values() for line in words)
    missing = [f"{where}: {piece!r}" for piece, where in pieces().items() if piece not in shown]
    assert missing == []


def test_the_pieces_are_found() -> None:
    """So that the law above cannot hold because nothing is looked at."""
    found = pieces()
    assert len(found) > 60
    assert {
        "the file is larger than 1 MiB",  # said straight away
        "this step comes before the one above it",  # by way of a name
        "a rule is a list of keys",  # by way of an argument
        " for every year, or 2026-09-01"[1:] and "write it like 06-01 for every year, or 2026-09-01",
        "' is not known as '",  # a piece of an f-string
    } <= set(found)
