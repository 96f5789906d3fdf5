"""Contract ids: real where known, the same for ever, and read back without a table."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.market.worlds import at

from prudent.domain.futures import ROOTS, is_business_day
from prudent.gateway.market import con_ids
from prudent.gateway.market.con_ids import KNOWN, OptionIds, OptionName, expiry_of_week
from prudent.gateway.market.details import Query

NAMES = ("AAPL", "MSFT", "NDX", "SPX", "SPY")
IDS = OptionIds(NAMES)
TODAY = date(2022, 12, 28)


def test_well_known_contracts_have_their_real_ids() -> None:
    assert con_ids.named("STK:AAPL") == 265598
    assert con_ids.named("CASH:EUR.USD") == 12087792


def test_a_made_up_id_is_the_same_for_ever() -> None:
    # Written down: books of earlier versions hold it.
    assert con_ids.named("STK:XOM") == 906604387
    assert con_ids.future(ROOTS[0], 2024, 12) == 960000419
    spy = OptionName(underlying="SPY", expiry=date(2023, 1, 20), strike=Decimal(380), right="P")
    assert IDS.id_of(spy) == 1693172521


def test_no_two_contracts_share_an_id() -> None:
    market = at()
    listed = [each.con_id for each in market.listed()]
    months = [(year, month) for year in range(1990, 2060) for month in range(1, 13)]
    futures = [con_ids.future(root, year, month) for root in ROOTS for year, month in months]
    assert len({*listed, *futures}) == len(listed) + len(futures)
    assert all(0 < number < con_ids.OPTIONS_FIRST for number in (*listed, *futures))
    assert set(KNOWN.values()) <= set(listed)


def test_a_future_is_read_back_from_its_id() -> None:
    for root in ROOTS:
        for year, month in ((1990, 3), (2024, 12), (2055, 6)):
            assert con_ids.future_of(con_ids.future(root, year, month)) == (root, year, month)
    assert con_ids.future_of(265598) is None
    assert con_ids.future_of(con_ids.FUTURES_FIRST + len(ROOTS) * con_ids.FUTURES_STEP) is None


weeks = st.integers(-50, 200).map(lambda number: expiry_of_week((TODAY - con_ids.MONDAY_ZERO).days // 7 + number))


@given(st.sampled_from(NAMES), weeks, st.sampled_from(IDS.strikes), st.sampled_from("CP"))
def test_an_option_is_read_back_from_its_id(underlying: str, expiry: date, strike: Decimal, right: str) -> None:
    name = OptionName(underlying=underlying, expiry=expiry, strike=strike, right=right)
    number = IDS.id_of(name)
    assert number is not None
    assert con_ids.OPTIONS_FIRST <= number < 2**31
    assert IDS.name_of(number, TODAY) == name


def test_what_is_not_listed_has_no_id() -> None:
    fine = OptionName(underlying="SPY", expiry=date(2023, 1, 20), strike=Decimal(380), right="P")
    for changed in (
        {"underlying": "XYZ"}, {"expiry": date(2023, 1, 19)}, {"strike": Decimal("380.01")}, {"right": "X"},
    ):  # fmt: skip
        fields = {"underlying": fine.underlying, "expiry": fine.expiry, "strike": fine.strike, "right": fine.right}
        assert IDS.id_of(OptionName(**(fields | changed))) is None  # type: ignore[arg-type]
    assert IDS.name_of(265598, TODAY) is None


def test_options_of_a_week_without_a_trading_friday_end_the_day_before() -> None:
    # Good Friday 2025 and Juneteenth 2026 are third Fridays.
    for friday, ends in ((date(2025, 4, 18), date(2025, 4, 17)), (date(2026, 6, 19), date(2026, 6, 18))):
        assert expiry_of_week((friday - con_ids.MONDAY_ZERO).days // 7) == ends
    assert all(is_business_day(expiry_of_week(week)) for week in range(1500, 2000))


def test_a_restarted_gateway_knows_the_contracts_of_its_books() -> None:
    query = Query(symbol="SPY", sec_type="OPT", expiry="20230120", strike=Decimal(380), right="C")
    first = at().find(query)[0]
    later = at(at().now() + timedelta(days=300))
    again = later.facts(first.con_id)
    assert again is not None
    assert again.contract == first.contract
