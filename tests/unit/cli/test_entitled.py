"""Every command is some act of a person, or says why it is not asked about."""

import pytest
from tests.architecture.test_docs import commands

from prudent.access.authority import OWN, Act
from prudent.entrypoints.cli.app import app
from prudent.entrypoints.cli.entitled import ACTS, ASK_THEMSELVES, OF_THE_MACHINE


def test_every_command_is_listed_once() -> None:
    lists = [set(ACTS), set(ASK_THEMSELVES), set(OF_THE_MACHINE)]
    assert commands(app) - set().union(*lists) == set()
    assert sum(map(len, lists)) == len(set().union(*lists))


def test_every_listed_act_is_one_on_ones_own_things() -> None:
    assert set(ACTS.values()) <= set(OWN)


@pytest.mark.parametrize("title", ["run", "run-all", "cancel-all", "cash withdraw", "rules disable", "export"])
def test_no_command_that_changes_money_or_limits_is_reading(title: str) -> None:
    assert ACTS[title] not in (Act.READ, Act.PROPOSE)
