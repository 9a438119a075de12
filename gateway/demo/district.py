"""The demonstration's district: two compounds, their people, rules in seconds, an hour of doors."""

from __future__ import annotations

import random
from pathlib import Path

from gateway.shipped import shipped

STREET = "龙华区,煤机街道"
PEOPLE = (
    ("wang-fang", "王芳", "grid_worker", "西湖第一网格", "zh"),
    ("li-qiang", "李强", "grid_worker", "西湖第二网格", "zh"),
    ("chen-jing", "陈静", "grid_leader", "西湖第一网格", "zh"),
    ("zhao-min", "赵敏", "grid_leader", "西湖第二网格", "zh"),
    ("anna-berg", "Anna Berg", "community", "西湖社区", "en"),
    ("sun-lei", "孙磊", "installer", "龙华区", "zh"),
    ("ma-hong", "马红", "maintainer", "龙华区", "zh"),
)
# What happens while people look on: (entrance, script).
STORY = {
    "mjz-3-2": ["+00:06 open", "+02:10 close", "+06:00 open", "+09:00 close", "+15:00 open", "+15:20 close"],
    "mjz-east": ["+00:40 open", "+03:30 close", "+12:00 open", "+16:00 close"],
    "yg-7-1": ["+01:30 open", "+01:50 close", "+04:00 open", "+05:30 close"],
    "mjz-5-1": ["+02:30 tamper"],
}
HOUR_S = 3_600

_TIMES = {"2m": "8s", "3m": "8s", "5m": "10s", "8m": "20s", "15m": "20s", "20m": "20s"} | {
    "35m": "60s",
    "38m": "60s",
    "45m": "60s",
    "50m": "60s",
    "65m": "90s",
    "10m": "5s",
    "30s": "3s",
    "1h": "10s",
    "1m": "5s",
    "30m": "60s",
}


def write_demo(data: Path, *, port: int, phone_port: int, broker_port: int) -> None:
    """Write a directory that ``doorward run`` takes, and ``doors.yaml`` for the simulator."""
    doors = _doors()
    (data / "doorward.toml").write_text(_toml(port, broker_port), "utf-8")
    _write_table(
        data / "entrances.csv",
        "entrance,name,kind,district,street,community,grid,compound,building,unit,tags,seen_by",
        [row for row, _ in doors],
    )
    bindings = [f"doorward,demo-{i:03d},1,{entrance},,,,,no,60s" for i, (_, entrance) in enumerate(doors)]
    _write_table(
        data / "devices.csv", "dialect,box,channel,entrance,from,to,profile,gateway,trial,interval", bindings
    )
    _write_table(
        data / "people.csv", "person,name,role,place,language,duty", [",".join((*p, "")) for p in PEOPLE]
    )
    contacts = data / "contacts.csv"
    contacts.touch(0o600)
    _write_table(contacts, "who,url", _contacts(doors, phone_port))
    (data / "rules").mkdir()
    for name, text in shipped():
        (data / name).write_text(_in_seconds(text), "utf-8")
    (data / "doors.yaml").write_text(_scenario([entrance for _, entrance in doors]), "utf-8")


def _doors() -> list[tuple[str, str]]:
    """(row of the table, entrance)."""
    doors = [
        _door("mjz", "煤机总厂北家属院", f"西湖第{'一' if block <= 5 else '二'}网格", block, unit)
        for block in range(1, 9)
        for unit in (1, 2)
    ]
    doors += [
        _door("yg", "阳光花园", "西湖第二网格", block, unit) for block in range(5, 9) for unit in (1, 2)
    ]
    gates = (
        ("mjz-east", "东门", "煤机总厂北家属院", "西湖第一网格"),
        ("yg-south", "南门", "阳光花园", "西湖第二网格"),
    )
    doors += [
        (f"{ident},{name},gate,{STREET},西湖社区,{grid},{compound},,,,", ident)
        for ident, name, compound, grid in gates
    ]
    return doors


def _door(short: str, compound: str, grid: str, block: int, unit: int) -> tuple[str, str]:
    ident = f"{short}-{block}-{unit}"
    row = f"{ident},{unit}单元门,unit_door,{STREET},西湖社区,{grid},{compound},{block}号楼,{unit}单元,,"
    return row, ident


def _contacts(doors: list[tuple[str, str]], phone_port: int) -> list[str]:
    rows = [f"{person},json://127.0.0.1:{phone_port}/{person}" for person, *_ in PEOPLE]
    for row, _ in doors:
        cells = row.split(",")
        home = "/".join(filter(None, cells[7:10]))
        rows.append(f"residents:{home},json://127.0.0.1:{phone_port}/residents-{home.replace('/', '-')}")
    return list(dict.fromkeys(rows))


def _write_table(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\n".join([header, *rows, ""]), "utf-8")


def _in_seconds(text: str) -> str:
    """The shipped rules, with minutes as seconds; their stories would not hold any more."""
    lines = []
    in_stories = False
    for line in text.splitlines():
        in_stories = line.startswith("    stories:") or (in_stories and line.startswith("      "))
        if in_stories:
            continue
        for key in ("after: ", "clear_after: "):
            for minutes, seconds in _TIMES.items():
                if f"{key}{minutes}" in line:
                    line = line.replace(f"{key}{minutes}", f"{key}{seconds}", 1)
                    break
        lines.append(line)
    return "\n".join(lines) + "\n"


def _toml(port: int, broker_port: int) -> str:
    return f"""\
[broker]
port = {broker_port}
client_id = "doorward-demo-{broker_port}"

[web]
port = {port}
public_url = "http://127.0.0.1:{port}"
"""


def _scenario(entrances: list[str]) -> str:
    lines = ["title: The demonstration", "seed: 1", "duration: 1h", "zone: Asia/Shanghai", "devices:"]
    for i, entrance in enumerate(entrances):
        script = STORY.get(entrance) or _everyday(random.Random(i))
        lines += [
            f"  - box: demo-{i:03d}",
            "    channel: 1",
            "    power: mains",
            "    contact: closed",
            "    script:",
        ]
        lines += [f'      - "{line}"' for line in script]
    return "\n".join(lines) + "\n"


def _everyday(rng: random.Random) -> list[str]:
    """People come and go: open for some seconds, every few minutes."""
    lines, at = [], rng.uniform(10, 240)
    while at < HOUR_S - 60:
        shut = at + rng.uniform(3, 7)
        lines += [_at(at, "open"), _at(shut, "close")]
        at = shut + rng.uniform(60, 500)
    return lines


def _at(seconds: float, what: str) -> str:
    return f"+{int(seconds) // 60:02d}:{int(seconds) % 60:02d} {what}"
