"""From wishes to ideas that the account may have: capped to its room, most urgent first, payable together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Side
from prudent.domain.proposals import TargetWeight
from prudent.domain.reasoning import Basis, Dropped, Idea
from prudent.domain.valuation import ONE
from prudent.reasoning.answers import Wish
from prudent.reasoning.room import Room, Rooms, down
from prudent.reasoning.words import Unusable

# A model's stop is never looser than this where the mandate sets none of its own.
STOP_LOOSEST = Decimal("0.20")
TAKE_PROFIT_MAX = Decimal(10)
WEIGHT_STEP = Decimal("0.000000000000001")
# Less than a cent is lost on the way from shares to money and back.
LOT_NOISE = Decimal("0.000001")
REASON_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ideas:
    """What is left of the wishes, what fell and why, and in notes what was changed."""

    kept: tuple[Idea, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def bounded(wishes: Sequence[Wish], rooms: Rooms, mandate: Mandate) -> Ideas:
    """The wishes as the account's limits leave them; nothing is ever raised, and nothing is added.

    Each is capped to its symbol's room; over the number of trades the least urgent fall; purchases that are together
    more than what may be spent (cash, and this answer's sales) are scaled by one factor; what became too small falls.
    """
    ideas: list[Idea] = []
    dropped: list[Dropped] = []
    notes: list[str] = []
    for wish in wishes:
        try:
            ideas.append(_idea(wish, rooms, mandate, notes))
        except Unusable as trouble:
            dropped.append(_fallen(wish.side, wish.symbol, trouble.code, str(trouble)))
    ideas, fallen = _most_urgent(ideas, rooms.trades)
    dropped += fallen
    sales = sum((each.amount for each in ideas if each.side is Side.SELL), ZERO)
    ideas = list(payable(ideas, rooms.spendable + sales, notes))
    large: list[Idea] = []
    for idea in ideas:
        try:
            large.append(_sized(idea, rooms))
        except Unusable as trouble:
            dropped.append(_fallen(idea.side, idea.symbol, trouble.code, str(trouble)))
    return Ideas(kept=tuple(large), dropped=tuple(dropped), notes=tuple(notes))


def _fallen(side: Side, symbol: str, code: str, detail: str) -> Dropped:
    return Dropped(code=code, item=f"{side.value.upper()} {symbol}", detail=detail)


def _idea(wish: Wish, rooms: Rooms, mandate: Mandate, notes: list[str]) -> Idea:
    """The wish in dollars, within its symbol's room."""
    room = rooms.symbols[wish.symbol]
    if wish.side is Side.SELL:
        return _sale(wish, room, rooms.equity)
    if room.buy <= 0:
        raise Unusable("no_room", f"nothing of {wish.symbol} may be bought: {room.buy_bound}")
    wanted, flags = _dollars(wish, room, rooms.equity)
    if wanted > room.buy:
        notes.append(f"{wish.symbol}: {plain(wanted)} lowered to {plain(room.buy)} by {room.buy_bound}")
        wanted, flags = room.buy, (*flags, "capped_to_limit")
    stop, flags = _stop(wish, mandate, flags, notes)
    take = wish.take_profit if wish.take_profit is None or wish.take_profit <= TAKE_PROFIT_MAX else None
    return Idea(
        symbol=wish.symbol,
        side=Side.BUY,
        amount=wanted,
        basis=Basis.USD,
        stop_loss=stop,
        take_profit=take,
        time_stop_days=wish.time_stop_days,
        urgency=wish.urgency,
        confidence=wish.confidence,
        thesis=wish.thesis,
        flags=flags if take == wish.take_profit else (*flags, "take_profit_pct_ignored"),
    )


def _sale(wish: Wish, room: Room, equity: Decimal) -> Idea:
    if room.sell <= 0:
        code = "not_held" if room.sell_bound == "not held" else "min_holding" if "less than" in room.sell_bound else ""
        raise Unusable(code or "no_room", f"nothing of {wish.symbol} may be sold: {room.sell_bound}")
    wanted, flags = _dollars(wish, room, equity)
    if wanted > room.sell:
        wanted, flags = room.sell, (*flags, "capped_to_held")
    if wish.stop_loss or wish.take_profit or wish.time_stop_days:
        flags = (*flags, "stops_of_a_sale_ignored")
    return Idea(
        symbol=wish.symbol, side=Side.SELL, amount=wanted, basis=Basis.USD, urgency=wish.urgency,
        confidence=wish.confidence, thesis=wish.thesis, flags=flags,
    )  # fmt: skip


def _dollars(wish: Wish, room: Room, equity: Decimal) -> tuple[Decimal, tuple[str, ...]]:
    """What is wanted in money; a share is of the equity for a purchase, of the holding for a sale."""
    if wish.everything or wish.amount is None:
        return room.sell, wish.flags
    amount = wish.amount
    if amount.unit == "shares":
        if room.unit is None:
            raise Unusable("no_price", f"{wish.symbol} has no price")
        wanted, flags = amount.value * room.unit, (*wish.flags, "from_shares")
    elif amount.unit == "share":
        if amount.value > ONE:
            raise Unusable("too_much", f"{wish.symbol}: a share must be at most 100 %")
        wanted = amount.value * (equity if wish.side is Side.BUY else room.sell)
        flags = wish.flags
    else:
        wanted, flags = amount.value, wish.flags
    # Whole shares must still be whole after the way through dollars.
    found = wanted if amount.unit == "shares" else down(wanted)
    if found <= 0:
        raise Unusable("no_amount", f"{wish.symbol}: an amount must be at least a cent")
    return found, flags


def _stop(
    wish: Wish, mandate: Mandate, flags: tuple[str, ...], notes: list[str]
) -> tuple[Decimal | None, tuple[str, ...]]:  # fmt: skip
    """The wish's stop-loss: a tighter one stands, a looser one is brought to the mandate's."""
    loosest = mandate.exits.stop_loss or STOP_LOOSEST
    if wish.stop_loss is None or wish.stop_loss <= loosest:
        return wish.stop_loss, flags
    notes.append(f"{wish.symbol}: stop of {_percent(wish.stop_loss)} is too loose, {_percent(loosest)} holds")
    return loosest, (*flags, "stop_clamped")


def _percent(fraction: Decimal) -> str:
    return f"{plain(fraction * 100)} %"


def _most_urgent(ideas: list[Idea], most: int) -> tuple[list[Idea], list[Dropped]]:
    """At most `most` ideas in their own order: the less urgent fall first, purchases before sales, the last first."""
    if len(ideas) <= most:
        return ideas, []
    ranked = sorted(
        range(len(ideas)),
        key=lambda i: (-ideas[i].urgency, ideas[i].side is Side.BUY, -(ideas[i].confidence or ZERO), i),
    )
    keep = set(ranked[:most])
    fallen = [
        _fallen(each.side, each.symbol, "over_trade_cap", f"at most {most} trades in this cycle")
        for i, each in enumerate(ideas)
        if i not in keep
    ]
    return [each for i, each in enumerate(ideas) if i in keep], fallen


def payable(ideas: Sequence[Idea], spendable: Decimal, notes: list[str]) -> tuple[Idea, ...]:
    """The ideas with purchases scaled by one common factor to what may be spent, whatever their confidence."""
    wanted = sum((each.amount for each in ideas if each.side is Side.BUY), ZERO)
    if wanted <= spendable:
        return tuple(ideas)
    most = max(spendable, ZERO)
    notes.append(f"purchases of {plain(wanted)} scaled to the {plain(most)} that may be spent")
    return tuple(
        replace(each, amount=down(each.amount * most / wanted), flags=(*each.flags, "scaled_to_cash"))
        if each.side is Side.BUY else each
        for each in ideas
    )  # fmt: skip


def _sized(idea: Idea, rooms: Rooms) -> Idea:
    """The idea in whole lots, never more than it was; a sale of all that is held stands as it is."""
    room = rooms.symbols[idea.symbol]
    if idea.side is Side.SELL and room.closes(idea.amount):
        return idea
    lot = room.lot * (room.unit or ZERO)
    lots = ((idea.amount + LOT_NOISE) / lot).to_integral_value(rounding=ROUND_FLOOR) if lot > 0 else ZERO
    if idea.amount <= 0:
        raise Unusable("unaffordable", "there is no cash that may be spent")
    if lots <= 0:
        raise Unusable("below_one_lot", f"{plain(idea.amount)} buys no whole lot of {plain(lot)}")
    amount = lots * lot
    if amount < rooms.min_trade:
        raise Unusable("below_min_trade", f"{plain(amount)} is below the smallest trade of {plain(rooms.min_trade)}")
    return replace(idea, amount=amount)


def targets_of(ideas: Sequence[Idea], rooms: Rooms) -> tuple[TargetWeight, ...]:
    """Each idea as the weight that its symbol is to have, by symbol: what it has, open orders included, and the amount.

    Weights are of what the planner takes them of.
    """
    targets = []
    for idea in sorted(ideas, key=lambda each: each.symbol):
        room = rooms.symbols[idea.symbol]
        whole = idea.side is Side.SELL and room.closes(idea.amount)
        value = ZERO if whole else max(room.value + idea.side.sign * idea.amount, ZERO)
        weight = (value / rooms.base).quantize(WEIGHT_STEP) if rooms.base > 0 else ZERO
        targets.append(TargetWeight(symbol=idea.symbol, weight=weight, reason=idea.thesis[:REASON_LENGTH_MAX]))
    return tuple(targets)
