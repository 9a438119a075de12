"""docker-compose.yml fits what else is shipped. No Docker is needed to see that."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import load_config
from gateway.starter import write_starter

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EVERY_SERVICE = pytest.mark.parametrize("name", sorted(SERVICES))
BROKER = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text("utf-8")
CADDY = (ROOT / "deploy/caddy/Caddyfile").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[name].get("environment", {})
    return found


def mounts(name: str) -> list[tuple[str, str]]:
    """(source, place in the container) of a service."""
    found = []
    for text in SERVICES[name].get("volumes", []):
        source, place = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", text).removesuffix(":ro").split(":")
        found.append((source, place))
    return found


def ports(name: str) -> dict[int, tuple[str, int]]:
    """Inner port → (address, outer port)."""
    found = {}
    for text in SERVICES[name].get("ports", []):
        *address, outer, inner = text.split(":")
        found[int(inner)] = (address[0] if address else "", int(outer))
    return found


def example_environment() -> dict[str, str]:
    lines = (ROOT / "deploy/doorward.env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_services_are_these() -> None:
    assert set(SERVICES) == {"mosquitto", "doorward", "victoria-metrics", "grafana", "caddy"}


@EVERY_SERVICE
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert (ROOT / service["build"] / "Dockerfile").is_file()
    else:
        assert re.search(r":v?\d+\.\d+\.\d+(-\w+)?$", service["image"]), service["image"]


def test_the_broker_is_a_version_for_real_use() -> None:
    version = SERVICES["mosquitto"]["image"].rpartition(":")[2]
    assert (2, 0, 21) <= tuple(map(int, version.split("."))) < (2, 1)
    assert f"eclipse-mosquitto:{version} " in (ROOT / "deploy/add-box.sh").read_text("utf-8")


@EVERY_SERVICE
def test_every_service_comes_back_and_gains_no_rights(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@EVERY_SERVICE
def test_every_path_of_the_host_is_shipped(name: str) -> None:
    """A path that is not there becomes an empty directory, without a word."""
    for source, _ in mounts(name):
        if source.startswith((".", "/")):
            assert (ROOT / source).is_dir(), source
        else:
            assert source in COMPOSE["volumes"], source
    for file in SERVICES[name].get("env_file", []):
        assert (ROOT / f"{file}.example").is_file(), file


def test_every_volume_and_every_secret_is_used() -> None:
    used = {source for name in SERVICES for source, _ in mounts(name)}
    assert set(COMPOSE["volumes"]) <= used
    asked = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert set(COMPOSE["secrets"]) == asked


def test_every_secret_is_a_file_that_is_made_and_explained() -> None:
    makes = (ROOT / "deploy/make-secrets.sh").read_text("utf-8")
    explains = (ROOT / "deploy/secrets/README.md").read_text("utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
        assert name in makes
        assert f"`{name}`" in explains


@EVERY_SERVICE
def test_a_secret_that_is_named_is_given(name: str) -> None:
    text = json.dumps(SERVICES[name]) + (BROKER if name == "mosquitto" else "")
    assert set(re.findall(r"/run/secrets/([\w.-]+)", text)) <= set(SERVICES[name].get("secrets", []))


def test_no_value_looks_like_a_secret() -> None:
    for name in SERVICES:
        for key, value in environment(name).items():
            if re.search("password|token|secret|credential|private", key, re.IGNORECASE):
                assert value.startswith("/run/secrets/"), key
        assert not re.search(r"://[^/\s]*@", json.dumps(SERVICES[name]))
    assert set(example_environment()) == {"DOORWARD_WEB__PUBLIC_URL"}


def test_nothing_secret_is_committed_or_sent_to_the_builder() -> None:
    ignored = (ROOT / "deploy/secrets/.gitignore").read_text("utf-8").split()
    assert "*" in ignored
    assert [line for line in ignored if line.startswith("!")] == ["!.gitignore", "!README.md"]
    builder = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    assert "*" in builder
    assert not any("deploy" in line or "data" in line for line in builder if line.startswith("!"))


# -- ports -------------------------------------------------------------------------


def test_the_boxes_reach_the_broker_and_nobody_else_its_inner_listener() -> None:
    listeners = {int(port) for port in re.findall(r"^listener (\d+)$", BROKER, re.MULTILINE)}
    assert ports("mosquitto") == {8883: ("", 8883)}
    assert listeners == {8883, int(environment("doorward")["DOORWARD_BROKER__PORT"])}


def test_every_listener_is_encrypted_and_nobody_is_anonymous() -> None:
    for listener in re.split(r"^listener ", BROKER, flags=re.MULTILINE)[1:]:
        assert "\ncertfile " in listener
        assert "\nkeyfile " in listener
    assert re.findall(r"^allow_anonymous (\w+)$", BROKER, re.MULTILINE) == ["false"]


def test_the_pages_go_out_through_https_only() -> None:
    port = environment("doorward")["DOORWARD_WEB__PORT"]
    assert "ports" not in SERVICES["doorward"]
    assert f"reverse_proxy doorward:{port}" in CADDY
    assert f"EXPOSE {port}" in DOCKERFILE
    assert f"http://127.0.0.1:{port}/healthz" in SERVICES["doorward"]["healthcheck"]["test"][-1]
    assert ports("caddy") == {80: ("", 80), 443: ("", 443)}


def test_the_name_that_caddy_serves_is_the_one_in_the_links() -> None:
    assert "\n{$DOORWARD_WEB__PUBLIC_URL} {" in CADDY
    assert SERVICES["caddy"]["env_file"] == SERVICES["doorward"]["env_file"]
    assert re.fullmatch(r"https://[^/]+", example_environment()["DOORWARD_WEB__PUBLIC_URL"])


def test_the_charts_are_for_this_machine_only_and_the_database_for_nobody() -> None:
    assert ports("grafana") == {3000: ("127.0.0.1", 3000)}
    assert "ports" not in SERVICES["victoria-metrics"]
    assert "-httpListenAddr=:8428" in SERVICES["victoria-metrics"]["command"]


# -- doorward ----------------------------------------------------------------------


def test_the_starter_directory_with_this_environment_has_no_fault(tmp_path: Path) -> None:
    write_starter(tmp_path / "district")
    config, faults = load_config(tmp_path / "district", {**example_environment(), **environment("doorward")})
    assert faults == []
    assert config is not None
    assert (config.broker.host, config.broker.tls) == ("mosquitto", True)
    assert config.web.public_url == example_environment()["DOORWARD_WEB__PUBLIC_URL"]
    assert config.influx is not None
    assert config.influx.url == "http://victoria-metrics:8428"


def test_the_gateways_user_is_known_to_the_access_list_and_gets_a_password() -> None:
    user = environment("doorward")["DOORWARD_BROKER__USERNAME"]
    assert f"\nuser {user}\n" in (ROOT / "deploy/mosquitto/acl").read_text("utf-8")
    assert f'add-box.sh" {user} <broker-password' in (ROOT / "deploy/make-secrets.sh").read_text("utf-8")


def test_the_image_runs_the_mounted_directory_as_nobody_special() -> None:
    (place,) = [place for _, place in mounts("doorward")]
    assert f'CMD ["run", "{place}"]' in DOCKERFILE
    last_user = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert last_user not in ("root", "0")
    assert "--uid 10001" in DOCKERFILE
    assert "--require-hashes -r requirements.lock" in DOCKERFILE


def test_what_the_image_copies_is_there_and_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line[0] == "!"}
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in shlex.split(line)[:-1]
    ]
    for source in copied:
        assert (ROOT / source).exists()
    assert set(copied) == allowed


# -- Grafana -----------------------------------------------------------------------


def test_grafana_finds_its_dashboard_and_its_source() -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/victoria.yaml").read_text())["datasources"]
    assert source["url"] == environment("doorward")["DOORWARD_INFLUX__URL"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/doorward.yaml").read_text())["providers"]
    places = {place: name for name, place in mounts("grafana")}
    shelf = ROOT / places[provider["options"]["path"]]
    home = environment("grafana")["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    board = json.loads((shelf / Path(home).name).read_text("utf-8"))
    used = {target["datasource"]["uid"] for panel in board["panels"] for target in panel["targets"]}
    assert used == {source["uid"]}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_grafana_fetches_nothing_from_the_internet() -> None:
    settings = environment("grafana")
    assert settings["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert not [key for key in settings if key.startswith("GF_INSTALL")]
