"""The list of guards of one account: platform constants, account limits, user rules and strategy limits, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from prudent.domain.accounts import AccountClass, Mode, TradingState
from prudent.domain.cycles import Interlock
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.rules import UserRule
from prudent.domain.verdicts import GuardLabel, Layer
from prudent.guards import feeds, judges_book, judges_data, judges_loss, judges_margin
from prudent.guards.arithmetic import NAN
from prudent.guards.evaluate import Judge
from prudent.guards.user_rules import rule_limits

# Platform constants: no setting, argument or rule loosens them.
RESERVE_FLOOR = {
    AccountClass.AUTONOMOUS: Decimal("0.10"),
    AccountClass.DIRECTED: ZERO,
    AccountClass.MARGIN: Decimal("0.10"),
}
POSITION_WEIGHT_MAX = Decimal("0.50")
ORDER_WEIGHT_MAX = Decimal("0.50")
TRADES_PER_DAY_MAX = Decimal(200)
DAILY_LOSS_MAX = Decimal("0.02")
DRAWDOWN_MAX = Decimal("0.25")
PRICE_COLLAR = Decimal("0.10")
PRICE_LEVEL_MIN = Decimal("5.00")
ADV_DOLLARS_MIN = Decimal(100_000)
ADV_SESSIONS_MIN = 15.0
PARTICIPATION_MAX = Decimal("0.05")
SPREAD_MAX = Decimal("0.05")
MARKET_ORDER_SPREAD_MAX = Decimal("0.01")
SOURCES_APART_MAX = Decimal("0.03")
PRICE_JUMP_MAX = Decimal("0.20")
PRICE_JUMP_LOCK = 0.35
CLOCK_SKEW_SECONDS_MAX = Decimal(10)
ORDERS_PER_SECOND_MAX = Decimal(10)
LIVE_ORDERS_PER_SIDE_MAX = 15.0
UNKNOWN_ORDERS_MAX = Decimal(3)
REJECTS_PER_MINUTE_MAX = Decimal(5)
ROUND_TRIPS_MAX = 3.0
DECIDER_FAILURES_MAX = Decimal(3)
REFUSED_SHARE_MAX = 0.5
# A live price is fresh for seconds; delayed sources of virtual accounts for twenty minutes; a historical session's
# price at its own time, whatever the bar.
PRICE_AGE_SECONDS_MAX = {
    Mode.OFF: Decimal(5), Mode.LIVE: Decimal(5), Mode.PAPER: Decimal(1200), Mode.DRY_RUN: Decimal(1200),
    Mode.BACKTEST: Decimal(86_400),
}  # fmt: skip
FX_AGE_SECONDS_MAX = {
    Mode.OFF: Decimal(60), Mode.LIVE: Decimal(60), Mode.PAPER: Decimal(86_400), Mode.DRY_RUN: Decimal(86_400),
    Mode.BACKTEST: Decimal(86_400),
}  # fmt: skip
# The shortest cycle of a target-weight account is a day.
DECISION_AGE_SECONDS_MAX = Decimal(86_400)

# Account defaults where a model decides; a person's account has none of them.
POSITION_WEIGHT_DEFAULT = Decimal("0.20")
SECTOR_WEIGHT_DEFAULT = Decimal("0.40")
COLLAR_DEFAULT = Decimal("0.05")
BOOTSTRAP_CASH_SHARE = Decimal("0.80")

INTERLOCKS = {
    "M01": "TradingMode", "M02": "MasterSwitch", "M03": "ExecutionEnabled", "M04": "NoKillSwitch",
    "M05": "AutoTradeOrConfirmed", "M06": "Armed", "M07": "EndpointMatchesMode", "M08": "LeaseHeld",
    "M09": "Reconciled", "M10": "SameBuildAndConfiguration",
}  # fmt: skip
# Interlocks that must be told: a mode that sends nothing needs none, but one that is told unsatisfied still stops.
INTERLOCKS_NEEDED = {
    Mode.OFF: frozenset(INTERLOCKS),
    Mode.LIVE: frozenset(INTERLOCKS),
    Mode.PAPER: frozenset({"M01", "M04", "M08", "M09", "M10"}),
    Mode.DRY_RUN: frozenset[str](),
    Mode.BACKTEST: frozenset[str](),
}

# Every built-in guard that some account can have, by id; interlocks and user rules come on top.
BUILT_IN = {
    "M00": "TradingStateAllows",
    **INTERLOCKS,
    "D01": "ValidOrder",
    "D02": "KnownInstrument",
    "D03": "InUniverse",
    "D04": "MarketOpen",
    "D05": "FreshPrice",
    "D06": "SanePrice",
    "D07": "SourcesAgree",
    "D08": "NoPriceJump",
    "D09": "PriceCollar",
    "D09.L1": "PriceCollarDefault",
    "D10": "MarketOrderSpread",
    "D11": "NoPennyStock",
    "D12": "AverageVolume",
    "D13": "Participation",
    "D14": "SectorKnown",
    "D15": "FreshFxRate",
    "D16": "FreshDecision",
    "D17": "ClocksAgree",
    "D18": "OutsideNoticeWindow",
    "P01": "NoNegativeCash",
    "P02": "MinimumCashReserve",
    "P03": "CashRange",
    "P04": "NoOversell",
    "P05": "NoUncoveredCover",
    "P06": "NoShort",
    "P07": "MaxPositionWeightHard",
    "P08": "MaxPositionWeight",
    "P08.L3": "StrategyPositionWeight",
    "P09": "MaxSectorWeight",
    "P11": "MaxGrossExposure",
    "P12": "MaxOrderWeight",
    "P12.L1": "MaxOrderNotional",
    "P15": "MaxInitialMargin",
    "P15.X": "MinExcessLiquidity",
    "P16": "MaxTurnoverPerCycle",
    "P17": "MaxTradesPerCycle",
    "P17.L3": "StrategyTradesPerCycle",
    "P18": "MaxTradesPerDay",
    "P18.L0": "MaxTradesPerDayHard",
    "P19": "Bootstrap",
    "P20": "MinimumHolding",
    "P21": "CorrelatedPair",
    "P23": "NoSelfCross",
    "P24": "ReentryWait",
    "P25": "RollsTogether",
    "X01": "MaxDailyLossHard",
    "X01.L1": "MaxDailyLoss",
    "X02": "DrawdownCut",
    "X03": "DrawdownHalt",
    "X06": "OrderAnomaly",
    "X07": "DeciderAnomaly",
    "R01": "NoDuplicate",
    "R02": "OrderRate",
    "R04": "NoUnknownOrder",
}
# The trading state that an account falls to when a guard fires, until a person resumes it. A daily loss is not among
# them: the ledger latches it for the session, and the next one trades again.
SETS_STATE = {
    "D17": TradingState.REDUCING,
    "R04": TradingState.REDUCING,
    "X03": TradingState.REDUCING,
    "X06": TradingState.HALTED,
    "X07": TradingState.REDUCING,
}
_LAYER_ORDER = tuple(Layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRow:
    """One guard: its label, the judge that speaks for it, its numbers, and the feeds it cannot do without.

    `told` is False for an interlock that the mode does not need and nobody told. `rule` narrows the guard to the
    instruments of a user rule, `approved` to those that are not on its list, `only` to what is named on it. `symbols`
    are those that it speaks for, None all.
    `sets` is the trading state that the account falls to when the guard fires.
    """

    label: GuardLabel
    judge: Judge
    limit: float = 0.0
    second: float = 0.0
    feeds: frozenset[str] = frozenset()
    told: bool = True
    rule: UserRule | None = None
    approved: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    symbols: frozenset[str] | None = None
    sets: TradingState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """What gives a batch guards that others do not have.

    `closing` are contract months that may only be closed; None: no futures are there. `margin` True: its venue tells
    of margin.
    """

    closing: frozenset[str] | None = None
    margin: bool = False


ORDINARY = Special()


def guard_rows(
    mandate: Mandate, rules: Sequence[UserRule] = (), *,
    mode: Mode = Mode.PAPER, interlocks: Sequence[Interlock] = (), at: datetime | None = None,
    special: Special = ORDINARY,
) -> tuple[GuardRow, ...]:  # fmt: skip
    """The guards of an account in the order of their layers. `at` is the moment that rules on time look at."""
    rows = [
        *_mode_rows(mode, interlocks),
        *_data_rows(mode),
        *_platform_rows(mandate, mode),
        *_future_rows(special.closing),
        *_loss_rows(),
        *_account_rows(mandate),
        *(_margin_rows(mandate) if special.margin else ()),
        *_rule_rows(rules, at),
        *_strategy_rows(mandate),
    ]
    return tuple(sorted(rows, key=lambda row: _LAYER_ORDER.index(row.label.layer)))


def _row(
    guard: str, layer: Layer, judge: Judge, limit: Decimal | None = None, *,
    second: float = 0.0, needs: tuple[str, ...] = (),
) -> GuardRow:  # fmt: skip
    return GuardRow(
        label=GuardLabel(id=guard, name=BUILT_IN[guard], layer=layer, limit=limit),
        judge=judge, limit=0.0 if limit is None else float(limit), second=second, feeds=frozenset(needs),
        sets=SETS_STATE.get(guard),
    )  # fmt: skip


def _mode_rows(mode: Mode, interlocks: Sequence[Interlock]) -> list[GuardRow]:
    given = {each.id: each for each in interlocks}
    rows = [_row("M00", Layer.MODE, judges_data.trading_state_allows, needs=(feeds.MODES,))]
    for name in (*INTERLOCKS, *sorted(set(given) - set(INTERLOCKS))):
        found = given.get(name)
        satisfied = NAN if found is None else float(found.satisfied)
        if mode is Mode.OFF and name == "M01":
            satisfied = 0.0
        rows.append(
            GuardRow(
                label=GuardLabel(
                    id=name, name=INTERLOCKS.get(name) or (found.name if found else name), layer=Layer.MODE
                ),
                judge=judges_data.interlock_set,
                limit=satisfied,
                feeds=frozenset({feeds.MODES}),
                told=found is not None or name in INTERLOCKS_NEEDED[mode],
            )
        )
    return rows


def _data_rows(mode: Mode) -> list[GuardRow]:
    layer, age = Layer.PLATFORM, PRICE_AGE_SECONDS_MAX[mode]
    volume = (feeds.VOLUME,)
    return [
        _row("D01", layer, judges_data.valid_order),
        _row("D02", layer, judges_data.known_instrument),
        _row("D03", layer, judges_data.in_universe),
        _row("D04", layer, judges_data.market_is_open, needs=(feeds.MARKET_HOURS,)),
        _row("D05", layer, judges_data.fresh_price, age),
        _row("D06", layer, judges_data.sane_price, SPREAD_MAX),
        _row("D07", layer, judges_data.sources_agree, SOURCES_APART_MAX, needs=(feeds.SECOND_SOURCE,)),
        _row(
            "D08", layer, judges_data.no_price_jump, PRICE_JUMP_MAX,
            second=PRICE_JUMP_LOCK, needs=(feeds.PREVIOUS_CLOSE,),
        ),
        _row("D09", layer, judges_data.price_collar, PRICE_COLLAR),
        _row("D09.L1", Layer.ACCOUNT, judges_data.price_collar, COLLAR_DEFAULT),
        _row(
            "D10", layer, judges_data.market_order_spread, MARKET_ORDER_SPREAD_MAX,
            second=float(age), needs=(feeds.SPREAD,),
        ),
        _row("D11", layer, judges_data.penny_stock, PRICE_LEVEL_MIN),
        _row("D12", layer, judges_data.average_volume, ADV_DOLLARS_MIN, second=ADV_SESSIONS_MIN, needs=volume),
        _row("D13", layer, judges_data.participation, PARTICIPATION_MAX, needs=volume),
        _row("D14", layer, judges_data.sector_known, needs=(feeds.SECTOR,)),
        _row("D15", layer, judges_data.fresh_fx_rate, FX_AGE_SECONDS_MAX[mode]),
        _row("D16", layer, judges_data.fresh_decision, DECISION_AGE_SECONDS_MAX, needs=(feeds.AGE,)),
        _row(
            "D17", layer, judges_data.clocks_agree, CLOCK_SKEW_SECONDS_MAX,
            needs=(feeds.CLOCK,),
        ),
    ]  # fmt: skip


def _platform_rows(mandate: Mandate, mode: Mode) -> list[GuardRow]:
    layer, counts = Layer.PLATFORM, (feeds.COUNTS,)
    rows = [
        _row("P01", layer, judges_book.no_negative_cash, ZERO),
        _row("P02", layer, judges_book.minimum_cash_reserve, RESERVE_FLOOR[mandate.account_class]),
        _row("P04", layer, judges_book.no_oversell),
        _row("P05", layer, judges_book.no_uncovered_cover),
        _row("P06", layer, judges_book.no_short),
        _row("P23", layer, judges_book.no_self_cross),
        _row("R01", layer, judges_book.no_duplicate, needs=counts),
        _row(
            "R02", layer, judges_book.order_rate, ORDERS_PER_SECOND_MAX,
            second=LIVE_ORDERS_PER_SIDE_MAX, needs=counts,
        ),
        _row(
            "R04", layer, judges_book.no_unknown_order, UNKNOWN_ORDERS_MAX, needs=counts
        ),
    ]  # fmt: skip
    if mandate.account_class is not AccountClass.DIRECTED:
        rows.append(_row("P07", layer, judges_book.max_position_weight, POSITION_WEIGHT_MAX))
        rows.append(_row("P12", layer, judges_book.max_order_weight, ORDER_WEIGHT_MAX))
    if mode is not Mode.BACKTEST:  # a backtest counts by the mandate's own number
        rows.append(_row("P18.L0", layer, judges_book.max_trades_per_day, TRADES_PER_DAY_MAX, needs=counts))
    return rows


def _future_rows(closing: frozenset[str] | None) -> list[GuardRow]:
    if closing is None:
        return []
    window = _row("D18", Layer.PLATFORM, judges_data.outside_window)
    together = _row("P25", Layer.PLATFORM, judges_book.rolls_together)
    return [replace(window, limit=1.0, symbols=closing), replace(together, limit=1.0, symbols=frozenset())]


def _loss_rows() -> list[GuardRow]:
    layer, history = Layer.PLATFORM, (feeds.HISTORY,)
    return [
        _row("X01", layer, judges_loss.max_daily_loss, DAILY_LOSS_MAX, needs=history),
        _row("X03", layer, judges_loss.drawdown_halt, DRAWDOWN_MAX, needs=history),
        _row(
            "X06", layer, judges_loss.order_anomaly, REJECTS_PER_MINUTE_MAX,
            second=ROUND_TRIPS_MAX, needs=(feeds.COUNTS,),
        ),
        _row(
            "X07", layer, judges_loss.decider_anomaly, DECIDER_FAILURES_MAX,
            second=REFUSED_SHARE_MAX, needs=history,
        ),
    ]  # fmt: skip


def _account_rows(mandate: Mandate) -> list[GuardRow]:
    layer, limits, history = Layer.ACCOUNT, mandate.limits, (feeds.HISTORY,)
    directed = mandate.account_class is AccountClass.DIRECTED
    weight, sector = limits.max_position_weight, limits.max_sector_weight
    if not directed:
        weight = POSITION_WEIGHT_DEFAULT if weight is None else weight
        sector = SECTOR_WEIGHT_DEFAULT if sector is None else sector
    rows = [
        _row("P03", layer, judges_book.cash_range, limits.cash_min, second=float(limits.cash_max)),
        _row("P11", layer, judges_book.max_gross_exposure, limits.max_gross_exposure),
        _row("P16", layer, judges_book.max_turnover_per_cycle, limits.max_turnover_per_cycle, needs=history),
        _row("P17", layer, judges_book.max_trades_per_cycle, Decimal(limits.max_trades_per_cycle)),
        _row("P18", layer, judges_book.max_trades_per_day, Decimal(limits.max_trades_per_day), needs=(feeds.COUNTS,)),
        _row(
            "X01.L1", layer, judges_loss.max_daily_loss, limits.max_daily_loss,
            needs=history,
        ),
        _row("X02", layer, judges_loss.drawdown_cut, limits.drawdown_cut, needs=history),
    ]  # fmt: skip
    if weight is not None:
        rows.append(_row("P08", layer, judges_book.max_position_weight, weight))
    if sector is not None:
        rows.append(_row("P09", layer, judges_book.max_sector_weight, sector, needs=(feeds.SECTOR,)))
    if mandate.exits.reentry_days > 0:
        rows.append(_row("P24", layer, judges_book.reentry_wait, Decimal(mandate.exits.reentry_days), needs=history))
    if limits.max_order_notional is not None:
        rows.append(_row("P12.L1", layer, judges_book.max_order_notional, limits.max_order_notional))
    return rows


def _margin_rows(mandate: Mandate) -> list[GuardRow]:
    layer, limits = Layer.ACCOUNT, mandate.limits
    return [
        _row("P15", layer, judges_margin.max_initial_margin, limits.max_initial_margin),
        _row("P15.X", layer, judges_margin.min_excess_liquidity, limits.min_excess_liquidity),
    ]


def _strategy_rows(mandate: Mandate) -> list[GuardRow]:
    layer, limits, history = Layer.STRATEGY, mandate.strategy_limits, (feeds.HISTORY,)
    rows = [
        _row("P20", layer, judges_book.minimum_holding, Decimal(limits.min_holding_days), needs=history),
        _row("P21", layer, judges_book.correlated_pair),
    ]
    if limits.max_position_weight is not None:
        rows.append(_row("P08.L3", layer, judges_book.max_position_weight, limits.max_position_weight))
    if limits.max_trades_per_cycle is not None:
        share = BOOTSTRAP_CASH_SHARE
        cap = Decimal(limits.max_trades_per_cycle)
        rows.append(_row("P17.L3", layer, judges_book.max_trades_per_cycle, cap, second=float(share)))
        rows.append(_row("P19", layer, judges_book.bootstrap, share))
    return rows


def _rule_rows(rules: Sequence[UserRule], at: datetime | None) -> list[GuardRow]:
    """One row for each limit of each active rule, the lowest priority number first."""
    rows: list[GuardRow] = []
    for rule in sorted((r for r in rules if r.is_active), key=lambda r: (r.priority, r.rule_id)):
        for each in rule_limits(rule, at):
            label = GuardLabel(
                id=f"rule:{rule.rule_id}:{each.parameter}", name=rule.rule_name, layer=Layer.USER, limit=each.limit
            )
            rows.append(
                GuardRow(
                    label=label,
                    judge=each.judge,
                    limit=0.0 if each.limit is None else float(each.limit),
                    feeds=each.feeds,
                    rule=rule,
                    approved=each.approved,
                    only=each.only,
                )
            )
    return rows
