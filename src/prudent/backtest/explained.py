"""Why a run came out as it did, for its tear sheet: the parts of its profit, and what its guards held back."""

from dataclasses import replace

from prudent.backtest.attributed import attribution_of, rows_of
from prudent.backtest.recorded import panel_of, recording_of
from prudent.backtest.shadow import shadow_book
from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError
from prudent.domain.performance import RunBook
from prudent.tearsheet.extras import AttributionRow, ShadowRow


def explained(desk: Desk, book: RunBook) -> tuple[tuple[AttributionRow, ...], tuple[ShadowRow, ...]]:
    """Rows of both parts; none where the run has no decision, is an account's whole life, or its prices are gone."""
    if "/" not in book.id:
        return (), ()
    try:
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
