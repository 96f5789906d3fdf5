"""The row of one person: name, role, status and the hash of the password."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.errors import InputError
from prudent.domain.people import Role, User, UserStatus
from prudent.domain.records import utc_text
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import USERS, mine

_MINE = select(USERS).where(mine(USERS))
_ADD = insert(USERS)
_SET_PASSWORD = (
    update(USERS)
    .where(mine(USERS))
    .values(
        password=bindparam("b_password"), password_changed=bindparam("b_changed"), status=bindparam("b_status")
    )
)  # fmt: skip
_REFRESH = update(USERS).where(mine(USERS)).values(password=bindparam("b_password"))
_SET_STATUS = update(USERS).where(mine(USERS)).values(status=bindparam("b_status"))


def user_row(row: Row) -> User:
    changed = row["password_changed"]
    return User(
        owner=row["owner_id"], name=row["name"], role=Role(row["role"]), status=UserStatus(row["status"]),
        created=moment(row["created"]), password=row["password"],
        password_changed=None if changed is None else moment(changed),
    )  # fmt: skip


def find(tx: Transaction) -> User | None:
    """The person whose rows these are; None before they were added."""
    row = tx.one(_MINE)
    return None if row is None else user_row(row)


def require(tx: Transaction) -> User:
    found = find(tx)
    if found is None:
        raise InputError("the ledger must know its person, does not yet; open an account or run `invest users add`")
    return found


def add(tx: Transaction, user: User) -> None:
    """Store a person, once; a name that is taken makes the database refuse."""
    tx.run(
        _ADD, name=user.name, created=utc_text(user.created), role=str(user.role),
        status=str(user.status), password=user.password,
        password_changed=None if user.password_changed is None else utc_text(user.password_changed),
    )  # fmt: skip


def set_password(tx: Transaction, hashed: str, status: UserStatus, at: datetime) -> None:
    require(tx)
    tx.run(_SET_PASSWORD, b_password=hashed, b_changed=utc_text(at), b_status=str(status))


def refresh_hash(tx: Transaction, hashed: str) -> None:
    """The same password at another cost."""
    tx.run(_REFRESH, b_password=hashed)


def set_status(tx: Transaction, status: UserStatus) -> None:
    require(tx)
    tx.run(_SET_STATUS, b_status=str(status))
