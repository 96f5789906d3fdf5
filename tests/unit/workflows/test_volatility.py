"""What options imply is stored once a session, and says how high it stands once there are sixty of them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home

from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import Temporary
from prudent.marketdata.sample import SampleMarket
from prudent.workflows.advance import advance
from prudent.workflows.volatility import store_volatilities, volatility_standing

D = Decimal


class Implying(SampleMarket):
    """The sample, with a volatility of every symbol but KO; `asked` are the questions."""

    implied_source = "ibkr (SIMULATED)"
    away = False

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        if self.away:
            raise Temporary("the gateway is away")
        self.asked = [*getattr(self, "asked", []), tuple(symbols)]
        return {symbol: D("0.25") for symbol in symbols if symbol != "KO"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = new_home(tmp_path_factory.mktemp("implied"))
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(
        "targets: json/core.json\nuniverse: [AAPL, KO, SPY, NOSUCH]\n"
    )
    return home


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    desk = open_desk(home)
    desk.market = Implying(desk.clock, desk.calendar)
    yield desk
    desk.ledger.close()


def at(desk: Desk, minutes: int) -> date:
    """So many minutes after the open of the next session."""
    session = desk.calendar.next_open(desk.clock.now())
    advance(desk, session + timedelta(minutes=minutes))
    return desk.calendar.session_of(desk.clock.now()).date


def test_each_symbol_is_stored_once_a_session(desk: Desk) -> None:
    day = at(desk, 31)
    assert store_volatilities(desk) == ("AAPL", "SPY")
    assert store_volatilities(desk) == ()
    assert desk.ledger.volatilities.stored(day) == {"AAPL", "SPY"}
    assert isinstance(desk.market, Implying)
    # Only what is not there yet is asked for again; what is no known stock never is.
    assert desk.market.asked == [("AAPL", "KO", "SPY"), ("KO",)]
    (row,) = desk.ledger.volatilities.last("SPY", count=1, until=day)
    assert (row.implied, row.source) == (D("0.25"), "ibkr (SIMULATED)")


def test_nothing_is_asked_for_outside_a_session_nor_in_its_first_half_hour(desk: Desk) -> None:
    at(desk, 29)
    assert store_volatilities(desk) == ()
    advance(desk, desk.clock.now() + timedelta(hours=12))
    assert store_volatilities(desk) == ()
    assert not hasattr(desk.market, "asked")


def test_a_market_without_options_has_none_and_one_that_is_away_is_a_failure(desk: Desk) -> None:
    at(desk, 45)
    implying = desk.market
    desk.market = SampleMarket(desk.clock, desk.calendar)
    assert store_volatilities(desk) == ()
    assert isinstance(implying, Implying)
    desk.market, implying.away = implying, True
    with pytest.raises(Temporary):
        store_volatilities(desk)


def test_how_high_it_stands_is_unknown_until_sixty_sessions_are_stored(desk: Desk) -> None:
    until = desk.calendar.session_of(desk.clock.now()).date
    days = [until - timedelta(days=n) for n in range(61)][::-1]
    nothing = volatility_standing(desk, "MSFT")
    assert (nothing.words, nothing.session, nothing.sessions) == ("unknown", None, 0)
    for n, day in enumerate(days[1:], 1):
        value = {"MSFT": D("0.30") if n == 60 else D("0.2") + D(n) / 500}
        desk.ledger.volatilities.note(value, session=day, source="ibkr", at=desk.clock.now())
    short = volatility_standing(desk, "MSFT")
    assert (short.sessions, short.percentile, short.words) == (59, None, "unknown")
    desk.ledger.volatilities.note({"MSFT": D("0.2")}, session=days[0], source="ibkr", at=desk.clock.now())
    full = volatility_standing(desk, "MSFT")
    # Those below 0.30: the oldest at 0.20 and the 49 from 0.202 to 0.298, of sixty.
    assert (full.sessions, full.percentile, full.words) == (60, D("0.8333"), "83 %")
