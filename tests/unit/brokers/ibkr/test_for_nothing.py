"""Executions without a price: an option that is assigned or expires is no fill, and a person is told of it."""

from dataclasses import replace
from decimal import Decimal

from tests.unit.brokers.ibkr.test_table import ASSET, TRADE, told

from prudent.brokers.ibkr.table import Table

D = Decimal
CALL = replace(ASSET, con_id=7, sec_type="OPT", local_symbol="AAPL  240315C00100000")


def test_an_option_that_goes_for_nothing_is_no_fill_and_is_named() -> None:
    table = Table()
    assigned = replace(TRADE, ref="", perm_id=901, order_id=0, asset=CALL, price=D(0), exec_id="0001.65a1.02.01")
    row = table.trade(assigned)
    table.trade(replace(TRADE, ref="", perm_id=902, order_id=0, exec_id="0001.65a1.03.01"))
    assert told(table, row).fills == ()
    assert table.gone_for_nothing == ("AAPL240315C00100000",)
