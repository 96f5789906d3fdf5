"""How much a backtest with a language model may owe to what the model remembers: four measurements, one report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from prudent.backtest.counterfactual import changes_of
from prudent.backtest.evidence import Guesses, Probed
from prudent.backtest.masked import Asked, names_of, trail_of
from prudent.backtest.masked_facts import Hidden
from prudent.backtest.masked_prompts import check_masked
from prudent.backtest.places import folder_of
from prudent.backtest.probes import keep_probes
from prudent.backtest.recall import CHOICES, riddle, solved
from prudent.backtest.run import Playing, Prepared, backtest, measured, prepare, summary_of
from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import InputError
from prudent.domain.performance import Evidence, RunBook
from prudent.domain.reasoning import RULES_LABEL
from prudent.domain.records import Json

EVERYTHING = tuple(str(each) for each in Hidden)
PROBES = 20
FIGURES = ("total_return", "sharpe", "max_drawdown", "turnover")
NO_MODEL = "the built-in rules answered: they remember nothing, and are not asked to guess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """The report. `plain` and `masked` are the figures of the same window, `share_known` the part of its sessions up to
    the model's cut-off, None where that is not known. `recognised` replies named a company that was hidden.
    """

    account: str
    model: str
    first: date
    last: date
    knowledge_until: date | None
    share_known: float | None
    plain_id: str
    masked_id: str
    plain: dict[str, Json]
    masked: dict[str, Json]
    prompts: int
    leaks: int
    recognised: int
    news_left_out: int
    probed: Probed | None
    evidence: Evidence
    notes: tuple[str, ...] = ()

    def gap(self, figure: str) -> float | None:
        """The plain figure less the masked one."""
        one, other = self.plain.get(figure), self.masked.get(figure)
        return None if one is None or other is None else float(str(one)) - float(str(other))


def report(desk: Desk, prepared: Prepared, playing: Playing, *, probes: int = PROBES) -> Contamination:
    """Run the window as it is and masked, ask the probes, keep what they found, and say what the masked run proves.

    Both runs are backtests of the account and count as looks. `probes` 0 asks none.

    Raises:
        InputError: the account asks no model, or none in the window.
    """
    request = prepared.request
    check_masked(request.mandate)
    plain = backtest(desk, _with(desk, prepared, ()), playing)
    masked = backtest(desk, _with(desk, prepared, EVERYTHING), playing)
    trail = list(trail_of(_folder(desk, masked)))
    if not trail:
        raise InputError(
            f"account {request.account} must ask a model in the window, asked none from {request.first} to "
            f"{request.last}; take a longer window"
        )
    probed = _probed(desk, prepared, masked, trail, probes, playing) if probes else None
    if probed is not None and not _ruled(masked):
        keep_probes(desk, request, probed, symbols=prepared.symbols, source=prepared.source)
        # The run is stamped anew by what was just found out.
        masked = backtest(desk, _with(desk, prepared, EVERYTHING), playing)
    return _told(desk, prepared, (plain, masked), trail, probed)


def questions_of(calls: int, probes: int) -> int:
    """How many questions a report may ask where one backtest asks `calls`: two runs, guesses, and both passes again."""
    return 2 * calls + 3 * probes


def _with(desk: Desk, prepared: Prepared, hidden: tuple[str, ...]) -> Prepared:
    return prepare(desk, replace(prepared.request, anonymise=hidden))


def _ruled(book: RunBook) -> bool:
    """True where no model was asked, only the built-in rules."""
    return {each.answered_by for each in book.decisions} <= {RULES_LABEL, ""}


def _probed(
    desk: Desk, prepared: Prepared, masked: RunBook, trail: Sequence[Asked], probes: int, playing: Playing
) -> Probed:
    model, request = playing.model or desk.language, prepared.request
    symbols = years = Guesses(asked=0, answered=0, right=0, chance=1.0 / CHOICES)
    if not _ruled(masked):
        draw = np.random.Generator(np.random.PCG64(request.seed))
        real = {pseudonym: name for name, pseudonym in names_of(_folder(desk, masked)).items()}
        picked = [trail[int(i)] for i in np.linspace(0, len(trail) - 1, num=probes)]
        latest = max(SystemClock().now().year, request.last.year)
        known = desk.instruments.all()
        riddles = [riddle(each, real, known, draw, latest=latest) for each in picked]
        symbols, years = solved([each for each in riddles if each is not None], model)
    return Probed(symbols=symbols, years=years, changes=changes_of(trail, request.mandate, model, probes))


def _folder(desk: Desk, book: RunBook) -> Path:
    return folder_of(desk, book.account, int(book.id.rpartition("/b")[2]))


def _told(
    desk: Desk, prepared: Prepared, books: tuple[RunBook, RunBook], trail: Sequence[Asked], probed: Probed | None
) -> Contamination:
    plain, masked = books
    request = prepared.request
    settings = desk.loaded.settings.language.models.get(request.mandate.model)
    until = None if settings is None else settings.knowledge_until
    days = [each.date for each in prepared.sessions]
    return Contamination(
        account=request.account, model=request.mandate.model, first=request.first, last=request.last,
        knowledge_until=until, share_known=None if until is None else sum(day <= until for day in days) / len(days),
        plain_id=plain.id, masked_id=masked.id, plain=_figures(plain), masked=_figures(masked), prompts=len(trail),
        leaks=sum(bool(each.leaks) for each in trail), recognised=sum(each.recognised for each in trail),
        news_left_out=sum(each.news_left_out for each in trail), probed=probed, evidence=masked.evidence,
        notes=(NO_MODEL,) if _ruled(masked) else (),
    )  # fmt: skip


def _figures(book: RunBook) -> dict[str, Json]:
    return {name: value for name, value in summary_of(measured(book)).items() if name in FIGURES}
