"""What clients ask: the table of each request that the gateway reads."""

from prudent.gateway.codec.orders import PLACE
from prudent.gateway.codec.rows import Rows, Table, filled, fixed, flag, text, when, whole
from prudent.gateway.codec.shared import CONTRACT, NEUTRAL, QUOTED_LEGS, is_combo


def _table(number: int, name: str, *rows: Rows) -> Table:
    return Table(id=number, name=name, rows=sum(rows, ()))


_KEY = whole("reqId")
_V1 = fixed("1")
_EXPIRED = flag("includeExpired")

_TABLES = (
    _table(1, "reqMktData", fixed("11"), _KEY, CONTRACT, when(is_combo, QUOTED_LEGS), flag("hasNeutral"),
           when(filled("hasNeutral"), NEUTRAL), text("genericTicks"), flag("snapshot regulatory"), text("options")),
    _table(2, "cancelMktData", fixed("2"), _KEY),
    PLACE,
    _table(4, "cancelOrder", _V1, whole("orderId"), text("manualCancelTime", since=169)),
    _table(5, "reqOpenOrders", _V1),
    _table(6, "reqAccountUpdates", fixed("2"), flag("subscribe"), text("account")),
    _table(7, "reqExecutions", fixed("3"), _KEY, whole("clientId"),
           text("account time symbol secType exchange side")),
    _table(8, "reqIds", _V1, whole("count")),
    _table(9, "reqContractDetails", fixed("8"), _KEY, CONTRACT, _EXPIRED, text("secIdType secId"),
           text("issuerId", since=176)),
    _table(12, "reqNewsBulletins", _V1, flag("all")),
    _table(13, "cancelNewsBulletins", _V1),
    _table(14, "setServerLogLevel", _V1, whole("level")),
    _table(15, "reqAutoOpenOrders", _V1, flag("bind")),
    _table(16, "reqAllOpenOrders", _V1),
    _table(17, "reqManagedAccts", _V1),
    _table(18, "requestFA", _V1, whole("kind")),
    _table(20, "reqHistoricalData", _KEY, CONTRACT, _EXPIRED, text("end barSize duration"), flag("useRth"),
           text("show"), whole("dateFormat"), when(is_combo, QUOTED_LEGS), flag("keepUpToDate"), text("options")),
    _table(24, "reqScannerParameters", _V1),
    _table(25, "cancelHistoricalData", _V1, _KEY),
    _table(49, "reqCurrentTime", _V1),
    _table(50, "reqRealTimeBars", fixed("3"), _KEY, CONTRACT, whole("barSize"), text("show"), flag("useRth"),
           text("options")),
    _table(51, "cancelRealTimeBars", _V1, _KEY),
    _table(56, "cancelCalculateImpliedVolatility", _V1, _KEY),
    _table(57, "cancelCalculateOptionPrice", _V1, _KEY),
    _table(58, "reqGlobalCancel", _V1),
    _table(59, "reqMarketDataType", _V1, whole("type")),
    _table(61, "reqPositions", _V1),
    _table(62, "reqAccountSummary", _V1, _KEY, text("group tags")),
    _table(63, "cancelAccountSummary", _V1, _KEY),
    _table(64, "cancelPositions", _V1),
    _table(71, "startApi", fixed("2"), whole("clientId"), text("capabilities")),
    _table(74, "reqPositionsMulti", _V1, _KEY, text("account model")),
    _table(75, "cancelPositionsMulti", _V1, _KEY),
    _table(76, "reqAccountUpdatesMulti", _V1, _KEY, text("account model"), flag("ledgerAndNlv")),
    _table(77, "cancelAccountUpdatesMulti", _V1, _KEY),
    _table(78, "reqSecDefOptParams", _KEY, text("symbol exchange secType"), whole("conId")),
    _table(79, "reqSoftDollarTiers", _KEY),
    _table(80, "reqFamilyCodes"),
    _table(81, "reqMatchingSymbols", _KEY, text("pattern")),
    _table(82, "reqMktDepthExchanges"),
    _table(83, "reqSmartComponents", _KEY, text("bboExchange")),
    _table(85, "reqNewsProviders"),
    _table(87, "reqHeadTimestamp", _KEY, CONTRACT, _EXPIRED, flag("useRth"), text("show"), whole("dateFormat")),
    _table(90, "cancelHeadTimestamp", _KEY),
    _table(91, "reqMarketRule", whole("rule")),
    _table(92, "reqPnL", _KEY, text("account model")),
    _table(93, "cancelPnL", _KEY),
    _table(94, "reqPnLSingle", _KEY, text("account model"), whole("conId")),
    _table(95, "cancelPnLSingle", _KEY),
    _table(96, "reqHistoricalTicks", _KEY, CONTRACT, _EXPIRED, text("start end"), whole("count"), text("show"),
           flag("useRth ignoreSize"), text("options")),
    _table(97, "reqTickByTickData", _KEY, CONTRACT, text("tickType"), whole("count"), flag("ignoreSize")),
    _table(98, "cancelTickByTickData", _KEY),
    _table(99, "reqCompletedOrders", flag("apiOnly")),
    _table(104, "reqUserInfo", _KEY),
)  # fmt: skip

REQUESTS = {table.id: table for table in _TABLES}
"""Requests by their number on the wire."""

UNSERVED = {
    10: 2, 11: 2, 19: 4, 21: 2, 22: 1, 23: 2, 52: 2, 53: 2, 54: 2, 55: 2, 67: 2, 68: 2, 69: 2, 70: 2,
    84: 1, 86: 1, 88: 1, 89: 1, 100: 1, 101: 1, 102: 1, 103: 1,
}  # fmt: skip
"""Known requests that are answered with an error, and the place of the id that the error must carry."""

NAMED_REQUESTS = {table.name: table for table in _TABLES}
