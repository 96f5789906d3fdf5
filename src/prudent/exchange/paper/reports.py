"""What an account is told about itself: its figures by their names on the wire, its positions, its profit."""

from decimal import Decimal

from prudent.domain.money import ZERO, to_cents
from prudent.exchange.paper.act import BASE, Act
from prudent.exchange.paper.books import Holding
from prudent.exchange.paper.margin import Figures, figures, sheet_of
from prudent.exchange.paper.words import AccountView, Line, Profit, SecType

LEVERAGE_OF_STOCKS = 2
_ALL = "BASE"


def account_values(act: Act, account: str) -> AccountView:
    """Figures in the base currency, then the cash and the values of each currency, then their sum as `BASE`."""
    worth = figures(act, sheet_of(act, account))
    money = {**_equity(act, account, worth), **_margins(worth)}
    rows = [
        ("AccountCode", account, ""), ("AccountReady", "true", ""), ("AccountType", "INDIVIDUAL", ""),
        ("Cushion", _share(worth.excess, worth.net), ""), ("Leverage", _share(worth.gross, worth.net), ""),
        ("DayTradesRemaining", "-1", ""),
        *((name, _cents(value), BASE) for name, value in money.items()),
        *_by_currency(act, account),
    ]  # fmt: skip
    return AccountView(account=account, values=tuple(rows))


def portfolio(act: Act, account: str) -> tuple[Line, ...]:
    """What the account holds, and what it closed today."""
    return tuple(_line(act, held) for held in _holdings(act, account))


def profit(act: Act, account: str, con_id: int | None) -> Profit:
    lines = [line for line in portfolio(act, account) if con_id in (None, line.contract.con_id)]
    if con_id is not None:
        line = lines[0] if lines else None
        return Profit(
            daily=line.daily if line else ZERO, unrealized=line.unrealized if line else ZERO,
            realized=line.realized if line else ZERO,
        )  # fmt: skip
    return Profit(
        daily=sum((act.in_base(line.daily, line.contract.currency) for line in lines), ZERO),
        unrealized=sum((act.in_base(line.unrealized, line.contract.currency) for line in lines), ZERO),
        realized=act.books.purse(account).realized,
    )


def _holdings(act: Act, account: str) -> tuple[Holding, ...]:
    act.books.purse(account)
    return act.books.held_by(account)


def _line(act: Act, held: Holding) -> Line:
    contract = held.contract
    price = act.worth(contract.con_id)
    if price is None:
        price = held.average_cost / contract.multiplier
    value = held.quantity * price * contract.multiplier
    return Line(
        account=held.account, contract=contract, quantity=held.quantity, average_cost=held.average_cost, price=price,
        value=value, unrealized=value - held.cost, realized=held.realized, daily=value - held.base,
    )  # fmt: skip


def _equity(act: Act, account: str, worth: Figures) -> dict[str, Decimal]:
    gains = profit(act, account, None)
    return {
        "NetLiquidation": worth.net,
        "TotalCashValue": worth.cash + worth.futures,
        "SettledCash": worth.cash,
        "AccruedCash": ZERO,
        "EquityWithLoanValue": worth.loan_equity,
        "PreviousDayEquityWithLoanValue": act.books.purse(account).opening_equity,
        "GrossPositionValue": worth.gross,
        "UnrealizedPnL": gains.unrealized,
        "RealizedPnL": gains.realized,
    }


def _margins(worth: Figures) -> dict[str, Decimal]:
    base = {
        "InitMarginReq": worth.initial,
        "MaintMarginReq": worth.maintenance,
        "AvailableFunds": worth.available,
        "ExcessLiquidity": worth.excess,
    }
    longer = {f"{which}{name}": value for which in ("Full", "LookAhead") for name, value in base.items()}
    return {
        **base,
        **longer,
        "BuyingPower": max(ZERO, worth.available) * LEVERAGE_OF_STOCKS,
        "RegTEquity": worth.loan_equity,
        "RegTMargin": worth.initial,
    }


def _by_currency(act: Act, account: str) -> list[tuple[str, str, str]]:
    cash = act.books.purse(account).cash
    lines = portfolio(act, account)
    currencies = sorted({BASE, *cash, *(line.contract.currency for line in lines)})
    rows: list[tuple[str, str, str]] = []
    total: dict[str, Decimal] = {}
    for currency in currencies:
        sums = _sums(cash.get(currency, ZERO), [line for line in lines if line.contract.currency == currency], act)
        rows += [(name, _cents(value), currency) for name, value in sums.items()]
        rows.append(("ExchangeRate", f"{act.rate(currency) or ZERO:.6f}", currency))
        for name, value in sums.items():
            total[name] = total.get(name, ZERO) + act.in_base(value, currency)
    return [*rows, *((name, _cents(value), _ALL) for name, value in total.items()), ("ExchangeRate", "1.00", _ALL)]


def _sums(cash: Decimal, lines: list[Line], act: Act) -> dict[str, Decimal]:
    def of(kind: SecType) -> Decimal:
        return sum((line.value for line in lines if line.contract.sec_type is kind), ZERO)

    futures = sum((_unsettled(act, line) for line in lines if line.contract.sec_type is SecType.FUTURE), ZERO)
    return {
        "CashBalance": cash + futures,
        "TotalCashBalance": cash + futures,
        "StockMarketValue": of(SecType.STOCK),
        "OptionMarketValue": of(SecType.OPTION),
        "FuturesPNL": futures,
        "NetLiquidationByCurrency": cash + of(SecType.STOCK) + of(SecType.OPTION) + futures,
        "UnrealizedPnL": sum((line.unrealized for line in lines), ZERO),
        "RealizedPnL": sum((line.realized for line in lines), ZERO),
    }


def _unsettled(act: Act, line: Line) -> Decimal:
    held = act.books.holding(line.account, line.contract.con_id)
    return ZERO if held is None else line.value - held.marked


def _cents(value: Decimal) -> str:
    return f"{to_cents(value):.2f}"


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{part / whole:.4f}" if whole > 0 else "0"
