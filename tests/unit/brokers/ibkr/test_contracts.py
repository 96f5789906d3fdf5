"""Symbols become one contract, or a clear refusal; orders leave as their intent and style say, on a tick."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import HandClock, intent

from prudent.brokers.ibkr.contracts import Contracts, Wanted, wanted_of
from prudent.brokers.ibkr.leaving import leaving, on_tick, why_not, wire_contract, wire_order
from prudent.brokers.ibkr.words import Asset, Listed, Refused, ShownError, Style
from prudent.domain.errors import InputError, Temporary
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.orders import Effect, OrderIntent, Side, TimeInForce

D = Decimal
APPLE = Listed(asset=Asset(con_id=265598, sec_type="STK", symbol="AAPL", exchange="SMART", primary="NASDAQ"))
APPLE_ABROAD = Listed(
    asset=Asset(con_id=4726, sec_type="STK", symbol="AAPL", exchange="EBS", primary="EBS", currency="CHF")
)
FUTURE = Listed(
    asset=Asset(
        con_id=1, sec_type="FUT", symbol="ES", exchange="CME", local_symbol="ESZ3", expiry="20231215",
        multiplier=Decimal(50),
    )
)  # fmt: skip


class OneInstrument:
    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def find(self, symbol: str) -> Instrument | None:
        return self._instrument if symbol == self._instrument.symbol else None

    def all(self) -> Sequence[Instrument]:
        return (self._instrument,)


class Venue:
    """Answers every question with the same contracts and keeps the questions."""

    def __init__(self, *answer: Listed, code: int = 0) -> None:
        self.answer = answer
        self.code = code
        self.asked: list[Wanted] = []

    async def __call__(self, wanted: Wanted) -> Sequence[Listed]:
        self.asked.append(wanted)
        await asyncio.sleep(0)
        if self.code:
            raise Refused(ShownError(number=1, code=self.code, text="so it says"))
        return self.answer


def test_a_symbol_is_asked_for_once_however_many_ask() -> None:
    venue = Venue(APPLE)
    contracts = Contracts(venue, HandClock())

    async def both() -> list[Listed]:
        return list(await asyncio.gather(contracts.listed("AAPL"), contracts.listed("AAPL")))

    first, second = asyncio.run(both())
    assert first is second
    assert len(venue.asked) == 1


def test_a_symbol_with_several_listings_is_refused_with_their_names() -> None:
    with pytest.raises(InputError, match=r"NASDAQ in USD.*EBS in CHF"):
        asyncio.run(Contracts(Venue(APPLE, APPLE_ABROAD), HandClock()).listed("AAPL"))


def test_the_venue_of_the_instrument_list_picks_the_listing() -> None:
    known = OneInstrument(Instrument(symbol="AAPL", venue="NASDAQ", kind=InstrumentKind.STOCK))
    found = asyncio.run(Contracts(Venue(APPLE_ABROAD, APPLE), HandClock(), instruments=known).listed("AAPL"))
    assert found.asset.con_id == 265598


def test_a_contract_that_is_shown_once_for_each_exchange_is_one() -> None:
    twice = replace(APPLE, asset=replace(APPLE.asset, exchange="ISLAND"))
    assert asyncio.run(Contracts(Venue(APPLE, twice), HandClock()).listed("AAPL")).asset.exchange == "SMART"


@pytest.mark.parametrize("venue", [Venue(), Venue(code=200)])
def test_an_unknown_symbol_is_an_input_error(venue: Venue) -> None:
    with pytest.raises(InputError, match="NOSUCH must be known"):
        asyncio.run(Contracts(venue, HandClock()).listed("NOSUCH"))


def test_a_venue_that_answers_with_another_error_can_be_asked_again() -> None:
    with pytest.raises(Temporary, match="322"):
        asyncio.run(Contracts(Venue(code=322), HandClock()).listed("AAPL"))


def test_a_contract_that_expired_is_refused_even_when_it_was_known() -> None:
    clock = HandClock(at=datetime(2023, 12, 15, 17, 0, tzinfo=UTC))
    known = OneInstrument(Instrument(symbol="ESZ3", venue="CME", kind=InstrumentKind.FUTURE))
    contracts = Contracts(Venue(FUTURE), clock, instruments=known)
    assert asyncio.run(contracts.listed("ESZ3")).asset.con_id == 1
    clock.at = datetime(2023, 12, 16, 17, 0, tzinfo=UTC)
    with pytest.raises(InputError, match="2023-12-15"):
        asyncio.run(contracts.listed("ESZ3"))


@pytest.mark.parametrize(
    ("symbol", "kind", "wanted"),
    [
        ("BRK.B", InstrumentKind.STOCK, Wanted(sec_type="STK", symbol="BRK B")),
        ("EURUSD", InstrumentKind.FX, Wanted(sec_type="CASH", symbol="EUR", exchange="IDEALPRO")),
        ("ESZ6", InstrumentKind.FUTURE, Wanted(sec_type="FUT", local_symbol="ESZ6", exchange="")),
    ],
)
def test_each_kind_is_asked_for_in_the_venues_words(symbol: str, kind: InstrumentKind, wanted: Wanted) -> None:
    assert wanted_of(symbol, Instrument(symbol=symbol, venue="XNYS", kind=kind)) == wanted


def test_a_name_with_a_meaning_of_its_own_is_asked_for_by_what_it_means_now() -> None:
    venue = Venue(replace(FUTURE, asset=replace(FUTURE.asset, expiry="20241220")))
    front = [Wanted(sec_type="FUT", local_symbol="ESZ4", exchange="CME")]
    contracts = Contracts(venue, HandClock(), names=lambda symbol: front[-1] if symbol == "ES1!" else None)
    for _ in range(2):
        asyncio.run(contracts.listed("ES1!"))
    assert venue.asked == front
    front.append(Wanted(sec_type="FUT", local_symbol="ESH5", exchange="CME"))
    asyncio.run(contracts.listed("ES1!"))
    assert venue.asked == front


def test_an_order_must_name_its_contract_and_not_what_means_it_today() -> None:
    future = replace(FUTURE, asset=replace(FUTURE.asset, local_symbol="ESZ4"))
    assert "means ESZ4 now" in why_not(intent("r1", symbol="ES1!"), future)
    assert why_not(intent("r1", symbol="ESZ4"), future) == ""


def test_a_future_of_another_multiplier_than_it_is_valued_at_does_not_leave() -> None:
    small = replace(FUTURE, asset=replace(FUTURE.asset, multiplier=Decimal(5)))
    assert "must be 50" in why_not(intent("r1", symbol="ESZ3"), small)


def test_prices_are_on_the_steps_of_the_exchange_that_an_order_goes_to() -> None:
    asked: list[int] = []

    async def steps(rule: int) -> tuple[tuple[Decimal, Decimal], ...]:
        asked.append(rule)
        return ((D(0), D("0.0001")), (D(1), D("0.01")))

    ruled = replace(APPLE, min_tick=D("0.0001"), exchanges="NASDAQ,SMART", rules="557,26")
    found = asyncio.run(Contracts(Venue(ruled), HandClock(), ask_steps=steps).listed("AAPL"))
    assert asked == [26]
    assert leaving(judged(limit="95.555"), found, "DU1", Style.CAPPED).limit == D("95.55")
    assert leaving(judged(limit="0.95555"), found, "DU1", Style.CAPPED).limit == D("0.9555")


def test_a_venue_that_does_not_tell_its_steps_leaves_the_smallest_one() -> None:
    async def silent(rule: int) -> tuple[tuple[Decimal, Decimal], ...]:
        raise Temporary("no answer")

    ruled = replace(APPLE, exchanges="SMART", rules="26")
    assert asyncio.run(Contracts(Venue(ruled), HandClock(), ask_steps=silent).listed("AAPL")).ticks == ()


@pytest.mark.parametrize(
    ("asset", "symbol"),
    [
        (Asset(con_id=1, sec_type="STK", symbol="BRK B"), "BRK.B"),
        (Asset(con_id=1, sec_type="CASH", symbol="EUR", currency="USD"), "EURUSD"),
        (Asset(con_id=1, sec_type="FUT", symbol="ES", local_symbol="ESZ6"), "ESZ6"),
        (Asset(con_id=1, sec_type="OPT", symbol="SPY", local_symbol="SPY   261218C00600000"), "SPY261218C00600000"),
    ],
)
def test_what_the_venue_shows_has_a_name_at_the_desk(asset: Asset, symbol: str) -> None:
    assert asset.desk_symbol == symbol


# How orders leave


def judged(effect: Effect = Effect.OPEN, limit: str | None = None) -> OrderIntent:
    return replace(intent("r1", effect, limit=limit), reference_price=D("100.004"))


def test_an_order_without_a_limit_leaves_with_a_cap_one_percent_away_on_its_safe_side() -> None:
    buy, sell = leaving(judged(), APPLE, "DU1", Style.CAPPED), leaving(judged(Effect.SHORT), APPLE, "DU1", Style.CAPPED)
    # 100.004 x 1.01 = 101.00404, 100.004 x 0.99 = 99.00396
    assert (buy.kind, buy.limit, buy.tif) == ("LMT", D("101.00"), "DAY")
    assert (sell.kind, sell.limit) == ("LMT", D("99.01"))


def test_what_reduces_risk_may_go_five_percent_away() -> None:
    # 100.004 x 0.95 = 95.0038
    assert leaving(judged(Effect.CLOSE), APPLE, "DU1", Style.CAPPED).limit == D("95.01")


def test_without_a_price_to_judge_by_it_is_a_market_order() -> None:
    order = leaving(intent("r1"), APPLE, "DU1", Style.CAPPED)
    assert (order.kind, order.limit, order.tif) == ("MKT", None, "DAY")


def test_a_limit_of_its_own_is_kept() -> None:
    order = leaving(judged(limit="95.50"), APPLE, "DU1", Style.CAPPED)
    assert (order.kind, order.limit) == ("LMT", D("95.50"))


@pytest.mark.parametrize(
    ("style", "limit", "kind", "algorithm"),
    [
        (Style.MARKET, None, "MKT", ""), (Style.ADAPTIVE, None, "MKT", "Adaptive"),
        (Style.ADAPTIVE, "95", "LMT", "Adaptive"), (Style.CLOSE, None, "MOC", ""), (Style.CLOSE, "95", "LOC", ""),
    ],
)  # fmt: skip
def test_each_style_leaves_as_its_kind(style: Style, limit: str | None, kind: str, algorithm: str) -> None:
    order = leaving(judged(limit=limit), APPLE, "DU1", style)
    assert (order.kind, order.algorithm, order.tif) == (kind, algorithm, "DAY")


def test_a_price_is_moved_to_the_tick_on_our_side_and_never_to_nothing() -> None:
    assert on_tick(D("10.07"), D("0.05"), Side.BUY) == D("10.05")
    assert on_tick(D("10.07"), D("0.05"), Side.SELL) == D("10.10")
    assert on_tick(D("0.01"), D("0.05"), Side.BUY) == D("0.05")


def test_a_part_of_a_share_is_refused_here() -> None:
    assert "multiple of 1" in why_not(intent("r1", quantity="1.5"), APPLE)
    assert why_not(intent("r1", quantity="2"), APPLE) == ""


def test_the_wire_order_says_its_time_in_force_its_ref_and_its_account() -> None:
    good = replace(intent("r1", limit="95.5"), time_in_force=TimeInForce.GTC)
    made = wire_order(leaving(good, APPLE, "DU1", Style.CAPPED))
    assert (made.orderRef, made.account, made.tif, made.orderType) == ("r1", "DU1", "GTC", "LMT")
    assert (made.lmtPrice, made.totalQuantity, made.outsideRth, made.transmit) == (95.5, 10.0, False, True)


def test_the_wire_contract_is_an_id_and_a_place_and_nothing_that_could_contradict_it() -> None:
    made = wire_contract(FUTURE)
    assert (made.conId, made.exchange, made.symbol, made.lastTradeDateOrContractMonth) == (1, "CME", "", "")
