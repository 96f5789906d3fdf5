"""One connection to the gateway under one client id: made, kept, made again; what is asked over it always ends."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prudent.brokers.ibkr.codes import RESTORED
from prudent.brokers.ibkr.pace import Pace
from prudent.brokers.ibkr.states import Address, Condition, State, is_lost, state_when_lost, state_when_refused
from prudent.brokers.ibkr.words import Unreadable
from prudent.domain.errors import ConfigError, Temporary
from prudent.ports import Clock

if TYPE_CHECKING:
    from prudent.brokers.ibkr.tap import Ear, Hears, TappedClient

CONNECT_SECONDS = 6.0
ANSWER_SECONDS = 10.0
ALIVE_SECONDS = 5.0
SILENCE_SECONDS = 30.0
BACKOFF_SECONDS = (0.25, 30.0)
# Requests are numbered far above orders, which the gateway counts in the same numbers.
REQUESTS_FROM = 1_000_000_000


@dataclass(slots=True, eq=False)
class Connection:
    """What lives as long as one socket; `session` names it for good, `broken` is set when it ends."""

    client: "TappedClient"
    ear: "Ear"
    broken: asyncio.Event
    session: str = ""

    @property
    def is_ready(self) -> bool:
        """A message may be handed to it: the socket stands and the gateway has let us in."""
        return not self.broken.is_set() and bool(self.client.isReady())


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a connection must meet and does first: `refuse` gives why these accounts may not be touched, or nothing."""

    refuse: Callable[[tuple[str, ...]], str]
    load: Callable[["Line", Connection], Awaitable[None]]


class Line:
    """Everything here runs on the loop's thread. `free` messages a second are left to the other line."""

    def __init__(
        self, address: Address, client_id: int, *, pace: Pace, clock: Clock, terms: Terms, free: int = 0
    ) -> None:
        self.client_id = client_id
        self.next_id = 1
        self.quiet_since: datetime | None = None
        self.session = ""
        self.accounts: tuple[str, ...] = ()
        self.hears: Hears | None = None
        self._address = address
        self._pace = pace
        self._clock = clock
        self._terms = terms
        self._free = free
        self._count = 0
        self._connection: Connection | None = None
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._last_up: datetime | None = None
        self._in_use = False
        self._changed = asyncio.Event()
        self.condition = self._condition(State.CONNECTING)

    # The state

    @property
    def up(self) -> bool:
        return self.condition.state is State.UP

    def live(self) -> Connection:
        """The connection to ask over.

        Raises:
            Temporary: there is none now, or the gateway has lost the broker's servers.
        """
        if self._connection is None or not self.up:
            raise Temporary(self.condition.words)
        return self._connection

    async def ready(self, seconds: float) -> Connection:
        """Wait while the first connection is being made; every other state answers at once."""
        if self.condition.state is State.CONNECTING:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self.condition.state is State.CONNECTING:
                        await self._changed.wait()
        return self.live()

    def heard_code(self, code: int, text: str) -> bool:
        """What a message says of the connection itself; gives whether it has come back just now."""
        if code == 326:
            self._in_use = True
        elif is_lost(code) and self.up:
            self._say(state_when_lost(self._clock.now()), f"{code}: {text}")
        elif code in RESTORED and self._connection is not None and not self.up:
            self._rise()
            return True
        return False

    def _condition(self, state: State, heard: str = "") -> Condition:
        return Condition(
            state=state, since=self._clock.now(), address=self._address, client_id=self.client_id, heard=heard
        )

    def _say(self, state: State, heard: str = "") -> None:
        if (state, heard) != (self.condition.state, self.condition.heard):
            self.condition = self._condition(state, heard)
        self._changed.set()
        self._changed = asyncio.Event()

    def _rise(self) -> None:
        self.quiet_since = self._last_up = self._clock.now()
        self._say(State.UP)

    # The connection

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection ends, ever more slowly while it fails."""
        least, most = BACKOFF_SECONDS
        wait = least
        while True:
            connection = await self._connect()
            if connection is not None:
                wait = least
                await self._watch(connection)
                self._drop(connection)
                self._say(self._state_of_loss(), "the connection ended")
            await asyncio.sleep(wait)
            wait = min(wait * 2, most)

    def opening(self) -> None:
        """Whoever asks from now on waits for the first attempt."""
        self._say(State.CONNECTING)

    def hang_up(self) -> None:
        """End the connection; it is made again."""
        if self._connection is not None:
            self._connection.broken.set()

    def close(self) -> None:
        if self._connection is not None:
            self._drop(self._connection)
        self._say(State.CLOSED)

    async def _connect(self) -> Connection | None:
        from prudent.brokers.ibkr.tap import Ear, TappedClient

        assert self.hears is not None
        self._in_use = False
        broken = asyncio.Event()
        ear = Ear(self.hears)
        connection = Connection(TappedClient(ear, self._left, broken.set, self.turn), ear, broken)
        self._connection = connection
        try:
            await self._shake_hands(connection)
            await self._take_up(connection)
        except _Unusable as error:
            self._drop(connection)
            self._say(error.state, error.heard)
            return None
        return connection

    async def _shake_hands(self, connection: Connection) -> None:
        client = connection.client
        joined = asyncio.ensure_future(
            client.connectAsync(self._address.host, self._address.port, self.client_id, CONNECT_SECONDS)
        )
        ended = asyncio.ensure_future(connection.broken.wait())
        try:
            await asyncio.wait({joined, ended}, return_when=asyncio.FIRST_COMPLETED)
            # What closes at once may have said why just before.
            if joined.done() and not joined.cancelled() and joined.exception() is None and not ended.done():
                return
            raise self._why_not(connection, joined.exception() if joined.done() and not joined.cancelled() else None)
        finally:
            for each in (joined, ended):
                each.cancel()
            await asyncio.gather(joined, ended, return_exceptions=True)

    def _why_not(self, connection: Connection, error: BaseException | None) -> "_Unusable":
        now = self._clock.now()
        if self._in_use:
            return _Unusable(State.CLIENT_ID_IN_USE)
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            return _Unusable(state_when_refused(now, self._last_up), error.strerror or "")
        if connection.ear.acknowledged:
            return _Unusable(state_when_refused(now, self._last_up), "it named no account; it may wait for a login")
        state = state_when_refused(now, self._last_up)
        heard = connection.client.garbage or "no handshake came back"
        return _Unusable(State.NOT_A_GATEWAY if state is State.UNREACHABLE else state, heard)

    async def _take_up(self, connection: Connection) -> None:
        self._count += 1
        self.accounts = tuple(connection.client.getAccounts())
        why = self._terms.refuse(self.accounts)
        if why:
            raise _Unusable(State.WRONG_ACCOUNT, why)
        connection.client.updateReqId(REQUESTS_FROM)
        started = f"{self._clock.now():%Y%m%dT%H%M%S.%f}"
        connection.session = f"{self._address}/{self.client_id}/{started}-{self._count}"
        self._locks.clear()
        try:
            await self._terms.load(self, connection)
        except Unreadable as error:
            raise _Unusable(State.UNREADABLE, str(error)) from error
        except ConfigError as error:
            raise _Unusable(State.WRONG_ACCOUNT, str(error)) from error
        except Temporary as error:
            raise _Unusable(state_when_refused(self._clock.now(), self._last_up), str(error)) from error
        if connection.broken.is_set():
            raise _Unusable(self._state_of_loss(), "it ended the connection")
        self.session = connection.session
        self._rise()

    async def _watch(self, connection: Connection) -> None:
        """Wait for the end of the connection; one that is silent is asked for the time, and must answer."""
        while not connection.broken.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_SECONDS):
                    await connection.broken.wait()
                    return
            if asyncio.get_running_loop().time() - connection.client.heard_at < SILENCE_SECONDS:
                continue
            try:
                await self.alive(connection)
            except Temporary:
                return

    async def alive(self, connection: Connection) -> None:
        """Ask for the time: the cheapest question that only a living gateway answers."""
        await self.ask("the time", lambda client, _number: client.reqCurrentTime(), over=connection, key="time",
                       seconds=ALIVE_SECONDS)  # fmt: skip

    def _state_of_loss(self) -> State:
        if self._in_use:
            return State.CLIENT_ID_IN_USE
        state = state_when_lost(self._clock.now())
        return state if state is State.NIGHTLY_RESET else State.UNREACHABLE

    def _drop(self, connection: Connection) -> None:
        connection.broken.set()
        connection.client.disconnect()
        connection.ear.fail("the connection to the gateway ended while the answer was awaited; ask again")
        if self._connection is connection:
            self._connection = None

    def _left(self) -> None:
        self._pace.left(asyncio.get_running_loop().time())

    # Asking

    async def turn(self) -> None:
        """Wait until a message may leave. What is sent right after it, without waiting, is sent in its turn."""
        loop = asyncio.get_running_loop()
        while (wait := self._pace.wait(loop.time(), free=self._free)) > 0:
            await asyncio.sleep(wait)

    async def ask(
        self, what: str, send: Callable[["TappedClient", int], None], *, over: Connection | None = None,
        key: Hashable | None = None, number: int | None = None, seconds: float = ANSWER_SECONDS,
    ) -> list[Any]:  # fmt: skip
        """Send a request, under the next number unless one is given, and give what was told until its end.

        Requests that share a `key` instead of having a number go one at a time: an answer does not say to whom. Where
        one of these is not answered the connection is made anew, lest its answer be taken for that to the next; a key
        that is a pair stands in its answer too.

        Raises:
            Temporary: no answer within `seconds`, the connection ended, or the gateway answered with an error.
        """
        connection = self.live() if over is None else over
        try:
            async with asyncio.timeout(seconds):
                if key is None:
                    return await self._asked(connection, send, number, None)
                async with self._locks.setdefault(key, asyncio.Lock()):
                    return await self._asked(connection, send, number, key)
        except TimeoutError:
            if isinstance(key, str):
                connection.broken.set()
            raise Temporary(f"the gateway must answer {what} within {seconds:g} s, did not; try again") from None

    async def _asked(
        self, connection: Connection, send: Callable[["TappedClient", int], None], number: int | None,
        key: Hashable | None,
    ) -> list[Any]:  # fmt: skip
        await self.turn()
        if connection.broken.is_set():
            raise Temporary("the connection to the gateway has ended; ask again")
        try:
            number = connection.client.getReqId() if number is None else number
            expected = number if key is None else key
            future = connection.ear.expect(expected)
            send(connection.client, number)
        except ConnectionError as error:
            raise Temporary(f"the gateway must be connected to be asked: {error}") from error
        try:
            return await future
        finally:
            connection.ear.forget(expected)


class _Unusable(Exception):
    """Why a connection cannot be used."""

    def __init__(self, state: State, heard: str = "") -> None:
        super().__init__(heard)
        self.state = state
        self.heard = heard
