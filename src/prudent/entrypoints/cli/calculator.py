"""The plan of files alone: targets, cash, positions and prices in, orders and verdicts out; no home, no account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prudent.clock import SystemClock
from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode
from prudent.domain.cycles import Observation
from prudent.domain.errors import InputError
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import CostModel, Limits, Mandate, Planning
from prudent.domain.money import parse_decimal
from prudent.domain.plans import OrderPlan
from prudent.domain.quotes import Quote
from prudent.domain.records import Json, encode
from prudent.domain.verdicts import GuardReport
from prudent.entrypoints.cli import csv_tables
from prudent.entrypoints.cli.csv_tables import PriceRow
from prudent.guards.feeds import CALCULATOR_FEEDS
from prudent.guards.report import judge
from prudent.pipeline.plan import make_plan
from prudent.settings import parse_fraction
from prudent.strategies.target_weights import TargetWeights, Unit, read_portfolio

ACCOUNT, CYCLE, BASE, VENUE = "calculator", "calculator/plan", "USD", "FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the user gave: paths, and cash as text."""

    targets: Path
    prices: Path
    cash: str | None = None
    positions: Path | None = None
    open_orders: Path | None = None
    fx: Path | None = None


def calculate(
    files: Files, planning: Planning, *, costs: CostModel, unit: str | None
) -> tuple[OrderPlan, GuardReport, Mandate]:
    """Plan and judge as a `directed` account without limits of its own would.

    Raises:
        InputError: a file or an option is wrong.
        BlockedError: a held symbol has no usable price, so there is no NAV.
    """
    mandate = Mandate(
        account=ACCOUNT, account_class=AccountClass.DIRECTED, currency=BASE, planning=planning, costs=costs,
        limits=Limits(max_position_weight=None, max_sector_weight=None),
    )  # fmt: skip
    seen = _observation(files, planning)
    portfolio = read_portfolio(
        csv_tables.read_text(files.targets), name=str(files.targets), unit=Unit(unit) if unit else None
    )
    inputs: dict[str, Json] = {"source": str(files.targets), "portfolio": encode(portfolio)}
    decision = TargetWeights().decide(seen, mandate, inputs)
    plan = make_plan(seen, decision, mandate, cycle=CYCLE)
    return plan, judge(seen, plan.orders, mandate, feeds=CALCULATOR_FEEDS), mandate


def _observation(files: Files, planning: Planning) -> Observation:
    if files.cash is None and files.positions is None:
        raise InputError("the calculator needs --cash, --positions or both besides --prices; add one")
    cash = parse_decimal(files.cash or "0", "--cash")
    if cash < 0:
        raise InputError(f"--cash must be 0 or above, was {cash}; correct it")
    rows = csv_tables.prices(files.prices, base=BASE)
    held = csv_tables.positions(files.positions, shorts=planning.allow_short) if files.positions else ()
    live = csv_tables.open_orders(files.open_orders) if files.open_orders else ()
    fx = csv_tables.fx_rates(files.fx, base=BASE) if files.fx else ()
    now = SystemClock().now()
    return Observation(
        account=ACCOUNT, account_class=AccountClass.DIRECTED, mode=Mode.DRY_RUN, as_of=now, session=now.date(),
        market_open=True,
        snapshot=AccountSnapshot(
            account=ACCOUNT, currency=BASE, cash=cash, positions=held, open_orders=live, as_of=now, source="files"
        ),
        history=AccountHistory(session=now.date()), quotes=_quotes(rows), instruments=_instruments(rows), fx=fx,
        data_source=str(files.prices),
    )  # fmt: skip


def _quotes(rows: Iterable[PriceRow]) -> tuple[Quote, ...]:
    return tuple(Quote(symbol=row.symbol, price=row.price, level=row.price, source="file") for row in rows)


def _instruments(rows: Iterable[PriceRow]) -> tuple[Instrument, ...]:
    return tuple(
        Instrument(symbol=row.symbol, venue=VENUE, kind=InstrumentKind.STOCK, currency=row.currency) for row in rows
    )


def planning_of(options: Mapping[str, object]) -> Planning:
    """The planning rules that the options say; those not given keep their defaults."""
    given = {key: value for key, value in options.items() if value is not None}
    bands = str(given.pop("bands", ""))
    if bands:
        absolute, _, relative = bands.partition("/")
        given["band_absolute"] = _fraction("--bands", absolute, above_zero=True)
        given["band_relative"] = _fraction("--bands", relative, above_zero=True) if relative else None
    if "buffer" in given:
        given["buffer"] = _fraction("--buffer", str(given["buffer"]), above_zero=False)
    for name, flag in (("capital_to_deploy", "--capital"), ("lot_size", "--lot-size")):
        if name in given:
            given[name] = _amount(flag, str(given[name]))
    return Planning(**given)  # type: ignore[arg-type]


def _fraction(flag: str, text: str, *, above_zero: bool) -> Decimal:
    try:
        value = parse_fraction(text)
    except ValueError as error:
        raise InputError(f"{flag} {error}") from error
    low = "above 0" if above_zero else "from 0"
    if value < 0 or value > 1 or (above_zero and value == 0):
        raise InputError(f"{flag} must be {low} to 100%, was {text}; write it like 5%")
    return value


def _amount(flag: str, text: str) -> Decimal:
    value = parse_decimal(text, flag)
    if value <= 0:
        raise InputError(f"{flag} must be above 0, was {text}; correct it")
    return value
