"""W10d: backtests of accounts that ask a model, run again unchanged: how many calls, and how long.

Thirteen accounts ask two passes a week for half a year of a loopback server that answers at once. Then the same is run
by a program that has just started: first as it is; then with the results deleted, so that every cycle is worked out
again from the answers that are kept; then with one account changed.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.scenarios.homes import add_account, new_home, write_mandate
from tests.scenarios.model_homes import BUY_KO, answering
from tests.servers.openai import OpenAIServer, serving

from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import backtest, prepare
from prudent.bootstrap import Desk, open_desk
from prudent.domain.performance import RunBook

ACCOUNTS, MODELS = 13, ("qwen", "nemotron")
FIRST, LAST = date(2015, 1, 5), date(2015, 7, 3)
SYMBOLS = ("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "LLY", "MRK", "MSFT", "PEP")
CASH = Decimal(10_000)
MOST_SECONDS = 1.0


def home_of(folder: Path, url: str, accounts: int) -> Path:
    """A home whose accounts have two models and a watchlist each of its own, so that no two ask the same."""
    home = new_home(folder)
    config = home / "invest.yaml"
    models = "".join(f"    {name}: {{slots: 4, seconds: 20, load_seconds: 20}}\n" for name in MODELS)
    config.write_text(f"{config.read_text()}language:\n  base_url: {url}\n  cache: prompt\n  models:\n{models}")
    for number in range(accounts):
        account = f"account{number}"
        add_account(home, account, cash=CASH)
        write_mandate(
            home, account,
            f"strategy: llm_portfolio\nmodel: {MODELS[number % len(MODELS)]}\n"
            f"parameters: {{watchlist: [KO, XOM, {SYMBOLS[number]}]}}\n",
        )  # fmt: skip
    return home


def request_of(desk: Desk, account: str, last: date) -> Request:
    return Request(mandate=desk.mandate(account), first=FIRST, last=last, cadence=Cadence.WEEKLY, cash=CASH)


Change = Callable[[Request], Request]


def all_backtests(
    home: Path, accounts: int, last: date, change: Mapping[str, Change] | None = None
) -> dict[str, RunBook]:  # fmt: skip
    """What `invest backtest` does for each account, from a desk that is opened anew."""
    desk, books = open_desk(home), {}
    for number in range(accounts):
        account = f"account{number}"
        request = request_of(desk, account, last)
        books[account] = backtest(desk, prepare(desk, (change or {}).get(account, lambda same: same)(request)))
    desk.ledger.close()
    return books


def timed(server: OpenAIServer, work: Callable[[], dict[str, RunBook]]) -> tuple[dict[str, object], dict[str, RunBook]]:
    asked, began, used = len(server.asked), perf_counter(), process_time()
    books = work()
    row = {
        "seconds": round(perf_counter() - began, 3), "cpu": round(process_time() - used, 3),
        "calls": len(server.asked) - asked,
    }  # fmt: skip
    return row, books


def must_be_same(first: dict[str, RunBook], again: dict[str, RunBook]) -> None:
    for account, book in first.items():
        if book.partial or not len(book.decisions):
            sys.exit(f"{account} must decide to its end, did not: {book.partial} {book.warnings}")
        if list(book.nav.nav) != list(again[account].nav.nav):
            sys.exit(f"{account} must have the same values when it is run again")


def more_cash(request: Request) -> Request:
    return replace(request, cash=request.cash + 1000)


def main(accounts: int = ACCOUNTS, last: date = LAST) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(answer=answering(BUY_KO)) as server:
        home = home_of(Path(folder), server.url, accounts)
        first, books = timed(server, lambda: all_backtests(home, accounts, last))
        unchanged, same = timed(server, lambda: all_backtests(home, accounts, last))
        must_be_same(books, same)
        shutil.rmtree(home / "backtests")
        answered, same = timed(server, lambda: all_backtests(home, accounts, last))
        must_be_same(books, same)
        one, _ = timed(server, lambda: all_backtests(home, accounts, last, {"account0": more_cash}))
        weeks = max(len(book.decisions) for book in books.values())
    if unchanged["calls"] or answered["calls"]:
        sys.exit(f"a run that is unchanged must ask nobody, asked {unchanged['calls']} and {answered['calls']} times")
    sys.stdout.write(json.dumps({
        "case": "W10d", "accounts": accounts, "weeks": weeks, "most": MOST_SECONDS,
        "first": first, "unchanged": unchanged, "answered": answered, "one changed": one,
    }) + "\n")  # fmt: skip


if __name__ == "__main__":
    given = sys.argv[2:]
    main(int(given[0]), date.fromisoformat(given[1])) if given else main()
