"""OBSERVE: what is true now, read from broker, market, ledger and operator switches at one clock time."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from prudent.analytics.correlation import alike
from prudent.domain.accounts import AccountSnapshot
from prudent.domain.cycles import Alike, FxRate, Observation
from prudent.domain.errors import BlockedError
from prudent.domain.futures import FutureTerms, exchange_day, root_of_contract, terms
from prudent.domain.instruments import CASH, Instrument
from prudent.domain.mandate import Mandate
from prudent.domain.money import from_float
from prudent.domain.orders import OpenOrder
from prudent.domain.quotes import Quality, Quote
from prudent.domain.valuation import net_asset_value
from prudent.guards.wishes import custom_rules
from prudent.pipeline.world import World

ALIKE_SESSIONS = 60
ALIKE_FROM = 0.90
# Book and prices that were read within so long are of one moment; a source that first fetches its history takes longer.
TOGETHER = timedelta(seconds=5)
READS_MAX = 3


def observe(world: World, mandate: Mandate, *, symbols: Iterable[str]) -> Observation:
    """One account as of the clock: its book, history and rules, and a quote for each holding, open order and symbol.

    An alias of a future is looked at as the contract that is the front one by now; the observation says which.

    Asking a venue takes a while: what took long is asked again, so that book and prices are of one moment, and where a
    price is newer than the question, the observation is of its time.

    Raises:
        Temporary: the broker or the market source cannot be reached.
    """
    for _ in range(READS_MAX):
        now = world.clock.now()
        session = world.calendar.session_of(now)
        history = world.ledger.history(mandate.account, session=session.date, at=now)
        snapshot = _with_unseen(world.broker.snapshot(mandate.account), history.at_venue)
        held = [p.symbol for p in snapshot.positions] + [o.symbol for o in snapshot.open_orders]
        named = sorted({*held, *symbols, *mandate.universe} - {CASH})
        futures = _futures(world, named, now)
        wanted = tuple(sorted({futures[each].symbol if each in futures else each for each in named}))
        quotes = world.market.quotes(wanted)
        if world.clock.now() - now <= TOGETHER:
            break
    instruments = tuple(found for each in wanted if (found := world.instruments.find(each)) is not None)
    if not world.confirms:
        history = replace(history, breaches=None)
    synthetic = sorted(q.symbol for q in quotes if q.price is not None and q.quality is Quality.SYNTHETIC)
    seen = Observation(
        account=mandate.account,
        account_class=mandate.account_class,
        mode=world.mode,
        as_of=max([now, *(q.as_of for q in quotes if q.as_of is not None)]),
        session=session.date,
        market_open=world.calendar.is_open(now),
        snapshot=snapshot,
        history=history,
        quotes=quotes,
        instruments=instruments,
        fx=_fx_rates(world, mandate.currency, instruments),
        rules=(*world.ledger.rules(mandate.account), *custom_rules(mandate)),
        interlocks=world.interlocks(mandate.account),
        alike=_alike(world, quotes, instruments),
        data_source=world.market.source,
        warnings=(f"synthetic prices: {', '.join(synthetic)}",) if synthetic else (),
        futures=tuple(sorted(set(futures.values()), key=lambda each: each.symbol)),
    )
    return seen if history.nlv_open is not None else _opening(seen)


def _futures(world: World, names: Iterable[str], now: datetime) -> dict[str, FutureTerms]:
    """The terms today of each alias and each contract month among the names, where the venue trades futures."""
    if not world.broker.traits.futures:
        return {}
    day = exchange_day(now)
    return {each: found for each in names if (found := terms(each, day)) is not None}


def _with_unseen(snapshot: AccountSnapshot, ours: Iterable[OpenOrder]) -> AccountSnapshot:
    """The snapshot with our own orders that the venue does not show and that may be live there all the same."""
    shown = {order.order_ref for order in snapshot.open_orders}
    unseen = tuple(order for order in ours if order.order_ref not in shown)
    return replace(snapshot, open_orders=(*snapshot.open_orders, *unseen)) if unseen else snapshot


def _alike(world: World, quotes: Iterable[Quote], instruments: Iterable[Instrument]) -> tuple[Alike, ...]:
    """Pairs of tradable symbols that have moved alike; one without the full history is in no pair."""
    tradable = {i.symbol for i in instruments if i.tradable}
    symbols = tuple(q.symbol for q in quotes if q.price is not None and q.symbol in tradable)
    if len(symbols) < 2:
        return ()
    close = world.market.daily(symbols, sessions=ALIKE_SESSIONS + 1).fields["close"]
    if len(close) <= ALIKE_SESSIONS:
        return ()
    return tuple(
        Alike(one=one, other=other, correlation=from_float(round(value, 4)))
        for one, other, value in alike(close, symbols, threshold=ALIKE_FROM)
        # Months of one future are one thing, and in a roll the one is closed for the other.
        if (root := root_of_contract(one)) is None or root is not root_of_contract(other)
    )


def _opening(seen: Observation) -> Observation:
    """The first look of a session is its opening value, unless a holding has no price."""
    try:
        nlv = net_asset_value(seen)
    except BlockedError:
        return seen
    return replace(seen, history=replace(seen.history, nlv_open=nlv))


def _fx_rates(world: World, base: str, instruments: Iterable[Instrument]) -> tuple[FxRate, ...]:
    foreign = sorted({i.currency for i in instruments} - {base})
    quotes = world.market.quotes(tuple(f"{currency}{base}" for currency in foreign)) if foreign else ()
    return tuple(
        FxRate(currency=currency, rate=quote.price, as_of=quote.as_of, previous=quote.previous_close)
        for currency, quote in zip(foreign, quotes)
        if quote.price is not None
    )
