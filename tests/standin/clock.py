"""A clock that tests set: nothing waits, and each wait is recorded."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from zonalflow.sources.http import Clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class TurnedClock:
    """`pauses` are the waits so far; each look at the time takes `look` seconds; chance is `chance`."""

    pauses: list[float] = field(default_factory=list)
    look: float = 0.0
    chance: float = 1.0
    seconds: float = 0.0

    def clock(self) -> Clock:
        """Return the clock to hand to the code under test."""
        return Clock(self._sleep, self._monotonic, lambda: NOON, lambda: self.chance)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def _monotonic(self) -> float:
        self.seconds += self.look
        return self.seconds
