"""The session with a gateway: two connections on one thread, one book of orders, and a face that any thread may use."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from prudent.brokers.ibkr.codes import COMPETING, SUBSCRIPTIONS_LOST
from prudent.brokers.ibkr.line import Connection, Line, Terms
from prudent.brokers.ibkr.loop import LoopThread, Runs
from prudent.brokers.ibkr.modes import check_port, why_refused
from prudent.brokers.ibkr.pace import KEPT_FREE, Pace
from prudent.brokers.ibkr.states import Address, Condition, State
from prudent.brokers.ibkr.table import Table
from prudent.brokers.ibkr.ticks import Ticks
from prudent.brokers.ibkr.words import (
    ShownCost,
    ShownError,
    ShownOrder,
    ShownStatus,
    ShownTick,
    ShownTrade,
    Unreadable,
)
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError, InputError, Temporary
from prudent.ports import Clock

if TYPE_CHECKING:
    from prudent.brokers.ibkr.tap import TappedClient

T = TypeVar("T")
OPEN, COMPLETED, TRADES = "open orders", "completed orders", "executions"
# Messages that tell of orders, executions and commissions.
_OF_ORDERS = frozenset({3, 5, 11, 59, 101})
READY_SECONDS = 8.0
ROUND_SECONDS = 10.0
CALL_SECONDS = 30.0
# What our own paper gateway answers when it is asked what it is.
SIMULATED_GATEWAY = "PAPERGW"
_WHO_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where to connect and as whom: the orders' client id, the market data's is one higher.

    `accounts` are the desk's names of accounts and the gateway's; `allowed` those of the gateway's that live mode may
    touch at all.
    """

    address: Address
    client_id: int
    accounts: Mapping[str, str]
    mode: Mode = Mode.PAPER
    allowed: tuple[str, ...] = ()

    def touches(self, account: str) -> bool:
        """True for the gateway's accounts of which anything may be kept: with real money those of the desk alone."""
        return self.mode is not Mode.LIVE or account in self.accounts.values()


class IbkrSession:
    """Connects when first asked, and again after each loss. Close it at the end of the process.

    It runs on a thread of its own unless it is given something else that runs its `loop`.

    Raises:
        ConfigError: port or mode do not fit each other.
    """

    def __init__(self, login: Login, clock: Clock, *, loop: Runs | None = None) -> None:
        check_port(login.address.port, login.mode)
        self.login = login
        self.clock = clock
        self.table = Table()
        self.ticks = Ticks()
        self.simulated = False
        self.unreadable = ""
        self.unread = 0
        self.competing = ""
        self._loop: Runs = loop or LoopThread(f"the connection to the gateway at {login.address}")
        # Both in the order in which they came, lest chance decide who goes on first.
        self._watchers: dict[asyncio.Event, None] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._kept = False
        pace = Pace()
        self.orders = Line(
            login.address, login.client_id, pace=pace, clock=clock, terms=Terms(refuse=self._refuse, load=self._load)
        )
        self.market = Line(
            login.address, login.client_id + 1, pace=pace, clock=clock, free=KEPT_FREE,
            terms=Terms(refuse=self._refuse, load=self._load_market),
        )  # fmt: skip
        for line in (self.orders, self.market):
            line.hears = Listener(self, line)

    # The face for other threads

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float = CALL_SECONDS) -> T:
        """Run `work` on the session's thread and wait for it.

        Raises:
            ConfigError: the gateway is logged in to accounts that this mode may not touch.
            Temporary: it took longer than `seconds`, or the gateway cannot be asked.
        """
        self._loop.start()
        return self._loop.call(lambda: self._started(work), seconds)

    def conditions(self) -> tuple[Condition, Condition]:
        """Where the two connections stand: the orders', the market data's."""
        return self.orders.condition, self.market.condition

    def notes(self) -> tuple[str, ...]:
        """What else a person should know of the connection."""
        gone = ", ".join(self.table.gone_for_nothing)
        assigned = f"moved without a price, as by an assignment or at its expiry: {gone}" if gone else ""
        return tuple(each for each in (self.unreadable, self.competing, assigned) if each)

    def close(self) -> None:
        """End both connections and the thread; a closed session may be asked again and then connects anew."""
        try:
            self._loop.call(self._end, 5.0)
        except Temporary:
            return
        self._loop.stop()

    async def _started(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if not self._kept:
            self._kept = True
            for line in (self.orders, self.market):
                line.opening()
                self.spawn(line.keep())
        return await work()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for line in (self.orders, self.market):
            line.close()
        # What the transports still have to do is done before the loop stops.
        await asyncio.sleep(0)
        self._kept = False

    # On the session's thread

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside everything else; it is held until it ends."""
        task = asyncio.ensure_future(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def venue_account(self, account: str) -> str:
        """The gateway's name of an account.

        Raises:
            InputError: the desk has none of that name here.
        """
        found = self.login.accounts.get(account)
        if found is None:
            raise InputError(f"account must be one that this gateway was set up for, was {account!r}; correct it")
        return found

    async def ready(self) -> Connection:
        """The orders' connection, waited for while it is being made the first time."""
        try:
            return await self.orders.ready(READY_SECONDS)
        except Temporary as error:
            if self.orders.condition.state is State.WRONG_ACCOUNT:
                raise ConfigError(str(error)) from error
            raise

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until something heard makes `done` true; False after `seconds` real ones without."""
        if done():
            return True
        heard = asyncio.Event()
        self._watchers[heard] = None
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    heard.clear()
                    await heard.wait()
            return True
        except TimeoutError:
            return done()
        finally:
            self._watchers.pop(heard, None)

    def changed(self) -> None:
        """Wake whoever waits for something to be heard."""
        for each in self._watchers:
            each.set()

    async def round(self, account: str, over: Connection | None = None) -> bool:
        """Ask for every order and execution of an account; True where all three lists ended on one live session."""
        connection = self.orders.live() if over is None else over
        since, unread = self.table.count, self.unread
        answers = await asyncio.gather(*(self._lists(account, connection)), return_exceptions=True)
        for each in answers:
            if isinstance(each, BaseException) and not isinstance(each, Temporary):
                raise each
        whole = not any(isinstance(each, BaseException) for each in answers) and not connection.broken.is_set()
        whole = whole and (over is not None or self.orders.up) and self.unread == unread
        if whole:
            self.table.settled(account, since)
        self.changed()
        return whole

    def _lists(self, account: str, connection: Connection) -> list[Coroutine[Any, Any, list[Any]]]:
        ask = partial(self.orders.ask, over=connection, seconds=ROUND_SECONDS)
        return [
            ask(OPEN, lambda client, _number: client.reqAllOpenOrders(), key=OPEN),
            ask(COMPLETED, lambda client, _number: client.reqCompletedOrders(False), key=COMPLETED),
            ask(TRADES, partial(_executions, account)),
        ]

    async def _load(self, line: Line, connection: Connection) -> None:
        """What a new session starts from: the ids of the last one mean nothing, every list is read once."""
        self.table.renew()
        self.unreadable = ""
        self.simulated = await self._who(line, connection)
        if self.simulated and self.login.mode is Mode.LIVE:
            raise ConfigError("it is a paper gateway, whatever its accounts are called; mode is live")
        for account in dict.fromkeys(self.login.accounts.values()):
            whole = await self.round(account, over=connection)
            if self.unreadable:
                raise Unreadable(self.unreadable)
            if not whole:
                raise Temporary("the gateway must list orders and executions, did not; try again")

    async def _who(self, line: Line, connection: Connection) -> bool:
        try:
            (name,) = await line.ask(
                "what it is", lambda client, number: client.reqUserInfo(number), over=connection, seconds=_WHO_SECONDS
            )
        except (Temporary, ValueError):
            return False
        return bool(name == SIMULATED_GATEWAY)

    async def _load_market(self, line: Line, connection: Connection) -> None:
        del line, connection
        self.competing = ""
        self.ticks.renew()

    def _refuse(self, accounts: tuple[str, ...]) -> str:
        login = self.login
        return why_refused(accounts, set(login.accounts.values()), mode=login.mode, allowed=login.allowed)

    async def refreshed(self) -> None:
        """The gateway has its servers back: what happened meanwhile is read from the lists."""
        for account in dict.fromkeys(self.login.accounts.values()):
            with suppress(Temporary):
                await self.round(account)

    async def doubts(self, account: str) -> None:
        """Ask for what an error named, until a round that was asked after it says what became of it."""
        if any(row.suspected for row in self.table if row.account == account):
            await self.round(account)


class Listener:
    """What one connection hears, brought to the session's book."""

    def __init__(self, session: IbkrSession, line: Line) -> None:
        self._session = session
        self._line = line

    def order(self, shown: ShownOrder) -> None:
        if self._session.login.touches(shown.account):
            self._session.table.order(shown)
        self._line.next_id = max(self._line.next_id, shown.order_id + 1)
        self._session.changed()

    def status(self, shown: ShownStatus) -> None:
        self._session.table.status(shown)
        self._session.changed()

    def trade(self, shown: ShownTrade) -> None:
        if self._session.login.touches(shown.account):
            self._session.table.trade(shown)
        self._session.changed()

    def cost(self, shown: ShownCost) -> None:
        self._session.table.cost(shown)
        self._session.changed()

    def tick(self, shown: ShownTick) -> None:
        self._session.ticks.tick(shown, self._session.clock.now())

    def error(self, shown: ShownError) -> None:
        session = self._session
        if shown.number > 0 and session.table.error(shown, self._line.client_id) is not None:
            session.changed()
            return
        if shown.code == COMPETING:
            session.competing = f"another session has the market data of this login: {shown.text}"
        if self._line.heard_code(shown.code, shown.text):
            self._came_back(shown.code)
        session.changed()

    def _came_back(self, code: int) -> None:
        session = self._session
        if self._line is session.market and code == SUBSCRIPTIONS_LOST:
            session.ticks.renew()
        if self._line is session.orders:
            session.spawn(session.refreshed())

    def unreadable(self, message: int, why: str) -> None:
        self._session.unreadable = f"a message of kind {message} could not be read: {why}"
        self._session.unread += 1
        if self._line is self._session.orders and message in _OF_ORDERS:
            # No order goes out while nobody knows what there is: all lists are read anew, and must be readable.
            self._line.hang_up()

    def next_id(self, order_id: int) -> None:
        self._line.next_id = max(self._line.next_id, order_id)


def _executions(account: str, client: "TappedClient", number: int) -> None:
    from ib_async.objects import ExecutionFilter

    client.reqExecutions(number, ExecutionFilter(acctCode=account))


