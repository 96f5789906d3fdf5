"""Requests about the market: contracts, chains, rules, quotes, bars."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from prudent.domain.money import ZERO, plain
from prudent.exchange.paper.words import Contract, SecType
from prudent.gateway import replies
from prudent.gateway.bars import (
    DAY,
    OPEN_MAX,
    SHOWS,
    SIZES,
    SMALL,
    Growing,
    dated,
    is_continuous,
    span,
    values,
)
from prudent.gateway.codec.rows import Values
from prudent.gateway.dispatch_orders import combo, nothing
from prudent.gateway.market.details import Details, Query
from prudent.gateway.tickets import NotTaken, moment
from prudent.gateway.trades import KINDS
from prudent.gateway.values import number

if TYPE_CHECKING:
    from prudent.gateway.session import Session

NO_DEFINITION, TOO_MANY_LINES, HISTORY, NO_QUERY, CONTINUOUS_END = 200, 101, 162, 366, 10339
BAD_VALUE, NO_TICKER, TOO_MANY_FEEDS = 321, 300, 10190
SERVICE = "Historical Market Data Service error message:"
NOT_FOUND = "No security definition has been found for the request"


def query(said: Mapping[str, Any]) -> Query:
    """The question that a request's contract fields ask.

    Raises:
        BadField: the multiplier is no number.
    """
    right, multiplier = said["right"].upper()[:1], number(said["multiplier"])
    return Query(
        con_id=said["conId"], symbol=said["symbol"], sec_type=said["secType"], expiry=said["expiry"],
        strike=said["strike"] or ZERO, right=right if right in ("C", "P") else "",
        multiplier="" if multiplier is None else plain(multiplier), exchange=said["exchange"],
        primary_exchange=said["primaryExchange"], currency=said["currency"], local_symbol=said["localSymbol"],
        trading_class=said["tradingClass"], include_expired=bool(said.get("includeExpired")),
    )  # fmt: skip


def details(session: "Session", said: Values) -> None:
    """Every contract that the question may mean. A real gateway never answers for a combo; this one says why not."""
    key = said["reqId"]
    found = () if said["secType"] == SecType.COMBO.value else session.house.market.find(query(said))
    if not found:
        session.refuse(NO_DEFINITION, NOT_FOUND, key)
        return
    for each in found:
        session.say("contractDetails", _details(each, key))
    session.say("contractDetailsEnd", {"reqId": key})


def _details(of: Details, key: int) -> dict[str, Any]:
    facts, contract = of.facts, of.contract
    last = contract.expiry
    if facts.last_trade is not None:
        # Clients take the zone of this for that of the hours too.
        last = f"{facts.last_trade.astimezone(ZoneInfo(of.time_zone)):%Y%m%d %H:%M:%S} {of.time_zone}"
    return {
        "reqId": key, **replies.contract(contract), "lastTrade": last, "marketName": of.market_name,
        "minTick": of.min_tick, "orderTypes": of.order_types, "validExchanges": ",".join(of.valid_exchanges),
        "priceMagnifier": of.price_magnifier, "underConId": facts.underlying, "longName": of.long_name,
        "contractMonth": of.contract_month, "industry": of.industry, "category": of.category,
        "subcategory": of.subcategory, "timeZoneId": of.time_zone, "tradingHours": of.trading_hours,
        "liquidHours": of.liquid_hours, "secIds": [{"tag": tag, "value": value} for tag, value in of.sec_ids],
        "aggGroup": of.agg_group, "underSymbol": of.under_symbol, "underSecType": of.under_sec_type,
        "marketRuleIds": ",".join(map(str, of.market_rule_ids)), "realExpirationDate": of.real_expiration,
        "stockType": of.stock_type, "sizeMinTick": of.size_increment, "minSize": of.min_size,
        "sizeIncrement": of.size_increment, "suggestedSizeIncrement": of.suggested_size,
    }  # fmt: skip


def search(session: "Session", said: Values) -> None:
    rows = [
        {**replies.contract(found.contract), "derivatives": [{"secType": each} for each in found.derivatives],
         "description": found.description}
        for found in session.house.market.search(said["pattern"])
    ]  # fmt: skip
    session.say("symbolSamples", {"reqId": said["reqId"], "contracts": rows})


def rule(session: "Session", said: Values) -> None:
    ticks = session.house.market.rule(said["rule"])
    if ticks is None:
        session.refuse(BAD_VALUE, f"Error validating request. Market rule {said['rule']} is not known")
        return
    rows = [{"from": low, "increment": increment} for low, increment in ticks]
    session.say("marketRule", {"rule": said["rule"], "increments": rows})


def chain(session: "Session", said: Values) -> None:
    """Expirations and strikes of the options on an underlying, once for each exchange."""
    key = said["reqId"]
    for each in session.house.market.option_params(said["conId"]):
        session.say("optionParams", {
            "reqId": key, "exchange": each.exchange, "underConId": said["conId"], "tradingClass": each.trading_class,
            "multiplier": plain(each.multiplier), "expirations": [{"date": date} for date in each.expirations],
            "strikes": [{"strike": strike} for strike in each.strikes],
        })  # fmt: skip
    session.say("optionParamsEnd", {"reqId": key})


def _contract(session: "Session", said: Values) -> Contract | None:
    """The contract of a request about quotes or bars; a refusal is sent where there is not exactly one."""
    key = said["reqId"]
    if said["secType"] == SecType.COMBO.value:
        made = combo(session, said)
        if isinstance(made, NotTaken):
            session.refuse(made.code, made.text, key)
            return None
        return made
    found = session.house.market.find(query(said))
    if len(found) != 1:
        text = f"The contract description specified for {said['symbol']} is ambiguous." if found else NOT_FOUND
        session.refuse(NO_DEFINITION, text, key)
        return None
    return found[0].contract


def market_data(session: "Session", said: Values) -> None:
    quotes, key = session.streams.quotes, said["reqId"]
    contract = _contract(session, said)
    if contract is None:
        return
    if is_continuous(contract):
        session.refuse(NO_DEFINITION, "A continuous future has bars only: ask for its front contract", key)
    elif quotes.is_full():
        session.refuse(TOO_MANY_LINES, "Max number of tickers has been reached", key)
    elif said["snapshot"] or said["regulatory"]:
        quotes.snapshot(key, contract)
    else:
        quotes.open(key, contract, said["genericTicks"])


def cancel_market_data(session: "Session", said: Values) -> None:
    if said["reqId"] in session.streams.quotes.lines:
        session.streams.quotes.close(said["reqId"])
    else:
        session.refuse(NO_TICKER, f"Can't find EId with tickerId:{said['reqId']}", said["reqId"])


def data_type(session: "Session", said: Values) -> None:
    session.streams.quotes.type = said["type"] if said["type"] in (1, 2, 3, 4) else 1


def history(session: "Session", said: Values) -> None:
    """Bars up to a moment and, if wanted, their growth from then on."""
    key, bars = said["reqId"], session.streams.quotes.bars
    contract = _contract(session, said)
    if contract is None:
        return
    try:
        size, reach, show = _asked(said)
        end = moment(said["end"])
    except ValueError as error:
        session.refuse(HISTORY, f"{SERVICE}{error}", key)
        return
    refused = _history_refusal(session, said, contract, size)
    if refused is not None:
        session.refuse(refused.code, refused.text, key)
        return
    use_rth, now = said["useRth"], session.house.now()
    end = min(end or now, now)
    begin = _begin(end, reach, size)
    found = session.house.market.bars(contract.con_id, show, size, begin, end, use_rth=use_rth)
    if not found:
        session.refuse(HISTORY, f"{SERVICE}HMDS query returned no data", key)
        return
    rows = [values(bar, dated(bar, size, said["dateFormat"])) for bar in found]
    between = {"start": replies.stamp(begin), "end": replies.stamp(end)}
    session.say("historicalData", {"reqId": key, **between, "bars": rows})
    if said["keepUpToDate"]:
        bars.growing[key] = Growing(
            contract=contract, size=size, show=show, use_rth=use_rth, date_format=said["dateFormat"], told=found[-1]
        )


def _asked(said: Values) -> tuple[timedelta, timedelta, str]:
    """Bar size, reach and kind of prices.

    Raises:
        ValueError: one of them is not known.
    """
    size = SIZES.get(said["barSize"].strip())
    if size is None:
        raise ValueError(f"Invalid bar size {said['barSize']!r}: one of {', '.join(SIZES)}")
    if said["show"] not in SHOWS:
        raise ValueError(f"Invalid data type {said['show']!r}: one of {', '.join(SHOWS)}")
    return size, span(said["duration"]), said["show"]


def _begin(end: datetime, reach: timedelta, size: timedelta) -> datetime:
    """Days are counted from midnight, so that `1 D` is the day in progress."""
    if reach < DAY:
        return end - reach
    return replies.midnight(end) - (reach - DAY if size < DAY else reach)


def _history_refusal(session: "Session", said: Values, contract: Contract, size: timedelta) -> NotTaken | None:
    bars = session.streams.quotes.bars
    if is_continuous(contract) and said["end"]:
        return NotTaken(code=CONTINUOUS_END, text="Setting end date/time for continuous future is not allowed")
    if len(bars.growing) >= OPEN_MAX:
        return NotTaken(code=HISTORY, text=f"{SERVICE}the maximum of requests is open")
    moment_now = asyncio.get_running_loop().time()
    asked = (contract.con_id, said["end"], said["duration"], said["barSize"], said["show"], said["useRth"])
    if size <= SMALL and not bars.pace.admits(moment_now, asked):
        return NotTaken(code=HISTORY, text=f"{SERVICE}pacing violation")
    return None


def cancel_history(session: "Session", said: Values) -> None:
    if session.streams.quotes.bars.growing.pop(said["reqId"], None) is None:
        session.refuse(NO_QUERY, f"No historical data query found for ticker id:{said['reqId']}", said["reqId"])


def head(session: "Session", said: Values) -> None:
    contract = _contract(session, said)
    if contract is None:
        return
    first = session.house.market.head(contract.con_id)
    if first is None:
        session.refuse(HISTORY, f"{SERVICE}No head time stamp", said["reqId"])
        return
    text = str(replies.epoch(first)) if said["dateFormat"] == 2 else f"{first:%Y%m%d-%H:%M:%S}"
    session.say("headTimestamp", {"reqId": said["reqId"], "time": text})


def real_time(session: "Session", said: Values) -> None:
    contract = _contract(session, said)
    if contract is None:
        return
    if said["show"] not in SHOWS:
        session.refuse(BAD_VALUE, f"Error validating request. Invalid data type {said['show']!r}", said["reqId"])
        return
    session.streams.quotes.bars.watch(said["reqId"], contract, said["show"], use_rth=said["useRth"])


def cancel_real_time(session: "Session", said: Values) -> None:
    session.streams.quotes.bars.fives.pop(said["reqId"], None)


def tick_by_tick(session: "Session", said: Values) -> None:
    """Ticks one by one from now on; those of the past are not kept."""
    trades, key = session.streams.quotes.trades, said["reqId"]
    contract = _contract(session, said)
    if contract is None:
        return
    if said["tickType"] not in KINDS:
        session.refuse(BAD_VALUE, f"Error validating request. Invalid tick-by-tick type {said['tickType']!r}", key)
    elif trades.is_full():
        session.refuse(TOO_MANY_FEEDS, "Max number of tick-by-tick requests has been reached", key)
    else:
        trades.open(key, contract, KINDS[said["tickType"]])


def cancel_tick_by_tick(session: "Session", said: Values) -> None:
    session.streams.quotes.trades.feeds.pop(said["reqId"], None)


def not_kept(session: "Session", said: Values) -> None:
    session.refuse(HISTORY, f"{SERVICE}the paper gateway keeps bars, not single trades", said["reqId"])


HANDLERS: dict[str, Callable[["Session", Values], None]] = {
    "reqContractDetails": details,
    "reqMatchingSymbols": search,
    "reqMarketRule": rule,
    "reqSecDefOptParams": chain,
    "reqMktData": market_data,
    "cancelMktData": cancel_market_data,
    "reqMarketDataType": data_type,
    "reqHistoricalData": history,
    "cancelHistoricalData": cancel_history,
    "reqHeadTimestamp": head,
    "cancelHeadTimestamp": nothing,
    "reqRealTimeBars": real_time,
    "cancelRealTimeBars": cancel_real_time,
    "reqHistoricalTicks": not_kept,
    "reqTickByTickData": tick_by_tick,
    "cancelTickByTickData": cancel_tick_by_tick,
}
