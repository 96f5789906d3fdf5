"""How our books read in Ghostfolio: the marks by which we know our own, symbols, and what comes back as typed rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from prudent.brokers.ghostfolio.wire import Wired
from prudent.domain.errors import Permanent
from prudent.domain.money import ZERO, from_float
from prudent.domain.orders import Side

NAMESPACE = UUID("6f0c9a55-7d0f-5f0a-9a0e-3d6f7c1b2e48")
YAHOO, MANUAL = "YAHOO", "MANUAL"
MANUAL_PREFIX = "GF_"
_PREFIX = "prudent"
_MARK = re.compile(rf"{_PREFIX}:([^:\s]+):([^:\s]+):(\S+)#(\d+)")
# Binary fractions and a server's own rounding; a real difference is never as small.
_ALIKE = Decimal("1e-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The comment of an activity of ours: it names one version of one execution of one order, and never another."""

    account: str
    order_ref: str
    exec_id: str
    version: int

    def __str__(self) -> str:
        return f"{_PREFIX}:{self.account}:{self.order_ref}:{self.exec_id}#{self.version}"


def mark_of(comment: object) -> Mark | None:
    """The mark in a comment; None for what is not ours."""
    found = _MARK.fullmatch(comment.strip()) if isinstance(comment, str) else None
    if found is None:
        return None
    return Mark(account=found[1], order_ref=found[2], exec_id=found[3], version=int(found[4]))


def account_uuid(owner: str, account: str) -> str:
    """The id that an account of ours is given there, the same whenever it is made anew."""
    return str(uuid5(NAMESPACE, f"{owner}/{account}"))


def account_mark(owner: str, account: str) -> str:
    """The comment of an account of ours, a second mark beside its id."""
    return f"{_PREFIX}:account:{owner}/{account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A symbol there; `name` is ours."""

    source: str
    symbol: str
    name: str


def yahoo_asset(symbol: str) -> Asset:
    """BRK.B is BRK-B there."""
    return Asset(source=YAHOO, symbol=symbol.replace(".", "-"), name=symbol)


def manual_asset(symbol: str, *, user: str) -> Asset:
    """An asset of its own: the prefix keeps its symbol, the user's id keeps it from meaning another user's."""
    plain = re.sub(r"[^A-Z0-9._-]", "-", symbol.upper())
    return Asset(source=MANUAL, symbol=f"{MANUAL_PREFIX}{user[:8].upper()}-{plain}", name=symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One trade to be shown there."""

    mark: Mark
    side: Side
    asset: Asset
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time: datetime
    currency: str

    def body(self, account_id: str) -> dict[str, Wired]:
        """The smallest body that every version takes; cash is never moved by it."""
        return {
            "accountId": account_id, "comment": str(self.mark), "currency": self.currency,
            "dataSource": self.asset.source, "date": self.time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "fee": _number(self.fee), "quantity": _number(self.quantity), "symbol": self.asset.symbol,
            "type": str(self.side), "unitPrice": _number(self.price),
        }  # fmt: skip

    def import_body(self, account_id: str) -> dict[str, Wired]:
        """The body that names a manual asset besides: without a name it could be bought and never sold."""
        profile: dict[str, Wired] = {
            "assetClass": "ALTERNATIVE_INVESTMENT", "currency": self.currency, "dataSource": self.asset.source,
            "marketData": [], "name": self.asset.name, "symbol": self.asset.symbol,
        }  # fmt: skip
        return {"activities": [self.body(account_id)], "assetProfiles": [profile]}

    def differs_from(self, there: "RemoteActivity") -> str:
        """In what the activity there says something else; nothing where both agree."""
        pairs: Sequence[tuple[str, object, object]] = (
            ("type", str(self.side), there.type),
            ("symbol", (self.asset.source, self.asset.symbol), (there.source, there.symbol)),
            ("account currency", self.currency, there.currency),
        )
        numbers = (
            ("quantity", self.quantity, there.quantity), ("price", self.price, there.price),
            ("fee", self.fee, there.fee),
        )  # fmt: skip
        said = [f"{what} {theirs} where {ours} was traded" for what, ours, theirs in pairs if ours != theirs]
        said += [f"{what} {theirs} where it was {ours}" for what, ours, theirs in numbers if not alike(ours, theirs)]
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """An account there; `balance` is None where the answer leaves it out."""

    id: str
    name: str
    currency: str
    comment: str
    balance: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteActivity:
    """An activity there; `mark` is None for what a person or another program wrote."""

    id: str
    account_id: str
    mark: Mark | None
    type: str
    source: str
    symbol: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    currency: str
    date: str

    @property
    def moved(self) -> Decimal:
        """What it does to the quantity held."""
        return {"BUY": self.quantity, "SELL": -self.quantity}.get(self.type, ZERO)


def alike(ours: Decimal, theirs: Decimal) -> bool:
    """Whether two amounts agree but for what a binary fraction loses."""
    return abs(ours - theirs) <= _ALIKE * max(Decimal(1), abs(ours))


def account_from(answer: Wired) -> RemoteAccount:
    """One account of an answer.

    Raises:
        Permanent: it is none.
    """
    row = _object(answer, "an account")
    return RemoteAccount(
        id=_text(row, "id"), name=_text(row, "name"), currency=_text(row, "currency"),
        comment=_maybe_text(row, "comment"), balance=None if row.get("balance") is None else _decimal(row, "balance"),
    )  # fmt: skip


def activity_from(answer: Wired) -> RemoteActivity:
    """One activity of an answer; its asset stands under a name that changed between versions, or flat.

    Raises:
        Permanent: it is none.
    """
    row = _object(answer, "an activity")
    asset = row.get("assetProfile") or row.get("SymbolProfile") or row
    profile = _object(asset, "the asset of an activity")
    return RemoteActivity(
        id=_text(row, "id"), account_id=_maybe_text(row, "accountId"), mark=mark_of(row.get("comment")),
        type=_text(row, "type"), source=_maybe_text(profile, "dataSource"), symbol=_maybe_text(profile, "symbol"),
        quantity=_decimal(row, "quantity"), price=_decimal(row, "unitPrice"), fee=_decimal(row, "fee"),
        currency=_maybe_text(row, "currency") or _maybe_text(profile, "currency"), date=_text(row, "date"),
    )  # fmt: skip


def rows_of(answer: Wired, name: str) -> tuple[Wired, ...]:
    """The list under `name`.

    Raises:
        Permanent: there is none.
    """
    found = _object(answer, f"a list of {name}").get(name)
    if not isinstance(found, list):
        raise Permanent(f"Ghostfolio must answer with {name}, did not; its version may be too new for this one")
    return tuple(found)


def text_of(answer: Wired, *path: str) -> str:
    """A text deep in an answer; empty where it is not there."""
    for part in path:
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer if isinstance(answer, str) else ""


def _object(answer: Wired, what: str) -> dict[str, Wired]:
    if not isinstance(answer, dict):
        raise Permanent(f"Ghostfolio must answer with {what}, was {str(answer)[:80]!r}; is the URL that of Ghostfolio?")
    return answer


def _text(row: dict[str, Wired], name: str) -> str:
    found = row.get(name)
    if not isinstance(found, str) or not found:
        raise Permanent(f"Ghostfolio must give `{name}`, was {found!r}; its version may be too new for this one")
    return found


def _maybe_text(row: dict[str, Wired], name: str) -> str:
    found = row.get(name)
    return found if isinstance(found, str) else ""


def _decimal(row: dict[str, Wired], name: str) -> Decimal:
    found = row.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise Permanent(f"Ghostfolio must give `{name}` as a number, was {found!r}; is its version too new for this?")
    return from_float(float(found))


def _number(value: Decimal) -> Wired:
    """As JSON spells it; what a binary fraction cannot hold differs by less than anybody trades."""
    return int(value) if value == value.to_integral_value() else float(value)
