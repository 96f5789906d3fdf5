"""What was asked about margin and what came back, read from the cable both ways, and what may leave on such a word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from prudent.domain.accounts import AccountClass
from prudent.domain.cycles import CycleRecord
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderIntent, Side
from prudent.domain.verdicts import GuardReport, Outcome
from prudent.gateway import wire as frames
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.rows import CEILING, decode
from prudent.gateway.values import BadField
from prudent.simulation.truth import Violation

_TOLD, _ERROR = str(ANSWERS["openOrder"].id), str(ANSWERS["error"].id)
_REJECTED = 201
_AFTERWARDS = ("initMarginAfter", "maintMarginAfter", "equityWithLoanAfter")
_HEAD = frames.LENGTH.size
# No phase is judged and sent for longer, however long its process stands still.
FRESH = timedelta(minutes=5)
# The desk values its book at prices of its own, seconds away from the gateway's.
ROOM = Decimal("1.2")
_MARGIN_GUARDS = ("P15", "P15.X")
_HOLDS_UP = (Outcome.REJECT, Outcome.DEFER)


@dataclass(slots=True)
class Question:
    """One order of a round of questions, and what arrived about it; `left` says on which connection under which id."""

    intent: OrderIntent
    at: datetime
    left: tuple[str, int] | None = None
    initial: Decimal | None = None
    maintenance: Decimal | None = None
    equity: Decimal | None = None
    refused: bool = False


@dataclass(slots=True)
class Asked:
    """The questions of one owner's desk, whichever of its processes asks; the last about an order is what counts.

    Nothing of the adapter is believed: figures count when their bytes arrive, if each of them is a finite number.
    """

    symbol_of: Callable[[int], str]
    mandate_of: Callable[[str], Mandate]
    names: Mapping[str, str]
    _last: dict[str, Question] = field(default_factory=dict)
    _open: dict[tuple[str, int], Question] = field(default_factory=dict)
    _noes: set[str] = field(default_factory=set)

    def begins(self, intents: Sequence[OrderIntent], now: datetime) -> list[Question]:
        """A process asks about these: from here on nothing that was said of them before counts."""
        found = [Question(intent, now) for intent in intents]
        self._last |= {each.intent.order_ref: each for each in found}
        return found

    # On the cable

    def leaves(self, asking: Sequence[Question], connection: str, said: Mapping[str, Any]) -> None:
        """A question leaves a process that is asking about those orders."""
        shown = said["account"], self.symbol_of(said["conId"]), said["action"], Decimal(said["totalQuantity"])
        for each in asking:
            intent = each.intent
            wanted = self.names[intent.account], intent.symbol, str(intent.side), intent.quantity
            if each.left is None and shown == wanted:
                each.left = connection, int(said["orderId"])
                self._open[each.left] = each
                return
        raise Violation("I18", f"the venue was asked about {shown}, of which nobody wanted to know")

    def hears(self, connection: str, data: bytes) -> None:
        """A piece arrives; what is cut off at its end never counts."""
        while len(data) > _HEAD and len(data) >= (end := _HEAD + frames.length(data[:_HEAD])):
            fields = frames.split(data[_HEAD:end])
            if fields[0] in (_TOLD, _ERROR) and self._open:
                self._heard(connection, fields)
            data = data[end:]

    def _heard(self, connection: str, fields: Sequence[str]) -> None:
        name = "openOrder" if fields[0] == _TOLD else "error"
        try:
            told = decode(ANSWERS[name], fields, CEILING)
        except BadField:
            # What is no number is no answer.
            return
        found = self._open.get((connection, int(told["orderId" if name == "openOrder" else "reqId"])))
        if found is None:
            return
        if name == "error":
            if told["code"] == _REJECTED:
                found.refused = True
                self._noes.add(found.intent.order_ref)
            return
        figures = [told[each] for each in _AFTERWARDS]
        if told["whatIf"] and all(each is not None and each.is_finite() for each in figures):
            found.initial, found.maintenance, found.equity = figures

    # What must hold

    def may_leave(self, intent: OrderIntent, now: datetime) -> None:
        """An order leaves: a purchase of a margin account only on the venue's word, none against it."""
        if intent.side is Side.SELL:
            return
        last, mandate = self._last.get(intent.order_ref), self.mandate_of(intent.account)
        if last is not None and last.refused:
            raise Violation("I18", f"order {intent.order_ref} left although the venue had said that it refuses it")
        if mandate.account_class is AccountClass.MARGIN:
            self._carried(intent, last, mandate, now)

    def _carried(self, intent: OrderIntent, last: Question | None, mandate: Mandate, now: datetime) -> None:
        ref = intent.order_ref
        if last is None:
            raise Violation("I18", f"order {ref} needs margin and left although the venue was not asked about it")
        if last.initial is None or last.maintenance is None or last.equity is None:
            raise Violation("I18", f"order {ref} needs margin and left although the venue had not answered")
        if last.intent.quantity < intent.quantity or now - last.at > FRESH:
            raise Violation("I18", f"order {ref} of {intent.quantity} left on an answer to {last.intent} at {last.at}")
        most, least = mandate.limits.max_initial_margin, mandate.limits.min_excess_liquidity
        if last.initial > most * last.equity * ROOM:
            raise Violation("I18", f"order {ref} left, and takes initial margin of {last.initial} of {last.equity}")
        if (last.equity - last.maintenance) * ROOM < least * last.equity:
            raise Violation("I18", f"order {ref} left, and leaves {last.maintenance} of {last.equity} bound")

    def finished(self, record: CycleRecord) -> None:
        """No exit was held up for its margin, and no purchase from cash unless the venue had said no to it."""
        for report in (record.report, *(phase.report for phase in record.phases)):
            self._none_held_up(record, report)

    def _none_held_up(self, record: CycleRecord, report: GuardReport) -> None:
        for verdict in report.verdicts():
            if verdict.guard not in _MARGIN_GUARDS or verdict.outcome not in _HOLDS_UP:
                continue
            order = record.plan.order(verdict.order_ref)
            if order.side is Side.SELL:
                raise Violation("I19", f"exit {verdict.order_ref} was held up for its margin: {verdict.reason}")
            on_margin = record.mandate.account_class is AccountClass.MARGIN
            if not on_margin and verdict.order_ref not in self._noes:
                raise Violation("I19", f"purchase {verdict.order_ref} from cash was held up: {verdict.reason}")
