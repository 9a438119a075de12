"""A real mosquitto with the configuration, the access list and the secrets as they are shipped.

Only the paths and the ports are the test's own; certificates and passwords come from
``deploy/make-secrets.sh`` and ``deploy/add-box.sh``.
"""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.real_things import answers, free_port, wait_for

DEPLOY = Path(__file__).parents[1] / "deploy"
GATEWAY = "doorward-monitor"
BOX = "b0417-03"
OTHER_BOX = "b0500-01"
BOX_PASSWORD = "made-up-for-a-test"


class ShippedBroker:
    """``boxes`` and ``inside`` are the ports of its two listeners.

    Args:
        names: The boxes that have a password; it is ``BOX_PASSWORD``.
    """

    def __init__(self, directory: Path, names: Sequence[str] = (BOX, OTHER_BOX)) -> None:
        self.directory = directory
        self._names = names
        self.secrets = directory / "secrets"
        self.boxes, self.inside = free_port(), free_port()
        self._make_secrets()
        self.log = directory / "log"
        data = directory / "data"
        data.mkdir()
        self.config = directory / "mosquitto.conf"
        self.config.write_text(self._adapted(data), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def _make_secrets(self) -> None:
        self.deploy("make-secrets.sh")
        for box in self._names:
            self.deploy("add-box.sh", box, said=f"{BOX_PASSWORD}\n")

    def deploy(self, script: str, *arguments: str, said: str = "") -> None:
        environ = {**os.environ, "SECRETS": str(self.secrets), "PATH": os.environ["PATH"] + ":/usr/sbin"}
        command = [str(DEPLOY / script), *arguments]
        subprocess.run(command, env=environ, input=said.encode(), check=True, capture_output=True)

    def _adapted(self, data: Path) -> str:
        text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
        for shipped, ours in {
            "/run/secrets": str(self.secrets),
            "/mosquitto/config": str(DEPLOY / "mosquitto"),
            "/mosquitto/data/": f"{data}/",
            "\nlistener 8883\n": f"\nlistener {self.boxes} 127.0.0.1\n",
            "\nlistener 8884\n": f"\nlistener {self.inside} 127.0.0.1\n",
        }.items():
            assert shipped in text
            text = text.replace(shipped, ours)
        if os.geteuid() == 0:
            text += "user root\n"  # else it drops its rights and cannot read what is below here
        return text

    def start(self) -> None:
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        assert program, "mosquitto is not installed: apt-get install mosquitto"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self.config)], stdout=log, stderr=log)
        wait_for(lambda: self._ended() or answers(self.inside), "mosquitto did not start")
        assert not self._ended(), self.log.read_text()

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    @property
    def gateway_password(self) -> str:
        return (self.secrets / "broker-password").read_text().strip()

    @property
    def tls(self) -> ssl.SSLContext:
        """Trusts the shipped authority only, and checks the name."""
        return ssl.create_default_context(cafile=self.secrets / "broker-ca.pem")
