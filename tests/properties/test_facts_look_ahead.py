"""The facts of an account at a time are the same bytes whatever comes after it, and hold no time but the clock's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes_clock import SteppedClock
from tests.properties.test_market_data_look_ahead import CALENDAR, WHOLE, AlteredRecord
from tests.unit.plan.build import seen

from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.mandate import Mandate
from prudent.domain.records import canonical
from prudent.marketdata.instruments import InstrumentMaster
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.sample_series import SampleSource
from prudent.ports import DecideContext
from prudent.reasoning.facts import portfolio_facts

SYMBOLS = ("AAPL", "RRC", "MTUM", "SPY", "DHR")
MASTER = InstrumentMaster()

# Any minute of any day, and more often one inside or around a session, where most can go wrong.
anytime = st.datetimes(datetime(1990, 1, 2, 20), datetime(2022, 12, 30))  # noqa: DTZ001 - hypothesis wants it so
moments = st.one_of(
    anytime.map(lambda each: each.replace(tzinfo=UTC)),
    st.builds(
        lambda day, minute: CALENDAR.session_of(day.replace(tzinfo=UTC)).open + timedelta(minutes=minute),
        anytime.filter(lambda each: each < datetime(2022, 12, 27)),  # noqa: DTZ001 - as above
        st.integers(-60, 400),
    ),
)


def facts(now: datetime, source: SampleSource) -> bytes:
    market = SampleMarket(SteppedClock(now), CALENDAR, source=source)
    quotes = market.quotes(SYMBOLS)
    snapshot = AccountSnapshot(
        account="acc", currency="USD", cash=Decimal(10_000), as_of=now, source="hand", open_orders=(),
        positions=(Position(symbol="AAPL", quantity=Decimal(10), average_cost=Decimal(5), opened=now),),
    )  # fmt: skip
    observed = replace(
        seen({}, cash="10000", instruments=tuple(each for s in SYMBOLS if (each := MASTER.find(s)) is not None)),
        as_of=now, session=CALENDAR.session_of(now).date, quotes=quotes, snapshot=snapshot, data_source="sample",
        market_open=CALENDAR.is_open(now),
    )  # fmt: skip
    context = DecideContext(
        observed, Mandate(account="acc"), market, target_of=lambda account: {}, read_file=str, calendar=CALENDAR
    )
    return canonical(portfolio_facts(context, SYMBOLS))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@settings(max_examples=max(15, settings.default.max_examples // 3) if settings.default else 15)
@given(now=moments, factor=st.sampled_from([0.5, 1.01, 3.0, float("nan")]))
def test_facts_do_not_depend_on_what_comes_after(now: datetime, factor: float) -> None:
    assert facts(now, WHOLE) == facts(now, SampleSource(AlteredRecord(now, factor)))


def test_the_wall_clock_is_nowhere_in_the_facts() -> None:
    text = facts(datetime(2015, 6, 3, 15, tzinfo=UTC), WHOLE).decode()
    assert "2015-06-03" in text
    assert not [year for year in range(2016, 2100) if f"{year}-" in text]


def test_the_same_facts_are_the_same_bytes() -> None:
    now = datetime(2015, 6, 3, 15, tzinfo=UTC)
    assert facts(now, WHOLE) == facts(now, SampleSource(AlteredRecord(now + timedelta(days=9), 1.0)))
