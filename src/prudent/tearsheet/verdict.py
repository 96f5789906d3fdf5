"""The one sentence on top of a tear sheet: what the run made, at what risk, against what, and how far to trust it."""

from prudent.domain.accounts import Mode
from prudent.domain.performance import EvidenceLevel, Metrics
from prudent.tearsheet.sheet import Sheet
from prudent.tearsheet.words import known, percent, plural, ratio, signed_percent

_SURE = 0.95
# No record makes certain; beyond this a figure says too much.
_CERTAIN = 0.999
_TRUST = {
    EvidenceLevel.E0: "E0, which proves nothing about the future",
    EvidenceLevel.E1: "E1, since the model may have known what came",
    EvidenceLevel.E2: "E2, with what the model may know of the window masked",
    EvidenceLevel.E3: "E3, on a window after everything that the model knows",
    EvidenceLevel.E4: "E4, made forward and not in hindsight",
}
_WHAT = {Mode.BACKTEST: "This backtest", Mode.PAPER: "This paper run", Mode.LIVE: "This live run"}


def verdict(sheet: Sheet) -> str:
    """One plain sentence."""
    figures, book = sheet.figures, sheet.book
    what = _WHAT.get(book.mode, "This run")
    trust = f"its evidence level is {_TRUST[book.evidence.level]}"
    if not figures.sessions or figures.total_return is None:
        return f"{what} has no session that can be judged yet, and {trust}."
    return f"{what} {_made(figures)}, {_fell(figures)}{_against(figures)}{_luck(sheet)}; {trust}."


def _made(figures: Metrics) -> str:
    total = figures.total_return or 0.0
    amount = "lost " + percent(-total) if total < 0 else "made " + percent(total)
    over = plural(figures.sessions, "session")
    if known(figures.cagr):
        return f"{amount} in {ratio(figures.years)} years, {signed_percent(figures.cagr)} a year after costs"
    return f"{amount} in {over} after costs"


def _fell(figures: Metrics) -> str:
    if figures.max_drawdown >= 0:
        return "and never closed below its highest value"
    return f"and fell {percent(-figures.max_drawdown)} at the worst"


def _against(figures: Metrics) -> str:
    other = figures.benchmark
    if other is None:
        return ""
    made = f"{signed_percent(other.cagr)} a year" if known(other.cagr) else signed_percent(other.total_return)
    return f", where {other.name} made {made} and fell {percent(abs(other.max_drawdown))}"


def _luck(sheet: Sheet) -> str:
    """What the number of trials leaves of it; nothing where nobody has computed it."""
    found = sheet.extras.significance
    if found is None or not known(found.deflated):
        return ""
    tried = plural(sheet.trials, "trial")
    if (found.deflated or 0.0) >= _SURE:
        sure = "more than 99.9 %" if (found.deflated or 0.0) > _CERTAIN else percent(found.deflated)
        return f"; after {tried} it is {sure} sure that this is more than luck of these days"
    return f"; after {tried} this cannot be told from luck"
