"""Two runs, or many, on the same days: how they differ, how sure that is, and the one sentence a person needs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce

import numpy as np

from prudent.analytics.bootstrap import Resampling
from prudent.analytics.multiple import holm
from prudent.analytics.paired import Estimate, mean_difference, no_difference, sharpe_difference
from prudent.analytics.power import LEVEL, jobson_korkie, reach
from prudent.analytics.repeats import Repeated, pooled_difference, repeated_difference
from prudent.analytics.sentences import Said, Verdict, sentence_of
from prudent.analytics.significance import ENOUGH, Score, no_spread, sharpe
from prudent.domain.errors import InputError
from prudent.domain.performance import Days, Floats

# Runs that differ on fewer days differ by chance alone or by one event, whatever an interval says.
DIFFERING = 20
SILENT = (Verdict.IDENTICAL, Verdict.INSUFFICIENT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arm:
    """One side of a comparison: daily returns of a run, flows removed; NaN where a day has none."""

    id: str
    days: Days
    returns: Floats

    def __post_init__(self) -> None:
        if len(self.days) != len(self.returns) or self.returns.ndim != 1:
            raise InputError(f"{self.id} needs one return a day, had {len(self.days)} days and {self.returns.shape}")
        if not bool(np.all(self.days[1:] > self.days[:-1])):
            raise InputError(f"the days of {self.id} must ascend, each once; sort them and drop what is twice")
        if bool(np.isinf(self.returns).any()):
            raise InputError(f"a return of {self.id} is infinite; look for a session that began with no value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How runs are compared. `risk_free` is a yearly rate, `periods` the returns of a year."""

    resampling: Resampling = field(default_factory=Resampling)
    periods: float = 252.0
    risk_free: float = 0.0

    def excess(self, returns: Floats) -> Floats:
        out: Floats = returns - ((1.0 + self.risk_free) ** (1.0 / self.periods) - 1.0)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`second` less `first` on the days of both. Figures are of a year, as fractions; None is not defined.

    `mean` is the difference of arithmetic mean returns, `sharpe` that of Sharpe ratios. `quick_p` is the p value of the
    Sharpe difference by formula (Jobson-Korkie-Memmel), for display. `years_needed` is how long it would take to tell a
    difference of this size, inf for never. `family_p` is the p value of `mean` corrected for its family (Holm). For
    groups of runs the Sharpe ratios are means over the runs, and `correlation` is that of the groups' average days.
    """

    first: str
    second: str
    verdict: Verdict
    sentence: str
    n: int
    years: float
    first_day: date
    last_day: date
    first_sharpe: float | None
    second_sharpe: float | None
    correlation: float | None
    mean: Estimate | None
    sharpe: Estimate | None
    quick_p: float | None
    years_needed: float | None
    family_p: float | None = None
    family: int = 1
    repeated: Repeated | None = None
    notes: tuple[str, ...] = ()


def compare(first: Arm, second: Arm, method: Method | None = None) -> Comparison:
    """`second` against `first` on the days that both have; raises `InputError` where there are none."""
    how = method or Method()
    days, (a, b) = joined([first, second])
    n = len(days)
    estimates = _paired(a, b, how) if n >= 3 else (None, None)
    notes = [
        f"{n} of the {len(arm.days)} days of {arm.id} count, those that both have"
        for arm in (first, second)
        if n < len(arm.days)
    ]
    return _comparison((first.id, second.id), days, (a, b), estimates, how, notes=tuple(notes))


def compare_repeats(first: Sequence[Arm], second: Sequence[Arm], method: Method | None = None) -> Comparison:
    """Repeated runs of one setting against those of another: runs and days are both drawn (two-level bootstrap).

    A group is named by its first run. Every run counts, the bad ones too.
    """
    how = method or Method()
    days, rows = _groups(first, second)
    a, b = rows[: len(first)], rows[len(first) :]
    found = repeated_difference(a, b, how.resampling)
    ratio = repeated_difference(how.excess(a), how.excess(b), how.resampling, score=Score.SHARPE)
    lonely = [arms[0].id for arms in (first, second) if len(arms) < 2]
    notes = [f"{each} ran once: what asking again would change is not in the interval" for each in lonely]
    return _of_groups((first, second), days, (a, b), (found, ratio), how, notes=tuple(notes))


def compare_pairs(pairs: Sequence[tuple[Arm, Arm]], method: Method | None = None) -> Comparison:
    """All pairs as one question: is the second of each better, over the pairs; pairs are drawn as clusters."""
    how = method or Method()
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    days, rows = _groups(first, second)
    a, b = rows[: len(pairs)], rows[len(pairs) :]
    found = pooled_difference(a, b, how.resampling)
    ratio = pooled_difference(how.excess(a), how.excess(b), how.resampling, score=Score.SHARPE)
    notes = () if len(pairs) > 5 else (f"{len(pairs)} pairs say little about other pairs",)
    return _of_groups((first, second), days, (a, b), (found, ratio), how, notes=notes)


def compare_family(pairs: Sequence[tuple[Arm, Arm]], method: Method | None = None) -> tuple[Comparison, ...]:
    """Every pair by itself, its verdict by the p value corrected for all of them (Holm)."""
    how = method or Method()
    alone = [compare(a, b, how) for a, b in pairs]
    # What cannot be answered still counts as asked.
    corrected = holm([1.0 if each.mean is None or each.verdict in SILENT else each.mean.p for each in alone])
    return tuple(_in_family(each, p, len(pairs), how) for each, p in zip(alone, corrected))


def compare_many(arms: Sequence[Arm], method: Method | None = None) -> tuple[Comparison, ...]:
    """Each other arm against the first one, as a family."""
    if len(arms) < 2:
        raise InputError(f"a comparison needs two runs or more, had {len(arms)}; name another one")
    return compare_family([(arms[0], other) for other in arms[1:]], method)


def joined(arms: Sequence[Arm]) -> tuple[Days, list[Floats]]:
    """The days on which all arms have a return, and the returns of each arm on them."""
    known = [~np.isnan(arm.returns) for arm in arms]
    days: Days = reduce(np.intersect1d, [arm.days[there] for arm, there in zip(arms, known)])
    if not len(days):
        spans = "; ".join(f"{a.id} {a.days[0]} to {a.days[-1]}" if len(a.days) else f"{a.id} none" for a in arms)
        raise InputError(f"the runs have no day in common ({spans}); compare runs of one window")
    return days, [arm.returns[np.searchsorted(arm.days, days)] for arm in arms]


def _groups(first: Sequence[Arm], second: Sequence[Arm]) -> tuple[Days, Floats]:
    if not first or not second:
        raise InputError("a comparison of groups needs a run or more on each side; name them")
    days, rows = joined([*first, *second])
    if len(days) < 3:
        raise InputError(f"the runs have {len(days)} days in common, must be 3 or more; compare runs of one window")
    return days, np.stack(rows).astype(np.float64)


def _paired(a: Floats, b: Floats, how: Method) -> tuple[Estimate | None, Estimate | None]:
    mean = mean_difference(a, b, how.resampling).scaled(how.periods)
    if len(a) < ENOUGH:
        return mean, None
    ratio = sharpe_difference(how.excess(a), how.excess(b), how.resampling)
    return mean, None if ratio is None else ratio.scaled(math.sqrt(how.periods))


def _comparison(
    ids: tuple[str, str],
    days: Days,
    returns: tuple[Floats, Floats],
    estimates: tuple[Estimate | None, Estimate | None],
    how: Method,
    *,
    notes: tuple[str, ...],
) -> Comparison:
    a, b = returns
    years = len(days) / how.periods
    ratios = [None if each is None else each * math.sqrt(how.periods) for each in map(sharpe, map(how.excess, returns))]
    moving = len(a) > 2 and not no_spread(a) and not no_spread(b)
    correlation = float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0)) if moving else None
    quick = None
    if ratios[0] is not None and ratios[1] is not None and correlation is not None:
        quick = jobson_korkie(ratios[1], ratios[0], correlation=correlation, years=years, periods=how.periods).p
    same = no_difference(a, b)
    draft = Comparison(
        first=ids[0], second=ids[1], verdict=Verdict.IDENTICAL if same else Verdict.INSUFFICIENT, sentence="",
        n=len(days), years=years, first_day=days[0].astype(date), last_day=days[-1].astype(date),
        first_sharpe=ratios[0], second_sharpe=ratios[1], correlation=correlation,
        mean=estimates[0], sharpe=estimates[1], quick_p=quick, years_needed=None, notes=notes,
    )  # fmt: skip
    return _judged(draft, how, differing=int(np.sum(a != b)))


def _of_groups(
    arms: tuple[Sequence[Arm], Sequence[Arm]],
    days: Days,
    rows: tuple[Floats, Floats],
    found: tuple[Repeated | None, Repeated | None],
    how: Method,
    *,
    notes: tuple[str, ...],
) -> Comparison:
    mean = None if found[0] is None else found[0].scaled(how.periods)
    ratio = None if found[1] is None else found[1].scaled(math.sqrt(how.periods))
    ids = tuple(f"{group[0].id} and {len(group) - 1} more" if len(group) > 1 else group[0].id for group in arms)
    averages = (rows[0].mean(axis=0), rows[1].mean(axis=0))
    estimates = (None if mean is None else mean.estimate, None if ratio is None else ratio.estimate)
    out = _comparison((ids[0], ids[1]), days, averages, estimates, how, notes=notes)
    first, second = (_mean_sharpe(group, how) for group in rows)
    return replace(out, repeated=mean, first_sharpe=first, second_sharpe=second, quick_p=None)


def _mean_sharpe(rows: Floats, how: Method) -> float | None:
    ratios = [sharpe(how.excess(row)) for row in rows]
    known = [each * math.sqrt(how.periods) for each in ratios if each is not None]
    return sum(known) / len(known) if len(known) == len(ratios) else None


def _judged(draft: Comparison, how: Method, *, differing: int) -> Comparison:
    """The draft with verdict, years needed and sentence."""
    mean, verdict, years = draft.mean, draft.verdict, None
    enough = draft.n >= ENOUGH and differing >= DIFFERING
    if verdict is not Verdict.IDENTICAL and mean is not None and mean.low is not None and enough:
        p = mean.p if draft.family_p is None else draft.family_p
        verdict = Verdict.NOT_DISTINGUISHABLE
        if p <= 1.0 - how.resampling.confidence:
            verdict = Verdict.SECOND if mean.value > 0.0 else Verdict.FIRST
        years = _years(draft, mean)
    said = Said(
        first=draft.first, second=draft.second, n=draft.n, differing=differing, mean=mean,
        family_p=draft.family_p, family=draft.family, years_needed=years,
    )  # fmt: skip
    return replace(draft, verdict=verdict, years_needed=years, sentence=sentence_of(verdict, said))


def _years(draft: Comparison, mean: Estimate) -> float:
    if mean.value == 0.0:
        return math.inf
    # A family asks for more: its strictest step, in the proportion that normal errors would need.
    stricter = reach(level=LEVEL / draft.family) / reach()
    return draft.years * (mean.detectable * stricter / abs(mean.value)) ** 2


def _in_family(alone: Comparison, p: float, size: int, how: Method) -> Comparison:
    if alone.verdict in SILENT:
        return replace(alone, family_p=p, family=size)
    return _judged(replace(alone, family_p=p, family=size), how, differing=alone.n)
