"""Implied volatilities by symbol and session: the first of a session stands, so a year of them is one a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import bindparam, insert, select

from prudent.domain.errors import InputError
from prudent.domain.money import is_finite, plain
from prudent.domain.records import utc_text
from prudent.ledger.accounts import be_known
from prudent.ledger.database import Database
from prudent.ledger.journal import moment
from prudent.ledger.schema import VOLATILITIES, mine

_ADD = insert(VOLATILITIES)
_OF_SESSION = select(VOLATILITIES.c.symbol).where(mine(VOLATILITIES, "session"))
_LAST = (
    select(VOLATILITIES)
    .where(mine(VOLATILITIES, "symbol"), VOLATILITIES.c.session <= bindparam("b_until"))
    .order_by(VOLATILITIES.c.session.desc())
    .limit(bindparam("b_count"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVolatility:
    """The at-the-money volatility of 30 days, a year's as a fraction, that options on a symbol implied in a session."""

    symbol: str
    session: date
    implied: Decimal
    source: str
    at: datetime


class Volatilities:
    """What options implied, one row a symbol and session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, implied: Mapping[str, Decimal], *, session: date, source: str, at: datetime) -> tuple[str, ...]:
        """Store those of a session that it has none of yet; the symbols that were stored now.

        Raises:
            InputError: one is not above 0; none is stored.
        """
        for symbol, value in implied.items():
            if not (is_finite(value) and value > 0):
                raise InputError(f"the implied volatility of {symbol} must be above 0, was {value}; leave it out")
        with self._database.write() as tx:
            be_known(tx, at)
            known = {row["symbol"] for row in tx.all(_OF_SESSION, session=session.isoformat())}
            new = tuple(sorted(implied.keys() - known))
            for symbol in new:
                tx.run(
                    _ADD, symbol=symbol, session=session.isoformat(), implied=plain(implied[symbol]), source=source,
                    at=utc_text(at),
                )  # fmt: skip
        return new

    def stored(self, session: date) -> frozenset[str]:
        """The symbols that have one of that session."""
        with self._database.read() as tx:
            return frozenset(str(row["symbol"]) for row in tx.all(_OF_SESSION, session=session.isoformat()))

    def last(self, symbol: str, *, count: int, until: date) -> tuple[StoredVolatility, ...]:
        """The last `count` of a symbol up to a session, the oldest first."""
        with self._database.read() as tx:
            rows = tx.all(_LAST, symbol=symbol, b_until=until.isoformat(), b_count=count)
        return tuple(
            StoredVolatility(
                symbol=row["symbol"], session=date.fromisoformat(row["session"]), implied=Decimal(row["implied"]),
                source=row["source"], at=moment(row["at"]),
            )
            for row in reversed(rows)
        )  # fmt: skip
