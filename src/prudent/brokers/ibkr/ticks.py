"""The last quotes that were told, with the time of each; the library's own cache shows old ones as new."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from prudent.brokers.ibkr.words import ShownTick


@dataclass(slots=True, eq=False)
class Told:
    """What one request for a quote was told: each field with the time at which it came."""

    fields: dict[str, tuple[Decimal, datetime]] = field(default_factory=dict)
    delayed: bool = False

    def value(self, name: str) -> Decimal | None:
        found = self.fields.get(name)
        return None if found is None else found[0]

    @property
    def as_of(self) -> datetime | None:
        """When the last price was made, as far as it was told; else when the youngest price came."""
        last = self.fields.get("last_time")
        if last is not None:
            return datetime.fromtimestamp(int(last[0]), UTC)
        times = [at for name, (_value, at) in self.fields.items() if name in ("bid", "ask", "last")]
        return max(times, default=None)


class Ticks:
    """Quotes by the number of the request for them."""

    def __init__(self) -> None:
        self._told: dict[int, Told] = {}

    def renew(self) -> None:
        """Every subscription has ended."""
        self._told.clear()

    def expect(self, number: int) -> Told:
        self._told[number] = Told()
        return self._told[number]

    def knows(self, number: int) -> bool:
        """False for a request that has ended, with its subscription or with all of them."""
        return number in self._told

    def forget(self, number: int) -> None:
        self._told.pop(number, None)

    def tick(self, shown: ShownTick, at: datetime) -> None:
        told = self._told.get(shown.number)
        if told is None:
            return
        if shown.value < 0:
            told.fields.pop(shown.field, None)
        else:
            told.fields[shown.field] = (shown.value, at)
        told.delayed = told.delayed or shown.delayed
