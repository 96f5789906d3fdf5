"""Comparisons and their sentences: which words which evidence gets, and what is joined and left out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analytics.series import alike, generator

from prudent.analytics.bootstrap import Resampling
from prudent.analytics.comparison import (
    Arm,
    Comparison,
    Method,
    compare,
    compare_family,
    compare_many,
    compare_pairs,
    compare_repeats,
)
from prudent.analytics.deflated import deflated_sharpe, effective_trials, null_variance, sharpe_variance
from prudent.analytics.paired import Estimate, mean_difference
from prudent.analytics.power import reach
from prudent.analytics.selection import best_of
from prudent.analytics.sentences import Said, Verdict, chance, percent, sentence_of, waiting
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

METHOD = Method(resampling=Resampling(draws=999))
DAYS = np.arange(np.datetime64("2015-01-05"), np.datetime64("2020-01-05"))


def arm(name: str, returns: Floats, *, start: int = 0) -> Arm:
    return Arm(id=name, days=DAYS[start : start + len(returns)], returns=returns)


def series(n: int = 300, seed: int = 1) -> Floats:
    return 0.01 * generator(seed).standard_normal(n) + 0.0003


def near(returns: Floats, seed: int, *, extra: float = 0.0) -> Floats:
    """A run beside another one: the same market, a little noise of its own."""
    return np.asarray(returns + 0.001 * generator(seed).standard_normal(len(returns)) + extra, dtype=np.float64)


def numbers(found: Comparison) -> Estimate:
    assert found.mean is not None
    return found.mean


def test_a_better_run_is_said_to_be_better_in_percent_a_year() -> None:
    base = series()
    found = compare(arm("a/1", base), arm("a/2", near(base, 2, extra=0.0004)), METHOD)
    mean = numbers(found)
    assert found.verdict is Verdict.SECOND
    assert mean.low is not None
    assert mean.high is not None
    low, value, high = (f"{100 * x:.1f}" for x in (mean.low, mean.value, mean.high))
    assert mean.p == 1 / 1_000
    assert found.sentence == f"a/2 is better by {value} % a year (95 % CI {low} to {high}, p 0.001)"
    assert mean.value == pytest.approx(252 * float(np.mean(near(base, 2, extra=0.0004) - base)))


def test_the_other_way_round_the_same_run_is_better_by_the_same() -> None:
    base = series()
    one, other = arm("a/1", base), arm("a/2", near(base, 2, extra=0.0004))
    there, back = compare(one, other, METHOD), compare(other, one, METHOD)
    assert back.verdict is Verdict.FIRST
    assert back.sentence == there.sentence


def test_a_difference_that_noise_explains_says_how_long_it_would_take() -> None:
    first, second = alike(generator(4), 300)
    found = compare(arm("a/1", first), arm("a/2", second), METHOD)
    mean = numbers(found)
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE
    assert found.years_needed is not None
    assert found.years_needed == pytest.approx(300 / 252 * (mean.detectable / mean.value) ** 2)
    assert found.years_needed > found.years
    assert found.notes == ()
    assert found.sentence.startswith("not distinguishable: ")
    assert found.sentence.endswith(f"and it would take about {found.years_needed:.0f} years to tell")


def test_identical_runs_are_identical() -> None:
    found = compare(arm("a/1", series()), arm("a/2", series()), METHOD)
    mean = numbers(found)
    assert found.verdict is Verdict.IDENTICAL
    assert found.sentence == "identical: a/1 and a/2 earned the same on each of 300 days"
    assert (mean.value, mean.low, mean.high, mean.p) == (0.0, 0.0, 0.0, 1.0)
    assert found.correlation == pytest.approx(1.0)


def test_fewer_than_sixty_days_are_insufficient_however_large_the_difference() -> None:
    base = series(59)
    found = compare(arm("a/1", base), arm("a/2", base + 0.02), METHOD)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.sentence == "insufficient evidence (n=59): a verdict needs 60 days that a/1 and a/2 both have"
    assert compare(arm("a/1", series(60)), arm("a/2", near(series(60), 3) + 0.02), METHOD).verdict is Verdict.SECOND


def test_one_day_is_insufficient_too() -> None:
    found = compare(arm("a/1", series(1)), arm("a/2", series(1, seed=2)), METHOD)
    assert (found.verdict, found.mean, found.sharpe, found.years_needed) == (Verdict.INSUFFICIENT, None, None, None)


@pytest.mark.parametrize("differing", [1, 2, 19])
def test_runs_that_differ_on_a_few_days_are_insufficient(differing: int) -> None:
    base = series()
    other = base.copy()
    # Far apart, so that hardly a replicate misses them all.
    other[10 : 10 + 14 * differing : 14] += 0.01
    found = compare(arm("a/1", base), arm("a/2", other), METHOD)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.sentence == (f"insufficient evidence (n=300): a/1 and a/2 differ on only {differing} of these days")


def test_twenty_differing_days_are_enough_for_a_verdict() -> None:
    other = series()
    other[10:290:14] += 0.01
    found = compare(arm("a/1", series()), arm("a/2", other), METHOD)
    assert int(np.sum(other != series())) == 20
    assert found.verdict is Verdict.SECOND


def test_only_days_that_both_have_are_compared() -> None:
    base = series()
    short = near(base, 2)[50:250].copy()
    short[10] = np.nan
    found = compare(arm("a/1", base), arm("a/2", short, start=50), METHOD)
    there = ~np.isnan(short)
    assert found.n == 199
    assert (found.first_day, found.last_day) == (DAYS[50].astype(object), DAYS[249].astype(object))
    expected = mean_difference(base[50:250][there], short[there], METHOD.resampling).scaled(252.0)
    assert found.mean == expected
    assert found.notes == (
        "199 of the 300 days of a/1 count, those that both have",
        "199 of the 200 days of a/2 count, those that both have",
    )


def test_runs_without_a_common_day_are_refused_with_their_windows() -> None:
    with pytest.raises(InputError, match=r"no day in common .*a/1 2015-01-05 to 2015-04-14; a/2 2015-07-24"):
        compare(arm("a/1", series(100)), arm("a/2", series(100), start=200), METHOD)


def test_days_that_are_twice_or_out_of_order_are_refused() -> None:
    for days in (DAYS[[0, 0, 1]], DAYS[[1, 0, 2]]):
        with pytest.raises(InputError, match="must ascend, each once"):
            Arm(id="a/1", days=days, returns=series(3))
    with pytest.raises(InputError, match="one return a day"):
        Arm(id="a/1", days=DAYS[:3], returns=series(4))
    with pytest.raises(InputError, match="infinite"):
        Arm(id="a/1", days=DAYS[:1], returns=np.array([np.inf]))


def test_sharpe_ratios_are_annual_and_after_the_risk_free_rate() -> None:
    base = series()
    found = compare(arm("a/1", base), arm("a/2", near(base, 2)), replace(METHOD, risk_free=0.04))
    left = base - (1.04 ** (1 / 252) - 1.0)
    assert found.first_sharpe == pytest.approx(float(left.mean() / left.std(ddof=1)) * math.sqrt(252))


def test_a_family_corrects_its_verdicts() -> None:
    base = series(400)
    arms = [arm("a/0", base), *(arm(f"a/{i}", near(base, 10 + i)) for i in range(1, 6))]
    noise = near(base, 20) - base
    # 2.3 standard errors over nothing: a p value of about .02, which six questions make .13.
    arms.append(arm("a/6", base + noise - noise.mean() + 2.3 * noise.std() / 20.0))
    alone = compare(arms[0], arms[6], METHOD)
    family = compare_many(arms, METHOD)
    assert alone.verdict is Verdict.SECOND
    assert numbers(alone).p > 0.05 / 6
    assert family[5].verdict is Verdict.NOT_DISTINGUISHABLE
    assert family[5].family_p is not None
    assert family[5].family_p > 0.05
    assert family[5].years_needed is not None
    strict = reach(level=0.05 / 6) / reach()
    mean = numbers(family[5])
    assert family[5].years_needed == pytest.approx(400 / 252 * (strict * mean.detectable / mean.value) ** 2)
    assert f"p {family[5].family_p:.2f} among 6 comparisons" in family[5].sentence


def test_what_cannot_be_answered_counts_as_asked() -> None:
    base = series(400)
    good, short = arm("a/1", near(base, 2, extra=0.0004)), arm("a/2", base[:30] + 0.01)
    family = compare_family([(arm("a/0", base), good), (arm("a/0", base), short)], METHOD)
    assert [each.family_p for each in family] == [pytest.approx(2.0 * numbers(family[0]).p), 1.0]
    assert family[1].verdict is Verdict.INSUFFICIENT


def test_one_run_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="two runs or more"):
        compare_many([arm("a/0", series())], METHOD)
    with pytest.raises(InputError, match="each side"):
        compare_repeats([], [arm("a/0", series())], METHOD)


def test_repeats_are_compared_as_groups() -> None:
    base = series()
    first = [arm(f"a/{i}", near(base, i)) for i in range(1, 6)]
    second = [arm(f"b/{i}", near(base, 20 + i, extra=0.0006)) for i in range(1, 6)]
    found = compare_repeats(first, second, METHOD)
    assert found.verdict is Verdict.SECOND
    assert found.sentence.startswith("b/1 and 4 more is better by ")
    assert found.repeated is not None
    assert found.repeated.runs == (5, 5)
    assert found.sharpe is not None
    assert found.quick_p is None
    own = [math.sqrt(252) * float(each.returns.mean() / each.returns.std(ddof=1)) for each in second]
    assert found.second_sharpe == pytest.approx(sum(own) / 5)


def test_a_run_without_repeats_says_what_its_interval_lacks() -> None:
    base = series()
    found = compare_repeats([arm("a/1", base)], [arm("b/1", near(base, 3)), arm("b/2", near(base, 4))], METHOD)
    assert found.notes == ("a/1 ran once: what asking again would change is not in the interval",)


def test_pairs_are_pooled() -> None:
    bases = [series(seed=seed) for seed in range(6)]
    pairs = [(arm(f"q/{i}", b), arm(f"n/{i}", near(b, 30 + i, extra=0.0005))) for i, b in enumerate(bases)]
    found = compare_pairs(pairs, METHOD)
    assert found.verdict is Verdict.SECOND
    assert found.notes == ()
    assert compare_pairs(pairs[:3], METHOD).notes == ("3 pairs say little about other pairs",)


def test_the_best_of_thirteen_is_held_against_luck() -> None:
    arms = [arm(f"a/{i}", series(252, seed=i)) for i in range(13)]
    best = best_of(arms)
    assert best is not None
    # One year: the standard error of an annual Sharpe ratio is 1, and 13 draws reach 1.70 of them.
    assert best.by_luck == pytest.approx(1.70, abs=0.01)
    assert best.by_luck_sigmas == pytest.approx(1.70, abs=5e-3)
    assert "which luck may explain: the best of 13 without skill shows about 1.71" in best.sentence
    more = best_of(arms, trials=100)
    assert more is not None
    assert more.probability < best.probability
    assert more.effective == pytest.approx(best.effective + 87)


def test_skill_beyond_the_search_is_said() -> None:
    arms = [arm(f"a/{i}", series(1_000, seed=i)) for i in range(5)] + [arm("a/9", series(1_000, seed=9) + 0.003)]
    best = best_of(arms)
    assert best is not None
    assert (best.id, best.trials) == ("a/9", 6)
    assert "more than luck would" in best.sentence


def test_the_best_of_little_is_no_evidence() -> None:
    best = best_of([arm("a/1", series(30)), arm("a/2", series(30, seed=2))])
    assert best is not None
    assert best.sentence == "insufficient evidence (n=30): a Sharpe ratio needs 60 days to be judged"
    assert best_of([arm("a/1", np.zeros(100))]) is None


def test_the_spread_of_trials_is_the_greater_of_the_one_seen_and_that_of_chance() -> None:
    noise = [series(500, seed=i) for i in range(6)]
    # Independent runs with one and the same Sharpe ratio, and some with ratios far apart.
    like = [each - each.mean() + 0.1 * each.std(ddof=1) for each in noise]
    unlike = [each + 0.0004 * (i - 5) for i, each in enumerate(like)]
    base = like[0]
    for rows in (like, unlike):
        best = best_of([arm(f"a/{i}", row) for i, row in enumerate(rows)])
        seen, chance_alone = sharpe_variance(rows), null_variance(base)
        assert best is not None
        assert seen is not None
        assert chance_alone is not None
        assert (seen > chance_alone) == (rows is unlike)
        winner = rows[int(best.id[-1])]
        trials = effective_trials(np.stack(rows, axis=1))
        expected = deflated_sharpe(winner, trials=trials, variance=max(seen, chance_alone))
        assert expected is not None
        assert best.probability == pytest.approx(expected.probability)
        assert 0.02 < best.probability < 0.98


def test_copies_of_one_run_are_one_trial() -> None:
    best = best_of([arm(f"a/{i}", series()) for i in range(20)])
    assert best is not None
    assert best.effective == pytest.approx(1.0)
    assert best.trials == 20


@pytest.mark.parametrize(
    ("years", "words"),
    [(1.44, "about 1.4 years"), (6.33, "about 6 years"), (999.0, "about 999 years"), (math.inf, "forever")],
)
def test_a_wait_is_said_as_people_say_it(years: float, words: str) -> None:
    assert waiting(years) == words
    assert waiting(1_001.0) == "more than 1,000 years"


def test_small_numbers_keep_digits_and_none_is_minus_zero() -> None:
    assert [percent(x) for x in (0.0412, -0.0412, 0.004, -0.000001, 0.0)] == ["4.1", "-4.1", "0.40", "0.00", "0.00"]
    assert [chance(p) for p in (0.0004, 0.049, 0.05, 0.31)] == ["p < 0.001", "p 0.049", "p 0.050", "p 0.31"]


def test_no_difference_at_all_on_average_takes_forever() -> None:
    flat = Estimate(
        value=0.0, low=-0.1, high=0.1, p=1.0, error=0.05, detectable=0.14, n=300, block=1, draws=999, confidence=0.95
    )
    said = Said(first="a/1", second="a/2", n=300, differing=300, mean=flat, years_needed=math.inf)
    assert sentence_of(Verdict.NOT_DISTINGUISHABLE, said) == (
        "not distinguishable: a/2 earned 0.00 % a year more than a/1 (95 % CI -10.0 to 10.0, p 1.00), "
        "and it would take forever to tell"
    )
