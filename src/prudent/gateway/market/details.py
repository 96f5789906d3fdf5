"""What contract details say of a contract beside its facts, and the questions they answer."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from prudent.exchange.paper.words import Contract, Facts

STOCK_EXCHANGES = ("SMART", "NYSE", "NASDAQ", "ARCA", "BATS")
STOCK_ORDERS = "ADAPTIVE,DAY,FOK,GTC,GTD,IOC,LIMIT,LMT,LOC,MIDPX,MKT,MOC,OPG,STP,STPLMT,TRAIL,TRAILLMT,WHATIF"
OTHER_ORDERS = "ADAPTIVE,DAY,GTC,GTD,IOC,LMT,MKT,STP,STPLMT,TRAIL,TRAILLMT,WHATIF"

Ticks = tuple[tuple[Decimal, Decimal], ...]


def _ticks(*steps: str) -> Ticks:
    pairs = (step.split(":") for step in steps)
    return tuple((Decimal(low), Decimal(increment)) for low, increment in pairs)


# Market rules by id: `(from price, increment)`, ascending.
RULES: dict[int, Ticks] = {
    26: _ticks("0:0.0001", "1:0.01"),
    32: _ticks("0:0.01"),
    109: _ticks("0:0.05", "3:0.10"),
    110: _ticks("0:0.01", "3:0.05"),
    239: _ticks("0:0.00005"),
    240: _ticks("0:0.0025"),
    67: _ticks("0:0.25"),
    241: _ticks("0:0.0001"),
    242: _ticks("0:0.00005"),
    243: _ticks("0:0.10"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A contract as a client describes it; empty fields leave it open. `expiry` is YYYYMM or YYYYMMDD."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    include_expired: bool = False

    @property
    def root(self) -> str:
        """The symbol in capitals."""
        return self.symbol.strip().upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One row of an answer to a question about contracts; hours are texts in `time_zone`, computed when asked for.

    `spot` names the series that the price follows. `rule` is the id of its ticks.
    """

    facts: Facts
    spot: str
    rule: int
    long_name: str
    market_name: str
    valid_exchanges: tuple[str, ...]
    order_types: str = OTHER_ORDERS
    contract_month: str = ""
    expiry_day: date | None = None
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    time_zone: str = "US/Eastern"
    trading_hours: str = ""
    liquid_hours: str = ""
    under_symbol: str = ""
    under_sec_type: str = ""
    stock_type: str = ""
    sec_ids: tuple[tuple[str, str], ...] = ()
    price_magnifier: int = 1
    agg_group: int = 1
    min_size: Decimal = Decimal(1)
    size_increment: Decimal = Decimal(1)
    suggested_size: Decimal = Decimal(1)

    @property
    def contract(self) -> Contract:
        return self.facts.contract

    @property
    def con_id(self) -> int:
        return self.facts.contract.con_id

    @property
    def min_tick(self) -> Decimal:
        """The step of a price of one unit: clients round to it, and cheaper prices have rows of the rule."""
        return [increment for low, increment in self.facts.ticks if low <= 1][-1]

    @property
    def market_rule_ids(self) -> tuple[int, ...]:
        """One rule for each of `valid_exchanges`, in their order."""
        return (self.rule,) * len(self.valid_exchanges)

    @property
    def real_expiration(self) -> str:
        return f"{self.expiry_day:%Y%m%d}" if self.expiry_day else ""

    def fits(self, query: Query) -> bool:
        """Whether this is one of the contracts that the question may mean."""
        contract = self.contract
        wanted = (
            (query.sec_type, contract.sec_type),
            (query.symbol, contract.symbol),
            (query.currency, contract.currency),
            (query.local_symbol, contract.local_symbol),
            (query.trading_class, contract.trading_class),
            (query.right[:1], contract.right),
        )
        if any(asked and asked.strip().upper() != has for asked, has in wanted):
            return False
        if query.con_id and query.con_id != contract.con_id:
            return False
        if query.multiplier and _number(query.multiplier) != contract.multiplier:
            return False
        if query.expiry and not contract.expiry.startswith(query.expiry) and self.contract_month != query.expiry:
            return False
        if query.strike and query.strike != contract.strike:
            return False
        return self._is_at(query)

    def _is_at(self, query: Query) -> bool:
        exchange, primary = _exchange(query.exchange), _exchange(query.primary_exchange)
        at = {*self.valid_exchanges, self.contract.exchange, self.contract.primary_exchange}
        if exchange and exchange not in at:
            return False
        return not primary or primary in at - {"SMART"}


def _exchange(text: str) -> str:
    # An old name of Nasdaq that programs still write.
    name = text.strip().upper()
    return "NASDAQ" if name == "ISLAND" else name


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except ArithmeticError:
        return None
