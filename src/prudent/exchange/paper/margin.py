"""What an account is worth and what its holdings tie up, in the base currency, now and after a trade.

A simplified Regulation T: stocks tie up 50 % of their value at first and 25 % later, futures what their table says. A
short option ties up its value and the larger of 20 % of the underlying less what it is out of the money and 10 % of the
underlying (of the strike for a put), unless a bought option or the stock covers it. Bought options have no loan value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.money import ZERO
from prudent.exchange.paper.act import BASE, Act, Part
from prudent.exchange.paper.booking import commission, fee_currency
from prudent.exchange.paper.words import Contract, Margin, SecType, Ticket

STOCK_INITIAL, STOCK_MAINTENANCE = Decimal("0.50"), Decimal("0.25")
SHORT_OPTION_SHARE, SHORT_OPTION_LEAST = Decimal("0.20"), Decimal("0.10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """Units of one contract; `marked` as in a holding."""

    contract: Contract
    quantity: Decimal
    marked: Decimal = ZERO
    average_cost: Decimal = ZERO
    underlying: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Cash by currency and stakes by con id: an account as it is, or as it would be."""

    cash: Mapping[str, Decimal]
    stakes: Mapping[int, Stake]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An account's worth in the base currency; `loan_equity` is the equity with loan value."""

    cash: Decimal
    stocks: Decimal
    options: Decimal
    futures: Decimal
    gross: Decimal
    initial: Decimal
    maintenance: Decimal

    @property
    def net(self) -> Decimal:
        return self.cash + self.stocks + self.options + self.futures

    @property
    def loan_equity(self) -> Decimal:
        return self.cash + self.stocks + self.futures

    @property
    def available(self) -> Decimal:
        return self.loan_equity - self.initial

    @property
    def excess(self) -> Decimal:
        return self.loan_equity - self.maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade that is thought through: signed units of one contract at a price."""

    contract: Contract
    signed: Decimal
    price: Decimal


def sheet_of(act: Act, account: str) -> Sheet:
    stakes = {
        held.contract.con_id: Stake(
            contract=held.contract, quantity=held.quantity, marked=held.marked, average_cost=held.average_cost,
            underlying=held.underlying,
        )
        for held in act.books.held_by(account)
        if held.quantity
    }  # fmt: skip
    return Sheet(cash=act.books.purse(account).cash, stakes=stakes)


def after(act: Act, sheet: Sheet, trades: Iterable[Trade]) -> tuple[Sheet, Decimal]:
    """The sheet after the trades and their commissions, and those commissions in the base currency."""
    cash, stakes, fees = dict(sheet.cash), dict(sheet.stakes), ZERO
    for trade in trades:
        contract, signed = trade.contract, trade.signed
        fee = commission(contract, abs(signed), abs(signed) * trade.price)
        fees += act.in_base(fee, fee_currency(contract))
        moves = {fee_currency(contract): -fee}
        value = signed * trade.price * contract.multiplier
        if contract.sec_type is SecType.FX:
            moves[contract.symbol] = moves.get(contract.symbol, ZERO) + signed
        if contract.sec_type is not SecType.FUTURE:
            moves[contract.currency] = moves.get(contract.currency, ZERO) - value
        for currency, amount in moves.items():
            cash[currency] = cash.get(currency, ZERO) + amount
        if contract.sec_type is not SecType.FX:
            stakes[contract.con_id] = _joined(act, stakes.get(contract.con_id), trade, value)
    return Sheet(cash=cash, stakes=stakes), fees


def figures(act: Act, sheet: Sheet) -> Figures:
    """Worth and requirements of a sheet at the act's quotes; what has no price counts at its cost."""
    values: dict[SecType, Decimal] = {}
    gross = initial = maintenance = ZERO
    for stake in sheet.stakes.values():
        kind = stake.contract.sec_type
        value = worth_of(act, stake)
        if kind is SecType.FUTURE:
            value -= act.in_base(stake.marked, stake.contract.currency)
            first, later = _tied_up(act, stake)
            initial, maintenance = initial + first, maintenance + later
        else:
            size = abs(value)
            gross += size
            if kind is SecType.STOCK:
                initial, maintenance = initial + STOCK_INITIAL * size, maintenance + STOCK_MAINTENANCE * size
        values[kind] = values.get(kind, ZERO) + value
    options = _short_options(act, tuple(sheet.stakes.values())) if SecType.OPTION in values else ZERO
    return Figures(
        cash=sum((act.in_base(amount, currency) for currency, amount in sheet.cash.items()), ZERO),
        stocks=values.get(SecType.STOCK, ZERO), options=values.get(SecType.OPTION, ZERO),
        futures=values.get(SecType.FUTURE, ZERO), gross=gross,
        initial=initial + options, maintenance=maintenance + options,
    )  # fmt: skip


def worth_of(act: Act, stake: Stake) -> Decimal:
    """Signed value in the base currency."""
    price = act.worth(stake.contract.con_id)
    each = stake.average_cost if price is None else price * stake.contract.multiplier
    return act.in_base(stake.quantity * each, stake.contract.currency)


def _tied_up(act: Act, stake: Stake) -> tuple[Decimal, Decimal]:
    """Initial and maintenance margin of futures, as their table says."""
    facts = act.facts(stake.contract.con_id)
    first = ZERO if facts is None else facts.initial_margin or ZERO
    later = ZERO if facts is None else facts.maintenance_margin or ZERO
    count = abs(stake.quantity)
    return _in_base(act, stake, count * first), _in_base(act, stake, count * later)


def allows(act: Act, account: str, trades: Sequence[Trade]) -> str:
    """Empty when the account can carry the trades or they free margin, else the reason that is told."""
    asked = account, *trades, act.books.purses.turn, act.books.holdings.turn
    if asked not in act.allowed:
        act.allowed[asked] = _allows(act, account, trades)
    return act.allowed[asked]


def is_paid_for(act: Act, account: str, trades: Sequence[Trade]) -> bool:
    """Cash pays for all of it and only shares are held, none short: then nothing has to be valued to allow it.

    What is left of the cash is not negative, and shares tie up half of what they are worth.
    """
    left = dict(act.books.purse(account).cash)
    units = {}
    for held in act.books.held_by(account):
        if held.contract.sec_type is not SecType.STOCK:
            return False
        units[held.contract.con_id] = held.quantity
    for trade in trades:
        contract, size = trade.contract, abs(trade.signed)
        if contract.sec_type is not SecType.STOCK:
            return False
        fee = commission(contract, size, size * trade.price)
        cost = trade.signed * trade.price * contract.multiplier + fee
        left[contract.currency] = left.get(contract.currency, ZERO) - cost
        units[contract.con_id] = units.get(contract.con_id, ZERO) + trade.signed
    return all(amount >= 0 for amount in left.values()) and all(count >= 0 for count in units.values())


def _allows(act: Act, account: str, trades: Sequence[Trade]) -> str:
    if is_paid_for(act, account, trades):
        return ""
    now = sheet_of(act, account)
    then, fees = after(act, now, trades)
    afterwards = figures(act, then)
    if afterwards.available >= 0 or afterwards.available >= figures(act, now).available - fees:
        return ""
    return (
        "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE "
        f"[{afterwards.loan_equity:.2f} {BASE}] MUST EXCEED THE INITIAL MARGIN [{afterwards.initial:.2f} {BASE}]"
    )


def effect(act: Act, account: str, trades: Sequence[Trade]) -> Margin:
    """What the trades would do to the account's margin."""
    now = sheet_of(act, account)
    then, fees = after(act, now, trades)
    old, new = figures(act, now), figures(act, then)
    return Margin(
        initial_before=old.initial, initial_change=new.initial - old.initial, initial_after=new.initial,
        maintenance_before=old.maintenance, maintenance_change=new.maintenance - old.maintenance,
        maintenance_after=new.maintenance,
        equity_before=old.loan_equity, equity_change=new.loan_equity - old.loan_equity, equity_after=new.loan_equity,
        commission=fees,
    )  # fmt: skip


def trades_of(act: Act, ticket: Ticket, quantity: Decimal, price: Decimal) -> tuple[Trade, ...]:
    """The trades of an order at its price; the legs of a combo at their own quotes, the first taking the difference."""
    parts, sign = act.parts(ticket.contract), ticket.action.sign
    if ticket.contract.sec_type is not SecType.COMBO:
        return (Trade(contract=ticket.contract, signed=sign * quantity, price=price),)
    prices = [act.worth(part.contract.con_id) or ZERO for part in parts]
    net = sum((part.sign * part.ratio * each for part, each in zip(parts, prices)), ZERO)
    prices[0] += (price - net) * parts[0].sign / parts[0].ratio
    return tuple(_leg(part, sign * quantity, each) for part, each in zip(parts, prices))


def _leg(part: Part, signed: Decimal, price: Decimal) -> Trade:
    return Trade(contract=part.contract, signed=signed * part.sign * part.ratio, price=price)


def _joined(act: Act, stake: Stake | None, trade: Trade, value: Decimal) -> Stake:
    if stake is None:
        facts = act.facts(trade.contract.con_id)
        stake = Stake(
            contract=trade.contract, quantity=ZERO, average_cost=trade.price * trade.contract.multiplier,
            underlying=0 if facts is None else facts.underlying,
        )  # fmt: skip
    is_future = trade.contract.sec_type is SecType.FUTURE
    # Units that close count as settled at the trade's price: together with the rest that is the same worth.
    marked = stake.marked + value if is_future else ZERO
    return replace(stake, quantity=stake.quantity + trade.signed, marked=marked)


def _short_options(act: Act, stakes: Sequence[Stake]) -> Decimal:
    """Every short option takes the cover that leaves the least to carry: a bought option, then the stock, else none."""
    options = [stake for stake in stakes if stake.contract.sec_type is SecType.OPTION]
    bought = {stake.contract.con_id: stake.quantity for stake in options if stake.quantity > 0}
    shares = {s.contract.con_id: s.quantity for s in stakes if s.contract.sec_type is SecType.STOCK}
    total = ZERO
    for short in (stake for stake in options if stake.quantity < 0):
        left = -short.quantity
        covers = [each for each in options if _covers(each, short)]
        for cover in sorted(covers, key=lambda each: (_width(each, short), each.contract.con_id)):
            used = min(left, bought[cover.contract.con_id])
            bought[cover.contract.con_id] -= used
            left -= used
            total += _in_base(act, short, used * _width(cover, short) * short.contract.multiplier)
        left -= _covered_by_stock(short, left, shares)
        total += _in_base(act, short, left * _naked(act, short) * short.contract.multiplier)
    return total


def _covers(cover: Stake, short: Stake) -> bool:
    ours, theirs = cover.contract, short.contract
    return (
        cover.quantity > 0 and ours.right == theirs.right and ours.symbol == theirs.symbol
        and ours.multiplier == theirs.multiplier and ours.expiry >= theirs.expiry
    )  # fmt: skip


def _width(cover: Stake, short: Stake) -> Decimal:
    """What the pair can lose per unit at expiry, before premiums."""
    distance = cover.contract.strike - short.contract.strike
    return max(ZERO, distance if short.contract.right == "C" else -distance)


def _covered_by_stock(short: Stake, left: Decimal, shares: dict[int, Decimal]) -> Decimal:
    held = shares.get(short.underlying, ZERO)
    held = held if short.contract.right == "C" else -held
    lots = min(left, max(ZERO, held) // short.contract.multiplier)
    sign = 1 if short.contract.right == "C" else -1
    shares[short.underlying] = shares.get(short.underlying, ZERO) - sign * lots * short.contract.multiplier
    return lots


def _naked(act: Act, short: Stake) -> Decimal:
    contract = short.contract
    price = act.worth(contract.con_id) or abs(short.average_cost) / contract.multiplier
    spot = act.worth(short.underlying) or contract.strike
    out = contract.strike - spot if contract.right == "C" else spot - contract.strike
    least = spot if contract.right == "C" else contract.strike
    return price + max(SHORT_OPTION_SHARE * spot - max(ZERO, out), SHORT_OPTION_LEAST * least)


def _in_base(act: Act, stake: Stake, amount: Decimal) -> Decimal:
    return act.in_base(amount, stake.contract.currency)
