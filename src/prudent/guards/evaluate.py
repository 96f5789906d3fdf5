"""The one loop over orders and guards: layers are passes, each sees the quantities so far as ceilings (kernels).

Everything that `evaluate_batch` reaches stays inside the subset that a compiler of numeric Python takes. Run as it
is, it judges live orders; a compiler rebuilds the very same code objects over compiled globals, with `judge_by_kind`
swapped for `compilable_judge_by_kind()`, because compiled code cannot call a function out of a tuple.
"""

import types
from collections.abc import Callable
from typing import cast

from prudent.guards import judges_book, judges_data, judges_loss, judges_margin
from prudent.guards.arithmetic import NAN, cents
from prudent.guards.columns import (
    CLIP,
    DEFER,
    EVERYWHERE,
    HOLDING_START,
    HOLDING_WIDTH,
    LAYERS,
    LOT,
    MODE,
    NOT_EVALUATED,
    ORDER_WIDTH,
    PASS,
    PENDING_BUY,
    PENDING_SELL,
    PLATFORM,
    QUANTITY,
    REDUCING_ORDER,
    REJECT,
    SCOPED,
    SECTOR,
    SIGN,
    UNIT,
    Cells,
    Columns,
    GuardColumns,
    Judgement,
    ScratchColumns,
    VerdictColumns,
)
from prudent.guards.facts import (
    accept_order,
    gather_pair,
    gather_position,
    gather_tables,
    gather_values,
    start_account,
    start_holding,
)

Judge = Callable[[Cells, float, float], Judgement]

# What remains of a trimmed order is worth at least this much in the base currency, or nothing goes.
TRIMMED_NOTIONAL_MIN = 100.0

# The kind of a guard is its judge's place in this tuple.
JUDGES: tuple[Judge, ...] = (
    judges_data.trading_state_allows,
    judges_data.interlock_set,
    judges_data.valid_order,
    judges_data.known_instrument,
    judges_data.in_universe,
    judges_data.market_is_open,
    judges_data.fresh_price,
    judges_data.sane_price,
    judges_data.sources_agree,
    judges_data.no_price_jump,
    judges_data.price_collar,
    judges_data.market_order_spread,
    judges_data.penny_stock,
    judges_data.average_volume,
    judges_data.participation,
    judges_data.sector_known,
    judges_data.fresh_fx_rate,
    judges_data.fresh_decision,
    judges_data.clocks_agree,
    judges_data.outside_window,
    judges_book.no_negative_cash,
    judges_book.minimum_cash_reserve,
    judges_book.cash_range,
    judges_book.no_oversell,
    judges_book.no_uncovered_cover,
    judges_book.no_short,
    judges_book.max_position_weight,
    judges_book.max_position_value,
    judges_book.max_sector_weight,
    judges_book.max_positions,
    judges_book.max_gross_exposure,
    judges_book.max_order_weight,
    judges_book.max_order_notional,
    judges_book.max_turnover_per_cycle,
    judges_book.max_trades_per_cycle,
    judges_book.max_trades_per_day,
    judges_book.bootstrap,
    judges_book.minimum_holding,
    judges_book.reentry_wait,
    judges_book.correlated_pair,
    judges_book.no_self_cross,
    judges_book.no_duplicate,
    judges_book.order_rate,
    judges_book.no_unknown_order,
    judges_book.rolls_together,
    judges_margin.max_initial_margin,
    judges_margin.min_excess_liquidity,
    judges_loss.max_daily_loss,
    judges_loss.max_daily_loss_amount,
    judges_loss.drawdown_cut,
    judges_loss.drawdown_halt,
    judges_loss.order_anomaly,
    judges_loss.decider_anomaly,
    judges_loss.no_entry,
    judges_loss.max_entry_rsi,
    judges_loss.min_entry_rsi,
    judges_loss.max_entry_price,
    judges_loss.min_entry_price,
    judges_loss.min_entry_volume,
)

# Guards whose room grows when exits fill: judged once more at the end, when it is known which exits all layers left.
FUNDING_JUDGES: tuple[Judge, ...] = (
    judges_book.no_negative_cash,
    judges_book.minimum_cash_reserve,
    judges_book.cash_range,
    judges_book.max_sector_weight,
    judges_book.max_gross_exposure,
    judges_book.max_positions,
    judges_margin.max_initial_margin,
    judges_margin.min_excess_liquidity,
)


def judge_by_kind(kind: int, o: Cells, limit: float, second: float) -> Judgement:
    return JUDGES[kind](o, limit, second)


def compilable_judge_by_kind() -> types.FunctionType:
    """A stand-in for `judge_by_kind` that a compiler takes: an if-chain over the same judges, called by name."""
    lines = ["def judge_by_kind(kind, o, limit, second):"]
    for kind in range(len(JUDGES)):
        lines += [f"    if kind == {kind}:", f"        return judge_{kind}(o, limit, second)"]
    names: dict[str, object] = {f"judge_{kind}": judge for kind, judge in enumerate(JUDGES)}
    exec("\n".join([*lines, "    return judge_0(o, limit, second)", ""]), names)
    return cast("types.FunctionType", names["judge_by_kind"])


def trimmed(o: Cells, code: int, allowed: float) -> tuple[int, float]:
    """A smaller quantity stands only for new risk, from one lot and the smallest notional upwards."""
    if code == CLIP or (code == DEFER and 0.0 < allowed < o[QUANTITY]):
        if o[REDUCING_ORDER] or not allowed >= o[LOT]:
            return REJECT, 0.0
        if not cents(allowed * o[UNIT]) >= TRIMMED_NOTIONAL_MIN:
            return REJECT, 0.0
    return code, allowed


def start_pass(columns: Columns, scratch: ScratchColumns) -> None:
    """The state before the first order: what is held, and what live orders at the broker may still do."""
    market, holdings, o = columns.market, columns.holdings, scratch.facts
    bought, sold, sector = scratch.bought, scratch.sold, scratch.sector
    start_account(o, columns.account)
    for s in range(len(sector)):
        sector[s] = 0.0
        scratch.relief[s] = 0.0
    for i in range(len(bought)):
        start_holding(o, market, holdings, sector, i)
        h = i * HOLDING_WIDTH - HOLDING_START
        bought[i] = holdings[h + PENDING_BUY]
        sold[i] = holdings[h + PENDING_SELL]


def gather(columns: Columns, scratch: ScratchColumns, j: int, quantity: float) -> int:
    """The facts of order j at `quantity`, after everything the pass accepted before; gives its instrument's row."""
    o, bought, i = scratch.facts, scratch.bought, columns.instrument[j]
    gather_tables(o, columns.market, columns.holdings, columns.orders, j, i)
    if quantity > 0.0:
        o[QUANTITY] = quantity
    gather_pair(o, columns.holdings, bought)
    gather_position(o, bought[i], scratch.sold[i])
    gather_values(o, scratch.sector[int(o[SECTOR])], scratch.relief[int(o[SECTOR])])
    return i


def move_on(scratch: ScratchColumns, i: int, quantity: float) -> None:
    """The running state with `quantity` of the order at hand."""
    o = scratch.facts
    accept_order(o, scratch.sector, scratch.relief, quantity)
    if o[SIGN] > 0.0:
        scratch.bought[i] += quantity
    else:
        scratch.sold[i] += quantity


def judge_layers(
    columns: Columns, guards: GuardColumns, verdicts: VerdictColumns, scratch: ScratchColumns, layers: tuple[int, int]
) -> int:  # fmt: skip
    """One pass of the layers from the first up to the second number; gives the last layer that took something away.

    An order that an earlier layer refused is judged at its planned size, for the record only.
    """
    kind, limit, second, scope, applies = guards.kind, guards.limit, guards.second, guards.scope, guards.applies
    outcome, allowed, observed, approved = verdicts.outcome, verdicts.allowed, verdicts.observed, verdicts.approved
    o, instruments, bounds, taking = scratch.facts, len(scratch.bought), guards.bounds, MODE
    start_pass(columns, scratch)
    for j in range(len(approved)):
        least, at = approved[j], j * len(kind)
        i = gather(columns, scratch, j, least)
        for layer in range(layers[0], layers[1]):
            ceiling = least
            for g in range(bounds[layer], bounds[layer + 1]):
                code, most, seen = NOT_EVALUATED, o[QUANTITY], NAN
                if scope[g] == EVERYWHERE or (scope[g] == SCOPED and applies[g * instruments + i] == 1):
                    code, most, seen = judge_by_kind(kind[g], o, limit[g], second[g])
                    code, most = trimmed(o, code, most)
                elif scope[g] == SCOPED:
                    code = PASS
                outcome[at + g], allowed[at + g], observed[at + g] = code, most, seen
                least = min(least, most)
            if least < ceiling:
                taking = max(taking, layer)
                i = gather(columns, scratch, j, least)
        approved[j] = least
        if least > 0.0:
            move_on(scratch, i, least)
    return taking


def judge_funding(columns: Columns, guards: GuardColumns, verdicts: VerdictColumns, scratch: ScratchColumns) -> None:
    """The funding guards of all layers once more, on what the layers left: only now it is known which exits remain.

    Their record changes where the answer does; an order to which they promise room from those exits waits for them.
    """
    funding, outcome, approved = guards.funding, verdicts.outcome, verdicts.approved
    o, instruments = scratch.facts, len(scratch.bought)
    start_pass(columns, scratch)
    for j in range(len(approved)):
        least, waits = approved[j], 0
        if not least > 0.0:
            continue
        i = gather(columns, scratch, j, least)
        for f in range(len(funding)):
            g = funding[f]
            at = j * len(guards.kind) + g
            if outcome[at] == NOT_EVALUATED or (guards.scope[g] == SCOPED and guards.applies[g * instruments + i] == 0):
                continue
            code, most, seen = judge_by_kind(guards.kind[g], o, guards.limit[g], guards.second[g])
            code, most = trimmed(o, code, most)
            if most < o[QUANTITY] or outcome[at] == DEFER:
                outcome[at], verdicts.allowed[at], verdicts.observed[at] = code, most, seen
            least = min(least, most)
            waits += 1 if code == DEFER else 0
        approved[j] = least
        if least > 0.0:
            verdicts.waits[j] = 1 if waits > 0 else 0
            move_on(scratch, i, least)


def any_waits(guards: GuardColumns, verdicts: VerdictColumns) -> int:
    """1 where a funding guard promised an order room that only filled exits would give."""
    for j in range(len(verdicts.approved)):
        for f in range(len(guards.funding)):
            if verdicts.outcome[j * len(guards.kind) + guards.funding[f]] == DEFER:
                return 1
    return 0


def plan_again(columns: Columns, verdicts: VerdictColumns) -> None:
    """Every order at its planned size, none waiting."""
    for j in range(len(verdicts.approved)):
        verdicts.approved[j] = columns.orders[j * ORDER_WIDTH + QUANTITY]
        verdicts.waits[j] = 0


def evaluate_batch(columns: Columns, guards: GuardColumns, verdicts: VerdictColumns, scratch: ScratchColumns) -> None:
    """Judge a batch: fills every place of `verdicts`; `scratch` is working memory of the right sizes.

    Layers are passes. As long as nothing above the platform takes anything away, the running state is the same in
    every pass, so that one pass over all layers gives the same answers; else each layer gets its own.
    """
    plan_again(columns, verdicts)
    if judge_layers(columns, guards, verdicts, scratch, (MODE, LAYERS)) > PLATFORM:
        plan_again(columns, verdicts)
        for layer in range(LAYERS):
            if guards.bounds[layer] < guards.bounds[layer + 1]:
                judge_layers(columns, guards, verdicts, scratch, (layer, layer + 1))
    if any_waits(guards, verdicts):
        judge_funding(columns, guards, verdicts, scratch)
