"""SQL over the ledger of a backtest in columns: tables that are read when a query needs them, and no further."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prudent.backtest.columnar import DECISIONS, NAV, ORDERS, TABLES, VERDICTS, blocks_of, polars
from prudent.domain.errors import InputError, StoreError

FILLS = "fills"
# The dialect can read any file, which is not what a look into one backtest is for.
READS_FILES = re.compile(r"\b(read|scan)_[a-z]+", re.IGNORECASE)
ASKS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
VIEWS = (ORDERS, FILLS, DECISIONS, NAV, VERDICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a query; `more` says that there are rows beyond those asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


def views_of(folder: Path) -> Mapping[str, Any]:
    """The tables by name as frames of which nothing is read yet; `fills` are the orders that traded.

    Raises:
        StoreError: there is no ledger, or its chain was changed or never finished.
    """
    pl = polars()
    files: dict[str, list[Path]] = {name: [] for name in TABLES}
    for block in blocks_of(folder):
        files[block.table].append(folder / block.file)
    missing = [each.name for paths in files.values() for each in paths if not each.is_file()]
    if missing:
        raise StoreError(f"the ledger in {folder} must have {', '.join(missing[:3])}, has not; run the backtest again")
    found = {name: pl.scan_ipc(paths) for name, paths in files.items() if paths}
    side = pl.when(pl.col("planned") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
    fills = found[ORDERS].filter(pl.col("filled") > 0)
    return {**found, FILLS: fills.select(
        "batch", pl.col("traded").alias("day"), "symbol", side.alias("side"), pl.col("filled").alias("quantity"),
        "price", "fee",
    )}  # fmt: skip


def asked(folder: Path, sql: str, *, most: int) -> Found:
    """The first `most` rows of a query.

    Raises:
        InputError: it is no query over these tables.
        StoreError: the ledger cannot be read.
    """
    pl = polars()
    if READS_FILES.search(sql):
        raise InputError("the query must read the tables of this backtest only, names a function that reads files")
    views = views_of(folder)
    if not ASKS.match(sql):
        raise InputError(
            f"the query must be SQL over {', '.join(views)} that begins with select or with, was {sql.strip()[:40]!r}; "
            "nothing here can be changed"
        )
    try:
        frame = pl.SQLContext(views, eager=False).execute(sql).head(most + 1).collect()
    except pl.exceptions.PolarsError as error:
        first = str(error).partition("\n")[0]
        raise InputError(
            f"the query must be SQL over {', '.join(views)}, was refused: {first}; correct it, a table's columns are "
            "those of `select * from TABLE limit 1`"
        ) from error
    rows = tuple(frame.head(most).rows())
    return Found(columns=tuple(frame.columns), rows=rows, more=frame.height > most)
