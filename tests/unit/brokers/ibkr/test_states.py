"""States in words, ports and accounts that fit a mode, and what message codes mean."""

from datetime import UTC, datetime

import pytest

from prudent.brokers.ibkr.codes import Meaning, meaning
from prudent.brokers.ibkr.modes import check_port, foreign_accounts, why_refused
from prudent.brokers.ibkr.states import Address, Condition, State, state_when_lost, state_when_refused
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError

HERE = Address(host="127.0.0.1", port=4002)
# In March 2024 New York is five hours behind; the 3rd is a Sunday.
NOON = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)
NIGHT = datetime(2024, 3, 5, 5, 30, tzinfo=UTC)
SUNDAY = datetime(2024, 3, 3, 15, 0, tzinfo=UTC)
SATURDAY = datetime(2024, 3, 2, 15, 0, tzinfo=UTC)


def test_every_state_has_words_that_name_the_gateway() -> None:
    for state in State:
        words = Condition(state=state, since=NOON, address=HERE, client_id=11, heard="so it said").words
        assert words.endswith("(so it said)")
        assert "{" not in words
    assert "127.0.0.1:4002" in Condition(state=State.UNREACHABLE, since=NOON, address=HERE, client_id=11).words


def test_a_link_lost_at_night_is_the_nightly_reset_and_by_day_it_is_not() -> None:
    assert state_when_lost(NIGHT) is State.NIGHTLY_RESET
    assert state_when_lost(NOON) is State.LINK_LOST


def test_a_gateway_that_is_gone_since_sunday_needs_a_login() -> None:
    assert state_when_refused(SUNDAY, SATURDAY) is State.LOGIN_NEEDED
    # It was up after the end of all logins at 01:00, so something else is wrong.
    assert state_when_refused(SUNDAY, SUNDAY) is State.UNREACHABLE
    assert state_when_refused(NOON, SATURDAY) is State.UNREACHABLE
    assert state_when_refused(SUNDAY, None) is State.UNREACHABLE


def refused(port: int) -> bool:
    try:
        check_port(port, Mode.PAPER)
    except ConfigError as error:
        return "4002" in str(error)
    return False


def test_the_live_ports_and_no_others_are_refused_in_paper_mode() -> None:
    assert [port for port in (7496, 7497, 4001, 4002, 50123) if refused(port)] == [7496, 4001]


def test_live_mode_takes_any_port_but_a_paper_one() -> None:
    for port in (7496, 4001, 4003, 50123):
        check_port(port, Mode.LIVE)
    for port in (7497, 4002, 4004):
        with pytest.raises(ConfigError, match=f"port {port} is a paper one"):
            check_port(port, Mode.LIVE)


def test_an_account_that_does_not_begin_with_d_is_foreign_to_paper_mode() -> None:
    assert foreign_accounts(("DU1", "U2", "DF3"), Mode.PAPER) == ("U2",)
    assert foreign_accounts(("DU1", "U2"), Mode.DRY_RUN) == ("U2",)
    assert foreign_accounts(("DU1", "U2", "DF3", "F4"), Mode.LIVE) == ("DU1", "DF3")


def test_live_mode_needs_what_it_trades_on_the_list_and_leaves_the_rest_alone() -> None:
    def why(shown: tuple[str, ...], wanted: tuple[str, ...]) -> str:
        return why_refused(shown, wanted, mode=Mode.LIVE, allowed=("U1", "U2"))

    assert why(("U1", "U9"), ("U1",)) == why(("U2",), ()) == ""
    assert "U9 must be in ibkr.live.accounts" in why(("U1", "U9"), ("U1", "U9"))
    assert "U2 must be among its accounts, which are U1" in why(("U1",), ("U1", "U2"))
    assert "one of ibkr.live.accounts must be among its accounts, which are U9" in why(("U9",), ())
    assert "it has DU1" in why(("U1", "DU1"), ("U1",))
    assert "DU2 is a paper account and not there, mode is live" in why(("U1",), ("U1", "DU2"))
    assert "U2 is a live account and not there, mode is paper" in why_refused(("DU1",), ("U2",), mode=Mode.PAPER)
    # Nothing is on the list of who has none.
    assert "U1 must be in ibkr.live.accounts, which has none" in why_refused(("U1",), ("U1",), mode=Mode.LIVE)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (201, Meaning.REFUSED), (110, Meaning.REFUSED), (10243, Meaning.REFUSED), (202, Meaning.ENDED),
        (399, Meaning.NOTE), (404, Meaning.NOTE), (10349, Meaning.NOTE), (10148, Meaning.DOUBT),
        (99999, Meaning.DOUBT), (2104, Meaning.FEED), (10197, Meaning.FEED), (1100, Meaning.LINK),
    ],
)  # fmt: skip
def test_a_code_means_what_the_table_says_and_one_that_nobody_knows_is_a_doubt(code: int, said: Meaning) -> None:
    assert meaning(code) is said
