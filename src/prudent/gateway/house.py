"""What all sessions share: the floor, the market, the clock, and who is told what happened."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import Contract, Event, PositionView, Refusal, SecType
from prudent.gateway import dispatch, replies
from prudent.gateway.bent import Bent
from prudent.gateway.codec.rows import Values
from prudent.gateway.dispatch_market import query
from prudent.gateway.effects import Effects, Out
from prudent.gateway.faults import Faults, Met
from prudent.gateway.streams import Streams
from prudent.gateway.tickets import NotTaken

if TYPE_CHECKING:
    from prudent.gateway.market.market import PaperMarket
    from prudent.gateway.session import Session

NO_DEFINITION = 200
CLIENTS_MAX = 32


class House:
    """One loop owns it: every act on the floor happens there, one after another, and is told before the next.

    `bent` is the market as the floor sees it, with the faults that stand.
    """

    def __init__(
        self, floor: Floor, market: "PaperMarket", now: Callable[[], datetime], *, bent: Bent | None = None
    ) -> None:  # fmt: skip
        self.floor = floor
        self.market = market
        self.now = now
        self.bent = bent or Bent(market, Faults(now))
        self.effects = Effects(self)
        self.handlers: Mapping[str, Callable[[Session, Values], None]] = dispatch.HANDLERS
        self.sessions: dict[int, Session] = {}

    @property
    def accounts(self) -> tuple[str, ...]:
        return self.floor.accounts

    @property
    def default_account(self) -> str:
        """The account that is meant where a client names none; empty where there are several."""
        return self.accounts[0] if len(self.accounts) == 1 else ""

    def streams_of(self, session: "Session") -> Streams:
        return Streams(session, self)

    def enter(self, session: "Session", client_id: int) -> bool:
        """Lets a client in, unless its id is taken or there are too many."""
        if client_id in self.sessions or len(self.sessions) >= CLIENTS_MAX:
            return False
        self.sessions[client_id] = session
        return True

    def leave(self, session: "Session") -> None:
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]

    def next_order_id(self, client_id: int) -> int:
        """Above every id this client used, and every id it is shown in lists of open orders."""
        shown = [view.ticket.order_id + 1 for view in self.floor.open_orders()]
        return max([self.floor.next_order_id(client_id), *shown])

    def account_values(self, account: str) -> Iterable[tuple[str, str, str]]:
        return self.floor.account_values(account, self.now()).values

    def find_one(self, said: Values) -> Contract | NotTaken:
        """The one contract that a request means; several are as bad as none."""
        found = [each.contract for each in self.market.matches(query(said)) if each.facts.tradable]
        if len(found) == 1:
            return found[0]
        text = "No security definition has been found for the request"
        return NotTaken(
            code=NO_DEFINITION, text=f"The contract description specified for {said['symbol']} is ambiguous." if found
            else text,
        )  # fmt: skip

    def act(self, act: Callable[[datetime], Iterable[Event]]) -> None:
        """Does something on the floor now, and tells what came of it."""
        self.tell(act(self.now()))

    def beat(self) -> None:
        """Lets the market move: orders meet it, and each client is sent what it watches."""
        self.effects.beat()
        self.act(self.floor.advance)
        self.effects.fatten()
        at = self.now()
        for session in tuple(self.sessions.values()):
            session.streams.beat(at)

    def tell(self, events: Iterable[Event]) -> None:
        outs: list[Out] = []
        struck: dict[tuple[int, int], Met] = {}
        for event in events:
            if event.execution is not None:
                met = self.effects.executed(event.execution)
                if met is not None:
                    struck[event.execution.client_id, event.execution.order_id] = met
            outs += self._outs(event)
        self.effects.send(outs, struck)

    def _outs(self, event: Event) -> Iterator[Out]:
        """The messages that an event is told in."""
        if event.order is not None:
            order = event.order.ticket.client_id, event.order.ticket.order_id
            yield self._out(order, "openOrder", replies.open_order(event.order))
            yield self._out(order, "orderStatus", replies.order_status(event.order))
        elif event.execution is not None:
            done = event.execution
            order = done.client_id, done.order_id
            yield self._out(order, "execDetails", replies.execution(done, -1))
            if done.contract.sec_type is not SecType.COMBO:
                yield self._out(order, "commissionReport", replies.commission(done))
            self._touched(done.account)
        elif event.position is not None:
            yield Out(name="position", tell=partial(self._tell_position, event.position))
            self._touched(event.position.account)
        elif event.refusal is not None:
            said = event.refusal
            yield Out(
                name="error", client_id=said.client_id, order_id=said.order_id, tell=partial(self._tell_refusal, said)
            )

    def _out(self, order: tuple[int, int], name: str, values: Values) -> Out:
        client_id, order_id = order
        return Out(
            name=name, values=values, client_id=client_id, order_id=order_id,
            tell=partial(self.say_to, client_id, name, values),
        )  # fmt: skip

    def say_to(self, client_id: int, name: str, values: Values) -> None:
        """Tells a client something, if it is there."""
        session = self.sessions.get(client_id)
        if session is not None:
            session.say(name, values)

    def _tell_position(self, held: PositionView) -> None:
        for session in tuple(self.sessions.values()):
            session.streams.held(held)

    def _tell_refusal(self, refusal: Refusal) -> None:
        for session in tuple(self.sessions.values()):
            if refusal.client_id in (-1, session.client_id):
                session.refuse(refusal.code, refusal.text, refusal.order_id)

    def _touched(self, account: str) -> None:
        for session in self.sessions.values():
            session.streams.touched(account)
