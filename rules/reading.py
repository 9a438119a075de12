"""What a device told us, in one canonical record for every dialect.

Rule 1: a reading says what was stated, never what to do about it.
Rule 2: an absent fact is no news (``None``), never a default.
Rule 3: two times, never mixed. ``received_at_ms`` is our clock, and rules count
        from it. ``device_time`` is the device's own claim; people may see it,
        and nothing is counted from it, because device clocks drift.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Contact = Literal["open", "closed"]
OPEN: Final = "open"
CLOSED: Final = "closed"

OnlineScope = Literal["device", "gateway"]


class Reading(NamedTuple):
    """One report, understood.

    Attributes:
        device: Who speaks: ``dialect:box`` or ``dialect:box#channel``.
        received_at_ms: Our clock when it arrived, milliseconds since 1970 UTC.
        contact: The leaf, or ``None`` if the report says nothing about it.
        retained: Replayed by the broker from its memory; it seeds state and
            starts or ends no clock.
        boot: Counts the device's starts; only our own dialect states it.
        seq: Counts the reports since that start; only our own dialect states it.
        battery_pct: 0 to 100.
        battery_v: Volts.
        battery_low: The device's own verdict on its battery.
        tamper: The box is open or off the wall.
        online: Connected or not, as the device, its last will or its gateway says.
        online_scope: Whether ``online`` speaks of this device or of a gateway
            and so of every device behind it.
        rssi_dbm: Signal strength in dBm; never mixed with ``linkquality``.
        linkquality: 0 to 255, a Zigbee coordinator's own measure.
        device_time: ISO 8601 as the device claims it; no suffix means that the
            zone is unknown.
    """

    device: str
    received_at_ms: int
    contact: Contact | None = None
    retained: bool = False
    boot: int | None = None
    seq: int | None = None
    battery_pct: float | None = None
    battery_v: float | None = None
    battery_low: bool | None = None
    tamper: bool | None = None
    online: bool | None = None
    online_scope: OnlineScope = "device"
    rssi_dbm: float | None = None
    linkquality: int | None = None
    device_time: str | None = None
