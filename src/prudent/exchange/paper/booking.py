"""What a trade, a settlement or a new day does to cash and holdings, exact to the last decimal."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from prudent.domain.mandate import CostModel
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Side
from prudent.exchange.fees import FUTURE_FEE, commission_row
from prudent.exchange.paper.act import BASE, Act
from prudent.exchange.paper.books import Holding, holding_key
from prudent.exchange.paper.words import Contract, Event, PositionView, SecType

OPTION_FEE, OPTION_FEE_MIN = Decimal("0.65"), Decimal("1.00")
FX_FEE_SHARE, FX_FEE_MIN = Decimal("0.00002"), Decimal("2.00")
_GRAIN = Decimal("0.000001")


def commission(contract: Contract, quantity: Decimal, value: Decimal) -> Decimal:
    """What an order that traded `quantity` units for `value` (without multiplier) has cost so far, to the cent."""
    if quantity == 0:
        return ZERO
    match contract.sec_type:
        case SecType.OPTION:
            return to_cents(max(OPTION_FEE_MIN, OPTION_FEE * quantity))
        case SecType.FUTURE:
            return to_cents(FUTURE_FEE * quantity)
        case SecType.FX:
            return to_cents(max(FX_FEE_MIN, FX_FEE_SHARE * value))
        case SecType.COMBO:
            return ZERO
    return commission_row(CostModel.IBKR_FIXED, quantity, value / quantity)


def fee_currency(contract: Contract) -> str:
    return BASE if contract.sec_type is SecType.FX else contract.currency


def moved(quantity: Decimal, basis: Decimal, signed: Decimal, paid: Decimal) -> tuple[Decimal, Decimal]:
    """The new basis of a holding after trading `signed` units for `paid`, and what the closed part gained.

    Basis and paid are signed: money that left is positive. The part that closes is rounded once, so nothing is lost.
    """
    if quantity * signed >= 0:
        return basis + paid, ZERO
    closed = min(abs(quantity), abs(signed))
    freed = basis if closed == abs(quantity) else (basis * closed / abs(quantity)).quantize(_GRAIN)
    closing = paid if closed == abs(signed) else (paid * closed / abs(signed)).quantize(_GRAIN)
    return basis - freed + paid - closing, -closing - freed


def book(act: Act, account: str, contract: Contract, signed: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
    """Moves cash and the holding; what was realized, None where the trade only opened."""
    if contract.sec_type is SecType.FX:
        _pay(act, account, {contract.symbol: signed, contract.currency: -signed * price})
        _pay(act, account, {BASE: -fee})
        return None
    held = act.books.holding(account, contract.con_id) or _new_holding(act, account, contract)
    value = signed * price * contract.multiplier
    cost, realized = moved(held.quantity, held.cost, signed, value + fee)
    marked, settled = moved(held.quantity, held.marked, signed, value)
    is_future = contract.sec_type is SecType.FUTURE
    _pay(act, account, {contract.currency: (settled if is_future else -value) - fee})
    closes = held.quantity * signed < 0
    act.books.holdings.put(replace(
        held, quantity=held.quantity + signed, cost=cost, marked=marked if is_future else ZERO,
        base=held.base + value + fee, realized=held.realized + realized,
    ))  # fmt: skip
    if not closes:
        return None
    purse = act.books.purse(account)
    act.books.purses.put(replace(purse, realized=purse.realized + act.in_base(realized, contract.currency)))
    return realized


def settle_future(act: Act, held: Holding, price: Decimal) -> None:
    """Variation: what the price moved since the last settlement becomes cash."""
    value = held.quantity * price * held.contract.multiplier
    _pay(act, held.account, {held.contract.currency: value - held.marked})
    settles = act.hours(held.contract).close
    act.books.holdings.put(replace(held, marked=value, settles=settles))


def open_day(act: Act, held: Holding, price: Decimal | None) -> None:
    """A new day for a holding: its profit counts from here; one that was closed yesterday is forgotten."""
    if held.quantity == 0:
        act.books.holdings.drop(holding_key(held.account, held.contract.con_id))
        return
    value = held.cost if price is None else held.quantity * price * held.contract.multiplier
    act.books.holdings.put(replace(held, base=value, realized=ZERO))


def position(held: Holding) -> PositionView:
    return PositionView(
        account=held.account, contract=held.contract, quantity=held.quantity, average_cost=held.average_cost,
        realized=held.realized,
    )  # fmt: skip


def side_of(signed: Decimal) -> Side:
    return Side.BUY if signed > 0 else Side.SELL


def _new_holding(act: Act, account: str, contract: Contract) -> Holding:
    facts = act.facts(contract.con_id)
    settles = act.hours(contract).close if contract.sec_type is SecType.FUTURE else None
    return Holding(
        account=account, contract=contract, settles=settles,
        last_trade=None if facts is None else facts.last_trade, underlying=0 if facts is None else facts.underlying,
    )  # fmt: skip


def _pay(act: Act, account: str, amounts: Mapping[str, Decimal]) -> None:
    purse = act.books.purse(account)
    cash = dict(purse.cash)
    for currency, amount in amounts.items():
        cash[currency] = cash.get(currency, ZERO) + amount
    act.books.purses.put(replace(purse, cash=cash))


def tell_position(act: Act, account: str, contract: Contract) -> None:
    held = act.books.holding(account, contract.con_id)
    if held is not None:
        act.events.append(Event(position=position(held)))
