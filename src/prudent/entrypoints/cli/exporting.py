"""Rows of the ledger's views, out to a file or standard output."""

from collections.abc import Sequence
from pathlib import Path

from prudent.entrypoints.cli.answer import Answer
from prudent.ledger import LedgerStore
from prudent.ledger.export import ExportFormat, export, text
from prudent.ledger.rows import DecisionRow, PositionRow, TradeRow

ALL = 10_000_000


def exported(
    ledger: LedgerStore, kind: str, form: str, *, accounts: Sequence[str], output: Path | None
) -> Answer:  # fmt: skip
    """All rows of that kind of those accounts, oldest first."""
    rows, row_type = _rows(ledger, kind, accounts)
    chosen = ExportFormat(form)
    if output is not None:
        count = export(rows, row_type, output, chosen)
        return Answer(
            data={"kind": kind, "format": form, "rows": count, "path": str(output)},
            blocks=[f"wrote {count} {kind} to {output}"],
        )
    return Answer(data=rows, raw=text(rows, row_type, chosen))


def _rows(ledger: LedgerStore, kind: str, accounts: Sequence[str]) -> tuple[list[object], type]:
    views = ledger.views
    funded = {each.id for each in ledger.accounts()}
    rows: list[object] = []
    for account in (each for each in accounts if each in funded):
        if kind == "positions":
            rows += views.positions(account)
        elif kind == "trades":
            rows += reversed(views.trades(account, limit=ALL).rows)
        else:
            rows += reversed(views.decisions(account, limit=ALL).rows)
    return rows, {"positions": PositionRow, "trades": TradeRow, "decisions": DecisionRow}[kind]
