"""Terms of positions: the stops of the idea that opened one, kept from the record of its cycle until it is closed."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import delete, insert, select

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.money import plain
from prudent.domain.orders import Effect, Side
from prudent.domain.reasoning import Idea, Terms
from prudent.domain.records import utc_text
from prudent.ledger import orders
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, moment
from prudent.ledger.schema import POSITION_TERMS, mine

_ALL = select(POSITION_TERMS).where(mine(POSITION_TERMS, "account")).order_by(POSITION_TERMS.c.symbol)
_ADD = insert(POSITION_TERMS)
_DROP = delete(POSITION_TERMS).where(mine(POSITION_TERMS, "account", "symbol"))


def known(tx: Transaction, account: str) -> tuple[Terms, ...]:
    """The terms that stand, by symbol."""
    return tuple(_terms(row) for row in tx.all(_ALL, account=account))


def keep(tx: Transaction, books: Books, record: CycleRecord) -> None:
    """What a recorded cycle changes: terms of positions that are gone fall, its ideas' own begin.

    A second idea on a position that is held can only tighten the stop-loss; its target and time replace the old ones.
    A rehearsal changes nothing.
    """
    if record.mode is Mode.DRY_RUN:
        return
    before = {each.symbol: each for each in known(tx, record.account)}
    held = _held_or_coming(tx, books, record.account)
    # What was not held when the cycle looked, and is now, was opened by the cycle: older terms are another position's.
    stood = {position.symbol for position in record.observation.snapshot.positions if position.quantity}
    after = {symbol: terms for symbol, terms in before.items() if symbol in held and symbol in stood}
    for idea in _bought(record):
        if idea.symbol in held:
            after[idea.symbol] = _joined(after.get(idea.symbol), idea, record)
    for symbol in sorted(before.keys() | after.keys()):
        if before.get(symbol) == after.get(symbol):
            continue
        tx.run(_DROP, account=record.account, symbol=symbol)
        if symbol in after:
            _add(tx, record, after[symbol])


def _held_or_coming(tx: Transaction, books: Books, account: str) -> set[str]:
    """Symbols with a position in the books, or with an order that may still open one."""
    holdings = books.of(tx, account).holdings.values()
    return {each.symbol for each in holdings if each.quantity} | {
        each.symbol for each in orders.at_venue(tx, account) if each.side is Side.BUY
    }


def _bought(record: CycleRecord) -> Iterable[Idea]:
    """Ideas with stops whose opening order the broker took and has not ended without a fill."""
    reasoning = record.decision.reasoning
    if reasoning is None:
        return ()
    opening = {
        intent.order_ref: intent.symbol for phase in record.phases for intent in phase.intents
        if intent.effect is Effect.OPEN and intent.side is Side.BUY
    }  # fmt: skip
    taken = {
        report.symbol for phase in record.phases for report in phase.reports
        if report.order_ref in opening and (report.filled or not report.status.is_done)
    }  # fmt: skip
    return tuple(
        idea for idea in reasoning.ideas
        if idea.side is Side.BUY and idea.symbol in taken and (idea.stop_loss, idea.take_profit, idea.time_stop_days)
        != (None, None, None)
    )  # fmt: skip


def _joined(old: Terms | None, idea: Idea, record: CycleRecord) -> Terms:
    new = Terms(
        symbol=idea.symbol, stop_loss=idea.stop_loss, take_profit=idea.take_profit,
        time_stop_days=idea.time_stop_days, since=record.finished,
    )  # fmt: skip
    if old is None:
        return new
    stops = [each for each in (old.stop_loss, new.stop_loss) if each is not None]
    return replace(
        new, stop_loss=min(stops, default=None),
        take_profit=new.take_profit if new.take_profit is not None else old.take_profit,
        time_stop_days=new.time_stop_days if new.time_stop_days is not None else old.time_stop_days,
        since=new.since if new.time_stop_days is not None else old.since,
    )  # fmt: skip


def _add(tx: Transaction, record: CycleRecord, terms: Terms) -> None:
    tx.run(
        _ADD, account=record.account, symbol=terms.symbol, run=record.run, cycle=record.cycle,
        stop_loss=_text(terms.stop_loss), take_profit=_text(terms.take_profit), time_stop_days=terms.time_stop_days,
        since=utc_text(terms.since or record.finished),
    )  # fmt: skip


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _terms(row: Row) -> Terms:
    return Terms(
        symbol=row["symbol"], stop_loss=_number(row["stop_loss"]), take_profit=_number(row["take_profit"]),
        time_stop_days=row["time_stop_days"], since=moment(row["since"]),
    )  # fmt: skip


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
