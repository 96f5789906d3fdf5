"""`run_backtest` for Python: one account described as in `invest.yaml`, without a home."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.domain.errors import InputError

if TYPE_CHECKING:
    from prudent.domain.performance import RunBook
    from prudent.ports import LanguageModel

ACCOUNT = "backtest"


def run_backtest(  # noqa: PLR0913 - one keyword per thing that a caller may decide
    account_config: Mapping[str, object],
    first: str | date,
    last: str | date,
    model: "LanguageModel | str | None" = None,
    on_progress: Callable[[int, int, date], None] | None = None,
    *,
    data: str = "",
    cadence: str = "account",
    fill: str = "next_open",
    initial_cash: Decimal | int | str = Decimal(10_000),
    benchmark: str = "SPY",
    targets: Mapping[str, object] | None = None,
    session: str = "regular",
    path: str = "auto",
) -> "RunBook":
    """Backtest one account and give its book; nothing is kept.

    `account_config` holds the keys of an account in `invest.yaml`. `model` is a language model, or `rules` (also the
    default). `data` is `sample`, `yahoo`, or a folder of daily files; by default the sample where it covers the window,
    else Yahoo. `targets` may hold weights by symbol (fractions, or percent text) instead of a file of them.
    `session` is the part of the day, `pre`, `regular` or `after`, in which a cadence of minutes decides.
    `path` is `rows` or `columns` where one of the two ways to run it is wanted, which give the same to the cent.
    `on_progress` is called after each session with how many are done, how many there are, and the day.

    Raises:
        InputError: the window, a weight or the configuration is wrong.
        DeskError: the source has no such history, or cannot be reached.
    """
    from prudent.backtest.homeless import run_homeless

    days = tuple(_day(each, name) for each, name in ((first, "first"), (last, "last")))
    with tempfile.TemporaryDirectory(prefix="prudent-backtest-") as folder:
        return run_homeless(
            Path(folder), dict(account_config), days[0], days[1], model=model, progress=on_progress, data=data,
            cadence=cadence, fill=fill, cash=Decimal(initial_cash), benchmark=benchmark, targets=targets,
            session=session, path=path,
        )  # fmt: skip


def _day(value: str | date, name: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InputError(f"{name} must be a date like 2015-01-31, was {value!r}; correct it") from None
