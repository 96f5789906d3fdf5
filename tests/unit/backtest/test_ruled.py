"""Beside a run of a language model stands the same account decided by the rules; where that says nothing, words do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from tests.unit.backtest.masks import Told, folder, home, play, request
from tests.unit.backtest.test_masked_decisions import strongest
from tests.unit.cli.running import invest

from prudent.backtest import run_backtest
from prudent.backtest.beside import beside_of, extras_of
from prudent.backtest.ruled import FOLDER, NAME, ruled
from prudent.backtest.run import backtest, measured, prepare
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.performance import RunBook
from prudent.domain.reasoning import RULES_MODEL
from prudent.tearsheet import as_json, as_markdown, tear_sheet


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    found = home(tmp_path_factory.mktemp("ruled"))
    yield found
    found.ledger.close()


@pytest.fixture(scope="module")
def book(desk: Desk) -> RunBook:
    """A run whose model buys what is strongest."""
    return play(desk, request(desk, "daily_momentum", anonymise=()), Told(strongest))


def test_the_row_is_what_the_account_becomes_with_the_model_rules(desk: Desk, book: RunBook) -> None:
    looks = len(desk.ledger.backtests.listed())
    found = ruled(desk, book)
    assert found.note == ""
    assert found.level is not None
    assert len(desk.ledger.backtests.listed()) == looks, "nothing is chosen by it, so that it is no look"
    asked = request(desk, "daily_momentum", anonymise=())
    own = backtest(desk, prepare(desk, replace(asked, mandate=replace(asked.mandate, model=RULES_MODEL))))
    assert (found.level.level * 10_000.0).tolist() == pytest.approx(own.nav.nav.tolist(), abs=1e-8)
    assert own.nav.nav[-1] != book.nav.nav[-1]
    assert found.level.days.tolist() == book.nav.days.tolist()


def test_it_is_played_once_and_kept_without_its_ledger(desk: Desk, book: RunBook) -> None:
    first = ruled(desk, book)
    again = ruled(desk, book, most=0)
    assert first.level is not None
    assert again.level is not None
    assert again.level.level.tolist() == first.level.level.tolist()
    kept = folder(desk, book) / FOLDER
    assert sorted(each.name for each in kept.iterdir()) == ["columns.npz", "result.json"]


def test_a_report_plays_no_more_decisions_than_it_may(desk: Desk) -> None:
    other = play(desk, request(desk, "daily_momentum", last=date(2020, 3, 11), anonymise=()), Told(strongest))
    found = ruled(desk, other, most=1)
    assert found.level is None
    assert "a report plays 1 at most" in found.note
    assert "invest backtest" in found.note


def test_other_code_or_data_make_no_row(desk: Desk) -> None:
    other = play(desk, request(desk, "monthly_value", anonymise=()), Told(strongest))
    made = other.provenance
    for changed, why in (
        (replace(made, code_version="0.0.1"), "other code"), (replace(made, data_hash="0"), "data have changed"),
    ):  # fmt: skip
        found = ruled(desk, replace(other, provenance=changed))
        assert found.level is None
        assert why in found.note


def test_where_it_says_nothing_words_stand_and_no_row(desk: Desk, book: RunBook) -> None:
    rules = tuple(replace(each, answered_by="rules, no LLM") for each in book.decisions)
    nobody = tuple(replace(each, answered_by="") for each in book.decisions)
    for changed, why in (
        (replace(book, decisions=rules), "the rules decided this run"),
        (replace(book, decisions=nobody), "no model decided anything in this run"),
        (replace(book, mode=Mode.PAPER), "beside backtests only"),
    ):
        assert ruled(desk, changed).level is None
        assert ruled(desk, changed).note.startswith(f"{NAME}: not applicable, ")
        assert why in ruled(desk, changed).note
        assert NAME not in [row.name for row in beside_of(desk, changed, draws=10).rows]


def test_targets_of_a_file_ask_no_model() -> None:
    plain = run_backtest({}, "2015-01-02", "2015-01-16", targets={"AAPL": "0.1"})
    assert {each.answered_by for each in plain.decisions} == {""}


def test_text_sheet_and_both_documents_have_it(desk: Desk, book: RunBook) -> None:
    extras = extras_of(desk, book)
    for written in (tear_sheet, as_json, as_markdown):
        assert "instead" in written(book, measured(book), extras)
    noted = replace(extras, baseline_notes=("nothing to hold it against",))
    for written, spelt in ((tear_sheet, "<li>{}</li>"), (as_json, '"{}"'), (as_markdown, "- {}")):
        assert spelt.format("nothing to hold it against") in written(book, measured(book), noted)


def test_the_command_shows_it_again(desk: Desk, book: RunBook) -> None:
    ruled(desk, book)
    shown = invest("backtests", "show", book.id, "--json", "--home", str(desk.home)).data
    row = next(each for each in shown["baselines"] if each["name"] == NAME)
    assert float(row["total_return"]) == pytest.approx(-0.0203, abs=1e-4)
    assert not any(NAME in note for note in shown["baseline_notes"])
    assert NAME in invest("backtests", "show", book.id, "--home", str(desk.home)).out
