"""A venue that goes away is told of once, and once more when it is back."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from prudent.bootstrap import Desk, open_desk
from prudent.brokers.simulated import SimulatedBroker
from prudent.domain.errors import Temporary
from prudent.domain.notices import Event
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ports import Link
from prudent.workflows.links import LinkWatch


@dataclass(kw_only=True)
class Wire:
    """The link as a test sets it: up, down, or a venue that does not answer."""

    state: str = "up"

    def link(self, _account: str) -> Link:
        if self.state == "silent":
            raise Temporary("the venue did not answer within 5 s")
        return Link(up=self.state == "up")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    create_home(tmp_path / "home", Wishes())
    for account in ("one", "two"):
        opening = Opening(account=account, cash=Decimal(1000), positions=None, mandate={"targets": "json/core.json"})
        open_account(open_desk(tmp_path / "home"), opening)
    return open_desk(tmp_path / "home")


@pytest.mark.parametrize("lost", ["down", "silent"])
def test_each_change_of_the_link_is_told_once(desk: Desk, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, watch = Wire(), LinkWatch()
    monkeypatch.setattr(SimulatedBroker, "link", lambda _broker, account: wire.link(account))
    for state in ("up", lost, lost, "up", "up", lost):
        wire.state = state
        watch.look(desk)
    told = [row.notice.event for row in reversed(desk.ledger.notices.listed().rows)]
    assert told == [Event.BROKER_DISCONNECTED, Event.BROKER_RECONNECTED, Event.BROKER_DISCONNECTED]
