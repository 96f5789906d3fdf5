"""W1r through the product whole: 20 real stocks, 1990 to 2022, monthly, each rebalance one `run_cycle` with its ledger.

Nothing is compiled here: every cycle observes, decides, plans, judges each phase, trades at the simulated venue,
verifies, and writes journal, orders, record and audit file durably (SQLite, synchronous=FULL). A drawdown that halts
the account is acknowledged by the next month, as a person would.
"""

import json
import tempfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from portfolio.measure import report
from prudent import __version__
from prudent.bootstrap import Desk, open_desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import TradingState
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ports import Session
from prudent.workflows.advance import after_open
from prudent.workflows.control import Scope, resume
from prudent.workflows.cycle import at_work, run_account

ACCOUNT = "even"
CASH = Decimal(1_000_000)
WEIGHT_PERCENT = "4.9"
FIRST, LAST = date(1990, 1, 3), date(2022, 12, 28)


def opened(folder: Path) -> Desk:
    """A home at the first day of the sample with an account on equal weights of its twenty stocks."""
    create_home(folder, Wishes(start=FIRST.isoformat()))
    desk = open_desk(folder)
    targets = [{"symbol": symbol, "weight": WEIGHT_PERCENT} for symbol in priced(desk)]
    (folder / "json" / "even.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    wanted = Opening(account=ACCOUNT, cash=CASH, positions=None, mandate={"targets": "json/even.json"})
    open_account(desk, wanted)
    return open_desk(folder)


def priced(desk: Desk) -> list[str]:
    """The stocks that have a price on the desk's day: the twenty of the sample's long record."""
    stocks = [i.symbol for i in desk.instruments.all() if i.kind == "stock"]
    return [quote.symbol for quote in desk.market.quotes(stocks) if quote.price is not None]


def months(desk: Desk) -> Iterator[Session]:
    """The first session of each month."""
    month = None
    for session in desk.calendar.sessions(FIRST, LAST):
        if (session.date.year, session.date.month) != month:
            month = (session.date.year, session.date.month)
            yield session


def rebalance_monthly(desk: Desk) -> tuple[float, int]:
    """Final net liquidation and the number of fills."""
    clock = desk.clock
    assert isinstance(clock, SimulatedClock)
    fills, final = 0, CASH
    with at_work(desk):
        for session in months(desk):
            clock.move_to(max(after_open(session), clock.now()))
            if desk.ledger.state(ACCOUNT)[0] is not TradingState.ACTIVE:
                resume(desk, Scope(account=ACCOUNT), reason="acknowledged a month later")
            record = run_account(desk, ACCOUNT)
            fills += len(record.fills)
            final = record.nlv_after or final
    return float(final), fills


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = opened(Path(folder) / "home")
        report("prudent", __version__, lambda: rebalance_monthly(desk), cycles=float(len(list(months(desk)))))


if __name__ == "__main__":
    main()
