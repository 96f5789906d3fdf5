"""Value an account at the clock's time: the first value of a session is its opening, which loss gates measure from."""

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.errors import BlockedError
from prudent.domain.valuation import net_asset_value
from prudent.pipeline.observe import observe


def value_account(desk: Desk, account: str) -> bool:
    """Store the account's net liquidation now; False, and nothing stored, while a holding has no price."""
    mandate = desk.mandate(account)
    seen = observe(desk.world(mandate, Mode.DRY_RUN), mandate, symbols=())
    try:
        nlv = net_asset_value(seen)
    except BlockedError:
        return False
    desk.ledger.value(account, nlv=nlv, at=seen.as_of, session=seen.session)
    return True
