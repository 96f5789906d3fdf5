"""Ghostfolio as a place to show our books: accounts, activities and cash, each written so that twice is once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from prudent.brokers.ghostfolio.mapping import (
    MANUAL,
    Activity,
    Asset,
    Mark,
    RemoteAccount,
    RemoteActivity,
    account_from,
    activity_from,
    manual_asset,
    rows_of,
    text_of,
    yahoo_asset,
)
from prudent.brokers.ghostfolio.versions import activities_path, check_version
from prudent.brokers.ghostfolio.wire import NotSure, Refused, Wire, Wired
from prudent.domain.errors import Permanent, Temporary
from prudent.domain.futures import root_of_contract

PAGE = 200
SEARCH = 50
# What the mirror does, by the names that rights had over time; a server in read-only mode lacks them all.
NEEDED = (
    ("createAccount",), ("createAccountBalance",), ("createActivity", "createOrder"), ("deleteActivity", "deleteOrder"),
)  # fmt: skip
_NOBODY = "00000000-0000-4000-8000-000000000000"
_GONE = (403, 404)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a server after looking: its version (empty where it does not say), its user and its prices."""

    version: str
    user: str
    base_currency: str
    missing: tuple[str, ...]
    market_data: bool
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An account that should be there, and what is known of it: an id that a person gave, else ours and its mark."""

    id: str
    name: str
    currency: str
    mark: str
    cash: Decimal
    given: bool = False


class Ghostfolio:
    """One user's books on one server. One at a time may write: nothing here is safe beside another writer.

    Cash is only ever set to an absolute balance, never moved by an activity. Every write is either the same when it
    is repeated, or is looked for by its mark before it is sent again.
    """

    def __init__(self, wire: Wire, *, symbols: str = "yahoo") -> None:
        self._wire = wire
        self._symbols = symbols
        self._path = ""
        self._user = ""
        self._checked = False

    def close(self) -> None:
        self._wire.close()

    # The server

    def look(self) -> Found:
        """Log in and see what is there.

        Raises:
            Temporary: it cannot be reached, or is not well.
            ConfigError: it does not take the token.
            Permanent: it is too old.
        """
        if not self._wire.healthy():
            raise Temporary("Ghostfolio is not well, or nothing answers at its URL; look at /api/v1/health")
        user = self._wire.ask("/user")
        found = user.get("permissions") if isinstance(user, dict) else None
        allowed = {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()
        missing = tuple(names[0] for names in NEEDED if not allowed & {*names})
        return Found(
            version=self._version(), user=text_of(user, "id"), base_currency=text_of(user, "settings", "baseCurrency"),
            missing=missing, market_data=self.has_market_data(), path=self._activities,
        )  # fmt: skip

    def _version(self) -> str:
        """Its version as an export of nothing tells it; empty where it does not tell, which is asked again."""
        try:
            text = text_of(self._wire.ask("/export", {"accounts": _NOBODY}), "meta", "version")
        except (Refused, Temporary):
            return ""
        check_version(text)
        self._checked = True
        return text

    def _check_once(self) -> None:
        """Before the first write: an old server takes what a newer one refuses."""
        if not self._checked:
            self._version()

    def has_market_data(self) -> bool:
        """Whether the server reaches its provider of prices; without it a right symbol is refused like a wrong one."""
        try:
            self._wire.ask("/health/data-provider/YAHOO")
        except (Temporary, Refused):
            return False
        return True

    def knows(self, symbol: str) -> bool:
        """Whether the server's provider has the symbol; an asset of its own needs none."""
        asset = self.asset(symbol)
        if asset.source == MANUAL:
            return True
        try:
            self._wire.ask(f"/symbol/{asset.source}/{asset.symbol}")
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def asset(self, symbol: str) -> Asset:
        """What one of our symbols is there.

        A future's contract is always an asset of its own: a quote from elsewhere would value it without its multiplier.
        """
        if self._symbols != "manual" and root_of_contract(symbol) is None:
            return yahoo_asset(symbol)
        if not self._user:
            self._user = text_of(self._wire.ask("/user"), "id")
        return manual_asset(symbol, user=self._user)

    # Accounts

    def accounts(self) -> tuple[RemoteAccount, ...]:
        return tuple(account_from(row) for row in rows_of(self._wire.ask("/account"), "accounts"))

    def account(self, account_id: str) -> RemoteAccount | None:
        """One account; an unknown id is answered with success and nothing."""
        answer = self._wire.ask(f"/account/{account_id}")
        return None if answer is None else account_from(answer)

    def find(self, wanted: Wanted) -> RemoteAccount | None:
        """The account by its id, else by its mark.

        Raises:
            Permanent: a person named an id that is not there, or it is in another currency.
        """
        found = {each.id: each for each in self.accounts()}
        known = found.get(wanted.id)
        if known is None and not wanted.given:
            known = next((each for each in found.values() if each.comment == wanted.mark), None)
        if known is None and wanted.given:
            raise Permanent(
                f"ghostfolio.accounts must name an account that is there, was {wanted.id!r}; correct it or leave it "
                "empty to have one made"
            )
        if known is not None and known.currency != wanted.currency:
            raise Permanent(
                f"account {known.name} at Ghostfolio must be in {wanted.currency}, was in {known.currency}; set its "
                "currency there: without a rate Ghostfolio takes one for the other"
            )
        return known

    def find_or_make(self, wanted: Wanted) -> RemoteAccount:
        """The account, made under our own id where it is not there; making it twice makes it once."""
        known = self.find(wanted)
        if known is not None:
            return known
        self._check_once()
        body: dict[str, Wired] = {
            "balance": float(wanted.cash), "comment": wanted.mark, "currency": wanted.currency, "id": wanted.id,
            "name": wanted.name, "platformId": None,
        }  # fmt: skip
        doubt: Temporary | None = None
        try:
            self._wire.tell("POST", "/account", body)
        except NotSure as error:
            # A taken id is answered like a broken server.
            doubt = error
        made = self.account(wanted.id)
        if made is None:
            raise doubt or NotSure(f"Ghostfolio took account {wanted.name} and does not show it; it is tried again")
        return made

    def set_cash(self, account_id: str, balance: Decimal, *, day: date) -> None:
        """Make that the account's cash; saying it again changes nothing."""
        self._check_once()
        body: dict[str, Wired] = {"accountId": account_id, "balance": float(balance), "date": day.isoformat()}
        try:
            self._wire.tell("POST", "/account-balance", body)
        except NotSure:
            self._wire.tell("POST", "/account-balance", body)

    # Activities

    @property
    def _activities(self) -> str:
        if not self._path:
            self._path = activities_path(self._wire)
        return self._path

    def activities(self, account_id: str) -> tuple[RemoteActivity, ...]:
        """Everything that was booked in the account there, by whomever."""
        found: dict[str, RemoteActivity] = {}
        count = PAGE
        while len(found) < count:
            rows, count = self._rows(account_id, direction="asc", take=PAGE, skip=len(found))
            before = len(found)
            found.update((each.id, each) for each in rows)
            if len(found) == before:
                # Rows of one moment may change places between two pages; one page of all has no such seam.
                rows, count = self._rows(account_id, direction="asc", take=max(PAGE, count))
                found.update((each.id, each) for each in rows)
                break
        # An old server ignores a filter that it does not know.
        return tuple(each for each in found.values() if each.account_id == account_id)

    def _rows(
        self, account_id: str, *, direction: str, take: int, skip: int = 0
    ) -> tuple[tuple[RemoteActivity, ...], int]:  # fmt: skip
        """Some rows, and how many there are in all."""
        query: Mapping[str, str] = {
            "accounts": account_id, "sortColumn": "createdAt", "sortDirection": direction, "take": str(take),
            "skip": str(skip),
        }  # fmt: skip
        answer = self._wire.ask(self._activities, query)
        rows = tuple(map(activity_from, rows_of(answer, "activities")))
        count = answer.get("count") if isinstance(answer, dict) else None
        return rows, count if isinstance(count, int) else len(rows)

    def search(self, account_id: str, mark: Mark) -> RemoteActivity | None:
        """The activity of that mark among the newest."""
        rows, _count = self._rows(account_id, direction="desc", take=SEARCH)
        return next((each for each in rows if each.mark == mark and each.account_id == account_id), None)

    def book(self, account_id: str, activity: Activity) -> str:
        """Write an activity that is not there yet, and give its id.

        Raises:
            NotSure: it may be there; look for its mark before it is written again.
            Temporary: it is not there, and may be later.
            Refused: it will not be taken.
        """
        self._check_once()
        whole = activity.asset.source == MANUAL
        try:
            if whole:
                answer = self._wire.tell("POST", "/import", activity.import_body(account_id))
            else:
                answer = self._wire.tell("POST", self._activities, activity.body(account_id))
        except NotSure as error:
            return self._found(account_id, activity, error)
        except Refused as error:
            self._unless_blind(activity, error)
            raise
        told = next(iter(rows_of(answer, "activities")), None) if whole and isinstance(answer, dict) else answer
        known = text_of(told, "id")
        if known:
            return known
        return self._found(account_id, activity, NotSure("Ghostfolio answered a new activity with nothing"))

    def _found(self, account_id: str, activity: Activity, doubt: NotSure) -> str:
        there = self.search(account_id, activity.mark)
        if there is None:
            raise doubt
        return there.id

    def _unless_blind(self, activity: Activity, error: Refused) -> None:
        """A server without its provider refuses every symbol; that passes."""
        blind = error.status == 400 and "symbol" in error.words and activity.asset.source != MANUAL
        if blind and not self.has_market_data():
            raise Temporary(
                f"Ghostfolio cannot check symbol {activity.asset.symbol}: it does not reach its market data; it is "
                "tried again"
            ) from error

    def remove(self, activity_id: str) -> None:
        """Take one activity away; that it is gone already is as good."""
        self._check_once()
        doubt: Temporary | Refused
        try:
            self._wire.tell("DELETE", f"{self._activities}/{activity_id}")
        except NotSure as error:
            doubt = error
        except Refused as error:
            if error.status not in _GONE:
                raise
            doubt = error
        else:
            return
        if self._is_there(activity_id):
            raise doubt

    def _is_there(self, activity_id: str) -> bool:
        try:
            return self._wire.ask(f"{self._activities}/{activity_id}") is not None
        except Refused as error:
            if error.status == 404:
                return False
            raise
