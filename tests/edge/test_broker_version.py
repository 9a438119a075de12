"""Which broker it is, asked of a real one."""

from __future__ import annotations

import socket

import pytest

from gateway.intake.mqtt import BrokerAddress
from gateway.intake.version import ask_version, is_outdated
from tests.real_things import Mosquitto, free_port


@pytest.mark.parametrize(
    ("version", "outdated"),
    [
        ("mosquitto version 2.0.11", True),
        ("mosquitto version 1.6.12", True),
        ("mosquitto version 2.0.21", False),
        ("mosquitto version 2.1.0", False),
        ("another broker 1.0.0", False),
        ("", False),
    ],
)
def test_an_old_mosquitto_is_known_by_what_it_says_of_itself(version: str, outdated: bool) -> None:
    assert is_outdated(version) == outdated


@pytest.mark.broker
def test_a_real_mosquitto_says_its_version(mosquitto: Mosquitto) -> None:
    assert ask_version(BrokerAddress(host="127.0.0.1", port=mosquitto.port)).startswith("mosquitto version ")


def test_who_does_not_answer_has_no_version() -> None:
    assert ask_version(BrokerAddress(host="127.0.0.1", port=free_port())) == ""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert ask_version(BrokerAddress(host="127.0.0.1", port=mute.getsockname()[1]), within_s=0.5) == ""
