"""Small true notices for tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from prudent.domain.accounts import Mode
from prudent.domain.notices import Event, Notice

MONDAY = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)


def notice(event: Event = Event.ORDER_BLOCKED, *, subject: str = "core/1/1/P08", minutes: int = 0) -> Notice:
    return Notice(
        event=event, at=MONDAY + timedelta(minutes=minutes), title="1 order blocked", lines=("BUY 10 AAPL: too heavy",),
        account="core", mode=Mode.PAPER, amount=Decimal("1500.25"), currency="USD", reason="P08 MaxPositionWeight",
        subject=subject, cycle="core/1/1",
    )  # fmt: skip
