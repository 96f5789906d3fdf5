"""A switch that somebody believes to be set is never left out in silence: its name is refused with the right one."""

from pathlib import Path

import pytest

from prudent.domain.errors import ConfigError
from prudent.settings import load_settings
from prudent.settings.models import Settings
from prudent.settings.retired_names import RETIRED, what_was_meant
from prudent.settings.sources import VERBATIM

MISSPELT = {
    "DRYRUN": "DRY_RUN",
    "dry_run": "DRY_RUN",
    "DRY-RUN": "DRY_RUN",
    "DRY_RUNS": "DRY_RUN",
    "ALLOW_ORDER": "ALLOW_ORDERS",
    "ALLOWORDERS": "ALLOW_ORDERS",
    "ENABLE_ORDERS_EXEC": "ENABLE_ORDER_EXEC",
    "IBKR_CLIENTID": "IBKR_CLIENT_ID",
    "IBKR_CLIENT_IDS": "IBKR_CLIENT_ID",
    "INVEST_DRY_RUN": "DRY_RUN",
    "INVEST__DRY_RUN": "DRY_RUN",
    "INVEST__ALLOW_ORDERS": "ALLOW_ORDERS",
    "INVEST_MODE": "INVEST__MODE",
    "INVEST_IBKR_PORT": "IBKR_PORT",
    "INVEST_WEB_PORT": "INVEST__WEB__PORT",
    "INVEST_HOEM": "INVEST_HOME",
    "invest__mode": "INVEST__MODE",
    "LIVE_TRADING": "ENABLE_ORDER_EXEC=1 and `invest arm ACCOUNT`",
    "KILL_SWITCH": "`invest halt`",
}
NOT_OURS = ("PATH", "HOME", "RUN", "DRY", "ORDERS", "IBKR", "PORT", "INVESTMENT_NOTES", "LC_ALL", "INVEST")


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
@pytest.mark.parametrize("value", ["1", "0", ""])
def test_a_name_that_means_one_of_ours_ends_the_start(tmp_path: Path, name: str, meant: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path, environ={name: value})
    assert f"env {name} is retired or misspelt" in str(refused.value)
    assert meant in str(refused.value)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("name", NOT_OURS)
def test_other_programs_have_their_own_names(tmp_path: Path, name: str) -> None:
    assert load_settings(tmp_path, environ={name: "1"}).warnings == ()


@pytest.mark.parametrize("name", [*VERBATIM, "INVEST_HOME", "INVEST_TOKEN", "INVEST__MODE", "INVEST__IBKR__PORT"])
def test_our_own_names_are_not_refused(name: str) -> None:
    assert what_was_meant(name, VERBATIM, Settings.model_fields) is None


def test_no_retired_name_is_one_that_is_in_use() -> None:
    assert not set(RETIRED) & set(VERBATIM)


def test_the_value_of_a_refused_variable_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path, environ={"IBKR_CLIENTID": "hunter2"})
    assert "hunter2" not in str(refused.value)
