"""A story of Interactive Brokers' own client at a gateway, told as JSON: what was asked, and what came.

Runs by itself in an environment that has the package `ibapi`, with nothing of ours: `python official_client.py PORT`.
Each step waits for its answer, so that the same gateway is told the same each time.
"""

import importlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECONDS_MAX = 20.0
CLIENT_ID = 31
SYMBOL, REST_AT, REST_LATER_AT = "AAPL", 999.0, 998.0
# The last two are one message, under the names that versions of the client have for it.
HEARD = (
    "managedAccounts", "nextValidId", "error", "connectionClosed", "contractDetails", "contractDetailsEnd", "tickPrice",
    "tickSize", "tickSnapshotEnd", "openOrder", "orderStatus", "execDetails", "execDetailsEnd", "historicalData",
    "historicalDataEnd", "position", "positionEnd", "accountSummary", "accountSummaryEnd", "openOrderEnd",
    "commissionReport", "commissionAndFeesReport",
)  # fmt: skip
COSTS = ("commissionReport", "commissionAndFeesReport")
Args = tuple[Any, ...]
Holds = Callable[[Args], bool]


def always(_: Args) -> bool:
    return True


@dataclass(slots=True)
class Told:
    """Every call of the client's thread, in order."""

    calls: list[tuple[str, Args]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def hear(self, name: str, args: Args) -> None:
        with self.changed:
            self.calls.append((name, args))
            self.changed.notify_all()

    def wait(self, names: str | tuple[str, ...], holds: Holds = always) -> Args:
        """The first call of that name for which it holds.

        Raises:
            TimeoutError: none came.
        """
        wanted = (names,) if isinstance(names, str) else names
        with self.changed:
            found: list[Args] = []

            def came() -> bool:
                found[:] = [args for name, args in self.calls if name in wanted and holds(args)]
                return bool(found)

            if not self.changed.wait_for(came, SECONDS_MAX):
                raise TimeoutError(f"{wanted[0]} did not come; there were {self.calls[-10:]}")
            return found[0]

    def all(self, name: str, key: int | None = None) -> list[Args]:
        with self.changed:
            return [args for each, args in self.calls if each == name and key in (None, args[0])]


def callback(name: str) -> Callable[..., None]:
    def call(self: Any, *args: Any, **named: Any) -> None:
        self.told.hear(name, (*args, *named.values()))

    return call


def client_of(told: Told) -> Any:
    """The package's client, whose callbacks only keep what they are called with."""
    client, wrapper = importlib.import_module("ibapi.client").EClient, importlib.import_module("ibapi.wrapper").EWrapper
    body = {name: callback(name) for name in HEARD if hasattr(wrapper, name) or name in COSTS}

    def begin(self: Any) -> None:
        wrapper.__init__(self)
        client.__init__(self, wrapper=self)
        self.told = told

    return type("OfficialClient", (wrapper, client), {**body, "__init__": begin})()


class Story:
    """The steps, each of which adds to what `said` tells."""

    def __init__(self, port: int) -> None:
        self.told = Told()
        self.said: dict[str, Any] = {"version": importlib.import_module("ibapi").get_version_string()}
        self._client = client_of(self.told)
        self._port = port
        self._order_id = 0

    def run(self) -> dict[str, Any]:
        thread = threading.Thread(target=self._connect, daemon=True)
        thread.start()
        for step in (self._greet, self._contract, self._quote, self._market_order, self._resting_order, self._what_if,
                     self._bars, self._account):  # fmt: skip
            step()
        self._client.disconnect()
        thread.join(SECONDS_MAX)
        self.said["ended"] = not thread.is_alive()
        # Code and text of each error: other versions are also told when it was.
        self.said["errors"] = [
            (args[0], [each for each in args[1:] if isinstance(each, int)][-1]) for args in self.told.all("error")
        ]
        return self.said

    def _connect(self) -> None:
        self._client.connect("127.0.0.1", self._port, CLIENT_ID)
        self._client.run()

    def _greet(self) -> None:
        (accounts,) = self.told.wait("managedAccounts")
        (self._order_id,) = self.told.wait("nextValidId")
        self.said["accounts"] = [each for each in accounts.split(",") if each]
        self.said["server_version"] = self._client.serverVersion()
        self.said["first_id"] = self._order_id

    def _contract(self) -> None:
        self._client.reqContractDetails(1001, self._asked())
        self.told.wait("contractDetailsEnd")
        found = [details for _key, details in self.told.all("contractDetails")]
        self.said["contracts"] = [
            {"id": each.contract.conId, "name": each.longName, "tick": each.minTick, "hours": bool(each.tradingHours)}
            for each in found
        ]

    def _quote(self) -> None:
        self._client.reqMktData(1002, self._asked(), "", True, False, [])
        self.told.wait("tickSnapshotEnd")
        self.said["prices"] = {args[1]: args[2] for args in self.told.all("tickPrice", 1002)}

    def _market_order(self) -> None:
        number = self._next_id()
        self._client.placeOrder(number, self._asked(), self._order("BUY", 10, "MKT", ref="first"))
        done = self.told.wait("orderStatus", lambda args: args[0] == number and args[1] == "Filled")
        _key, contract, execution = self.told.wait("execDetails", lambda args: args[2].orderId == number)
        (cost,) = self.told.wait(COSTS, lambda args: args[0].execId == execution.execId)
        self.said["bought"] = {
            "filled": str(done[2]), "remaining": str(done[3]), "price": execution.price,
            "shares": str(execution.shares), "ref": execution.orderRef, "symbol": contract.symbol,
            "account": execution.acctNumber,
            "commission": getattr(cost, "commission", None) or getattr(cost, "commissionAndFees", None),
        }  # fmt: skip

    def _resting_order(self) -> None:
        number = self._next_id()
        self._client.placeOrder(number, self._asked(), self._resting(REST_AT))
        self.told.wait("orderStatus", lambda args: args[0] == number and args[1] == "Submitted")
        self._client.placeOrder(number, self._asked(), self._resting(REST_LATER_AT))
        self.told.wait("openOrder", lambda args: args[0] == number and args[2].lmtPrice == REST_LATER_AT)
        self._cancel(number)
        ended = self.told.wait("orderStatus", lambda args: args[0] == number and args[1] == "Cancelled")
        self.told.wait("error", lambda args: args[0] == number and 202 in args)
        self.said["rested"] = {
            "limits": sorted({args[2].lmtPrice for args in self.told.all("openOrder", number)}),
            "filled": str(ended[2]), "remaining": str(ended[3]),
        }  # fmt: skip

    def _what_if(self) -> None:
        number = self._next_id()
        order = self._order("BUY", 5, "LMT", ref="what-if")
        order.lmtPrice, order.whatIf = 100.0, True
        self._client.placeOrder(number, self._asked(), order)
        *_rest, state = self.told.wait("openOrder", lambda args: args[0] == number and bool(args[3].initMarginAfter))
        self.said["what_if"] = {"change": state.initMarginChange, "after": state.initMarginAfter}

    def _bars(self) -> None:
        self._client.reqHistoricalData(1003, self._asked(), "", "5 D", "1 day", "TRADES", 1, 1, False, [])
        self.told.wait("historicalDataEnd")
        self.said["bars"] = [
            {"date": bar.date, "high": bar.high, "low": bar.low, "close": bar.close}
            for _key, bar in self.told.all("historicalData")
        ]

    def _account(self) -> None:
        self._client.reqPositions()
        self.told.wait("positionEnd")
        self.said["positions"] = [
            (account, contract.symbol, str(count)) for account, contract, count, _cost in self.told.all("position")
        ]
        self._client.reqAccountSummary(1004, "All", "NetLiquidation,TotalCashValue")
        self.told.wait("accountSummaryEnd")
        self.said["summary"] = {args[2]: args[3] for args in self.told.all("accountSummary")}
        self._client.reqExecutions(1005, importlib.import_module("ibapi.execution").ExecutionFilter())
        self.told.wait("execDetailsEnd")
        self.said["executions"] = [args[2].orderRef for args in self.told.all("execDetails", 1005)]

    def _asked(self) -> Any:
        contract = importlib.import_module("ibapi.contract").Contract()
        contract.symbol, contract.secType, contract.exchange, contract.currency = SYMBOL, "STK", "SMART", "USD"
        return contract

    def _order(self, action: str, quantity: int, kind: str, *, ref: str) -> Any:
        order = importlib.import_module("ibapi.order").Order()
        order.action, order.totalQuantity, order.orderType = action, quantity, kind
        order.tif, order.orderRef = "DAY", ref
        # Older versions of the client set both, which gateways refuse.
        order.eTradeOnly = order.firmQuoteOnly = False
        return order

    def _resting(self, limit: float) -> Any:
        order = self._order("SELL", 10, "LMT", ref="second")
        order.lmtPrice, order.tif = limit, "GTC"
        return order

    def _cancel(self, number: int) -> None:
        terms: Args
        try:
            terms = (importlib.import_module("ibapi.order_cancel").OrderCancel(),)
        except ImportError:
            # Versions before 10.20 take none.
            terms = ()
        self._client.cancelOrder(number, *terms)

    def _next_id(self) -> int:
        self._order_id += 1
        return self._order_id - 1


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Story(int(sys.argv[1])).run()) + "\n")
