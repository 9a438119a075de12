"""Signed links: who may do what, and for how long.

A case link is for one person and one case and good for each of its actions; a log-in
link is for one person and used once. The key is made at the first start and stays in
the data directory, readable by its owner only.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

CASE_LINK_S = 14 * 24 * 3600
"""At the latest; a page refuses it 24 h after its case was settled (DESIGN.md, section 7)."""
LOGIN_LINK_S = 600


class CaseLink(NamedTuple):
    person: str
    case: str


class LoginLink(NamedTuple):
    """``message``: which log-in message it came with; a message's link works once."""

    person: str
    message: str


class Links:
    """Makes and reads the tokens in links and cookies."""

    def __init__(self, key: str) -> None:
        self._case = URLSafeTimedSerializer(key, salt="case")
        self._login = URLSafeTimedSerializer(key, salt="login")
        self._session = URLSafeTimedSerializer(key, salt="session")
        self._form = URLSafeSerializer(key, salt="form")

    def case_token(self, person: str, case: str) -> str:
        return str(self._case.dumps([person, case]))

    def read_case(self, token: str) -> CaseLink | None:
        value = _read(self._case, token, CASE_LINK_S)
        return CaseLink(*value) if value else None

    def login_token(self, person: str, message: str) -> str:
        return str(self._login.dumps([person, message]))

    def read_login(self, token: str) -> LoginLink | None:
        value = _read(self._login, token, LOGIN_LINK_S)
        return LoginLink(*value) if value else None

    def session_token(self, person: str) -> str:
        return str(self._session.dumps([person, secrets.token_hex(4)]))

    def read_session(self, token: str, longest_s: int) -> str | None:
        """The person whose session it is."""
        value = _read(self._session, token, longest_s)
        return value[0] if value else None

    def form_token(self, person: str) -> str:
        """Stands in each form, so that no other site can press our buttons."""
        return str(self._form.dumps(person))

    def form_is_ours(self, token: str, person: str) -> bool:
        try:
            return bool(self._form.loads(token) == person)
        except BadData:
            return False


def _read(serializer: URLSafeTimedSerializer, token: str, longest_s: int) -> list[str] | None:
    try:
        value = serializer.loads(token, max_age=longest_s)
    except BadData:
        return None
    ok = isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)
    return value if ok else None


def open_links(data: Path) -> Links:
    """With the key of this data directory, which is made if there is none."""
    path = data / "link.key"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = data / f"link.key.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):  # another part was quicker
            os.link(fresh, path)
        fresh.unlink()
    return Links(path.read_text().strip())
