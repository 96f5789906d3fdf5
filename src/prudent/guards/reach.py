"""Which configured limits can never fire, and why: hidden by a tighter one, at a neutral value, or fed by nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.mandate import Mandate
from prudent.domain.money import plain
from prudent.domain.rules import UserRule
from prudent.guards import catalogue
from prudent.guards.catalogue import GuardRow, guard_rows
from prudent.guards.judges_book import max_position_weight, max_sector_weight, max_trades_per_day, minimum_cash_reserve
from prudent.guards.judges_loss import max_daily_loss
from prudent.guards.user_rules import validate_rule

ONE = Decimal(1)
# Judges of which the smaller limit decides, and those of which the larger one does.
_SMALLER = (max_position_weight, max_sector_weight, max_trades_per_day, max_daily_loss)
_LARGER = (minimum_cash_reserve,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A setting that never decides anything; `hidden_by` names the guard that always speaks first."""

    setting: str
    limit: str
    why: str
    hidden_by: str = ""


def unreachable_limits(
    mandate: Mandate, rules: Sequence[UserRule], feeds: frozenset[str]
) -> tuple[Unreachable, ...]:  # fmt: skip
    """Every configured limit of an account that can never fire.

    Raises:
        InputError: an active rule cannot be read.
    """
    for rule in rules:
        if rule.is_active:
            validate_rule(rule)
    rows = guard_rows(mandate, rules)
    neutral = (*_neutral(mandate), *_unused_wait(mandate, rules))
    return (*neutral, *_hidden_counts(mandate), *_hidden_rows(rows), *_unfed(rows, feeds))


def _neutral(mandate: Mandate) -> Iterator[Unreachable]:
    limits, long_only = mandate.limits, not mandate.planning.allow_short
    reserve = catalogue.RESERVE_FLOOR[mandate.account_class]
    if limits.max_position_weight is not None and limits.max_position_weight >= ONE and long_only:
        yield _found("limits.max_position_weight", limits.max_position_weight, "no position can exceed the account")
    if limits.max_sector_weight is not None and limits.max_sector_weight >= ONE and long_only:
        yield _found("limits.max_sector_weight", limits.max_sector_weight, "no sector can exceed the account")
    if limits.cash_min <= 0:
        why = "cash below 0 is refused already, so it adds no floor"
        yield _found("limits.cash_min", limits.cash_min, why, "P01")
    elif limits.cash_min <= reserve:
        yield _found("limits.cash_min", limits.cash_min, f"the platform keeps {plain(reserve)}", "P02")
    if limits.cash_max >= ONE:
        yield _found("limits.cash_max", limits.cash_max, "cash cannot exceed the account")
    if limits.max_turnover_per_cycle >= ONE and long_only:
        yield _found("limits.max_turnover_per_cycle", limits.max_turnover_per_cycle, "no cycle can trade more")
    if limits.max_gross_exposure >= ONE and long_only:
        yield _found("limits.max_gross_exposure", limits.max_gross_exposure, "cash is never negative", "P01")
    if mandate.strategy_limits.min_holding_days == 0:
        yield _found("strategy_limits.min_holding_days", Decimal(0), "0 days hold nothing")


def _unused_wait(mandate: Mandate, rules: Sequence[UserRule]) -> Iterator[Unreachable]:
    days, stops = mandate.exits.reentry_days, any("stop_loss_pct" in rule.enforcement_params for rule in rules)
    if days > 0 and mandate.exits.stop_loss is None and not stops:
        yield _found("exits.reentry_days", Decimal(days), "nothing is stopped out: no stop-loss is set")


def _hidden_counts(mandate: Mandate) -> Iterator[Unreachable]:
    limits, strategy = mandate.limits, mandate.strategy_limits.max_trades_per_cycle
    if limits.max_trades_per_cycle >= limits.max_trades_per_day:
        why = f"the day ends at {limits.max_trades_per_day}"
        yield _found("limits.max_trades_per_cycle", Decimal(limits.max_trades_per_cycle), why, "P18")
    if strategy is not None and strategy >= limits.max_trades_per_cycle:
        why = f"the account allows {limits.max_trades_per_cycle}"
        yield _found("strategy_limits.max_trades_per_cycle", Decimal(strategy), why, "P17")


def _hidden_rows(rows: Sequence[GuardRow]) -> Iterator[Unreachable]:
    """Limits of the same judge, a tighter or equal one of which stands in an earlier place and looks at everything."""
    for g, row in enumerate(rows):
        setting = _SETTINGS.get(row.label.id) or (row.label.id if row.rule else "")
        if not setting or row.label.limit is None:
            continue
        for other in rows[:g]:
            if other.judge is row.judge and other.rule is None and _tighter(row, other):
                why = f"{other.label.id} {other.label.name} stops at {plain(other.label.limit or Decimal(0))}"
                yield _found(setting, row.label.limit, why, other.label.id)
                break


def _tighter(row: GuardRow, other: GuardRow) -> bool:
    if row.judge in _SMALLER:
        return other.limit <= row.limit
    return row.judge in _LARGER and other.limit >= row.limit


def _unfed(rows: Sequence[GuardRow], feeds: frozenset[str]) -> Iterator[Unreachable]:
    for row in rows:
        setting = _SETTINGS.get(row.label.id) or (row.label.id if row.rule else "")
        lacking = sorted(row.feeds - feeds)
        if setting and lacking and row.label.limit is not None:
            yield _found(setting, row.label.limit, f"no data feeds it: {', '.join(lacking)}")


_SETTINGS = {
    "P08": "limits.max_position_weight",
    "P08.L3": "strategy_limits.max_position_weight",
    "P09": "limits.max_sector_weight",
    "P16": "limits.max_turnover_per_cycle",
    "P18": "limits.max_trades_per_day",
    "P20": "strategy_limits.min_holding_days",
    "P24": "exits.reentry_days",
    "X01.L1": "limits.max_daily_loss",
    "X02": "limits.drawdown_cut",
}


def _found(setting: str, limit: Decimal, why: str, hidden_by: str = "") -> Unreachable:
    return Unreachable(setting=setting, limit=plain(limit), why=why, hidden_by=hidden_by)
