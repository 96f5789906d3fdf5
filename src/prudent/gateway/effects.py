"""What faults do at each place of the gateway: to requests, to what is told of orders, to connections and markets."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from prudent.exchange.paper.words import Contract, Execution, SecType
from prudent.gateway.bent import Thin
from prudent.gateway.codec.rows import Values
from prudent.gateway.dispatch_market import query
from prudent.gateway.faults import ACTS, ASSIGNED, NOTES, Do, Fault, Met, On, Subject

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.session import Session

LOST, RESTORED_ANEW, RESTORED = 1100, 1101, 1102
TOO_FAST, ID_IN_USE = 100, 326
_LINK_WORDS = {
    LOST: "Connectivity between IB and Trader Workstation has been lost.",
    RESTORED_ANEW: "Connectivity between IB and Trader Workstation has been restored - data lost.",
    RESTORED: "Connectivity between IB and Trader Workstation has been restored - data maintained.",
}
_CHANGES = ("initMarginChange", "maintMarginChange", "equityWithLoanChange")
_FIGURES = (
    "initMarginBefore", "initMarginAfter", "maintMarginBefore", "maintMarginAfter", "equityWithLoanBefore",
    "equityWithLoanAfter", "commission", "minCommission", "maxCommission",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """A message about an order that is about to be told to its client; a position is told to all who asked."""

    name: str
    tell: Callable[[], None]
    values: Values = field(default_factory=dict)
    client_id: int = -1
    order_id: int = -1

    @property
    def order(self) -> tuple[int, int]:
        return self.client_id, self.order_id


class Effects:
    """Stands between the sessions of a house and its floor; where no fault strikes it only passes on."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._faults = house.bent.faults
        self._treated: dict[tuple[int, int], Met] = {}
        self._thinned: dict[tuple[int, int], int] = {}
        self._kept_back: list[Out] | None = None

    # Connections

    def welcome(self, session: "Session", client_id: int) -> None:
        """Lets a client start, or does what a fault wants of it."""
        met = self._faults.strike(On.CONNECT, Subject(client_id=client_id)) if self._faults else None
        if met is None:
            session.start(client_id)
            return
        fault = met.fault
        if fault.do is Do.DELAY:
            _later(met.seconds, partial(session.start, client_id))
        elif fault.do is Do.ROLLBACK_IDS:
            session.start(client_id, back=fault.whole("back"))
        elif fault.do is Do.REFUSE:
            _refuse(session, fault.whole("code"))
        elif fault.do is Do.DISCONNECT:
            session.start(client_id)
            session.close()

    # Requests

    def serve(self, session: "Session", name: str, said: Values, key: int) -> None:
        """Has a request done, or does what a fault wants of it."""
        handle = partial(self._house.handlers[name], session, said)
        if not self._faults:
            handle()
            return
        contract = self._contract(said) if name == "placeOrder" else None
        subject = self._subject(session, name, said, contract)
        on = {"placeOrder": On.WHAT_IF if said.get("whatIf") else On.PLACE, "cancelOrder": On.CANCEL}.get(name)
        met = self._faults.strike(on, subject) if on is not None else None
        met = self._faults.strike(On.REQUEST, subject, among=ACTS if met is None else NOTES) or met
        if met is None:
            handle()
        elif met.fault.on is On.PLACE:
            self._place(session, met, handle, key, con_id=0 if contract is None else contract.con_id)
        else:
            self._request(session, met, handle, key)

    def _subject(self, session: "Session", name: str, said: Values, contract: Contract | None) -> Subject:
        order_id = int(said.get("orderId", -1))
        symbol, side = str(said.get("symbol", "")), str(said.get("action", ""))
        view = self._house.floor.order(session.client_id, order_id) if name == "cancelOrder" else None
        if view is not None:
            contract, side = view.ticket.contract, view.ticket.action.value
        return Subject(
            client_id=session.client_id, order_id=order_id, request=name, side=side,
            symbol=symbol if contract is None else contract.symbol,
        )  # fmt: skip

    def _contract(self, said: Values) -> Contract | None:
        if said["secType"] == SecType.COMBO.value:
            return None
        found = self._house.market.matches(query(said))
        return found[0].contract if found else None

    def _place(self, session: "Session", met: Met, handle: Callable[[], None], key: int, *, con_id: int) -> None:
        fault = met.fault
        match fault.do:
            case Do.REJECT:
                session.refuse(fault.whole("code"), str(fault.arg("text")), key)
            case Do.DROP_BEFORE:
                session.close()
            case Do.DROP_AFTER:
                # It is gone before anything can be told.
                self._house.leave(session)
                session.close()
                handle()
            case Do.PARTIAL:
                self._house.bent.thin[con_id] = Thin(Decimal(fault.whole("quantity")), fault.whole("parts"))
                self._thinned[session.client_id, key] = con_id
                handle()
                self.fatten()
            case Do.LINK:
                handle()
                self._link(fault.whole("code"))
            case _:
                self._treated[session.client_id, key] = met
                handle()
                _afterwards(session, fault, key)

    def _request(self, session: "Session", met: Met, handle: Callable[[], None], key: int) -> None:
        fault = met.fault
        match fault.do:
            case Do.DELAY:
                _later(met.seconds, handle)
            case Do.SWALLOW:
                return
            case Do.DROP_BEFORE:
                session.close()
            case Do.REJECT | Do.RATE_LIMIT:
                _turn_away(session, fault, key)
            case Do.LINK:
                handle()
                self._link(fault.whole("code"))
            case Do.DUPLICATE | Do.WHATIF_UNSET:
                with session.caught() as said:
                    handle()
                for name, values in said:
                    for told in _answers(fault, values):
                        session.say(name, told)
            case _:
                handle()
                _afterwards(session, fault, key)

    # What is told of orders

    def executed(self, execution: Execution) -> Met | None:
        """The fault that strikes an execution that is about to be told."""
        if not self._faults:
            return None
        return self._faults.strike(On.FILL, Subject(
            symbol=execution.contract.symbol, side=execution.side.value, client_id=execution.client_id,
            order_id=execution.order_id,
        ))  # fmt: skip

    def send(self, outs: Sequence[Out], struck: Mapping[tuple[int, int], Met]) -> None:
        """Tells what came of one act; `struck` are the faults that its executions met, by order."""
        if self._kept_back is not None:
            self._kept_back += outs
            return
        reversed_: dict[tuple[int, int], list[Out]] = {}
        for out in outs:
            met = struck.get(out.order) or self._treated.get(out.order)
            if met is None or out.order_id < 0:
                out.tell()
            elif met.fault.do is Do.REORDER:
                reversed_.setdefault(out.order, []).append(out)
            else:
                self._treat(out, met)
        for late in reversed_.values():
            for out in reversed(late):
                out.tell()
        for (client_id, order_id), met in struck.items():
            session = self._house.sessions.get(client_id)
            if session is not None:
                _afterwards(session, met.fault, order_id)

    def _treat(self, out: Out, met: Met) -> None:
        fault = met.fault
        match fault.do:
            case Do.SWALLOW:
                return
            case Do.DELAY:
                _later(met.seconds, out.tell)
            case Do.LATE_COMMISSION if out.name == "commissionReport":
                _later(met.seconds, out.tell)
            case Do.NO_STATUS if out.name == "orderStatus" or out.values.get("status") == "Filled":
                return
            case Do.DUPLICATE:
                out.tell()
                out.tell()
            case Do.ZONE if out.name == "execDetails":
                day, time, _zone = str(out.values["time"]).split(" ", 2)
                self._house.say_to(out.client_id, out.name, {**out.values, "time": f"{day} {time} {fault.arg('name')}"})
            case _:
                out.tell()

    # The market and the world

    def beat(self) -> None:
        """What faults do with each move of the market, before it is looked at."""
        for con_id in self._thinned.values():
            if con_id in self._house.bent.thin:
                self._house.bent.thin[con_id].turn += 1
        if not self._faults:
            return
        struck = self._faults.strike(On.TICK, Subject())
        if struck is not None:
            self._strike_all(struck.fault)
        for held in self._house.floor.positions():
            if held.contract.sec_type is SecType.OPTION and held.quantity < 0:
                assigned = self._faults.strike(On.TICK, Subject(symbol=held.contract.symbol), among=ASSIGNED)
                if assigned is not None:
                    quantity = min(Decimal(assigned.fault.whole("quantity")), -held.quantity)
                    floor, account, con_id = self._house.floor, held.account, held.contract.con_id
                    self._house.act(partial(floor.assign, account, con_id, quantity))

    def fatten(self) -> None:
        """Books are as ever again once the orders are done for which they were thin."""
        for order, con_id in tuple(self._thinned.items()):
            view = self._house.floor.order(*order)
            if view is None or view.status.is_done:
                del self._thinned[order]
                self._house.bent.thin.pop(con_id, None)

    def _strike_all(self, fault: Fault) -> None:
        if fault.do is Do.LINK:
            self._link(fault.whole("code"))
        for session in tuple(self._house.sessions.values()):
            if fault.match.client_id in (None, session.client_id):
                _afterwards(session, fault, -1)

    def _link(self, code: int) -> None:
        """The link to the servers ends or comes back; what happened meanwhile is told then."""
        if code == LOST and self._kept_back is None:
            self._kept_back = []
        for session in tuple(self._house.sessions.values()):
            session.refuse(code, _LINK_WORDS.get(code, ""))
        if code == LOST:
            return
        if code == RESTORED_ANEW:
            for session in self._house.sessions.values():
                session.streams.quotes.lines.clear()
        kept, self._kept_back = self._kept_back or [], None
        self.send(kept, {})


def _later(seconds: float, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, do)


def _answers(fault: Fault, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """One answer as the fault tells it: twice, or without the figures and perhaps then with them."""
    if fault.do is Do.DUPLICATE:
        return values, values
    bent = _FIGURES if fault.arg("changes") else (*_FIGURES, *_CHANGES)
    unset = {**values, **dict.fromkeys(bent, str(fault.arg("figures")) or None)}
    return (unset, values) if fault.arg("answered") else (unset,)


def _turn_away(session: "Session", fault: Fault, key: int) -> None:
    """A request is answered with an error, and not served."""
    if fault.do is Do.REJECT:
        session.refuse(fault.whole("code"), str(fault.arg("text")), key)
        return
    session.refuse(TOO_FAST, "Max rate of messages per second has been exceeded", key)
    if fault.arg("hang_up"):
        session.close()


def _afterwards(session: "Session", fault: Fault, key: int) -> None:
    """What follows an act that was done as ever; `key` is the order or request it was about."""
    if fault.do is Do.ERROR:
        session.refuse(fault.whole("code"), str(fault.arg("text")), key)
    elif fault.do is Do.DISCONNECT:
        session.close()


def _refuse(session: "Session", code: int) -> None:
    if code:
        session.refuse(code, "Unable connect as the client id is already in use." if code == ID_IN_USE else "Refused")
    session.close()
