"""Futures before the guards of every account: their names on lists, their volume, and months as one sector."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.unit.guards.build import Change, D, Scene, asked, limits, mandated, observed, planning, ruled, scene, verdict

from prudent.domain.futures import terms
from prudent.domain.verdicts import Outcome
from prudent.guards.from_rows import sector_of
from prudent.marketdata.instruments import InstrumentMaster

DAY = date(2022, 11, 28)


def es(symbol: str = "ESZ2", *, volume: str = "1000000000") -> Change:
    """AAA becomes a contract month at a price of 100: one of it is worth 5,000."""
    instrument, found = InstrumentMaster().find(symbol), terms(symbol, DAY)
    assert instrument is not None
    assert found is not None

    def changed(before: Scene) -> Scene:
        seen = before.observation
        quote = replace(seen.quotes[0], symbol=symbol, adv_dollars=D(volume))
        dated = observed(
            quotes=(quote, *seen.quotes[1:]), instruments=(instrument, *seen.instruments[1:]), futures=(found,)
        )
        return asked(symbol=symbol, quantity=D(1))(dated(before))

    return changed


def outcomes(*changes: Change) -> dict[str, tuple[Outcome, Decimal]]:
    report = scene(es(), *changes).judged()
    return {label.id: verdict(report, label.id) for label in report.guards}


def test_a_contract_within_all_limits_passes_every_guard_that_stops() -> None:
    said = outcomes()
    assert {outcome for outcome, _ in said.values()} <= {Outcome.PASS}
    assert {"D18", "P25"} <= set(said)


def test_an_account_without_futures_has_no_guards_of_theirs() -> None:
    assert {"D18", "P25"}.isdisjoint(label.id for label in scene().judged().guards)


@pytest.mark.parametrize(
    ("guard", "change", "stops"),
    [
        ("D03", mandated(universe=("ES1!", "KO")), False), ("D03", mandated(universe=("NQ1!", "KO")), True),
        ("D03", planning(no_trading=("ES1!",)), True), ("D03", planning(no_trading=("NQ1!",)), False),
        ("rule:r1:price_max_entry", ruled({"applies_to_symbols": ("ES1!",)}, price_max_entry="50"), True),
        ("rule:r1:price_max_entry", ruled({"applies_to_symbols": ("NQ1!",)}, price_max_entry="50"), False),
        ("rule:r1:price_max_entry", ruled({"exclude_symbols": ("ES1!",)}, price_max_entry="50"), False),
        ("rule:r1:approved_symbols", ruled(approved_symbols="ES1!,KO"), False),
        ("rule:r1:approved_symbols", ruled(approved_symbols="KO"), True),
        ("rule:r1:excluded_symbols", ruled(excluded_symbols="ES1!"), True),
    ],
)  # fmt: skip
def test_lists_and_rules_may_name_the_alias(guard: str, change: Change, *, stops: bool) -> None:
    assert (outcomes(change)[guard][0] is Outcome.REJECT) is stops


def test_weight_is_of_the_whole_value() -> None:
    # 5,000 at 101 % of 100,000 is 5.05 %
    assert outcomes(limits(max_position_weight=D("0.05")))["P08"][0] is Outcome.REJECT
    assert outcomes(limits(max_position_weight=D("0.051")))["P08"][0] is Outcome.PASS


def test_volume_counts_with_the_multiplier() -> None:
    # 2,500 x 50 is above 100,000, and 5 % of it is 6,250
    assert outcomes(es(volume="2500"))["D12"][0] is Outcome.PASS
    assert outcomes(es(volume="1900"))["D12"][0] is Outcome.REJECT


def test_the_months_of_a_future_are_one_sector() -> None:
    known = InstrumentMaster()
    assert sector_of(known.find("ESZ2")) == sector_of(known.find("ESH3")) == "FUTURE:ES"
    assert sector_of(known.find("NQH3")) == "FUTURE:NQ"
