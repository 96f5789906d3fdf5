"""One process's connection to the venue: `ports.Broker` over a socket that drops, stalls, repeats itself and lies."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.errors import InputError, Temporary
from prudent.domain.orders import Fill, OpenOrder, OrderIntent, OrderReport, OrderStatus
from prudent.domain.quotes import Quality
from prudent.ports import NO_CLAIM, BrokerTraits, Claim, Link, Listing
from prudent.simulation.faults import Weather
from prudent.simulation.gateway import LATE_SECONDS, Gateway, Held
from prudent.simulation.prices import LyingMarket
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.simulation.venue import Execution, Venue, VenueOrder

NAME = "hostile"
ACK_SECONDS = 8.0
_ENDED = {
    "cancelled": OrderStatus.CANCELLED, "rejected": OrderStatus.REJECTED, "expired": OrderStatus.EXPIRED,
}  # fmt: skip


class Watcher(Protocol):
    """Who sees what crosses the wire, and may end or stop the process at each point; `frozen` while it is stopped."""

    frozen: bool

    def point(self, name: str) -> None: ...

    def leaves(self, intent: OrderIntent, claim: Claim, stood: timedelta) -> None: ...

    def heard(self, account: str, report: OrderReport) -> None: ...


class Wire:
    """Implements `Broker` and `BrokerReads` for one process."""

    name = NAME

    def __init__(  # noqa: PLR0913 - one line per thing that a wire lies between
        self, gateway: Gateway, venue: Venue, timeline: Timeline, clock: ProcessClock, weather: Weather,
        watcher: Watcher, *, traits: BrokerTraits,
    ) -> None:  # fmt: skip
        self.gateway = gateway
        self.traits = traits
        self._venue = venue
        self._timeline = timeline
        self._clock = clock
        self._weather = weather
        self._watcher = watcher
        self._dead = False
        self._half_open_until: datetime | None = None
        self._last: dict[str, OrderReport] = {}

    def reads(self) -> "Wire":
        """The reading half; the simulation never asks it to trade."""
        return self

    def prices(self, seen: LyingMarket) -> LyingMarket:
        """Prices come by another way."""
        return seen

    # The connection

    def link(self, account: str) -> Link:
        self._known(account)
        up = self._connected() and self.gateway.upstream
        return Link(
            session=f"{self.gateway.name}-{self.gateway.session}", up=up, quiet_since=self._seen(),
            next_order_id=self.gateway.next_id,
        )  # fmt: skip

    def _seen(self) -> datetime:
        """When this session last came up, on the process's clock."""
        return self.gateway.quiet_since + (self._clock.now() - self._timeline.now)

    def _connected(self) -> bool:
        return self.gateway.connect(self)

    def _require(self) -> None:
        self._watcher.point("ask")
        if not self._connected():
            raise Temporary("the venue must be reachable, the socket is closed; wait for the link")
        if not self.gateway.upstream:
            raise Temporary("the venue must be reachable, error 1100: the gateway lost it; wait for the link")
        if self._weather.strikes("venue_slow"):
            self._timeline.seconds(self._weather.seconds(1.0, 6.0))
        if self._weather.strikes("venue_unreachable"):
            raise Temporary("the venue did not answer in time; try again")
        if not self._connected():
            raise Temporary("the venue must be reachable, the socket closed while asking; wait for the link")

    def _known(self, account: str) -> None:
        if account not in self._venue.accounts:
            raise InputError(f"account must be one of the venue's, was {account!r}; correct it")

    # Orders

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        self._known(intent.account)
        before = self._timeline.now
        self._watcher.point("before wire")
        # Who stands still here stood still after its last look: no code can look later than last.
        stood = self._timeline.now - before
        if not self._connected() or claim.session != f"{self.gateway.name}-{self.gateway.session}":
            raise Temporary(f"the session {claim.session} must be live to send, is not; nothing was sent")
        if self._weather.strikes("drop_before_send"):
            self.gateway.drop()
            raise Temporary("the socket closed before the first byte; nothing was sent")
        self._watcher.leaves(intent, claim, stood)
        if self.gateway.lag and self._weather.strikes("upstream_lost_in_send"):
            self.gateway.lose_upstream()
            self._timeline.after(self._weather.seconds(2.0, 200.0), "upstream back", self.gateway.regain_upstream)
        kind = self._weather.one_of("drop_half_sent", "drop_after_send", "half_open")
        if kind == "half_open":
            self._timeline.after(self._weather.seconds(2.0, 20.0), "half-open socket found", self._drop_own)
            self._timeline.seconds(ACK_SECONDS)
            return self._in_doubt(intent, "no answer in 8 seconds")
        if kind == "drop_half_sent":
            self.gateway.drop()
            return self._in_doubt(intent, "the socket closed in the middle of the order")
        if kind == "drop_after_send":
            self.gateway.receive(intent, claim.order_id)
            self.gateway.drop()
            return self._in_doubt(intent, "the socket closed after the order")
        return self._answered(intent, claim)

    def _answered(self, intent: OrderIntent, claim: Claim) -> OrderReport:
        if self._weather.strikes("ack_late"):
            if self.gateway.lag:
                wait = self._weather.seconds(0.5, LATE_SECONDS) * self.gateway.lag
                self.gateway.comes_late(wait)
                held = self.gateway.receive
                self._timeline.after(wait, f"arrives {intent.order_ref}", lambda: _ignore(held(intent, claim.order_id)))
            else:
                self.gateway.receive(intent, claim.order_id)
            self._watcher.point("after wire")
            self._timeline.seconds(ACK_SECONDS)
            return self._in_doubt(intent, "no answer in 8 seconds")
        self.gateway.receive(intent, claim.order_id)
        self._watcher.point("after wire")
        if self._weather.strikes("ack_lost"):
            self._timeline.seconds(ACK_SECONDS)
            return self._in_doubt(intent, "no answer in 8 seconds")
        return self._told(self._report(intent.account, intent.order_ref, self._timeline.now))

    def _drop_own(self) -> None:
        if self.gateway.owner is self:
            self.gateway.drop()

    def _in_doubt(self, intent: OrderIntent, message: str) -> OrderReport:
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=OrderStatus.UNKNOWN, message=message,
        )  # fmt: skip

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        self._known(account)
        self._watcher.point("before cancel")
        self._require()
        held = self.gateway.holds(account, order_ref)
        orders = self._venue.find(account, order_ref)
        if held is not None:
            self.gateway.held.remove(held)
            return _of_intent(held.intent, OrderStatus.CANCELLED, "cancelled before it was accepted")
        if not orders:
            return _absent(order_ref)
        order = orders[-1]
        if order.is_live and not self._weather.strikes("cancel_refused"):
            self._venue.end(order, "cancelled", "202 order cancelled")
            if self._weather.strikes("fill_after_cancel"):
                self._timeline.after(
                    self._weather.seconds(0.1, 5.0), f"crossed {order_ref}", lambda: self._venue.late_fill(order)
                )
        self._watcher.point("after cancel")
        if self._weather.strikes("cancel_unanswered"):
            raise Temporary("the cancel got no answer; ask again")
        return self._told(self._report(account, order_ref, self._timeline.now))

    # Questions

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        self._known(account)
        self._require()
        moment = self._moment("listing_old")
        return tuple(self._told(self._report(account, ref, moment)) for ref in order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        end = self._timeline.now + timedelta(seconds=seconds)
        while True:
            self._watcher.point("wait")
            found = self.reports(account, order_refs)
            if all(each.status.is_done for each in found) or not self._timeline.step(end):
                return found

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        self._known(account)
        self._require()
        orders = self._venue.accounts[account].orders
        shown = [self._fill(o, e) for o in orders for e in self._shown(o, self._moment("listing_old"))]
        return tuple(fill for fill in shown if since is None or fill.time >= since)

    def snapshot(self, account: str) -> AccountSnapshot:
        self._known(account)
        self._require()
        moment = self._moment("snapshot_old")
        if len(self._venue.accounts) > 1 and self._weather.strikes("snapshot_foreign"):
            account = next(each for each in self._venue.accounts if each != account)
        return self._snapshot(account, moment)

    def _snapshot(self, account: str, moment: datetime) -> AccountSnapshot:
        cash, positions = self._venue.as_of(account, moment)
        costs = self._venue.accounts[account].costs
        orders = [o for o in self._venue.accounts[account].orders if o.is_live and o.at <= moment]
        if not self.gateway.synced:
            orders = self._missing_some(orders)
        held = self._shown_held(account)
        return AccountSnapshot(
            account=account, currency="USD", cash=cash,
            positions=tuple(
                Position(symbol=symbol, quantity=quantity, average_cost=costs.get(symbol, Decimal(1)))
                for symbol, quantity in sorted(positions.items())
            ),
            open_orders=tuple(_open_order(o) for o in orders) + tuple(_open_held(h) for h in held),
            as_of=moment + (self._clock.now() - self._timeline.now), source=NAME,
        )  # fmt: skip

    def listing(self, account: str) -> Listing:
        self._known(account)
        asked = self._clock.now()
        self._require()
        if self._weather.strikes("lists_hiccup"):
            self.gateway.hiccup()
        complete = not self._weather.strikes("listing_incomplete")
        moment = self._moment("listing_old")
        today = self._venue.calendar.session_of(self._timeline.now).date
        orders = [
            o for o in self._venue.accounts[account].orders if o.at <= moment and (o.is_live or self._is_of(today, o))
        ]  # fmt: skip
        if not complete or not self.gateway.synced:
            orders = self._missing_some(orders)
        held = [h for h in self._shown_held(account) if self.gateway.synced]
        reports = [self._as_seen(o, moment) for o in orders]
        reports += [_of_intent(h.intent, OrderStatus.HELD, "held by the gateway") for h in held]
        fills = [fill for report in reports for fill in report.fills]
        for report in reports:
            self._told(report)
        return Listing(
            account=account, session=f"{self.gateway.name}-{self.gateway.session}", asked=asked,
            ended=self._clock.now(), complete=complete, orders=tuple(reports), fills=tuple(self._shuffled(fills)),
            snapshot=self._snapshot(account, moment),
        )  # fmt: skip

    # How things look from here

    def _is_of(self, today: date, order: VenueOrder) -> bool:
        """It was placed, ended or traded in that session; the lists of a day show no other that is over."""
        times = [order.at, *(each.time for each in order.executions)]
        times += [order.ended] if order.ended is not None else []
        return any(self._venue.calendar.session_of(time).date == today for time in times)

    def _moment(self, fault: str) -> datetime:
        if self.gateway.lag and self._weather.strikes(fault):
            return self._timeline.now - timedelta(seconds=self._weather.seconds(0.5, 10.0) * self.gateway.lag)
        return self._timeline.now

    def _shown_held(self, account: str) -> list[Held]:
        return [each for each in self.gateway.held if each.intent.account == account and not each.hidden]

    def _missing_some(self, orders: Sequence[VenueOrder]) -> list[VenueOrder]:
        if self.gateway.mood != "lists_partial":
            return []
        return [order for order in orders if self._weather.pick(2)]

    def _report(self, account: str, order_ref: str, moment: datetime) -> OrderReport:
        held = self.gateway.holds(account, order_ref)
        if held is not None and self.gateway.synced and not held.hidden:
            return _of_intent(held.intent, OrderStatus.HELD, "held by the gateway")
        orders = [order for order in self._venue.find(account, order_ref) if order.at <= moment]
        if not orders or (not self.gateway.synced and not self._missing_some(orders)):
            return _absent(order_ref)
        return self._as_seen(orders[-1], moment)

    def _as_seen(self, order: VenueOrder, moment: datetime) -> OrderReport:
        fills = tuple(self._shuffled(self._fill(order, each) for each in self._shown(order, moment)))
        filled = sum((f.quantity for f in fills if not f.busted), Decimal(0))
        status = _ENDED.get(order.state)
        if status is None or (order.ended is not None and order.ended > moment):
            status = OrderStatus.ACKED if filled == 0 else OrderStatus.PARTIAL
            # A trade that was taken back does not bring its order to life again.
            if sum((f.quantity for f in fills), Decimal(0)) == order.quantity:
                status = OrderStatus.FILLED
        return OrderReport(
            order_ref=order.order_ref, symbol=order.symbol, side=order.side, quantity=order.quantity, status=status,
            filled=filled, fills=fills, message=order.message, venue_id=str(order.perm_id),
        )  # fmt: skip

    def _shown(self, order: VenueOrder, moment: datetime) -> Iterable[Execution]:
        return [each for each in order.executions if each.shown <= moment]

    def _fill(self, order: VenueOrder, done: Execution) -> Fill:
        charged = done.charged <= self._timeline.now
        return Fill(
            exec_id=done.exec_id, order_ref=done.order_ref, account=order.account, symbol=done.symbol, side=done.side,
            quantity=done.quantity, price=done.price, commission=done.commission if charged else Decimal(0),
            time=done.time, quality=Quality.SYNTHETIC, version=done.version, busted=done.busted,
        )  # fmt: skip

    def _shuffled(self, fills: Iterable[Fill]) -> list[Fill]:
        found = list(fills)
        if len(found) > 1 and self._weather.strikes("fills_out_of_order"):
            found.reverse()
        return found

    def _told(self, report: OrderReport) -> OrderReport:
        """Hand a report over, and perhaps let it, or the one before it, come once more by itself."""
        account = next((f.account for f in report.fills), "") or self._account_of(report.order_ref)
        if account and report.status is not OrderStatus.NOT_SENT:
            before = self._last.get(report.order_ref)
            kind = self._weather.one_of("message_doubled", "message_old", "message_unasked")
            if kind == "message_old" and before is not None:
                self._later(account, before)
            elif kind is not None:
                self._later(account, report)
            self._last[report.order_ref] = report
        return report

    def _later(self, account: str, report: OrderReport) -> None:
        act: Callable[[], None] = lambda: self._watcher.heard(account, report)  # noqa: E731
        self._timeline.after(self._weather.seconds(0.1, 30.0), f"message {report.order_ref} {report.status}", act)

    def tell_of(self, order: VenueOrder) -> None:
        """A report that nobody asked for."""
        self._watcher.heard(order.account, self._as_seen(order, self._timeline.now))

    def _account_of(self, order_ref: str) -> str:
        for account, book in self._venue.accounts.items():
            if any(order.order_ref == order_ref for order in book.orders):
                return account
        return ""


class BorrowedWire(Wire):
    """A person's command, which speaks to the venue through the engine's own socket where there is one."""

    def _connected(self) -> bool:
        return self.gateway.owner is not None


class NobodyWatches:
    """Implements `Watcher`: nothing happens at any point."""

    frozen = False

    def point(self, name: str) -> None: ...

    def leaves(self, intent: OrderIntent, claim: Claim, stood: timedelta) -> None: ...

    def heard(self, account: str, report: OrderReport) -> None: ...


def _ignore(_received: VenueOrder | Held) -> None:
    """An order that arrives late is answered by the lists only."""


def _absent(order_ref: str) -> OrderReport:
    from prudent.domain.orders import Side

    return OrderReport(
        order_ref=order_ref, symbol="", side=Side.BUY, quantity=Decimal(0), status=OrderStatus.NOT_SENT,
        message="not found",
    )  # fmt: skip


def _of_intent(intent: OrderIntent, status: OrderStatus, message: str) -> OrderReport:
    return OrderReport(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity, status=status,
        message=message,
    )  # fmt: skip


def _open_order(order: VenueOrder) -> OpenOrder:
    status = OrderStatus.ACKED if order.filled == 0 else OrderStatus.PARTIAL
    return OpenOrder(
        order_ref=order.order_ref, symbol=order.symbol, side=order.side, remaining=order.rest,
        limit_price=order.limit, status=status, ours=not order.by_hand,
    )  # fmt: skip


def _open_held(held: Held) -> OpenOrder:
    intent = held.intent
    return OpenOrder(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, remaining=intent.quantity,
        limit_price=intent.limit_price, status=OrderStatus.HELD,
    )  # fmt: skip
