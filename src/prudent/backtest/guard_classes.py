"""Sorts a guard list by what each guard looks at, so that a backtest need not ask it once more for every order."""

from types import FunctionType, ModuleType
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from prudent.guards import columns as fact
from prudent.guards import judges_book, judges_data
from prudent.guards.columns import GuardColumns
from prudent.guards.evaluate import JUDGES, Judge

Ints = NDArray[np.int64]

# Names of `guards.columns` that number something else than a fact.
_NO_FACTS = frozenset({
    "NOT_EVALUATED", "PASS", "WARN", "CLIP", "DEFER", "REJECT", "MODE", "PLATFORM", "LAYERS", "NOWHERE", "EVERYWHERE",
    "SCOPED", "ORDER_WIDTH", "MARKET_START", "MARKET_WIDTH", "HOLDING_START", "HOLDING_WIDTH", "ACCOUNT_START",
    "ACCOUNT_WIDTH", "FACTS_WIDTH",
})  # fmt: skip
FACTS: dict[str, int] = {
    name: value for name, value in vars(fact).items() if isinstance(value, int) and name not in _NO_FACTS
}

# Facts that every judge names to answer with the whole order, or to exempt exits; the classes below judge both.
_ALWAYS = frozenset({fact.QUANTITY, fact.REDUCING_ORDER, fact.FORCED})
# Facts of an instrument, its holding and the account that a column backtest sets once.
_STANDING = frozenset({
    fact.LOT, fact.MULTIPLIER, fact.FX_RATE, fact.FX_AGE, fact.FX_PREVIOUS, fact.SECTOR, fact.SECTOR_KNOWN, fact.KIND,
    fact.KNOWN, fact.LISTED, fact.RESTRICTED, fact.QUOTE_OPEN, fact.ALONE, fact.SYMBOL_STATE, fact.VALID,
    fact.DUPLICATE, fact.HOLDING_DAYS, fact.UNKNOWN, fact.REENTRY_DAYS_LEFT, fact.AGE, fact.STATE, fact.UNKNOWN_ORDERS,
    fact.MARKET_OPEN, fact.ALLOW_SHORT, fact.HAS_AGE, fact.HAS_SPREAD, fact.HAS_PREVIOUS, fact.DECISION_AGE,
})  # fmt: skip
# Facts of the account that stay while one day's orders are judged; cash and the count of trades do not.
_ACCOUNT = frozenset(range(fact.ACCOUNT_START, fact.ACCOUNT_START + fact.ACCOUNT_WIDTH)) - {
    fact.CASH, fact.TRADES_TODAY,
}  # fmt: skip
_ROW = frozenset(range(fact.ORDER_WIDTH)) | frozenset(
    range(fact.MARKET_START, fact.MARKET_START + fact.MARKET_WIDTH)
)  # fmt: skip

# Guards that only warn.
WARNING_JUDGES: tuple[Judge, ...] = (judges_book.correlated_pair, judges_book.bootstrap)
# Guards of what the batch as a whole may become; `quick_judge` has a bound for each, in this order.
BOUND_JUDGES: tuple[Judge, ...] = (
    judges_book.no_negative_cash,
    judges_book.minimum_cash_reserve,
    judges_book.cash_range,
    judges_book.max_gross_exposure,
    judges_book.max_sector_weight,
    judges_book.max_position_weight,
    judges_book.max_position_value,
    judges_book.max_positions,
    judges_book.max_trades_per_cycle,
    judges_book.max_trades_per_day,
    judges_book.max_turnover_per_cycle,
    judges_book.max_order_weight,
    judges_book.max_order_notional,
    judges_book.order_rate,
    judges_data.participation,
)
# Guards that a batch of the plain form cannot offend: it sells less than is held, and trades no instrument twice.
PLAIN_JUDGES: tuple[Judge, ...] = (
    judges_book.no_oversell,
    judges_book.no_uncovered_cover,
    judges_book.no_short,
    judges_book.no_self_cross,
)


class GuardClasses(NamedTuple):
    """Places in the guard list by class; `bound[k]` is the number of the bound of guard `bounded[k]`.

    `standing` looks at what never changes, `account` at the account's day, `row` at the order and its instrument's
    prices, `single` at any of these or at one order's size: all guards that can lower an order of a proven batch.
    `provable` is 0 where some guard fits no class, so that nothing can be proven about a batch; `scoped` is 1
    where some guard looks at some instruments only.
    """

    standing: Ints
    account: Ints
    row: Ints
    single: Ints
    bounded: Ints
    bound: Ints
    provable: int
    scoped: int


def facts_read(judge: Judge) -> frozenset[int]:
    """All facts that a judge or anything it calls names: never fewer than it reads."""
    seen: set[FunctionType] = set()

    def visit(function: FunctionType) -> frozenset[int]:
        if function in seen:
            return frozenset()
        seen.add(function)
        found: set[int] = set()
        for name in function.__code__.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType):
                found |= visit(value)
            elif isinstance(value, ModuleType):
                # A fact named through a module could not be told; then nothing is proven of this judge.
                found.add(-1)
            elif name in FACTS and value == FACTS[name]:
                found.add(FACTS[name])
        return frozenset(found)

    return visit(cast("FunctionType", judge))


def class_of(judge: Judge) -> str:
    """`warning`, `bounded`, `plain`, `standing`, `account`, `row`, or empty where nothing is proven of it."""
    named = {WARNING_JUDGES: "warning", BOUND_JUDGES: "bounded", PLAIN_JUDGES: "plain"}
    for judges, name in named.items():
        if judge in judges:
            return name
    facts = facts_read(judge) - _ALWAYS
    if judge is judges_data.valid_order:
        # It asks of the quantity only that it is above 0, and a batch of the plain form has no other.
        return "standing"
    if facts <= _STANDING:
        return "standing"
    if facts <= _ACCOUNT:
        return "account"
    return "row" if facts <= _STANDING | _ACCOUNT | _ROW else ""


def guard_classes(guards: GuardColumns) -> GuardClasses:
    """The classes of a guard list; guards that look nowhere are in none."""
    places: dict[str, list[int]] = {}
    for g in range(len(guards.kind)):
        if guards.scope[g] != fact.NOWHERE:
            places.setdefault(class_of(JUDGES[guards.kind[g]]), []).append(g)
    bounded = places.get("bounded", [])
    sized = [g for g in bounded if JUDGES[guards.kind[g]] is judges_data.participation]
    single = sorted(sized + [g for name in ("standing", "account", "row") for g in places.get(name, [])])
    return GuardClasses(
        standing=_ints(places.get("standing", [])), account=_ints(places.get("account", [])),
        row=_ints(places.get("row", [])), single=_ints(single), bounded=_ints(bounded),
        bound=_ints([BOUND_JUDGES.index(JUDGES[guards.kind[g]]) for g in bounded]),
        provable=0 if "" in places else 1,
        scoped=1 if any(guards.scope[g] == fact.SCOPED for g in range(len(guards.kind))) else 0,
    )  # fmt: skip


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
