"""Small tables to write into a directory, and the way to load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.places.load import load_registry
from gateway.places.model import Registry
from rules.fault import Fault

ENTRANCES = """\
entrance,name,kind,district,street,community,grid,compound,building,unit,tags,seen_by
d1,2单元门,unit_door,新城区,煤机街道,西湖社区,一网格,北家属院,3号楼,2单元,老人多;一楼,
d2,1单元门,unit_door,新城区,煤机街道,西湖社区,二网格,北家属院,4号楼,1单元,,
g1,东门,gate,新城区,煤机街道,西湖社区,一网格,北家属院,,,,二网格
d3,单元门,unit_door,新城区,煤机街道,东湖社区,三网格,南院,1号楼,,,
"""
DEVICES = """\
dialect,box,channel,entrance,from,to,profile,gateway,trial,interval
doorward,b1,1,d1,2026-01-01,,,,,
doorward,b1,2,d2,2026-01-01,,,,yes,1h
zigbee2mqtt,East gate,,g1,,,,zigbee2mqtt:bridge,,
"""
PEOPLE = """\
person,name,role,place,language,duty
wang,王芳,grid_worker,一网格,zh,
li,李强,grid_worker,一网格,en,Mon-Fri 20:00-08:00
chen,陈静,grid_leader,二网格,,
liu,刘洋,community,西湖社区,,
"""

Load = Callable[..., tuple[Registry, list[Fault]]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write the tables (text, or bytes as they are) and load them."""

    def _load(
        entrances: str | bytes = ENTRANCES,
        devices: str | bytes = DEVICES,
        people: str | bytes = PEOPLE,
    ) -> tuple[Registry, list[Fault]]:
        for stem, text in {"entrances": entrances, "devices": devices, "people": people}.items():
            raw = text if isinstance(text, bytes) else text.encode()
            (tmp_path / f"{stem}.csv").write_bytes(raw)
        intervals = {"doorward": 900_000, "zigbee2mqtt": 90_000_000, "esphome": None}
        return load_registry(tmp_path, ZoneInfo("Asia/Shanghai"), intervals)

    return _load
