"""What the client of Ghostfolio promises, on each recorded version: nothing twice, nothing lost, nothing believed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from tests.contracts.ghostfolio.recorded import VERSIONS
from tests.contracts.ghostfolio.standin import TOKEN, StandIn

from prudent.brokers.ghostfolio import (
    Activity,
    Ghostfolio,
    Mark,
    NotSure,
    Refused,
    Wanted,
    Wire,
    account_mark,
    account_uuid,
)
from prudent.brokers.ghostfolio.mapping import yahoo_asset
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError, Permanent, Temporary
from prudent.domain.orders import Side

NO_PAUSE = threading.Event()
NO_PAUSE.set()
CORE = Wanted(
    id=account_uuid("local", "core"), name="Core", currency="USD", mark=account_mark("local", "core"),
    cash=Decimal(10_000),
)  # fmt: skip


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(request.param) as found:
        yield found


def client(server: StandIn, *, token: str = TOKEN, symbols: str = "yahoo", seconds: float = 5.0) -> Ghostfolio:
    wire = Wire(server.url, token, clock=SystemClock(), seconds=seconds, pause=NO_PAUSE)
    return Ghostfolio(wire, symbols=symbols)


def bought(exec_id: str = "e1", *, symbol: str = "AAPL", side: Side = Side.BUY, version: int = 1) -> Activity:
    return Activity(
        mark=Mark(account="core", order_ref="A" * 24, exec_id=exec_id, version=version), side=side,
        asset=yahoo_asset(symbol), quantity=Decimal("12.5"), price=Decimal("150.10"), fee=Decimal("1.05"),
        time=datetime(2022, 11, 28, 15, 0, tzinfo=UTC), currency="USD",
    )  # fmt: skip


# The server


def test_a_look_tells_who_and_what_is_there(server: StandIn) -> None:
    found = client(server).look()
    assert (found.version, found.user, found.base_currency) == (server.version, server.books.user, "USD")
    assert found.path == server.path
    assert (found.missing, found.market_data) == ((), True)


def test_a_server_in_read_only_mode_lacks_rights_and_refuses(server: StandIn) -> None:
    server.faults.read_only = True
    found = client(server)
    assert found.look().missing == ("createAccount", "createAccountBalance", "createActivity", "deleteActivity")
    with pytest.raises(Refused, match="403"):
        found.find_or_make(CORE)


def test_a_wrong_token_is_called_wrong_while_the_server_is_well(server: StandIn) -> None:
    with pytest.raises(ConfigError, match="does not take the token"):
        client(server, token="f" * 128).accounts()


def test_401_of_a_server_whose_database_is_down_is_no_wrong_token(server: StandIn) -> None:
    found = client(server)
    found.accounts()
    server.faults.database_down = True
    for act in (found.accounts, found.look, lambda: found.set_cash(CORE.id, Decimal(1), day=date(2026, 1, 1))):
        with pytest.raises(Temporary, match="not well"):
            act()
    server.faults.database_down = False
    assert found.accounts() == ()


def test_an_expired_login_is_renewed_once(server: StandIn) -> None:
    found = client(server)
    found.accounts()
    server.expire_logins()
    found.find_or_make(CORE)
    assert server.logins == 2


def test_too_many_logins_are_waited_out_by_the_next_pass(server: StandIn) -> None:
    server.faults.throttled = True
    with pytest.raises(Temporary, match="in 60 seconds"):
        client(server).accounts()
    assert server.logins == 1


def test_a_server_that_hangs_is_given_up(server: StandIn) -> None:
    server.faults.redis_down = True
    found = client(server, seconds=0.2)
    with pytest.raises(Temporary, match="gave no answer"):
        found.accounts()


def test_an_older_server_is_refused_before_anything_is_written() -> None:
    with StandIn("2.247.0", said="2.239.0") as server:
        found = client(server)
        with pytest.raises(Permanent, match=r"2\.240 or newer, was 2\.239\.0"):
            found.look()
        found = client(server)
        for act in (
            lambda: found.find_or_make(CORE), lambda: found.set_cash(CORE.id, Decimal(1), day=date(2026, 1, 1)),
            lambda: found.book(CORE.id, bought()), lambda: found.remove("x"),
        ):  # fmt: skip
            with pytest.raises(Permanent, match="or newer"):
                act()
        assert server.writes() == []


def test_a_server_that_does_not_tell_its_version_is_written_to(server: StandIn) -> None:
    server.faults.export_broken = True
    found = client(server)
    assert found.look().version == ""
    assert found.find_or_make(CORE).id == CORE.id


# Accounts and cash


def test_an_account_is_made_once_with_its_money(server: StandIn) -> None:
    found = client(server)
    made = found.find_or_make(CORE)
    assert (made.id, made.comment, made.balance) == (CORE.id, CORE.mark, Decimal(10_000))
    assert found.find_or_make(CORE) == made
    assert len(server.books.accounts) == 1


def test_an_account_whose_making_was_not_answered_is_made_once(server: StandIn) -> None:
    server.faults.cut = 1
    assert client(server).find_or_make(CORE).id == CORE.id
    assert len(server.writes()) == 1


def test_an_account_answered_with_nothing_is_not_believed(server: StandIn) -> None:
    server.faults.empty_undone = 1
    with pytest.raises(NotSure, match="does not show it"):
        client(server).find_or_make(CORE)
    assert client(server).find_or_make(CORE).id == CORE.id


def test_an_account_is_known_by_its_mark_where_its_id_is_another(server: StandIn) -> None:
    found = client(server)
    first = found.find_or_make(replace(CORE, id="a1b2c3d4-0000-4000-8000-000000000001"))
    assert found.find_or_make(CORE).id == first.id


def test_an_id_that_a_person_gave_must_be_there(server: StandIn) -> None:
    with pytest.raises(Permanent, match=r"ghostfolio\.accounts must name an account that is there"):
        client(server).find_or_make(replace(CORE, given=True))
    assert server.writes() == []


def test_an_account_in_another_currency_is_refused(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(replace(CORE, currency="EUR"))
    with pytest.raises(Permanent, match="must be in USD, was in EUR"):
        found.find_or_make(CORE)


def test_an_unknown_account_is_none(server: StandIn) -> None:
    assert client(server).account(CORE.id) is None


def test_cash_is_set_and_not_moved(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    for _ in range(2):
        found.set_cash(CORE.id, Decimal("8122.70"), day=date(2026, 11, 21))
    there = found.account(CORE.id)
    assert there is not None
    assert there.balance == Decimal("8122.70")


# Activities


def test_a_trade_is_booked_as_it_was(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    booked = found.book(CORE.id, bought(symbol="BRK.B"))
    (there,) = found.activities(CORE.id)
    assert there.id == booked
    assert there.mark == bought().mark
    assert (there.type, there.symbol, there.quantity, there.price, there.fee) == (
        "BUY", "BRK-B", Decimal("12.5"), Decimal("150.1"), Decimal("1.05")
    )  # fmt: skip
    assert bought(symbol="BRK.B").differs_from(there) == ""
    assert there.date == "2022-11-28T15:00:00.000Z"
    account = found.account(CORE.id)
    assert account is not None
    assert account.balance == Decimal(10_000)


@pytest.mark.parametrize("fault", ["cut", "hang", "empty", "broken"])
def test_a_trade_that_was_taken_and_not_answered_is_booked_once(server: StandIn, fault: str) -> None:
    found = client(server, seconds=2.0 if fault == "hang" else 10.0)
    found.find_or_make(CORE)
    setattr(server.faults, fault, 1)
    booked = found.book(CORE.id, bought())
    assert [each["id"] for each in server.books.activities] == [booked]


@pytest.mark.parametrize("fault", ["empty_undone", "broken_undone"])
def test_a_trade_that_was_not_taken_stays_in_doubt(server: StandIn, fault: str) -> None:
    found = client(server)
    found.find_or_make(CORE)
    setattr(server.faults, fault, 1)
    with pytest.raises(NotSure):
        found.book(CORE.id, bought())
    assert found.search(CORE.id, bought().mark) is None
    found.book(CORE.id, bought())
    assert len(server.books.activities) == 1


def test_twins_that_trade_alike_are_both_shown(server: StandIn) -> None:
    found = client(server)
    twin = replace(CORE, id=account_uuid("local", "twin"), mark=account_mark("local", "twin"))
    for each in (CORE, twin):
        found.find_or_make(each)
    found.book(CORE.id, bought())
    found.book(twin.id, replace(bought(), mark=replace(bought().mark, account="twin")))
    assert len(found.activities(CORE.id)) == len(found.activities(twin.id)) == 1


def test_a_symbol_that_nobody_knows_is_refused(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    assert found.knows("AAPL")
    assert not found.knows("ZZZZQ")
    with pytest.raises(Refused, match="ZZZZQ"):
        found.book(CORE.id, bought(symbol="ZZZZQ"))


def test_a_symbol_is_not_called_wrong_by_a_server_without_prices(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    server.faults.provider_down = True
    with pytest.raises(Temporary, match="does not reach its market data"):
        found.book(CORE.id, bought())
    assert not found.look().market_data


def test_an_asset_of_our_own_can_be_bought_and_sold(server: StandIn) -> None:
    found = client(server, symbols="manual")
    found.find_or_make(CORE)
    asset = found.asset("SPREAD-AAPL-BULL CALL-20261218")
    assert asset.symbol == f"GF_{server.books.user[:8].upper()}-SPREAD-AAPL-BULL-CALL-20261218"
    found.book(CORE.id, replace(bought("e1"), asset=asset))
    found.book(CORE.id, replace(bought("e2", side=Side.SELL), asset=asset))
    assert {each.symbol for each in found.activities(CORE.id)} == {asset.symbol}
    assert server.books.names == {asset.symbol: asset.name}


def test_an_import_that_leaves_a_duplicate_out_finds_it(server: StandIn) -> None:
    found = client(server, symbols="manual")
    found.find_or_make(CORE)
    activity = replace(bought(), asset=found.asset("AAPL"))
    first = found.book(CORE.id, activity)
    assert found.book(CORE.id, activity) == first
    assert len(server.books.activities) == 1


def test_what_is_gone_can_be_removed_again(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    booked = found.book(CORE.id, bought())
    found.remove(booked)
    found.remove(booked)
    assert server.books.activities == []


def test_a_removal_that_was_not_answered_is_looked_after(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    first, second = found.book(CORE.id, bought("e1")), found.book(CORE.id, bought("e2"))
    server.faults.cut = 1
    found.remove(first)
    server.faults.broken_undone = 1
    with pytest.raises(NotSure):
        found.remove(second)
    assert [each["id"] for each in server.books.activities] == [second]


def test_a_long_list_is_read_to_its_end(server: StandIn) -> None:
    found = client(server)
    other = replace(CORE, id=account_uuid("local", "other"), mark=account_mark("local", "other"))
    for each in (CORE, other):
        found.find_or_make(each)
    found.book(other.id, bought("other"))
    found.book(CORE.id, bought("e0"))
    (first,) = [each for each in server.books.activities if each["accountId"] == CORE.id]
    for number in range(1, 430):
        comment = str(bought(f"e{number}").mark)
        server.books.activities.append({**first, "id": f"id-{number}", "comment": comment})
    rows = found.activities(CORE.id)
    assert {each.mark.exec_id for each in rows if each.mark} == {f"e{number}" for number in range(430)}


def test_marks_are_told_from_the_words_of_others(server: StandIn) -> None:
    found = client(server)
    found.find_or_make(CORE)
    found.book(CORE.id, bought("0000e0d5.6383.01.01"))
    server.books.activities[0]["comment"] = f"  {server.books.activities[0]['comment']}\n"
    server.books.activities.append({**server.books.activities[0], "id": "by-hand", "comment": "prudent: my own"})
    ours, by_hand = found.activities(CORE.id)
    assert ours.mark == Mark(account="core", order_ref="A" * 24, exec_id="0000e0d5.6383.01.01", version=1)
    assert by_hand.mark is None
