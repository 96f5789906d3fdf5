"""Every order behind a gateway is cancelled only by its own command, typed out: a stop leaves other people's alone."""

from pathlib import Path

from tests.gateway_homes import ACCOUNT as THERE
from tests.scenarios.gateway_stage import ACCOUNT, gateway_stage
from tests.scenarios.people_homes import at, done

from prudent.bootstrap import open_desk
from prudent.domain.errors import ConfirmationMissing


def test_other_peoples_orders_end_by_the_command_alone(tmp_path: Path) -> None:
    with gateway_stage(tmp_path) as stage:
        stage.adopted()
        stage.rest("MSFT")
        # The commands connect as this desk would.
        stage.close()
        done(at(stage.home, "halt", "--account", ACCOUNT, "--reason", "by hand"))
        asked = at(stage.home, "ibkr", "cancel-everything")
        assert asked.code == ConfirmationMissing.exit_code
        assert f"all 1 live orders of {THERE}" in asked.err + asked.out
        first, second = (at(stage.home, "ibkr", "cancel-everything", "--confirm", "EVERYTHING") for _ in range(2))
        rows = done(first).data["orders"]
        assert [(row["symbol"], row["ours"], row["live"]) for row in rows] == [("MSFT", False, False)]
        assert done(second).data["orders"] == []
        stage.desk = open_desk(stage.home)
        events = [row.event for row in stage.desk.ledger.views.audit("").rows]
        assert events.count("everything_cancelled") == 2
        assert stage.desk.ledger.verify_audit().holds
