"""What is refused before anything can be sent: a live desk that is not one in every place, and the wrong login."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.scenarios.engines import until
from tests.scenarios.live_stage import (
    ACCOUNT,
    UNLISTED,
    LiveGateway,
    LiveStage,
    live_gateway,
    live_home,
    live_stage,
    switched_on,
)
from tests.scenarios.people_homes import at
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, listening

from prudent.brokers.ibkr.states import State
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError
from prudent.ports import Permit

THERE = "U7654321"
LIST = f"accounts: [{THERE}]"
# A change of invest.yaml or of the environment, and words of the refusal.
REFUSED: dict[str, tuple[tuple[str, str], dict[str, str], str]] = {
    "no profile": (("ibkr: {live", "ibkr: {}\n#"), {}, "mode live needs ibkr.live"),
    "another list": ((LIST, f"accounts: [{UNLISTED}]"), {}, f"main is {THERE}, ibkr.live.accounts must have it"),
    "an empty list": ((LIST, "accounts: []"), {}, "ibkr.live.accounts"),
    "a paper account": ((f"{{account: {THERE}}}", "{account: DU7654321}"), {}, "is DU7654321, a paper one, mode is"),
    "a paper account on the list": ((LIST, "accounts: [DU7654321]"), {}, "DU7654321 begins with D as paper ones do"),
    "a paper port": (("port: 4001", "port: 4002"), {}, "must not be a paper port, was 4002"),
    "the workstation's paper port": (("port: 4001", "port: 7497"), {}, "must not be a paper port, was 7497"),
    "prices of the sample": (("source: ibkr", "source: sample"), {}, "data.source must be ibkr or yahoo"),
    "live by the environment": (
        ("mode: live", "mode: paper"), {"INVEST__MODE": "live"},
        "mode live must be written in invest.yaml, came from env INVEST__MODE",
    ),
    "another port in the environment": (
        ("mode: live", "mode: live"), {"IBKR_PORT": "4002"}, "IBKR_PORT is 4002, ibkr.live.port is 4001",
    ),
    "another host in the environment": (
        ("mode: live", "mode: live"), {"IBKR_HOST": "elsewhere"}, "IBKR_HOST is elsewhere, ibkr.live.host is 127.0.0.1",
    ),
}  # fmt: skip


def rewrite(home: Path, old: str, new: str) -> None:
    path = home / "invest.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("case", REFUSED)
def test_a_live_home_that_is_not_one_in_every_place_is_not_opened(case: str, tmp_path: Path) -> None:
    (old, new), environment, words = REFUSED[case]
    home = live_home(tmp_path, 4001, THERE)
    rewrite(home, old, new)
    with switched_on(**environment):
        ended = at(home, "status")
    assert ended.code == ConfigError.exit_code
    assert words in str(ended.document["errors"][0]["message"])


@pytest.mark.parametrize(
    ("name", "word"), [("ALLOW_ORDERS", "true"), ("ALLOW_ORDERS", "0"), ("ENABLE_ORDER_EXEC", "yes")]
)
def test_a_switch_that_is_not_1_needs_no_gateway_to_be_refused(name: str, word: str, tmp_path: Path) -> None:
    home = live_home(tmp_path, 4001, THERE)
    with switched_on(**{name: word}):
        ended = at(home, "run", ACCOUNT, "--confirm", ACCOUNT)
    assert ended.code == 8
    assert f"live orders need {name} set to 1" in str(ended.document["errors"][0]["message"])


def test_a_live_port_in_paper_mode_is_not_connected_to(tmp_path: Path) -> None:
    home = live_home(tmp_path, 4001, THERE)
    (home / "invest.yaml").write_text("mode: paper\nibkr: {port: 4001}\n")
    ended = at(home, "ibkr", "accounts")
    assert ended.code == ConfigError.exit_code
    assert "port 4001 is a live one" in str(ended.document["errors"][0]["message"])


# The login behind the port: its accounts, whether it says that it is our paper gateway, the mode, words of the refusal.
LOGINS = {
    "a paper login in live mode": ("DU7654321,", "", Mode.LIVE, "it has DU7654321; no account may begin with D in"),
    "paper beside live": (f"{THERE},DU7654321,", "", Mode.LIVE, "it has DU7654321; no account may begin with D"),
    "our paper gateway by another name": (f"{THERE},", "PAPERGW", Mode.LIVE, "it is a paper gateway"),
    "another live login": (f"{UNLISTED},", "", Mode.LIVE, "ibkr.live.accounts must be among its accounts, which are"),
    "a live login in paper mode": (f"{THERE},", "", Mode.PAPER, f"it has {THERE}; every account must begin with D"),
}


@pytest.mark.parametrize("login", LOGINS)
def test_the_wrong_login_is_refused_at_the_connection(login: str, tmp_path: Path) -> None:
    accounts, brand, mode, words = LOGINS[login]
    with listening(FakeGateway(accounts=accounts, white_brand=brand)) as fake:
        home = live_home(tmp_path, fake.port, THERE)
        if mode is Mode.PAPER:
            (home / "invest.yaml").write_text(f"mode: paper\nibkr: {{port: {fake.port}}}\n")
        ended = at(home, "ibkr", "accounts")
        assert ended.code == ConfigError.exit_code
        assert words in str(ended.document["errors"][0]["message"])
        # Nothing was asked of an account: no orders, trades, positions or values.
        assert [fake.count(number) for number in (3, 7, 16, 61, 76, 99)] == [0] * 6


# Another login behind the same port, after the connection was lost


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as kept:
        yield kept


class Swap:
    """The gateway of a stage, and the one that stands in its place later."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._first = ExitStack()
        stack.callback(self._first.close)
        self._stack = stack
        self.gateway = self._first.enter_context(live_gateway())
        self.stage: LiveStage = stack.enter_context(live_stage(self.gateway, folder))
        self.other: LiveGateway | None = None

    def swap(self) -> None:
        """Return once the desk is connected no more and has been turned away by the other login."""
        self._first.close()
        self.other = self._stack.enter_context(live_gateway(("U1111111",), port=self.gateway.port))
        broker = self.stage.desk.broker_of(ACCOUNT)
        session = broker.session  # type: ignore[attr-defined]  # the session of the one gateway that there is
        until(lambda: session.orders.condition.state is State.WRONG_ACCOUNT, said="the other login was met")


def test_after_a_reconnect_to_another_login_nothing_is_sent(stack: ExitStack, tmp_path: Path) -> None:
    swap = Swap(stack, tmp_path)
    stage = swap.stage
    stage.arm(days=1)
    assert all(each.satisfied for each in stage.desk.interlocks(ACCOUNT, Mode.LIVE) if each.id == "M07")
    swap.swap()
    (endpoint,) = (each for each in stage.desk.interlocks(ACCOUNT, Mode.LIVE) if each.id == "M07")
    assert not endpoint.satisfied
    assert "U1111111" in endpoint.detail
    with pytest.raises(ConfigError, match="must be among its accounts, which are U1111111"):
        stage.cycle()
    assert swap.other is not None
    assert (swap.other.placed, swap.other.booked) == (0, 0)


def test_another_login_between_two_orders_keeps_the_second(stack: ExitStack, tmp_path: Path) -> None:
    swap = Swap(stack, tmp_path)
    desk = swap.stage.desk
    swap.stage.arm(days=1)
    ask: Callable[[str], Permit] = desk.permit
    asked: list[str] = []

    def swapped(account: str) -> Permit:
        asked.append(account)
        if len(asked) == 2:
            swap.swap()
        return ask(account)

    desk.permit = swapped  # type: ignore[method-assign]  # somebody logs in elsewhere just then
    with pytest.raises(ConfigError, match="U1111111"):
        swap.stage.cycle()
    assert swap.gateway.placed == 1
    assert swap.other is not None
    assert (swap.other.placed, swap.other.booked) == (0, 0)
