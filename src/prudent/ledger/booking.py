"""Double entry as pure functions: what a fill or a flow books, and the book that a journal adds up to."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import Position
from prudent.domain.errors import InputError
from prudent.domain.futures import point_value
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Fill

CASH = "assets:cash"
POSITIONS = "assets:positions:"
REALISED = "income:realised"
DIVIDENDS = "income:dividends"
COMMISSION = "expenses:commission"
CONTRIBUTIONS = "equity:contributions"


class FlowKind(StrEnum):
    """Money in and out; a dividend is income of the account, the other two are the owner's."""

    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    DIVIDEND = "dividend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One side of an entry, debit above 0; `quantity` moves with the amount on position lines."""

    ledger_account: str
    amount: Decimal
    symbol: str = ""
    quantity: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A signed quantity with its signed cost, without commission; `opened` is the last fill that enlarged it."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    opened: datetime | None = None

    @property
    def average_cost(self) -> Decimal | None:
        """The price that one unit was had at."""
        return self.cost / self.quantity / point_value(self.symbol) if self.quantity else None


@dataclass(slots=True)
class Book:
    """Balances of one account as the sum of its journal lines up to entry `entry`."""

    entry: int = 0
    balances: dict[str, Decimal] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    realised: dict[str, Decimal] = field(default_factory=dict)

    def balance(self, ledger_account: str) -> Decimal:
        return self.balances.get(ledger_account, ZERO)

    def copy(self) -> "Book":
        """A book of its own that begins equal."""
        return replace(
            self, balances=dict(self.balances), holdings=dict(self.holdings), realised=dict(self.realised)
        )  # fmt: skip

    @property
    def cash(self) -> Decimal:
        return self.balance(CASH)

    @property
    def net_contributions(self) -> Decimal:
        """Money and positions put in less money taken out, since the beginning."""
        return -self.balance(CONTRIBUTIONS)

    def add(self, entry: int, line: Line, at: datetime) -> None:
        """Take one journal line into the balances."""
        self.entry = entry
        self.balances[line.ledger_account] = self.balance(line.ledger_account) + line.amount
        if line.ledger_account == REALISED:
            self.realised[line.symbol] = self.realised.get(line.symbol, ZERO) - line.amount
        if line.ledger_account.startswith(POSITIONS):
            self._move(line, at)

    def _move(self, line: Line, at: datetime) -> None:
        held = self.holdings.get(line.symbol) or Holding(symbol=line.symbol, quantity=ZERO, cost=ZERO)
        quantity = held.quantity + line.quantity
        cost = held.cost + line.amount
        if quantity == 0 and cost == 0:
            self.holdings.pop(line.symbol, None)
            return
        # Shares of a split come at no cost: they make the position no younger.
        enlarged = held.quantity == 0 or (held.quantity * line.quantity >= 0 and line.amount != 0)
        # Between a reversal and the correction after it, nothing may be held and still have a cost.
        self.holdings[line.symbol] = replace(
            held, quantity=quantity, cost=cost, opened=at if enlarged else held.opened
        )


def fill_lines(book: Book, fill: Fill) -> tuple[Line, ...]:
    """What a fill books: cash to the cent, commission, the position at cost, and the result of what it closed.

    A fill that crosses zero closes the old position at its cost and opens the new one with the rest.
    """
    cash = to_cents(fill.cash_effect)
    commission = to_cents(fill.commission)
    value = -(cash + commission)
    held = book.holdings.get(fill.symbol) or Holding(symbol=fill.symbol, quantity=ZERO, cost=ZERO)
    signed = fill.side.sign * fill.quantity
    closing = _closing(held.quantity, signed)
    lines = [Line(ledger_account=CASH, amount=cash)]
    if commission:
        lines.append(Line(ledger_account=COMMISSION, amount=commission))
    cost_out, value_out = ZERO, ZERO
    if closing:
        whole = closing == -held.quantity
        cost_out = held.cost if whole else to_cents(held.cost * -closing / held.quantity)
        value_out = value if closing == signed else to_cents(value * closing / signed)
        lines.append(_position(fill.symbol, -cost_out, closing))
    if signed != closing:
        lines.append(_position(fill.symbol, value - value_out, signed - closing))
    if closing:
        # What closing brought in is -value_out; less its cost it is the result, an income and so a credit.
        lines.append(Line(ledger_account=REALISED, amount=value_out + cost_out, symbol=fill.symbol))
    return balanced(lines)


def _closing(held: Decimal, signed: Decimal) -> Decimal:
    """The signed part of a fill that reduces what is held."""
    if held * signed >= 0:
        return ZERO
    return signed if abs(signed) <= abs(held) else -held


def _position(symbol: str, amount: Decimal, quantity: Decimal) -> Line:
    return Line(ledger_account=POSITIONS + symbol, amount=amount, symbol=symbol, quantity=quantity)


def reversal_lines(lines: Iterable[Line]) -> tuple[Line, ...]:
    """What takes an entry back, line by line."""
    return tuple(replace(line, amount=-line.amount, quantity=-line.quantity) for line in lines)


def rest_lines(book: Book, symbol: str, after: Iterable[Line]) -> tuple[Line, ...]:
    """The cost that `after` would leave where nothing is held any more is a result."""
    held = book.holdings.get(symbol) or Holding(symbol=symbol, quantity=ZERO, cost=ZERO)
    moved = [line for line in after if line.ledger_account == POSITIONS + symbol]
    quantity = held.quantity + sum((line.quantity for line in moved), ZERO)
    cost = held.cost + sum((line.amount for line in moved), ZERO)
    if quantity or not cost:
        return ()
    return balanced([
        _position(symbol, -cost, ZERO), Line(ledger_account=REALISED, amount=cost, symbol=symbol)
    ])  # fmt: skip


def commission_lines(before: Fill, after: Fill) -> tuple[Line, ...]:
    """What a commission that was told later than its execution books."""
    cash = to_cents(after.cash_effect) - to_cents(before.cash_effect)
    lines = [Line(ledger_account=CASH, amount=cash), Line(ledger_account=COMMISSION, amount=-cash)]
    return balanced(line for line in lines if line.amount)


def adjustment_lines(symbol: str, *, quantity: Decimal, cost: Decimal, cash: Decimal) -> tuple[Line, ...]:
    """What takes over a difference that no execution explains; the owner put it in or took it out."""
    lines = [Line(ledger_account=CASH, amount=cash)] if cash else []
    if quantity or cost:
        lines.append(_position(symbol, cost, quantity))
    if cash + cost:
        lines.append(Line(ledger_account=CONTRIBUTIONS, amount=-cash - cost))
    return balanced(lines)


def realised_of(lines: Iterable[Line]) -> Decimal:
    """The result that an entry books, commission apart."""
    return -sum((line.amount for line in lines if line.ledger_account == REALISED), ZERO)


def flow_lines(book: Book, kind: FlowKind, amount: Decimal) -> tuple[Line, ...]:
    """What a deposit, withdrawal or dividend books.

    Raises:
        InputError: the amount is not above 0 in whole cents, or the withdrawal exceeds the cash.
    """
    if not amount.is_finite() or amount <= 0 or to_cents(amount) != amount:
        raise InputError(f"amount must be above 0 in whole cents, was {amount}; write it like 1234.56")
    if kind is FlowKind.WITHDRAW:
        if amount > book.cash:
            raise InputError(f"a withdrawal must not exceed the cash of {book.cash}, was {amount}; sell first")
        amount = -amount
    other = DIVIDENDS if kind is FlowKind.DIVIDEND else CONTRIBUTIONS
    return balanced([Line(ledger_account=CASH, amount=amount), Line(ledger_account=other, amount=-amount)])


def opening_lines(cash: Decimal, positions: Iterable[Position]) -> tuple[Line, ...]:
    """What opening an account books: cash and positions at cost, contributed by the owner.

    Raises:
        InputError: negative cash, a short, a doubled symbol or a position without a cost.
    """
    if not cash.is_finite() or cash < 0 or to_cents(cash) != cash:
        raise InputError(f"opening cash must be 0 or more in whole cents, was {cash}; write it like 25000.00")
    lines = [Line(ledger_account=CASH, amount=cash)] if cash else []
    seen: set[str] = set()
    for each in positions:
        if each.symbol in seen:
            raise InputError(f"opening position {each.symbol} must be listed once, was twice; join the rows")
        seen.add(each.symbol)
        if not each.quantity.is_finite() or each.quantity <= 0:
            raise InputError(f"opening quantity of {each.symbol} must be above 0, was {each.quantity}; correct it")
        if each.average_cost is None or not each.average_cost.is_finite() or each.average_cost < 0:
            raise InputError(
                f"opening cost of {each.symbol} must be 0 or more, was {each.average_cost}; give avg_cost or a price"
            )
        lines.append(_position(each.symbol, to_cents(each.cost), each.quantity))
    total = sum((line.amount for line in lines), ZERO)
    if total:
        lines.append(Line(ledger_account=CONTRIBUTIONS, amount=-total))
    return balanced(lines)


def adopted_lines(cash: Decimal, positions: Iterable[Position]) -> tuple[Line, ...]:
    """What taking over a book kept elsewhere books: its cash and its positions at cost, shorts and debts included.

    Raises:
        InputError: a doubled symbol, or a position of nothing or without a cost.
    """
    lines = [Line(ledger_account=CASH, amount=cash)] if cash else []
    seen: set[str] = set()
    for each in positions:
        if each.symbol in seen or not each.quantity or not each.quantity.is_finite():
            raise InputError(
                f"a position taken over must be one of its symbol and not 0, was {each.quantity} {each.symbol}; "
                "look at the account again"
            )
        if each.average_cost is None or not each.average_cost.is_finite() or each.average_cost < 0:
            raise InputError(f"{each.symbol} must have a cost of 0 or more to be taken over, was {each.average_cost}")
        seen.add(each.symbol)
        lines.append(_position(each.symbol, to_cents(each.cost), each.quantity))
    total = sum((line.amount for line in lines), ZERO)
    if total:
        lines.append(Line(ledger_account=CONTRIBUTIONS, amount=-total))
    return balanced(lines)


def balanced(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines as an entry; a broken balance is a broken program and stops it."""
    entry = tuple(lines)
    total = sum((line.amount for line in entry), ZERO)
    assert total == 0, f"journal entry must sum to zero, was {total}: {entry}"
    return entry
