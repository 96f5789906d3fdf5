"""Commands about a gateway of Interactive Brokers: look at it, at what is behind it, and come back after an outage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import DeskError, InputError, Temporary
from prudent.entrypoints.cli import adopting, ending_all
from prudent.entrypoints.cli.answer import DONE, UNKNOWN, Answer, Problem, Table, moment, money, quantity
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.screen import progress

if TYPE_CHECKING:
    from prudent.brokers.ibkr.contracts import Wanted
    from prudent.brokers.ibkr.greeting import Greeting
    from prudent.brokers.ibkr.words import Listed
    from prudent.domain.accounts import AccountSnapshot
    from prudent.domain.futures import FutureMonth
    from prudent.entrypoints.cli.ibkr_link import Look, Target

GROUP = "ibkr"
PROBED = "SPY"
_PAUSE_SECONDS = 2.0
AddressOption = Annotated[
    str, typer.Option("--address", metavar="HOST:PORT", help="Another gateway than IBKR_HOST and IBKR_PORT.")
]
ClientOption = Annotated[
    int | None, typer.Option("--client-id", min=0, help="First of two to look with; else IBKR_CLIENT_ID + 2.")
]
SymbolArgument = Annotated[str, typer.Argument(metavar="SYMBOL", help="AAPL, ES1!, EURUSD, 6EZ6 ...")]
ExchangeOption = Annotated[str, typer.Option("--exchange", help="The listing that is meant, where there are several.")]
CurrencyOption = Annotated[str, typer.Option("--currency", help="The currency of the listing that is meant.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="A gateway of Interactive Brokers, or our paper gateway.")
    app.add_typer(group, name=GROUP)
    command(group, "probe", group=GROUP)(probe)
    command(group, "accounts", group=GROUP)(accounts)
    command(group, "positions", group=GROUP)(positions)
    command(group, "contract", group=GROUP)(contract)
    command(group, "chain", group=GROUP)(chain)
    command(group, "adopt", group=GROUP)(adopting.adopt)
    command(group, "restart", group=GROUP)(restart)
    command(group, "cancel-everything", group=GROUP)(ending_all.cancel_everything)


@dataclass(slots=True)
class Steps:
    """What a probe did, one row a step, until one failed."""

    rows: list[dict[str, object]] = field(default_factory=list)
    failed: DeskError | None = None

    def did(self, step: str, detail: str) -> None:
        self.rows.append({"step": step, "ok": True, "detail": detail})

    def ended(self, step: str, error: DeskError) -> None:
        self.rows.append({"step": step, "ok": False, "detail": str(error)})
        self.failed = error


def probe(
    call: Call, *, address: AddressOption = "", client_id: ClientOption = None,
    symbol: Annotated[str, typer.Option("--symbol", help="What to look up and quote.")] = PROBED,
    handshake: Annotated[bool, typer.Option("--handshake", help="Only that: it takes no client id.")] = False,
) -> Answer:  # fmt: skip
    """Connect, list accounts, look up one contract, take one quote, hang up: exit 0 if all of it works, else 4."""
    from prudent.entrypoints.cli.ibkr_link import target_of

    target, steps = target_of(call.folder(), address=address, client_id=client_id), Steps()
    greeting = _greeted(target, steps)
    if greeting is not None and not handshake:
        _looked(target, symbol, steps)
    simulated = greeting is not None and greeting.simulated
    said = f"gateway at {target.address}{', SIMULATED' if simulated else ''}"
    return Answer(
        data={"address": str(target.address), "simulated": simulated, "steps": steps.rows},
        blocks=[
            Table(
                title=said, columns=("step", "result", "detail"),
                rows=[(str(r["step"]), "works" if r["ok"] else "fails", str(r["detail"])) for r in steps.rows],
            )
        ],
        errors=[] if steps.failed is None else [Problem(code=steps.failed.code, message=str(steps.failed))],
        exit_code=DONE if steps.failed is None else Temporary.exit_code,
    )  # fmt: skip


def _greeted(target: "Target", steps: Steps) -> "Greeting | None":
    from prudent.brokers.ibkr.greeting import greet

    try:
        greeting = greet(target.address.host, target.address.port)
    except DeskError as error:
        steps.ended("handshake", error)
        return None
    steps.did("handshake", f"version {greeting.version}, its time {greeting.said}")
    return greeting


def _looked(target: "Target", symbol: str, steps: Steps) -> None:
    from prudent.entrypoints.cli.ibkr_link import looking

    step = "accounts"
    try:
        with looking(target) as look:
            steps.did(step, ", ".join(look.accounts))
            step = "contract"
            listed = _listed(look, symbol)
            steps.did(step, f"{symbol} is {listed.asset.local_symbol or symbol}, id {listed.asset.con_id}")
            step = "quote"
            price = look.feed.latest((symbol,)).get(symbol)
            if price is None:
                raise Temporary(
                    f"{symbol} must have a quote, has none; the market may be closed, or this login has no right to "
                    "its data: see Market Data Subscriptions of the account"
                )
            steps.did(step, f"{price.price}{' delayed' if price.delayed else ''} of {moment(price.as_of)} UTC")
            step = "disconnect"
        steps.did(step, "done")
    except DeskError as error:
        steps.ended(step, error)


def accounts(call: Call, *, address: AddressOption = "", client_id: ClientOption = None) -> Answer:
    """List the accounts that the gateway's login may use, their cash, and which of ours trade there."""
    from prudent.entrypoints.cli.ibkr_link import looking, target_of
    from prudent.settings import load_settings

    settings = load_settings(call.folder()).settings
    ours = {each.ibkr.account: name for name, each in settings.accounts.items() if each.ibkr is not None}
    with looking(target_of(call.folder(), address=address, client_id=client_id)) as look:
        found = [look.broker.snapshot(account) for account in look.accounts]
        simulated = look.greeting.simulated
    return Answer(
        data=[_account(each, ours) | {"simulated": simulated} for each in found],
        blocks=[
            Table(
                title=f"Accounts at {look.target.address}{', SIMULATED' if simulated else ''}",
                columns=("account", "ours", ">cash", "currency", ">positions", ">open orders"),
                rows=[
                    (
                        each.account, ours.get(each.account, UNKNOWN), money(each.cash), each.currency,
                        str(len(each.positions)), str(len(each.open_orders)),
                    )
                    for each in found
                ],
            )
        ],
    )  # fmt: skip


def _account(snapshot: "AccountSnapshot", ours: dict[str, str]) -> dict[str, object]:
    return {
        "account": snapshot.account, "ours": ours.get(snapshot.account), "currency": snapshot.currency,
        "cash": snapshot.cash, "positions": len(snapshot.positions), "open_orders": len(snapshot.open_orders),
    }  # fmt: skip


def positions(
    call: Call, account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="The gateway's name.")] = None,
    *, address: AddressOption = "", client_id: ClientOption = None,
) -> Answer:  # fmt: skip
    """Show what the gateway's accounts hold, whoever bought it."""
    from prudent.entrypoints.cli.ibkr_link import looking, target_of

    with looking(target_of(call.folder(), address=address, client_id=client_id)) as look:
        if account is not None and account not in look.accounts:
            raise InputError(f"account must be one of {', '.join(look.accounts)}, was {account!r}; correct it")
        found = [look.broker.snapshot(each) for each in look.accounts if account in (None, each)]
    rows = [(each.account, held) for each in found for held in each.positions]
    return Answer(
        data=[
            {"account": name, "symbol": p.symbol, "quantity": p.quantity, "average_cost": p.average_cost}
            for name, p in rows
        ],
        blocks=[
            Table(
                title="Positions at the gateway", columns=("account", "symbol", ">quantity", ">average cost"),
                rows=[(name, p.symbol, quantity(p.quantity), quantity(p.average_cost)) for name, p in rows],
            )
        ],
    )  # fmt: skip


def contract(
    call: Call, symbol: SymbolArgument, *, exchange: ExchangeOption = "", currency: CurrencyOption = "USD",
    address: AddressOption = "", client_id: ClientOption = None,
) -> Answer:  # fmt: skip
    """Show what a symbol means at the venue; for a future its expiry, multiplier, tick, and when it is rolled."""
    from prudent.brokers.ibkr.fronts import month_of
    from prudent.entrypoints.cli.ibkr_link import looking, target_of

    name = symbol.strip().upper()
    target = target_of(call.folder(), address=address, client_id=client_id)
    with looking(target, listing=_listing(name, exchange, currency)) as look:
        listed = _listed(look, name)
        month = month_of(name, look.clock)
    asset = listed.asset
    if month is not None and asset.expiry and asset.expiry != f"{month.expiry:%Y%m%d}":
        call.warnings.append(f"{name} expires {asset.expiry} at the venue, by the calendar's rule {month.expiry}")
    facts: dict[str, object] = {
        "symbol": name, "contract": asset.local_symbol or asset.symbol, "name": listed.name, "con_id": asset.con_id,
        "kind": asset.sec_type, "exchange": asset.exchange, "primary": asset.primary or None,
        "currency": asset.currency, "multiplier": asset.multiplier, "tick": listed.min_tick,
        "size_step": listed.size_step, "expiry": _day(asset.expiry), "zone": listed.zone or None,
        "liquid_hours": listed.liquid_hours.split(";")[0] or None,
    } | _rolls(month)  # fmt: skip
    rows = [(key.replace("_", " "), str(value)) for key, value in facts.items() if value is not None]
    return Answer(data=facts, blocks=[Table(title=name, columns=("", "is"), rows=rows)])


def _listing(symbol: str, exchange: str, currency: str) -> "Wanted | None":
    """The one listing of a stock that was chosen by hand."""
    from prudent.brokers.ibkr.contracts import Wanted

    if not exchange and currency == "USD":
        return None
    return Wanted(
        sec_type="STK", symbol=symbol.replace(".", " "), primary=exchange.upper(), currency=currency.upper()
    )


def _rolls(month: "FutureMonth | None") -> dict[str, object]:
    """What is known of a contract month by rule; the venue does not tell it."""
    if month is None:
        return {}
    return {
        "contract_month": month.contract_month, "rolled_on": month.roll, "first_notice": month.first_notice,
        "long_closed_out_by": month.close_out,
    }  # fmt: skip


def _listed(look: "Look", symbol: str) -> "Listed":
    return look.broker.session.call(lambda: look.broker.contracts.listed(symbol))


def _day(text: str) -> str | None:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else text or None


def chain(
    call: Call, symbol: SymbolArgument, *,
    expiry: Annotated[str, typer.Option("--expiry", metavar="YYYY-MM-DD", help="The strikes of this expiry.")] = "",
    address: AddressOption = "", client_id: ClientOption = None,
) -> Answer:  # fmt: skip
    """Show which options there are on a symbol: the expiries, or the strikes with --expiry."""
    from prudent.entrypoints.cli.ibkr_link import looking, target_of

    name = symbol.strip().upper()
    with looking(target_of(call.folder(), address=address, client_id=client_id)) as look:
        found = look.feed.chain(name)
    if found is None:
        return Answer(data=None, blocks=[f"{name} has no options at the venue"])
    expiries = [f"{each}" for each in found.expiries]
    if expiry and expiry not in expiries:
        raise InputError(f"expiry must be one of {', '.join(expiries[:12])}, was {expiry!r}; choose one")
    head = f"{name}: {found.trading_class} at {found.exchange}, multiplier {quantity(found.multiplier)}"
    wanted = [quantity(each) for each in found.strikes] if expiry else expiries
    return Answer(
        data={
            "symbol": name, "exchange": found.exchange, "trading_class": found.trading_class,
            "multiplier": found.multiplier, "expiries": expiries, "strikes": list(found.strikes) if expiry else None,
        },
        blocks=[
            Table(
                title=head, columns=(f"strikes, not each of which {expiry} has" if expiry else "expiry",),
                rows=[(each,) for each in wanted],
            )
        ],
    )  # fmt: skip


def restart(
    call: Call, *, seconds: Annotated[
        int, typer.Option("--wait", min=0, max=3600, help="How long to wait for the gateway.")
    ] = 180,
) -> Answer:  # fmt: skip
    """After the gateway was restarted or logged in again: wait for it, hold the books against it, say what is left.

    It starts no gateway and arms nothing: whether real money is traded again is your word.
    """
    from prudent.entrypoints.cli.commands.orders import reconciled
    from prudent.entrypoints.cli.ibkr_link import target_of

    target = target_of(call.folder())
    greeting = _awaited(target, seconds, tell=progress)
    desk = call.open()
    ours = [name for name, each in desk.loaded.settings.accounts.items() if each.ibkr is not None]
    answer = reconciled(desk, ours)
    armings = {name: desk.ledger.permissions.arming(name) for name in ours}
    said = [f"the gateway at {target.address} answers: version {greeting.version}, its time {greeting.said}"]
    left = [
        f"{name} is armed until {moment(each.until)} UTC, as before" if each is not None
        else f"{name} is not armed; paper needs none, for real money look at the above and then `invest arm {name}`"
        for name, each in armings.items()
    ]  # fmt: skip
    if answer.exit_code:
        left = ["settle the above, then `invest ibkr restart` again; arm nothing before"]
    return Answer(
        data={
            "address": str(target.address), "simulated": greeting.simulated, "reconciled": answer.data,
            "armed": {name: each is not None for name, each in armings.items()},
        },
        blocks=[*said, *answer.blocks, *left], errors=answer.errors, exit_code=answer.exit_code,
    )  # fmt: skip


def _awaited(target: "Target", seconds: int, *, tell: Callable[[str], None]) -> "Greeting":
    """The gateway's greeting, asked for until it comes or the time is up."""
    from prudent.brokers.ibkr.greeting import greet
    from prudent.clock import SystemClock

    clock = SystemClock()
    ends = clock.monotonic() + seconds
    while True:
        try:
            return greet(target.address.host, target.address.port)
        except Temporary as error:
            if clock.monotonic() + _PAUSE_SECONDS > ends:
                raise
            tell(f"waiting: {error}")
            clock.pause(_PAUSE_SECONDS)
