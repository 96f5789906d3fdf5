"""What does not expire: stocks and ETFs with their listings, indices and currency pairs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.instruments import UNKNOWN_SECTOR, Instrument, InstrumentKind
from prudent.exchange.paper.words import Contract, Facts, SecType
from prudent.gateway.market import con_ids
from prudent.gateway.market.details import RULES, STOCK_EXCHANGES, STOCK_ORDERS, Details, Query

# Pairs by their price: units of the second for one of the first. The series is that of the one that is not the dollar.
PAIRS = {
    "EUR.USD": "EUR", "GBP.USD": "GBP", "AUD.USD": "AUD", "USD.JPY": "JPY", "USD.CHF": "CHF", "USD.CAD": "CAD",
    "USD.MXN": "MXN",
}  # fmt: skip
INDICES = {
    "SPX": ("S&P 500 Stock Index", "CBOE"), "NDX": ("NASDAQ 100 Stock Index", "NASDAQ"),
    "VIX": ("CBOE Volatility Index", "CBOE"), "TNX": ("CBOE 10 Year Treasury Note Yield Index", "CBOE"),
}  # fmt: skip
# Second listings: a question without a currency is answered with all of them.
ABROAD = {
    **dict.fromkeys(("AAPL", "AMD", "AMZN", "GOOG", "KO", "MSFT", "WMT"), (("MEXI", "MXN"), ("AEQLIT", "CAD"))),
    **dict.fromkeys(("BAC", "GE", "PFE", "QQQ", "SPY", "VOO"), (("MEXI", "MXN"),)),
}
PRIMARY = {"ARCA": "ARCA", "BATS": "BATS", "NASDAQ": "NASDAQ", "NYSE": "NYSE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row of a symbol search: the listing, and the kinds of derivative on it."""

    contract: Contract
    description: str
    derivatives: tuple[str, ...]


class Listings:
    """Stocks, ETFs, indices and pairs by id and by symbol. A symbol that only a price file has is listed too."""

    def __init__(self, instruments: Iterable[Instrument], filed: Iterable[str] = ()) -> None:
        known = {i.symbol: i for i in instruments if i.kind in (InstrumentKind.STOCK, InstrumentKind.ETF)}
        for symbol in filed:
            if symbol not in known and symbol not in INDICES:
                known[symbol] = Instrument(symbol=symbol, venue="ARCA", kind=InstrumentKind.STOCK, name=symbol)
        made = [each for i in known.values() for each in _stocks(i)]
        made += [_index(symbol) for symbol in INDICES] + [_pair(pair) for pair in PAIRS]
        self._by_id = {each.con_id: each for each in made}
        self._by_symbol: dict[str, list[Details]] = {}
        for each in made:
            self._by_symbol.setdefault(each.contract.symbol, []).append(each)

    def all(self) -> tuple[Details, ...]:
        return tuple(self._by_id.values())

    def by_id(self, con_id: int) -> Details | None:
        return self._by_id.get(con_id)

    def find(self, query: Query) -> tuple[Details, ...]:
        """Every listing that the question may mean; the American ones first."""
        symbol = query.root.replace("BRK.B", "BRK B") if query.sec_type == SecType.STOCK else query.root
        asked = replace(query, symbol=symbol) if symbol != query.root else query
        if query.con_id:
            rows = [self._by_id[query.con_id]] if query.con_id in self._by_id else []
        else:
            rows = self._by_symbol.get(symbol, []) if symbol else list(self._by_id.values())
        return tuple(each for each in rows if each.fits(asked))

    def search(self, pattern: str, limit: int = 16) -> tuple[Found, ...]:
        """Stocks and indices whose symbol begins with the pattern, or whose name has it; exact symbols first."""
        text = pattern.strip().upper()
        if not text:
            return ()
        rows = [d for d in self._by_id.values() if d.contract.sec_type in (SecType.STOCK, SecType.INDEX)]
        ranked = [(_rank(each, text), each) for each in rows]
        best = sorted((pair for pair in ranked if pair[0] < 3), key=lambda pair: (pair[0], pair[1].contract.symbol))
        return tuple(
            Found(contract=each.contract, description=each.long_name, derivatives=_derivatives(each))
            for _, each in best[:limit]
        )


def _rank(details: Details, text: str) -> int:
    symbol = details.contract.symbol
    if symbol == text:
        return 0
    if symbol.startswith(text):
        return 1
    return 2 if len(text) > 2 and text in details.long_name.upper() else 3


def _derivatives(details: Details) -> tuple[str, ...]:
    if details.contract.symbol in ("VIX", "TNX") or details.contract.currency != "USD":
        return ()
    return ("OPT", "BAG") if details.contract.sec_type is SecType.STOCK else ("OPT", "FUT", "BAG")


def wire_symbol(symbol: str) -> str:
    """Class shares are written with a space: `BRK B`."""
    return symbol.replace(".", " ")


def _stocks(instrument: Instrument) -> list[Details]:
    symbol = wire_symbol(instrument.symbol)
    is_fund = instrument.kind is InstrumentKind.ETF
    primary = PRIMARY.get(instrument.venue, "NYSE")
    home = _stock(instrument, con_ids.named(f"STK:{symbol}"), "USD", primary, is_fund=is_fund)
    abroad = [
        _stock(instrument, con_ids.named(f"STK:{symbol}@{exchange}"), currency, exchange, is_fund=is_fund)
        for exchange, currency in ABROAD.get(symbol, ())
    ]
    return [home, *abroad]


def _stock(instrument: Instrument, con_id: int, currency: str, primary: str, *, is_fund: bool) -> Details:
    symbol = wire_symbol(instrument.symbol)
    trading_class = {"NASDAQ": "NMS"}.get(primary, symbol)
    contract = Contract(
        con_id=con_id, sec_type=SecType.STOCK, symbol=symbol, currency=currency, exchange="SMART",
        primary_exchange=primary, local_symbol=symbol, trading_class=trading_class,
    )  # fmt: skip
    sector = "" if instrument.sector == UNKNOWN_SECTOR else instrument.sector
    return Details(
        facts=Facts(contract=contract, ticks=RULES[26]), spot=instrument.symbol, rule=26,
        long_name=instrument.name or symbol, market_name=trading_class,
        valid_exchanges=STOCK_EXCHANGES if currency == "USD" else ("SMART", primary), order_types=STOCK_ORDERS,
        industry=sector, stock_type="ETF" if is_fund else "COMMON", suggested_size=Decimal(100),
    )  # fmt: skip


def _index(symbol: str) -> Details:
    name, exchange = INDICES[symbol]
    contract = Contract(
        con_id=con_ids.named(f"IND:{symbol}"), sec_type=SecType.INDEX, symbol=symbol, exchange=exchange,
        local_symbol=symbol, trading_class=symbol,
    )  # fmt: skip
    return Details(
        facts=Facts(contract=contract, ticks=RULES[32], tradable=False), spot=symbol, rule=32, long_name=name,
        market_name=symbol, valid_exchanges=(exchange,), order_types="", industry="Indices",
        category="Broad Range Equity Index",
    )  # fmt: skip


def _pair(pair: str) -> Details:
    symbol, currency = pair.split(".")
    rule = 240 if currency in ("JPY", "MXN") else 239
    contract = Contract(
        con_id=con_ids.named(f"CASH:{pair}"), sec_type=SecType.FX, symbol=symbol, currency=currency,
        exchange="IDEALPRO", local_symbol=pair, trading_class=pair,
    )  # fmt: skip
    return Details(
        facts=Facts(contract=contract, ticks=RULES[rule]), spot=PAIRS[pair], rule=rule,
        long_name=f"{symbol} against {currency}", market_name=pair, valid_exchanges=("IDEALPRO",), agg_group=4,
    )  # fmt: skip
