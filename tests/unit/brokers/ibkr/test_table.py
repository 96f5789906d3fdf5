"""Our book of orders: any order of messages, doubled and corrected ones, ids given out twice, and errors that lie."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest
from tests.contract.broker_fakes import intent

from prudent.brokers.ibkr.table import Row, Table
from prudent.brokers.ibkr.words import Asset, ShownCost, ShownError, ShownOrder, ShownStatus, ShownTrade
from prudent.domain.orders import OrderReport, OrderStatus, Side
from prudent.domain.quotes import Quality

D, S = Decimal, OrderStatus
AT = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)
ASSET = Asset(con_id=265598, sec_type="STK", symbol="AAPL", exchange="SMART")
REF = "A" * 24
OPENED = ShownOrder(
    ref=REF, perm_id=900, account="DU1", asset=ASSET, side=Side.BUY, quantity=D(10), status="Submitted", client_id=11,
    order_id=5,
)  # fmt: skip
STATUS = ShownStatus(order_id=5, client_id=11, perm_id=900, status="Submitted", filled=D(0))
TRADE = ShownTrade(
    exec_id="0001.65a1.01.01", ref=REF, perm_id=900, account="DU1", asset=ASSET, side=Side.BUY, quantity=D(10),
    price=D("100.1"), time=AT, client_id=11, order_id=5,
)  # fmt: skip
COST = ShownCost(exec_id=TRADE.exec_id, amount=D("1.0"), currency="USD")


def placed(ref: str = REF, order_id: int = 5) -> tuple[Table, Row]:
    table = Table()
    return table, table.place(intent(ref), "DU1", client_id=11, order_id=order_id)


def told(table: Table, row: Row) -> OrderReport:
    return table.report(row, "acc", Quality.REAL)


def test_an_order_that_nobody_has_heard_of_is_unknown() -> None:
    table, row = placed()
    assert told(table, row).status is S.UNKNOWN
    assert not row.seen


def test_whatever_the_order_of_messages_the_end_is_the_same() -> None:
    filled = replace(STATUS, status="Filled", filled=D(10))
    ends = set()
    for order in permutations([OPENED, filled, TRADE, COST]):
        table, row = placed()
        for shown in order:
            match shown:
                case ShownOrder():
                    table.order(shown)
                case ShownStatus():
                    table.status(shown)
                case ShownTrade():
                    table.trade(shown)
                case ShownCost():
                    table.cost(shown)
        report = told(table, row)
        ends.add((report.status, report.filled, report.venue_id, *((f.quantity, f.commission) for f in report.fills)))
        assert len([*table]) == 1
    assert ends == {(S.FILLED, D(10), "900", (D(10), D("1.0")))}


def test_a_fill_without_any_status_ends_the_order_by_its_quantity() -> None:
    table, row = placed()
    table.order(replace(OPENED, status="PreSubmitted"))
    table.trade(replace(TRADE, quantity=D(4), exec_id="a.01"))
    assert told(table, row).status is S.PARTIAL
    table.trade(replace(TRADE, quantity=D(6), exec_id="b.01"))
    assert (told(table, row).status, told(table, row).filled) == (S.FILLED, D(10))


def test_a_doubled_execution_counts_once_and_a_correction_replaces_it() -> None:
    table, row = placed()
    table.trade(TRADE)
    table.trade(TRADE)
    table.trade(replace(TRADE, exec_id="0001.65a1.01.02", price=D("99.9")))
    table.trade(TRADE)
    (fill,) = told(table, row).fills
    assert (fill.exec_id, fill.version, fill.price, fill.busted) == ("0001.65a1.01", 2, D("99.9"), False)


def test_an_execution_of_nothing_takes_the_one_before_back() -> None:
    table, row = placed()
    table.trade(TRADE)
    table.trade(replace(TRADE, exec_id="0001.65a1.01.02", quantity=D(0)))
    (fill,) = told(table, row).fills
    assert (fill.busted, row.traded) == (True, D(0))


def test_a_commission_is_booked_when_it_comes_and_is_nothing_before() -> None:
    table, row = placed()
    table.trade(TRADE)
    assert told(table, row).fills[0].commission == 0
    assert not table.costs_known(row)
    table.cost(COST)
    assert told(table, row).fills[0].commission == D("1.0")
    assert table.costs_known(row)


def test_a_status_that_says_more_than_the_executions_shows_it() -> None:
    table, row = placed()
    table.status(replace(STATUS, status="Filled", filled=D(10)))
    report = told(table, row)
    assert (report.status, report.filled, report.fills) == (S.FILLED, D(10), ())


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ("PendingSubmit", S.HELD), ("ApiPending", S.HELD), ("Inactive", S.HELD), ("PreSubmitted", S.ACKED),
        ("Submitted", S.ACKED), ("PendingCancel", S.PEND_CANCEL), ("Cancelled", S.CANCELLED),
        ("ApiCancelled", S.CANCELLED), ("Filled", S.FILLED),
    ],
)  # fmt: skip
def test_each_word_of_the_gateway_has_one_of_ours(raw: str, state: OrderStatus) -> None:
    table, row = placed()
    table.order(replace(OPENED, status=raw))
    assert told(table, row).status is state


@pytest.mark.parametrize("code", [10349, 10148, 399, 404, 2109, 110, 201, 321, 202])
def test_no_error_ends_an_order_that_lives(code: int) -> None:
    table, row = placed()
    table.order(OPENED)
    table.error(ShownError(number=5, code=code, text="so it says"), 11)
    assert told(table, row).status is S.ACKED
    since = table.count
    table.order(OPENED)
    table.settled("DU1", since)
    assert told(table, row).status is S.ACKED
    assert not row.suspected


@pytest.mark.parametrize("shown", ["Inactive", ""])
def test_a_refused_order_is_rejected_once_asking_for_it_has_not_shown_it_alive(shown: str) -> None:
    table, row = placed()
    if shown:
        table.order(replace(OPENED, status=shown))
    table.error(ShownError(number=5, code=201, text="Order rejected: margin"), 11)
    assert told(table, row).status is (S.HELD if shown else S.UNKNOWN)
    table.settled("DU1", table.count)
    report = told(table, row)
    assert (report.status, report.message) == (S.REJECTED, "201: Order rejected: margin")


def test_an_order_that_was_refused_and_shows_itself_alive_is_alive() -> None:
    table, row = placed()
    table.error(ShownError(number=5, code=110, text="price"), 11)
    since = table.count
    table.order(OPENED)
    table.settled("DU1", since)
    assert told(table, row).status is S.ACKED


def test_an_error_that_names_another_connections_order_changes_nothing() -> None:
    table, row = placed()
    assert table.error(ShownError(number=5, code=201, text="no"), 12) is None
    assert not row.suspected


def test_an_order_that_a_complete_round_does_not_show_is_lost_until_it_is_shown() -> None:
    table, row = placed()
    table.order(OPENED)
    table.settled("DU1", table.count)
    assert (row.lost, row.is_there, told(table, row).status) == (True, False, S.UNKNOWN)
    table.order(OPENED)
    assert (row.lost, told(table, row).status) == (False, S.ACKED)


def test_an_order_that_left_while_a_round_was_asked_is_not_lost_by_it() -> None:
    table = Table()
    since = table.count
    row = table.place(intent(REF), "DU1", client_id=11, order_id=5)
    table.settled("DU1", since)
    assert not row.lost


def test_a_round_of_one_account_says_nothing_of_another() -> None:
    table, row = placed()
    table.settled("DU2", table.count)
    assert not row.lost


def test_a_completed_order_without_any_id_of_ours_is_found_by_its_ref() -> None:
    table, row = placed()
    table.renew()
    table.order(
        replace(OPENED, client_id=-1, order_id=0, completed=True, status="Filled", filled=D(10))
    )
    assert (told(table, row).status, row.perm_id) == (S.FILLED, 900)


def test_an_order_id_that_is_given_out_again_does_not_mix_two_orders_up() -> None:
    table, first = placed()
    table.order(OPENED)
    table.renew()
    second = table.place(intent("B" * 24), "DU1", client_id=11, order_id=5)
    table.status(replace(STATUS, perm_id=900, status="Filled", filled=D(10)))
    assert (told(table, first).status, told(table, second).status) == (S.FILLED, S.UNKNOWN)
    table.order(replace(OPENED, ref="B" * 24, perm_id=901))
    assert (told(table, second).status, second.perm_id) == (S.ACKED, 901)


def test_a_status_under_our_order_id_that_names_another_lasting_id_is_not_ours() -> None:
    table, row = placed()
    table.order(OPENED)
    assert table.status(replace(STATUS, perm_id=1234, status="Filled", filled=D(10))) is None
    assert told(table, row).status is S.ACKED


def test_an_execution_under_our_order_id_that_another_client_placed_is_not_ours() -> None:
    table, row = placed()
    table.order(OPENED)
    table.trade(replace(TRADE, exec_id="0002.65a1.01.01", ref="TWS:5", perm_id=1234, client_id=0))
    assert (told(table, row).status, told(table, row).filled) == (S.ACKED, D(0))
    assert [each.ref for each in table] == [REF, "TWS:5"]


def test_orders_of_others_are_told_apart_by_their_lasting_id() -> None:
    table = Table()
    rows = [table.order(replace(OPENED, ref=ref, perm_id=perm, order_id=0)) for ref, perm in
            [("", 1), ("", 2), ("mine", 3), ("mine", 4)]]  # fmt: skip
    assert [row.ref for row in rows] == ["perm-1", "perm-2", "mine", "mine~4"]


def test_one_ref_of_ours_under_two_lasting_ids_is_told_twice() -> None:
    table, row = placed()
    table.order(OPENED)
    other = table.order(replace(OPENED, perm_id=901, order_id=0))
    assert (row.ref, other.ref) == (REF, REF)
    assert {told(table, each).venue_id for each in (row, other)} == {"900", "901"}


def test_a_combination_is_filled_by_its_own_rows_and_books_those_of_its_legs() -> None:
    table = Table()
    bag = replace(ASSET, con_id=0, sec_type="BAG")
    row = table.order(replace(OPENED, asset=bag, quantity=D(2)))
    table.trade(replace(TRADE, exec_id="a.01", asset=bag, quantity=D(2)))
    leg = replace(ASSET, con_id=7, sec_type="OPT", local_symbol="AAPL  241220C00100000")
    table.trade(replace(TRADE, exec_id="b.01", asset=leg, quantity=D(2)))
    report = told(table, row)
    assert (report.status, report.filled) == (S.FILLED, D(2))
    assert [fill.symbol for fill in report.fills] == ["AAPL241220C00100000"]
