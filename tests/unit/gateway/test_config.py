"""Where it runs: the file, the environment over it, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gateway.config import Config, DialectName, load_config
from gateway.intake.dialects import DIALECTS


def load(directory: Path, text: str, **environ: str) -> tuple[Config | None, list[str]]:
    (directory / "doorward.toml").write_text(text)
    config, faults = load_config(directory, environ)
    return config, [str(fault) for fault in faults]


def test_an_empty_file_gives_the_usual_values(tmp_path: Path) -> None:
    config, faults = load(tmp_path, "")
    assert faults == []
    assert config is not None
    assert (config.broker.port, config.places.tz.key, config.influx) == (1883, "Asia/Shanghai", None)
    assert config.store.path == tmp_path / "data/doorward.db"
    assert (config.send.call_timeout_ms, config.dialects.enabled) == (10_000, ("doorward",))


def test_the_file_is_read_and_paths_lie_in_its_directory(tmp_path: Path) -> None:
    config, faults = load(
        tmp_path,
        """
        [broker]
        tls = true
        ca_file = "ca.pem"
        password_file = "/run/secrets/broker"
        [dialects]
        enabled = ["tasmota", "zigbee2mqtt"]
        zigbee2mqtt = "z2m/haus"
        [influx]
        url = "http://127.0.0.1:8086"
        org = "o"
        bucket = "b"
        token_file = "t"
        [send]
        call_timeout = "5s"
        """,
    )
    assert faults == []
    assert config is not None
    assert (config.broker.port, config.broker.ca_file) == (8883, tmp_path / "ca.pem")
    assert config.broker.password_file == Path("/run/secrets/broker")
    assert config.dialects.bases == {"zigbee2mqtt": "z2m/haus"}
    assert config.influx is not None
    assert config.influx.token_file == tmp_path / "t"
    assert config.send.call_timeout_ms == 5_000


def test_the_environment_overrides_each_value(tmp_path: Path) -> None:
    config, faults = load(
        tmp_path,
        '[broker]\nhost = "a"\nport = 1\n[web]\nport = 2',
        DOORWARD_BROKER__HOST="b",
        DOORWARD_BROKER__TLS="true",
        DOORWARD_WEB__PORT="",
        DOORWARD_STORE__PATH="/data/doors.db",
        DOORWARD_DIALECTS__ENABLED="doorward, esphome",
        DOORWARD_DIR="not a setting",
        HOME="/nowhere",
    )
    assert faults == []
    assert config is not None
    assert (config.broker.host, config.broker.port, config.broker.tls) == ("b", 1, True)
    assert (config.web.port, config.store.path) == (2, Path("/data/doors.db"))
    assert config.dialects.enabled == ("doorward", "esphome")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "[broker]\nhots = 'a'", "doorward.toml:2: unknown key 'hots'. Did you mean 'host'?", id="key"
        ),
        pytest.param(
            "\n[brokr]\n", "doorward.toml:2: unknown key 'brokr'. Did you mean 'broker'?", id="section"
        ),
        pytest.param(
            "[influx]\nurl = 'http://x'\norg = 'o'\nbucket = 'b'\nbuckt = 'b'",
            "doorward.toml:5: unknown key 'buckt'. Did you mean 'bucket'?",
            id="key-of-an-optional-section",
        ),
        pytest.param(
            "[influx]\nurl = 'http://x'\norg = 'o'", "doorward.toml:1: influx.bucket: field", id="missing"
        ),
        pytest.param("[web]\n\nport = 70000", "doorward.toml:3: web.port: input should be less", id="range"),
        pytest.param("web.port = 'x'", "doorward.toml:1: web.port: input should be a valid", id="dotted"),
        pytest.param("[places]\nzone = 'Mars/Base'", "doorward.toml:2: places.zone: there is no", id="zone"),
        pytest.param("[send]\ncall_timeout = 10", "doorward.toml:2: send.call_timeout: a dur", id="no-unit"),
        pytest.param(
            "[send]\ncall_timeot = '1s'", "doorward.toml:2: unknown key 'call_timeot'. Did", id="alias"
        ),
        pytest.param("[dialects]\nenabled = ['x']", "doorward.toml:2: dialects.enabled.0: input", id="list"),
        pytest.param("broker = 3", "doorward.toml:1: broker: input should be a valid dict", id="no-section"),
        pytest.param("[web]\nport = = 3", "doorward.toml:2:8: is not TOML: invalid value", id="syntax"),
    ],
)
def test_faults_name_their_line(tmp_path: Path, text: str, fault: str) -> None:
    config, faults = load(tmp_path, text)
    assert config is None
    assert [told[: len(fault)] for told in faults] == [fault]


def test_all_faults_come_at_once_and_name_their_variable(tmp_path: Path) -> None:
    _, faults = load(tmp_path, "[web]\nport = 0\n", DOORWARD_BROKER__PORT="x", DOORWARD_WEB__HOTS="y")
    assert [fault.split(": ")[0] for fault in sorted(faults)] == [
        "DOORWARD_BROKER__PORT",
        "DOORWARD_WEB__HOTS",
        "doorward.toml:2",
    ]


def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path) -> None:
    _, faults = load(tmp_path, "[broker]\npassword = 's3cr3t'", DOORWARD_INFLUX__TOKEN="s3cr3t")
    assert len([fault for fault in faults if "Put it into a file" in fault]) == 2
    assert "s3cr3t" not in str(faults)


def test_a_missing_file_says_who_writes_it(tmp_path: Path) -> None:
    config, faults = load_config(tmp_path, {})
    assert config is None
    assert "doorward init" in faults[0].mend


def test_the_settings_know_every_dialect() -> None:
    assert set(get_args(DialectName)) == set(DIALECTS)
