"""Fundamentals of companies: live through the optional package yfinance, refused where they are not of their time."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from prudent.domain.errors import Temporary
from prudent.domain.instruments import InstrumentKind
from prudent.domain.money import from_float
from prudent.marketdata.yahoo import ticker_of
from prudent.ports import Clock, Figure, Instruments

SOURCE = "yahoo"
HOURS = 20
NO_HISTORY = "fundamentals have no history: what is known today was not known then, so none are shown on past dates"
# Ours and theirs; every one a plain ratio or fraction of the source.
FIGURES = {
    "pe": "trailingPE", "forward_pe": "forwardPE", "price_to_book": "priceToBook",
    "price_to_sales": "priceToSalesTrailing12Months", "ev_to_ebitda": "enterpriseToEbitda", "market_cap": "marketCap",
    "revenue_growth": "revenueGrowth", "earnings_growth": "earningsGrowth", "profit_margin": "profitMargins",
    "return_on_equity": "returnOnEquity", "debt_to_equity_pct": "debtToEquity", "free_cash_flow": "freeCashflow",
    "dividend_rate": "dividendRate", "beta": "beta", "consensus_1_buy_5_sell": "recommendationMean",
    "analysts": "numberOfAnalystOpinions", "target_mean": "targetMeanPrice",
}  # fmt: skip
Fetch = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class NoFundamentals:
    """`ports.Fundamentals` where there can be none, and why."""

    why_not: str = NO_HISTORY

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]:
        return ()


class YahooFundamentals:
    """`ports.Fundamentals` as Yahoo shows them now; a company is asked for again on the next day."""

    def __init__(self, clock: Clock, instruments: Instruments, folder: Path, *, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._instruments = instruments
        self._folder = folder
        self._fetch = fetch or _yfinance
        self._why_not = ""

    @property
    def why_not(self) -> str:
        """Why the last question gave nothing, or not all; empty where it gave all."""
        return self._why_not

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]:
        self._why_not = ""
        found: list[Figure] = []
        for symbol in symbols:
            instrument = self._instruments.find(symbol)
            if instrument is not None and instrument.kind is InstrumentKind.STOCK:
                found += self._of(symbol)
        return tuple(found)

    def _of(self, symbol: str) -> tuple[Figure, ...]:
        now = self._clock.now()
        kept = self._load(symbol)
        if kept is None or not timedelta(0) <= now - kept[0] < timedelta(hours=HOURS):
            if self._why_not:
                # The source is not there: the rest of the list is not waited for.
                return ()
            try:
                kept = (now, figures_of(self._fetch(symbol), now))
            except Temporary as error:
                self._why_not = str(error)
                return ()
            self._store(symbol, *kept)
        at, values = kept
        return tuple(
            Figure(symbol=symbol, name=name, value=value, as_of=at, source=SOURCE) for name, value in values.items()
        )

    def _path(self, symbol: str) -> Path:
        return self._folder / f"{symbol}.json"

    def _load(self, symbol: str) -> tuple[datetime, dict[str, Decimal | None]] | None:
        try:
            kept = json.loads(self._path(symbol).read_text(encoding="utf-8"))
            values = {str(name): None if text is None else Decimal(text) for name, text in kept["values"].items()}
            return datetime.fromisoformat(kept["asked"]), values
        except (OSError, ValueError, ArithmeticError, KeyError, TypeError, AttributeError):
            return None

    def _store(self, symbol: str, asked: datetime, values: Mapping[str, Decimal | None]) -> None:
        texts = {name: None if value is None else str(value) for name, value in values.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._path(symbol).with_suffix(".part")
            draft.write_text(json.dumps({"asked": asked.isoformat(), "values": texts}), encoding="utf-8")
            draft.replace(self._path(symbol))
        except OSError:
            # Kept only to ask the source less often.
            return


def figures_of(answer: Mapping[str, Any], now: datetime) -> dict[str, Decimal | None]:
    """Our figures from one answer of the source; None is not known, and so is what is no finite number."""
    values = {ours: _decimal(answer.get(theirs)) for ours, theirs in FIGURES.items()}
    price = _decimal(answer.get("currentPrice"))
    target = values["target_mean"]
    upside = (
        None if target is None or price is None or not price > 0 else (target / price - 1).quantize(Decimal("0.0001"))
    )
    surprise = _decimal(answer.get("surprisePercent"))
    return values | {"target_upside": upside, "last_surprise": surprise, "earnings_in_days": _days_ahead(answer, now)}


def _days_ahead(answer: Mapping[str, Any], now: datetime) -> Decimal | None:
    stamp = _decimal(answer.get("earningsTimestampStart") or answer.get("earningsTimestamp"))
    if stamp is None or not 0 < stamp < 10**11:
        return None
    days = (datetime.fromtimestamp(int(stamp), UTC).date() - now.date()).days
    return Decimal(days) if days >= 0 else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return from_float(round(float(value), 6))


def _yfinance(symbol: str) -> Mapping[str, Any]:
    # Imported on use: it is large, optional and slow to load.
    try:
        import yfinance
    except ImportError as error:
        raise Temporary("fundamentals need the extra `live`; install prudent[live]") from error
    try:
        ticker = yfinance.Ticker(ticker_of(symbol))
        answer = dict(ticker.get_info() or {})
        history = ticker.get_earnings_history()
        if history is not None and len(history) and "surprisePercent" in history:
            answer["surprisePercent"] = float(history["surprisePercent"].iloc[-1])
        return answer
    except (yfinance.exceptions.YFException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Temporary(f"yahoo gave no fundamentals of {symbol}: {type(error).__name__}; try again later") from error
