"""An order as a client says it: what it means, and what the gateway says it cannot do."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from ib_async.contract import Contract as Described
from ib_async.contract import TagValue
from ib_async.order import Order, PriceCondition
from tests.wire_words import Quill

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract, Kind, SecType, Ticket, Tif
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import decode
from prudent.gateway.tickets import NotTaken, moment, ticket

SHARE = Contract(con_id=265598, sec_type=SecType.STOCK, symbol="AAPL")


def _asked(**fields: Any) -> Ticket | NotTaken:
    """What the gateway makes of an order of the client library."""
    order = Order(**{"action": "BUY", "totalQuantity": 10, "orderType": "MKT", "tif": "DAY", **fields})
    sent = Quill(178).fields("placeOrder", 31, Described(conId=265598, secType="STK", exchange="SMART"), order)
    return ticket(decode(REQUESTS[3], sent, 178), 7, SHARE, "DU1")


def _taken(**fields: Any) -> Ticket:
    made = _asked(**fields)
    assert isinstance(made, Ticket)
    return made


def test_a_market_order_names_no_price() -> None:
    made = _taken(orderRef="R", orderType="MKT")
    assert (made.client_id, made.order_id, made.account, made.order_ref) == (7, 31, "DU1", "R")
    assert (made.action, made.quantity, made.kind, made.tif) == (Side.BUY, Decimal(10), Kind.MARKET, Tif.DAY)
    assert [made.limit, made.stop, made.trail_stop, made.good_till] == [None] * 4
    assert made.transmit


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"orderType": "LMT", "lmtPrice": 5.25}, {"limit": Decimal("5.25")}),
        ({"orderType": "STP", "auxPrice": 4.5}, {"stop": Decimal("4.5"), "limit": None}),
        ({"orderType": "STP LMT", "auxPrice": 4, "lmtPrice": 4.1}, {"stop": 4, "limit": Decimal("4.1")}),
        ({"orderType": "TRAIL", "auxPrice": 0.5}, {"stop": Decimal("0.5"), "trail_percent": None}),
        (
            {"orderType": "TRAIL", "trailingPercent": 2, "trailStopPrice": 9},
            {"trail_percent": 2, "trail_stop": 9, "stop": None},
        ),
        (
            {"orderType": "TRAIL LIMIT", "auxPrice": 1, "lmtPriceOffset": 0.1},
            {"limit_offset": Decimal("0.1"), "limit": None},
        ),
        ({"orderType": "LOC", "lmtPrice": 5}, {"kind": Kind.LIMIT_ON_CLOSE, "limit": 5}),
        ({"tif": ""}, {"tif": Tif.DAY}),
        (
            {"tif": "GTD", "goodTillDate": "20261120-15:30:00"},
            {"good_till": datetime(2026, 11, 20, 15, 30, tzinfo=UTC)},
        ),
        ({"algoStrategy": "Adaptive", "algoParams": [TagValue("adaptivePriority", "Urgent")]}, {"adaptive": "Urgent"}),
        ({"algoStrategy": "Adaptive"}, {"adaptive": "Normal"}),
        ({"account": "DU9"}, {"account": "DU9"}),
        (
            {"transmit": False, "parentId": 30, "ocaGroup": "G", "ocaType": 1},
            {"transmit": False, "parent_id": 30, "oca_group": "G", "oca_type": 1},
        ),
    ],
)  # fmt: skip
def test_an_order_means_what_it_says(fields: dict[str, Any], meant: dict[str, Any]) -> None:
    made = _taken(**fields)
    assert {name: getattr(made, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"action": "HOLD"}, 116, "HOLD"), ({"orderType": "VWAP"}, 387, "VWAP"), ({"tif": "NEVER"}, 10052, "NEVER"),
        ({"goodTillDate": "tomorrow"}, 201, "tomorrow"), ({"algoStrategy": "Twap"}, 201, "Twap"),
        ({"conditions": [PriceCondition(price=5, conId=1, exch="SMART")]}, 201, "conditions"),
        ({"allOrNone": True}, 201, "allOrNone"), ({"cashQty": 500.0}, 201, "cashQty"),
        ({"goodAfterTime": "20261120-15:30:00"}, 201, "goodAfterTime"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_not_dropped(fields: dict[str, Any], code: int, word: str) -> None:
    made = _asked(**fields)
    assert isinstance(made, NotTaken)
    assert made.code == code
    assert word in made.text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("20261120-15:30:00", datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
        # New York is five hours behind in November, Chicago six.
        ("20261120 10:30:00", datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
        ("20261120 09:30:00 US/Central", datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
        ("20261120", datetime(2026, 11, 20, 5, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_every_spelling(text: str, meant: datetime | None) -> None:
    assert moment(text) == meant


@pytest.mark.parametrize("text", ["soon", "20261301", "20261120 10:30:00 Mars/Base", "20261120 10:30", "1-2-3"])
def test_other_moments_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time data|unknown zone|unconverted"):
        moment(text)
