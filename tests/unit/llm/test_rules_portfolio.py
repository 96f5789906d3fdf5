"""The rules model over a portfolio's facts: deterministic, labelled, in the schema, and sensible for each style."""

import json
from decimal import Decimal

import pytest

from prudent.domain.errors import InputError
from prudent.domain.orders import Side
from prudent.domain.reasoning import RULES_LABEL, Question, Regime
from prudent.domain.records import Json
from prudent.llm.rules import RulesModel
from prudent.reasoning.answers import Trades, Wish, read_analysis, read_trades
from prudent.reasoning.naming import Listed

D = Decimal


def symbol(name: str, *, kind: str = "stock", price: str = "100", year: str = "0.10", **more: Json) -> dict[str, Json]:
    """One listed symbol above its averages; `indicators` and `limits` may be changed by name."""
    indicators: dict[str, Json] = {
        "sma_50": "95", "sma_200": "90", "return_21": "0.01", "return_63": "0.02", "return_252": year,
        "volatility_20": "0.2",
    }  # fmt: skip
    limits: dict[str, Json] = {"max_buy_usd": "2000", "max_sell_usd": "0"}
    indicators |= {key: value for key, value in more.items() if key in indicators}
    limits |= {key: value for key, value in more.items() if key in limits}
    return {
        "symbol": name, "sector": str(more.get("sector", "Energy")), "kind": kind, "price": price,
        "indicators": indicators, "limits": limits,
    }  # fmt: skip


def facts(*symbols: dict[str, Json], style: str = "momentum", regime: str = "BULL", **more: Json) -> dict[str, Json]:
    """An account of 10,000 with 9,000 to spend."""
    held = more.get("held")
    return {
        "symbols": [{"index": number, **row} for number, row in enumerate(symbols, 1)],
        "positions": [
            {"symbol": each, "value": value} for each, value in (held if isinstance(held, dict) else {}).items()
        ],
        "mandate": {"style": style, "funds": "0.60", "stocks": "0.30", "max_position_weight": "0.20"},
        "room": {
            "equity": "10000",
            "spendable": str(more.get("spendable", "9000")),
            "min_trade": "50",
            "max_trades": 9,
        },
        "market": {"regime": {"rule": regime}},
        "account": {"cash_weight": "1"},
    }


def ask(purpose: str, given: dict[str, Json]) -> str:
    reply = RulesModel().ask(
        Question(account="acc", purpose=purpose, model="rules", messages=(), schema={}, facts=given)
    )  # fmt: skip
    assert (reply.model, reply.served, reply.cost) == ("rules", RULES_LABEL, D(0))
    return reply.text


def traded(given: dict[str, Json]) -> Trades:
    rows = given["symbols"]
    assert isinstance(rows, list)
    listed = Listed.of([str(row["symbol"]) for row in rows if isinstance(row, dict)], {})
    found = read_trades(ask("pass2", given), listed)
    assert found.dropped == ()
    assert found.notes == ()
    return found


def bought(given: dict[str, Json]) -> dict[str, Decimal]:
    return {each.symbol: _dollars(each) for each in traded(given).wishes if each.side is Side.BUY}


def _dollars(wish: Wish) -> Decimal:
    assert wish.amount is not None
    assert wish.amount.unit == "usd"
    return wish.amount.value


def test_the_analysis_is_the_rules_own_regime_and_the_sectors_against_each_other() -> None:
    given = facts(symbol("AAA", return_63="0.30"), symbol("BBB", sector="Tech", return_63="-0.30"), regime="BEAR")
    read = read_analysis(ask("pass1", given), sectors=frozenset({"Energy", "Tech"}), rule=Regime.BEAR)
    assert (read.analysis.regime, read.notes) == (Regime.BEAR, ())
    assert read.analysis.sector_scores == {"Energy": 2, "Tech": -2}


def test_momentum_buys_the_strongest_first_and_nothing_that_falls() -> None:
    names = [symbol("AAA", year="0.50"), symbol("BBB", year="0.90"), symbol("CCC", year="-0.20")]
    # A sleeve of 30 % in places of at most 18 %: two places of 1,500.
    assert bought(facts(*names)) == {"BBB": D(1500), "AAA": D(1500)}


def test_value_buys_the_cheapest_against_their_long_average_first_but_no_falling_knife() -> None:
    names = [symbol("AAA", price="80"), symbol("BBB", price="60"), symbol("CCC", price="100")]
    assert list(bought(facts(*names, style="value"))) == ["AAA", "CCC"]


def test_core_satellite_fills_its_core_with_the_calmest_funds() -> None:
    funds = [symbol(f"F{n}", kind="etf", volatility_20=f"0.{n}") for n in (5, 1, 2, 3, 4)]
    # 60 % in places of at most 18 %: four places of 1,500.
    assert bought(facts(*funds, style="core_satellite")) == {f"F{n}": D(1500) for n in (1, 2, 3, 4)}


def test_a_bear_market_halves_the_sleeves() -> None:
    assert sum(bought(facts(symbol("AAA"), symbol("BBB"), regime="BEAR")).values()) == D(1500)


def test_what_is_above_its_limit_is_trimmed_below_it() -> None:
    given = facts(symbol("AAA", max_sell_usd="2500", max_buy_usd="0"), held={"AAA": "2500"})
    (wish,) = traded(given).wishes
    # 2,500 less 90 % of the limit of 2,000.
    assert (wish.side, _dollars(wish)) == (Side.SELL, D(700))


def test_momentum_leaves_what_has_turned_and_only_where_it_may() -> None:
    weak = symbol("AAA", price="80", return_63="-0.10", max_sell_usd="1000")
    (wish,) = traded(facts(weak, held={"AAA": "1000"})).wishes
    assert (wish.side, wish.everything) == (Side.SELL, True)
    kept = symbol("AAA", price="80", return_63="-0.10", max_sell_usd="0")
    assert traded(facts(kept, held={"AAA": "1000"})).wishes == ()


def test_a_filled_account_holds() -> None:
    given = facts(
        symbol("AAA", max_sell_usd="1500"), symbol("BBB", max_sell_usd="1500"), held={"AAA": "1500", "BBB": "1500"}
    )
    assert traded(given).wishes == ()


def test_purchases_end_where_the_cash_does() -> None:
    assert bought(facts(symbol("AAA", year="0.9"), symbol("BBB"), spendable="1600")) == {"AAA": D(1500), "BBB": D(100)}


def test_what_is_not_known_is_not_bought() -> None:
    assert bought(facts(symbol("AAA", year="unknown"), symbol("BBB", price="unknown"))) == {}


def test_the_same_facts_get_the_same_answer() -> None:
    given = facts(symbol("AAA"), symbol("BBB"))
    assert ask("pass2", given) == ask("pass2", json.loads(json.dumps(given)))


def test_a_purpose_that_nobody_wrote_rules_for_is_refused() -> None:
    with pytest.raises(InputError, match="purpose"):
        ask("poem", {})
