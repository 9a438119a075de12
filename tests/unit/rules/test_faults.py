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
    assert len({(FAULTS / f"{name}.yaml").read_text("utf-8") for name in NAMES}) == len(NAMES)


# -- nothing is said that no file shows ------------------------------------------------

MAKERS = {"Fault", "_fault", "ValueError", "StoryError"}
"""What they are called with is what people read."""

NOT_SAID = {"guess", "removeprefix"}
"""What they are called with is a choice of words, or is taken away."""

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
        made: list[ast.AST] = [call for call in self._calls if _called(call) in MAKERS]
        for node in (*made, *self._returned("guess")):
            yield from self._of(node, seen)

    def _of(self, node: ast.AST, seen: set[ast.AST]) -> Iterator[tuple[int, str]]:
        if node in seen:
            return
        seen.add(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            for value in self._values(node):
                yield from self._of(value, seen)
        elif not isinstance(node, ast.Call) or _called(node) not in NOT_SAID:
            answers = self._returned(_called(node)) if isinstance(node, ast.Call) else ()
            for inner in (*ast.iter_child_nodes(node), *answers):
                yield from self._of(inner, seen)

    def _values(self, name: ast.Name) -> Iterator[ast.AST]:
        """What a name stands for: what is bound to it here or in the module, or comes as an argument."""
        here = self._inside.get(name)
        for binding in self._bindings:
            targets = binding.targets if isinstance(binding, ast.Assign) else [binding.target]
            bound = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
            if name.id in bound and self._inside.get(binding) in (here, None):
                yield binding.value
        if here is not None and name.id in {a.arg for a in (*here.args.args, *here.args.kwonlyargs)}:
            for call in self._calls:
                if _called(call) == here.name:
                    yield from (*call.args, *(keyword.value for keyword in call.keywords))

    def _returned(self, called: str) -> list[ast.AST]:
        """What a function of this module answers."""
        nodes = [
            node for function in self._functions if function.name == called for node in ast.walk(function)
        ]
        return [node.value for node in nodes if isinstance(node, ast.Return) and node.value]


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
    words = [line for _, lines in MADE.values() for line in lines]
    shown = "\n".join([*words, *((FAULTS / f"{name}.txt").read_text("utf-8") for name in NAMES)])
    missing = [f"{where} says {piece!r}" for piece, where in pieces().items() if piece not in shown]
    assert not missing, "no file in faults/ shows what\n  " + "\n  ".join(missing)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param("the file is larger than 1 MiB", id="said-straight-away"),
        pytest.param("this step comes before the one above it", id="by-way-of-a-name"),
        pytest.param(" What is 'usual' counts from 'at_least' to 'at_most'.", id="added-to-a-name"),
        pytest.param("a rule is a list of keys", id="by-way-of-an-argument"),
        pytest.param('Write it like {from: "22:00", to: "06:00"}.', id="by-way-of-a-table"),
        pytest.param("' is not known as '", id="between-two-values"),
        pytest.param("write it like 06-01 for every year, or 2026-09-01", id="shared-by-two"),
        pytest.param("Did you mean '", id="a-guess"),
        pytest.param("' cannot be expected", id="in-a-story"),
    ],
)
def test_each_way_to_say_something_is_seen(piece: str) -> None:
    """Else the law above would hold because nobody looks."""
    assert piece in pieces()
