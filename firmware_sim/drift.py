"""The device's own clock: unset after a start, and never quite right."""

DRIFT_PPM = 20.0
"""Usual error of a watch crystal, parts per million: about 1.7 s a day."""


class DriftingClock:
    """Set from the network at each connect; in between it runs too fast or too slow.

    Attributes:
        drift_ppm: How much too fast it runs, parts per million; negative is too slow.
    """

    __slots__ = ("_set_ms", "drift_ppm")

    def __init__(self, drift_ppm: float) -> None:
        self.drift_ppm = drift_ppm
        self._set_ms: int | None = None

    def set(self, now_ms: int) -> None:
        """The network told the time."""
        self._set_ms = now_ms

    def unset(self) -> None:
        """The power was lost, and the time with it."""
        self._set_ms = None

    def seconds(self, now_ms: int) -> float | None:
        """What the device believes, seconds since 1970 UTC; None until it was set."""
        if self._set_ms is None:
            return None
        gained_ms = (now_ms - self._set_ms) * self.drift_ppm / 1_000_000
        return round((now_ms + gained_ms) / 1000, 3)
