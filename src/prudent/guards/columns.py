"""What guards read and write: tables as flat columns of numbers, and the vector of facts that one judge call sees.

A table of rows x fields is one flat column in which field f of row r stands at `r * WIDTH + f`. Every number is a
float64, flags are 0 or 1, NaN is not known. On the live path the columns are lists, in compiled runs arrays: the
kernels only index them.
"""

from typing import NamedTuple, Protocol


class Cells(Protocol):
    """A list of floats or a float64 array."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...
    def __len__(self) -> int: ...


class Codes(Protocol):
    """A list of ints or an int64 array."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...
    def __len__(self) -> int: ...


# Codes of `Outcome`, in its own order, from mild to severe.
NOT_EVALUATED, PASS, WARN, CLIP, DEFER, REJECT = 0, 1, 2, 3, 4, 5
# Codes of `TradingState`, `Effect` and `InstrumentKind`, as floats because facts are.
ACTIVE, REDUCING, HALTED = 0.0, 1.0, 2.0
OPEN, CLOSE, SHORT, COVER = 0.0, 1.0, 2.0, 3.0
STOCK, ETF, INDEX, FX, OPTION, FUTURE = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0

# The passes, in the order of `Layer`.
MODE, PLATFORM, LAYERS = 0, 1, 5
# Where a guard looks: nowhere (its input does not exist), at every order, or at orders of some instruments.
NOWHERE, EVERYWHERE, SCOPED = 0, 1, 2

# What stands of an order's margin: its venue keeps none, it only counts beside others, nobody answered and it may go
# all the same, it is bound to the venue's figures, or the venue would refuse it.
NO_VENUE, COUNTED, UNCHECKED, BOUND, REFUSED = 0.0, 1.0, 2.0, 3.0, 4.0

# Facts 0-13: the order, as given. `SIGN` is 1 for a buy and -1 for a sale; `LIMIT_PRICE` NaN = market order; `FEE` is
# in the base currency; `VALID` 0 = unusable fields; `DUPLICATE` 1 = repeats a recent or live order. `INITIAL_…` is the
# account's initial margin and `EXCESS_…` its excess liquidity once this order alone is filled, by the venue's word.
QUANTITY, SIGN, EFFECT, LIMIT_PRICE, REFERENCE, FEE, FORCED, VALID, DUPLICATE = range(9)
MARGIN, INITIAL_CHANGE, INITIAL_AFTER, EXCESS_CHANGE, EXCESS_AFTER = range(9, 14)
ORDER_WIDTH = 14

# Facts 14-39: the instrument. `MARK` values a holding: the price, or a frozen last value where a partial plan allows
# it. `FX_RATE` is base currency per unit of the instrument's. `ALONE` 1 = one price source is enough.
MARK, PRICE, BID, ASK, LEVEL, PREVIOUS_CLOSE, PREVIOUS_LEVEL, AGE, ADV_DOLLARS, ADV_SESSIONS = range(14, 24)
SECOND_PRICE, RSI, LOT, MULTIPLIER, FX_RATE, FX_AGE, FX_PREVIOUS, SECTOR, SECTOR_KNOWN, KIND = range(24, 34)
KNOWN, LISTED, RESTRICTED, QUOTE_OPEN, ALONE, SYMBOL_STATE = range(34, 40)
MARKET_START, MARKET_WIDTH = 14, 26

# Facts 40-50: the account's holding of it before the batch. `PENDING_…` are live orders at the broker: their
# quantities, what buys may cost at worst and what all may lose against the mark (base currency), how many there are.
# `PARTNER` is the row of an instrument that moves alike, or -1; `UNKNOWN` 1 = an order in it has no known fate;
# `REENTRY_DAYS_LEFT` is how long a symbol that was stopped out still waits.
HELD, PENDING_BUY, PENDING_SELL, PENDING_COST, PENDING_LOSS, HOLDING_DAYS = range(40, 46)
LIVE_BUYS, LIVE_SELLS, PARTNER, UNKNOWN, REENTRY_DAYS_LEFT = range(46, 51)
HOLDING_START, HOLDING_WIDTH = 40, 11

# Facts 51-75: the account, in its base currency.
CASH, NLV, NLV_OPEN, FLOWS, UNIT_VALUE, PEAK_UNIT_VALUE, TRADES_TODAY, ORDERS_LAST_SECOND = range(51, 59)
REJECTS_LAST_MINUTE, ROUND_TRIPS, DECIDER_FAILURES, REFUSED_SHARE, UNKNOWN_ORDERS = range(59, 64)
DECISION_AGE, CLOCK_SKEW, STATE, HAS_TRADED, DAILY_LOSS_LATCHED, DRAWDOWN_LATCHED = range(64, 70)
DRAWDOWN_HALT_LATCHED, MARKET_OPEN, ALLOW_SHORT, HAS_AGE, HAS_SPREAD, HAS_PREVIOUS = range(70, 76)
ACCOUNT_START, ACCOUNT_WIDTH = 51, 25

# Facts 76-90: the account after the orders that this pass accepted before: lowest cash (sales bring nothing in until
# filled), what they would bring in, lowest net liquidation, worst gross exposure and what filled exits would take off
# it, turnover, orders and those of them that are no exits, instruments held and how many of them exits would end;
# initial margin and excess liquidity that they take, and what of both filled exits would give back.
CASH_LOW, PROCEEDS, NLV_LOW, GROSS, GROSS_RELIEF, BUYS, SELLS, ACCEPTED, ENTRIES = range(76, 85)
HELD_COUNT, HELD_RELIEF = range(85, 87)
INITIAL_TAKEN, INITIAL_RELIEF, EXCESS_TAKEN, EXCESS_RELIEF = range(87, 91)

# Facts 91-108: computed for the order. `UNIT`, `WORST_UNIT`, `LOSS_UNIT`: base-currency value of one unit at the mark,
# at the worst price it may trade at, and the difference that hurts; `ORDER_VALUE` the whole order at the mark.
# `AHEAD` is the most the position may be in the order's direction without it, `BEHIND` in the other; `FREE` what may be
# closed or covered. `…_AFTER` is with the whole order accepted; `POSITION_…` is the worst value of the position in the
# order's direction, `BEHIND_VALUE` in the other.
UNIT, WORST_UNIT, LOSS_UNIT, REDUCING_ORDER, AHEAD, BEHIND, FREE = range(91, 98)
LIVE_SAME_SIDE, OTHER_SIDE, PAIRED, SECTOR_VALUE, SECTOR_RELIEF, ORDER_VALUE = range(98, 104)
NLV_AFTER, CASH_AFTER, POSITION_BEFORE, POSITION_AFTER, BEHIND_VALUE = range(104, 109)
FACTS_WIDTH = 109


class Columns(NamedTuple):
    """One batch of orders and all that is known: tables of the widths above, `instrument[j]` the row of order j."""

    market: Cells
    holdings: Cells
    account: Cells
    orders: Cells
    instrument: Codes


class GuardColumns(NamedTuple):
    """The guard list, sorted by layer: layer k has the rows from `bounds[k]` up to `bounds[k + 1]`.

    `scope[g]` tells where guard g looks; where SCOPED, at orders of instruments i with `applies[g * instruments + i]`
    1. `funding` lists the guards whose room grows when exits fill.
    """

    bounds: Codes
    kind: Codes
    limit: Cells
    second: Cells
    scope: Codes
    applies: Codes
    funding: Codes


class VerdictColumns(NamedTuple):
    """Guard g on order j stands at `j * guards + g`; `approved` and `waits` are per order."""

    outcome: Codes
    allowed: Cells
    observed: Cells
    approved: Cells
    waits: Codes


class ScratchColumns(NamedTuple):
    """Working memory of a pass: quantities accepted per instrument, long value per sector, what exits that fill would
    take off it, and the facts of one order."""

    bought: Cells
    sold: Cells
    sector: Cells
    relief: Cells
    facts: Cells


Judgement = tuple[int, float, float]
