"""A run is ranked among its own holdings at other times, without a question to a model, where that says something."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tests.unit.backtest.masks import Told, home, play, request
from tests.unit.backtest.test_masked_decisions import strongest

from prudent.analytics.placebo import weights_of
from prudent.backtest.beside import beside_of
from prudent.backtest.history import history_source
from prudent.backtest.request import Cadence
from prudent.backtest.shifted import NAME, placebo
from prudent.backtest.tape import Tape
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.performance import FillTable, RunBook


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    found = home(tmp_path_factory.mktemp("shifted"))
    yield found
    found.ledger.close()


@pytest.fixture(scope="module")
def book(desk: Desk) -> RunBook:
    window = {"first": date(2020, 1, 2), "last": date(2020, 4, 3), "cadence": Cadence.WEEKLY}
    return play(desk, request(desk, "daily_momentum", anonymise=(), **window), Told(strongest))


def test_the_row_ranks_the_run_among_its_shifts_and_is_the_same_each_time(desk: Desk, book: RunBook) -> None:
    found, again = placebo(desk, book), placebo(desk, book)
    assert found.row is not None
    assert again.row is not None
    assert (again.note, again.row.percentile) == (found.note, found.row.percentile)
    assert again.row.total_return == found.row.total_return
    count = len(book.nav.days) - 9
    assert found.row.name == f"{NAME}, median of {count}"
    assert found.row.percentile is not None
    assert 0.0 <= found.row.percentile <= 1.0
    assert f"5 to {len(book.nav.days) - 5} sessions later" in found.note
    assert NAME in "".join(row.name for row in beside_of(desk, book, draws=10).rows)


def test_holdings_from_fills_are_those_that_the_account_was_valued_by(desk: Desk, book: RunBook) -> None:
    last = desk.calendar.sessions(date(2020, 4, 3), date(2020, 4, 3))[0]
    panel = Tape(history_source(desk), last).panel(book.fills.symbols, book.nav.days)
    weights = weights_of(book.nav, book.fills, panel)
    assert weights is not None
    assert weights.sum() > 0.0
    assert np.allclose(weights.sum(axis=1) * book.nav.nav, book.nav.gross, atol=1.0)


def test_where_it_says_nothing_words_stand(desk: Desk, book: RunBook) -> None:
    none = np.empty(0)
    counts = np.empty(0, dtype=np.int64)
    nothing = FillTable(
        symbols=(), causes=(), day=np.empty(0, dtype="datetime64[D]"), symbol=counts, quantity=none, price=none,
        fees=none, arrival=none, cause=counts,
    )  # fmt: skip
    short = replace(book.nav, **{
        name: getattr(book.nav, name)[:20] for name in book.nav.__slots__ if name != "opening"
    })  # fmt: skip
    for changed, why in (
        (replace(book, mode=Mode.PAPER), "taken of backtests only"),
        (replace(book, mandate=replace(book.mandate, strategy="target_weights")), "the same on every day"),
        (replace(book, fills=nothing), "it held nothing"),
        (replace(book, nav=short), "it takes 60 sessions, the run has 20"),
        (replace(book, nav=replace(book.nav, gross=book.nav.gross * 2.0)), "do not give what it held"),
    ):
        found = placebo(desk, changed)
        assert found.row is None
        assert why in found.note
