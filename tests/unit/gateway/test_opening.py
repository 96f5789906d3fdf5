"""A paper gateway that is started by its command shows play money alone."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.gateway_homes import calendar, history, open_time

from prudent.clock import SystemClock
from prudent.domain.errors import InputError
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.opening import Wishes, opened
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import ACCOUNTS, Paper
from prudent.gateway.store import open_floor_store


@pytest.mark.parametrize(("account", "refused"), [("DU7654321", False), ("U7654321", True)])
def test_a_file_with_an_account_that_could_pass_for_real_is_not_served(
    account: str, refused: bool, tmp_path: Path  # noqa: FBT001 - a parameter of the test
) -> None:
    db = tmp_path / "paper.sqlite"
    store, clock = open_floor_store(db), StepPace(open_time())
    Paper(clock, PaperMarket(clock, calendar(), history()), store=store, accounts={account: Decimal(1000)})
    store.close()
    if refused:
        with pytest.raises(InputError, match=f"must begin with D, .* has {account}"), opened(Wishes(db=db), clock):
            raise AssertionError("it was opened")
    else:
        with opened(Wishes(db=db), SystemClock()) as found:
            assert account in found.paper.floor.accounts


def test_the_accounts_that_a_new_one_begins_with_are_play_money() -> None:
    assert all(account.startswith("D") for account in ACCOUNTS)
