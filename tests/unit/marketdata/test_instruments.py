"""The instrument master: spellings, the user's own rows on top, and what it suggests for a mistake."""

from decimal import Decimal
from pathlib import Path

import pytest

from prudent.domain.errors import InputError
from prudent.domain.instruments import UNKNOWN_SECTOR, InstrumentKind
from prudent.marketdata.instruments import InstrumentMaster
from prudent.marketdata.sample_series import FACTOR_FUNDS, INDEX_FUNDS, INDEXES, shipped_source

MASTER = InstrumentMaster()
HEAD = "symbol,venue,kind,currency,lot,tick,multiplier,sector,name,tradable\n"


def test_every_spelling_of_a_class_share_finds_it() -> None:
    for text in ("BRK.B", "brk-b", "BRK B", "$brk.b", "NYSE:BRK.B"):
        found = MASTER.find(text)
        assert found is not None
        assert found.id == "BRK.B.NYSE"


def test_an_unknown_symbol_and_odd_text_find_nothing() -> None:
    assert MASTER.find("NOSUCH") is None
    assert MASTER.find("") is None
    assert MASTER.find("é") is None


def test_every_symbol_of_the_sample_is_known() -> None:
    missing = [symbol for symbol in shipped_source().symbols if MASTER.find(symbol) is None]
    assert missing == []


def test_stocks_have_sectors_and_each_fund_is_its_own() -> None:
    assert [i.symbol for i in MASTER.all() if i.kind is InstrumentKind.STOCK and i.sector == UNKNOWN_SECTOR] == []
    assert {i.sector for i in MASTER.all() if i.symbol in (*FACTOR_FUNDS, *INDEX_FUNDS)} == {
        "ETF:MTUM", "ETF:QUAL", "ETF:SIZE", "ETF:USMV", "ETF:VLUE", "ETF:SPY", "ETF:VTI", "ETF:VOO",
    }  # fmt: skip
    apple = MASTER.find("AAPL")
    assert apple is not None
    assert apple.sector == "Information Technology"


def test_indices_can_be_quoted_but_not_traded() -> None:
    for symbol in INDEXES:
        found = MASTER.find(symbol)
        assert found is not None
        assert (found.kind, found.tradable) == (InstrumentKind.INDEX, False)


def test_all_is_in_order_of_symbol() -> None:
    symbols = [i.symbol for i in MASTER.all()]
    assert symbols == sorted(set(symbols))


def test_own_rows_replace_and_add(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("symbol,venue,kind,currency,lot\naapl,XETR,stock,EUR,0.001\nNEW,NYSE,stock,,\n", encoding="utf-8")
    master = InstrumentMaster(path)
    apple, added = master.find("AAPL"), master.find("NEW")
    assert apple is not None
    assert (apple.venue, apple.currency, apple.lot) == ("XETR", "EUR", Decimal("0.001"))
    assert added is not None
    assert (added.currency, added.lot, added.tick, added.tradable) == ("USD", Decimal(1), Decimal("0.01"), True)
    assert master.find("MSFT") == MASTER.find("MSFT")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("AAPL,NYSE,share,USD,1,0.01,1,,,true", "own.csv line 2: 'share' is not a valid InstrumentKind"),
        ("AAPL,NYSE,stock,USD,0,0.01,1,,,true", "own.csv line 2: lot of AAPL must be above 0"),
        ("AAPL,NYSE,stock,USD,one,0.01,1,,,true", "own.csv line 2: lot must be a number"),
        ("AAPL,NYSE,stock,USD,1,0.01,1,,,maybe", "own.csv line 2: tradable must be true or false, was 'maybe'"),
        ("A PP LE,NYSE,stock,USD,1,0.01,1,,,true", "own.csv line 2: symbol must be a ticker"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, says: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(HEAD + row + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=says):
        InstrumentMaster(path).all()


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own\.csv must be a readable CSV file"):
        InstrumentMaster(tmp_path / "own.csv").all()
    (tmp_path / "own.csv").write_text("symbol,kind,colour\n", encoding="utf-8")
    with pytest.raises(InputError, match="odd or missing: colour, venue"):
        InstrumentMaster(tmp_path / "own.csv").all()


def test_a_mistyped_symbol_or_a_name_is_suggested() -> None:
    assert MASTER.suggest("APPL")[0] in {"AAPL", "PPL"}
    assert "AAPL" in MASTER.suggest("APPL")
    assert MASTER.suggest("apple") == ("AAPL", *MASTER.suggest("apple")[1:])
    assert MASTER.suggest("Microsoft")[0] == "MSFT"
    assert MASTER.suggest("ZZZZZZZZ") == ()
