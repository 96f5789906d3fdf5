"""Guards of futures: months before notice or expiry, and rolls of which one leg cannot go."""

from dataclasses import replace
from datetime import date

from tests.unit.guards.build import Change, D, described, holding, limits, observed, order_of, ordering
from tests.unit.guards.words import SOLD, Case, passes, refuses

from prudent.domain.futures import FutureTerms
from prudent.domain.instruments import InstrumentKind
from prudent.domain.orders import Effect


def dated(*, takes_entries: bool = True, held_until: date = date(2022, 12, 15)) -> Change:
    """AAA is a contract month with these dates."""
    terms = FutureTerms(
        symbol="AAA", root="A", expiry=date(2022, 12, 16), roll=date(2022, 12, 8), held_until=held_until,
        takes_entries=takes_entries,
    )  # fmt: skip
    return lambda s: observed(futures=(terms,))(described(kind=InstrumentKind.FUTURE)(s))


def rolling(new: int = 20) -> Change:
    """The old month AAA is closed for `new` of the new one, BBB at 50."""
    legs = (order_of("AAA", 10, Effect.CLOSE), order_of("BBB", new))
    return lambda s: ordering(*(replace(leg, roll="AAA>BBB") for leg in legs))(holding(AAA=10)(dated()(s)))


FUTURE_CASES: dict[str, tuple[Case, ...]] = {
    "D18": (
        passes("before its window", dated()),
        refuses("within its window", dated(takes_entries=False)),
        refuses("of unknown dates", described(kind=InstrumentKind.FUTURE)),
        passes("within its window, a sale", dated(takes_entries=False), *SOLD),
    ),
    "P25": (
        passes("both legs can go", rolling()),
        refuses("the new month is refused", rolling(), limits(max_order_notional=D(100))),
        passes("the new month is refused on the old one's last day", rolling(), limits(max_order_notional=D(100)),
               dated(held_until=date(2022, 11, 28))),
    ),
}  # fmt: skip
