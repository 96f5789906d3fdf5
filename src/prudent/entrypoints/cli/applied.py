"""What was applied last: the settings of a home as rows, to tell what a changed file would change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prudent.domain.records import Json, decode, encode
from prudent.settings import Loaded, rows

FILE = "applied.json"

Values = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Settings as rows: those of the home, and those of each account under its own keys.

    A secret stands as REDACTED, so a change of one is not seen.
    """

    home: Values
    accounts: Mapping[str, Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: `account` is empty for a setting of the home, `key` for an account as a whole.

    `act` is `added`, `removed` or `changed`.
    """

    act: str
    account: str = ""
    key: str = ""
    before: Json = None
    after: Json = None

    @property
    def line(self) -> str:
        """The difference as a person reads it."""
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.act]
        if not self.key:
            return f"{sign} account {self.account}"
        where = f"{self.account}: {self.key}" if self.account else self.key
        return f"{sign} {where}: {_shown(self.before)} -> {_shown(self.after)}"


def applied(loaded: Loaded) -> Applied:
    """Every setting in force."""
    home: dict[str, Json] = {}
    accounts: dict[str, dict[str, Json]] = {account: {} for account in loaded.settings.accounts}
    for key, value, _origin in rows(loaded):
        # An id may have dots, and one may begin with another one: the longest is meant.
        rest = key.removeprefix("accounts.") if key.startswith("accounts.") else ""
        owner = max((account for account in accounts if rest.startswith(f"{account}.")), key=len, default=None)
        if owner is not None:
            accounts[owner][rest.removeprefix(f"{owner}.")] = value
        elif key != "accounts":
            home[key] = value
    return Applied(home=home, accounts=accounts)


def remember_applied(loaded: Loaded) -> None:
    """Keep the settings in force as those that were applied."""
    path = loaded.home / "data" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(encode(applied(loaded)), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def last_applied(home: Path) -> Applied | None:
    """What was applied last, None where that is not known."""
    try:
        return decode(Applied, json.loads((home / "data" / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def changes(before: Applied, after: Applied) -> tuple[Change, ...]:
    """What differs: settings of the home, then accounts one by one."""
    found = _differences(before.home, after.home, account="")
    found += [Change(act="removed", account=account) for account in before.accounts if account not in after.accounts]
    found += [Change(act="added", account=account) for account in after.accounts if account not in before.accounts]
    for account, values in after.accounts.items():
        if account in before.accounts:
            found += _differences(before.accounts[account], values, account=account)
    return tuple(found)


def _differences(old: Values, new: Values, *, account: str) -> list[Change]:
    return [
        Change(act="changed", account=account, key=key, before=old.get(key), after=new.get(key))
        for key in dict.fromkeys((*old, *new))
        if old.get(key) != new.get(key)
    ]


def _shown(value: Json) -> str:
    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
