"""One process's connection: the real adapter on a loop of its own, watched on the cable and before time passes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.market import IbkrFeed
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address
from prudent.brokers.ibkr.words import Style
from prudent.domain.accounts import AccountSnapshot
from prudent.domain.errors import DeskError, Temporary
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import Fill, OrderIntent, OrderReport
from prudent.gateway import wire as frames
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import CEILING, decode
from prudent.ports import NO_CLAIM, BrokerTraits, Claim, Link, Listing
from prudent.simulation.faults import Weather
from prudent.simulation.prices import LyingMarket
from prudent.simulation.timeline import ProcessClock
from prudent.simulation.truth import Violation
from prudent.simulation.tws.asked import Question
from prudent.simulation.tws.loops import SteppedCaller, SteppedLoop
from prudent.simulation.tws.quotes import FeedMarket
from prudent.simulation.venue import VenueOrder
from prudent.simulation.wire import Watcher

if TYPE_CHECKING:
    from prudent.simulation.tws.site import Site

T = TypeVar("T")
NAME = "tws"
_PLACE, _CANCEL_ALL = "3", "58"
# The gateway counts fifty in a second and ends who sends more.
MESSAGES_MAX, SECOND = 40, timedelta(seconds=1)
WHAT_IF_MAX = timedelta(seconds=10)
_HEAD = frames.LENGTH.size
# Time passes in small steps while somebody waits: not each of them is a chance to die.
ASK_EVERY, WAIT_EVERY = 12, 10


class AdapterWire:
    """Implements `ProcessWire`. What leaves as an order is read from the cable, whoever in the process wrote it."""

    name = NAME

    def __init__(
        self, site: "Site", clock: ProcessClock, watcher: Watcher, weather: Weather, *, traits: BrokerTraits
    ) -> None:
        self.traits = traits
        self._site = site
        self._watcher = watcher
        self._weather = weather
        self._timeline = site.loops.timeline
        self._leaving: dict[str, tuple[OrderIntent, Claim, datetime]] = {}
        self._left = False
        self._quiet = 0
        self._sent: deque[datetime] = deque()
        self._questions: list[Question] = []
        self._stood = timedelta(0)
        self._passed = 0
        self._every, self._point = ASK_EVERY, "ask"
        self.loop = SteppedLoop(
            f"adapter of {site.owner}", site.loops, site.cables, stands_still=lambda: watcher.frozen
        )
        self.loop.overhears = self._overhear
        self.loop.hears = site.asked.hears
        login = Login(
            address=Address(host="127.0.0.1", port=site.port), client_id=site.client_id, accounts=dict(site.accounts)
        )
        caller = SteppedCaller(f"the connection to {site.owner}'s gateway", self.loop, site.loops, self._between)
        self.session = IbkrSession(login, clock, loop=caller)
        style = Style(site.style)
        self.feed = IbkrFeed(self.session)
        self.broker = IbkrBroker(self.session, style_of=lambda account: style, traits=traits)

    def die(self, seconds: float) -> None:
        """The process has ended: the system closes its sockets, of which the gateway hears after that long."""
        for each in self._site.cables.of(self.loop):
            each.taken_back(seconds=seconds)
        self.loop.end()

    @property
    def stands_still(self) -> bool:
        return self.loop.ended or self._watcher.frozen

    @contextmanager
    def quietly(self) -> Iterator[IbkrBroker]:
        """For somebody else's command: the process passes no point of its own meanwhile."""
        self._quiet += 1
        try:
            yield self.broker
        finally:
            self._quiet -= 1

    # What is passed on the way

    def _between(self) -> None:
        """Time is about to pass, and no callback runs."""
        if self._quiet:
            return
        began = self._timeline.now
        if self._left:
            self._left = False
            self._watcher.point("after wire")
        else:
            self._passed += 1
            if self._passed % self._every == 0:
                self._watcher.point(self._point)
        self._stood += self._timeline.now - began

    @contextmanager
    def _asking(self, point: str = "ask", every: int = ASK_EVERY) -> Iterator[None]:
        before = self._every, self._point, self._passed
        self._every, self._point, self._passed = every, point, 0
        try:
            self._watcher.point(point)
            yield
        finally:
            self._every, self._point, self._passed = before

    def _overhear(self, connection: str, data: bytes) -> None:
        """Judge what is about to leave, whole messages. A callback writes them, so what is wrong is kept for later."""
        if data.startswith(frames.PREFIX):
            return
        try:
            while data:
                end = _HEAD + frames.length(data[:_HEAD])
                self._judge(connection, frames.split(data[_HEAD:end]))
                data = data[end:]
        except Violation as violation:
            self._site.loops.broken = self._site.loops.broken or violation

    def _judge(self, connection: str, fields: list[str]) -> None:
        now = self._timeline.now
        self._sent.append(now)
        while now - self._sent[0] >= SECOND:
            self._sent.popleft()
        if len(self._sent) > MESSAGES_MAX:
            raise Violation("I17", f"{len(self._sent)} messages left within a second, at most {MESSAGES_MAX} may")
        if fields[0] == _CANCEL_ALL:
            raise Violation("I17", "everybody's orders were cancelled, and nobody had asked for that")
        said = decode(REQUESTS[int(_PLACE)], fields, CEILING) if fields[0] == _PLACE else None
        if said is not None and said["whatIf"]:
            self._site.asked.leaves(self._questions, connection, said)
        elif said is not None:
            self._leaves(said)

    def _leaves(self, said: Any) -> None:
        ref = said["orderRef"]
        found = self._leaving.get(ref)
        if found is None:
            raise Violation("I1", f"order {ref} left although nobody was sending it")
        intent, claim, began = found
        shown = (said["account"], said["action"], Decimal(said["totalQuantity"]), said["orderId"])
        asked = (self._site.accounts[intent.account], str(intent.side), intent.quantity, claim.order_id)
        if shown != asked:
            raise Violation("I2", f"order {ref} left as {shown}, it was claimed as {asked}")
        self._left = True
        self._site.asked.may_leave(intent, self._timeline.now)
        self._watcher.leaves(intent, claim, self._timeline.now - began)

    def prices(self, seen: LyingMarket) -> FeedMarket:
        """Quotes come over the same gateway."""
        return FeedMarket(seen, self.feed, lambda: self._watcher.point("ask"))

    # Implements `Broker`

    def reads(self) -> "AdapterWire":
        """The reading half; the simulation never asks it to trade."""
        return self

    def link(self, account: str) -> Link:
        return self.broker.link(account)

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        began = self._timeline.now
        self._watcher.point("before wire")
        self._leaving[intent.order_ref] = intent, claim, began
        try:
            return self.broker.submit(intent, claim)
        finally:
            self._leaving.pop(intent.order_ref, None)
            self._left = False

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        self._watcher.point("before cancel")
        report = self.broker.cancel(account, order_ref)
        self._watcher.point("after cancel")
        return report

    def snapshot(self, account: str) -> AccountSnapshot:
        with self._asking():
            return self.broker.snapshot(account)

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        with self._asking():
            return self.broker.reports(account, order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        with self._asking("wait", WAIT_EVERY):
            return self.broker.wait(account, order_refs, seconds=seconds)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        with self._asking():
            return self.broker.fills(account, since=since)

    def listing(self, account: str) -> Listing:
        with self._asking():
            return self.broker.listing(account)

    # Implements `TellsMargin`

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        """The adapter's answers, which must come within ten seconds, one for each order and never as an error."""
        with self._asking("ask margin"):
            began, self._stood = self._timeline.now, timedelta(0)
            self._questions = self._site.asked.begins(intents, began)
            try:
                answers = self.broker.what_if(intents)
            except DeskError as error:
                raise Violation("I18", f"the silence of the venue came as an error: {error}") from error
            finally:
                self._questions = []
        took = self._timeline.now - began - self._stood
        if took > WHAT_IF_MAX or [each.order_ref for each in answers] != [each.order_ref for each in intents]:
            raise Violation("I18", f"{len(intents)} questions about margin came to {len(answers)} answers after {took}")
        return answers

    def tell_of(self, order: VenueOrder) -> None:
        """The gateway tells of what others do by itself."""


class PersonWire:
    """Implements `ProcessWire` for a person's command, which goes through the engine's connection if there is one."""

    name = NAME

    def __init__(self, site: "Site", traits: BrokerTraits) -> None:
        self.traits = traits
        self._site = site

    def _through(self, ask: Callable[[IbkrBroker], T]) -> T:
        engine = next((each for each in reversed(self._site.wires) if not each.stands_still), None)
        if engine is None:
            raise Temporary("an engine must be connected to the gateway, none is; start it")
        with engine.quietly() as broker:
            return ask(broker)

    def prices(self, seen: LyingMarket) -> LyingMarket:
        """People look at a screen."""
        return seen

    def reads(self) -> "PersonWire":
        return self

    def link(self, account: str) -> Link:
        return self._through(lambda broker: broker.link(account))

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        raise Temporary(f"order {intent.order_ref} under {claim} must be sent by an engine; nothing was sent")

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        return self._through(lambda broker: broker.cancel(account, order_ref))

    def snapshot(self, account: str) -> AccountSnapshot:
        return self._through(lambda broker: broker.snapshot(account))

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        return self._through(lambda broker: broker.reports(account, order_refs))

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        return self._through(lambda broker: broker.wait(account, order_refs, seconds=seconds))

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        return self._through(lambda broker: broker.fills(account, since=since))

    def listing(self, account: str) -> Listing:
        return self._through(lambda broker: broker.listing(account))

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        """No word of the venue, for people plan nothing here."""
        why = "an engine asks about margin, a person's command does not"
        return tuple(MarginAnswer(order_ref=each.order_ref, checked=False, message=why) for each in intents)

    def tell_of(self, order: VenueOrder) -> None:
        """The gateway tells of what others do by itself."""
