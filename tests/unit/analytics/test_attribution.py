"""Parts of a profit sum to it to the cent, and each is what its definition says."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from prudent.analytics.attribution import NAMES, Interval, Parts, Trade, attribute, parts_of, worth
from prudent.domain.money import to_cents

D = Decimal
BEGINS, ENDS = datetime(2020, 1, 6, 21, tzinfo=UTC), datetime(2020, 1, 10, 21, tzinfo=UTC)
SYMBOLS = ("AAA", "BBB", "CCC")

# 10,000 in cash at 100 and 50 a share. The decider wants half of each, 50 AAA and 100 BBB; rounding takes one BBB off,
# a guard all but 40 AAA. Both trade a dollar dearer than decided, at a fee of 1 each; then AAA rises to 110, BBB falls
# to 48.
HAND = Interval(
    begins=BEGINS, ends=ENDS, held={}, wanted={"AAA": D(50), "BBB": D(100)}, aimed={"AAA": D(50), "BBB": D(100)},
    planned={"AAA": D(50), "BBB": D(99)}, allowed={"AAA": D(40), "BBB": D(99)}, sent={"AAA": D(40), "BBB": D(99)},
    trades=(
        Trade(symbol="AAA", quantity=D(40), cash=D(-4040), fee=D(1)),
        Trade(symbol="BBB", quantity=D(99), cash=D(-5049), fee=D(1)),
    ),
    aside=(), opening={"AAA": D(100), "BBB": D(50)}, closing={"AAA": D(110), "BBB": D(48)},
    after={"AAA": D(40), "BBB": D(99)}, cash=D(10000), cash_after=D(909), rebalances=True,
)  # fmt: skip


TEN = MappingProxyType({"AAA": D(10)})
# A decision to hold ten shares.
TEN_HELD = replace(
    HAND, held=TEN, wanted=TEN, aimed=TEN, planned=TEN, allowed=TEN, sent=TEN, trades=(), cash=D(0), rebalances=False,
)  # fmt: skip


def test_each_part_is_what_its_definition_says() -> None:
    found = parts_of(HAND)
    # 50 * 10 - 100 * 2; one BBB less loses 2 less; 10 AAA less gain 100 less; 40 and 99 shares a dollar dearer.
    assert found == Parts(
        target_choice=D(300), rounding_and_cash=D(2), guards=D(-100), execution=D(-139), fees=D(-2)
    )  # fmt: skip
    # 909 + 40 * 110 + 99 * 48 - 10000
    assert found.total == HAND.profit == D(61)


def test_drift_is_what_holding_on_earned_beyond_constant_weights() -> None:
    # AAA doubles to 200 at the close in between and stays. Half of 10,000 in it earns 5,000; held on, nothing more
    # happens. BBB then halves to 25: held on, 100 shares lose 2,500; half of 15,000 lose 3,750.
    moved = replace(
        HAND, closing={"AAA": D(200), "BBB": D(25)}, marks=({"AAA": D(200), "BBB": D(50)},), cash_after=D(909),
    )  # fmt: skip
    found = parts_of(moved)
    assert found.target_choice == D(5000 - 3750)
    assert found.drift == D(1250)
    assert found.total == moved.profit


def test_who_named_no_weights_has_none_to_drift_from() -> None:
    found = parts_of(replace(HAND, rebalances=False, marks=({"AAA": D(200), "BBB": D(50)},)))
    assert (found.target_choice, found.drift) == (D(300), D(0))


def test_an_exit_of_another_cycle_is_measured_from_its_own_price() -> None:
    # 10 AAA held at 100; while a decision to hold waited, a stop at 90 sold them at 89. The end is at 80.
    stopped = replace(
        TEN_HELD, aside=(Trade(symbol="AAA", quantity=D(-10), cash=D(890), fee=D(1), reference=D(90)),),
        closing={"AAA": D(80), "BBB": D(50)}, after={}, cash_after=D(889),
    )  # fmt: skip
    # Holding lost 200, the exit at 90 saved 100 of it, a dollar a share was given away.
    assert parts_of(stopped) == Parts(target_choice=D(-200), forced_exits=D(100), execution=D(-10), fees=D(-1))


def test_dividends_and_splits_are_no_profit_of_the_decider() -> None:
    held = replace(
        TEN_HELD, closing={"AAA": D("24.50"), "BBB": D(50)}, splits={"AAA": D(4)}, dividends=D(20),
        after={"AAA": D(40)}, cash_after=D(20),
    )  # fmt: skip
    # Four shares of 24.50 for one of 100, and 2 a share paid.
    assert parts_of(held) == Parts(target_choice=D(-20), dividends=D(20))


def test_what_no_record_explains_stands_elsewhere() -> None:
    found = parts_of(replace(HAND, cash_after=HAND.cash_after + D("12.34")))
    assert found == replace(parts_of(HAND), elsewhere=D("12.34"))
    assert parts_of(replace(HAND, cash_after=HAND.cash_after + D(500), flow=D(500))) == parts_of(HAND)


prices = st.decimals("0.01", "900", places=4)
quantities = st.decimals("-50", "500", places=3)
books = st.fixed_dictionaries(dict.fromkeys(SYMBOLS, quantities))
quotes = st.fixed_dictionaries(dict.fromkeys(SYMBOLS, prices))


@st.composite
def trades(draw: st.DrawFn, *, reference: bool) -> tuple[Trade, ...]:
    """Executions whose cash is to the cent, as a venue books it."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        quantity = draw(quantities)
        found.append(Trade(
            symbol=draw(st.sampled_from(SYMBOLS)), quantity=quantity, cash=to_cents(-quantity * draw(prices)),
            fee=draw(st.decimals("0", "9", places=2)), reference=draw(prices) if reference else None,
        ))  # fmt: skip
    return tuple(found)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """One interval whose end follows from its trades alone."""
    held, cash = draw(books), draw(st.decimals("0", "100000", places=2))
    own, aside = draw(trades(reference=False)), draw(trades(reference=True))
    dividends = draw(st.decimals("0", "99", places=2))
    after = dict(held)
    for trade in (*own, *aside):
        after[trade.symbol] += trade.quantity
    spent = sum((trade.cash - trade.fee for trade in (*own, *aside)), D(0))
    return Interval(
        begins=BEGINS, ends=ENDS, held=held, wanted=draw(books), aimed=draw(books), planned=draw(books),
        allowed=draw(books), sent=draw(books), trades=own, aside=aside, opening=draw(quotes), closing=draw(quotes),
        after=after, cash=cash, cash_after=cash + spent + dividends, dividends=dividends,
        rebalances=draw(st.booleans()), marks=tuple(draw(st.lists(quotes, max_size=3))),
    )  # fmt: skip


@given(intervals())
def test_the_parts_sum_to_the_profit_and_nothing_is_left_over(one: Interval) -> None:
    found = parts_of(one)
    assert found.total == one.profit
    assert found.elsewhere == 0
    for name in NAMES:
        assert getattr(found, name) == to_cents(getattr(found, name)), name


@given(st.lists(intervals(), max_size=3), st.decimals("-99", "99", places=2))
def test_whatever_is_wrong_shows_elsewhere_and_the_sum_still_holds(some: list[Interval], wrong: Decimal) -> None:
    off = [replace(each, cash_after=each.cash_after + wrong) for each in some]
    found = attribute(off)
    assert found.parts.total == found.profit
    assert found.parts.elsewhere == wrong * len(off)


def test_worth_rounds_each_holding_as_an_account_does() -> None:
    # 0.005 rounds away from zero, each by itself.
    assert worth({"AAA": D("0.5"), "BBB": D("0.5")}, {"AAA": D("0.01"), "BBB": D("0.01")}) == D("0.02")
