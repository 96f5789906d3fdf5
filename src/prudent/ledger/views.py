"""Read models for lists, pages and exports: one method per list, paged where it is long, always of one owner."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.sql.elements import ClauseElement

from prudent.domain.money import ZERO
from prudent.domain.orders import OrderStatus
from prudent.domain.verdicts import Layer
from prudent.ledger import accounts, queries, rules, runs, states, valuations
from prudent.ledger.accounts import Account
from prudent.ledger.booking import COMMISSION, DIVIDENDS, POSITIONS, REALISED, Book
from prudent.ledger.database import Database, Row, Transaction, Value
from prudent.ledger.journal import Books, moment
from prudent.ledger.rows import (
    AccountRow,
    AuditRow,
    DecisionRow,
    EntryRow,
    GuardCount,
    MoneyRow,
    OrderEventRow,
    OrderRow,
    Page,
    PositionRow,
    ReasoningRow,
    RuleRow,
    RunRow,
    TradeRow,
    ValuationRow,
)
from prudent.ledger.schema import AUDIT, CYCLES, ORDER_EVENTS, REASONING, RUNS, VALUATIONS, VERDICT_COUNTS, mine
from prudent.ledger.states import StateRow
from prudent.ports import RunRef

R = TypeVar("R")
PAGE = 100
ALL = 2**62

_EVENTS = select(ORDER_EVENTS).where(mine(ORDER_EVENTS, "account", "order_ref")).order_by(ORDER_EVENTS.c.number)
_REASONING = select(REASONING).where(mine(REASONING, "account", "run", "cycle")).order_by(REASONING.c.kind)
_VALUATIONS = select(VALUATIONS).where(mine(VALUATIONS, "account")).order_by(VALUATIONS.c.number)
_COUNTS = (
    select(VERDICT_COUNTS)
    .where(queries.narrowed(VERDICT_COUNTS, "account", "run"))
    .order_by(VERDICT_COUNTS.c.run, VERDICT_COUNTS.c.guard)
)
_LATEST_RUN = (
    select(RUNS.c.run, RUNS.c.mode)
    .where(mine(RUNS, "account"))
    .order_by(RUNS.c.mode == "dry_run", RUNS.c.run.desc())
    .limit(1)
)
_RECORDED = (
    select(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle)
    .where(mine(CYCLES), CYCLES.c.record_digest.is_not(None))
    .order_by(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle)
)
_AUDIT = queries.paged(select(AUDIT).where(queries.narrowed(AUDIT, "account", "event")).order_by(AUDIT.c.seq.desc()))


class Views:
    """Everything the ledger can show. Long lists come newest first; a filter of None does not narrow."""

    def __init__(self, database: Database, books: Books) -> None:
        self._database = database
        self._books = books

    def accounts(self) -> tuple[AccountRow, ...]:
        with self._database.read() as tx:
            return tuple(self._account(tx, account) for account in accounts.listed(tx))

    def account(self, account: str) -> AccountRow:
        """One account at a glance; an unknown one raises `InputError`."""
        with self._database.read() as tx:
            return self._account(tx, accounts.find(tx, account))

    def _account(self, tx: Transaction, account: Account) -> AccountRow:
        book = self._books.of(tx, account.id)
        valued = valuations.last(tx, account.id)
        unit = valued.unit_value if valued else None
        standing = states.standing(tx, account.id)
        run = tx.one(_LATEST_RUN, account=account.id)
        return AccountRow(
            account=account.id, name=account.name, account_class=account.account_class, currency=account.currency,
            broker=account.broker, status=account.status, created=account.created, cash=book.cash,
            positions=len(book.holdings), state=standing.state, state_reason=standing.reason,
            nlv=valued.nlv if valued else None, valued=moment(valued.at) if valued else None, unit_value=unit,
            total_return=queries.grown(valuations.ONE, unit), drawdown=_rounded(valued),
            run=run["run"] if run else None, mode=run["mode"] if run else None,
            latches=tuple(sorted(kind for kind in valuations.latches(tx, account.id) if ":" not in kind)),
        )  # fmt: skip

    def positions(self, account: str) -> tuple[PositionRow, ...]:
        with self._database.read() as tx:
            currency = accounts.find(tx, account).currency
            book = self._books.of(tx, account)
            return tuple(
                PositionRow(
                    account=account, symbol=held.symbol, quantity=held.quantity, cost=held.cost,
                    average_cost=held.average_cost or ZERO, opened=held.opened,
                    realised=book.realised.get(held.symbol, ZERO), currency=currency,
                )
                for held in sorted(book.holdings.values(), key=lambda each: each.symbol)
            )  # fmt: skip

    def money(self, account: str) -> MoneyRow:
        """Cash, contributions, income and costs of an account since it was opened."""
        with self._database.read() as tx:
            currency = accounts.find(tx, account).currency
            return _money(account, currency, self._books.of(tx, account))

    def runs(self, account: str | None = None, *, limit: int = PAGE, offset: int = 0) -> Page[RunRow]:
        return self._page(queries.RUN_LIST, queries.run_row, limit, offset, account=account, run=None)

    def run(self, run: RunRef) -> RunRow:
        """One run; an unknown one raises `InputError`."""
        with self._database.read() as tx:
            runs.find_run(tx, run)
        return self._page(queries.RUN_LIST, queries.run_row, 1, 0, account=run.account, run=run.number).rows[0]

    def decisions(
        self, account: str | None = None, *, run: int | None = None, limit: int = PAGE, offset: int = 0
    ) -> Page[DecisionRow]:
        """Cycles with what was decided."""
        return self._page(queries.DECISION_LIST, queries.decision_row, limit, offset, account=account, run=run)

    def orders(
        self, account: str | None = None, *, run: int | None = None, state: OrderStatus | None = None,
        limit: int = PAGE, offset: int = 0,
    ) -> Page[OrderRow]:  # fmt: skip
        return self._page(
            queries.ORDER_LIST, queries.order_row, limit, offset, account=account, run=run, cycle=None,
            state=None if state is None else str(state),
        )  # fmt: skip

    def orders_of(self, cycle_id: str) -> tuple[OrderRow, ...]:
        """All orders of one cycle."""
        account, run, cycle = runs.parse_cycle(cycle_id)
        page = self._page(
            queries.ORDER_LIST, queries.order_row, ALL, 0, account=account, run=run, cycle=cycle, state=None
        )  # fmt: skip
        return tuple(page.rows)

    def order_events(self, account: str, order_ref: str) -> tuple[OrderEventRow, ...]:
        with self._database.read() as tx:
            return tuple(
                OrderEventRow(
                    number=row["number"], before=OrderStatus(row["from_state"]), after=OrderStatus(row["to_state"]),
                    at=moment(row["at"]), message=row["message"],
                )
                for row in tx.all(_EVENTS, account=account, order_ref=order_ref)
            )  # fmt: skip

    def trades(
        self, account: str | None = None, *, run: int | None = None, limit: int = PAGE, offset: int = 0
    ) -> Page[TradeRow]:
        """Fills with the why of their orders."""
        return self._page(queries.TRADE_LIST, queries.trade_row, limit, offset, account=account, run=run, cycle=None)

    def journal(self, account: str | None = None, *, limit: int = PAGE, offset: int = 0) -> Page[EntryRow]:
        """Journal lines, oldest first."""
        return self._page(queries.ENTRY_LIST, queries.entry_row, limit, offset, account=account)

    def reasoning(self, cycle_id: str) -> tuple[ReasoningRow, ...]:
        account, run, cycle = runs.parse_cycle(cycle_id)
        with self._database.read() as tx:
            return tuple(
                ReasoningRow(cycle=cycle_id, kind=row["kind"], text=row["text"], at=moment(row["at"]))
                for row in tx.all(_REASONING, account=account, run=run, cycle=cycle)
            )

    def recorded_cycles(self) -> tuple[str, ...]:
        """The id of every cycle that has a record, in order."""
        with self._database.read() as tx:
            return tuple(f"{row['account']}/{row['run']}/{row['cycle']}" for row in tx.all(_RECORDED))

    def valuations(self, account: str) -> tuple[ValuationRow, ...]:
        """The account's curve, oldest first."""
        with self._database.read() as tx:
            return tuple(
                ValuationRow(
                    at=moment(row["at"]), session=date.fromisoformat(row["session"]), nlv=Decimal(row["nlv"]),
                    unit_value=queries.maybe_decimal(row["unit_value"]), peak=queries.maybe_decimal(row["peak"]),
                    flows_total=Decimal(row["flows_total"]),
                )
                for row in tx.all(_VALUATIONS, account=account)
            )  # fmt: skip

    def states(self) -> tuple[StateRow, ...]:
        """Every trading state that was set: platform (empty account), accounts, symbols."""
        with self._database.read() as tx:
            return states.listed(tx)

    def rules(self, account: str) -> tuple[RuleRow, ...]:
        """All rules, switched-off ones too, with what they did in the latest run and in all."""
        with self._database.read() as tx:
            latest = tx.one(_LATEST_RUN, account=account)
            counted = [row for row in tx.all(_COUNTS, account=account, run=None) if row["layer"] == Layer.USER]
            run = latest["run"] if latest else None
            return tuple(
                RuleRow(
                    rule=rule,
                    refusals=_sum(counted, rule.rule_id, "refusals", run),
                    shrinks=_sum(counted, rule.rule_id, "shrinks", run),
                    refusals_total=_sum(counted, rule.rule_id, "refusals", None),
                    shrinks_total=_sum(counted, rule.rule_id, "shrinks", None),
                )
                for rule in rules.listed(tx, account)
            )

    def guard_counts(self, account: str, *, run: int | None = None) -> tuple[GuardCount, ...]:
        """What each guard refused and shrank, per run."""
        with self._database.read() as tx:
            return tuple(
                GuardCount(
                    run=row["run"], guard=row["guard"], name=row["name"], layer=row["layer"],
                    refusals=row["refusals"], shrinks=row["shrinks"],
                )
                for row in tx.all(_COUNTS, account=account, run=run)
            )  # fmt: skip

    def audit(
        self, account: str | None = None, *, event: str | None = None, limit: int = PAGE, offset: int = 0
    ) -> Page[AuditRow]:
        return self._page(_AUDIT, _audit_row, limit, offset, account=account, event=event)

    def _page(
        self, query: tuple[ClauseElement, ClauseElement], convert: Callable[[Row], R], limit: int, offset: int,
        **filters: Value,
    ) -> Page[R]:  # fmt: skip
        listed, counted = query
        with self._database.read() as tx:
            total = tx.one(counted, **filters)
            rows = tx.all(listed, limit=limit, offset=offset, **filters)
            return Page(
                rows=tuple(convert(row) for row in rows), total=total["n"] if total else 0, limit=limit, offset=offset
            )


def _rounded(valued: valuations.Valuation | None) -> Decimal | None:
    return None if valued is None or valued.unit_value is None else valued.drawdown.quantize(valuations.UNIT)


def _money(account: str, currency: str, book: Book) -> MoneyRow:
    held = (amount for name, amount in book.balances.items() if name.startswith(POSITIONS))
    return MoneyRow(
        account=account, currency=currency, cash=book.cash, contributions=book.net_contributions,
        dividends=-book.balance(DIVIDENDS), realised=-book.balance(REALISED), commission=book.balance(COMMISSION),
        positions_at_cost=sum(held, ZERO),
    )  # fmt: skip


def _sum(counted: list[Row], rule_id: str, what: str, run: int | None) -> int:
    """What the guards of a rule did, one guard per parameter: `rule:ID:PARAMETER`."""
    return sum(
        row[what]
        for row in counted
        if row["guard"].removeprefix("rule:").rpartition(":")[0] == rule_id and run in (None, row["run"])
    )


def _audit_row(row: Row) -> AuditRow:
    return AuditRow(
        seq=row["seq"], at=moment(row["at"]), event=row["event"], account=row["account"], body=row["body"],
        hash=row["hash"],
    )  # fmt: skip
