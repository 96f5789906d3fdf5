"""Guards of margin: what the venue said, what it did not say, and for whom its figures are binding."""

from typing import Any

from tests.unit.guards.build import Change, D, exact, holding, limits, mandated, observed, order_of, ordering, planning
from tests.unit.guards.cases_futures import dated
from tests.unit.guards.words import SOLD, Case, passes, refuses, warns

from prudent.domain.accounts import AccountClass
from prudent.domain.margin import MarginAnswer, Margins
from prudent.domain.orders import Effect

REF = "AAA-OPEN"
UNHEARD: dict[str, Any] = {"checked": False, "message": "no answer in 4 s"}
REFUSED: dict[str, Any] = {"refused": "201: no margin"}
_WORDS = ("checked", "refused", "message")


def answer(ref: str = REF, **told: Any) -> MarginAnswer:
    """An order that takes 10,000 initial and 8,000 maintenance margin of an account worth 100,000 without any."""
    figures: dict[str, Any] = {
        "initial_change": 10_000, "initial_after": 10_000, "maintenance_change": 8_000, "maintenance_after": 8_000,
        "equity_change": 0, "equity_after": 100_000,
    }  # fmt: skip
    if told.get("refused") or not told.get("checked", True):
        figures = {}
    figures |= {name: value for name, value in told.items() if name not in _WORDS}
    given: dict[str, Any] = {name: None if value is None else D(value) for name, value in figures.items()}
    given |= {"checked": True} | {name: value for name, value in told.items() if name in _WORDS}
    return MarginAnswer(order_ref=ref, **given)


def said(ref: str = REF, **told: Any) -> Change:
    """The venue's answer about one order."""
    return observed(margins=Margins(answers=(answer(ref, **told),)))


def future(*changes: Change) -> tuple[Change, ...]:
    """Ten AAA at exactly 100, which is a future; net liquidation is 100,000 before and after."""
    return (exact(10), dated(), *changes)


def short(quantity: int = 10) -> tuple[Change, ...]:
    return (planning(allow_short=True), ordering(order_of("AAA", quantity, Effect.SHORT)))


NOT_ASKED = observed(margins=Margins())
ON_MARGIN = mandated(account_class=AccountClass.MARGIN)
COVERED = (holding(AAA=-10), ordering(order_of("AAA", 10, Effect.COVER)))

MARGIN_CASES: dict[str, tuple[Case, ...]] = {
    "P15": (
        passes("a future at half", *future(said(initial_after=50_000))),
        refuses("a future a cent above half", *future(said(initial_after="50000.01"))),
        passes("a limit of its own, met", *future(limits(max_initial_margin=D("0.10")), said())),
        refuses("a limit of its own, missed", *future(limits(max_initial_margin=D("0.09")), said())),
        refuses("a future that nobody answered about", *future(said(**UNHEARD))),
        refuses("a future that was not asked about", *future(NOT_ASKED)),
        refuses("a future without the figure", *future(said(initial_after=None))),
        refuses("a future that the venue would refuse", *future(said(**REFUSED))),
        refuses("no net liquidation to measure by", *future(said()), observed(quotes=()), holding(BBB=1)),
        passes("a future sold, though nobody answered", dated(), *SOLD, said("AAA-CLOSE", **UNHEARD)),
        passes("a future sold, beyond half", dated(), *SOLD, said("AAA-CLOSE", initial_after=90_000)),
        passes("a future sold, though the venue would refuse it", dated(), *SOLD, said("AAA-CLOSE", **REFUSED)),
        refuses("a short sale that nobody answered about", *short(), said("AAA-SHORT", **UNHEARD)),
        refuses("a short sale beyond half", *short(), said("AAA-SHORT", initial_after=50_001)),
        passes("a short covered, though nobody answered", *COVERED, said("AAA-COVER", **UNHEARD)),
        refuses("a purchase on margin that was not asked about", ON_MARGIN, NOT_ASKED),
        refuses("a purchase on margin beyond half", ON_MARGIN, said(initial_after=50_001)),
        passes("a purchase on margin within half", ON_MARGIN, said()),
        passes("a purchase from cash that was not asked about", NOT_ASKED),
        passes("a purchase from cash, whatever its margin", said(initial_after=99_000)),
        warns("a purchase from cash that nobody answered about", said(**UNHEARD)),
        refuses("a purchase from cash that the venue would refuse", said(**REFUSED)),
    ),
    "P15.X": (
        passes("exactly a fifth stays", *future(said(maintenance_after=80_000))),
        refuses("a cent less stays", *future(said(maintenance_after="80000.01"))),
        refuses("little equity", *future(said(equity_after=27_999))),
        passes("a limit of its own, met", *future(limits(min_excess_liquidity=D("0.92")), said())),
        refuses("a limit of its own, missed", *future(limits(min_excess_liquidity=D("0.93")), said())),
        refuses("no maintenance margin told", *future(said(maintenance_after=None))),
        refuses("no equity told", *future(said(equity_after=None))),
        refuses("nobody answered", *future(said(**UNHEARD))),
        passes("a sale, though nothing stays", dated(), *SOLD, said("AAA-CLOSE", equity_after=0)),
        passes("a purchase from cash, though little stays", said(equity_after=10_000)),
        refuses("a short sale", *short(), said("AAA-SHORT", equity_after=27_000)),
    ),
}  # fmt: skip
