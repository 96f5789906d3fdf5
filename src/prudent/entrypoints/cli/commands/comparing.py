"""The command `runs compare`: what differed between runs, their figures side by side, and how sure that is."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer, Table
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.analytics.comparison import Comparison
    from prudent.analytics.paired import Estimate
    from prudent.backtest.differences import Difference
    from prudent.domain.performance import Metrics, RunBook


def register(runs: typer.Typer) -> None:
    """Add the command to the group `runs`."""
    command(runs, "compare", group="runs")(compare)


def compare(
    call: Call,
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN [RUN...]", help="Two runs or more, like demo/b1.")],
) -> Answer:
    """Compare runs with the first one: what differed, what came of it, and how sure that is."""
    from prudent.analytics.comparison import Arm, compare_many
    from prudent.analytics.returns import daily_returns
    from prudent.backtest.books import run_book
    from prudent.backtest.differences import differences
    from prudent.backtest.run import measured

    if len(runs) < 2 or len(set(runs)) < len(runs):
        raise InputError(f"two different runs or more must be named, was {' '.join(runs)}; see `invest backtests`")
    desk = call.open()
    books = [run_book(desk, name) for name in runs]
    arms = [Arm(id=book.id, days=book.nav.days, returns=daily_returns(book.nav).value) for book in books]
    found = compare_many(arms)
    figures = [measured(book) for book in books]
    differing = [differences(books[0], other) for other in books[1:]]
    return Answer(
        data={
            "runs": [book.id for book in books], "metrics": figures,
            "differences": [
                {"run": other.id, "items": list(each)} for other, each in zip(books[1:], differing)
            ],
            "comparisons": [_data(each) for each in found],
        },
        blocks=[*_sentences(books, found), *_differing(books, differing), _side_by_side(books, figures),
                *_statistics(found)],
    )  # fmt: skip


def _sentences(books: "list[RunBook]", found: "tuple[Comparison, ...]") -> list[str]:
    said = [each.sentence for each in found]
    partial = [f"{book.id} is PARTIAL: {book.partial}" for book in books if book.partial]
    notes = [f"note: {note}" for each in found for note in each.notes]
    return [*said, *partial, *dict.fromkeys(notes)]


def _differing(books: "list[RunBook]", found: "list[tuple[Difference, ...]]") -> list[str | Table]:
    return [
        Table(
            title=f"What differs between {books[0].id} and {other.id}", columns=("what", books[0].id, other.id),
            rows=[(each.what, each.first[:80], each.second[:80]) for each in items],
            empty="nothing was given differently",
        )
        for other, items in zip(books[1:], found)
    ]  # fmt: skip


def _side_by_side(books: "list[RunBook]", figures: "list[Metrics]") -> Table:
    from prudent.entrypoints.cli.backtest_view import number, share

    rows = [
        ("window", *(f"{book.provenance.first} to {book.provenance.last}" for book in books)),
        ("total return", *(share(each.total_return) for each in figures)),
        ("a year (CAGR)", *(share(each.cagr) for each in figures)),
        ("volatility", *(share(each.volatility) for each in figures)),
        ("Sharpe", *(number(each.sharpe) for each in figures)),
        ("max drawdown", *(share(each.max_drawdown) for each in figures)),
        ("turnover a year", *(share(each.turnover) for each in figures)),
        ("fees", *(f"{each.fees:,.2f}" for each in figures)),
        ("trades closed", *(str(each.trades.closed) for each in figures)),
        ("orders refused", *(str(sum(row.refused for row in book.decisions)) for book in books)),
        ("evidence", *(str(book.evidence.level) for book in books)),
    ]
    return Table(title="Figures", columns=("figure", *(f">{book.id}" for book in books)), rows=rows)


def _statistics(found: "tuple[Comparison, ...]") -> list[Table]:
    rows = []
    for each in found:
        mean, ratio = each.mean, each.sharpe
        rows.append((
            f"{each.second} less {each.first}", str(each.n), _number(each.correlation),
            _percent(None if mean is None else mean.value),
            "—" if mean is None else f"{_percent(mean.low)} to {_percent(mean.high)}",
            _number(None if mean is None else mean.p, 3), _number(None if ratio is None else ratio.value),
            _number(None if ratio is None else ratio.p, 3), _years(each.years_needed),
        ))  # fmt: skip
    columns = (
        "difference", ">days", ">correlation", ">return a year", "95 % interval", ">p", ">Sharpe", ">p",
        ">years needed",
    )  # fmt: skip
    return [Table(title="Paired, day by day (studentised block bootstrap)", columns=columns, rows=rows)]


def _data(found: "Comparison") -> dict[str, object]:
    years = found.years_needed
    return {
        "first": found.first, "second": found.second, "verdict": str(found.verdict), "sentence": found.sentence,
        "n": found.n, "correlation": found.correlation, "mean": _finite(found.mean), "sharpe": _finite(found.sharpe),
        "p_corrected": found.family_p, "years_needed": None if years is None or years == float("inf") else years,
        "notes": list(found.notes),
    }  # fmt: skip


def _finite(found: "Estimate | None") -> dict[str, object] | None:
    """An estimate for machines; what is not finite is null there."""
    from dataclasses import asdict
    from math import isfinite

    if found is None:
        return None
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in asdict(found).items()
    }


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.2%}"


def _number(value: float | None, places: int = 2) -> str:
    return "—" if value is None else f"{value:.{places}f}"


def _years(value: float | None) -> str:
    return "—" if value is None else "never" if value == float("inf") else f"{value:,.0f}"
