"""A small district for tests: one grid, some doors, four people, rules of one's choice."""

from __future__ import annotations

from pathlib import Path

from gateway.places.entrance import Binding, EntranceRow
from gateway.places.model import Person, Registry

GRID = "龙华区/煤机街道/西湖社区/第一网格"
RULE = """\
rules:
  - name: left-open
    title: {zh: 单元门未关, en: Unit door left open}
    why: A test watches it.
    when: left_open
    steps:
      - {after: 2s, tell: residents}
      - {after: 4s, tell: grid_worker}
      - {after: 60s, tell: grid_leader, unless: taken}
    clear_after: 1s
"""
PEOPLE = (
    ("worker", "王芳", "grid_worker", GRID),
    ("second", "李强", "grid_worker", GRID),
    ("leader", "陈静", "grid_leader", GRID),
    ("installer", "孙磊", "installer", "龙华区"),
    ("maintainer", "马红", "maintainer", "龙华区"),
)


def entrance(number: int, **changes: str) -> EntranceRow:
    values = {
        "id": f"door-{number:05d}",
        "name": "1单元门",
        "kind": "unit_door",
        "district": "龙华区",
        "street": "煤机街道",
        "community": "西湖社区",
        "grid": "第一网格",
        "compound": "北家属院",
        "building": f"{number}号楼",
        "unit": "1单元",
    }
    return EntranceRow(**{**values, **changes})  # type: ignore[arg-type]  # only texts are changed here


def registry(doors: int = 3) -> Registry:
    """Doors ``door-00000`` …, each watched by channel 1 of the box ``b-00000`` …"""
    rows = [entrance(n) for n in range(doors)]
    bindings = [
        Binding(f"doorward:b-{n:05d}#1", row.id, 0, None, "doorward", interval_ms=900_000)
        for n, row in enumerate(rows)
    ]
    return Registry(rows, bindings, [Person(i, name, role, place) for i, name, role, place in PEOPLE])


def write_directory(
    path: Path,
    *,
    broker_port: int,
    phone_port: int,
    web_port: int = 8080,
    doors: int = 3,
    rules: str = RULE,
    interval: str = "",
) -> Path:
    """A directory that ``doorward run`` takes.

    Args:
        interval: How often each device speaks when nothing happens, like ``4s``; usually 15 min.
    """
    (path / "rules").mkdir(parents=True)
    (path / "doorward.toml").write_text(
        f"""\
[broker]
port = {broker_port}
client_id = "doorward-{broker_port}"
[web]
port = {web_port}
public_url = "http://127.0.0.1:{web_port}"
"""
    )
    rows = ["entrance,name,kind,district,street,community,grid,compound,building,unit"]
    rows += [",".join(entrance(n)[:10]) for n in range(doors)]
    (path / "entrances.csv").write_text("\n".join(rows) + "\n")
    rows = ["dialect,box,channel,entrance,interval"]
    rows += [f"doorward,b-{n:05d},1,door-{n:05d},{interval}" for n in range(doors)]
    (path / "devices.csv").write_text("\n".join(rows) + "\n")
    rows = ["person,name,role,place", *(",".join(person) for person in PEOPLE)]
    (path / "people.csv").write_text("\n".join(rows) + "\n")
    contacts = path / "contacts.csv"
    contacts.touch(0o600)
    rows = ["who,url", *(f"{who},json://127.0.0.1:{phone_port}/{who}" for who, *_ in PEOPLE)]
    rows += [f"residents:北家属院/{n}号楼/1单元,json://127.0.0.1:{phone_port}/home-{n}" for n in range(doors)]
    contacts.write_text("\n".join(rows) + "\n")
    (path / "rules" / "rules.yaml").write_text(rules)
    return path
