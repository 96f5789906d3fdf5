"""The report as a whole: states it asks for, feeds that do not exist, reasons, and the shape of its columns."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.guards.build import (
    NOW,
    Change,
    D,
    asked,
    booked,
    cash,
    directed,
    holding,
    limits,
    observed,
    order_of,
    ordering,
    planning,
    remembered,
    ruled,
    scene,
    verdict,
)
from tests.unit.guards.words import FRESH, history, recent

from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import FxRate, Interlock
from prudent.domain.orders import Effect, OrderStatus
from prudent.domain.records import decode, encode
from prudent.domain.verdicts import GuardReport, Layer, Outcome
from prudent.guards.feeds import ALL_FEEDS, CALCULATOR_FEEDS


def without(*names: str) -> Change:
    return lambda s: replace(s, feeds=ALL_FEEDS - set(names))


def test_a_quiet_scene_approves_the_order_whole_and_asks_for_no_state() -> None:
    report = scene().judged()
    assert [(a.order_ref, a.quantity, a.waits_for_sells) for a in report.approved] == [("AAA-OPEN", D(10), False)]
    assert (report.sets_state, report.sets_state_reason, report.reasons) == (None, "", {})


def test_guards_stand_in_the_order_of_their_layers_with_unique_ids() -> None:
    report = scene(ruled(max_positions=3)).judged()
    layers = [list(Layer).index(label.layer) for label in report.guards]
    assert layers == sorted(layers)
    assert report.guards[0].id == "M00"
    assert len({label.id for label in report.guards}) == len(report.guards)


def test_a_report_survives_its_record() -> None:
    report = scene(cash("1010.09"), holding(BBB=1)).judged()
    assert decode(GuardReport, encode(report)) == report


@pytest.mark.parametrize(
    ("changes", "state", "guard"),
    [
        ((remembered(unit_value=D("0.75")),), TradingState.REDUCING, "X03"),
        ((remembered(decider_failures_in_row=3),), TradingState.REDUCING, "X07"),
        ((remembered(unknown_symbols=("U", "V", "W")),), TradingState.REDUCING, "R04"),
        ((booked(as_of=NOW - timedelta(seconds=11)),), TradingState.REDUCING, "D17"),
        ((history(*[recent(9, 1, status=OrderStatus.REJECTED)] * 5),), TradingState.HALTED, "X06"),
    ],
)  # fmt: skip
def test_a_guard_on_the_account_moves_its_trading_state(
    changes: tuple[Change, ...], state: TradingState, guard: str
) -> None:
    report = scene(*changes).judged()
    assert report.sets_state is state
    assert guard in [part.split()[0] for part in report.sets_state_reason.split("; ")]


def test_a_daily_loss_sets_no_state_for_it_is_latched_for_its_session_only() -> None:
    report = scene(cash("98000"), limits(max_daily_loss=D("0.01"))).judged()
    assert report.sets_state is None
    assert not report.approved


def test_a_drawdown_moves_the_state_of_an_account_that_orders_nothing() -> None:
    report = scene(ordering(), remembered(unit_value=D("0.75"))).judged()
    assert (report.sets_state, report.approved, report.outcomes) == (TradingState.REDUCING, (), ())


def test_the_strictest_state_wins() -> None:
    report = scene(cash("98000"), history(*[recent(9, 1, status=OrderStatus.REJECTED)] * 5)).judged()
    assert report.sets_state is TradingState.HALTED


def test_a_state_is_never_loosened() -> None:
    report = scene(cash("98000"), remembered(state=TradingState.HALTED)).judged()
    assert report.sets_state is None


def test_a_missing_input_stops_new_risk_but_moves_no_state() -> None:
    report = scene(remembered(nlv_open=None, unit_value=None)).judged()
    assert (report.approved, report.sets_state) == ((), None)


def test_a_new_account_may_trade_before_it_has_a_history() -> None:
    assert scene(FRESH).judged().approved


@pytest.mark.parametrize(
    ("feed", "guards"),
    [
        ("modes", {"M00", *(f"M{i:02}" for i in range(1, 11))}), ("market_hours", {"D04"}), ("clock", {"D17"}),
        ("age", {"D16"}), ("spread", {"D10"}), ("previous_close", {"D08"}), ("volume", {"D12", "D13"}),
        ("sector", {"D14", "P09"}), ("second_source", {"D07"}), ("level", set()), ("rsi", set()),
        ("history", {"X01", "X01.L1", "X02", "X03", "X07", "P16", "P20", "P24"}),
        ("counts", {"P18", "P18.L0", "R01", "R02", "R04", "X06"}),
    ],
)  # fmt: skip
def test_a_guard_without_its_feed_is_not_evaluated_and_does_not_block(feed: str, guards: set[str]) -> None:
    report = scene(without(feed)).judged()
    found = {v.guard for v in report.verdicts() if v.outcome is Outcome.NOT_EVALUATED}
    assert found == guards
    assert all(f"no {feed} given" in report.reasons[f"AAA-OPEN|{guard}"] for guard in guards)
    assert report.approved_quantity("AAA-OPEN") == D(10)


def test_a_plan_from_files_alone_is_judged_on_cash_and_positions() -> None:
    """Only prices are known: no bid, no age, no volume, no history."""
    bare = scene(directed(), limits(max_position_weight=None, max_sector_weight=None)).observation
    quotes = tuple(
        replace(
            q, bid=None, ask=None, level=None, previous_close=None, previous_level=None, adv_dollars=None,
            adv_sessions=0, as_of=None, age_seconds=None, market_open=False, rsi_14=None, second_price=None,
        )
        for q in bare.quotes
    )  # fmt: skip
    report = scene(
        directed(), limits(max_position_weight=None, max_sector_weight=None), FRESH, cash("1010"),
        observed(quotes=quotes, interlocks=(), market_open=False), lambda s: replace(s, feeds=CALCULATOR_FEEDS),
    ).judged()  # fmt: skip
    # 10 x 100 x 1.01 = 1,010.00 at worst.
    assert report.approved_quantity("AAA-OPEN") == D(10)
    assert {v.guard for v in report.verdicts() if v.outcome is Outcome.NOT_EVALUATED} >= {"M00", "D04", "D12", "P18"}


def test_a_price_below_five_is_refused_even_without_a_feed_of_levels() -> None:
    report = scene(without("level", "previous_close"), ordering(order_of("CCC"))).judged()
    assert verdict(report, "D11") == (Outcome.PASS, D(10))
    cheap = replace(scene().observation.quotes[2], price=D("4.99"))
    report = scene(
        without("level", "previous_close"), ordering(order_of("CCC")),
        observed(quotes=(*scene().observation.quotes[:2], cheap)),
    ).judged()  # fmt: skip
    assert verdict(report, "D11") == (Outcome.REJECT, D(0))


def test_a_dry_run_needs_no_interlock_but_obeys_one_that_is_told() -> None:
    assert scene(observed(interlocks=(), mode=Mode.DRY_RUN)).judged().approved
    killed = Interlock(id="M04", name="NoKillSwitch", satisfied=False)
    assert not scene(observed(interlocks=(killed,), mode=Mode.DRY_RUN)).judged().approved


def test_paper_needs_five_interlocks_and_live_all_ten() -> None:
    def told(*names: str) -> Change:
        return observed(interlocks=tuple(Interlock(id=name, name=name, satisfied=True) for name in names))

    five = ("M01", "M04", "M08", "M09", "M10")
    assert scene(told(*five)).judged().approved
    assert not scene(told(*five[1:])).judged().approved
    assert not scene(told(*five), observed(mode=Mode.LIVE)).judged().approved


def test_nothing_goes_in_mode_off() -> None:
    assert not scene(observed(mode=Mode.OFF)).judged().approved


def test_an_interlock_of_another_name_counts_too() -> None:
    more = Interlock(id="M77", name="NightShift", satisfied=False)
    report = scene(lambda s: observed(interlocks=(*s.observation.interlocks, more))(s)).judged()
    assert verdict(report, "M77") == (Outcome.REJECT, D(0))


def test_a_backtest_counts_trades_by_the_mandate_alone() -> None:
    report = scene(
        observed(mode=Mode.BACKTEST), limits(max_trades_per_day=500), remembered(trades_today=300)
    ).judged()  # fmt: skip
    assert report.approved
    assert "P18.L0" not in {label.id for label in report.guards}


def test_a_decision_from_the_day_before_yesterday_is_stale() -> None:
    late = scene(lambda s: replace(s, plan_as_of=NOW - timedelta(days=2))).judged()
    assert verdict(late, "D16") == (Outcome.REJECT, D(0))
    today = scene(lambda s: replace(s, plan_as_of=NOW - timedelta(hours=24))).judged()
    assert verdict(today, "D16") == (Outcome.PASS, D(10))
    ahead = scene(lambda s: replace(s, plan_as_of=NOW + timedelta(hours=1))).judged()
    assert verdict(ahead, "D16") == (Outcome.REJECT, D(0))


def test_a_reason_says_what_was_what_must_be_and_what_to_do() -> None:
    report = scene(asked(quantity=D(300))).judged()
    assert report.reasons["AAA-OPEN|P08"] == (
        "AAA: the position would be 30.09 % of net liquidation, must be at most 20.00 %; lower its target"
    )
    report = scene(asked(quantity=D("9.5"))).judged()
    assert report.reasons["AAA-OPEN|D01"] == "AAA: its quantity must be a multiple of the lot 1, was 9.5"


def test_a_holding_without_a_price_is_frozen_where_a_partial_plan_is_allowed() -> None:
    unpriced = tuple(replace(q, price=None) if q.symbol == "BBB" else q for q in scene().observation.quotes)
    assert not scene(holding(BBB=10), observed(quotes=unpriced)).judged().approved
    assert scene(holding(BBB=10), observed(quotes=unpriced), planning(allow_partial=True)).judged().approved


def test_a_foreign_price_is_counted_in_the_base_currency() -> None:
    """1,000 euros at 1.08 are 1,080 dollars; at worst 1 % and the ask more."""
    changes = (
        observed(
            instruments=tuple(
                replace(i, currency="EUR") if i.symbol == "AAA" else i for i in scene().observation.instruments
            )
        ),
        observed(fx=(FxRate(currency="EUR", rate=D("1.08"), as_of=NOW),)),
        directed(),
    )
    assert verdict(scene(*changes, cash("1090.91")).judged(), "P01") == (Outcome.PASS, D(10))
    assert verdict(scene(*changes, cash("1090.90")).judged(), "P01") == (Outcome.CLIP, D(9))


def test_an_exit_is_never_trimmed() -> None:
    report = scene(
        holding(AAA=10), ordering(order_of(effect=Effect.CLOSE)), limits(max_turnover_per_cycle=D("0.001"))
    ).judged()  # fmt: skip
    assert verdict(report, "P16") == (Outcome.REJECT, D(0))


def test_allowed_quantities_are_exact_rows() -> None:
    report = scene(asked(quantity=D(300))).judged()
    assert all(isinstance(q, Decimal) and q == q.to_integral_value() for row in report.allowed for q in row)
