"""The page of the messages is the tables'."""

from pathlib import Path

from prudent.gateway.codec.page import page

PAGE = Path(__file__).parents[3] / "docs" / "PAPER_MESSAGES.md"


def test_the_page_says_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        'write it anew: python -c "from prudent.gateway.codec.page import page; print(page(), end=str())" '
        "> docs/PAPER_MESSAGES.md"
    )


def test_a_gated_field_says_its_versions() -> None:
    lines = page().splitlines()
    (error,) = (line for line in lines if line.startswith("- **4 error**"))
    assert error == "- **4 error** '2', reqId int, code int, message, advanced ≥166"
    (order,) = (line for line in lines if line.startswith("- **3 placeOrder**"))
    assert "faProfile <177" in order
    assert "[legs×(conId int, ratio int, action" in order
