"""What an intraday account and the research agent are shown at a time does not change with anything after it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes_clock import SteppedClock
from tests.properties.test_market_data_look_ahead import CALENDAR, WHOLE, AlteredRecord
from tests.unit.plan.build import seen

from prudent.domain.mandate import Mandate
from prudent.domain.records import canonical
from prudent.llm.rules import RulesModel
from prudent.marketdata.instruments import InstrumentMaster
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.sample_series import SampleSource
from prudent.ports import DecideContext, Strategy
from prudent.strategies.intraday import Intraday
from prudent.strategies.research import Research

SYMBOLS = ("AAPL", "RRC", "SPY")
MASTER = InstrumentMaster()


def in_a_session(day: datetime, minute: int) -> datetime:
    return CALENDAR.session_of(day.replace(tzinfo=UTC)).open + timedelta(minutes=minute)


# From an hour before the open to after the close, for most of what is shown is shown inside a session.
moments = st.builds(in_a_session, st.datetimes(datetime(1996, 1, 2), datetime(2022, 12, 27)), st.integers(-60, 400))  # noqa: DTZ001


def inputs(strategy: Strategy, name: str, now: datetime, source: SampleSource) -> bytes:
    """The bytes of all that a cycle at `now` reads and asks."""
    market = SampleMarket(SteppedClock(now), CALENDAR, source=source)
    instruments = tuple(found for each in SYMBOLS if (found := MASTER.find(each)) is not None)
    observed = seen({}, cash="10000", instruments=instruments)
    history = replace(observed.history, nlv_open=Decimal(10_000))
    observed = replace(
        observed, as_of=now, session=CALENDAR.session_of(now).date, quotes=market.quotes(SYMBOLS), history=history,
        market_open=CALENDAR.is_open(now),
    )  # fmt: skip
    mandate = Mandate(account="acc", strategy=name, universe=SYMBOLS)
    context = DecideContext(
        observed, mandate, market, target_of=lambda account: {}, read_file=str, calendar=CALENDAR, model=RulesModel()
    )
    return canonical(strategy.gather(context))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@settings(max_examples=max(8, settings.default.max_examples // 8) if settings.default else 8)
@given(now=moments, factor=st.sampled_from([0.5, 1.01, 3.0]))
def test_prompts_and_facts_do_not_depend_on_what_comes_after(now: datetime, factor: float) -> None:
    altered = SampleSource(AlteredRecord(now, factor))
    for name, strategy in (("intraday", Intraday()), ("research", Research())):
        assert inputs(strategy, name, now, WHOLE) == inputs(strategy, name, now, altered)


@pytest.mark.parametrize("clock", ["15:00", "15:29", "17:45", "19:59"])
def test_inside_a_session_neither_its_close_nor_the_running_bar_shows(clock: str) -> None:
    now = datetime.fromisoformat(f"2022-11-23T{clock}:00Z")
    altered = SampleSource(AlteredRecord(now, 1.5))
    whole = inputs(Intraday(), "intraday", now, WHOLE)
    assert b'"strategy":"intraday"' in whole
    assert b'"purpose":"pass0"' in whole
    assert whole == inputs(Intraday(), "intraday", now, altered)
