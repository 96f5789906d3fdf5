"""Corporate actions in the journal: a dividend is income, a split moves shares at no cost, a delisting realises."""

from datetime import datetime
from decimal import Decimal

from prudent.domain.corporate_actions import CorporateAction, Dividend, Outcome, Split, outcome
from prudent.domain.errors import InputError
from prudent.domain.money import ZERO, plain, to_cents
from prudent.domain.records import encode
from prudent.ledger import accounts, audit
from prudent.ledger.booking import CASH, DIVIDENDS, POSITIONS, REALISED, Holding, Line, balanced
from prudent.ledger.database import Transaction
from prudent.ledger.journal import Books, Entry, append_entry, booked

KIND = "action"


def book_action(tx: Transaction, books: Books, account: str, action: CorporateAction, *, at: datetime) -> bool:
    """Book what `action` does to the holding, once per symbol, day and kind; True when it was booked now.

    False when it stood already, or nothing was held that it could act on. It is no flow: it counts in the return.

    Raises:
        InputError: another action stands under the same symbol, day and kind.
    """
    currency = accounts.find(tx, account).currency
    text = described(action)
    known = booked(tx, account, KIND, action.ref)
    if known is not None:
        if known != text:
            raise InputError(f"{action.ref} is booked as {known}, was now given as {text}; check the data's actions")
        return False
    book = books.of(tx, account)
    held = book.holdings.get(action.symbol)
    lines = action_lines(held, action) if held is not None and held.quantity else ()
    if held is None or not lines:
        return False
    entry = Entry(account=account, kind=KIND, ref=action.ref, at=at, text=text)
    append_entry(tx, book, entry, lines, currency=currency)
    done = outcome(held.quantity, action)
    audit.note(tx, "action_booked", account, at, {
        "ref": action.ref, "action": text, "before": encode(held.quantity), "after": encode(done.after),
        "cash": encode(done.cash), "currency": currency,
    })  # fmt: skip
    return True


def described(action: CorporateAction) -> str:
    """The action in words, which stand in the journal and tell it from another one."""
    if isinstance(action, Dividend):
        return f"dividend of {plain(action.amount)} a share of {action.symbol}"
    if isinstance(action, Split):
        return f"split of {action.symbol}, {plain(action.ratio)} for one, the rest at {plain(action.price)}"
    return f"delisting of {action.symbol}, paid out at {plain(action.price)}"


def action_lines(held: Holding, action: CorporateAction) -> tuple[Line, ...]:
    """What `action` books for a holding: empty where it comes to nothing."""
    done = outcome(held.quantity, action)
    if isinstance(action, Dividend):
        return balanced(_cash(done, DIVIDENDS, action.symbol)) if done.cash else ()
    lines = [_position(held.symbol, done)] if done.grown else []
    if done.paid_out:
        cost_out = _cost_of(held, done)
        lines += [
            Line(
                ledger_account=POSITIONS + held.symbol, amount=-cost_out, symbol=held.symbol, quantity=-done.paid_out
            ),
            Line(ledger_account=CASH, amount=done.cash),
            # An income is a credit: what was paid less what it had cost.
            Line(ledger_account=REALISED, amount=cost_out - done.cash, symbol=held.symbol),
        ]
    return balanced(lines)


def _cost_of(held: Holding, done: Outcome) -> Decimal:
    """The cost that leaves with what is paid out, all of it where nothing stays."""
    if not done.after:
        return held.cost
    return to_cents(held.cost * done.paid_out / (held.quantity + done.grown))


def _position(symbol: str, done: Outcome) -> Line:
    return Line(ledger_account=POSITIONS + symbol, amount=ZERO, symbol=symbol, quantity=done.grown)


def _cash(done: Outcome, other: str, symbol: str) -> tuple[Line, Line]:
    return (
        Line(ledger_account=CASH, amount=done.cash),
        Line(ledger_account=other, amount=-done.cash, symbol=symbol),
    )
