"""A scripted desk beside a stand-in of Ghostfolio: how scenarios tell, compare and read what is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.contracts.ghostfolio.standin import TOKEN, StandIn
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage

from prudent.workflows.mirror import Told, sync
from prudent.workflows.mirror_check import Comparison, compare
from prudent.workflows.mirror_link import connected, wanted

StageOf = Callable[..., ScriptedStage]


@contextmanager
def serving(version: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A server that the environment names, with its token."""
    with StandIn(version) as found:
        monkeypatch.setenv("GHOSTFOLIO_URL", found.url)
        monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", TOKEN)
        monkeypatch.setenv("INVEST__GHOSTFOLIO__TIMEOUT_SECONDS", "10")
        yield found


def told(stage: ScriptedStage, account: str = ACCOUNT) -> Told:
    with connected(stage.desk) as connection:
        (found,) = sync(stage.desk, connection, (account,))
    return found


def compared(stage: ScriptedStage) -> Comparison:
    with connected(stage.desk) as connection:
        return compare(stage.desk, connection, ACCOUNT)


def shown(server: StandIn) -> list[tuple[str, str, float, float]]:
    return [
        (each["type"], each["SymbolProfile"]["symbol"], each["quantity"], each["unitPrice"])
        for each in server.books.activities
    ]


def balance(server: StandIn, stage: ScriptedStage) -> float:
    account_id = wanted(stage.desk, ACCOUNT).id
    return server.books.balances[max(key for key in server.books.balances if key[0] == account_id)]


def why(found: Comparison) -> list[str]:
    return sorted(each.why for each in found.differences)
