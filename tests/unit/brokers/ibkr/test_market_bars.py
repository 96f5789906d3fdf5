"""Historical bars within the venue's limits, and read as they are told."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.contract.broker_fakes import HandClock
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, Fields, Talk, listening

from prudent.brokers.ibkr import bars
from prudent.brokers.ibkr.bars import BarPace, BarRow, BarsWanted, History, duration_of, size_of
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address
from prudent.brokers.ibkr.words import Asset, Listed
from prudent.domain.errors import InputError, Temporary

AAPL = Listed(asset=Asset(con_id=265598, sec_type="STK", symbol="AAPL", exchange="SMART"))
ASKED, ERROR, HISTORY = 20, 4, 17


def wanted(con_id: int = 265598, size: str = "1 day", duration: str = "1 Y") -> BarsWanted:
    return BarsWanted(con_id=con_id, exchange="SMART", show="TRADES", size=size, duration=duration)


# The limits, on times that a test gives


def test_sixty_small_bars_in_ten_minutes_and_the_next_waits_for_the_first_to_be_old() -> None:
    pace = BarPace()
    for n in range(60):
        small = wanted(con_id=n, size="1 min")
        assert pace.wait(small, float(n)) == 0.0
        pace.left(small, float(n))
    assert pace.wait(wanted(con_id=99, size="1 min"), 60.0) == 540.0
    assert pace.wait(wanted(con_id=99, size="1 min"), 600.0) == 0.0
    # Long bars are not counted among them.
    assert pace.wait(wanted(con_id=99), 60.0) == 0.0


def test_a_contract_is_asked_for_at_most_five_times_in_two_seconds() -> None:
    pace = BarPace()
    for n in range(5):
        pace.left(wanted(duration=f"{n + 1} D"), n * 0.1)
    assert pace.wait(wanted(), 0.5) == pytest.approx(1.5)
    assert pace.wait(wanted(con_id=1), 0.5) == 0.0
    assert pace.wait(wanted(), 2.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(10.0, "60 S"), (5_400.0, "5400 S"), (86_401.0, "2 D"), (366 * 86_400.0, "2 Y")]
)
def test_a_reach_is_said_in_the_venues_units(seconds: float, text: str) -> None:
    assert duration_of(seconds) == text


def test_lengths_that_the_venue_has_not_are_refused() -> None:
    assert size_of(30) == "30 mins"
    with pytest.raises(InputError, match="minutes must be one of 1, 2, 3"):
        size_of(7)


# Over a socket


@contextmanager
def history_of(on: Callable[[Talk, Fields], None]) -> Iterator[tuple[FakeGateway, IbkrSession, History]]:
    gateway = FakeGateway(on={ASKED: on})
    with listening(gateway) as here:
        login = Login(address=Address(host="127.0.0.1", port=here.port), client_id=11, accounts={"acc": "DU1"})
        session = IbkrSession(login, HandClock())
        try:
            yield here, session, History(session)
        finally:
            session.close()


def rows(session: IbkrSession, history: History, asked: BarsWanted) -> tuple[BarRow, ...]:
    async def work() -> tuple[BarRow, ...]:
        await session.ready()
        await session.market.ready(5.0)
        return await history.rows(asked, AAPL)

    return session.call(work)


def told(talk: Talk, fields: Fields) -> None:
    bar = ("20221228", 1.5, 2.0, 1.0, 1.75, 1000, 1.6, 10)
    unknown = ("20221229", 0, 0, 0, 0, -1, 0, 0)
    older = ("20221227", 1.25, 2.0, 1.0, 1.5, 900, 1.6, 10)
    talk.say(HISTORY, fields[1], "a", "b", 3, *bar, *unknown, *older)


def test_bars_are_read_in_order_and_those_without_a_price_left_out() -> None:
    with history_of(told) as (_, session, history):
        found = rows(session, history, wanted())
    # Days since 1970: 2022-12-27 is 19353.
    assert [(row.key, row.close, row.volume) for row in found] == [(19353, 1.5, 900.0), (19354, 1.75, 1000.0)]


def test_the_same_question_within_a_quarter_of_a_minute_is_answered_without_asking() -> None:
    with history_of(told) as (gateway, session, history):
        first = rows(session, history, wanted())
        assert rows(session, history, wanted()) == first
        assert gateway.count(ASKED) == 1
        rows(session, history, wanted(duration="2 Y"))
        assert gateway.count(ASKED) == 2


def test_no_data_is_empty_and_any_other_refusal_is_a_failure() -> None:
    texts = iter(("HMDS query returned no data: AAPL@SMART Trades", "pacing violation"))

    def refuse(talk: Talk, fields: Fields) -> None:
        talk.say(ERROR, 2, fields[1], 162, f"Historical Market Data Service error message:{next(texts)}", "")

    with history_of(refuse) as (_, session, history):
        assert rows(session, history, wanted()) == ()
        with pytest.raises(Temporary, match="pacing violation"):
            rows(session, history, wanted(con_id=1))


def test_a_gateway_that_is_silent_is_given_up_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars.History, "ANSWER_SECONDS", 0.1)
    with history_of(lambda talk, fields: None) as (gateway, session, history):
        with pytest.raises(Temporary, match="bars within"):
            rows(session, history, wanted())
        session.call(lambda: cancelled(gateway))
        assert gateway.count(25) == 1


async def cancelled(gateway: FakeGateway) -> None:
    async with asyncio.timeout(20):
        while not gateway.count(25):
            await asyncio.sleep(0.005)
