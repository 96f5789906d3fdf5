"""Numbers of a tear sheet are read without colour: a sign, two places, a dash for what is not known."""

from decimal import Decimal

import pytest

from prudent.tearsheet import words
from prudent.tearsheet.words import Writer

S = words.SPACE


@pytest.mark.parametrize(("write", "value", "written"), [
    (words.signed_percent, 0.1234, f"+12.34{S}%"),
    (words.signed_percent, -0.00004, f"0.00{S}%"),
    (words.signed_percent, -0.5, f"−50.00{S}%"),
    (words.signed_percent, 12.5, f"+1,250.00{S}%"),
    (words.percent, 0.05, f"5.00{S}%"),
    (words.percent, float("nan"), "—"),
    (words.ratio, None, "—"),
    (words.ratio, float("-inf"), "—"),
    (words.money, Decimal("1234.5"), "1,234.50"),
    (words.signed_money, -0.001, "0.00"),
    (words.quantity, -10.0, "−10"),
    (words.quantity, 0.125, "+0.125"),
    (words.short_percent, 0.1, "+10.0"),
    (words.whole, 12345, "12,345"),
])  # fmt: skip
def test_numbers_are_written_so(write: Writer, value: float | Decimal | None, written: str) -> None:
    assert write(value) == written


def test_one_is_not_many() -> None:
    assert words.plural(1, "session") == f"1{S}session"
    assert words.plural(1_000, "session") == f"1,000{S}sessions"
