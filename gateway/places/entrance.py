"""An entrance, and the device that watches it for a while.

Rule 1: a place is named by its full path, ``district/street/community/grid``; a
        compound lies in a community and may touch several grids, so its path is
        ``district/street/community/compound``.
Rule 2: times are whole milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rules.duration import HOUR_MS
from rules.rule import Entrance

if TYPE_CHECKING:
    from gateway.intake.dialects.answer import Profile

UNIT_DOOR = "unit_door"
GATE = "gate"

BEATS_TO_SILENCE = 3
"""A device is silent after three missed heartbeats …"""
LONGEST_GRACE_MS = 6 * HOUR_MS
"""… or, where those are long (25 h for a Zigbee sensor), six hours after the first missed one."""


class Binding(NamedTuple):
    """One device watches one entrance, from a moment on.

    Attributes:
        device: ``dialect:box`` or ``dialect:box#channel``.
        entrance: The entrance's id.
        from_ms: The first moment; 0 means always.
        to_ms: The first moment after it; ``None`` means no end.
        dialect: How the device speaks.
        profile: What its reports' keys mean, where the dialect leaves that open.
        gateway: The device that it speaks through (``zigbee2mqtt:bridge``), if any.
        trial: Not live yet (试运行): shown, but watched by no rule.
        interval_ms: How often it speaks when nothing happens; ``None``: its silence says nothing.
    """

    device: str
    entrance: str
    from_ms: int
    to_ms: int | None
    dialect: str
    profile: Profile | None = None
    gateway: str | None = None
    trial: bool = False
    interval_ms: int | None = None

    @property
    def box(self) -> str:
        """``dialect:box``, without the channel."""
        return self.device.rpartition("#")[0] or self.device

    def holds_at(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)

    def overlaps(self, other: Binding) -> bool:
        return (other.to_ms is None or self.from_ms < other.to_ms) and (
            self.to_ms is None or other.from_ms < self.to_ms
        )


class EntranceRow(NamedTuple):
    """One row of the entrances table.

    Attributes:
        id: Its lasting name.
        name: What people call it within its building or compound: ``2单元门``, ``东门``.
        kind: ``unit_door`` or ``gate``.
        district: 区.
        street: 街道.
        community: 社区.
        grid: 网格; the one that answers for it.
        compound: 小区.
        building: 楼栋; empty for a gate.
        unit: 单元; empty for a gate, and where the building has only one.
        tags: Free words that rules may name.
        seen_by: Paths of other grids that may see this gate.
    """

    id: str
    name: str
    kind: str
    district: str
    street: str
    community: str
    grid: str
    compound: str
    building: str = ""
    unit: str = ""
    tags: frozenset[str] = frozenset()
    seen_by: frozenset[str] = frozenset()

    @property
    def grid_key(self) -> str:
        """``district/street/community/grid``."""
        return f"{self.community_key}/{self.grid}"

    @property
    def community_key(self) -> str:
        """``district/street/community``; also what the work would be divided by."""
        return f"{self.district}/{self.street}/{self.community}"

    @property
    def compound_key(self) -> str:
        """``district/street/community/compound``."""
        return f"{self.community_key}/{self.compound}"

    @property
    def places(self) -> tuple[str, ...]:
        """Paths of all places that hold it, the nearest first."""
        street = f"{self.district}/{self.street}"
        return self.compound_key, self.grid_key, self.community_key, street, self.district

    @property
    def resident_key(self) -> str:
        """Whose door it is, as contacts name them: the unit's residents, for a gate the compound's."""
        home = (self.compound,) if self.kind == GATE else (self.compound, self.building, self.unit)
        return "residents:" + "/".join((self.community, *filter(None, home)))

    @property
    def words(self) -> str:
        """How people find it: ``西湖社区 煤机总厂北家属院 3号楼2单元门``."""
        door = _joined(_counted(self.building, "号楼"), _joined(_counted(self.unit, "单元"), self.name))
        around = [self.community, self.compound]
        if self.community in self.compound:
            around.remove(self.community)
        if self.compound in door:
            around.remove(self.compound)
        return " ".join([*around, door])

    def for_rules(self, binding: Binding | None) -> Entrance:
        """What a rule may know of it while ``binding`` watches it."""
        interval = binding.interval_ms if binding else None
        names = (self.compound, self.grid, self.community, self.street, self.district)
        return Entrance(
            id=self.id,
            kind=self.kind,
            within=frozenset((*names, *self.places)),
            tags=self.tags,
            heartbeat_ms=interval,
            silent_after_ms=interval and min(BEATS_TO_SILENCE * interval, interval + LONGEST_GRACE_MS),
            trial=binding is not None and binding.trial,
        )


def _counted(part: str, what: str) -> str:
    """Tables often hold a bare ``3`` where people say ``3号楼``."""
    return f"{part}{what}" if part.isascii() and part.isalnum() else part


def _joined(left: str, right: str) -> str:
    """``left`` before ``right``, saying nothing twice: 2单元 + 单元门 → 2单元门."""
    if left in right:
        return right
    for shared in range(min(len(left), len(right)), 1, -1):
        if left.endswith(right[:shared]):
            return left + right[shared:]
    return (
        f"{left} {right}"
        if left[-1].isascii() and right[:1].isascii() and not right[:1].isdigit()
        else left + right
    )
