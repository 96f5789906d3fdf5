"""The direct spelling of a value is, byte for byte, the canonical form of its record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.accounts import TradingState
from prudent.domain.orders import Effect, Fill, OrderIntent, OrderReport, OrderStatus, Side
from prudent.domain.quotes import Quality
from prudent.domain.records import LATER, canonical, digest, encode
from prudent.domain.spelling import digest_of, spelled


class Colour(Enum):
    RED = "r\"ö"
    ONE = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    z: object
    kind: str = "own"
    a: int = 1
    added: int = field(default=0, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    kind: ClassVar[str] = "märked"
    items: tuple[object, ...]
    more: Mapping[object, object]


WORDS = st.text(st.characters(codec="utf-8"), max_size=6)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(minutes=150))])
SINGLE = st.one_of(
    st.none(), st.booleans(), st.integers(), WORDS, st.decimals(), st.floats(), st.sampled_from([*Colour]), st.dates(),
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=ZONES), st.frozensets(WORDS, max_size=3),  # noqa: DTZ001
    st.sampled_from([Side.BUY, TradingState.HALTED, OrderStatus.FILLED]),
)  # fmt: skip
KEYS = st.one_of(WORDS, st.integers(), st.sampled_from([*Colour]), st.dates())
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.dictionaries(KEYS, inner, max_size=3),
        st.dictionaries(WORDS, inner, max_size=3).map(MappingProxyType),
        st.builds(Leaf, z=inner, kind=WORDS, a=st.integers(), added=st.integers(0, 1)),
        st.builds(Marked, items=st.lists(inner, max_size=2).map(tuple), more=st.dictionaries(KEYS, inner, max_size=2)),
    ),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_it_is_the_canonical_form_of_the_record(value: object) -> None:
    assert spelled(value) == canonical(encode(value)).decode()
    assert digest_of(value) == digest(encode(value))


def test_orders_and_what_is_told_of_them_are_spelled_as_ever() -> None:
    at = datetime(2024, 3, 4, 15, 30, 0, 5, tzinfo=UTC)
    intent = OrderIntent(
        order_ref="core/1/1/0", account="core", symbol="ÖMV", side=Side.SELL, quantity=Decimal("1.50"),
        effect=Effect.CLOSE, limit_price=Decimal("1E+2"),
    )  # fmt: skip
    fill = Fill(
        exec_id="e1", order_ref="core/1/1/0", account="core", symbol="ÖMV", side=Side.SELL, quantity=Decimal(1),
        price=Decimal("0.10"), commission=Decimal("-0"), time=at, quality=Quality.SYNTHETIC,
    )  # fmt: skip
    report = OrderReport(
        order_ref="core/1/1/0", symbol="ÖMV", side=Side.SELL, quantity=Decimal(2), status=OrderStatus.PARTIAL,
        filled=Decimal(1), fills=(fill, fill),
    )  # fmt: skip
    for each in (intent, fill, report):
        assert spelled(each) == canonical(encode(each)).decode()


def test_keys_that_are_not_ascii_stand_in_the_order_of_utf_16() -> None:
    value = {"\U0001f600": 1, "\ufb33": 2, "a": 3}
    assert spelled(value) == canonical(encode(value)).decode()
    assert spelled(value).index("\U0001f600") < spelled(value).index("\ufb33")


@pytest.mark.parametrize("value", [object(), b"bytes", datetime(2024, 3, 4), (1, object())])  # noqa: DTZ001
def test_what_has_no_record_form_has_no_spelling(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        spelled(value)


def test_a_date_is_a_date() -> None:
    assert spelled(date(2024, 3, 4)) == '"2024-03-04"'
