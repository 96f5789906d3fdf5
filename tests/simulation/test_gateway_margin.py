"""Margin over the TWS wire: what lets an order leave is read from the cable; worlds find who takes silence for yes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from tests.contract.broker_fakes import intent

from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.domain.accounts import AccountClass
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import Temporary
from prudent.domain.mandate import Limits, Mandate
from prudent.domain.orders import Effect, OrderIntent
from prudent.domain.verdicts import Outcome
from prudent.gateway import wire as frames
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.rows import CEILING, encode
from prudent.guards import margins
from prudent.guards.columns import BOUND, UNCHECKED
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.ports import BrokerTraits, TellsMargin
from prudent.simulation.campaign import Tally, run_seeds
from prudent.simulation.faults import CALM
from prudent.simulation.shape import draw_shape, draw_short_shape
from prudent.simulation.timeline import ProcessClock
from prudent.simulation.truth import Violation
from prudent.simulation.tws.asked import FRESH, Asked, Question
from prudent.simulation.tws.faults import CATALOGUE
from prudent.simulation.tws.wire import AdapterWire, PersonWire
from prudent.simulation.wires import GATEWAY
from prudent.simulation.world import run_seed

D = Decimal
NOW = datetime(2022, 11, 28, 15, tzinfo=UTC)
LINE, NUMBER = "adapter of owner0>3", 7
SYMBOLS = {265598: "AAPL", 272093: "MSFT"}
# One share account of 100,000 after a purchase on half margin.
FIGURES: dict[str, Any] = {
    "initMarginChange": D(2_000), "initMarginAfter": D(40_000), "maintMarginAfter": D(20_000),
    "equityWithLoanAfter": D(100_000),
}  # fmt: skip
OPEN = Limits()
NOTHING: Mapping[str, Any] = {}
BUY = intent("R1")
SEEDS = range(104, 108)


class Cable:
    """The judge of one owner, with the bytes of both ways as the gateway's tables write them."""

    def __init__(self, account_class: AccountClass = AccountClass.MARGIN, limits: Limits = OPEN) -> None:
        mandate = Mandate(account="acc", account_class=account_class, limits=limits)
        self.judge = Asked(lambda con_id: SYMBOLS.get(con_id, ""), lambda account: mandate, {"acc": "DU1"})

    def asks(self, order: OrderIntent = BUY, number: int = NUMBER, at: datetime = NOW) -> list[Question]:
        asking = self.judge.begins([order], at)
        self.judge.leaves(asking, LINE, said_of(order, number))
        return asking

    def told(self, values: Mapping[str, Any] = NOTHING, line: str = LINE) -> None:
        self.judge.hears(line, told(**values))

    def leaves(self, order: OrderIntent = BUY, at: datetime = NOW) -> None:
        self.judge.may_leave(order, at)


def said_of(order: OrderIntent, number: int) -> dict[str, Any]:
    con_id = next(each for each, symbol in SYMBOLS.items() if symbol == order.symbol)
    return {
        "account": "DU1", "conId": con_id, "action": str(order.side), "totalQuantity": order.quantity,
        "orderId": number,
    }  # fmt: skip


def told(**values: Any) -> bytes:
    return frames.frame(encode(ANSWERS["openOrder"], {"orderId": NUMBER, "whatIf": True, **FIGURES, **values}, CEILING))


def error(code: int) -> bytes:
    return frames.frame(encode(ANSWERS["error"], {"reqId": NUMBER, "code": code, "message": "no"}, CEILING))


# The judge


def test_an_order_that_the_venue_has_answered_for_may_leave() -> None:
    cable = Cable()
    cable.asks()
    cable.told()
    cable.leaves()
    cable.leaves(replace(BUY, quantity=D(4)))


def test_what_needs_margin_must_have_been_asked_about_and_what_cash_pays_need_not() -> None:
    with pytest.raises(Violation, match="was not asked about it"):
        Cable().leaves()
    Cable(AccountClass.DIRECTED).leaves()
    Cable().leaves(intent("R2", Effect.CLOSE))


@pytest.mark.parametrize("account_class", AccountClass)
def test_silence_lets_go_what_cash_pays_and_nothing_else(account_class: AccountClass) -> None:
    cable = Cable(account_class)
    cable.asks()
    if account_class is not AccountClass.MARGIN:
        cable.leaves()
        return
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()


@pytest.mark.parametrize("name", ["initMarginAfter", "maintMarginAfter", "equityWithLoanAfter"])
@pytest.mark.parametrize("figure", [None, "NaN", "Infinity", "-Infinity", "N/A", "1.7976931348623157E308"])
def test_a_figure_that_is_no_finite_number_is_no_answer(name: str, figure: str | None) -> None:
    cable = Cable()
    cable.asks()
    cable.told({name: figure})
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()
    cable.told()
    cable.leaves()


@pytest.mark.parametrize(
    "piece", [told()[:-1], told()[: len(told()) // 2], told(orderId=NUMBER + 1), told(whatIf=False), b"", b"\0\0"]
)
def test_what_is_cut_off_or_is_of_another_order_is_no_answer(piece: bytes) -> None:
    cable = Cable()
    cable.asks()
    cable.judge.hears(LINE, piece)
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()


def test_the_same_number_on_another_connection_is_no_answer_and_several_in_a_piece_are_all_heard() -> None:
    cable = Cable()
    cable.asks()
    cable.told(line="adapter of owner0>2")
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()
    cable.judge.hears(LINE, error(399) + told(orderId=1) + told())
    cable.leaves()


def test_a_question_that_is_asked_again_makes_nothing_of_the_answer_before() -> None:
    cable = Cable()
    cable.asks()
    cable.told()
    # It is not even on the cable yet.
    asking = cable.judge.begins([BUY], NOW)
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()
    cable.judge.leaves(asking, LINE, said_of(BUY, NUMBER + 1))
    cable.told()
    with pytest.raises(Violation, match="had not answered"):
        cable.leaves()
    cable.told({"orderId": NUMBER + 1})
    cable.leaves()


def test_an_answer_is_for_so_much_and_so_long() -> None:
    cable = Cable()
    cable.asks()
    cable.told()
    cable.leaves(at=NOW + FRESH)
    with pytest.raises(Violation, match="left on an answer to"):
        cable.leaves(at=NOW + FRESH + timedelta(seconds=1))
    with pytest.raises(Violation, match="left on an answer to"):
        cable.leaves(replace(BUY, quantity=BUY.quantity + 1))


@pytest.mark.parametrize("account_class", AccountClass)
def test_what_the_venue_says_no_to_leaves_from_no_account(account_class: AccountClass) -> None:
    cable = Cable(account_class)
    cable.asks()
    cable.told()
    cable.judge.hears(LINE, error(399))
    cable.leaves()
    cable.judge.hears(LINE, error(201))
    with pytest.raises(Violation, match="said that it refuses it"):
        cable.leaves()


def test_the_figures_bind_with_some_room_for_other_prices() -> None:
    # Initial 40 % of equity: within 34 % times 1.2, not within 33 %. Excess 80 %: times 1.2 it is 96 %.
    for limits, holds in (
        (Limits(max_initial_margin=D("0.34")), True), (Limits(max_initial_margin=D("0.33")), False),
        (Limits(min_excess_liquidity=D("0.95")), True), (Limits(min_excess_liquidity=D("0.97")), False),
    ):  # fmt: skip
        cable = Cable(limits=limits)
        cable.asks()
        cable.told()
        if holds:
            cable.leaves()
            continue
        with pytest.raises(Violation, match="I18"):
            cable.leaves()


@pytest.mark.parametrize(
    "other", [replace(BUY, symbol="MSFT"), replace(BUY, quantity=D(11)), intent("R1", Effect.SHORT)]
)
def test_a_question_that_nobody_had_is_seen(other: OrderIntent) -> None:
    cable = Cable()
    asking = cable.judge.begins([BUY], NOW)
    with pytest.raises(Violation, match="nobody wanted to know"):
        cable.judge.leaves(asking, LINE, said_of(other, NUMBER))


def test_a_question_is_put_once() -> None:
    cable = Cable()
    asking = cable.asks()
    with pytest.raises(Violation, match="nobody wanted to know"):
        cable.judge.leaves(asking, LINE, said_of(BUY, NUMBER + 1))


# The worlds


def worlds(kinds: str, seeds: range) -> Iterator[str]:
    return (each.violation for each in run_seeds(seeds, kinds, wire=GATEWAY))


@pytest.fixture(scope="module")
def tally() -> Tally:
    found = Tally()
    for each in run_seeds(SEEDS, "gateway_margins", wire=GATEWAY):
        found.add(each)
    return found


def test_worlds_of_margin_faults_alone_hold_and_meet_them(tally: Tally) -> None:
    assert [(each.seed, each.text) for each in tally.failing] == []
    kinds = {each.name for each in CATALOGUE if each.group == "gateway_margins"}
    assert set(tally.hits) <= kinds
    assert len(kinds) == 10
    assert len(tally.hits) >= 8
    assert tally.orders > 10


def _silence_passes(order: Any, kind: Any, mandate: Any, answer: Any) -> tuple[float, str]:
    code, why = _STANDS(order, kind, mandate, answer)
    return (UNCHECKED, why) if code == BOUND and why else (code, why)


def _silence_refuses(order: Any, kind: Any, mandate: Any, answer: Any) -> tuple[float, str]:
    code, why = _STANDS(order, kind, mandate, answer)
    return (BOUND, why) if code == UNCHECKED else (code, why)


_STANDS = margins._stands


@pytest.mark.parametrize(
    ("planted", "found"), [(_silence_passes, "I18"), (_silence_refuses, "I19")], ids=["silence is yes", "silence is no"]
)
def test_a_world_finds_who_mistakes_silence(
    planted: Callable[..., Any], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(margins, "_stands", planted)
    assert found in worlds("gateway_margins", SEEDS)


def test_a_world_finds_an_exit_that_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = Asked.finished

    def with_all_refused(judge: Asked, record: CycleRecord) -> None:
        report = record.report
        wall = [each.id == "P15" for each in report.guards]
        rows = [tuple(Outcome.REJECT if is_wall else was for is_wall, was in zip(wall, row)) for row in report.outcomes]
        finished(judge, replace(record, report=replace(report, outcomes=tuple(rows))))

    monkeypatch.setattr(Asked, "finished", with_all_refused)
    texts = (each.text for each in run_seeds(SEEDS, "none", wire=GATEWAY) if each.violation == "I19")
    assert any(text.startswith("exit ") for text in texts)


def test_silence_that_comes_as_an_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(broker: IbkrBroker, intents: Any) -> Any:
        raise Temporary("the gateway must answer, did not; try again")

    monkeypatch.setattr(IbkrBroker, "what_if", fails)
    verdict, _ = run_seed(1, CALM, small=True, wire=GATEWAY)
    assert (verdict.violation, "came as an error" in verdict.text) == ("I18", True)


def test_an_answer_for_each_order_and_no_other_must_come_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = IbkrBroker.what_if
    monkeypatch.setattr(IbkrBroker, "what_if", lambda broker, intents: asked(broker, intents)[1:])
    verdict, _ = run_seed(1, CALM, small=True, wire=GATEWAY)
    assert (verdict.violation, "questions about margin came to" in verdict.text) == ("I18", True)

    def late(broker: IbkrBroker, intents: Any) -> Any:
        assert isinstance(broker.session.clock, ProcessClock)
        broker.session.clock.pause(10.5)
        return asked(broker, intents)

    monkeypatch.setattr(IbkrBroker, "what_if", late)
    verdict, _ = run_seed(1, CALM, small=True, wire=GATEWAY)
    assert (verdict.violation, "after 0:00:10.5" in verdict.text) == ("I18", True)


def test_worlds_over_that_wire_have_accounts_on_margin_and_the_own_worlds_have_none() -> None:
    calendar = ExchangeCalendar()
    short = [each for seed in range(20) for each in draw_short_shape(Random(seed), calendar).accounts]
    assert {each.mandate["class"] for each in short} == {"directed", "autonomous", "margin"}
    assert {each.mandate["planning"]["ask_margin_above"] for each in short} == {"0%", "2%", "10%"}
    own = [each for seed in range(20) for each in draw_shape(Random(seed), calendar).accounts]
    assert {each.mandate["class"] for each in own} == {"directed", "autonomous"}
    assert not any("ask_margin_above" in each.mandate["planning"] for each in own)


def test_both_wires_tell_margin_and_a_persons_has_no_word_of_it() -> None:
    assert issubclass(AdapterWire, TellsMargin)
    _, world = run_seed(1, CALM, small=True, wire=GATEWAY)
    wire = PersonWire(world.owners[0].gateway, BrokerTraits(margin=True))  # type: ignore[arg-type] # it is a site here
    assert isinstance(wire, TellsMargin)
    (answer,) = wire.what_if([BUY])
    assert (answer.order_ref, answer.checked, answer.refused) == ("R1", False, "")
