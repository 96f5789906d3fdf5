"""Settings: strict files, precedence with origins, safe-side switches, and nothing secret in any message."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from prudent.domain.accounts import AccountClass, Mode
from prudent.domain.errors import ConfigError
from prudent.domain.mandate import Exits, Limits, Mandate, Planning, StrategyLimits
from prudent.settings import AccountSettings, Loaded, home_dir, json_schema, load_settings, parse_fraction, rows
from prudent.settings.accounts import ExitSettings, LimitSettings, PlanningSettings, StrategyLimitSettings


def loaded(home: Path, text: str = "", **environ: str) -> Loaded:
    (home / "invest.yaml").write_text(text, encoding="utf-8")
    return load_settings(home, environ=environ)


def refusal(home: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(home, text, **environ)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_without_any_file_nothing_can_trade(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environ={}).settings
    assert settings.mode is Mode.DRY_RUN
    assert settings.switches.allow_orders is False
    assert settings.accounts == {}


def test_defaults_of_an_account_are_the_defaults_of_a_mandate() -> None:
    assert AccountSettings().mandate("main") == Mandate(account="main", name="main")


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (LimitSettings, Limits),
        (StrategyLimitSettings, StrategyLimits),
        (ExitSettings, Exits),
        (PlanningSettings, Planning),
    ],
)
def test_every_field_of_a_mandate_can_be_set(model: type[BaseModel], kind: type[Limits]) -> None:
    assert set(model.model_fields) == {field.name for field in fields(kind)}


def test_a_mandate_comes_out_as_written(tmp_path: Path) -> None:
    text = """
accounts:
  core:
    name: Core
    class: autonomous
    targets: json/core.json
    parameters: {tilt: 0.5, names: [A, B]}
    universe: [AAPL, MSFT]
    limits: {max_position_weight: 15%, max_order_notional: 50000}
    exits: {stop_loss: 8%}
    planning: {buffer: 0.25%, unlisted: keep, band_relative: 25%}
    costs: xtb
"""
    mandate = loaded(tmp_path, text).settings.accounts["core"].mandate("core")
    assert mandate.account_class is AccountClass.AUTONOMOUS
    assert mandate.parameters == {"targets": "json/core.json", "tilt": "0.5", "names": ["A", "B"]}
    assert mandate.limits.max_position_weight == Decimal("0.15")
    assert mandate.limits.max_order_notional == 50000
    assert mandate.exits.stop_loss == Decimal("0.08")
    assert mandate.planning.buffer == Decimal("0.0025")
    assert mandate.planning.unlisted == "keep"
    assert mandate.costs == "xtb"
    assert len(mandate.hash) == 64


def test_an_account_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "config" / "accounts").mkdir(parents=True)
    (tmp_path / "config" / "accounts" / "core.yaml").write_text("targets: json/core.json\n")
    assert list(loaded(tmp_path, "mode: paper").settings.accounts) == ["core"]
    assert "account core must be defined once" in refusal(tmp_path, "accounts: {core: {targets: x}}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("5%", "0.05"), ("0.05", "0.05"), (0.05, "0.05"), (1, "1"),
        ("-100%", "-1"), ("0.25 %", "0.0025"), ("150%", "1.5"),
    ],
)
def test_a_fraction_is_read(written: object, read: str) -> None:
    assert parse_fraction(written) == Decimal(read)


@pytest.mark.parametrize("written", [20, "20", 1.01, "abc", "nan", "inf", True, None, [1]])
def test_anything_else_is_no_fraction(written: object) -> None:
    with pytest.raises(ValueError, match="must be a fraction"):
        parse_fraction(written)


def test_a_bare_number_above_one_says_how_to_write_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, "accounts:\n  a:\n    limits:\n      max_position_weight: 20\n")
    assert "invest.yaml:4: accounts.a.limits.max_position_weight must be a fraction" in message
    assert "was 20; write 20% or 0.2" in message


def test_an_unknown_key_names_its_line_and_the_nearest_known_one(tmp_path: Path) -> None:
    message = refusal(tmp_path, "mode: paper\naccounts:\n  a:\n    limits:\n      max_postion_weight: 0.2\n")
    assert "invest.yaml:5: accounts.a.limits.max_postion_weight is not a known key" in message
    assert "did you mean max_position_weight?" in message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "mode: papr\ndata: {source: sampel}\nfoo: 1\n", INVEST__IBKR__PORT="x")
    assert message.startswith("4 problems")
    assert "did you mean paper?" in message
    assert "did you mean sample?" in message
    assert "env INVEST__IBKR__PORT: ibkr.port must be a valid integer" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\nb: 2", "invest.yaml:2: must be YAML"),
        ("- 1\n- 2", "must hold `key: value` lines, was list"),
        ("mode: paper\nmode: live", "invest.yaml:2: key mode is there twice"),
        ("accounts: {a: &x {}, b: *x}", "aliases (*name) are not allowed"),
        ("accounts: {'a/b': {}}", "accounts.a/b must be 1 to 32 letters, digits, '.', '_' or '-'"),
        ("accounts: {a: }", "accounts.a must hold `key: value` lines, was None; write {} for all defaults"),
        ("clock: {start: 2022-11-28T10:00:00}", "must name its time zone"),
        ("data: {source: files}", "needs `path`"),
        ("data: {source: sample, second: yahoo}", "needs `source` yahoo and `second` ibkr"),
        ("data: {source: ibkr, second: ibkr}", "needs `source` yahoo and `second` ibkr"),
        ("accounts: {a: {limits: {cash_min: 0.5, cash_max: 0.4}}}", "cash_min must be at most cash_max 0.4"),
        ("accounts: {a: {limits: {drawdown_rearm: 0.2}}}", "drawdown_rearm must be below drawdown_cut"),
        ("accounts: {a: {slippage_bps: .nan}}", "slippage_bps"),
        ("schema_version: 2", "schema_version must be less than or equal to 1, was 2"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "invest.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="must be a readable YAML file"):
        load_settings(tmp_path, environ={})


def test_command_line_over_environment_over_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "invest.yaml").write_text("mode: paper\nibkr: {port: 7497, client_id: 3}\n")
    found = load_settings(
        tmp_path, environ={"INVEST__MODE": "live", "IBKR_PORT": "7496"}, overrides={"mode": "dry_run"}
    )
    assert found.settings.mode is Mode.DRY_RUN
    assert found.settings.ibkr.port == 7496
    origins = {key: origin for key, _, origin in rows(found)}
    assert origins["mode"] == "option --mode"
    assert origins["ibkr.port"] == "env IBKR_PORT"
    assert origins["ibkr.client_id"] == f"{tmp_path / 'invest.yaml'}:2"
    assert origins["ibkr.host"] == "default"


def test_environment_reaches_into_an_account_whatever_the_case_of_its_id(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "accounts: {Core: {}}",
        INVEST__ACCOUNTS__CORE__LIMITS__MAX_POSITION_WEIGHT="15%", INVEST__ACCOUNTS__CORE__UNIVERSE="[AAPL]",
    )  # fmt: skip
    assert found.settings.accounts["Core"].limits.max_position_weight == Decimal("0.15")
    assert found.settings.accounts["Core"].universe == ("AAPL",)


@pytest.mark.parametrize("word", ["0", "false", "No", " OFF "])
def test_words_for_no(tmp_path: Path, word: str) -> None:
    assert loaded(tmp_path, "mode: paper", DRY_RUN=word).settings.effective_mode is Mode.PAPER


@pytest.mark.parametrize("word", ["1", "true", "Yes", " ON "])
def test_words_for_yes(tmp_path: Path, word: str) -> None:
    found = loaded(tmp_path, "mode: paper", DRY_RUN=word)
    assert found.settings.effective_mode is Mode.DRY_RUN
    assert found.warnings == ()


@pytest.mark.parametrize("name", ["ALLOW_ORDERS", "ENABLE_ORDER_EXEC"])
def test_real_money_is_switched_on_by_1_and_by_no_other_word(tmp_path: Path, name: str) -> None:
    key = name.lower()
    assert getattr(loaded(tmp_path, **{name: "1"}).settings.switches, key) is True
    for word in ("true", "Yes", " ON ", "11", "1.0", "one"):
        found = loaded(tmp_path, **{name: word})
        assert getattr(found.settings.switches, key) is False
        assert found.warnings == (f"env {name} must be 1 or 0, was {word!r}; the safe value false is used",)


@pytest.mark.parametrize("word", ["", "maybe", "2", "y", "enabled"])
def test_an_odd_switch_warns_and_takes_the_safe_side(tmp_path: Path, word: str) -> None:
    found = loaded(tmp_path, "mode: live", DRY_RUN=word, ALLOW_ORDERS=word, ENABLE_ORDER_EXEC=word)
    assert found.settings.effective_mode is Mode.DRY_RUN
    assert found.settings.switches.allow_orders is False
    assert found.settings.switches.enable_order_exec is False
    assert len(found.warnings) == 3


def test_off_is_a_mode_and_dry_run_does_not_lift_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, "mode: off", DRY_RUN="1").settings.effective_mode is Mode.OFF


def test_a_date_means_half_an_hour_after_the_open(tmp_path: Path) -> None:
    assert loaded(tmp_path, "clock: {start: 2022-11-28}").settings.clock.start == datetime(2022, 11, 28, 15, tzinfo=UTC)
    assert loaded(tmp_path, "clock: {start: 2022-07-01}").settings.clock.start == datetime(2022, 7, 1, 14, tzinfo=UTC)


def test_a_value_from_a_file_variable_is_read_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("live\n")
    found = loaded(tmp_path, "", INVEST__MODE_FILE=str(tmp_path / "word"))
    assert found.settings.mode is Mode.LIVE
    assert next(value for key, value, _ in rows(found) if key == "mode") == "REDACTED"
    assert "must name a readable file" in refusal(tmp_path, "", INVEST__MODE_FILE=str(tmp_path / "none"))


def test_no_message_contains_a_secret(tmp_path: Path) -> None:
    text = "api_token: hunter2\naccounts: {a: {parameters: {api_key: hunter2}, password: hunter2}}\n"
    message = refusal(tmp_path, text, INVEST__LLM__API_KEY="hunter2")
    assert "hunter2" not in message
    assert "must not hold a secret like api_key" in message
    (tmp_path / "word").write_text("hunter2")
    for name in ("INVEST__MODE_FILE", "INVEST__ACCOUNTS__A__LIMITS__CASH_MIN_FILE"):
        assert "hunter2" not in refusal(tmp_path, "accounts: {a: {}}", **{name: str(tmp_path / "word")})


def test_the_schema_describes_every_section() -> None:
    schema = json_schema()
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == {
        "schema_version", "mode", "data", "clock", "switches", "ibkr", "database", "engine", "web", "notify", "backup",
        "backtest", "secrets", "accounts", "language", "ghostfolio", "news", "initial_budget", "logs",
    }  # fmt: skip
    assert schema["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema


def test_the_home_is_the_option_then_the_variable_then_the_platforms() -> None:
    assert home_dir(Path("/a"), environ={"INVEST_HOME": "/b"}) == Path("/a")
    assert home_dir(environ={"INVEST_HOME": "/b"}) == Path("/b")
    assert home_dir(environ={}).name == "prudent"
