"""Terms begin with the record of the cycle that bought, live over restarts, and end with the position."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.ledger_build import (
    ACCOUNT,
    MONDAY,
    SESSION,
    d,
    fill,
    intent,
    later,
    mandate,
    observation,
    record,
    report,
)

from prudent.domain.accounts import Mode, Position
from prudent.domain.cycles import CycleRecord
from prudent.domain.orders import OrderIntent, OrderStatus, Side
from prudent.domain.reasoning import Basis, Idea, Reasoning, Terms
from prudent.ledger import LedgerStore, open_ledger

FILLED = OrderStatus.FILLED


def idea(symbol: str = "AAPL", *, side: Side = Side.BUY, **stops: object) -> Idea:
    return Idea(symbol=symbol, side=side, amount=d("1000"), basis=Basis.USD, **stops)  # type: ignore[arg-type]


TIGHT = idea(stop_loss=d("0.08"), take_profit=d("0.25"), time_stop_days=30)
KEPT = Terms(
    symbol="AAPL", stop_loss=d("0.08"), take_profit=d("0.25"), time_stop_days=30, since=MONDAY + timedelta(seconds=2)
)  # fmt: skip


class Bench:
    """A ledger, and cycles of it that trade and are recorded."""

    def __init__(self, path: Path) -> None:
        self.path = path / "ledger.sqlite"
        self.ledger = open_ledger(self.path)
        self.ledger.add_account(mandate(), cash=d("10000"), at=MONDAY)
        self.run = self.ledger.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
        self.fills = 0

    def cycle(
        self, *sent: OrderIntent, ideas: Sequence[Idea] = (), held: str = "0", status: OrderStatus = FILLED,
        filled: str | None = None, day: int = 0, mode: Mode = Mode.PAPER,
    ) -> CycleRecord:  # fmt: skip
        """Send, fill and record; `held` is what the cycle saw of AAPL when it looked."""
        at = later(days=day)
        number = self.ledger.next_cycle(self.run, at=at)
        self.ledger.approve(self.run, number, sent, at=at)
        reports = []
        for each in sent:
            self.ledger.sending(ACCOUNT, each.order_ref, seal=each.seal, at=at)
            self.fills += 1
            size = str(each.quantity) if filled is None else filled
            done = [fill(each, size, "100", number=self.fills, at=at)] if size != "0" else []
            reports.append(report(each, status, *done))
            self.ledger.reported(ACCOUNT, reports[-1], at=at)
        made = record(1, number, orders=sent, at=at, mode=mode)
        seen = replace(
            observation(mode=mode), snapshot=replace(observation().snapshot, positions=(
                Position(symbol="AAPL", quantity=d(held), average_cost=d("100"), opened=None),
            )),
        )  # fmt: skip
        reasoning = Reasoning(answered_by="scripted", ideas=tuple(ideas)) if ideas else None
        phases = tuple(replace(phase, reports=tuple(reports)) for phase in made.phases)
        made = replace(
            made, observation=seen, decision=replace(made.decision, reasoning=reasoning), phases=phases
        )  # fmt: skip
        self.ledger.record(made, why={each.order_ref: "as planned" for each in sent})
        return made

    def terms(self, ledger: LedgerStore | None = None) -> tuple[Terms, ...]:
        return (ledger or self.ledger).history(ACCOUNT, session=SESSION, at=MONDAY).terms


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_an_idea_bought_is_held_on_its_terms_after_a_restart_too(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT])
    assert bench.terms() == (KEPT,)
    bench.ledger.close()
    again = open_ledger(bench.path)
    assert bench.terms(again) == (KEPT,)
    again.close()


def test_the_same_record_twice_changes_no_terms(bench: Bench) -> None:
    made = bench.cycle(intent(), ideas=[TIGHT])
    bench.ledger.record(made, why={})
    assert bench.terms() == (KEPT,)


@pytest.mark.parametrize(
    ("status", "filled", "kept"),
    [
        (OrderStatus.REJECTED, "0", False), (OrderStatus.EXPIRED, "0", False), (OrderStatus.CANCELLED, "4", True),
        (OrderStatus.ACKED, "0", True), (OrderStatus.PARTIAL, "4", True),
    ],
)  # fmt: skip
def test_only_what_was_or_may_still_be_bought_has_terms(
    bench: Bench, status: OrderStatus, filled: str, kept: bool  # noqa: FBT001 - a table column
) -> None:  # fmt: skip
    bench.cycle(intent(), ideas=[TIGHT], status=status, filled=filled)
    assert bench.terms() == ((KEPT,) if kept else ())


def test_an_idea_without_stops_and_one_to_sell_set_none(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[idea()])
    assert bench.terms() == ()
    bench.cycle(
        intent(side=Side.SELL, quantity="4", cycle="2"), ideas=[idea(side=Side.SELL, stop_loss=d("0.05"))], held="10"
    )  # fmt: skip
    assert bench.terms() == ()


def test_a_rehearsal_leaves_terms_as_they_are(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT], mode=Mode.DRY_RUN)
    assert bench.terms() == ()


def test_terms_end_with_the_position_and_not_with_a_part_of_it(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT])
    bench.cycle(intent(side=Side.SELL, quantity="4", cycle="2"), held="10", day=1)
    assert bench.terms() == (KEPT,)
    bench.cycle(intent(side=Side.SELL, quantity="6", cycle="3"), held="6", day=2)
    assert bench.terms() == ()


def test_a_second_idea_can_tighten_a_stop_and_not_loosen_it(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT])
    looser = idea(stop_loss=d("0.20"), take_profit=d("0.40"))
    bench.cycle(intent(cycle="2", quantity="1"), ideas=[looser], held="10", day=1)
    assert bench.terms() == (replace(KEPT, take_profit=d("0.40")),)
    bench.cycle(intent(cycle="3", quantity="1"), ideas=[idea(stop_loss=d("0.05"), time_stop_days=5)], held="11", day=2)
    since = later(days=2) + timedelta(seconds=2)
    assert bench.terms() == (replace(KEPT, stop_loss=d("0.05"), take_profit=d("0.40"), time_stop_days=5, since=since),)


def test_an_idea_that_bought_nothing_leaves_the_terms_of_what_is_held(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT])
    refused = intent(cycle="2", quantity="1")
    bench.cycle(refused, ideas=[idea(stop_loss=d("0.01"))], held="10", status=OrderStatus.REJECTED, filled="0")
    assert bench.terms() == (KEPT,)


def test_a_position_opened_anew_is_not_on_the_terms_of_the_one_before(bench: Bench) -> None:
    bench.cycle(intent(), ideas=[TIGHT])
    # Sold and filled late, after the record of the cycle that sold it; the next cycle finds nothing and buys again.
    bench.cycle(intent(cycle="3", quantity="1"), held="0", day=2)
    assert bench.terms() == ()
