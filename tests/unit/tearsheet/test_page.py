"""The page of a tear sheet: whole, safe, readable by all, small, and the same bytes each time."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.unit.tearsheet.books import book_of, edge_books, figures_of, long_book, nav_of
from tests.unit.tearsheet.pages import Page

from prudent.domain.accounts import Mode
from prudent.domain.mandate import Mandate
from prudent.domain.performance import Benchmark, DecisionRow, Evidence, EvidenceLevel, GuardCount
from prudent.domain.rules import RuleCategory, UserRule
from prudent.tearsheet import AttributionRow, BaselineRow, Extras, ShadowRow, Significance, as_markdown, tear_sheet

EDGES = edge_books()
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted' \u202e\u2028]]> <!-- {"
UNKNOWN_NUMBERS = re.compile(r"\b(nan|None|inf|NaN|Infinity)\b")


@pytest.fixture(scope="module")
def long_page() -> str:
    return tear_sheet(*long_book())


def page_of(name: str) -> str:
    book = EDGES[name]
    return tear_sheet(book, figures_of(book), Extras())


@pytest.mark.parametrize("name", EDGES)
def test_every_edge_gives_a_whole_page_without_words_for_missing_numbers(name: str) -> None:
    page = Page(page_of(name))
    assert page.broken == []
    assert len(page.ids) == len(set(page.ids))
    assert UNKNOWN_NUMBERS.findall(page.text) == []


def test_the_long_page_is_whole_and_below_600_kilobytes(long_page: str) -> None:
    page = Page(long_page)
    assert page.broken == []
    assert len(page.ids) == len(set(page.ids))
    assert UNKNOWN_NUMBERS.findall(page.text) == []
    assert len(long_page.encode()) <= 600_000


def test_equal_runs_give_equal_bytes(long_page: str) -> None:
    assert tear_sheet(*long_book()) == long_page


def test_nothing_is_fetched_and_nothing_runs(long_page: str) -> None:
    page = Page(long_page)
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert addresses == ["data:,"]
    assert "url(" not in long_page
    assert "@import" not in long_page
    assert not re.search(r"https?://", long_page)
    assert [each.get("type") for each in page.of("script")] == ["application/json"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    policy = next(each["content"] for each in page.of("meta") if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_every_chart_and_table_says_what_it_is_to_who_cannot_see_it(long_page: str) -> None:
    page = Page(long_page)
    charts = [each for each in page.of("svg") if each.get("class") == "chart"]
    named = [name for each in charts for name in each["aria-labelledby"].split()]
    assert len(charts) == 6
    assert all(each["role"] == "img" for each in charts)
    assert set(named) <= set(page.ids)
    assert len(page.of("caption")) == len(page.of("table")) > 20
    assert {each.get("scope") for each in page.of("th")} == {"col", "row"}
    assert all(each["aria-labelledby"] in page.ids for each in page.of("section"))
    headings = [tag for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}


def test_words_of_data_stay_words() -> None:
    book = book_of(
        nav_of(np.linspace(10_000.0, 11_000.0, 30)), id=HOSTILE, account=HOSTILE, warnings=(HOSTILE,), partial=HOSTILE,
        mandate=Mandate(
            account=HOSTILE, name=HOSTILE, universe=(HOSTILE,), custom_instructions=HOSTILE,
            parameters={HOSTILE: HOSTILE}, currency=HOSTILE,
        ),
        rules=(
            UserRule(
                rule_id="U", rule_name=HOSTILE, rule_category=RuleCategory.RISK, enforcement_params={HOSTILE: HOSTILE}
            ),
        ),
        decisions=(
            DecisionRow(
                cycle=HOSTILE, at=datetime(2020, 1, 2, tzinfo=UTC), answer=HOSTILE, codes=(HOSTILE,),
                answered_by=HOSTILE, forced=(HOSTILE,),
            ),
        ),
        guards=(GuardCount(guard=HOSTILE, name=HOSTILE, layer=HOSTILE, refusals=1, shrinks=0),),
        evidence=Evidence(level=EvidenceLevel.E1, why=HOSTILE),
        benchmark=Benchmark(
            name=HOSTILE, days=nav_of(np.ones(30)).days, level=np.linspace(100.0, 101.0, 30), opening=100.0
        ),
    )  # fmt: skip
    made = replace(book.provenance, data_source=HOSTILE, notes=(HOSTILE,), code_version=HOSTILE, model=HOSTILE)
    extras = Extras(
        significance=Significance(probabilistic=0.5, note=HOSTILE), baselines=(BaselineRow(name=HOSTILE),),
        attribution=(AttributionRow(name=HOSTILE, amount=1.0, note=HOSTILE),),
        shadow=(ShadowRow(guard=HOSTILE, name=HOSTILE, orders=1, amount=1.0),), contamination=HOSTILE,
        comparison=HOSTILE,
    )  # fmt: skip
    book = replace(book, provenance=made)
    html = tear_sheet(book, figures_of(book), extras)
    page = Page(html)
    assert page.broken == []
    assert len(page.of("script")) == 1
    assert page.of("img") == []
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<!--" not in html
    assert "\u202e" not in page.text
    assert page.text.count("alert(1)") > 25
    assert "<script" not in as_markdown(book, figures_of(book), extras).replace("\\<", "")


def test_the_header_says_what_kind_of_run_it_is() -> None:
    book = book_of(nav_of(np.array([10_100.0])))
    shown = {
        mode: Page(tear_sheet(replace(book, mode=mode), figures_of(book), Extras())).text
        for mode in (Mode.BACKTEST, Mode.PAPER, Mode.LIVE)
    }
    assert " BACKTEST EVIDENCE E0 This backtest made 1.00 %" in shown[Mode.BACKTEST]
    assert " PAPER EVIDENCE E0 This paper run made 1.00 %" in shown[Mode.PAPER]
    assert " LIVE EVIDENCE E0 This live run made 1.00 %" in shown[Mode.LIVE]


def test_warnings_stand_before_every_figure(long_page: str) -> None:
    text = Page(long_page).text
    assert text.index("its members are those that survived") < text.index("Key figures")


def test_a_run_that_ended_early_says_so_first() -> None:
    book = book_of(nav_of(np.linspace(10_000.0, 10_100.0, 30)), partial="the model failed on 1990-02-12")
    text = Page(tear_sheet(book, figures_of(book), Extras())).text
    assert "ENDED EARLY" in text
    assert text.index("The run ended early: the model failed on 1990-02-12") < text.index("Key figures")


def test_what_nobody_computed_is_left_out() -> None:
    text = Page(page_of("no trades")).text
    for absent in ("What to hold it against", "Where the profit came from", "Guards", "Decisions", "contamination"):
        assert absent not in text
    assert "Nothing traded in this run." in text


def test_a_figure_that_is_not_defined_is_explained_and_not_listed() -> None:
    text = Page(page_of("one session")).text
    assert "Sharpe ratio, Sharpe, autocorrelation taken out, Sortino ratio" in text
    assert "needs 20 daily returns, has 1" in text
    assert "—" not in text.split("Key figures")[1].split("Course")[0]


def test_the_figures_of_the_page_are_those_of_the_metrics(long_page: str) -> None:
    _, figures, _ = long_book()
    text = Page(long_page).text
    assert figures.sharpe is not None
    assert f"Sharpe ratio {figures.sharpe:.2f} " in text
    assert f"Deepest fall, closes −{-figures.max_drawdown * 100:.2f} %" in text
    assert "Parts of the profit" in text
    # 81,234.56 - 1,204.11 - 3,310.02 - 395.00
    assert "all +76,325.43" in text


def test_the_last_fifty_are_listed_newest_first_and_all_are_counted(long_page: str) -> None:
    text = Page(long_page).text
    assert "Closed trades, the last 50 of 195" in text
    assert "395 fills made 195 closed trades" in text
    assert "Decisions, the last 50 of 395" in text
    listed = re.findall(r"core/b1/(\d+) \d{4}-", text)
    assert [int(each) for each in listed] == list(range(395, 345, -1))


def test_a_growth_beyond_four_is_drawn_on_a_logarithmic_scale() -> None:
    fivefold = book_of(nav_of(np.geomspace(10_000.0, 50_000.0, 60)))
    twofold = book_of(nav_of(np.geomspace(10_000.0, 20_000.0, 60)))
    assert "Logarithmic scale" in tear_sheet(fivefold, figures_of(fivefold), Extras())
    assert "Logarithmic scale" not in tear_sheet(twofold, figures_of(twofold), Extras())
    assert "Logarithmic scale" not in page_of("total loss")


def test_the_benchmark_is_drawn_once_and_equal_alternatives_each() -> None:
    nav = nav_of(np.linspace(10_000.0, 12_000.0, 30))
    level = np.linspace(100.0, 120.0, 30)
    ones = np.ones(30)
    book = book_of(nav, benchmark=Benchmark(name="SPY", days=nav.days, level=level, opening=100.0))
    extras = Extras(
        baselines=(
            BaselineRow(name="SPY held", days=nav.days, level=level / 100.0),
            BaselineRow(name="cash", days=nav.days, level=ones), BaselineRow(name="idle", days=nav.days, level=ones),
        )
    )  # fmt: skip
    page = Page(tear_sheet(book, figures_of(book), extras))
    drawn = [each["class"] for each in page.of("path")]
    assert drawn[:4] == ["run", "benchmark", "b1", "b2"]
    assert "Growth of 1.00 this run SPY cash idle" in page.text
