"""An account on downloaded history: raw prices, a dividend and a split, valued every session, to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from tests.contract.broker_fakes import HandClock, intent
from tests.unit.marketdata.history_yahoo import CALENDAR, DIVIDEND_DAY, FIRST, LAST, SPLIT_DAY, RestatingYahoo

from prudent.backtest.tape import Tape, day_array
from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker
from prudent.domain.mandate import CostModel
from prudent.marketdata.downloads import HistoryFolder
from prudent.marketdata.raw_prices import RawFilesMarket, RawFileSource, history_of
from prudent.marketdata.tape import actions_of

NOW = datetime(2020, 11, 3, 22, tzinfo=UTC)
BEFORE_OPEN = timedelta(minutes=1)


def test_a_holding_through_a_dividend_and_a_split_is_worth_what_it_must_be(tmp_path: Path) -> None:
    HistoryFolder(tmp_path, CALENDAR, fetch=RestatingYahoo()).download(["AAPL"], FIRST, LAST, now=NOW)
    source = history_of(CALENDAR, tmp_path)
    assert isinstance(source, RawFileSource)
    sessions = CALENDAR.sessions(FIRST, LAST)
    tape = Tape(lambda clock: RawFilesMarket(clock, CALENDAR, source), sessions[-1])
    panel = tape.panel(("AAPL",), day_array(session.date for session in sessions))
    actions = actions_of(panel)
    assert sorted(actions) == [DIVIDEND_DAY, SPLIT_DAY]

    clock = HandClock(sessions[0].open)
    market = RawFilesMarket(clock, CALENDAR, source)
    broker = SimulatedBroker(MemoryVenueStore(), market, CALENDAR, clock)
    broker.open_account("acc", cash=Decimal(10_000), costs=CostModel.NONE, slippage_bps=Decimal(0))
    values: dict[date, Decimal] = {}
    for t, session in enumerate(sessions[1:], start=1):
        if session.date in actions:
            clock.at = session.open - BEFORE_OPEN
            assert broker.act("acc", actions[session.date], at=clock.at) == actions[session.date]
        clock.at = session.open
        if t == 1:
            (bought,) = broker.submit(intent("r1", quantity="10")).fills
        clock.at = session.close
        (quote,) = market.quotes(("AAPL",))
        assert quote.price is not None
        seen = broker.snapshot("acc")
        # What the market quotes of a day is what the tape has of it.
        assert float(quote.price) == panel.close[t, 0]
        values[session.date] = seen.cash + seen.positions[0].quantity * quote.price

    cash = 10_000 - 10 * bought.price
    day_before = sessions[[s.date for s in sessions].index(SPLIT_DAY) - 1].date
    row = panel.days.tolist().index(day_before)
    # 10 shares until the split, with 8.00 of dividends; 40 from then on.
    assert values[day_before] == cash + 8 + 10 * Decimal(str(panel.close[row, 0]))
    assert values[LAST] == cash + 8 + 40 * Decimal(str(panel.close[-1, 0]))
    nav = np.array([float(value) for value in values.values()])
    # The price goes between 100.5 and 102.5, restated: no day moves the account by more than its share of that.
    assert (np.abs(np.diff(nav)) <= 10 * 4 * 2.0 + 8).all()
