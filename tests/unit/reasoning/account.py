"""A small account by hand for tests of room and ideas: 100,000 of equity in cash unless it says otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode, Position
from prudent.domain.cycles import Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Exits, Limits, Mandate, Planning, StrategyLimits
from prudent.domain.quotes import Quote

NOW = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)
TODAY = date(2022, 11, 28)
D = Decimal

# No buffer and no reserve, so that amounts can be told by hand; a model's account is autonomous and keeps 10 % cash.
MANDATE = Mandate(
    account="acc",
    account_class=AccountClass.AUTONOMOUS,
    strategy="llm_portfolio",
    limits=Limits(max_position_weight=D("0.20"), max_sector_weight=D("0.40"), cash_min=D("0.10")),
    strategy_limits=StrategyLimits(max_trades_per_cycle=3),
    exits=Exits(stop_loss=D("0.15")),
    planning=Planning(buffer=D(0), min_trade_fraction=D("0.001")),
)


def stock(symbol: str, *, sector: str = "Energy", kind: InstrumentKind = InstrumentKind.STOCK) -> Instrument:
    return Instrument(symbol=symbol, venue="SMART", kind=kind, sector=sector, name=f"{symbol} Corp")


def quote(symbol: str, price: str | None, *, adv: str | None = "100000000") -> Quote:
    known = None if price is None else D(price)
    return Quote(
        symbol=symbol, price=known, bid=known, ask=known, level=known, previous_close=known, previous_level=known,
        adv_dollars=None if adv is None else D(adv), adv_sessions=20, as_of=NOW, age_seconds=D(0), market_open=True,
    )  # fmt: skip


def seen(
    prices: Mapping[str, str | None], *, cash: str = "100000", held: Mapping[str, str] | None = None,
    opened: datetime | None = datetime(2022, 1, 3, 15, 0, tzinfo=UTC), quotes: tuple[Quote, ...] = (),
    instruments: tuple[Instrument, ...] | None = None,
) -> Observation:  # fmt: skip
    """An account in a world of these prices; `quotes` replace the plain ones of their symbols."""
    own = {each.symbol: each for each in quotes}
    return Observation(
        account="acc",
        account_class=AccountClass.AUTONOMOUS,
        mode=Mode.DRY_RUN,
        as_of=NOW,
        session=TODAY,
        market_open=True,
        snapshot=AccountSnapshot(
            account="acc",
            currency="USD",
            cash=D(cash),
            positions=tuple(
                Position(symbol=symbol, quantity=D(quantity), average_cost=D("1"), opened=opened)
                for symbol, quantity in (held or {}).items()
            ),
            open_orders=(),
            as_of=NOW,
            source="hand",
        ),
        history=AccountHistory(session=TODAY),
        quotes=tuple(own.get(symbol, quote(symbol, price)) for symbol, price in prices.items()),
        instruments=tuple(stock(symbol, sector=f"S-{symbol}") for symbol in prices)
        if instruments is None
        else instruments,
    )


def limited(mandate: Mandate = MANDATE, **limits: object) -> Mandate:
    return replace(mandate, limits=replace(mandate.limits, **limits))  # type: ignore[arg-type]
