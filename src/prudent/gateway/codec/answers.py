"""What the gateway says: the table of each answer."""

from collections.abc import Mapping
from typing import Any

from prudent.gateway.codec.orders import COMPLETED, OPEN
from prudent.gateway.codec.rows import (
    Rows,
    Table,
    amount,
    fixed,
    flag,
    many,
    maybe,
    numbers,
    price,
    text,
    when,
    whole,
)
from prudent.gateway.codec.shared import HELD, SHOWN


def _table(number: int, name: str, *rows: Rows) -> Table:
    return Table(id=number, name=name, rows=sum(rows, ()))


def _tick(*types: int) -> Any:
    def holds(values: Mapping[str, Any]) -> bool:
        return values.get("tickType") in types

    return holds


_KEY = whole("reqId")
_V1 = fixed("1")

_TABLES = (
    _table(1, "tickPrice", fixed("6"), _KEY, whole("tickType"), amount("price size"), whole("mask")),
    _table(2, "tickSize", fixed("6"), _KEY, whole("tickType"), amount("size")),
    _table(3, "orderStatus", whole("orderId"), text("status"), amount("filled remaining avgFillPrice"),
           whole("permId parentId"), amount("lastFillPrice"), whole("clientId"), text("whyHeld"),
           amount("mktCapPrice")),
    _table(4, "error", fixed("2"), _KEY, whole("code"), text("message"), text("advanced", since=166)),
    OPEN,
    _table(6, "accountValue", fixed("2"), text("key value currency account")),
    _table(7, "portfolioValue", fixed("8"), HELD, numbers("position price value averageCost unrealized realized"),
           text("account")),
    _table(8, "accountTime", _V1, text("time")),
    _table(9, "nextValidId", _V1, whole("orderId")),
    _table(10, "contractDetails", fixed("8", until=163), _KEY, text("symbol secType lastTrade"), amount("strike"),
           text("right exchange currency localSymbol marketName tradingClass"), whole("conId"), amount("minTick"),
           fixed("100", until=163), text("multiplier orderTypes validExchanges"), whole("priceMagnifier underConId"),
           text("longName primaryExchange contractMonth industry category subcategory timeZoneId tradingHours"),
           text("liquidHours evRule"), whole("evMultiplier"), many("secIds", text("tag value")), whole("aggGroup"),
           text("underSymbol underSecType marketRuleIds realExpirationDate stockType"),
           amount("sizeMinTick", since=163, until=163),
           amount("minSize sizeIncrement suggestedSizeIncrement", since=164)),
    _table(11, "execDetails", _KEY, whole("orderId"), SHOWN, text("execId time account execExchange side"),
           amount("shares price"), whole("permId clientId liquidation"), amount("cumQty avgPrice"),
           text("orderRef evRule"), amount("evMultiplier"), text("modelCode"), whole("liquidity"),
           flag("pendingRevision", since=178)),
    _table(15, "managedAccounts", _V1, text("accounts")),
    _table(16, "receiveFA", _V1, whole("kind"), text("xml")),
    _table(17, "historicalData", _KEY, text("start end"),
           many("bars", text("date") + numbers("open high low close volume average") + whole("count"))),
    _table(19, "scannerParameters", _V1, text("xml")),
    _table(21, "tickOption", _KEY, whole("tickType attribute"),
           numbers("volatility delta price dividends gamma vega theta underlying")),
    _table(45, "tickGeneric", fixed("6"), _KEY, whole("tickType"), amount("value")),
    _table(46, "tickString", fixed("6"), _KEY, whole("tickType"), text("value")),
    _table(49, "currentTime", _V1, whole("time")),
    _table(50, "realTimeBar", fixed("3"), _KEY, whole("time"), numbers("open high low close volume average"),
           whole("count")),
    _table(52, "contractDetailsEnd", _V1, _KEY),
    _table(53, "openOrderEnd", _V1),
    _table(54, "accountDownloadEnd", _V1, text("account")),
    _table(55, "execDetailsEnd", _V1, _KEY),
    _table(57, "tickSnapshotEnd", _V1, _KEY),
    _table(58, "marketDataType", _V1, _KEY, whole("type")),
    _table(59, "commissionReport", _V1, text("execId"), amount("commission"), text("currency"), price("realized"),
           price("yield"), maybe("redemption")),
    _table(61, "position", fixed("3"), text("account"), SHOWN, amount("position averageCost")),
    _table(62, "positionEnd", _V1),
    _table(63, "accountSummary", _V1, _KEY, text("account tag value currency")),
    _table(64, "accountSummaryEnd", _V1, _KEY),
    _table(71, "positionMulti", _V1, _KEY, text("account"), SHOWN, amount("position averageCost"), text("model")),
    _table(72, "positionMultiEnd", _V1, _KEY),
    _table(73, "accountUpdateMulti", _V1, _KEY, text("account model key value currency")),
    _table(74, "accountUpdateMultiEnd", _V1, _KEY),
    _table(75, "optionParams", _KEY, text("exchange"), whole("underConId"), text("tradingClass multiplier"),
           many("expirations", text("date")), many("strikes", numbers("strike"))),
    _table(76, "optionParamsEnd", _KEY),
    _table(77, "softDollarTiers", _KEY, many("tiers", text("name value shown"))),
    _table(78, "familyCodes", many("codes", text("account code"))),
    _table(79, "symbolSamples", _KEY,
           many("contracts",
                whole("conId") + text("symbol secType primaryExchange currency") + many("derivatives", text("secType"))
                + text("description issuerId", since=176))),
    _table(80, "mktDepthExchanges",
           many("exchanges", text("exchange secType listing service") + whole("aggGroup"))),
    _table(81, "tickReqParams", _KEY, amount("minTick"), text("bboExchange"), whole("snapshotPermissions")),
    _table(82, "smartComponents", _KEY, many("components", whole("bit") + text("exchange letter"))),
    _table(85, "newsProviders", many("providers", text("code name"))),
    _table(88, "headTimestamp", _KEY, text("time")),
    _table(90, "historicalDataUpdate", _KEY, whole("count"), text("date"),
           amount("open close high low average volume")),
    _table(93, "marketRule", whole("rule"), many("increments", numbers("from increment"))),
    _table(94, "pnl", _KEY, price("daily unrealized realized")),
    _table(95, "pnlSingle", _KEY, amount("position"), price("daily unrealized realized value")),
    _table(96, "historicalTicks", _KEY,
           many("ticks", whole("time") + fixed("0") + numbers("price size")), flag("done")),
    _table(97, "historicalTicksBidAsk", _KEY,
           many("ticks", whole("time mask") + numbers("bid ask bidSize askSize")), flag("done")),
    _table(98, "historicalTicksLast", _KEY,
           many("ticks", whole("time mask") + numbers("price size") + text("exchange conditions")), flag("done")),
    _table(99, "tickByTick", _KEY, whole("tickType time"),
           when(_tick(1, 2), numbers("price size") + whole("mask") + text("exchange conditions")),
           when(_tick(3), numbers("bid ask bidSize askSize") + whole("mask")),
           when(_tick(4), numbers("mid"))),
    COMPLETED,
    _table(102, "completedOrdersEnd"),
    _table(106, "historicalSchedule", _KEY, text("start end timeZone"), many("sessions", text("start end reference"))),
    _table(107, "userInfo", _KEY, text("branding")),
)  # fmt: skip

ANSWERS = {table.name: table for table in _TABLES}
"""Answers by name."""
