"""What time alone does: deadlines of orders, settlement of futures, expiry of contracts, and the nightly reset."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from prudent.domain.money import ZERO
from prudent.exchange.paper import families
from prudent.exchange.paper.act import Act
from prudent.exchange.paper.booking import open_day, settle_future, side_of
from prudent.exchange.paper.books import FIRST_PERM_ID, Holding
from prudent.exchange.paper.checks import AT_CLOSE
from prudent.exchange.paper.margin import figures, sheet_of
from prudent.exchange.paper.trading import exec_id, execute
from prudent.exchange.paper.words import Contract, Execution, Phase, SecType, Ticket, Tif

NEW_YORK = ZoneInfo("America/New_York")
EXERCISED_FROM = Decimal("0.01")


def day_of(at: datetime) -> str:
    """The day that profits of the day count for: midnight in New York ends it."""
    return at.astimezone(NEW_YORK).date().isoformat()


def deadline(act: Act, ticket: Ticket) -> datetime | None:
    """When an order ends by itself; None where it does not, or its auction ends it."""
    if ticket.kind in AT_CLOSE or ticket.tif in (Tif.GTC, Tif.OPG):
        return None
    if ticket.tif is Tif.GTD:
        return ticket.good_till
    hours = act.hours(ticket.contract)
    return hours.day_end if ticket.outside_rth else hours.close


def auction(act: Act, ticket: Ticket) -> datetime | None:
    """When the auction is that the order is for: the close to come, or the next open."""
    hours = act.hours(ticket.contract)
    if ticket.kind in AT_CLOSE:
        return hours.close
    if ticket.tif is not Tif.OPG:
        return None
    return act.hours_at(ticket.contract, hours.close).open if hours.phase is Phase.REGULAR else hours.open


def pass_time(act: Act) -> None:
    """Everything but orders that is due at the act's moment."""
    for held in act.books.holdings:
        if held.quantity and held.last_trade is not None and act.at >= held.last_trade:
            _expire(act, held)
        elif held.quantity and held.settles is not None and act.at >= held.settles:
            settle_future(act, held, _price(act, held))
    for order in act.books.live():
        now = act.books.find(*order.id)
        if now is not None and not now.view.status.is_done and _is_over(act, order.view.ticket.contract):
            families.end(act, now, reason="the contract expired")
    _reset_at_night(act)


def _is_over(act: Act, contract: Contract) -> bool:
    """Past its last trade, or forgotten by the market that knew it when the order came."""
    parts = act.parts(contract)
    facts = [act.facts(part.contract.con_id) for part in parts]
    if len(parts) < len(contract.legs) or None in facts:
        return True
    return any(f is not None and f.last_trade is not None and act.at >= f.last_trade for f in facts)


def _reset_at_night(act: Act) -> None:
    today = day_of(act.at)
    for purse in act.books.purses:
        if purse.day >= today:
            continue
        equity = figures(act, sheet_of(act, purse.account)).net
        act.books.purses.put(replace(purse, day=today, opening_equity=equity, realized=ZERO))
        for held in act.books.held_by(purse.account):
            open_day(act, held, act.worth(held.contract.con_id))


def _price(act: Act, held: Holding) -> Decimal:
    """The settlement price: the last trade, else what it is worth, else the price of the last settlement."""
    top = act.top(held.contract.con_id)
    if top is not None and top.last is not None:
        return top.last
    worth = act.worth(held.contract.con_id)
    return held.marked / held.quantity / held.contract.multiplier if worth is None else worth


def _expire(act: Act, held: Holding) -> None:
    """A future is settled in cash; an option in the money is exercised or assigned, any other is worth nothing."""
    if held.contract.sec_type is SecType.FUTURE:
        _execute(act, held.account, held.contract, -held.quantity, _price(act, held))
        return
    facts = act.facts(held.underlying)
    spot = act.worth(held.underlying)
    gain = ZERO
    if spot is not None:
        distance = spot - held.contract.strike
        gain = max(ZERO, distance if held.contract.right == "C" else -distance)
    exercised = gain >= EXERCISED_FROM
    delivers = facts is not None and facts.contract.sec_type is SecType.STOCK
    _execute(act, held.account, held.contract, -held.quantity, gain if exercised and not delivers else ZERO)
    if exercised and delivers and facts is not None:
        sign = 1 if held.contract.right == "C" else -1
        shares = sign * held.quantity * held.contract.multiplier
        _execute(act, held.account, facts.contract, shares, held.contract.strike)


def assign(act: Act, held: Holding, quantity: Decimal) -> None:
    """Whoever holds `quantity` of a short option exercises it now: shares move at its strike, or cash."""
    facts, spot = act.facts(held.underlying), act.worth(held.underlying)
    sign = 1 if held.contract.right == "C" else -1
    if facts is not None and facts.contract.sec_type is SecType.STOCK:
        _execute(act, held.account, held.contract, quantity, ZERO)
        _execute(
            act, held.account, facts.contract, -sign * quantity * held.contract.multiplier, held.contract.strike
        )  # fmt: skip
    elif spot is not None:
        _execute(act, held.account, held.contract, quantity, max(ZERO, sign * (spot - held.contract.strike)))


def _execute(act: Act, account: str, contract: Contract, signed: Decimal, price: Decimal) -> None:
    """An execution without an order and without commission."""
    quantity = abs(signed)
    number = act.books.draw("execution")
    execution = Execution(
        exec_id=exec_id(number, 1), perm_id=act.books.draw("perm_id", FIRST_PERM_ID), client_id=0, order_id=0,
        order_ref="", account=account, contract=contract, side=side_of(signed), quantity=quantity, price=price,
        cumulative=quantity, average_price=price, time=act.at, exchange="PAPER", commission=ZERO,
        currency=contract.currency,
    )  # fmt: skip
    execute(act, execution, signed)
