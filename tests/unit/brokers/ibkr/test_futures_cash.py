"""Cash beside futures: a contract is held at its whole value, and what the venue counts among the cash is set aside."""

from decimal import Decimal

import pytest
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, Fields, Talk
from tests.unit.brokers.ibkr.test_session import eventually, joined

from prudent.domain.accounts import Position
from prudent.domain.errors import Temporary

D = Decimal
# account, conId, symbol, type, expiry, strike, right, multiplier, exchange, currency, local symbol, class
ES = ("DU1", 51, "ES", "FUT", "20231215", 0, "", "50", "CME", "USD", "ESZ3", "ES")
AAPL = ("DU1", 52, "AAPL", "STK", "", 0, "", "", "SMART", "USD", "AAPL", "AAPL")
VALUES = [("TotalCashValue", "900000.00", "USD"), ("ExchangeRate", "0.90", "USD"), ("ExchangeRate", "1.00", "EUR")]


def holding(worth: object, values: list[tuple[str, str, str]] = VALUES) -> FakeGateway:
    """A gateway whose account holds 2 ESZ3 that it values at `worth`, and 10 AAPL."""

    def positions(talk: Talk, _fields: Fields) -> None:
        talk.say(61, 3, *ES, 2, 200_002.25)
        talk.say(61, 3, *AAPL, 10, 150)
        talk.say(62, 1)

    def profit(talk: Talk, fields: Fields) -> None:
        talk.say(95, fields[1], 2, 1.0, 2.0, 3.0, worth)

    return FakeGateway(values=values, on={61: positions, 94: profit})


def test_futures_are_set_aside_from_the_cash_at_what_the_venue_says_that_they_are_worth() -> None:
    with joined(holding("410000.50")) as (gateway, broker):
        snapshot = broker.snapshot("acc")
        # 900,000.00 - 410,000.50; the shares were paid with cash
        assert snapshot.cash == D("489999.50")
        es, aapl = sorted(snapshot.positions, key=lambda each: each.symbol, reverse=True)
        # 200,002.25 for a contract of 50, commission included
        assert es == Position(symbol="ESZ3", quantity=D(2), average_cost=D("4000.045"))
        assert es.cost == D("400004.50")
        assert aapl.cost == D(1500)
        # Asked for one contract, and no more of it is wanted.
        assert eventually(lambda: gateway.count(95) > 0)
        assert (gateway.count(94), gateway.count(95)) == (1, 1)
        assert broker.listing("acc").snapshot.cash == snapshot.cash


def test_a_future_in_another_currency_is_set_aside_at_the_rate_of_the_cash() -> None:
    in_euros = [("TotalCashValue", "900000.00", "EUR"), *VALUES[1:]]
    with joined(holding("400000", in_euros)) as (_gateway, broker):
        # 900,000 - 400,000 x 0.90
        assert broker.snapshot("acc").cash == D(540_000)


def test_a_rate_or_a_value_that_the_venue_does_not_tell_is_no_answer() -> None:
    no_rate = [("TotalCashValue", "900000.00", "EUR")]
    unset = "1.7976931348623157E308"
    for gateway, missing in ((holding("400000", no_rate), "rate from USD to EUR"), (holding(unset), "ESZ3 is worth")):
        with joined(gateway) as (_gateway, broker), pytest.raises(Temporary, match=missing):
            broker.snapshot("acc")
