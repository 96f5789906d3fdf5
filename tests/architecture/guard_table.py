"""The table of guards in `docs/RISK.md`, made from the list itself; run this module to renew it."""

import inspect
from decimal import Decimal

from tests.architecture.tree import ROOT

from prudent.domain.accounts import AccountClass, Mode
from prudent.domain.cycles import Interlock
from prudent.domain.mandate import Limits, Mandate, StrategyLimits
from prudent.domain.money import plain
from prudent.guards.catalogue import INTERLOCKS, GuardRow, Special, guard_rows
from prudent.guards.user_rules import LIMIT_NAMES

PAGE = ROOT / "docs" / "RISK.md"
BEGIN, END = "<!-- guard table: begin -->\n", "<!-- guard table: end -->\n"

# Judges whose name says all, in words for a table.
PLAIN = {
    "P01": "Lowest cash is never below 0.",
    "D01": "Quantity above 0, in whole lots unless it closes a position whole; side, type and prices make sense.",
    "D14": "An unknown sector is a sector like any other, capped like any other.",
    "P12.L1": "The order at its worst price at most the limit in money; a larger one is refused, not trimmed.",
    "P18": "Orders accepted this session; only new risk is refused.",
    "P18.L0": "The same, as a constant.",
    "R01": "No same order within a minute, and none while an own order in the symbol is live.",
    "X03": "From this drawdown on no new risk, until a person resumes.",
}


def every_guard() -> tuple[GuardRow, ...]:
    """The list of a live autonomous account that uses every limit and holds futures on margin."""
    mandate = Mandate(
        account="table",
        account_class=AccountClass.AUTONOMOUS,
        limits=Limits(cash_min=Decimal("0.05"), cash_max=Decimal("0.50"), max_order_notional=Decimal(10_000)),
        strategy_limits=StrategyLimits(
            max_position_weight=Decimal("0.15"), max_trades_per_cycle=10, min_holding_days=5
        ),
    )  # fmt: skip
    locks = tuple(Interlock(id=id_, name=name, satisfied=True) for id_, name in INTERLOCKS.items())
    return guard_rows(mandate, mode=Mode.LIVE, interlocks=locks, special=Special(closing=frozenset(), margin=True))


def words(row: GuardRow) -> str:
    said = PLAIN.get(row.label.id) or inspect.getdoc(row.judge) or ""
    if row.label.id in INTERLOCKS:
        return "Must hold before anything is sent."
    return " ".join(said.replace("`limit`", "the limit").replace("`second`", "the second limit").split())


def table() -> str:
    """The guards in the order in which they are asked, and the kinds of user rules."""
    lines = ["| id | guard | layer | limit | rule |", "|---|---|---|---|---|"]
    for row in every_guard():
        limit = "" if row.label.limit is None else plain(row.label.limit)
        lines.append(f"| {row.label.id} | {row.label.name} | {row.label.layer} | {limit} | {words(row)} |")
    kinds = ", ".join(f"`{name}`" for name in sorted(LIMIT_NAMES))
    return "\n".join([*lines, "", f"User rules, layer L2, by the key of their parameter: {kinds}.", ""])


def page_with_table(page: str) -> str:
    head, rest = page.split(BEGIN)
    return head + BEGIN + table() + rest[rest.index(END) :]


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
