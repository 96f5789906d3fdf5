"""What the ledger contracts share: an opened ledger, its first run, and a way to bring orders to the wire."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.contract.ledger_build import (
    ACCOUNT,
    MONDAY,
    d,
    fill,
    intent,
    mandate,
    report,
)

from prudent.domain.orders import OrderIntent, OrderStatus
from prudent.ledger import LedgerStore
from prudent.ports import RunRef

S = OrderStatus


def cash(ledger: LedgerStore) -> Decimal:
    return ledger.views.money(ACCOUNT).cash


def holding(ledger: LedgerStore, symbol: str = "AAPL") -> tuple[Decimal, Decimal]:
    """Quantity and cost."""
    rows = {row.symbol: (row.quantity, row.cost) for row in ledger.views.positions(ACCOUNT)}
    return rows.get(symbol, (d("0"), d("0")))


class LedgerBench:
    """Numbers are by hand: the account opens with 10,000 in cash on Monday, 28 November 2022."""

    @pytest.fixture
    def ledger(self) -> Iterator[LedgerStore]:
        raise NotImplementedError

    @pytest.fixture
    def run(self, ledger: LedgerStore) -> RunRef:
        ledger.add_account(mandate(), cash=d("10000"), at=MONDAY)
        return self.open_run(ledger)

    def open_run(self, ledger: LedgerStore, mode: str = "paper", *, cash_max: str = "1") -> RunRef:
        return ledger.open_run(mandate(cash_max=cash_max), mode=mode, rules=(), code_version="1", at=MONDAY)

    def send(self, ledger: LedgerStore, run: RunRef, *intents: OrderIntent) -> int:
        """Bring intents to SENDING in a new cycle."""
        cycle = ledger.next_cycle(run, at=MONDAY)
        ledger.approve(run, cycle, intents, at=MONDAY)
        for each in intents:
            ledger.sending(ACCOUNT, each.order_ref, seal=each.seal, at=MONDAY)
        return cycle

    def state_of(self, ledger: LedgerStore, order_ref: str) -> OrderStatus:
        return next(row.state for row in ledger.views.orders().rows if row.order_ref == order_ref)

    def filled(self, ledger: LedgerStore, run: RunRef, quantity: str = "10", price: str = "100") -> OrderIntent:
        """A buy that has filled whole in one execution."""
        buy = intent(quantity=quantity)
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, quantity, price)), at=MONDAY)
        return buy
