"""A field that a row got later leaves what was recorded before as it was: its bytes, its hash, and how it is read."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.unit.guards.build import scene

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.margin import MarginAnswer, Margins
from prudent.domain.records import LATER, decode, digest, encode

D = Decimal
BEFORE = "307341cd04be83a0549666f4ac14b6d9bdad1a715c668ef52c4835ad6f7c594e"


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    added: Decimal | None = field(default=None, metadata=LATER)


def test_a_later_field_is_written_only_where_it_says_something() -> None:
    assert encode(Row(name="a")) == {"name": "a"}
    assert encode(Row(name="a", added=D("1.50"))) == {"name": "a", "added": "1.5"}


def test_what_was_written_before_the_field_is_read_with_its_default() -> None:
    assert decode(Row, {"name": "a"}) == Row(name="a")
    assert decode(Row, {"name": "a", "added": "1.5"}) == Row(name="a", added=D("1.5"))


def test_a_mandate_at_the_defaults_hashes_as_before_margin_had_limits() -> None:
    # The digest of a plain mandate's JSON without the three fields, made before they existed.
    mandate = Mandate(account="a")
    data = encode(mandate)
    assert isinstance(data, dict)
    limits, planning = data["limits"], data["planning"]
    assert isinstance(limits, dict)
    assert isinstance(planning, dict)
    assert {"max_initial_margin", "min_excess_liquidity"}.isdisjoint(limits)
    assert "ask_margin_above" not in planning
    assert mandate.hash == digest(data) == BEFORE
    tighter = replace(mandate, limits=replace(mandate.limits, max_initial_margin=D("0.4")))
    assert tighter.hash != mandate.hash
    assert decode(Mandate, encode(tighter)) == tighter


def test_an_observation_without_margin_is_written_as_before_and_one_with_it_whole() -> None:
    seen = scene().observation
    data = encode(seen)
    assert isinstance(data, dict)
    assert "margins" not in data
    assert decode(Observation, data) == seen
    told = replace(seen, margins=Margins(answers=(MarginAnswer(order_ref="r", checked=False, message="silence"),)))
    assert decode(Observation, encode(told)) == told
    assert decode(Observation, encode(replace(seen, margins=Margins()))).margins == Margins()
