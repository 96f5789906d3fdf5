"""Our own book of what the gateway tells of orders: matched by its lasting id, then by our ref, never by order id."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from prudent.brokers.ibkr.codes import Meaning, meaning
from prudent.brokers.ibkr.words import Asset, ShownCost, ShownError, ShownOrder, ShownStatus, ShownTrade
from prudent.domain.money import ZERO
from prudent.domain.orders import Fill, OpenOrder, OrderIntent, OrderReport, OrderStatus, Side, is_ours
from prudent.domain.quotes import Quality

S = OrderStatus
_CANCELLED = ("Cancelled", "ApiCancelled")
_ACCEPTED = ("PreSubmitted", "Submitted")
_FILLED, _INACTIVE, _PENDING_CANCEL = "Filled", "Inactive", "PendingCancel"
_MANUAL = "perm-"


@dataclass(slots=True, eq=False, kw_only=True)
class Row:
    """One order: what was asked for here, if it was, and all that the gateway has told of it.

    `seen`: the gateway has told of it. `lost`: a complete round that was asked after it left, or was last told of, does
    not show it. `suspected`: an error named it, so it must be asked for. It and `touched` count messages, not time.
    """

    ref: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    asset: Asset | None = None
    perm_id: int = 0
    client_id: int = -1
    order_id: int = 0
    limit: Decimal | None = None
    status: str = ""
    told: Decimal = ZERO
    message: str = ""
    refusal: str = ""
    seen: bool = False
    lost: bool = False
    suspected: int = 0
    touched: int = 0
    trades: dict[str, ShownTrade] = field(default_factory=dict)
    busted: set[str] = field(default_factory=set)

    @property
    def traded(self) -> Decimal:
        """What its executions add up to; of a combination its own rows count, not those of the legs."""
        standing = [each for base, each in self.trades.items() if base not in self.busted]
        combined = [each for each in standing if each.asset.sec_type == "BAG"]
        return sum((each.quantity for each in combined or standing), ZERO)

    @property
    def filled(self) -> Decimal:
        return max(self.traded, self.told)

    @property
    def state(self) -> OrderStatus:
        """Our own word for it; the library's own book of orders is never asked."""
        if self.status == _FILLED or (self.quantity > 0 and self.filled >= self.quantity):
            return S.FILLED
        if self.status in _CANCELLED:
            return S.CANCELLED
        if self.lost and not self.refusal:
            return S.PARTIAL if self.traded > 0 else S.UNKNOWN
        if self.status in _ACCEPTED:
            return S.PARTIAL if self.filled > 0 else S.ACKED
        if self.status == _PENDING_CANCEL:
            return S.PEND_CANCEL
        return self._unaccepted()

    def _unaccepted(self) -> OrderStatus:
        """It was refused once an error said so and asking for it has not shown it alive; else it is held or unknown."""
        if self.refusal and not self.suspected:
            return S.REJECTED
        if self.filled > 0:
            return S.PARTIAL
        return S.HELD if self.seen else S.UNKNOWN

    @property
    def is_there(self) -> bool:
        """The gateway shows it, or has told its end."""
        return (self.seen and not self.lost) or self.state.is_done


class Table:
    """Every order of one session and those before it; `account` names are the gateway's."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._by_ref: dict[str, Row] = {}
        self._by_perm: dict[int, Row] = {}
        self._by_local: dict[tuple[int, int], Row] = {}
        self._costs: dict[str, ShownCost] = {}
        self.count = 0
        self.highest_id = 0

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def of(self, account: str, ref: str) -> Row | None:
        """The order of that ref in that account."""
        row = self._by_ref.get(ref)
        return row if row is not None and row.account == account else None

    def by_order_id(self, client_id: int, order_id: int) -> Row | None:
        return self._by_local.get((client_id, order_id))

    def renew(self) -> None:
        """A session has ended: its order ids mean nothing any more, for the next may give them out again."""
        self._by_local.clear()
        for row in self._rows:
            row.client_id, row.order_id = -1, 0

    def place(self, intent: OrderIntent, account: str, *, client_id: int, order_id: int) -> Row:
        """An order that is about to leave here; from now on nothing under its ref is sent again."""
        self.count += 1
        row = Row(
            ref=intent.order_ref, account=account, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            limit=intent.limit_price, client_id=client_id, order_id=order_id, touched=self.count,
        )  # fmt: skip
        self._keep(row)
        self._by_local[client_id, order_id] = row
        self.highest_id = max(self.highest_id, order_id)
        return row

    # What is heard

    def order(self, shown: ShownOrder) -> Row:
        row = self._match(shown.perm_id, shown.ref, shown.client_id, shown.order_id)
        if row is None:
            row = Row(
                ref=self._name(shown.ref, shown.perm_id), account=shown.account, symbol=shown.asset.desk_symbol,
                side=shown.side, quantity=shown.quantity, limit=shown.limit,
            )  # fmt: skip
            self._keep(row)
        self._touch(row, shown.perm_id)
        row.asset, row.status = shown.asset, shown.status or row.status
        row.limit = shown.limit
        if shown.quantity > 0:
            row.quantity = shown.quantity
        if shown.order_id > 0:
            row.client_id, row.order_id = shown.client_id, shown.order_id
            self._by_local[shown.client_id, shown.order_id] = row
            self.highest_id = max(self.highest_id, shown.order_id)
        row.told = max(row.told, shown.filled or ZERO)
        if shown.status != _FILLED:
            row.message = shown.text or row.message
        return row

    def status(self, shown: ShownStatus) -> Row | None:
        """Gives None where no order of that id is known: then it must be asked for."""
        row = self._match(shown.perm_id, "", shown.client_id, shown.order_id)
        if row is None:
            return None
        self._touch(row, shown.perm_id)
        row.status = shown.status
        row.told = max(row.told, shown.filled)
        if shown.why_held:
            row.message = f"held: {shown.why_held}"
        return row

    def trade(self, shown: ShownTrade) -> Row:
        row = self._match(shown.perm_id, shown.ref, shown.client_id, shown.order_id)
        if row is None:
            row = Row(
                ref=self._name(shown.ref, shown.perm_id), account=shown.account, symbol=shown.asset.desk_symbol,
                side=shown.side, quantity=ZERO,
            )  # fmt: skip
            self._keep(row)
        self._touch(row, shown.perm_id)
        known = row.trades.get(shown.base)
        if known is not None and known.version >= shown.version:
            return row
        if shown.quantity > 0:
            row.trades[shown.base] = shown
            row.busted.discard(shown.base)
        elif known is not None:
            row.busted.add(shown.base)
        return row

    def cost(self, shown: ShownCost) -> None:
        self.count += 1
        self._costs[shown.exec_id] = shown

    def error(self, shown: ShownError, client_id: int) -> Row | None:
        """Take in what names an order; only its next showing decides what became of it."""
        row = self.by_order_id(client_id, shown.number)
        if row is None:
            return None
        said = meaning(shown.code)
        row.message = f"{shown.code}: {shown.text}"
        if said in (Meaning.REFUSED, Meaning.DOUBT, Meaning.ENDED) and not row.state.is_done:
            self.count += 1
            row.suspected = self.count
        if said is Meaning.REFUSED and row.status not in _ACCEPTED:
            row.refusal = row.message
        return row

    def settled(self, account: str, since: int) -> None:
        """A complete round that was asked at message `since` has ended: what it did not show is not there."""
        for row in self._rows:
            if row.account != account:
                continue
            if row.touched > since and row.status in _ACCEPTED:
                row.refusal = ""
            elif row.touched <= since and not row.state.is_done:
                row.lost = True
            if row.suspected <= since:
                row.suspected = 0

    # What is told

    def report(self, row: Row, account: str, quality: Quality) -> OrderReport:
        return OrderReport(
            order_ref=row.ref, symbol=row.symbol, side=row.side, quantity=row.quantity or row.filled,
            status=row.state, filled=row.filled, fills=self.fills(row, account, quality),
            message=row.refusal or row.message, venue_id=str(row.perm_id) if row.perm_id else "",
        )  # fmt: skip

    def fills(self, row: Row, account: str, quality: Quality) -> tuple[Fill, ...]:
        """The executions of an order under the desk's account; of a combination those of its legs.

        What went for nothing, as an option does that is assigned or expires, is no fill: the position tells of it.
        """
        found = []
        for base, each in sorted(row.trades.items(), key=lambda pair: (pair[1].time, pair[0])):
            if each.asset.sec_type == "BAG" or each.price <= 0:
                continue
            cost = self._costs.get(each.exec_id)
            single = row.asset is None or row.asset.sec_type != "BAG"
            found.append(
                Fill(
                    exec_id=base, order_ref=row.ref, account=account,
                    symbol=row.symbol if single else each.asset.desk_symbol, side=each.side, quantity=each.quantity,
                    price=each.price, commission=max(cost.amount, ZERO) if cost is not None else ZERO, time=each.time,
                    quality=quality, version=each.version, busted=base in row.busted,
                )
            )  # fmt: skip
        return tuple(found)

    @property
    def gone_for_nothing(self) -> tuple[str, ...]:
        """What was moved without a price, by its symbol; nobody books that from its execution."""
        moved = (each.asset for row in self._rows for each in row.trades.values() if each.price <= 0)
        return tuple(dict.fromkeys(asset.desk_symbol for asset in moved if asset.sec_type != "BAG"))

    def costs_known(self, row: Row) -> bool:
        """True when the commission of each of its executions has been told."""
        legs = (each for each in row.trades.values() if each.asset.sec_type != "BAG")
        return row.traded >= row.filled and all(each.exec_id in self._costs for each in legs)

    def open_order(self, row: Row) -> OpenOrder:
        return OpenOrder(
            order_ref=row.ref, symbol=row.symbol, side=row.side, remaining=row.quantity - row.filled,
            limit_price=row.limit, status=row.state, ours=is_ours(row.ref),
        )  # fmt: skip

    def live(self, account: str) -> Sequence[Row]:
        """The orders that the gateway shows as not ended."""
        return [row for row in self._rows if row.account == account and row.is_there and not row.state.is_done]

    def _match(self, perm_id: int, ref: str, client_id: int, order_id: int) -> Row | None:
        if perm_id > 0 and perm_id in self._by_perm:
            return self._by_perm[perm_id]
        named = self._by_ref.get(ref) if ref else None
        if named is not None and (not perm_id or named.perm_id in (0, perm_id)):
            return named
        local = self._by_local.get((client_id, order_id)) if order_id > 0 else None
        # An id that was given out twice would mix two orders up: what names another order is not this one.
        if local is None or (ref and local.ref != ref) or (perm_id and local.perm_id not in (0, perm_id)):
            return None
        return local

    def _name(self, ref: str, perm_id: int) -> str:
        """Its ref, ours as it is; what has none, or the ref of another order that is not ours, is told by its id."""
        if not ref:
            return f"{_MANUAL}{perm_id}"
        return f"{ref}~{perm_id}" if ref in self._by_ref and not is_ours(ref) else ref

    def _keep(self, row: Row) -> None:
        self._rows.append(row)
        self._by_ref.setdefault(row.ref, row)

    def _touch(self, row: Row, perm_id: int) -> None:
        self.count += 1
        row.touched, row.seen, row.lost = self.count, True, False
        if perm_id > 0:
            row.perm_id = perm_id
            self._by_perm[perm_id] = row
