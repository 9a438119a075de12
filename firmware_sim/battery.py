"""A battery that sinks, as a lithium cell does: flat for years, then quickly.

The figures are ours, chosen so that a busy door lives about three years.
"""

FRESH_VOLTS = 3.0
"""A fresh lithium cell under load, volts."""

KNEE = 0.15
"""Share of the charge below which the voltage falls quickly."""

KNEE_VOLTS = 2.7
EMPTY_VOLTS = 2.0

LOW = 0.15
"""Share of the charge below which the device calls its battery low."""

REPORT_COSTS = 1 / 200_000
"""Share of the charge that one report costs."""

IDLE_COSTS_PER_MS = 1 / (10 * 365 * 86_400_000)
"""Share of the charge that a millisecond costs: ten years without a report."""


class Battery:
    """What is left in the cell.

    Attributes:
        charge: Share of the charge that is left, 1.0 when fresh, 0.0 when empty.
    """

    __slots__ = ("_seen_ms", "charge")

    def __init__(self, charge: float = 1.0) -> None:
        self.charge = charge
        self._seen_ms: int | None = None

    def spend(self, now_ms: int) -> None:
        """Pay for one report, and for the time since the last one."""
        idle_ms = 0 if self._seen_ms is None else max(0, now_ms - self._seen_ms)
        self._seen_ms = now_ms
        self.charge = max(0.0, self.charge - REPORT_COSTS - idle_ms * IDLE_COSTS_PER_MS)

    @property
    def volts(self) -> float:
        """Voltage under load, volts."""
        if self.charge >= KNEE:
            return KNEE_VOLTS + (FRESH_VOLTS - KNEE_VOLTS) * (self.charge - KNEE) / (1 - KNEE)
        return EMPTY_VOLTS + (KNEE_VOLTS - EMPTY_VOLTS) * self.charge / KNEE

    @property
    def percent(self) -> int:
        """What the device makes of it, 0 to 100."""
        return round(self.charge * 100)

    @property
    def low(self) -> bool:
        """The device's own verdict."""
        return self.charge < LOW
