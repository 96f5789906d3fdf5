"""An account's settings about its model, its pair and whether it is on, and what the environment adds."""

from decimal import Decimal
from pathlib import Path

import pytest

from prudent.domain.errors import ConfigError
from prudent.domain.mandate import Approval
from prudent.domain.orders import OrderType
from prudent.settings import Loaded, load_settings


def loaded(home: Path, text: str = "", **environ: str) -> Loaded:
    (home / "invest.yaml").write_text(text, encoding="utf-8")
    return load_settings(home, environ=environ)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts: {a: {model: qwen}}", "accounts.a.model must be one of rules, was 'qwen'; add it under"),
        ("accounts: {a: {disabled_because: no}}", "accounts.a has `disabled_because` and is enabled"),
        ("accounts: {a: {custom_rules: no energy}}", "accounts.a.custom_rules"),
        ("accounts: {a: {planning: {order_types: []}}}", "accounts.a.planning.order_types"),
        ("accounts: {a: {planning: {order_types: [STOP]}}}", "accounts.a.planning.order_types.0"),
        ("accounts: {a: {limits: {max_initial_margin: 0}}}", "accounts.a.limits.max_initial_margin"),
        ("accounts: {a: {limits: {min_excess_liquidity: 101%}}}", "accounts.a.limits.min_excess_liquidity"),
        ("accounts: {a: {planning: {ask_margin_above: -1%}}}", "accounts.a.planning.ask_margin_above"),
        ("accounts: {a: {initial_budget: -1}}", "accounts.a.initial_budget"),
        ("accounts: {a: {parameters: {password: x}}}", "must not hold a secret like password"),
        ("logs: {level: loud}", "logs.level"),
    ],
)
def test_a_wrong_setting_says_so(tmp_path: Path, text: str, said: str) -> None:
    text = text.replace("disabled_because: no", "disabled_because: later")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("own", "was"),
    [
        ("", "class directed with approval by its class"),
        ("approval: none", "class directed with approval none"),
        ("class: autonomous, approval: unattended", "class autonomous with approval unattended"),
        ("class: margin, approval: always", "class margin with approval always"),
    ],
)
def test_an_account_that_is_flat_by_the_close_waits_for_nobody(tmp_path: Path, own: str, was: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"accounts: {{a: {{strategy: intraday, {own}}}}}")
    assert f"accounts.a has strategy intraday, whose sales before the close must wait for nobody, was {was}" in str(
        caught.value
    )


@pytest.mark.parametrize("own", ["class: autonomous", "class: margin", "class: autonomous, approval: none"])
def test_an_intraday_account_that_asks_nobody_is_taken(tmp_path: Path, own: str) -> None:
    mandate = loaded(tmp_path, f"accounts: {{a: {{strategy: intraday, {own}}}}}").settings.accounts["a"].mandate("a")
    assert mandate.approval_in_force is Approval.NONE


def test_what_a_run_freezes_names_model_pair_rules_and_instructions(tmp_path: Path) -> None:
    text = """
language: {models: {qwen: {kind: rules}}}
accounts:
  a:
    model: qwen
    pair: ab
    custom_rules: [no energy]
    custom_instructions: be calm
    parameters: {pass0_confidence: 0.6, max_tokens: 900}
    planning: {order_types: [LIMIT]}
"""
    mandate = loaded(tmp_path, text).settings.accounts["a"].mandate("a")
    assert (mandate.model, mandate.pair, mandate.custom_instructions) == ("qwen", "ab", "be calm")
    assert mandate.custom_rules == ("no energy",)
    assert mandate.planning.order_types == (OrderType.LIMIT,)
    assert mandate.parameters == {"pass0_confidence": "0.6", "max_tokens": 900}


def test_limits_of_margin_are_half_and_a_fifth_unless_the_owner_says(tmp_path: Path) -> None:
    plain = loaded(tmp_path, "accounts: {a: {}}").settings.accounts["a"].mandate("a")
    limits = plain.limits
    assert (limits.max_initial_margin, limits.min_excess_liquidity) == (Decimal("0.5"), Decimal("0.2"))
    assert plain.planning.ask_margin_above == Decimal("0.1")
    own = "limits: {max_initial_margin: 40%, min_excess_liquidity: 30%}, planning: {ask_margin_above: 5%}"
    tight = loaded(tmp_path, f"accounts: {{a: {{{own}}}}}").settings.accounts["a"].mandate("a")
    assert (tight.limits.max_initial_margin, tight.limits.min_excess_liquidity) == (Decimal("0.4"), Decimal("0.3"))
    assert tight.planning.ask_margin_above == Decimal("0.05")
    assert tight.hash != plain.hash


def test_the_environment_counts_before_the_file(tmp_path: Path) -> None:
    text = "initial_budget: 5\nlogs: {level: error}\n"
    settings = loaded(tmp_path, text, INITIAL_BUDGET="700", LOG_LEVEL="WARN").settings
    assert settings.initial_budget == 700
    assert settings.logs.level == "warning"
