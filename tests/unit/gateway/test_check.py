"""Everything that is wrong with a directory, all at once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.check import can_be_sent_to, check
from gateway.starter import write_starter

RULE = """\
rules:
  - name: my-rule
    title: {zh: 我的, en: Mine}
    why: Because.
    watch: {within: 西湖社区}
    when: left_open
    steps:
      - {after: 5m, tell: grid_worker}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_starter(tmp_path)
    return tmp_path


def told(home: Path) -> list[str]:
    return [str(fault) for fault in check(home, {})]


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_faults_of_all_files_come_together(home: Path) -> None:
    change(home / "doorward.toml", "keep_days = 90", "keep_days = 0")
    change(home / "entrances.csv", "mjz-3-2,2单元门,unit_door", "mjz-3-2,2单元门,window")
    change(home / "people.csv", "wang-fang,王芳,grid_worker", "wang-fang,王芳,Worker!")
    change(home / "contacts.csv", "zhao-min,json:", "zhao-min,jsonx:")
    (home / "rules/mine.yaml").write_text(RULE.replace("watch", "wach"))
    files = {fault.split(":")[0] for fault in told(home)}
    assert {
        "doorward.toml",
        "entrances.csv",
        "devices.csv",  # of the entrance that is gone
        "people.csv",
        "contacts.csv",
        "rules/mine.yaml",
    } <= files


def test_an_empty_directory_is_told_what_is_missing(tmp_path: Path) -> None:
    assert [fault.split(":")[0] for fault in told(tmp_path)] == [
        "doorward.toml",
        "entrances.csv",
        "devices.csv",
        "people.csv",
        "contacts.csv",
        "rules",
    ]


def test_a_person_without_contact_and_a_contact_without_person(home: Path) -> None:
    change(home / "contacts.csv", "wang-fang,", "wang-fong,")
    assert told(home) == [
        "contacts.csv:6:1: there is no such person or home. Did you mean 'wang-fang'?",
        "people.csv:7: 王芳 (wang-fang, grid_worker) cannot be reached. Add a row for wang-fang to contacts.csv.",
    ]


def test_a_device_whose_dialect_is_switched_off_would_never_be_heard(home: Path) -> None:
    change(home / "doorward.toml", '["doorward", "zigbee2mqtt"]', '["doorward"]')
    assert [fault.split(". ")[0] for fault in told(home)] == [
        "devices.csv:9:1: 'zigbee2mqtt' is no dialect that is switched on"
    ]


@pytest.mark.parametrize(
    ("watch", "fault"),
    [
        pytest.param("{within: 西湖社区}", None, id="a-community"),
        pytest.param("{within: 龙华区/煤机街道/西湖社区/西湖第一网格}", None, id="a-path"),
        pytest.param("{tags: 老人多}", None, id="a-tag"),
        pytest.param("{entrance: mjz-3-1}", None, id="an-entrance"),
        pytest.param(
            "{within: 西湖社}",
            "rules/mine.yaml:5: the rule 'my-rule' names the place '西湖社', and there is none. "
            "Did you mean '西湖社区'?",
            id="no-such-place",
        ),
        pytest.param(
            "{tags: nosuch}",
            "rules/mine.yaml:5: the rule 'my-rule' names the tag 'nosuch', and there is none.",
            id="no-such-tag",
        ),
        pytest.param(
            "{entrance: mjz-3-9}",
            "rules/mine.yaml:5: the rule 'my-rule' names the entrance 'mjz-3-9', and there is none. "
            "Did you mean 'mjz-3-2'?",
            id="no-such-entrance",
        ),
    ],
)
def test_rules_that_would_watch_nothing(home: Path, watch: str, fault: str | None) -> None:
    (home / "rules/mine.yaml").write_text(RULE.replace("{within: 西湖社区}", watch))
    assert told(home) == ([fault] if fault else [])


def test_one_table_that_cannot_be_read_does_not_bury_itself_under_faults_of_the_others(home: Path) -> None:
    for table, header in (("entrances.csv", "kind"), ("people.csv", "role")):
        path = home / table
        good = path.read_text()
        path.write_text(good.replace(f",{header},", ",x,", 1))
        found = told(home)
        path.write_text(good)
        assert len(found) <= 2, found
        assert all(fault.startswith(table) for fault in found)


def test_a_url_that_nothing_can_be_sent_to_is_one_fault(home: Path) -> None:
    contacts = home / "contacts.csv"
    lines = [
        "wang-fang,nosuch://secret-token" if line.startswith("wang-fang,") else line
        for line in contacts.read_text().splitlines()
    ]
    contacts.write_text("\n".join(lines))
    (fault,) = told(home)
    assert "nothing can be sent to this nosuch URL" in fault and "secret-token" not in fault


def test_a_misspelt_tag_of_an_exception_is_noticed(home: Path) -> None:
    change(home / "rules" / "gates.yaml", "open-by-day", "open-by-dya")
    (fault,) = told(home)
    assert "a tag that no entrance has. Did you mean 'open-by-day'?" in fault


def test_an_exception_may_wait_for_its_first_tag(home: Path) -> None:
    (home / "rules/mine.yaml").write_text(RULE + "    except: [{tags: nosuch}]\n")
    assert told(home) == []


def test_a_rule_must_not_tell_a_role_that_nobody_has(home: Path) -> None:
    (home / "rules/mine.yaml").write_text(RULE.replace("grid_worker", "volunteer"))
    assert "nobody has the role 'volunteer'" in told(home)[0]
    change(home / "people.csv", "installer-1,安装队,installer", "installer-2,志愿者,volunteer")
    change(home / "contacts.csv", "installer-1,", "installer-2,")
    faults = told(home)
    assert faults
    assert all("'installer'" in fault for fault in faults)


def test_files_that_the_settings_name(home: Path) -> None:
    change(home / "doorward.toml", "# ca_file", "ca_file")
    change(home / "doorward.toml", "# password_file", "password_file")
    (home / "broker-password").write_text("s3cr3t")
    (home / "broker-password").chmod(0o644)
    faults = told(home)
    assert [fault.split(f" {home}")[0] for fault in faults] == [
        "doorward.toml: broker.ca_file: there is no file",
        "doorward.toml: broker.password_file: others can read",
    ]
    assert "s3cr3t" not in str(faults)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        pytest.param("json://127.0.0.1/x", True, id="a-web-hook"),
        pytest.param("nosuch://s3cr3t", False, id="no-such-channel"),
        pytest.param("tgram://s3cr3t", False, id="a-channel-without-its-parts"),
    ],
)
def test_a_url_is_tried_without_a_word(
    url: str, usable: bool, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert can_be_sent_to(SecretStr(url)) is usable
    printed = capsys.readouterr()
    assert "s3cr3t" not in caplog.text + printed.out + printed.err
