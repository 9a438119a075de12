"""A wire between the gateway and its broker: it can be cut, and shows how they greet each other."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import NamedTuple


class Greeting(NamedTuple):
    """CONNECT and CONNACK of MQTT 5 (3.1 and 3.2 of the standard).

    Attributes:
        session_expiry_s: 0 if it says none.
        session_present: What the broker answered.
    """

    clean_start: bool
    session_expiry_s: int
    receive_maximum: int
    session_present: bool


class Wire:
    """Listens on ``port`` and hands everything on to the broker, both ways."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._ends: list[socket.socket] = []
        self._said: list[tuple[bytearray, bytearray]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def greetings(self, client_id: str) -> list[Greeting]:
        """Of all connections of this client so far that the broker has answered."""
        answered = [(bytes(there), bytes(back)) for there, back in self._said if len(back) >= 4]
        return [_greeting(there, back) for there, back in answered if _client_id(there) == client_id]

    def cut(self) -> None:
        """Nobody says good-bye; the next connection is let through again."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                gateway, _ = self._listening.accept()
                try:
                    broker = socket.create_connection(("127.0.0.1", self._broker_port))
                except OSError:
                    gateway.close()
                    continue
                self._ends += [gateway, broker]
                there, back = bytearray(), bytearray()
                self._said.append((there, back))
                for source, sink, said in ((gateway, broker, there), (broker, gateway, back)):
                    threading.Thread(target=_hand_on, args=(source, sink, said), daemon=True).start()


def _hand_on(source: socket.socket, sink: socket.socket, said: bytearray) -> None:
    with contextlib.suppress(OSError):
        while some := source.recv(65_536):
            if len(said) < 200:  # the greeting
                said += some
            sink.sendall(some)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _greeting(connect: bytes, answer: bytes) -> Greeting:
    assert connect[0] == 0x10 and answer[0] == 0x20, "these are no CONNECT and CONNACK"
    at = _after_length(connect, 1)
    assert connect[at : at + 7] == b"\0\4MQTT\5", "this is not MQTT 5"
    properties = _properties(connect, at + 10)
    answered = _after_length(answer, 1)
    return Greeting(
        clean_start=bool(connect[at + 7] & 0x02),
        session_expiry_s=properties.get(0x11, 0),
        receive_maximum=properties.get(0x21, 65_535),
        session_present=bool(answer[answered] & 0x01),
    )


def _client_id(connect: bytes) -> str:
    """The first text after the properties."""
    at = _after_length(connect, 1) + 10
    at = _after_length(connect, at) + connect[at]  # shorter than 128 bytes
    size = int.from_bytes(connect[at : at + 2], "big")
    return connect[at + 2 : at + 2 + size].decode()


def _after_length(packet: bytes, at: int) -> int:
    """Where a number of one to four bytes ends."""
    while packet[at] & 0x80:
        at += 1
    return at + 1


def _properties(packet: bytes, at: int) -> dict[int, int]:
    """Those of a CONNECT that are numbers, up to the first that is none."""
    sizes = {0x11: 4, 0x17: 1, 0x19: 1, 0x21: 2, 0x22: 2, 0x27: 4}
    begins = _after_length(packet, at)
    end = begins + packet[at]  # shorter than 128 bytes, so its length is one byte
    found: dict[int, int] = {}
    while begins < end and packet[begins] in sizes:
        size = sizes[packet[begins]]
        found[packet[begins]] = int.from_bytes(packet[begins + 1 : begins + 1 + size], "big")
        begins += 1 + size
    return found
