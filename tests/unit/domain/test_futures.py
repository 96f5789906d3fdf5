"""Futures: known expiries of the exchanges, the roll rule, and the aliases of the front contracts."""

from datetime import date

import pytest

from prudent.domain.errors import InputError
from prudent.domain.futures import (
    ALIASES,
    MONTH_CODES,
    ROOTS,
    Family,
    after,
    contract,
    easter,
    front,
    is_business_day,
    parse_local,
    resolve,
    root_of,
)

# Last trading days as CME and COMEX published them.
EXPIRIES = (
    ("ESH3", "2023-03-17"), ("ESM3", "2023-06-16"), ("ESU3", "2023-09-15"), ("ESZ3", "2023-12-15"),
    ("ESH4", "2024-03-15"), ("ESM4", "2024-06-21"), ("ESU4", "2024-09-20"), ("ESZ4", "2024-12-20"),
    ("ESH5", "2025-03-21"), ("NQM5", "2025-06-20"), ("NQU5", "2025-09-19"), ("MESZ5", "2025-12-19"),
    # The third Friday of June 2026 is Juneteenth.
    ("ESM6", "2026-06-18"),
    ("6EH4", "2024-03-18"), ("6EU4", "2024-09-16"), ("6EZ4", "2024-12-16"), ("6EH5", "2025-03-17"),
    ("6BM5", "2025-06-16"), ("6AU5", "2025-09-15"), ("M6EZ5", "2025-12-15"),
    # The third Wednesday is Juneteenth itself: still two business days back.
    ("6EM4", "2024-06-17"),
    ("GCG4", "2024-02-27"), ("GCJ4", "2024-04-26"), ("GCM4", "2024-06-26"), ("GCQ4", "2024-08-28"),
    ("GCV4", "2024-10-29"), ("GCZ4", "2024-12-27"), ("GCG5", "2025-02-26"), ("GCM5", "2025-06-26"),
    ("MGCQ5", "2025-08-27"),
)  # fmt: skip


@pytest.mark.parametrize(("local", "expiry"), EXPIRIES)
def test_a_contract_ends_on_the_day_that_its_exchange_published(local: str, expiry: str) -> None:
    day = date.fromisoformat(expiry)
    root = next(each for each in ROOTS if each.code == local[:-2])
    found = contract(root, day.year, MONTH_CODES.index(local[-2]) + 1)
    assert (found.local_symbol, found.expiry) == (local, day)


def test_index_and_fx_roll_eight_days_before_the_end_and_earlier_where_that_is_a_weekend() -> None:
    assert contract(ALIASES["ES1!"], 2024, 12).roll == date(2024, 12, 12)
    # 2025-03-17 less eight days is a Sunday.
    assert contract(ALIASES["EURUSD"], 2025, 3).roll == date(2025, 3, 7)


def test_gold_has_notice_on_the_last_business_day_before_its_month_and_is_out_two_business_days_earlier() -> None:
    found = contract(ALIASES["XAUUSD"], 2024, 12)
    # November 2024 ends Fri 29; Thanksgiving is the 28th, so back from the 29th: 27, 26, 25, 22, 21.
    assert found.first_notice == date(2024, 11, 29)
    assert found.close_out == date(2024, 11, 26)
    assert found.roll == date(2024, 11, 21)


def test_notice_comes_before_good_friday_where_that_ends_the_month() -> None:
    assert contract(ALIASES["XAUUSD"], 2024, 4).first_notice == date(2024, 3, 28)
    assert contract(ALIASES["XAUUSD"], 2018, 4).first_notice == date(2018, 3, 29)


def test_the_front_contract_changes_on_the_roll_date() -> None:
    root = ALIASES["ES1!"]
    assert front(root, date(2024, 12, 11)).local_symbol == "ESZ4"
    assert front(root, date(2024, 12, 12)).local_symbol == "ESH5"
    assert after(contract(root, 2024, 12)).local_symbol == "ESH5"
    assert after(contract(ALIASES["XAUUSD"], 2024, 12)).local_symbol == "GCG5"


def test_nothing_is_opened_from_the_roll_date_on() -> None:
    found = contract(ALIASES["XAUUSD"], 2024, 12)
    assert found.takes_entries(date(2024, 11, 20))
    assert not found.takes_entries(date(2024, 11, 21))


@pytest.mark.parametrize(
    ("alias", "local"),
    [("ES1!", "ESH3"), ("nq1!", "NQH3"), ("EURUSD", "6EH3"), ("GBPUSD", "6BH3"), ("AUDUSD", "6AH3"),
     ("XAUUSD", "GCG3")],
)  # fmt: skip
def test_an_alias_is_the_front_contract_of_the_day(alias: str, local: str) -> None:
    assert resolve(alias, date(2022, 12, 28)).local_symbol == local


def test_an_unknown_alias_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"ES1!, NQ1!, EURUSD.*was 'CL1!'"):
        resolve("CL1!", date(2024, 1, 2))


def test_a_month_that_a_root_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="H, M, U, Z"):
        contract(ALIASES["ES1!"], 2024, 1)


def test_a_local_symbol_means_the_nearest_year_with_its_digit() -> None:
    found = parse_local("6EZ6", date(2026, 11, 20))
    assert found is not None
    assert found.contract_month == "202612"
    past = parse_local("ESZ5", date(2026, 1, 5))
    assert past is not None
    assert past.expiry == date(2025, 12, 19)
    assert parse_local("ESF6", date(2026, 1, 5)) is None
    assert parse_local("AAPL", date(2026, 1, 5)) is None


def test_a_root_has_one_symbol_one_code_and_the_aliases_are_the_six_big_ones() -> None:
    assert root_of("6e") is root_of("EUR") is root_of("EURUSD")
    assert root_of("CL") is None
    assert {root.code for root in ALIASES.values()} == {"ES", "NQ", "6E", "6B", "6A", "GC"}
    assert len({root.symbol for root in ROOTS}) == len({root.code for root in ROOTS}) == 12


def test_the_order_of_roots_is_kept_for_contract_numbers_are_made_from_it() -> None:
    assert " ".join(root.code for root in ROOTS) == "ES NQ 6E 6B 6A GC MES MNQ M6E M6B M6A MGC"


def test_every_contract_of_forty_years_is_rolled_before_it_must_be_left_and_ends_on_a_business_day() -> None:
    for root in ROOTS[:6]:
        for year in range(1995, 2035):
            for month in root.months:
                found = contract(root, year, month)
                last = found.close_out or found.expiry
                assert is_business_day(found.expiry)
                assert is_business_day(found.roll)
                assert found.roll < last <= found.expiry
                assert (found.first_notice is not None) is (root.family is Family.METAL)


@pytest.mark.parametrize("day", ["2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"])
def test_easter(day: str) -> None:
    assert easter(int(day[:4])) == date.fromisoformat(day)
