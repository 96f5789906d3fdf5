"""Which inputs exist at all: a guard whose feed is absent is not evaluated, one whose datum is missing refuses."""

MODES = "modes"
MARKET_HOURS = "market_hours"
CLOCK = "clock"
AGE = "age"
SPREAD = "spread"
PREVIOUS_CLOSE = "previous_close"
LEVEL = "level"
VOLUME = "volume"
SECTOR = "sector"
SECOND_SOURCE = "second_source"
RSI = "rsi"
HISTORY = "history"
COUNTS = "counts"

ALL_FEEDS = frozenset({
    MODES, MARKET_HOURS, CLOCK, AGE, SPREAD, PREVIOUS_CLOSE, LEVEL, VOLUME, SECTOR, SECOND_SOURCE, RSI, HISTORY, COUNTS,
})  # fmt: skip

# A plan from files alone: cash, positions, prices and open orders are known, nothing else is.
CALCULATOR_FEEDS: frozenset[str] = frozenset()
