"""What the built-in rules make of the account of a language model: the same run with another answer, kept beside it."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from prudent.backtest.book import RESULT_FILE, load, save
from prudent.backtest.books import parse
from prudent.backtest.kept import kept_request
from prudent.backtest.places import folder_of
from prudent.backtest.recorded import WHATIF
from prudent.backtest.request import Request
from prudent.backtest.run import Playing, prepare, run_rows
from prudent.backtest.stage import LEDGER_FILE
from prudent.backtest.walk import Progress
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.errors import DeskError, InputError, StoreError
from prudent.domain.performance import Benchmark, RunBook
from prudent.domain.reasoning import RULES_LABEL, RULES_MODEL

NAME = f"the model `{RULES_MODEL}` instead"
FOLDER = "ruled"
# Decisions that a report plays for this row; whoever has just waited for a model waits for more.
PLAYED_MAX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What the account became, or in the note why that is not known; beside a level it says what to know of it."""

    level: Benchmark | None = None
    note: str = ""


def ruled(desk: Desk, book: RunBook, *, most: int | None = PLAYED_MAX, progress: Progress | None = None) -> Ruled:
    """The same account, window and costs through the same pipeline, decided by the rules instead of the model.

    It is played once, for at most `most` decisions (None: any number), and kept; it counts as no look at the window,
    for nothing is chosen by it.
    """
    why = _why_not(book)
    if why:
        return Ruled(note=f"{NAME}: not applicable, {why}")
    try:
        found = _found(desk, book, most, progress)
    except DeskError as error:
        return Ruled(note=f"{NAME}: not run, {error}")
    note = f"{NAME}: its run ended early, {found.partial}" if found.partial else ""
    level = Benchmark(name=NAME, days=found.nav.days, level=found.nav.nav / found.nav.opening, opening=1.0)
    return Ruled(level=level, note=note)


def _why_not(book: RunBook) -> str:
    if book.mode is not Mode.BACKTEST:
        return "it is run beside backtests only"
    answered = {each.answered_by for each in book.decisions} - {""}
    if not answered:
        return "no model decided anything in this run"
    return "the rules decided this run" if answered == {RULES_LABEL} else ""


def _found(desk: Desk, book: RunBook, most: int | None, progress: Progress | None) -> RunBook:
    run = parse(book.id)
    if run.number is None:
        raise InputError(f"it must be run beside one backtest, was asked for {book.id}")
    if desk.ledger.backtests.find(run.account, run.number).sweep == WHATIF:
        raise InputError(f"{book.id} is a what-if; see the run that it was made of")
    folder = folder_of(desk, run.account, run.number)
    if (folder / FOLDER / RESULT_FILE).is_file():
        return load(folder / FOLDER)
    if most is not None and len(book.decisions) > most:
        raise InputError(
            f"this run has {len(book.decisions):,} decisions, a report plays {most:,} at most; `invest backtest` with "
            "the same options plays them all, and gives the run itself as it is"
        )
    return _played(desk, book, _request(book, folder), folder, progress)


def _request(book: RunBook, folder: Path) -> Request:
    asked = kept_request(folder)
    if asked is None:
        raise StoreError(f"what {book.id} was asked for is not kept; run the backtest again")
    mandate = replace(asked.mandate, model=RULES_MODEL, model_parameters={})
    last = book.nav.days[-1].item() if book.partial else asked.last
    # Repeats differ by what a model answers; the rules answer one thing.
    return replace(asked, mandate=mandate, last=last, seed=0)


def _played(desk: Desk, book: RunBook, request: Request, folder: Path, progress: Progress | None) -> RunBook:
    made = book.provenance
    if desk.code_version != made.code_version:
        raise StoreError(f"{book.id} was run by other code ({made.code_version}); run the backtest again")
    prepared = prepare(desk, request)
    if not book.partial and prepared.data_hash != made.data_hash:
        raise StoreError(f"the data have changed since {book.id}; run the backtest again")
    part = folder / f"{FOLDER}.part"
    outcome = run_rows(desk, prepared, part, Playing(progress=progress))
    found = replace(
        book, mandate=request.mandate, nav=outcome.nav, fills=outcome.fills, decisions=outcome.decisions,
        guards=outcome.guards, warnings=outcome.failures, partial=outcome.partial,
        provenance=replace(
            made, model=RULES_MODEL, prompts=outcome.prompts, notes=outcome.notes, path=str(outcome.path),
            seed=request.seed, last=request.last, data_hash=prepared.data_hash,
        ),
    )  # fmt: skip
    (part / LEDGER_FILE).unlink()
    save(found, part)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    part.replace(folder / FOLDER)
    return found

