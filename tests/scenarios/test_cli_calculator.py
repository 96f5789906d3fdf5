"""`invest plan FILE --prices …`: the plan of files alone by hand-computed numbers, and the exit of each wrong input."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.cli.running import Ended, invest

THREE = [{"symbol": "AAA", "weight": 50}, {"symbol": "BBB", "weight": 30}, {"symbol": "CCC", "weight": 20}]
PRICES = "symbol,price\nAAA,173.00\nBBB,91.50\nCCC,37.25\n"
Plan = Callable[..., Ended]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """`plan(targets, *options, prices=…, positions=…, …)`: writes the files, runs the calculator with `--json`."""

    def run(targets: object, *options: str, prices: str = PRICES, **files: str) -> Ended:
        target = tmp_path / "p.json"
        target.write_text(targets if isinstance(targets, str) else json.dumps(targets))
        args = [str(target), "--json", *options]
        for name, text in {"prices": prices, **files}.items():
            path = tmp_path / f"{name}.csv"
            path.write_text(text)
            args += [f"--{name.replace('_', '-')}", str(path)]
        return invest("plan", *args)

    return run


def quantities(ended: Ended) -> dict[str, Decimal]:
    """Signed quantities of the planned orders by symbol."""
    assert ended.code == 0, ended.out + ended.err
    sign = {"BUY": 1, "SELL": -1}
    return {o["symbol"]: sign[o["side"]] * Decimal(o["quantity"]) for o in ended.data["orders"]}


def refused(ended: Ended, code: int, *said: str) -> None:
    assert ended.code == code, ended.out + ended.err
    assert ended.document["ok"] is False
    assert ended.data is None
    message = ended.document["errors"][0]["message"]
    assert all(each in message for each in said), message


def test_largest_remainder_by_hand(plan: Plan) -> None:
    ended = plan(THREE, "--cash", "10000", "--buffer", "0")
    assert quantities(ended) == {"AAA": 29, "BBB": 32, "CCC": 54}
    assert Decimal(ended.data["nav"]) == 10000
    assert Decimal(ended.data["cash_before"]) == 10000
    assert Decimal(ended.data["cash_after"]) == Decimal("43.50")


def test_the_optimising_allocator_by_hand(plan: Plan) -> None:
    ended = plan(THREE, "--cash", "10000", "--buffer", "0", "--allocator", "mip")
    assert quantities(ended) == {"AAA": 29, "BBB": 33, "CCC": 52}
    assert Decimal(ended.data["cash_after"]) == Decimal("26.50")


def test_the_document_has_every_key_that_other_programs_read(plan: Plan) -> None:
    ended = plan(THREE, "--cash", "500", positions="symbol,quantity,avg_cost\nAAA,50,100\nDDD,3,\n",
                 prices=PRICES + "DDD,10\n", open_orders="symbol,side,quantity\nCCC,BUY,1\n")
    data = ended.data
    assert set(data) >= {
        "plan_hash", "nav", "orders", "approved", "cash_before", "cash_after", "weights", "turnover", "verdicts",
        "blocked", "attainable_accuracy",
    }  # fmt: skip
    assert set(data["orders"][0]) >= {"id", "side", "symbol", "quantity", "price", "notional", "phase", "reason"}
    assert set(data["approved"][0]) >= set(data["orders"][0]) | {"waits_for_sells"}
    assert set(data["weights"][0]) == {"symbol", "current", "target", "reachable"}
    assert set(data["turnover"]) == {"one_way", "gross", "fund"}
    assert set(data["verdicts"][0]) >= {"guard", "layer", "order_id", "outcome", "reason"}
    assert ended.document["command"] == "plan"
    assert [o["phase"] for o in data["orders"]] == sorted(o["phase"] for o in data["orders"])
    assert data["orders"][0]["side"] == "SELL"
    assert "CASH" in {w["symbol"] for w in data["weights"]}
    assert {o["id"] for o in data["approved"]} <= {o["id"] for o in data["orders"]}


def test_guards_without_input_are_not_evaluated_and_block_nothing(plan: Plan) -> None:
    ended = plan(THREE, "--cash", "10000")
    outcomes = {v["guard"]: v["outcome"] for v in ended.data["verdicts"]}
    silent = {guard for guard, outcome in outcomes.items() if outcome == "not_evaluated"}
    assert {"M01", "D04", "D10", "D12", "D14", "D16", "P18"} <= silent
    assert {"P01", "P04", "P11"}.isdisjoint(silent)
    assert len(ended.data["approved"]) == 3
    assert ended.data["blocked"] == []


def test_buys_that_need_the_money_of_sells_are_approved_and_say_that_they_wait(plan: Plan) -> None:
    ended = plan([{"symbol": "BBB", "weight": 100}], "--cash", "0", positions="symbol,quantity\nAAA,10\n")
    approved = {each["symbol"]: each for each in ended.data["approved"]}
    assert approved["AAA"]["waits_for_sells"] is False
    assert approved["BBB"]["waits_for_sells"] is True


def test_the_hash_does_not_depend_on_time_and_does_on_what_is_held(plan: Plan) -> None:
    first = plan(THREE, "--cash", "10000", positions="symbol,quantity\nAAA,1\n").data["plan_hash"]
    assert plan(THREE, "--cash", "10000", positions="symbol,quantity\nAAA,1\n").data["plan_hash"] == first
    assert plan(THREE, "--cash", "10000", positions="symbol,quantity\nAAA,2\n").data["plan_hash"] != first


def test_a_plan_exits_ten_only_when_asked_and_only_when_there_is_something_to_do(plan: Plan) -> None:
    assert plan(THREE, "--cash", "10000").code == 0
    changes = plan(THREE, "--cash", "10000", "--detailed-exitcode")
    assert (changes.code, changes.document["ok"]) == (10, True)
    done = plan(
        [{"symbol": "AAA", "weight": 100}], "--cash", "0", "--detailed-exitcode", "--buffer", "0",
        positions="symbol,quantity\nAAA,10\n",
    )  # fmt: skip
    assert (done.code, done.data["orders"]) == (0, [])


def test_a_foreign_holding_counts_in_dollars(plan: Plan) -> None:
    ended = plan(
        [{"symbol": "AAA", "weight": 100}], "--cash", "0", "--unlisted", "keep", "--allow-partial",
        positions="symbol,quantity\nSAP,10\n", prices="symbol,price,currency\nAAA,100,USD\nSAP,100,EUR\n",
        fx="pair,rate\nEURUSD,1.10\n",
    )  # fmt: skip
    assert Decimal(ended.data["nav"]) == 1100


@pytest.mark.parametrize("price", ["0", "-5", "NaN", ""])
def test_a_held_symbol_without_a_usable_price_means_no_nav(plan: Plan, price: str) -> None:
    positions = "symbol,quantity\nDDD,5\n"
    refused(plan(THREE, "--cash", "1000", positions=positions, prices=f"{PRICES}DDD,{price}\n"), 5, "DDD")
    refused(plan(THREE, "--cash", "1000", positions=positions), 5, "DDD")


@pytest.mark.parametrize("price", ["0", "-5", "NaN"])
def test_a_targeted_symbol_without_a_usable_price_is_bad_input(plan: Plan, price: str) -> None:
    refused(plan(THREE, "--cash", "1000", prices=PRICES.replace("91.50", price)), 2, "BBB")


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ('[{"symbol": "AAA", "weight": 50},]', ["line 1", "column"]),
        ("[]", ["at least one row"]),
        ("{}", ["targets or signals"]),
        ([{"symbol": "AAA", "weight": 60}, {"symbol": "BBB", "weight": 50}], ["110 %"]),
        ([{"symbol": "AAA", "weight": 0.6}, {"symbol": "BBB", "weight": 0.4}], ["unit", "--unit"]),
        ([{"symbol": "AAA", "weight": 50}, {"symbol": "AAA", "weight": 10}], ["AAA"]),
        ([{"symbol": "ZZZ", "weight": 50}], ["ZZZ"]),
        ([{"symbol": "AAA", "weight": -10}], ["AAA", "long-only"]),
        ('[{"symbol": "AAA", "weight": NaN}]', ["finite"]),
        ([{"symbol": "AAA", "weight": "ten"}], ["must be a number"]),
        ([{"symbol": "AAA"}], ["weight"]),
    ],
)
def test_a_wrong_target_file_is_bad_input(plan: Plan, targets: object, said: list[str]) -> None:
    refused(plan(targets, "--cash", "1000"), 2, *said)


@pytest.mark.parametrize(
    ("options", "files", "said"),
    [
        (["--cash", "-1"], {}, ["--cash", "-1"]),
        (["--cash", "abc"], {}, ["--cash"]),
        (["--cash", "NaN"], {}, ["--cash"]),
        ([], {}, ["--cash, --positions or both"]),
        (["--cash", "1", "--buffer", "5"], {}, ["--buffer", "5% or 0.05"]),
        (["--cash", "1", "--buffer", "x"], {}, ["--buffer"]),
        (["--cash", "1", "--bands", "5/25"], {}, ["--bands", "write 5%"]),
        (["--cash", "1", "--lot-size", "0"], {}, ["--lot-size"]),
        (["--cash", "1", "--capital", "-3"], {}, ["--capital"]),
        (["--cash", "1"], {"positions": "symbol,quantity\nAAA,-5\n"}, ["AAA", "--allow-short"]),
        (["--cash", "1"], {"positions": "symbol,quantity\nAAA,NaN\n"}, ["positions.csv:2"]),
        (["--cash", "1"], {"positions": "symbol,quantity\nAAA,1\nAAA,1\n"}, ["AAA", "twice"]),
        (
            ["--cash", "1", "--unlisted", "error"],
            {"positions": "symbol,quantity\nDDD,5\n", "prices": PRICES + "DDD,1\n"},
            ["DDD"],
        ),
        (["--cash", "1"], {"fx": "pair,rate\nUSDEUR,1\n"}, ["EURUSD"]),
        (["--cash", "1"], {"open_orders": "symbol,side,quantity\nAAA,BUY,-1\n"}, ["open_orders.csv:2"]),
        (["--cash", "1", "--account", "main"], {}, ["--account and --prices"]),
    ],
)  # fmt: skip
def test_a_wrong_option_or_file_is_bad_input(
    plan: Plan, options: list[str], files: dict[str, str], said: list[str]
) -> None:
    refused(plan(THREE, *options, **files), 2, *said)


@pytest.mark.parametrize(
    "option", [["--unlisted", "maybe"], ["--allocator", "best"], ["--fees", "free"], ["--unit", "bp"]]
)
def test_an_unknown_choice_is_usage(plan: Plan, option: list[str]) -> None:
    refused(plan(THREE, "--cash", "1000", *option), 2, option[0])


def test_rescaling_lowers_a_sum_above_one_hundred_percent(plan: Plan) -> None:
    targets = [{"symbol": "AAA", "weight": 60}, {"symbol": "BBB", "weight": 60}]
    ended = plan(targets, "--cash", "10000", "--rescale", "--buffer", "0")
    weights = {w["symbol"]: Decimal(w["target"]) for w in ended.data["weights"]}
    assert weights["AAA"] == weights["BBB"] == Decimal("0.5")


def test_calculator_options_need_prices(tmp_path: Path) -> None:
    ended = invest("plan", "p.json", "--cash", "5", "--buffer", "1%", "--json", "--home", str(tmp_path))
    refused(ended, 2, "--buffer, --cash belong to the calculator and need --prices")


def test_it_needs_no_home(plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INVEST_HOME", str(tmp_path / "nowhere"))
    assert plan(THREE, "--cash", "10000").code == 0
    assert not (tmp_path / "nowhere").exists()


def test_people_get_tables(plan: Plan, tmp_path: Path) -> None:
    plan(THREE, "--cash", "10000")
    ended = invest("plan", str(tmp_path / "p.json"), "--cash", "10000", "--prices", str(tmp_path / "prices.csv"))
    assert ended.code == 0
    assert "NAV 10,000.00 USD" in ended.out
    assert "Weights" in ended.out
    assert "AAA" in ended.out
