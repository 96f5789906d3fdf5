"""Faults as data: what may be written, which acts they strike, and the door through which they come from outside."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.gateway_homes import ACCOUNT, calendar, history, open_time

from prudent.domain.errors import InputError
from prudent.gateway.admin import Admin, FaultModel
from prudent.gateway.faults import RULES, Do, Fault, Faults, Match, On, Subject
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import Aside, Paper

AAPL = Subject(symbol="AAPL", side="BUY", client_id=7, request="placeOrder")


def faults() -> Faults:
    return Faults(open_time)


def struck(book: Faults, acts: int, subject: Subject = AAPL, on: On = On.PLACE) -> list[bool]:
    return [book.strike(on, subject) is not None for _ in range(acts)]


def paper(clock: StepPace) -> Paper:
    return Paper(clock, PaperMarket(clock, calendar(), history()), beat_seconds=0, admin_port=0)


@pytest.mark.parametrize("do", Do)
def test_every_fault_comes_back_from_json_as_it_was(do: Do) -> None:
    rule = RULES[do]
    for on in rule.places:
        fault = Fault(on=on, do=do, match=Match(symbol="AAPL", client_id=7, nth=2), args=rule.args, times=None, seed=9)
        assert FaultModel.model_validate_json(json.dumps(fault.to_json())).fault() == fault


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"on": On.CANCEL, "do": Do.PARTIAL}, "must be on placeOrder"),
        ({"on": On.PLACE, "do": Do.DELAY, "args": {"minutes": 1}}, "was told minutes"),
        ({"on": On.PLACE, "do": Do.DELAY, "args": {"seconds": "long"}}, "must be like 0.6"),
        ({"on": On.PLACE, "do": Do.SWALLOW, "times": 0}, "must be 1 or more"),
        ({"on": On.PLACE, "do": Do.SWALLOW, "chance": 0.0}, "chance above 0"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_what_does(written: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Fault(**written)


def test_a_fault_strikes_from_the_nth_act_on_and_so_often_as_it_was_told() -> None:
    book = faults()
    book.add(Fault(on=On.PLACE, do=Do.SWALLOW, match=Match(nth=2), times=2))
    assert struck(book, 5) == [False, True, True, False, False]


def test_a_fault_without_an_end_strikes_every_act_until_it_is_cleared() -> None:
    book = faults()
    number = book.add(Fault(on=On.PLACE, do=Do.SWALLOW, times=None))
    assert struck(book, 3) == [True] * 3
    assert book.clear(number) == 1
    assert struck(book, 1) == [False]


@pytest.mark.parametrize(
    "match", [Match(symbol="MSFT"), Match(side="SELL"), Match(client_id=8), Match(request="reqIds")]
)  # fmt: skip
def test_an_act_that_it_is_not_for_is_neither_struck_nor_counted(match: Match) -> None:
    book = faults()
    book.add(Fault(on=On.PLACE, do=Do.SWALLOW, match=match))
    assert struck(book, 2) == [False, False]
    assert book.all()[0].seen == 0


def test_its_dice_fall_the_same_for_the_same_seed() -> None:
    def falls(seed: int) -> list[bool]:
        book = faults()
        book.add(Fault(on=On.PLACE, do=Do.SWALLOW, times=None, chance=0.4, seed=seed))
        return struck(book, 60)

    assert falls(1) == falls(1) != falls(2)
    assert 10 < sum(falls(1)) < 40


def test_the_first_fault_that_fits_strikes_and_notes_are_taken_beside_it() -> None:
    book = faults()
    book.add(Fault(on=On.PLACE, do=Do.NOTE, times=None))
    book.add(Fault(on=On.PLACE, do=Do.REJECT))
    book.add(Fault(on=On.PLACE, do=Do.SWALLOW, times=None))
    dos = [met.fault.do if (met := book.strike(On.PLACE, AAPL)) is not None else None for _ in range(2)]
    assert dos == [Do.REJECT, Do.SWALLOW]
    assert [each.do for each in book.log] == [Do.NOTE, Do.REJECT, Do.NOTE, Do.SWALLOW]
    assert {each.subject for each in book.log} == {AAPL}


def test_a_fault_of_quotes_lasts_its_seconds_on_the_markets_clock() -> None:
    clock = StepPace(open_time())
    book = Faults(clock.now)
    book.add(Fault(on=On.TICK, do=Do.GAP, match=Match(symbol="AAPL"), args={"seconds": 30.0}))
    assert book.quoted(Do.GAP, "MSFT") is None
    assert book.quoted(Do.GAP, "AAPL") is not None
    clock.move_by(31)
    assert book.quoted(Do.GAP, "AAPL") is None
    assert len(book.log) == 1


def test_the_page_names_every_fault_with_its_places_and_words() -> None:
    page = (Path(__file__).parents[3] / "docs" / "PAPER_GATEWAY.md").read_text(encoding="utf-8")
    for do, rule in RULES.items():
        assert f"| `{do}` | {', '.join(rule.places)} | {rule.words} |" in page


def ask(admin: Admin, **question: Any) -> dict[str, Any]:
    return dict(admin.answer(json.dumps(question).encode()))


def test_the_admin_port_adds_lists_and_clears_faults_and_moves_a_stepped_clock() -> None:
    clock = StepPace(open_time())
    admin = Admin(paper(clock))
    assert ask(admin, ask="add", fault={"on": "placeOrder", "do": "delay", "args": {"seconds": 2}}) == {
        "ok": True, "number": 1,
    }  # fmt: skip
    (listed,) = ask(admin, ask="list")["faults"]
    assert (listed["number"], listed["fault"]["do"], listed["fired"]) == (1, "delay", 0)
    assert ask(admin, ask="clear")["cleared"] == 1
    assert ask(admin, ask="log") == {"ok": True, "log": [], "next": 0}
    assert ask(admin, ask="step", seconds=60)["now"] == (open_time() + timedelta(seconds=60)).isoformat()
    assert clock.now() == open_time() + timedelta(seconds=60)


def test_the_admin_port_resets_an_account() -> None:
    home = paper(StepPace(open_time()))
    assert ask(Admin(home), ask="reset", account=ACCOUNT, cash="5000")["ok"] is True
    values = home.floor.account_values(ACCOUNT, open_time()).values
    assert ("TotalCashValue", "5000.00", "USD") in values


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (b"GET / HTTP/1.1\r\n", "Invalid JSON"),
        (b'{"ask": "explode"}', "ask: Input should be"),
        (b'{"ask": "list", "more": 1}', "more: Extra inputs"),
        (b'{"ask": "add", "fault": {"on": "placeOrder", "do": "boil"}}', "fault.do"),
        (b'{"ask": "add"}', "needs a fault"),
        (b'{"ask": "add", "fault": {"on": "cancel", "do": "partial"}}', "must be on placeOrder"),
        (b'{"ask": "step"}', "either `seconds` or `to`"),
        (b'{"ask": "reset", "account": "DU9"}', "must be one of DU1234567"),
    ],
)
def test_what_the_admin_port_does_not_understand_is_answered_with_why(question: bytes, words: str) -> None:
    answer = Admin(paper(StepPace(open_time()))).answer(question)
    assert answer["ok"] is False
    assert words in str(answer["error"])


def test_over_the_socket_a_line_is_answered_by_a_line_and_a_browser_is_hung_up_on() -> None:
    async def talk(port: int, *lines: bytes) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(lines))
        answers = [await asyncio.wait_for(reader.readline(), 5) for _ in lines]
        writer.close()
        return answers

    with Aside(paper(StepPace(open_time()))) as aside:
        assert aside.paper.admin is not None
        port = aside.paper.admin.port
        state, log = asyncio.run(talk(port, b'{"ask": "state"}\n', b'{"ask": "log"}\n'))
        assert json.loads(state)["accounts"] == [ACCOUNT]
        assert json.loads(log)["log"] == []
        refused, gone = asyncio.run(talk(port, b"POST / HTTP/1.1\r\n", b'{"ask": "add"}\n'))
        assert json.loads(refused)["ok"] is False
        assert gone == b""


def test_there_is_no_admin_port_unless_it_is_asked_for() -> None:
    clock = StepPace(open_time())
    assert Paper(clock, PaperMarket(clock, calendar(), history()), beat_seconds=0).admin is None
