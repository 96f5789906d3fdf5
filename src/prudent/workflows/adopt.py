"""Take over an account that trades at a broker of its own: shown first, then booked as one sealed entry."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.accounts import AccountClass, AccountSnapshot, Position
from prudent.domain.errors import BlockedError, InputError, Temporary
from prudent.domain.futures import point_value
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Fill, OpenOrder
from prudent.domain.records import digest, encode
from prudent.ledger.accounts import Account
from prudent.ports import Listing
from prudent.venues import IBKR
from prudent.workflows.beside import account_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an account holds at its broker: `opening` is what would be booked, `problems` why nothing may be.

    `opening` is the book before today's executions, for those are told again when the account is reconciled, and are
    booked then. `digest` names what was shown: only that is taken over.
    """

    account: str
    snapshot: AccountSnapshot
    opening: AccountSnapshot
    today: tuple[Fill, ...]
    problems: tuple[str, ...]

    @property
    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Orders that live at the broker; they are nobody's here, and lock their symbols once the account is ours."""
        return self.snapshot.open_orders

    @property
    def cost(self) -> Decimal:
        """What the positions that would be booked cost."""
        return sum((to_cents(p.cost) for p in self.opening.positions), ZERO)

    @property
    def digest(self) -> str:
        """It stands for cash and positions, not for the moment at which they were read."""
        return digest({
            "account": self.account, "currency": self.opening.currency, "cash": encode(self.opening.cash),
            "positions": encode(self.opening.positions),
        })  # fmt: skip


def check_adopted(desk: Desk, account: str) -> None:
    """Refuse to work on an account at somebody else's venue that was never taken over.

    Raises:
        BlockedError: it was not.
    """
    found = desk.loaded.settings.accounts.get(account)
    if found is not None and found.broker == IBKR and not desk.is_open_account(account):
        raise BlockedError(
            f"account {account} must be adopted before anything in it is touched, is not; look at what it holds with "
            f"`invest ibkr adopt {account}`, and take it over there"
        )


def look(desk: Desk, account: str) -> Found:
    """What adopting the account would book, read from its broker now; nothing is written.

    Raises:
        InputError: the account is not configured to trade at a broker of its own, or is open already.
        Temporary: the broker cannot be asked, or did not list everything.
    """
    mandate = desk.mandate(account)
    if mandate.broker != IBKR:
        raise InputError(f"account {account} must trade at broker {IBKR} to be adopted, trades at {mandate.broker}")
    if desk.is_open_account(account):
        raise InputError(f"account {account} must be new to be adopted, is open already; `invest reconcile {account}`")
    listing = desk.broker_of(account).listing(account)
    if not listing.complete:
        raise Temporary(f"the broker must list everything that {account} holds, did not; try again")
    return _found(desk, mandate, listing)


def adopt(desk: Desk, account: str, *, shown: str) -> Account:
    """Book what `look` has shown, named by its digest, as the account's opening; from here on it may be traded.

    Raises:
        BlockedError: the account has changed since it was shown, or holds what cannot be taken over.
        InputError, Temporary: as `look`.
    """
    with account_turn(desk, account):
        found = look(desk, account)
        if found.digest != shown:
            raise BlockedError(f"{account} has changed since it was shown; look at it again, then adopt what you see")
        if found.problems:
            raise BlockedError(f"{account} cannot be adopted: {'; '.join(found.problems)}")
        own = desk.loaded.settings.accounts[account].ibkr
        return desk.ledger.adopt_account(
            desk.mandate(account), found.opening, at=desk.clock.now(), there="" if own is None else own.account
        )


def _found(desk: Desk, mandate: Mandate, listing: Listing) -> Found:
    snapshot = listing.snapshot
    today = _standing(listing.fills)
    opening, unclear = _before(snapshot, today)
    return Found(
        account=mandate.account, snapshot=snapshot, opening=opening, today=today,
        problems=(*_problems(desk, mandate, opening, today), *unclear),
    )  # fmt: skip


def _standing(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """The last word on each execution, without those that were taken back."""
    latest: dict[str, Fill] = {}
    for fill in sorted(fills, key=lambda each: each.version):
        latest[fill.exec_id] = fill
    return tuple(fill for fill in latest.values() if not fill.busted)


def _before(snapshot: AccountSnapshot, today: Iterable[Fill]) -> tuple[AccountSnapshot, tuple[str, ...]]:
    """The book before today's executions, and what of it cannot be told.

    A broker tells average costs of what is held now: sales leave them as they are, and what buys cost is known.
    """
    cash, held = snapshot.cash, {each.symbol: each for each in snapshot.positions}
    by_symbol: dict[str, list[Fill]] = {}
    for fill in today:
        cash -= to_cents(fill.cash_effect)
        by_symbol.setdefault(fill.symbol, []).append(fill)
    unclear: list[str] = []
    for symbol, fills in by_symbol.items():
        now = held.pop(symbol, None)
        moved = sum((fill.side.sign * fill.quantity for fill in fills), ZERO)
        quantity = (now.quantity if now else ZERO) - moved
        if quantity == 0:
            continue
        cost = _cost_before(now, fills, quantity)
        if cost is None:
            unclear.append(f"what {quantity} {symbol} cost before today's trades cannot be told; adopt it tomorrow")
        held[symbol] = Position(symbol=symbol, quantity=quantity, average_cost=cost, opened=None)
    positions = tuple(held[symbol] for symbol in sorted(held))
    return replace(snapshot, cash=cash, positions=positions), tuple(unclear)


def _cost_before(now: Position | None, fills: Iterable[Fill], quantity: Decimal) -> Decimal | None:
    """The average cost of what was held before trades of one direction; None where it cannot be worked out."""
    if now is None or now.average_cost is None or now.quantity * quantity <= 0:
        return None
    signs = {fill.side.sign for fill in fills}
    if len(signs) > 1:
        return None
    if signs == {-1 if now.quantity > 0 else 1}:
        return now.average_cost
    spent = sum((abs(fill.cash_effect) for fill in fills), ZERO)
    cost = (abs(now.cost) - spent) / abs(quantity) / point_value(now.symbol)
    return cost if cost > 0 else None


def _problems(
    desk: Desk, mandate: Mandate, opening: AccountSnapshot, today: Iterable[Fill]
) -> tuple[str, ...]:  # fmt: skip
    found: list[str] = []
    if opening.currency != mandate.currency:
        found.append(f"it is kept in {opening.currency}, its mandate says {mandate.currency}; correct the mandate")
    symbols = {each.symbol for each in opening.positions} | {fill.symbol for fill in today}
    unknown = sorted(symbol for symbol in symbols if desk.instruments.find(symbol) is None)
    if unknown:
        found.append(
            f"{', '.join(unknown)} must be known instruments to be valued, are not; add them to instruments.csv, or "
            "close them at the broker"
        )
    shorts = [each.symbol for each in opening.positions if each.quantity < 0]
    if shorts and not mandate.planning.allow_short:
        found.append(
            f"{', '.join(shorts)} are held short, which the mandate does not allow; set planning.allow_short, or close "
            "them at the broker"
        )
    if opening.cash < 0 and mandate.account_class is not AccountClass.MARGIN:
        found.append(
            f"its cash is {opening.cash}, below 0, which only an account of class margin may have; repay it, or change "
            "the class"
        )
    return tuple(found)
