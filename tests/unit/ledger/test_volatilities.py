"""Implied volatilities in the ledger: one of a symbol and session, the first, in the order of sessions."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.contract.ledger_build import MONDAY, d

from prudent.domain.errors import InputError
from prudent.ledger import open_ledger

DAY = date(2022, 12, 27)


def test_the_first_of_a_session_stands_and_is_still_there_in_the_next_process(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    note = ledger.volatilities.note
    assert note({"SPY": d("0.21"), "AAPL": d("0.4")}, session=DAY, source="ibkr", at=MONDAY) == ("AAPL", "SPY")
    assert note({"SPY": d("0.99"), "MSFT": d("0.3")}, session=DAY, source="ibkr", at=MONDAY) == ("MSFT",)
    assert note({}, session=DAY, source="ibkr", at=MONDAY) == ()
    ledger.close()
    again = open_ledger(tmp_path / "ledger.sqlite")
    assert again.volatilities.stored(DAY) == {"AAPL", "MSFT", "SPY"}
    (row,) = again.volatilities.last("SPY", count=5, until=DAY)
    assert (row.implied, row.session, row.source, row.at) == (d("0.21"), DAY, "ibkr", MONDAY)
    again.close()


def test_the_last_ones_come_oldest_first_and_none_from_after_the_day(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    for n in range(6):
        value = {"SPY": d("0.1") + n}
        ledger.volatilities.note(value, session=DAY + timedelta(days=n), source="ibkr", at=MONDAY)
    found = ledger.volatilities.last("SPY", count=3, until=DAY + timedelta(days=4))
    assert [row.implied for row in found] == [d("2.1"), d("3.1"), d("4.1")]
    assert ledger.volatilities.last("KO", count=3, until=DAY) == ()
    ledger.close()


@pytest.mark.parametrize("wrong", ["0", "-0.2", "NaN"])
def test_what_is_no_volatility_is_refused_with_all_that_came_with_it(tmp_path: Path, wrong: str) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    with pytest.raises(InputError, match="KO must be above 0"):
        ledger.volatilities.note({"AAPL": d("0.3"), "KO": d(wrong)}, session=DAY, source="ibkr", at=MONDAY)
    assert ledger.volatilities.stored(DAY) == frozenset()
    ledger.close()
