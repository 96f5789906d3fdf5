"""User rules as stored rows: added, listed with what they did, switched off but never deleted."""

import json
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.errors import InputError
from prudent.domain.records import canonical, encode, utc_text
from prudent.domain.rules import RuleCategory, RuleOrigin, UserRule
from prudent.ledger import accounts, audit
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import RULES, mine

_ALL = select(RULES).where(mine(RULES, "account")).order_by(RULES.c.priority, RULES.c.rule_id)
_ACTIVE = (
    select(RULES)
    .where(mine(RULES, "account", "is_active"))
    .order_by(RULES.c.priority, RULES.c.rule_id)
)  # fmt: skip
_ONE = select(RULES).where(mine(RULES, "account", "rule_id"))
_ADD = insert(RULES)
_SWITCH = (
    update(RULES)
    .where(mine(RULES, "account", "rule_id"))
    .values(is_active=bindparam("b_active"), updated=bindparam("b_at"))
)


def _rule(row: Row) -> UserRule:
    return UserRule(
        rule_id=row["rule_id"], rule_name=row["rule_name"], rule_category=RuleCategory(row["rule_category"]),
        enforcement_params=json.loads(row["enforcement_params"]), priority=row["priority"],
        is_active=bool(row["is_active"]), applies_to_assets=tuple(json.loads(row["applies_to_assets"])),
        applies_to_symbols=tuple(json.loads(row["applies_to_symbols"])),
        exclude_symbols=tuple(json.loads(row["exclude_symbols"])), created_by=RuleOrigin(row["created_by"]),
        description=row["description"], created_at=moment(row["created_at"]) if row["created_at"] else None,
    )  # fmt: skip


def active(tx: Transaction, account: str) -> tuple[UserRule, ...]:
    """The rules in force, lowest priority number first."""
    return tuple(_rule(row) for row in tx.all(_ACTIVE, account=account, is_active=1))


def listed(tx: Transaction, account: str) -> tuple[UserRule, ...]:
    """All rules, the switched-off ones too."""
    return tuple(_rule(row) for row in tx.all(_ALL, account=account))


def add(tx: Transaction, account: str, rule: UserRule, *, at: datetime) -> None:
    """Store a rule that has been checked; its id is new to the account."""
    accounts.find(tx, account)
    if not rule.rule_id:
        raise InputError("rule_id must name the rule, was empty; give one")
    if tx.one(_ONE, account=account, rule_id=rule.rule_id) is not None:
        raise InputError(f"rule_id must be new, was {rule.rule_id!r}, which exists; disable that one or rename this")
    tx.run(
        _ADD, account=account, rule_id=rule.rule_id, rule_name=rule.rule_name, rule_category=str(rule.rule_category),
        enforcement_params=canonical(encode(rule.enforcement_params)).decode(),
        applies_to_assets=json.dumps(list(rule.applies_to_assets)),
        applies_to_symbols=json.dumps(list(rule.applies_to_symbols)),
        exclude_symbols=json.dumps(list(rule.exclude_symbols)), created_by=str(rule.created_by),
        description=rule.description, created_at=utc_text(rule.created_at or at), updated=utc_text(at),
        priority=rule.priority, is_active=int(rule.is_active),
    )  # fmt: skip
    audit.note(tx, "rule_added", account, at, {"rule": encode(rule)})


def switch(tx: Transaction, account: str, rule_id: str, active: int, *, at: datetime) -> None:
    """Put a rule in force (1) or out of force (0)."""
    row = tx.one(_ONE, account=account, rule_id=rule_id)
    if row is None:
        known = ", ".join(each.rule_id for each in listed(tx, account)) or "none"
        raise InputError(f"rule_id must be one of the account's ({known}), was {rule_id!r}; correct it")
    if row["is_active"] != active:
        tx.run(_SWITCH, account=account, rule_id=rule_id, b_active=active, b_at=utc_text(at))
        audit.note(tx, "rule_enabled" if active else "rule_disabled", account, at, {"rule_id": rule_id})
