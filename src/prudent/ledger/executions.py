"""Executions: each is booked once, in its latest version; what a venue corrects or takes back is booked against it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sqlalchemy import insert, select

from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Fill, Side
from prudent.domain.quotes import Quality
from prudent.domain.records import Json, encode, utc_text
from prudent.ledger.booking import Line, commission_lines, fill_lines, realised_of, rest_lines, reversal_lines
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, Entry, append_entry, lines_of, moment
from prudent.ledger.schema import FILLS, by_index, mine

# A person's word on an order whose executions nobody could tell; the venue's own word replaces it.
BY_HAND = "hand:"

_LATEST = select(FILLS).where(mine(FILLS, "account", "exec_id")).order_by(FILLS.c.version.desc()).limit(1)
_ADD = insert(FILLS)
_OF_ORDER = (
    select(FILLS)
    .with_hint(FILLS, by_index(FILLS, "account", "order_ref"), "sqlite")
    .where(mine(FILLS, "account", "order_ref"))
    .order_by(FILLS.c.version)
)
_ANY = select(FILLS.c.exec_id).where(mine(FILLS, "account")).limit(1)


@dataclass(slots=True)
class Taken:
    """What a report's fills changed: executions never seen, all that was booked, and those that contradict."""

    filled: Decimal = ZERO
    fresh: list[Fill] = field(default_factory=list)
    booked: list[Json] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    @property
    def moved(self) -> bool:
        return bool(self.fresh or self.booked)


def take(
    tx: Transaction, books: Books, order: Row, fills: Iterable[Fill], *, heard_before: bool
) -> Taken:  # fmt: skip
    """Book what is new in a report's fills; what is doubled, or older than what is booked, changes nothing.

    `heard_before` marks a report that came word for word before: of the same version it cannot know a newer commission.
    """
    taken = Taken()
    standing = fills_of(tx, order["account"], order["order_ref"])
    for fill in sorted(fills, key=lambda each: (each.time, each.exec_id, each.version)):
        latest = tx.one(_LATEST, account=order["account"], exec_id=fill.exec_id)
        if latest is None:
            _first(tx, books, order, fill, taken, by_hand=_by_hand(standing))
        elif latest["order_ref"] != fill.order_ref:
            taken.conflicts.append(fill.exec_id)
        elif fill.version > latest["venue_version"] or (fill.busted and not latest["busted"] and _same(latest, fill)):
            _corrected(tx, books, latest, fill, taken)
        elif fill.version == latest["venue_version"] and not latest["busted"]:
            _compare(tx, books, latest, fill, taken, heard_before=heard_before)
    if len(taken.booked) == len(taken.fresh):
        standing = (*standing, *taken.fresh)
    else:
        standing = fills_of(tx, order["account"], order["order_ref"])
    taken.filled = sum((fill.quantity for fill in standing), ZERO)
    return taken


def fills_of(tx: Transaction, account: str, order_ref: str) -> tuple[Fill, ...]:
    """The executions of an order that stand, each in its latest version, in the order of their times."""
    latest = {row["exec_id"]: row for row in tx.all(_OF_ORDER, account=account, order_ref=order_ref)}
    standing = (row for row in latest.values() if not row["busted"])
    return tuple(_fill(row) for row in sorted(standing, key=lambda row: (row["time"], row["exec_id"])))


def any_fill(tx: Transaction, account: str) -> bool:
    """True once anything was ever filled for the account."""
    return tx.one(_ANY, account=account) is not None


def _fill(row: Row) -> Fill:
    return Fill(
        exec_id=row["exec_id"], order_ref=row["order_ref"], account=row["account"], symbol=row["symbol"],
        side=Side(row["side"]), quantity=Decimal(row["quantity"]), price=Decimal(row["price"]),
        commission=Decimal(row["commission"]), time=moment(row["time"]), quality=Quality(row["quality"]),
        version=row["venue_version"], busted=bool(row["busted"]),
    )  # fmt: skip


def _same(latest: Row, fill: Fill) -> bool:
    return bool(fill.version == latest["venue_version"])


def _by_hand(standing: Sequence[Fill]) -> tuple[Fill, ...]:
    return tuple(fill for fill in standing if fill.exec_id.startswith(BY_HAND))


def _first(
    tx: Transaction, books: Books, order: Row, fill: Fill, taken: Taken, *, by_hand: Sequence[Fill]
) -> None:  # fmt: skip
    """An execution never seen; one that is known only as taken back is kept and books nothing."""
    if fill.busted:
        _keep(tx, order, fill, number=1, entry=0, realised=ZERO)
        taken.booked.append(encode(fill))
        return
    _take_back(tx, books, by_hand, taken)
    lines = fill_lines(books.of(tx, fill.account), fill)
    text = f"{_words(fill)} at {plain(fill.price)}"
    entry = _book(tx, books, _entry("fill", fill.exec_id, fill, text), lines)
    _keep(tx, order, fill, number=1, entry=entry, realised=realised_of(lines))
    taken.fresh.append(fill)
    taken.booked.append(encode(fill))


def _take_back(tx: Transaction, books: Books, by_hand: Sequence[Fill], taken: Taken) -> None:
    """The venue tells its own executions after all: what a person told in their place is booked back."""
    for told in by_hand:
        latest = tx.one(_LATEST, account=told.account, exec_id=told.exec_id)
        assert latest is not None
        if not latest["busted"]:
            _corrected(tx, books, latest, replace(told, version=told.version + 1, busted=True), taken)


def _corrected(tx: Transaction, books: Books, latest: Row, fill: Fill, taken: Taken) -> None:
    """The booked version is reversed line by line, and the newer one booked in its place unless it is taken back."""
    number = int(latest["version"]) + 1
    realised = Decimal(latest["realised"])
    if not latest["busted"]:
        back = reversal_lines(lines_of(tx, int(latest["entry"])))
        # A commission that was told later stands in entries of its own.
        back = (*back, *_commission_back(tx, latest))
        if fill.busted:
            back = (*back, *rest_lines(books.of(tx, fill.account), fill.symbol, back))
        text = f"taken back: {_words(_fill(latest))} at {latest['price']}"
        entry = _book(tx, books, _entry("reversal", f"{fill.exec_id}#{number}", fill, text), back)
        realised += realised_of(back)
    else:
        entry = 0
    if not fill.busted:
        lines = fill_lines(books.of(tx, fill.account), fill)
        text = f"corrected: {_words(fill)} at {plain(fill.price)}"
        entry = _book(tx, books, _entry("correction", f"{fill.exec_id}#{number}", fill, text), lines)
        realised += realised_of(lines)
    _keep(tx, latest, fill, number=number, entry=entry, realised=realised)
    taken.booked.append(encode(fill))


def _commission_back(tx: Transaction, latest: Row) -> tuple[Line, ...]:
    """What later commissions booked on top of the version at hand, reversed."""
    told = [row for row in tx.all(_OF_ORDER, account=latest["account"], order_ref=latest["order_ref"])
            if row["exec_id"] == latest["exec_id"] and row["venue_version"] == latest["venue_version"]]  # fmt: skip
    first = told[0]
    if first["version"] == latest["version"]:
        return ()
    return reversal_lines(commission_lines(_fill(first), _fill(latest)))


def _compare(
    tx: Transaction, books: Books, latest: Row, fill: Fill, taken: Taken, *, heard_before: bool
) -> None:  # fmt: skip
    """The same version again: only its commission may have become known since; anything else contradicts."""
    known = _fill(latest)
    if (known.quantity, known.price, known.symbol, known.side) != (fill.quantity, fill.price, fill.symbol, fill.side):
        taken.conflicts.append(fill.exec_id)
        return
    # Nothing is not a commission: the venue has not told it yet.
    if fill.commission in (known.commission, ZERO) or heard_before:
        return
    number = int(latest["version"]) + 1
    text = f"commission of {fill.exec_id} is {plain(fill.commission)}, was {plain(known.commission)}"
    lines = commission_lines(known, fill)
    if lines:
        _book(tx, books, _entry("commission", f"{fill.exec_id}#{number}", fill, text), lines)
    _keep(tx, latest, fill, number=number, entry=int(latest["entry"]), realised=Decimal(latest["realised"]))
    taken.booked.append(encode(fill))


def _words(fill: Fill) -> str:
    return f"{fill.side} {plain(fill.quantity)} {fill.symbol}"


def _entry(kind: str, ref: str, fill: Fill, text: str) -> Entry:
    return Entry(account=fill.account, kind=kind, ref=ref, at=fill.time, text=text)


def _book(tx: Transaction, books: Books, entry: Entry, lines: Sequence[Line]) -> int:
    currency = books.currency(tx, entry.account)
    return append_entry(tx, books.of(tx, entry.account), entry, lines, currency=currency)


def _keep(tx: Transaction, order: Row, fill: Fill, *, number: int, entry: int, realised: Decimal) -> None:
    tx.run(
        _ADD, account=fill.account, exec_id=fill.exec_id, version=number, order_ref=order["order_ref"],
        run=order["run"], cycle=order["cycle"], symbol=fill.symbol, side=str(fill.side),
        quantity=plain(fill.quantity), price=plain(fill.price), commission=plain(fill.commission),
        quality=str(fill.quality), time=utc_text(fill.time), realised=plain(realised), entry=entry,
        busted=int(fill.busted), venue_version=fill.version,
    )  # fmt: skip
