"""The thirteen accounts of a new home as text: six strategies, each for two model families, and the research agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FAMILIES = {"qwen3_next": "Qwen3-Next", "nemotron": "Nemotron"}
FIRST, SECOND = FAMILIES
RESEARCH = "research"
NO_OPTIONS = "options strategies are not part of this release; the account waits here for them"
Kind = Literal["core", "value", "momentum", "intraday"]

# What the sample has prices of, and what a live source has.
_SAMPLE: dict[Kind, tuple[str, ...]] = {
    "core": ("SPY", "QUAL", "USMV", "MTUM", "SIZE", "AAPL", "MSFT", "JNJ", "JPM", "PG", "XOM", "UNH", "HD"),
    "value": ("VLUE", "USMV", "SPY", "JPM", "BAC", "CVX", "XOM", "JNJ", "MRK", "PFE", "PG", "KO", "PEP"),
    "momentum": ("MTUM", "SPY", "AAPL", "MSFT", "AMD", "LLY", "MRK", "UNH", "CVX", "XOM", "GE", "BBY", "WMT"),
    "intraday": ("SPY", "AAPL", "MSFT", "AMD", "JPM", "BAC", "XOM", "CVX"),
}
_LIVE: dict[Kind, tuple[str, ...]] = {
    "core": ("VTI", "VXUS", "BND", "SCHD", "VNQ", "QQQ", "AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "JPM", "JNJ",
             "PG", "UNH", "V", "COST"),
    "value": ("VTV", "SCHD", "VLUE", "BRK.B", "JPM", "BAC", "CVX", "XOM", "JNJ", "MRK", "PFE", "PG", "KO", "PEP",
              "CSCO", "INTC"),
    "momentum": ("MTUM", "QQQ", "SPY", "NVDA", "AVGO", "META", "AMZN", "LLY", "AMD", "NFLX", "TSLA", "CRM", "ORCL",
                 "UBER", "COST", "GE"),
    "intraday": ("SPY", "QQQ", "AAPL", "MSFT", "NVDA", "AMD", "TSLA", "META", "AMZN", "JPM"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One row of the table: both accounts of the pair have everything but model and time in common."""

    id: str
    name: str
    about: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    body: str
    watchlist: Kind | None = None


def _portfolio(style: str, words: str, mix: tuple[int, int], limits: tuple[int, int, int, int, int]) -> str:
    """The body of an `llm_portfolio` account; limits: position, trades, stop, holding days, sector."""
    position, trades, stop, days, sector = limits
    funds, stocks = mix
    return f"""\
    class: autonomous
    strategy: llm_portfolio
    parameters:
      style: {style}
{words}
      funds: {funds}%
      stocks: {stocks}%
      research: research
      watchlist: {{watchlist}}
    limits:
      max_position_weight: {position}%
      max_sector_weight: {sector}%
      # The platform keeps 10 % whatever stands here; half a percent more keeps orders away from that edge.
      cash_min: 10.5%
    strategy_limits: {{{{max_trades_per_cycle: {trades}, min_holding_days: {days}}}}}
    exits: {{{{stop_loss: {stop}%}}}}
    planning: {{{{buffer: 0.5%, unlisted: keep}}}}
"""


def _words(description: str, horizon: str, risk: str, metrics: str) -> str:
    return (
        f"      description: {description}\n      horizon: {horizon}\n      risk_profile: {risk}\n"
        f"      preferred_metrics: [{metrics}]"
    )


_OPTIONS = """\
    class: autonomous
    strategy: {strategy}
    enabled: false
    disabled_because: {because}
    parameters: {{{parameters}}}
    limits: {{cash_min: 40%}}
"""
STRATEGIES = (
    Strategy(
        id="weekly_balanced", name="Weekly balanced", watchlist="core",
        about="core-satellite: 60 % funds, 30 % stocks, 10 % cash; Sundays, so its orders go at Monday's open",
        first=("0 20 * * sun",), second=("20 20 * * sun",),
        body=_portfolio(
            "core_satellite",
            _words("broad funds as the core, quality large companies around it", "months to years", "balanced",
                   "diversification, trend over 200 days, earnings stability"),
            (60, 30), (20, 5, 15, 14, 40),
        ),
    ),
    Strategy(
        id="monthly_value", name="Monthly value", watchlist="value",
        about="value: 40 % funds, 50 % stocks, 10 % cash; on the first of the month",
        first=("0 20 1 * *",), second=("40 20 1 * *",),
        body=_portfolio(
            "value",
            _words("companies below what they are worth, bought slowly and held", "one to five years", "conservative",
                   "price to earnings, price to book, free cash flow, dividend yield"),
            (40, 50), (15, 3, 20, 30, 35),
        ),
    ),
    Strategy(
        id="daily_momentum", name="Daily momentum", watchlist="momentum",
        about="momentum: 20 % funds, 70 % stocks, 10 % cash; every weekday in the New York session",
        first=("0 18 * * mon-fri",), second=("20 18 * * mon-fri",),
        body=_portfolio(
            "momentum",
            _words("strong names in strong sectors while they are strong", "days to weeks", "aggressive",
                   "returns over 21 and 63 days, distance to the 50-day average, relative strength"),
            (20, 70), (25, 3, 8, 1, 50),
        ),
    ),
    Strategy(
        id="wheel", name="Wheel", about="cash-secured puts and covered calls",
        first=("20 18 * * thu",), second=("40 18 * * thu",),
        body=_OPTIONS.format(
            strategy="wheel", because=NO_OPTIONS, parameters="cash_reserve: 40%, earnings_blackout_days: 7"
        ),
    ),
    Strategy(
        id="vertical_spreads", name="Vertical spreads", about="credit spreads, closed at 50 % or 3 days to expiry",
        first=("0 19 * * thu",), second=("20 19 * * thu",),
        body=_OPTIONS.format(
            strategy="vertical_spreads", because=NO_OPTIONS,
            parameters="cash_reserve: 40%, close_at_days_to_expiry: 3, take_profit: 50%",
        ),
    ),
    Strategy(
        id="intraday_momentum", name="Intraday momentum", watchlist="intraday",
        about="within the session, every 30 minutes, flat by the close",
        first=("*/30 15-20 * * mon-fri", "0 21 * * mon-fri", "close-5m"),
        second=("15,45 15-20 * * mon-fri", "15 21 * * mon-fri", "close-5m"),
        body="""\
    class: autonomous
    strategy: intraday
    parameters:
      min_order: 50
      pass0_confidence: 0.6
      cost_break_even: 2
      max_trades: 2
      min_holding_minutes: 120
      stop_loss: 3%
      research: research
      watchlist: {watchlist}
    limits:
      max_position_weight: 15%
      max_sector_weight: 50%
      cash_min: 20%
    strategy_limits: {{max_trades_per_cycle: 2}}
    exits: {{stop_loss: 3%, reentry_days: 0}}
    planning: {{buffer: 0.5%, unlisted: keep, min_trade_notional: 50}}
""",
    ),
)  # fmt: skip
_RESEARCH = """\
  # The research agent: a brief before the open, which the others read from their next cycle on. It never trades.
  {id}:
    name: Research
    class: autonomous
    strategy: research
    model: {model}
    parameters:
      watchlist: {watchlist}
    limits: {{max_trades_per_day: 0}}
    schedule:
      - {{cron: "0 14 * * mon-fri", timezone: {zone}}}
"""
_HEAD = """\
# Thirteen accounts on two model families: what differs within a pair is the model alone. Both accounts of a pair decide
# on one frozen observation when the first is due; the second time counts where the `pair` lines are taken out.
# The limits are enforced by code, whatever a model says. custom_rules (a list) are compiled to rules of that kind, and
# `invest config show` tells which are; custom_instructions (text) is guidance that binds nobody.
accounts:
"""


def accounts_text(*, live: bool, zone: str) -> str:
    """The section `accounts` of `invest.yaml`; watchlists of a live source, or of what the sample has."""
    lists = _LIVE if live else _SAMPLE
    parts = [_HEAD]
    for strategy in STRATEGIES:
        parts.append(f"  # {strategy.about}\n")
        for model, suffix, times in ((FIRST, "", strategy.first), (SECOND, f"_{SECOND}", strategy.second)):
            watchlist = _listed(lists[strategy.watchlist]) if strategy.watchlist else ""
            body = strategy.body.format(watchlist=watchlist) if strategy.watchlist else strategy.body
            parts.append(
                f"  {strategy.id}{suffix}:\n    name: {strategy.name}, {FAMILIES[model]}\n    model: {model}\n"
                f"    pair: {strategy.id}\n{body}    schedule:\n{_times(times, zone)}\n"
            )
    known = tuple(dict.fromkeys(symbol for each in lists.values() for symbol in each))
    parts.append(_RESEARCH.format(id=RESEARCH, model=FIRST, watchlist=_listed(known), zone=zone))
    return "".join(parts)


def _listed(symbols: Sequence[str]) -> str:
    return f"[{', '.join(symbols)}]"


def _times(times: Sequence[str], zone: str) -> str:
    """Cron lines in the zone; a time relative to the session needs none."""
    lines = (f'{{cron: "{each}", timezone: {zone}}}' if " " in each else f"{{at: {each}}}" for each in times)
    return "".join(f"      - {line}\n" for line in lines)
