"""What a home says is what the desk trades by: costs of the mandate, instruments of one's own, the clock's place."""

from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened, write_mandate

from prudent.clock import SimulatedClock
from prudent.domain.errors import ConfigError, StoreError
from prudent.workflows.cycle import at_work, run_account


def commissions(home: Path) -> set[str]:
    desk = reopened(home)
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    assert record.fills
    return {str(fill.commission) for fill in record.fills}


def test_a_mandate_without_costs_pays_none(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    write_mandate(home, ACCOUNT, "targets: json/core.json\ncosts: none\n")
    assert commissions(home) == {"0.00"}


def test_the_default_costs_are_a_dollar_an_order_at_least(tmp_path: Path) -> None:
    assert commissions(new_home(tmp_path)) == {"1.00"}


def test_an_instrument_of_ones_own_is_known(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    assert reopened(home).instruments.find("OWNX") is None
    (home / "instruments.csv").write_text("symbol,venue,kind\nOWNX,XNAS,stock\n")
    assert reopened(home).instruments.find("OWNX") is not None


def test_the_clock_stands_where_the_last_process_left_it(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    clock = reopened(home).clock
    assert isinstance(clock, SimulatedClock)
    there = clock.now().replace(hour=18)
    clock.move_to(there)
    assert reopened(home).clock.now() == there


def test_a_clock_file_that_cannot_be_read_stops_the_desk(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    (home / "data" / "clock.json").write_text("{")
    with pytest.raises(StoreError, match=r"clock\.json"):
        reopened(home)


def test_live_mode_is_refused_without_its_profile(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    config = home / "invest.yaml"
    config.write_text(config.read_text().replace("mode: paper", "mode: live"))
    with pytest.raises(ConfigError, match=r"mode live needs ibkr\.live"):
        reopened(home)
