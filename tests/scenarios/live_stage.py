"""A desk for real money at a gateway that passes for a real one: only here, never from the command line.

Its accounts begin with U, it does not say that it is the paper gateway, and it runs at the wall's pace inside the
sample's last session. Play money all the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.market_data_gateway import patient
from tests.gateway_homes import calendar, history, open_time

from prudent.bootstrap import Desk, open_desk
from prudent.clock import OffsetClock, SystemClock
from prudent.domain.cycles import CycleRecord
from prudent.exchange.paper.words import Execution, OrderView
from prudent.gateway.codec.rows import Values
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.paper import Aside, Paper
from prudent.gateway.session import Session
from prudent.workflows.adopt import adopt, look
from prudent.workflows.arming import arm
from prudent.workflows.cycle import at_work, run_account

ACCOUNT = "main"
ACCOUNTS = tuple(f"U{number}" for number in range(7654321, 7654341))
UNLISTED = "U9999999"
TARGETS = '[{"symbol": "AAPL", "weight": 10}, {"symbol": "KO", "weight": 5}]'
BY_ITSELF = "auto_trade: true"
CASH = Decimal(1_000_000)


def _nameless(session: Session, said: Values) -> None:
    session.say("userInfo", {"reqId": said["reqId"], "branding": ""})


class LiveGateway:
    """A running gateway; each stage takes an account of it that nothing has happened in yet."""

    def __init__(self, aside: Aside, accounts: Sequence[str]) -> None:
        self.aside = aside
        self.port = aside.port
        self.placed = 0
        self._unused = iter(accounts)
        house = aside.paper.house
        place = house.handlers["placeOrder"]

        def counted(session: Session, said: Values) -> None:
            # A question for the margin that an order would need is no order.
            self.placed += not said["whatIf"]
            place(session, said)

        house.handlers = {**house.handlers, "placeOrder": counted, "reqUserInfo": _nameless}

    def fresh(self) -> str:
        return next(self._unused)

    @property
    def booked(self) -> int:
        """How many orders its own book has, live and ended."""
        floor = self.aside.paper.floor
        return self.aside.call(lambda: len(floor.open_orders()) + len(floor.completed()))

    def live_orders(self) -> tuple[OrderView, ...]:
        return self.aside.call(self.aside.paper.floor.open_orders)

    def executions(self) -> tuple[Execution, ...]:
        return self.aside.call(self.aside.paper.floor.executions)


@contextmanager
def live_gateway(accounts: Sequence[str] = ACCOUNTS, *, port: int = 0) -> Iterator[LiveGateway]:
    """It stands half an hour after the open at the start."""
    clock = OffsetClock(open_time() + timedelta(minutes=30) - SystemClock().now())
    paper = Paper(clock, PaperMarket(clock, calendar(), history()), accounts=dict.fromkeys((*accounts, UNLISTED), CASH))
    with patient(), Aside(paper, port=port) as aside:
        yield LiveGateway(aside, accounts)


@dataclass(slots=True)
class LiveStage:
    """The gateway, the home and its desk, of which every switch is on but the arming; `there` is its account."""

    gateway: LiveGateway
    there: str
    home: Path
    desk: Desk
    before: tuple[int, int]

    @property
    def sent(self) -> int:
        """Orders that reached the gateway since the stage was set; its book must say the same."""
        placed, booked = self.gateway.placed - self.before[0], self.gateway.booked - self.before[1]
        assert placed == booked
        return placed

    def arm(self, *, days: int | None = None) -> None:
        arm(self.desk, ACCOUNT, days=days, by="anna", reason="go")

    def cycle(self) -> CycleRecord:
        with at_work(self.desk):
            return run_account(self.desk, ACCOUNT)

    def reopen(self) -> None:
        """As the next process would."""
        self.close()
        self.desk = open_desk(self.home)

    def rewrite(self, old: str, new: str) -> None:
        path = self.home / "invest.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def hang_up(self) -> None:
        """A command connects as this desk does, so only one of them may be there."""
        assert self.desk.connections is not None
        self.desk.connections.close()

    def close(self) -> None:
        self.hang_up()
        self.desk.ledger.close()


def live_home(folder: Path, port: int, there: str, *, account: str = BY_ITSELF) -> Path:
    """A home for real money at that port; `account` is a line more of its mandate."""
    home = folder / "home"
    (home / "json").mkdir(parents=True)
    (home / "json" / "core.json").write_text(TARGETS)
    (home / "invest.yaml").write_text(
        "mode: live\ndata: {source: ibkr}\nclock: {follows: ibkr}\n"
        f"ibkr: {{live: {{port: {port}, accounts: [{there}]}}}}\naccounts:\n  {ACCOUNT}:\n    broker: ibkr\n"
        f"    ibkr: {{account: {there}}}\n    class: autonomous\n    targets: json/core.json\n    {account}\n"
    )
    return home


@contextmanager
def switched_on(**switches: str) -> Iterator[None]:
    """The environment of a live desk: both switches on, unless another word is given."""
    with pytest.MonkeyPatch.context() as patch:
        for name, word in {"ALLOW_ORDERS": "1", "ENABLE_ORDER_EXEC": "1", **switches}.items():
            patch.setenv(name, word)
        yield


@contextmanager
def live_stage(gateway: LiveGateway, folder: Path, *, account: str = BY_ITSELF, **switches: str) -> Iterator[LiveStage]:
    """A new live home whose account is adopted."""
    there = gateway.fresh()
    home = live_home(folder, gateway.port, there, account=account)
    with switched_on(**switches):
        stage = LiveStage(gateway, there, home, open_desk(home), (gateway.placed, gateway.booked))
        try:
            adopt(stage.desk, ACCOUNT, shown=look(stage.desk, ACCOUNT).digest)
            yield stage
        finally:
            stage.close()
