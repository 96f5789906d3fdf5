"""No desk that trades may be given another judge than the whole guard list."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prudent.bootstrap import open_desk
from prudent.domain.accounts import Mode
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.guards.report import judge


def lenient(*given: Any, **named: Any) -> Any:
    return judge(*given, **named)


@pytest.mark.parametrize("mode", [each for each in Mode if each is not Mode.BACKTEST])
def test_a_guard_can_be_left_out_on_history_only(tmp_path: Path, mode: Mode) -> None:
    create_home(tmp_path, Wishes(start="2022-11-28"))
    (tmp_path / "config" / "accounts").mkdir(parents=True, exist_ok=True)
    (tmp_path / "config" / "accounts" / "one.yaml").write_text("targets: json/core.json\n")
    desk = open_desk(tmp_path)
    world = desk.world(desk.mandate("one"), mode)
    with pytest.raises(ValueError, match="the whole guard list must judge a cycle"):
        replace(world, judge=lenient)
    assert replace(desk.world(desk.mandate("one"), Mode.BACKTEST), judge=lenient).judge is lenient
    desk.ledger.close()
