"""What a backtest will ask of a paid model is said before it asks, and refused where the budget would end it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from prudent.backtest.estimate import Estimate, check_budget, estimate
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import prepare
from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import OverBudget

CONFIG = """\
schema_version: 1
mode: paper
data: {source: sample}
clock: {start: 2022-11-28}
language:
  base_url: http://127.0.0.1:9
  budget: {tokens_per_day: 500000, money_per_day: 1}
  models:
    paid: {price_in: 3, price_out: 15}
accounts:
  thinker:
    {strategy: llm_portfolio, class: autonomous, model: paid, parameters: {style: momentum, watchlist: [AAPL, KO]}}
  plain: {strategy: llm_portfolio, class: autonomous, parameters: {style: momentum, watchlist: [AAPL, KO]}}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "data").mkdir()
    (tmp_path / "invest.yaml").write_text(CONFIG)
    found = open_desk(tmp_path)
    yield found
    found.ledger.close()


def expected(desk: Desk, account: str, last: date, cadence: Cadence) -> Estimate | None:
    request = Request(mandate=desk.mandate(account), first=date(2015, 1, 2), last=last, cadence=cadence)
    return estimate(desk, prepare(desk, request))


def test_calls_tokens_and_cost_are_told_and_that_they_are_guessed(desk: Desk) -> None:
    found = expected(desk, "thinker", date(2015, 3, 31), Cadence.MONTHLY)
    assert found is not None
    # Three month ends, two passes each, of 4,000 tokens in and 800 out.
    assert (found.calls, found.tokens) == (6, 6 * 4_800)
    assert found.cost == Decimal(6) * (3 * 4_000 + 15 * 800) / 1_000_000
    assert "a guess: it was never asked here" in found.in_words()
    check_budget(desk, found)


def test_what_the_budget_of_a_day_cannot_pay_is_refused_before_the_first_call(desk: Desk) -> None:
    found = expected(desk, "thinker", date(2015, 12, 31), Cadence.DAILY)
    assert found is not None
    with pytest.raises(OverBudget, match=r"a day allows 500,000 and 1\.00; shorten the window"):
        check_budget(desk, found)


def test_rules_cost_nothing(desk: Desk) -> None:
    assert expected(desk, "plain", date(2015, 3, 31), Cadence.DAILY) is None
