"""Why a run came out as it did, for its tear sheet: the parts of its profit, and what its guards held back."""

from dataclasses import replace

from prudent.backtest.attributed import attribution_of, rows_of
from prudent.backtest.books import parse
from prudent.backtest.columnar_rows import may_be_played
from prudent.backtest.recorded import panel_of, recording_of
from prudent.backtest.shadow import shadow_book
from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError
from prudent.domain.performance import RunBook
from prudent.tearsheet.extras import AttributionRow, ShadowRow

# Cycles of a backtest in columns that a report plays to tell its parts; they take about a tenth of a second each.
PLAYED_MAX = 600


def explained(desk: Desk, book: RunBook) -> tuple[tuple[AttributionRow, ...], tuple[ShadowRow, ...]]:
    """Rows of both parts; none where the run has no decision, is an account's whole life, or its prices are gone."""
    if "/" not in book.id:
        return (), ()
    try:
        if not _on_record(desk, book.id):
            return (), ()
        recording = recording_of(desk, book.id)
        panel = panel_of(desk, recording)
        found = attribution_of(recording, panel, desk.calendar)
        shadow = shadow_book(recording.records, panel).rows()
    except DeskError:
        return (), ()
    rows = rows_of(found.parts) if found.intervals else ()
    if rows and not recording.played:
        until = f"all parts are up to the last decision, {found.intervals[-1][0].ends:%Y-%m-%d}"
        rows = (replace(rows[0], note=f"{rows[0].note}; {until}"), *rows[1:])
    return rows, shadow


def _on_record(desk: Desk, run: str) -> bool:
    """Whether the cycles are there, or so few that a reader may wait for them to be played."""
    wanted = parse(run)
    if not wanted.is_backtest or wanted.number is None:
        return True
    return may_be_played(desk, desk.ledger.backtests.find(wanted.account, wanted.number), most=PLAYED_MAX)
