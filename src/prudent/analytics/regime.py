"""The regime of the market by rule: features of an index, a label a session with hysteresis, and when it changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from prudent.analytics.technical import adx, sma
from prudent.domain.reasoning import Regime
from prudent.ports import Floats

SESSIONS_A_YEAR = 252
LONG, SHORT, QUARTER = 200, 50, 63
VOLATILITY_SESSIONS = 20
SLOPE_SESSIONS = 20
# The weight of what lies further back in a Wilder average of 14 is below 1 in 30,000.
ADX_SESSIONS = 160
MIN_SESSIONS = LONG
# Enough for a year of labels, each with a year of its own before it.
HISTORY = 2 * SESSIONS_A_YEAR + VOLATILITY_SESSIONS

VIX_IN, VIX_OUT = 30.0, 25.0
SPREAD_IN, SPREAD_OUT = 0.95, 0.85
BELOW, ABOVE = 0.98, 1.02
DEEP_FALL = -0.20
CONFIRMED_BY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the rule looks at in one session; NaN is not known. `volatility_rank` is of the last year, 0 to 1."""

    close: float
    short_average: float
    long_average: float
    quarter_return: float
    year_drawdown: float
    volatility_rank: float = float("nan")
    vix: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRegime:
    """The rule's word: the label in force, `raw` the last session's own, and how far to trust it.

    `confidence` is the share of the last five sessions that said the same; 0 with too little history. `flags`:
    `insufficient_history`, `no_vix`.
    """

    label: Regime
    raw: Regime
    trend: str
    volatility: str
    sessions: int
    confidence: float
    flags: tuple[str, ...] = ()


def calm_label(reading: Reading) -> Regime:
    """The label of one session apart from its volatility."""
    close, short, long = reading.close, reading.short_average, reading.long_average
    if close < BELOW * long and (short < long or reading.year_drawdown <= DEEP_FALL):
        return Regime.BEAR
    if close > ABOVE * long and short > long and reading.quarter_return > 0.0:
        return Regime.BULL
    return Regime.SIDEWAYS


def is_wild(reading: Reading, *, before: bool) -> bool:
    """True in a session of high volatility: it begins at high thresholds and ends only below lower ones."""
    entered = reading.vix >= VIX_IN or reading.volatility_rank >= SPREAD_IN
    if not before:
        return entered
    vix_calm = reading.vix < VIX_OUT or np.isnan(reading.vix)
    spread_calm = reading.volatility_rank < SPREAD_OUT or np.isnan(reading.volatility_rank)
    return not (vix_calm and spread_calm)


def trend_of(reading: Reading) -> str:
    """UP, DOWN or FLAT, whatever the volatility."""
    return {Regime.BULL: "UP", Regime.BEAR: "DOWN"}.get(calm_label(reading), "FLAT")


def rule_regime(readings: Sequence[Reading], *, sessions: int) -> RuleRegime:
    """The regime after the last of `readings` (one a session, ascending); `sessions` is how many bars there were.

    A label changes once two sessions in a row say so; high volatility is entered at once.
    """
    if not readings or sessions < MIN_SESSIONS or not np.isfinite(readings[-1].long_average):
        return RuleRegime(
            label=Regime.SIDEWAYS, raw=Regime.SIDEWAYS, trend="FLAT", volatility="UNKNOWN", sessions=sessions,
            confidence=0.0, flags=("insufficient_history",),
        )  # fmt: skip
    raw: list[Regime] = []
    wild = False
    for reading in readings:
        wild = is_wild(reading, before=wild)
        raw.append(Regime.HIGH_VOLATILITY if wild else calm_label(reading))
    last = readings[-1]
    recent = raw[-5:]
    label = confirmed(raw)
    return RuleRegime(
        label=label, raw=raw[-1], trend=trend_of(last), volatility="HIGH" if wild else "NORMAL", sessions=sessions,
        confidence=sum(each is label for each in recent) / len(recent),
        flags=("no_vix",) if np.isnan(last.vix) else (),
    )  # fmt: skip


def confirmed(raw: Sequence[Regime]) -> Regime:
    """The label in force after sessions that each said one."""
    label, waiting, count = raw[0], raw[0], 0
    for each in raw:
        count = count + 1 if each is waiting else 1
        waiting = each
        if each is Regime.HIGH_VOLATILITY or count >= CONFIRMED_BY:
            label = each
    return label


def readings_of(close: Floats, vix: Floats) -> tuple[Reading, ...]:
    """One reading for each session of `close[t]` that has its long average; `vix[t]` may be NaN."""
    if len(close) < MIN_SESSIONS:
        return ()
    short, long = sma(close[:, None], SHORT, LONG)[:, :, 0]
    quarter, fall, rank = change_over(close, QUARTER), drawdown(close, SESSIONS_A_YEAR), rank_of(volatility(close))
    return tuple(
        Reading(
            close=float(close[t]), short_average=float(short[t]), long_average=float(long[t]),
            quarter_return=float(quarter[t]), year_drawdown=float(fall[t]), volatility_rank=float(rank[t]),
            vix=float(vix[t]),
        )
        for t in range(LONG - 1, len(close))
    )  # fmt: skip


def change_over(values: Floats, sessions: int) -> Floats:
    """The return over so many sessions, NaN before there are that many."""
    out = np.full(len(values), np.nan)
    if len(values) > sessions:
        out[sessions:] = values[sessions:] / values[:-sessions] - 1.0
    return out


def drawdown(close: Floats, sessions: int) -> Floats:
    """How far each close is below the highest of the last `sessions`, or of those there are; 0 or below."""
    padded = np.concatenate((np.full(sessions - 1, -np.inf), close))
    highest = sliding_window_view(padded, sessions).max(axis=1)
    below: Floats = close / highest - 1.0
    return below


def volatility(close: Floats, sessions: int = VOLATILITY_SESSIONS) -> Floats:
    """Annualised standard deviation of the daily log returns of the last `sessions`."""
    out = np.full(len(close), np.nan)
    if len(close) > sessions:
        moves = np.diff(np.log(close))
        out[sessions:] = sliding_window_view(moves, sessions).std(axis=1, ddof=1) * np.sqrt(SESSIONS_A_YEAR)
    return out


def rank_of(values: Floats, sessions: int = SESSIONS_A_YEAR) -> Floats:
    """The share of the last `sessions` values, itself included, that are at or below each; NaN without a full year."""
    out = np.full(len(values), np.nan)
    known = int(np.argmax(np.isfinite(values))) if np.isfinite(values).any() else len(values)
    if len(values) - known >= sessions:
        windows = sliding_window_view(values[known:], sessions)
        out[known + sessions - 1 :] = np.mean(windows <= windows[:, -1:], axis=1)
    return out


def efficiency(close: Floats, sessions: int = 20) -> float:
    """Net move over path length of the last `sessions` changes, 0 to 1; NaN where nothing moved."""
    if len(close) <= sessions:
        return float("nan")
    part = close[-sessions - 1 :]
    path = float(np.sum(np.abs(np.diff(part))))
    return abs(float(part[-1] - part[0])) / path if path > 0.0 else float("nan")


def choppiness(high: Floats, low: Floats, close: Floats, sessions: int = 14) -> float:
    """100 x log10(sum of true ranges / span) / log10(sessions): near 100 sideways, near 0 in a straight trend."""
    if len(close) <= sessions:
        return float("nan")
    before = close[-sessions - 1 : -1]
    top, bottom = np.maximum(high[-sessions:], before), np.minimum(low[-sessions:], before)
    span = float(high[-sessions:].max() - low[-sessions:].min())
    reach = float(np.sum(top - bottom))
    if not (span > 0.0 and reach > 0.0):
        return float("nan")
    return 100.0 * float(np.log10(reach / span)) / float(np.log10(sessions))


def last_adx(high: Floats, low: Floats, close: Floats) -> float:
    """ADX of the last bar; NaN with too few."""
    if not len(close):
        return float("nan")
    tops, bottoms, ends = (each[-ADX_SESSIONS:, None] for each in (high, low, close))
    return float(adx(tops, bottoms, ends)[0, -1, 0])


def index_features(close: Floats) -> dict[str, float]:
    """The features of an index's closes up to the last; NaN where there are too few."""
    if len(close) == 0:
        return {}
    short, long = sma(close[-LONG - SLOPE_SESSIONS :, None], SHORT, LONG)[:, :, 0]
    spread = volatility(close)
    return {
        "close_to_sma50": float(close[-1] / short[-1]),
        "close_to_sma200": float(close[-1] / long[-1]),
        "sma50_to_sma200": float(short[-1] / long[-1]),
        "slope_sma200_20d": float(change_over(long, SLOPE_SESSIONS)[-1]),
        "return_21": float(change_over(close, 21)[-1]),
        "return_63": float(change_over(close, QUARTER)[-1]),
        "return_252": float(change_over(close, SESSIONS_A_YEAR)[-1]),
        "drawdown_252": float(drawdown(close, SESSIONS_A_YEAR)[-1]),
        "volatility_20": float(spread[-1]),
        "volatility_rank_1y": float(rank_of(spread)[-1]),
        "efficiency_20": efficiency(close),
    }
