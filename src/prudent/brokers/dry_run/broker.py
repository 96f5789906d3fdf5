"""The dry-run broker: what would be sent is answered with WOULD_SEND, and there is no transport to send it with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from prudent.domain.accounts import AccountSnapshot
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import Fill, OrderIntent, OrderReport, OrderStatus
from prudent.ports import NO_CLAIM, BrokerReads, BrokerTraits, Claim, Link, Listing, TellsMargin


class Readable(Protocol):
    """A broker that can give away its reading half; what it gives must lead back to no `submit`."""

    def reads(self) -> BrokerReads: ...


class DryRunBroker:
    """Implements `Broker` over the reading half of another one, which is all that it keeps."""

    def __init__(self, inner: Readable) -> None:
        self._reads = inner.reads()

    def reads(self) -> BrokerReads:
        return self._reads

    @property
    def name(self) -> str:
        return f"dry run of {self._reads.name}"

    @property
    def traits(self) -> BrokerTraits:
        return replace(self._reads.traits, transmits=False)

    def snapshot(self, account: str) -> AccountSnapshot:
        return self._reads.snapshot(account)

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        return self._reads.reports(account, order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        del seconds
        return self._reads.reports(account, order_refs)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        return self._reads.fills(account, since=since)

    def link(self, account: str) -> Link:
        return self._reads.link(account)

    def listing(self, account: str) -> Listing:
        return self._reads.listing(account)

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        """Asked through: a question about margin sends nothing, and a rehearsal is judged by the same answer."""
        if isinstance(self._reads, TellsMargin):
            return self._reads.what_if(intents)
        return tuple(
            MarginAnswer(order_ref=each.order_ref, checked=False, message=f"{self._reads.name} tells nothing of margin")
            for each in intents
        )

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        del claim
        self._reads.reports(intent.account, ())  # an unknown account is refused as the real broker would
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=OrderStatus.WOULD_SEND, message="dry run: would send, nothing left",
        )  # fmt: skip

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        (report,) = self._reads.reports(account, (order_ref,))
        return report if report.status.is_done else replace(report, message="dry run: would cancel, nothing left")
