"""A run's book as tables and as data: what it came to, against what, and how much that proves."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prudent.domain.performance import Metrics, RunBook
from prudent.entrypoints.cli.answer import UNKNOWN, Table

if TYPE_CHECKING:
    from prudent.backtest.beside import Beside
    from prudent.backtest.repeats import Noise
    from prudent.bootstrap import Desk
    from prudent.tearsheet.extras import BaselineRow, Significance

Blocks = list[str | Table]


def book_blocks(desk: "Desk", book: RunBook, beside: "Beside") -> Blocks:
    """What a person reads after a backtest."""
    from prudent.backtest.beside import significance_of
    from prudent.backtest.run import measured

    figures = measured(book)
    made = book.provenance
    window = f"{made.first} to {made.last}, {made.data_source} data"
    blocks: Blocks = [
        f"{book.id}: {window}, decides {made.cadence}, trades at {made.fill}, worked out in {made.path}",
        _figures_table(figures), *_beside(beside.rows), *beside.notes, *_sure(significance_of(desk, book)),
        f"evidence {book.evidence.level}: {book.evidence.why}",
        f"look number {made.trials} at this window" if made.trials > 1 else "the first look at this window",
    ]
    blocks += [f"note: {each}" for each in made.notes]
    if book.partial:
        blocks.insert(1, f"PARTIAL: {book.partial}; what follows is only what was done until then")
    if book.guards:
        rows = [(g.guard, g.name, str(g.refusals), str(g.shrinks)) for g in book.guards]
        blocks.append(Table(title="Guards that acted", columns=("guard", "name", ">refused", ">shrunk"), rows=rows))
    return blocks


def _beside(baselines: "Sequence[BaselineRow]") -> Iterator[Table]:
    """Plain alternatives on the same dates and costs."""
    rows = [
        (row.name, share(row.total_return), share(row.cagr), number(row.sharpe), share(row.max_drawdown),
         "" if row.percentile is None else f"beat {row.percentile:.0%} of them")
        for row in baselines
    ]  # fmt: skip
    if rows:
        yield Table(
            title="Beside what needs no decision",
            columns=("baseline", ">total", ">a year", ">Sharpe", ">max drawdown", "the run"), rows=rows,
        )  # fmt: skip


def _sure(found: "Significance | None") -> Iterator[str]:
    """How sure the Sharpe ratio is, in a line."""
    if found is None:
        return
    if found.sharpe_low is None or found.sharpe_high is None:
        yield found.note
        return
    said = f"Sharpe 95 % interval {found.sharpe_low:.2f} to {found.sharpe_high:.2f}"
    if found.probabilistic is not None:
        said += f"; above 0 with probability {found.probabilistic:.0%}"
    if found.deflated is not None:
        said += f", above the best that luck gives in {found.trials} looks with {found.deflated:.0%}"
    yield said


def _figures_table(figures: Metrics) -> Table:
    rows = [
        ("total return", share(figures.total_return)), ("a year (CAGR)", share(figures.cagr)),
        ("volatility", share(figures.volatility)), ("Sharpe", number(figures.sharpe)),
        ("Sortino", number(figures.sortino)), ("max drawdown", share(figures.max_drawdown)),
        ("trades closed, won", f"{figures.trades.closed}, {share(figures.trades.win_rate)}"),
        ("turnover a year", share(figures.turnover)), ("fees", f"{figures.fees:,.2f}"),
        ("invested on average", share(figures.gross_exposure)),
    ]  # fmt: skip
    against = figures.benchmark
    if against is not None:
        rows += [
            (f"{against.name} bought and held", share(against.total_return)),
            ("alpha a year, beta", f"{share(against.alpha)}, {number(against.beta)}"),
        ]
    return Table(title=f"{figures.sessions} sessions", columns=("figure", ">value"), rows=rows)


def repeats_blocks(books: Sequence[RunBook]) -> Blocks:
    """Repeats of one backtest: each of them, their mean and spread."""
    import numpy as np

    from prudent.backtest.run import measured

    returns = [measured(book).total_return for book in books]
    known = [each for each in returns if each is not None]
    rows = [(book.id, str(book.provenance.seed), share(each)) for book, each in zip(books, returns)]
    spread = f"{np.std(known, ddof=1):.2%}" if len(known) > 1 else UNKNOWN
    return [
        Table(title="Repeats", columns=("run", "seed", ">return"), rows=rows),
        f"mean {np.mean(known):.2%}, standard deviation {spread} over {len(known)} repeats" if known else "none ended",
    ]


def noise_of(desk: "Desk", books: Sequence[RunBook]) -> "Noise | None":
    """How far the decisions of repeats agree; None where their ledgers are gone."""
    from dataclasses import replace

    from prudent.backtest.places import folder_of
    from prudent.backtest.repeats import FIXED_SEED, decision_noise

    folders = [folder_of(desk, book.account, int(book.id.rpartition("/b")[2])) for book in books]
    noise = decision_noise(books, owner=desk.ledger.owner, folders=folders)
    own = desk.loaded.settings.language.models.get(books[0].provenance.model)
    fixed = own is not None and "seed" in own.parameters
    return replace(noise, note=FIXED_SEED) if noise is not None and fixed and not noise.note else noise


def noise_blocks(noise: "Noise | None") -> Blocks:
    if noise is None or noise.agreement is None:
        return ["decision noise: no moment at which every repeat decided"]
    told = (
        f"decision noise: {share(noise.agreement)} of pairs of repeats wanted the same trades ({share(noise.first)} at "
        f"the first decision, where all held the same), target weights spread by {share(noise.spread)} of equity, over "
        f"{noise.moments} moments; a difference smaller than that is noise"
    )
    blocks: Blocks = [told]
    return [*blocks, f"note: {noise.note}"] if noise.note else blocks


def beside_data(beside: "Beside") -> dict[str, object]:
    """The alternatives for machines, without the levels that a tear sheet draws."""
    names = ("name", "total_return", "cagr", "sharpe", "max_drawdown", "percentile")
    rows = [{name: getattr(row, name) for name in names} for row in beside.rows]
    return {"baselines": rows, "baseline_notes": list(beside.notes)}


def book_data(desk: "Desk", book: RunBook) -> dict[str, object]:
    """The same for machines."""
    from prudent.backtest.places import folder_of
    from prudent.backtest.run import measured

    number = book.id.rpartition("/b")[2]
    return {
        "id": book.id, "partial": book.partial, "metrics": measured(book), "evidence": book.evidence,
        "provenance": book.provenance, "guards": list(book.guards), "warnings": list(book.warnings),
        "final_value": float(book.nav.nav[-1]) if len(book.nav.nav) else book.nav.opening,
        "folder": str(folder_of(desk, book.account, int(number))) if number.isdigit() else "",
    }  # fmt: skip


def share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2%}"


def number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"
