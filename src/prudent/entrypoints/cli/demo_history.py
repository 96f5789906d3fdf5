"""The history part of the demo: twenty stocks over 33 years, once as they are and once with one rule more, compared."""

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from prudent.bootstrap import Desk, open_desk
from prudent.domain.performance import Evidence
from prudent.domain.rules import RuleCategory, UserRule
from prudent.entrypoints.cli.answer import Table

if TYPE_CHECKING:
    from prudent.tearsheet.extras import BaselineRow

ACCOUNT = "stocks"
FIRST, LAST = date(1990, 1, 2), date(2022, 12, 28)
WEIGHT = "4.9"
# The index itself, which the sample has from the first day on; its dividends are not in it.
BENCHMARK = "SPX"
CASH = Decimal(100_000)
# Tenths of a second.
WAITED_FOR = 600
# One rule more: a holding that loses a quarter is sold.
RULE = UserRule(
    rule_id="sell-at-a-quarter-lost", rule_name="Sell at a quarter lost", rule_category=RuleCategory.STOP_LOSS,
    enforcement_params={"stop_loss_pct": "25"},
)  # fmt: skip
MANDATE = """\
name: Twenty stocks
targets: json/stocks.json
schedule:
  - {cron: "0 10 1 1,4,7,10 *", timezone: America/New_York}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the demo says of history, for people and for machines."""

    blocks: tuple[str | Table, ...]
    data: dict[str, object]


NOTHING = Told(blocks=(), data={})


def describe(desk: Desk) -> None:
    """Write the account and its targets: the twenty stocks with real closes over the whole record, evenly."""
    from prudent.marketdata.sample_series import STOCKS

    home = desk.home
    rows = [{"symbol": symbol, "weight": WEIGHT} for symbol in STOCKS]
    (home / "json" / "stocks.json").write_text(json.dumps({"unit": "percent", "targets": rows}), encoding="utf-8")
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(MANDATE, encoding="utf-8")


def tested(home: Path) -> Told:
    """Run both backtests side by side, write the tear sheet of the first, and compare them."""
    # A process each: they share nothing but the list of backtests.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        ids = list(pool.map(_run, (str(home), str(home)), (False, True), (FIRST, FIRST)))
    desk = open_desk(home)
    try:
        return _told(desk, ids)
    finally:
        desk.ledger.close()


def _run(home: str, with_rule: bool, first: date) -> str:  # noqa: FBT001 - mapped over by position
    from prudent.backtest.request import FillAt, Request
    from prudent.backtest.run import Playing, backtest, prepare

    desk = open_desk(Path(home))
    try:
        request = Request(
            mandate=desk.mandate(ACCOUNT), first=first, last=LAST, rules=(RULE,) if with_rule else (),
            fill=FillAt.NEXT_CLOSE, cash=CASH, benchmark=BENCHMARK,
            schedule=desk.loaded.settings.accounts[ACCOUNT].schedule,
        )  # fmt: skip
        prepared = prepare(desk, request)
        if with_rule:
            _wait_for_the_first(desk)
        return backtest(desk, prepared, Playing(open_seal=True)).id
    finally:
        desk.ledger.close()


def _wait_for_the_first(desk: Desk) -> None:
    """Run 1 is the one without the rule: the other takes its number after it."""
    for _ in range(WAITED_FOR):
        if desk.ledger.backtests.listed(ACCOUNT):
            return
        Event().wait(0.1)


def _told(desk: Desk, ids: list[str]) -> Told:
    from prudent.analytics.comparison import Arm, compare_many
    from prudent.analytics.returns import daily_returns
    from prudent.backtest.beside import extras_of
    from prudent.backtest.books import run_book
    from prudent.backtest.run import measured
    from prudent.entrypoints.cli.commands.report import REPORTS, file_name, saved, sheet_text

    books = [run_book(desk, each) for each in ids]
    plain, ruled = books
    (found,) = compare_many([Arm(id=b.id, days=b.nav.days, returns=daily_returns(b.nav).value) for b in books])
    extras = extras_of(desk, plain)
    path = desk.home / REPORTS / file_name(plain.id, "html")
    saved(path, sheet_text(plain, measured(plain), extras, "html"), plain.id, "html")
    figures = [measured(book) for book in books]
    table = Table(
        title=f"Twenty stocks, evenly, {FIRST} to {LAST}, quarterly, beside what needs no decision",
        columns=("", ">a year", ">total", ">max drawdown", ">Sharpe"),
        rows=[
            *(
                (f"{book.id}{said}", *_cells(own.cagr, own.total_return, own.max_drawdown, own.sharpe))
                for book, own, said in zip(books, figures, ("", f", with the rule {RULE.rule_name!r}"))
            ),
            *(
                (row.name, *_cells(row.cagr, row.total_return, row.max_drawdown, row.sharpe))
                for row in extras.baselines
            ),
        ],
    )
    head = (
        "HISTORY: real closes with their dividends inside, fills at the next close, costs, every guard; the year that "
        "is sealed was opened"
    )
    lines = tuple(_lines(plain.evidence, extras.baselines))
    verdict = f"did the rule help? {found.sentence}"
    blocks: tuple[str | Table, ...] = (head, table, *lines, f"tear sheet: {path}", verdict)
    data: dict[str, object] = {
        "runs": [plain.id, ruled.id], "metrics": figures, "tear_sheet": str(path), "verdict": str(found.verdict),
        "sentence": found.sentence,
    }  # fmt: skip
    return Told(blocks=blocks, data=data)


def _lines(evidence: Evidence, baselines: "Sequence[BaselineRow]") -> Iterator[str]:
    from prudent.backtest.beside import RANDOM_TRADER

    for row in baselines:
        if row.percentile is not None and row.name.startswith(RANDOM_TRADER):
            yield f"it beat {row.percentile:.0%} of 1,000 random traders with the same turnover"
    yield f"evidence {evidence.level}: {evidence.why}"


def _cells(*values: float | None) -> tuple[str, ...]:
    shown = ["—" if value is None else f"{value:.2%}" for value in values[:3]]
    return (*shown, "—" if values[3] is None else f"{values[3]:.2f}")
