"""The schema that editors read agrees with the loader, as far as a schema can."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.shipped import SCHEMA, schema_text, shipped
from rules.load import load_texts
from rules.written import schema
from tests.unit.rules.test_load import AS_ITS_MAINTAINER_SEES_IT, GOOD

VALIDATOR = Draft202012Validator(schema())


def refused(text: str) -> list[str]:
    """What an editor would underline."""
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


def test_the_file_beside_the_rules_is_the_one_that_the_loader_makes() -> None:
    """If this fails: doorward rules schema > rules/rules.schema.json"""
    beside = files("rules").joinpath(SCHEMA.partition("/")[2])
    assert beside.read_text("utf-8") == schema_text()


@pytest.mark.parametrize("text", [GOOD, AS_ITS_MAINTAINER_SEES_IT, *(text for _, text in shipped())])
def test_what_the_loader_takes_no_editor_underlines(text: str) -> None:
    assert load_texts([("a.yaml", text)])[1] == []
    assert refused(text) == []


@pytest.mark.parametrize(("name", "text"), shipped())
def test_each_shipped_file_names_its_schema(name: str, text: str) -> None:
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA.partition('/')[2]}\n"), name


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("when: left_open", "when: left_opne"),
        GOOD.replace("after: 3m", "after: 3"),
        GOOD.replace("after: 3m", "after: 3 minutes"),
        GOOD.replace("name: door", "name: The Door"),
        GOOD.replace("    why: A test.\n", ""),
        GOOD.replace("A test.", "''"),
        GOOD.replace("en: Door", "fr: Porte"),
        GOOD.replace("tell: residents", "tel: residents"),
        GOOD + "    watch: {kind: window}\n",
        GOOD + "    watch: gate\n",
        GOOD + "    during: {from: '25:00', to: '06:00'}\n",
        GOOD + "    openings: 1\n",
        GOOD + "    severity: hihg\n",
        GOOD + "    stories: none\n",
        GOOD + "    nosuchkey: 1\n",
        "rule: []\n",
    ],
)
def test_what_an_editor_underlines_the_loader_refuses(text: str) -> None:
    assert refused(text)
    assert load_texts([("a.yaml", text)])[0] is None


def test_every_key_is_explained_in_both_languages() -> None:
    def descriptions(part: Any) -> list[str]:
        found = []
        for key, value in part.get("properties", {}).items():
            assert "description" in value, key
            found.append(value["description"])
        return found

    said = [text for part in schema()["$defs"].values() for text in descriptions(part)]
    assert len(said) > 25
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) and text[0].isascii() for text in said)
