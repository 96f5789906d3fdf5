"""What one client asked to be told as it changes: holdings, account values, profits, and quotes."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prudent.domain.money import ZERO
from prudent.exchange.paper.words import Line, PositionView
from prudent.gateway import replies
from prudent.gateway.quotes import Quotes

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.session import Session

PROFITS_EVERY = timedelta(seconds=1)
ACCOUNT_EVERY = timedelta(minutes=3)
LEDGER = "$LEDGER"


class Streams:
    """A client's subscriptions; `beat` sends what changed since it was last told."""

    def __init__(self, session: "Session", house: "House") -> None:
        self._session = session
        self._house = house
        self.positions = False
        self.positions_multi: dict[int, frozenset[str]] = {}
        self.account = ""
        self.summaries: dict[int, tuple[str, ...]] = {}
        self.profits: dict[int, tuple[str, int]] = {}
        self.quotes = Quotes(session, house)
        self._touched: set[str] = set()
        self._values: dict[tuple[str, str], str] = {}
        self._lines: dict[int, Line] = {}
        self._summed: dict[tuple[int, str, str, str], str] = {}
        self._account_told: datetime | None = None
        self._profits_told: datetime | None = None

    def held(self, position: PositionView) -> None:
        """A holding changed."""
        told = replies.position(position)
        if self.positions:
            self._session.say("position", told)
        for key, accounts in self.positions_multi.items():
            if position.account in accounts:
                self._session.say("positionMulti", {**told, "reqId": key, "model": ""})

    def touched(self, account: str) -> None:
        """Something was traded in an account: its values are told at the next beat."""
        self._touched.add(account)

    def beat(self, at: datetime) -> None:
        self.quotes.beat(at)
        if self.profits and (self._profits_told is None or at - self._profits_told >= PROFITS_EVERY):
            self.tell_profits()
        due = self._account_told is not None and at - self._account_told >= ACCOUNT_EVERY
        if self.account and (due or self.account in self._touched):
            self.tell_account(everything=False)
        if self.summaries and (due or self._touched):
            for key in self.summaries:
                self.tell_summary(key)
        self._touched.clear()

    def tell_account(self, *, everything: bool) -> None:
        """The values and holdings of the watched account: all of them, or those that changed."""
        say, at, account = self._session.say, self._house.now(), self.account
        self._account_told = at
        if everything:
            self._values.clear()
            self._lines.clear()
        for name, value, currency in self._house.account_values(account):
            if self._values.get((name, currency)) != value:
                self._values[name, currency] = value
                say("accountValue", {"key": name, "value": value, "currency": currency, "account": account})
        lines = {line.contract.con_id: line for line in self._house.floor.portfolio(account, at)}
        for con_id, line in lines.items():
            if self._lines.get(con_id) != line:
                say("portfolioValue", replies.portfolio(line))
        for con_id, line in self._lines.items():
            if con_id not in lines:
                say("portfolioValue", {**replies.portfolio(line), "position": ZERO, "value": ZERO, "unrealized": ZERO})
        self._lines = lines
        say("accountTime", {"time": f"{at.astimezone(replies.ZONE):%H:%M}"})
        say("accountDownloadEnd", {"account": account})

    def tell_summary(self, key: int) -> None:
        for account in self._house.accounts:
            for name, value, currency in summed(self._house.account_values(account), self.summaries[key]):
                if self._summed.get((key, account, name, currency)) != value:
                    self._summed[key, account, name, currency] = value
                    row = {"reqId": key, "account": account, "tag": name, "value": value, "currency": currency}
                    self._session.say("accountSummary", row)

    def forget_summary(self, key: int) -> None:
        self.summaries.pop(key, None)
        self._summed = {known: value for known, value in self._summed.items() if known[0] != key}

    def tell_profits(self) -> None:
        at, floor = self._house.now(), self._house.floor
        self._profits_told = at
        for key, (account, con_id) in self.profits.items():
            if not con_id:
                self._session.say("pnl", replies.profit(floor.profit(account, at), key))
                continue
            held = next((line for line in floor.portfolio(account, at) if line.contract.con_id == con_id), None)
            told = dict(replies.profit(floor.profit(account, at, con_id), key))
            told |= {"position": held.quantity if held else ZERO, "value": held.value if held else None}
            self._session.say("pnlSingle", told)


def summed(values: Iterable[tuple[str, str, str]], tags: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """The values that a summary's tags ask for; `$LEDGER:EUR` asks for all that is kept in that currency."""
    wanted = set(tags)
    ledgers = {tag.partition(":")[2] or "BASE" for tag in wanted if tag.startswith(LEDGER)}
    for name, value, currency in values:
        if name in wanted or currency in ledgers or (currency and "ALL" in ledgers):
            yield name, value, currency
