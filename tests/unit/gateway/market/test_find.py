"""Which contracts a question means: stocks with their listings, indices, currencies, futures, options, combos."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.unit.gateway.market.worlds import MORNING, at

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract, Leg, SecType
from prudent.gateway.market.details import Query
from prudent.gateway.market.expiring import occ_symbol, parse_occ

AAPL = Query(symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD")
SPY_PUT = Query(symbol="SPY", sec_type="OPT", expiry="20230120", strike=Decimal(380), right="P", exchange="SMART")


def found(query: Query, moment: datetime = MORNING) -> list[tuple[str, str, str]]:
    rows = at(moment).find(query)
    return [(row.contract.local_symbol, row.contract.currency, row.contract.expiry) for row in rows]


def test_a_stock_is_found_with_all_that_contract_details_say() -> None:
    (row,) = at().find(AAPL)
    assert (row.con_id, row.contract.primary_exchange, row.contract.trading_class) == (265598, "NASDAQ", "NMS")
    assert (row.long_name, row.industry, row.stock_type) == ("Apple", "Information Technology", "COMMON")
    assert row.time_zone == "US/Eastern"
    assert row.liquid_hours.startswith("20221228:0930-20221228:1600;")
    assert row.trading_hours.startswith("20221228:0400-20221228:2000;")
    assert row.facts.tradable
    assert row.facts.size_increment == row.min_size == 1


def test_each_exchange_has_a_market_rule_that_is_known() -> None:
    queries = (
        AAPL, SPY_PUT, Query(symbol="ES", sec_type="FUT"), Query(symbol="EUR", sec_type="CASH"),
        Query(symbol="SPX", sec_type="IND"), Query(symbol="GC", sec_type="FUT"), Query(symbol="AUD", sec_type="FUT"),
        replace(SPY_PUT, symbol="AAPL", strike=Decimal(130)),
        Query(symbol="USD", sec_type="CASH"), Query(symbol="M6E", sec_type="FUT"),
    )  # fmt: skip
    for query in queries:
        rows = at().find(query)
        assert rows
        for row in rows:
            assert len(row.market_rule_ids) == len(row.valid_exchanges)
            assert {at().rule(number) for number in row.market_rule_ids} == {row.facts.ticks}
    assert at().rule(999) is None


def test_a_symbol_with_several_listings_is_answered_with_all_of_them() -> None:
    open_question = Query(symbol="AAPL", sec_type="STK", exchange="SMART")
    assert found(open_question) == [("AAPL", "USD", ""), ("AAPL", "MXN", ""), ("AAPL", "CAD", "")]
    assert found(replace(open_question, primary_exchange="MEXI")) == [("AAPL", "MXN", "")]
    assert found(replace(open_question, currency="CAD")) == [("AAPL", "CAD", "")]
    assert found(AAPL) == [("AAPL", "USD", "")]


@pytest.mark.parametrize(
    "query",
    [
        replace(AAPL, symbol="NOSUCH"), replace(AAPL, currency="JPY"), replace(AAPL, exchange="LSE"),
        Query(con_id=1), Query(), Query(symbol="6E", sec_type="FUT", exchange="CME"),
        Query(symbol="ES", sec_type="FUT", exchange="GLOBEX"), replace(SPY_PUT, strike=Decimal("380.5")),
        replace(SPY_PUT, expiry="20230119"), replace(SPY_PUT, strike=Decimal(40)), Query(symbol="VIX", sec_type="OPT"),
        Query(sec_type="BAG", symbol="SPY"),
    ],
)  # fmt: skip
def test_what_is_not_listed_is_not_found(query: Query) -> None:
    assert found(query) == []


def test_texts_that_are_no_numbers_or_dates_are_not_found() -> None:
    for query in (
        Query(symbol="ES", sec_type="FUT", multiplier="fifty"), replace(SPY_PUT, expiry="soon"),
        replace(SPY_PUT, expiry="20231399", include_expired=True), replace(SPY_PUT, multiplier="-"),
    ):  # fmt: skip
        assert found(query) == []


def test_an_old_name_of_an_exchange_is_known() -> None:
    assert found(replace(AAPL, primary_exchange="ISLAND")) == [("AAPL", "USD", "")]


def test_an_expired_option_is_found_only_when_asked_for() -> None:
    past = replace(SPY_PUT, expiry="20221216")
    assert found(past) == []
    assert found(replace(past, include_expired=True)) == [("SPY   221216P00380000", "USD", "20221216")]


def test_an_id_alone_is_enough_and_must_not_contradict() -> None:
    assert found(Query(con_id=756733)) == [("SPY", "USD", "")]
    assert found(Query(con_id=756733, exchange="SMART")) == [("SPY", "USD", "")]
    assert found(Query(con_id=756733, symbol="AAPL", sec_type="STK")) == []
    put = at().find(SPY_PUT)[0].con_id
    assert found(Query(con_id=put, sec_type="OPT", strike=Decimal(375))) == []


def test_class_shares_are_written_with_a_space() -> None:
    assert found(replace(AAPL, symbol="BRK B")) == [("BRK B", "USD", "")]


def test_futures_are_listed_ahead_and_found_by_month_class_or_local_symbol() -> None:
    assert [row[0] for row in found(Query(symbol="ES", sec_type="FUT", exchange="CME"))] == [
        "ESH3", "ESM3", "ESU3", "ESZ3", "ESH4"
    ]  # fmt: skip
    march = [("6EH3", "USD", "20230313")]
    assert found(Query(symbol="EUR", sec_type="FUT", exchange="CME", expiry="202303")) == march
    assert found(Query(symbol="EUR", sec_type="FUT", expiry="20230313")) == march
    assert found(Query(sec_type="FUT", exchange="CME", local_symbol="6EH3")) == march
    assert found(Query(trading_class="6E", sec_type="FUT", expiry="202303")) == march


def test_an_expired_future_is_found_only_when_asked_for() -> None:
    december = Query(symbol="ES", sec_type="FUT", expiry="202212")
    assert found(december) == []
    assert found(replace(december, include_expired=True)) == [("ESZ2", "USD", "20221216")]
    number = at().find(replace(december, include_expired=True))[0].con_id
    for by_id in (Query(con_id=number), Query(con_id=number, sec_type="FUT")):
        assert found(by_id) == []
        assert len(found(replace(by_id, include_expired=True))) == 1
    assert at().facts(number) is not None


def test_a_future_says_when_it_ends_and_gold_when_it_must_be_left() -> None:
    es, gold = (
        at().find(Query(symbol=symbol, sec_type="FUT", expiry=month))[0].facts
        for symbol, month in (("ES", "202303"), ("GC", "202302"))
    )
    assert es.last_trade == datetime(2023, 3, 17, 13, 30, tzinfo=UTC)
    assert es.close_out is None
    assert es.contract.multiplier == 50
    assert es.initial_margin is not None
    assert es.maintenance_margin is not None
    assert 0 < es.maintenance_margin < es.initial_margin
    # First notice of GCG3 is Tue 2023-01-31: two business days before is Fri 27, its end in New York 21:00 UTC.
    assert gold.close_out == datetime(2023, 1, 27, 21, 0, tzinfo=UTC)


def test_a_continuous_future_is_its_front_contract_that_cannot_be_traded() -> None:
    (row,) = at().find(Query(symbol="ES", sec_type="CONTFUT", exchange="CME"))
    front = at().find(Query(symbol="ES", sec_type="FUT"))[0]
    assert row.con_id == front.con_id
    assert row.contract.sec_type is SecType.CONTINUOUS
    assert not row.facts.tradable
    # In the roll week the next contract is the front one.
    (rolled,) = at(datetime(2023, 3, 9, 15, 0, tzinfo=UTC)).find(Query(symbol="ES", sec_type="CONTFUT"))
    assert rolled.contract.local_symbol == "ESM3"


def test_an_option_is_found_by_its_fields_its_id_and_its_clearing_symbol() -> None:
    (row,) = at().find(SPY_PUT)
    assert row.contract.local_symbol == "SPY   230120P00380000"
    assert row.facts.underlying == 756733
    assert row.facts.last_trade == datetime(2023, 1, 20, 21, 0, tzinfo=UTC)
    for query in (
        Query(con_id=row.con_id), Query(con_id=row.con_id, sec_type="OPT", exchange="SMART"),
        Query(sec_type="OPT", local_symbol="SPY   230120P00380000"),
        Query(sec_type="OPT", local_symbol="SPY230120P00380000"),
    ):  # fmt: skip
        assert [each.con_id for each in at().find(query)] == [row.con_id]


def test_a_chain_is_the_product_of_its_expiries_strikes_and_rights() -> None:
    params = at().option_params(756733)
    assert {each.exchange for each in params} >= {"SMART", "CBOE"}
    one = params[0]
    assert one.multiplier == 100
    assert list(one.strikes) == sorted(one.strikes)
    assert one.strikes[0] < Decimal(380) < one.strikes[-1]
    # Weeklies to 17 February, then third Fridays.
    assert one.expirations[:4] == ("20221230", "20230106", "20230113", "20230120")
    assert "20230317" in one.expirations
    month = at().find(Query(symbol="SPY", sec_type="OPT", expiry="20230120", currency="USD"))
    assert len(month) == 2 * len(one.strikes)
    assert at().option_params(12087792) == ()
    assert at().option_params(13455763) == ()


def test_every_option_of_a_chain_is_found_again_by_its_id() -> None:
    rows = at().find(Query(symbol="AAPL", sec_type="OPT", expiry="202301"))
    assert len({row.con_id for row in rows}) == len(rows) > 400
    for row in rows[::25]:
        facts = at().facts(row.con_id)
        assert facts is not None
        assert facts.contract == row.contract


def test_clearing_symbols_are_read_as_they_are_written() -> None:
    for text in ("SPY   230120P00380000", "F     260618P00012500", "AAPL  250221C00180000"):
        name = parse_occ(text)
        assert name is not None
        assert occ_symbol(name) == text
        assert parse_occ(text.replace(" ", "")) == name
    for text in ("", "SPY", "SPY   230120X00380000", "SPY   231320P00380000", "230120P00380000"):
        assert parse_occ(text) is None


def test_a_search_puts_the_exact_symbol_first_and_knows_names() -> None:
    rows = at().search("spy")
    assert rows[0].contract.con_id == 756733
    assert rows[0].derivatives == ("OPT", "BAG")
    assert "AAPL" in [row.contract.symbol for row in at().search("apple")]
    assert at().search("") == at().search("zzzzz") == ()


def spread(*legs: Leg) -> Contract:
    return Contract(con_id=0, sec_type=SecType.COMBO, symbol="SPY", legs=legs)


def legs(low: str, high: str) -> tuple[Leg, Leg]:
    ids = [at().find(replace(SPY_PUT, strike=Decimal(strike)))[0].con_id for strike in (low, high)]
    return Leg(con_id=ids[0], ratio=1, action=Side.SELL), Leg(con_id=ids[1], ratio=1, action=Side.BUY)


def test_a_combo_costs_what_its_legs_do() -> None:
    sold, bought = legs("375", "380")
    near, far = at().top(bought.con_id), at().top(sold.con_id)
    top = at().combo_top(spread(sold, bought))
    assert near is not None
    assert far is not None
    assert top is not None
    assert None not in (near.bid, near.ask, far.bid, far.ask)
    assert top.ask == near.ask - far.bid  # type: ignore[operator]
    assert top.bid == near.bid - far.ask  # type: ignore[operator]
    assert top.bid is not None
    assert top.ask is not None
    assert 0 < top.bid < top.ask < 5


def test_a_combo_sold_as_bought_has_a_price_below_nothing() -> None:
    sold, bought = legs("375", "380")
    credit = spread(replace(sold, action=Side.BUY), replace(bought, action=Side.SELL))
    top = at().combo_top(credit)
    assert top is not None
    assert top.ask is not None
    assert top.ask < 0


def test_a_combo_of_what_cannot_be_combined_is_refused() -> None:
    sold, bought = legs("375", "380")
    index = Leg(con_id=416904, ratio=1, action=Side.BUY)
    for contract, fault in (
        (spread(sold), "2 to 4 legs"), (spread(sold, sold), "twice"), (spread(sold, index), "contract that trades"),
        (spread(sold, replace(bought, ratio=0)), "ratio"), (spread(sold, replace(bought, con_id=1)), "that trades"),
        (replace(spread(sold, bought), currency="EUR"), "in EUR"),
    ):  # fmt: skip
        assert fault in (at().combo_fault(contract) or "")
    assert at().combo_fault(spread(sold, bought)) is None
