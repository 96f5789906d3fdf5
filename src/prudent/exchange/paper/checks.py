"""What the paper exchange refuses at its door, by the error codes that clients know."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Side
from prudent.exchange.paper.act import Act
from prudent.exchange.paper.margin import allows, trades_of
from prudent.exchange.paper.words import Contract, Facts, Kind, Phase, Refusal, SecType, Ticket, Tif

AT_CLOSE = (Kind.MARKET_ON_CLOSE, Kind.LIMIT_ON_CLOSE)
TRAILING = (Kind.TRAIL, Kind.TRAIL_LIMIT)
AT_MARKET = (Kind.MARKET, Kind.STOP, Kind.TRAIL, Kind.MARKET_ON_CLOSE)
LEGS_MAX = 4
_COMBINED = (SecType.OPTION, SecType.FUTURE)
Found = tuple[int, str] | None

UNKNOWN_CONTRACT = "No security definition has been found for the request"
TICK = "The price does not conform to the minimum price variation for this contract."
FRACTION = (
    "Fractional-sized order cannot be placed via API. Please use desktop version to place a fractional-sized order."
)
UNSUPPORTED = "Unsupported order type for this exchange and security type."


def refusal_of(act: Act, ticket: Ticket) -> Refusal | None:
    """None when the ticket makes sense now, whatever the account can afford."""
    checks: tuple[Callable[[Act, Ticket], Found], ...] = (
        _account, _contract, _combo, _quantity, _prices, _ticks, _force, _auction, _algorithm, _late_future,
    )  # fmt: skip
    found = next((answer for check in checks if (answer := check(act, ticket)) is not None), None)
    return None if found is None else about(ticket, *found)


def margin_refusal(act: Act, ticket: Ticket, quantity: Decimal) -> Refusal | None:
    """201 where the account could not carry the order at the price it may trade at."""
    price = likely_price(act, ticket)
    if price is None:
        return None
    reason = allows(act, ticket.account, trades_of(act, ticket, quantity, price))
    return about(ticket, 201, f"Order rejected - reason:{reason}") if reason else None


def likely_price(act: Act, ticket: Ticket) -> Decimal | None:
    """What an order would trade at: its limit, its trigger, or the quote; a sale at no less than the quote."""
    quote = act.quote(ticket.contract)
    shown = () if quote is None else (quote.opposite(ticket.action), quote.worth)
    now = next((price for price in shown if price is not None), None)
    own = ticket.limit if ticket.limit is not None else None if ticket.kind in TRAILING else ticket.stop
    if own is None or now is None:
        return now if own is None else own
    if ticket.action is Side.SELL:
        return max(own, now) if ticket.limit is not None else own
    return min(own, now) if ticket.kind is Kind.LIMIT else own


def about(ticket: Ticket, code: int, text: str) -> Refusal:
    return Refusal(code=code, text=text, client_id=ticket.client_id, order_id=ticket.order_id)


def _account(act: Act, ticket: Ticket) -> Found:
    if not ticket.account:
        return 435, "You must specify an account."
    if act.books.purses.get(ticket.account) is None:
        return 321, f"Error validating request.-'bN' : cause - Invalid account code '{ticket.account}'."
    return None


def _contract(act: Act, ticket: Ticket) -> Found:
    if ticket.contract.sec_type is SecType.COMBO:
        return None
    facts = act.facts(ticket.contract.con_id)
    if facts is None:
        return 200, UNKNOWN_CONTRACT
    return _tradable(act, facts)


def _tradable(act: Act, facts: Facts) -> Found:
    contract = facts.contract
    if not facts.tradable:
        return 201, f"Order rejected - reason:{contract.symbol} {contract.sec_type} is not available for trading."
    if facts.last_trade is not None and act.at >= facts.last_trade:
        name = contract.local_symbol or contract.symbol
        return 201, f"Order rejected - reason:The contract {name} has expired."
    if act.rate(contract.currency) is None:
        return 201, f"Order rejected - reason:No exchange rate is known for {contract.currency}."
    return None


def _combo(act: Act, ticket: Ticket) -> Found:
    contract = ticket.contract
    if contract.sec_type is not SecType.COMBO:
        return None
    facts = [act.facts(leg.con_id) for leg in contract.legs]
    known = [each for each in facts if each is not None]
    if not known or len(known) != len(facts):
        return 200, UNKNOWN_CONTRACT
    if not 2 <= len(known) <= LEGS_MAX or any(leg.ratio < 1 for leg in contract.legs) or not _one_kind(known):
        return 201, (
            f"Order rejected - reason:A combination needs 2 to {LEGS_MAX} legs, all options or all futures of one "
            "underlying, with ratios of 1 or more."
        )
    return next((answer for each in known if (answer := _tradable(act, each)) is not None), None)


def _one_kind(facts: list[Facts]) -> bool:
    kinds = {(f.contract.sec_type, f.contract.symbol, f.contract.multiplier, f.contract.currency) for f in facts}
    return len(kinds) == 1 and facts[0].contract.sec_type in _COMBINED and len({f.contract.con_id for f in facts}) > 1


def _quantity(act: Act, ticket: Ticket) -> Found:
    facts = act.facts(ticket.contract.con_id)
    increment = Decimal(1) if facts is None else facts.size_increment
    if not ticket.quantity.is_finite() or ticket.quantity <= 0:
        return 321, f"Error validating request.-'bN' : cause - Order size must be above 0, was {ticket.quantity}."
    return (10243, FRACTION) if ticket.quantity % increment != 0 else None


def _prices(act: Act, ticket: Ticket) -> Found:
    """The prices an order type needs are there, and are prices."""
    del act
    may_be_negative = ticket.contract.sec_type is SecType.COMBO
    given = (ticket.limit, ticket.stop, ticket.trail_stop, ticket.trail_percent, ticket.limit_offset)
    if any(price is not None and not price.is_finite() for price in given):
        return 321, "Error validating request.-'bN' : cause - A price must be a finite number."
    missing = _missing(ticket)
    if missing:
        return 321, f"Error validating request.-'bN' : cause - {ticket.kind} orders need {missing}."
    above = (ticket.stop, ticket.trail_stop, ticket.trail_percent, ticket.limit)
    if not may_be_negative and any(price is not None and price <= 0 for price in above):
        return 321, "Error validating request.-'bN' : cause - A price must be above 0."
    return None


def _missing(ticket: Ticket) -> str:
    limited = (Kind.LIMIT, Kind.STOP_LIMIT, Kind.LIMIT_ON_CLOSE)
    if ticket.kind in limited and ticket.limit is None:
        return "a limit price"
    if ticket.kind in (Kind.STOP, Kind.STOP_LIMIT) and ticket.stop is None:
        return "a stop price"
    if ticket.kind in TRAILING and ticket.stop is None and ticket.trail_percent is None:
        return "a trailing amount or percent"
    if ticket.kind is Kind.TRAIL_LIMIT and ticket.limit_offset is None and (
        ticket.limit is None or ticket.trail_stop is None
    ):  # fmt: skip
        return "a limit offset, or a limit price with a stop price"
    return ""


def _ticks(act: Act, ticket: Ticket) -> Found:
    contracts = [part.contract for part in act.parts(ticket.contract)]
    prices = [ticket.limit, ticket.trail_stop, *([] if ticket.kind in TRAILING else [ticket.stop])]
    tables = [facts.ticks for contract in contracts if (facts := act.facts(contract.con_id)) is not None]
    for price in (each for each in prices if each is not None):
        # A combo's price may move by the finest step of its legs.
        if tables and all(price % increment_at(table, abs(price)) != 0 for table in tables):
            return 110, TICK
    return None


def increment_at(ticks: tuple[tuple[Decimal, Decimal], ...], price: Decimal) -> Decimal:
    """The price increment that counts at `price`; a cent where no table says it."""
    return next((step for start, step in reversed(ticks) if price >= start), Decimal("0.01"))


def _force(act: Act, ticket: Ticket) -> Found:
    if ticket.tif is Tif.GTD and (ticket.good_till is None or ticket.good_till <= act.at):
        return 201, "Order rejected - reason:The good-till date must be in the future."
    if ticket.kind in AT_CLOSE and ticket.tif is not Tif.DAY:
        return 113, "The TIF should be DAY for MOC and LOC orders."
    if ticket.tif is Tif.OPG and ticket.kind not in (Kind.MARKET, Kind.LIMIT):
        return 111, "The TIF is invalid: OPG is for MKT and LMT orders."
    return None


def _auction(act: Act, ticket: Ticket) -> Found:
    if ticket.kind not in AT_CLOSE:
        return None
    hours = act.hours(ticket.contract)
    last = hours.close - act.terms.close_cutoff
    if hours.phase is Phase.REGULAR and act.at >= last:
        return 201, f"Order rejected - reason:{ticket.kind} orders for this close were taken until {_clock(last)}."
    return None


def _algorithm(act: Act, ticket: Ticket) -> Found:
    del act
    kind, sec_type = ticket.kind, ticket.contract.sec_type
    if kind is Kind.MIDPRICE and (sec_type is not SecType.STOCK or ticket.outside_rth):
        return 387, UNSUPPORTED
    if ticket.adaptive and (kind not in (Kind.MARKET, Kind.LIMIT) or ticket.tif is not Tif.DAY):
        return 387, UNSUPPORTED
    if sec_type is SecType.COMBO and kind not in (Kind.MARKET, Kind.LIMIT):
        return 387, UNSUPPORTED
    return None


def _late_future(act: Act, ticket: Ticket) -> Found:
    """After the close-out deadline of a deliverable future nothing may be bought that was not sold before."""
    facts = act.facts(ticket.contract.con_id)
    if facts is None or facts.close_out is None or act.at < facts.close_out:
        return None
    held = act.books.holding(ticket.account, ticket.contract.con_id)
    signed = ticket.action.sign * ticket.quantity
    owned = ZERO if held is None else held.quantity
    if abs(owned + signed) < abs(owned):
        return None
    return 201, "Order rejected - reason:The contract is past its close-out deadline, positions may only be closed."


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S UTC")


def name_of(contract: Contract) -> str:
    return f"{contract.local_symbol or contract.symbol} {contract.primary_exchange or contract.exchange}"


def order_text(ticket: Ticket) -> str:
    return f"{ticket.action} {plain(ticket.quantity)} {name_of(ticket.contract)}"
