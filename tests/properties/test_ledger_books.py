"""Whatever happens in whatever order: entries balance, the book is the sum of fills and flows, flows earn nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, later, mandate, report

from prudent.domain.errors import InputError
from prudent.domain.orders import Effect, Fill, OrderStatus, Side
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.booking import POSITIONS, Book, fill_lines, realised_of

CENT = Decimal("0.01")
SYMBOLS = ("AAPL", "BRK.B", "SPY")
amounts = st.decimals(min_value=CENT, max_value=5000, places=2)
quantities = st.integers(1, 50).map(Decimal) | st.decimals(min_value="0.0001", max_value=50, places=4)
prices = st.decimals(min_value=CENT, max_value=900, places=4).filter(lambda price: price > 0)
fees = st.decimals(min_value=0, max_value=5, places=2)


@dataclass(frozen=True)
class Trade:
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True)
class Move:
    kind: str
    amount: Decimal


trades = st.builds(
    Trade, symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(Side), quantity=quantities, price=prices, fee=fees
)
moves = st.builds(Move, kind=st.sampled_from(("deposit", "withdraw", "dividend")), amount=amounts)


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def opened() -> LedgerStore:
    store = open_ledger(":memory:")
    store.add_account(mandate(), cash=d("10000"), at=MONDAY)
    return store


def as_fill(trade: Trade, number: int) -> Fill:
    effect = Effect.OPEN if trade.side is Side.BUY else Effect.CLOSE
    order = intent(trade.symbol, trade.side, str(trade.quantity), cycle=str(number), effect=effect)
    return fill(order, str(trade.quantity), str(trade.price), commission=str(trade.fee), at=later(minutes=number))


def book(store: LedgerStore, steps: Sequence[Trade | Move], *, repeat: int) -> tuple[Decimal, dict[str, Decimal]]:
    """Do the steps, each report and flow `repeat` times; gives cash and quantities summed up here, by hand."""
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    cycle = store.next_cycle(run, at=MONDAY)
    cash, held = d("10000"), dict.fromkeys(SYMBOLS, d("0"))
    for number, step in enumerate(steps):
        if isinstance(step, Move):
            cash += move(store, step, cash, number, repeat)
            continue
        done = as_fill(step, number)
        effect = Effect.OPEN if step.side is Side.BUY else Effect.CLOSE
        order = intent(step.symbol, step.side, str(step.quantity), cycle=str(number), effect=effect)
        store.approve(run, cycle, (order,), at=MONDAY)
        store.sending(ACCOUNT, order.order_ref, seal=order.seal, at=MONDAY)
        for _ in range(repeat):
            store.reported(ACCOUNT, report(order, OrderStatus.FILLED, done), at=MONDAY)
        cash += cents(-step.side.sign * step.quantity * step.price - step.fee)
        held[step.symbol] += step.side.sign * step.quantity
    return cash, {symbol: quantity for symbol, quantity in held.items() if quantity}


def move(store: LedgerStore, step: Move, cash: Decimal, number: int, repeat: int) -> Decimal:
    try:
        for _ in range(repeat):
            store.flow(ACCOUNT, step.kind, step.amount, at=MONDAY, ref=f"flow-{number}")
    except InputError:
        assert step.kind == "withdraw"
        assert step.amount > cash
        return d("0")
    return -step.amount if step.kind == "withdraw" else step.amount


@given(st.lists(trades | moves, max_size=12), st.integers(1, 2))
def test_cash_and_positions_are_the_sum_of_fills_and_flows(steps: list[Trade | Move], repeat: int) -> None:
    store = opened()
    cash, held = book(store, steps, repeat=repeat)
    money = store.views.money(ACCOUNT)
    assert money.cash == cash
    assert {row.symbol: row.quantity for row in store.views.positions(ACCOUNT)} == held
    assert store.views.trades(limit=100).total == sum(isinstance(step, Trade) for step in steps)
    # Everything that came in is still there or was spent: the books' own identity.
    assert money.cash + money.positions_at_cost == (
        money.contributions + money.dividends + money.realised - money.commission
    )
    assert store.faults() == ()
    assert store.verify_audit().holds
    store.close()


@given(st.lists(trades, min_size=1, max_size=15))
def test_every_entry_sums_to_zero_and_a_flat_book_has_no_cost(steps: list[Trade]) -> None:
    account = Book()
    total, quantity = d("0"), d("0")
    for number, step in enumerate(steps, start=1):
        lines = fill_lines(account, as_fill(step, number))
        assert sum(line.amount for line in lines) == 0
        for line in lines:
            account.add(number, line, later(minutes=number))
        total += realised_of(lines)
    for symbol in SYMBOLS:
        quantity = sum((s.side.sign * s.quantity for s in steps if s.symbol == symbol), d("0"))
        holding = account.holdings.get(symbol)
        assert (holding.quantity if holding else d("0")) == quantity
        if holding is None:
            assert account.balance(POSITIONS + symbol) == 0
        else:
            assert holding.cost * holding.quantity >= 0
    assert sum(account.realised.values()) == total


@given(st.lists(st.builds(Move, kind=st.sampled_from(("deposit", "withdraw")), amount=amounts), max_size=10))
def test_no_sequence_of_flows_moves_the_unit_value(steps: list[Move]) -> None:
    store = opened()
    store.value(ACCOUNT, nlv=d("9000"), at=MONDAY, session=SESSION)
    nlv, cash = d("9000"), d("10000")
    for number, step in enumerate(steps):
        # The account lost 1,000 on what it holds, so no more than its value is taken out.
        if step.kind == "withdraw" and step.amount >= nlv:
            continue
        change = move(store, step, cash, number, 1)
        nlv, cash = nlv + change, cash + change
        store.value(ACCOUNT, nlv=nlv, at=later(days=number), session=SESSION + timedelta(number))
        seen = store.history(ACCOUNT, session=SESSION + timedelta(number), at=later(days=number))
        assert (seen.unit_value, seen.peak_unit_value) == (d("0.9"), d("1"))
        assert not seen.drawdown_halt_latched
    row = store.views.account(ACCOUNT)
    assert (row.total_return, row.drawdown) == (d("-0.1"), d("-0.1"))
    store.close()


@given(st.lists(st.tuples(st.decimals(min_value="0.5", max_value="1.5", places=3), st.none() | amounts), max_size=8))
def test_the_unit_value_is_the_product_of_the_period_returns(periods: list[tuple[Decimal, Decimal | None]]) -> None:
    store = opened()
    nlv, product, peak = d("10000"), d("1"), d("1")
    for number, (growth, deposit) in enumerate(periods):
        if deposit is not None:
            store.flow(ACCOUNT, "deposit", deposit, at=later(days=number), ref=str(number))
            nlv += deposit
        nlv, product = nlv * growth, product * growth
        peak = max(peak, product)
        store.value(ACCOUNT, nlv=nlv.quantize(d("0.000001")), at=later(days=number), session=SESSION)
        nlv = nlv.quantize(d("0.000001"))
    seen = store.history(ACCOUNT, session=SESSION, at=later(days=99))
    assert seen.unit_value is not None
    assert abs(seen.unit_value - product) < d("0.00000001")
    assert seen.peak_unit_value is not None
    assert abs(seen.peak_unit_value - peak) < d("0.00000001")
    store.close()
