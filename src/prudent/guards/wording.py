"""What a guard's answer says to a person: what was, what must be, and what to do."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from prudent.guards import judges_book as book
from prudent.guards import judges_data as given
from prudent.guards import judges_loss as loss
from prudent.guards import judges_margin as margin
from prudent.guards.evaluate import Judge


@dataclass(frozen=True, slots=True)
class Words:
    """`was` and `must` take the observed value and the limit, written by `unit`; `advice` is what to do about it."""

    was: str
    must: str
    advice: str
    unit: Callable[[float], str]


def percent(value: float) -> str:
    return f"{value * 100:.2f} %"


def money(value: float) -> str:
    return f"{value:,.2f}"


def count(value: float) -> str:
    return f"{value:,.6g}"


def seconds(value: float) -> str:
    return f"{value:,.0f} s"


def state(value: float) -> str:
    return ("ACTIVE", "REDUCING", "HALTED")[int(value)]


WORDS: dict[Judge, Words] = {
    given.trading_state_allows: Words("the trading state is {seen}", "ACTIVE for new risk", "resume it", state),
    given.interlock_set: Words("the interlock is not satisfied", "satisfied to send", "see invest doctor", count),
    given.valid_order: Words("the order is unusable", "complete and in whole lots", "plan again", count),
    given.known_instrument: Words(
        "the instrument is unknown or not tradable", "a known stock or fund", "add it to the instrument master", count
    ),
    given.in_universe: Words(
        "the symbol is restricted or outside the universe", "in the account's universe", "change the mandate", count
    ),
    given.market_is_open: Words("the market is closed", "open", "wait for the open", count),
    given.fresh_price: Words("the price is {seen} old", "at most {limit}", "refresh the market data", seconds),
    given.sane_price: Words("bid and ask are {seen} apart", "at most {limit}", "check the quote", percent),
    given.sources_agree: Words("two sources are {seen} apart", "at most {limit}", "find out why", percent),
    given.no_price_jump: Words(
        "the price moved {seen} since the last close", "at most {limit}", "check for a split or an event", percent
    ),
    given.price_collar: Words("the limit price is {seen} off the price", "at most {limit}", "plan again", percent),
    given.market_order_spread: Words(
        "the spread is {seen}", "at most {limit} for a market order", "use a limit order", percent
    ),
    given.penny_stock: Words("the price level is {seen}", "above {limit}", "leave it out", money),
    given.average_volume: Words("the mean dollar volume is {seen}", "above {limit}", "leave it out", money),
    given.participation: Words("the order is {seen} of mean volume", "at most {limit}", "trade it in parts", percent),
    given.sector_known: Words("the sector is not known", "known", "add it to the instrument master", count),
    given.fresh_fx_rate: Words(
        "the FX rate is {seen} old or moved more than 3 %", "at most {limit}", "refresh the rate", seconds
    ),
    given.fresh_decision: Words(
        "the decision is stale: its age in seconds or the price's move since is {seen}",
        "at most {limit} s and 3 %", "decide again", count,
    ),
    given.clocks_agree: Words(
        "our clock and the broker's are {seen} apart", "at most {limit}", "set the clock", seconds
    ),
    given.outside_window: Words(
        "the contract is within its window before notice or expiry, or its dates are not known",
        "outside it for new risk", "take a later month, as an alias such as ES1! does", count,
    ),
    book.no_negative_cash: Words("cash would fall to {seen}", "at least {limit}", "sell first or buy less", money),
    book.minimum_cash_reserve: Words(
        "cash would fall to {seen} of net liquidation", "at least {limit}", "sell first or buy less", percent
    ),
    book.cash_range: Words(
        "cash would be {seen} of net liquidation", "at least {limit}, and no more than cash_max", "adjust cash", percent
    ),
    book.no_oversell: Words("only {seen} can be sold", "no more than is held", "sell less or wait", count),
    book.no_uncovered_cover: Words("only {seen} can be covered", "no more than is short", "buy less or wait", count),
    book.no_short: Words("the position would be {seen}", "0 or more", "allow shorts in the mandate", count),
    book.max_position_weight: Words(
        "the position would be {seen} of net liquidation", "at most {limit}", "lower its target", percent
    ),
    book.max_position_value: Words("the position would be worth {seen}", "at most {limit}", "lower its target", money),
    book.max_sector_weight: Words(
        "its sector would be {seen} of net liquidation", "at most {limit}", "lower the sector's targets", percent
    ),
    book.max_positions: Words("this would be position number {seen}", "at most {limit}", "close another first", count),
    book.max_gross_exposure: Words(
        "gross exposure would be {seen} of net liquidation", "at most {limit}", "lower the targets", percent
    ),
    book.max_order_weight: Words(
        "the order is {seen} of net liquidation", "at most {limit}", "trade it in parts", percent
    ),
    book.max_order_notional: Words("the order is worth {seen}", "at most {limit}", "trade it in parts", money),
    book.max_turnover_per_cycle: Words(
        "turnover of this cycle would be {seen} of net liquidation", "at most {limit}",
        "wait for the next cycle", percent
    ),
    book.max_trades_per_cycle: Words(
        "this would be order number {seen} of the cycle", "at most {limit}", "wait for the next cycle", count
    ),
    book.max_trades_per_day: Words(
        "this would be order number {seen} of the day", "at most {limit}", "wait for the next session", count
    ),
    book.bootstrap: Words("cash is {seen} of net liquidation", "up to {limit}", "the trade limit is doubled", percent),
    book.minimum_holding: Words("held for {seen} days", "at least {limit} days", "wait", count),
    book.reentry_wait: Words(
        "its stop sold it, {seen} days of waiting are left", "{limit} days old",
        "wait, or lower exits.reentry_days", count,
    ),
    book.correlated_pair: Words("its twin is held too", "one of the two", "check that it is meant", count),
    book.no_self_cross: Words(
        "{seen} on the other side may still fill", "no own order on the other side", "wait until it is done", count
    ),
    book.no_duplicate: Words(
        "the order repeats one of the last minute, or one in the symbol is live", "a new order", "wait for it", count
    ),
    book.order_rate: Words(
        "{seen} orders were just sent or are live on this side", "fewer than {limit} a second", "it goes later", count
    ),
    book.no_unknown_order: Words(
        "{seen} orders have no known fate", "none in the symbol and fewer than {limit} in all",
        "run invest reconcile", count
    ),
    book.rolls_together: Words(
        "the other leg of the roll cannot go", "able to go too", "see why that one is refused", count
    ),
    margin.max_initial_margin: Words(
        "initial margin would be {seen} of net liquidation by the venue's word", "at most {limit}",
        "close something first or ask for less", percent,
    ),
    margin.min_excess_liquidity: Words(
        "excess liquidity would be {seen} of net liquidation by the venue's word", "at least {limit}",
        "close something first or ask for less", percent,
    ),
    loss.max_daily_loss: Words("the loss today is {seen}", "below {limit}", "wait for the next session", percent),
    loss.max_daily_loss_amount: Words("the loss today is {seen}", "below {limit}", "wait for the next session", money),
    loss.drawdown_cut: Words("the drawdown is {seen}", "below {limit}", "positions are cut first", percent),
    loss.drawdown_halt: Words("the drawdown is {seen}", "below {limit}", "review, then resume the account", percent),
    loss.order_anomaly: Words(
        "{seen} refusals in a minute, or round trips in one symbol", "below {limit}", "find the fault and resume", count
    ),
    loss.decider_anomaly: Words(
        "{seen} invalid answers in a row, or more than half of the orders refused", "below {limit}",
        "review the strategy, then resume", count,
    ),
    loss.no_entry: Words(
        "the rule lets nobody in", "outside its window and on its list", "wait or change the rule", count
    ),
    loss.max_entry_rsi: Words("RSI is {seen}", "at most {limit}", "wait", count),
    loss.min_entry_rsi: Words("RSI is {seen}", "at least {limit}", "wait", count),
    loss.max_entry_price: Words("the price level is {seen}", "at most {limit}", "wait", money),
    loss.min_entry_price: Words("the price level is {seen}", "at least {limit}", "wait", money),
    loss.min_entry_volume: Words("the mean dollar volume is {seen}", "at least {limit}", "leave it out", money),
}  # fmt: skip


def sentence(judge: Judge, limit: float, seen: float) -> str:
    """Was, must and advice; a value that is not known is called so."""
    words = WORDS[judge]
    was = words.was
    if "{seen}" in was:
        was = was.format(seen="not known" if math.isnan(seen) else words.unit(seen))
    return f"{was}, must be {words.must.format(limit=words.unit(limit))}; {words.advice}"
