"""Grids: read, checked by the models that check `invest.yaml`, and made into backtests in a fixed order."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.daily_files import flat, sessions_from, write_bars
from tests.intraday_files import flat_bars, write_intraday

from prudent.analytics.comparison import Arm
from prudent.backtest.grid import Combination, combinations, parse_grid, preparing
from prudent.backtest.kept import packed, unpacked
from prudent.backtest.request import Cadence, FillAt, Request
from prudent.backtest.run import prepare
from prudent.backtest.searched import Tried, ranked, searched
from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import OrderType
from prudent.workflows.sweeps import WORK_LEAST, batch_size, prepared_all

DAYS = sessions_from(date(2015, 1, 2), 60)
CONFIG = """\
schema_version: 1
mode: paper
data: {{source: files, path: {data}}}
clock: {{start: {clock}}}
backtest: {{sealed_days: 10}}
accounts:
  one: {{targets: json/one.json, limits: {{max_gross_exposure: 150%, max_order_notional: 5000}}}}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for symbol in ("AAPL", "SPY"):
        write_bars(tmp_path / "bars", symbol, DAYS, [flat(100.0)] * 60)
    (tmp_path / "json").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "json" / "one.json").write_text('{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "15"}]}')
    (tmp_path / "invest.yaml").write_text(CONFIG.format(data=tmp_path / "bars", clock=DAYS[-1]))
    found = open_desk(tmp_path)
    yield found
    found.ledger.close()


def made(desk: Desk, *lines: str, last: date = DAYS[40]) -> tuple[Combination, ...]:
    base = Request(mandate=desk.mandate("one"), first=DAYS[5], last=last, cadence=Cadence.WEEKLY)
    return combinations(desk, base, parse_grid(lines))


def refusal(desk: Desk, *lines: str) -> str:
    with pytest.raises(InputError) as refused:
        made(desk, *lines)
    return str(refused.value)


# Reading


def test_values_are_cut_at_commas_outside_brackets() -> None:
    axes = parse_grid(["exits.stop_loss = 5%, 10%,off", "universe=[AAPL,KO],[MSFT]"])
    assert [(axis.key, axis.values) for axis in axes] == [
        ("exits.stop_loss", ("5%", "10%", "off")), ("universe", ("[AAPL,KO]", "[MSFT]"))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "a sweep needs --grid"),
        (["exits.stop_loss"], "must be KEY=VALUE,VALUE"),
        (["=5%"], "must be KEY=VALUE,VALUE"),
        (["fill="], "must be KEY=VALUE,VALUE"),
        (["slippage_bps=1,,2"], "must be KEY=VALUE,VALUE"),
        (["universe=[AAPL"], "every bracket"),
        (["slippage_bps=1,1"], "each value once, 1 is there twice"),
        (["slippage_bps=1", "slippage_bps=2"], "each key once, slippage_bps is there twice"),
        ([f"slippage_bps={','.join(map(str, range(101)))}", f"a={','.join(map(str, range(100)))}"],
         "at most 10,000 combinations, was 101 x 100 = 10,100"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_refused(lines: list[str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_grid(lines)
    assert said in str(refused.value)


# Combinations


def test_combinations_come_in_a_fixed_order_with_the_last_key_fastest(desk: Desk) -> None:
    found = made(desk, "exits.stop_loss=5%,off", "cadence=daily,monthly", "fill=next_open,next_close")
    assert len(found) == 8
    assert [each.values for each in found[:3]] == [
        ("5%", "daily", "next_open"), ("5%", "daily", "next_close"), ("5%", "monthly", "next_open"),
    ]  # fmt: skip
    first, last = found[0].request, found[-1].request
    assert (first.mandate.exits.stop_loss, last.mandate.exits.stop_loss) == (Decimal("0.05"), None)
    assert (first.cadence, last.cadence) == (Cadence.DAILY, Cadence.MONTHLY)
    assert (first.fill, last.fill) == (FillAt.NEXT_OPEN, FillAt.NEXT_CLOSE)


def test_what_is_not_varied_stays_as_the_account_has_it(desk: Desk) -> None:
    (only,) = made(desk, "limits.max_position_weight=18%")
    limits = only.request.mandate.limits
    assert limits.max_position_weight == Decimal("0.18")
    # A fraction above 1 and an amount, both in the section that was touched.
    assert (limits.max_gross_exposure, limits.max_order_notional) == (Decimal("1.5"), Decimal(5000))
    assert only.request.mandate.parameters["targets"] == "json/one.json"


def test_parameters_are_read_as_in_the_configuration(desk: Desk) -> None:
    found = made(desk, "parameters.lookback=20,60", "parameters.mode=fast")
    assert [each.request.mandate.parameters["lookback"] for each in found] == [20, 60]
    assert found[0].request.mandate.parameters["mode"] == "fast"
    assert found[0].request.mandate.parameters["targets"] == "json/one.json"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exits.stoploss=5%", "did you mean exits.stop_loss?"),
        ("exits.stop_loss=5%,banana", "--grid exits.stop_loss=banana: must be a fraction like 0.05"),
        ("exits.stop_loss=5", "--grid exits.stop_loss=5: must be a fraction, was 5; write 5%"),
        ("planning.slices=0", "--grid planning.slices=0:"),
        ("planning.allocator=magic", "--grid planning.allocator=magic:"),
        ("limits.cash_min=off", "--grid limits.cash_min=off:"),
        ("cadence=hourly", "--grid cadence must be one of account, daily"),
        ("fill=now", "--grid fill must be one of next_open, next_close"),
        ("model=oracle", "--grid model must be one of rules, was 'oracle'"),
    ],
)
def test_a_wrong_key_or_value_is_named(desk: Desk, line: str, said: str) -> None:
    assert said in refusal(desk, "slippage_bps=1,2", line)


def test_values_that_only_together_are_wrong_are_named_together(desk: Desk) -> None:
    said = refusal(desk, "limits.drawdown_cut=20%,10%", "limits.drawdown_rearm=5%,15%")
    assert "drawdown_rearm must be below drawdown_cut 0.1" in said


def test_values_that_only_together_are_right_are_accepted(desk: Desk) -> None:
    assert len(made(desk, "limits.drawdown_cut=90%", "limits.drawdown_rearm=80%,85%")) == 2


def test_two_combinations_that_are_the_same_backtest_are_refused(desk: Desk) -> None:
    assert "exits.stop_loss=5% and exits.stop_loss=0.05 are the same" in refusal(desk, "exits.stop_loss=5%,0.05")
    assert "are the same backtest" in refusal(desk, "name=Anna,Berta")


# Preparing


def test_the_data_are_looked_at_once_and_say_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Request] = []

    def counted(on: Desk, request: Request) -> object:
        looks.append(request)
        return prepare(on, request)

    monkeypatch.setattr("prudent.backtest.grid.prepare", counted)
    found = made(desk, "exits.stop_loss=5%,10%,off", "planning.buffer=0,1%", "cadence=daily,weekly")
    quickly = preparing(desk)
    quick = [quickly(each.request) for each in found]
    assert len(looks) == 2
    assert quick == [prepare(desk, each.request) for each in found]
    assert len({each.identity for each in quick}) == 12


def test_hours_before_the_open_are_other_data_and_limit_orders(desk: Desk, tmp_path: Path) -> None:
    for symbol in ("AAPL", "SPY"):
        begin = ("04:00", "09:30")
        write_intraday(tmp_path / "bars", symbol, [
            row for day in DAYS[5:41] for open_ in begin for row in flat_bars(day, open_, "11:00", 100.0)[:2]
        ])  # fmt: skip
    found = made(desk, "cadence=30min", "session=regular,pre")
    quickly = preparing(desk)
    quick = [quickly(each.request) for each in found]
    assert quick == [prepare(desk, each.request) for each in found]
    assert quick[0].within != quick[1].within
    assert [each.request.mandate.planning.order_types for each in quick][1] == (OrderType.LIMIT,)
    # The hours themselves are kept with a plan and come back in a worker.
    assert quickly(unpacked(packed(found[1].request))).identity == quick[1].identity


def test_a_request_reads_back_as_it_was(desk: Desk) -> None:
    for each in made(desk, "exits.stop_loss=5%,off", "cadence=daily,account"):
        assert unpacked(packed(each.request)) == each.request


def test_a_sweep_cannot_open_the_sealed_window(desk: Desk) -> None:
    with pytest.raises(BlockedError, match="a search may not choose by it"):
        prepared_all(desk, made(desk, "exits.stop_loss=5%,off", last=DAYS[-1]))


def test_batches_are_some_for_each_worker_but_never_too_small() -> None:
    assert batch_size(10_000, 2.0, workers=8) == 15
    assert batch_size(100, 2.0, workers=2) == 13
    assert batch_size(4, 0.1, workers=2) == WORK_LEAST / 0.1
    assert batch_size(4, 60.0, workers=2) == 1


# What the search proves


def tried(place: int, returns: np.ndarray | None, *, status: str = "completed", sharpe: str | None = "1") -> Tried:
    days = np.arange("2015-01-01", "2015-07-01", dtype="datetime64[D]")[:160]
    arm = None if returns is None else Arm(id=f"one/b{place}", days=days[: len(returns)], returns=returns)
    return Tried(
        place=place, values=(str(place),), id=f"one/b{place}", status=status, summary={"sharpe": sharpe}, arm=arm
    )  # fmt: skip


def noise(seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).normal(mean, 0.01, 160)


def test_the_best_of_noise_is_called_luck_and_its_choice_no_better_than_chance() -> None:
    found = searched([tried(i, noise(i)) for i in range(12)], trials=40)
    assert found.best is not None
    assert found.best.trials == 40
    assert "which luck may explain" in found.sentences[1]
    assert found.overfitting is not None
    assert found.overfitting > 0.3


def test_a_true_edge_is_told_from_luck() -> None:
    found = searched([tried(0, noise(0, mean=0.005)), *(tried(i, noise(i)) for i in range(1, 12))], trials=12)
    assert found.best is not None
    assert (found.best.id, found.overfitting) == ("one/b0", 0.0)
    assert "more than luck would" in found.sentences[1]


def test_nothing_is_averaged_over_failures() -> None:
    sound = [tried(i, noise(i)) for i in range(4)]
    broken = [tried(8, noise(8, mean=0.1)[:20], status="partial"), tried(9, None, status="failed", sharpe=None)]
    with_them, without = searched([*sound, *broken], trials=6), searched(sound, trials=6)
    assert (with_them.best, with_them.overfitting) == (without.best, without.overfitting)
    assert "2 of 6 combinations are without a complete result and count nowhere" in with_them.sentences


def test_the_best_sharpe_ratio_stands_first_and_what_has_none_last() -> None:
    rows = [tried(place, None, sharpe=sharpe) for place, sharpe in enumerate((None, "-1", "2", "2"))]
    assert [each.place for each in ranked(rows)] == [2, 3, 1, 0]
