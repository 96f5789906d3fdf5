"""A sweep as a table and as data: its combinations by Sharpe ratio, and what the search proves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prudent.entrypoints.cli.answer import UNKNOWN, Table

if TYPE_CHECKING:
    from prudent.backtest.searched import Searched, Tried
    from prudent.domain.records import Json
    from prudent.workflows.sweeps import Plan

SHOWN = 50
PERCENT = ("total_return", "cagr", "max_drawdown", "turnover")


def sweep_blocks(plan: "Plan", tried: "Sequence[Tried]", found: "Searched") -> list[str | Table]:
    """What a person reads of a sweep; of a large one the best rows."""
    from prudent.backtest.searched import ranked

    rows = [_row(each) for each in ranked(tried)]
    blocks: list[str | Table] = [
        Table(
            title=f"Sweep {plan.name}: {plan.account}, {plan.first} to {plan.last}, {len(tried)} combinations",
            columns=(*plan.keys, "run", ">Sharpe", ">return", ">a year", ">max drawdown", ">turnover", "status"),
            rows=rows[:SHOWN],
        )
    ]  # fmt: skip
    if len(rows) > SHOWN:
        blocks.append(f"the best {SHOWN} of {len(rows)} are shown; --json has all")
    return [*blocks, *found.sentences]


def _row(each: "Tried") -> list[str]:
    shown = [_figure(each.summary.get(name), percent=True) for name in PERCENT]
    status = each.status if not each.note else f"{each.status}: {each.note[:80]}"
    return [*each.values, each.id or UNKNOWN, _figure(each.summary.get("sharpe")), *shown, status]


def _figure(value: "Json", *, percent: bool = False) -> str:
    if not isinstance(value, str):
        return UNKNOWN
    return f"{float(value):.2%}" if percent else f"{float(value):.2f}"


def sweep_data(plan: "Plan", tried: "Sequence[Tried]", found: "Searched") -> dict[str, object]:
    """The same for machines, in full."""
    from prudent.backtest.searched import ranked

    return {
        "name": plan.name, "account": plan.account, "source": plan.source, "first": plan.first, "last": plan.last,
        "begun": plan.begun, "keys": list(plan.keys), "trials": found.trials, "best": found.best,
        "overfitting": found.overfitting, "sentences": list(found.sentences),
        "combinations": [
            {
                "values": dict(zip(plan.keys, each.values)), "run": each.id, "status": each.status, "note": each.note,
                "summary": dict(each.summary),
            }
            for each in ranked(tried)
        ],
    }  # fmt: skip
