"""Tell people when a venue can no longer be reached, and when it can again: once for each change."""

from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError
from prudent.domain.notices import Event
from prudent.domain.records import utc_text
from prudent.ports import Link
from prudent.workflows.notices import happened, tell


class LinkWatch:
    """Remembers which venues were down at the last look; the accounts of one venue share its name and its notice."""

    def __init__(self) -> None:
        self._down: set[tuple[str, str]] = set()
        self._changes = 0

    def look(self, desk: Desk) -> None:
        """Ask every open account's link; a venue is down while it is for one of them."""
        venues: dict[str, str] = {}
        for account in desk.account_ids():
            if desk.is_open_account(account):
                name = desk.broker_of(account).name
                venues[name] = venues.get(name) or _why_down(desk, account)
        for name, why in venues.items():
            self._tell(desk, name, why)

    def _tell(self, desk: Desk, name: str, why: str) -> None:
        key = (desk.ledger.owner, name)
        # Each change is a subject of its own, so none is taken for a repetition: the last word must be the true one.
        subject = f"{name} {utc_text(desk.clock.now())} {self._changes}"
        if why and key not in self._down:
            self._down.add(key)
            self._changes += 1
            tell(desk, happened(
                desk, Event.BROKER_DISCONNECTED, f"{name} cannot be reached", "Nothing is sent until it can be.",
                reason=why, subject=subject,
            ))  # fmt: skip
        elif not why and key in self._down:
            self._down.discard(key)
            self._changes += 1
            tell(desk, happened(
                desk, Event.BROKER_RECONNECTED, f"{name} can be reached again",
                "Every account is held against it before it trades.", subject=subject,
            ))  # fmt: skip


def _why_down(desk: Desk, account: str) -> str:
    try:
        link: Link = desk.broker_of(account).link(account)
    except DeskError as error:
        return str(error)
    return "" if link.up else "it is connected to a gateway that is connected to nothing"
