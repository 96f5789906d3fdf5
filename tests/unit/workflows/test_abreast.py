"""How many accounts a model's server has before it at once."""

from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened

from prudent.workflows.abreast import AHEAD, seat_of

MODELS = """\
language:
  models:
    small: {{kind: {kind}, slots: 4, base_url: "http://127.0.0.1:1/v1"}}
"""


@pytest.mark.parametrize(("kind", "abreast"), [("openai_compatible", 4 + AHEAD), ("embedded", 1)])
def test_one_in_this_process_has_one_account_at_a_time(tmp_path: Path, kind: str, abreast: int) -> None:
    home = new_home(tmp_path)
    config = home / "invest.yaml"
    config.write_text(config.read_text() + MODELS.format(kind=kind))
    mandate = home / "config" / "accounts" / f"{ACCOUNT}.yaml"
    mandate.write_text("strategy: llm_portfolio\nmodel: small\nparameters: {style: value, watchlist: [AAPL]}\n")
    seat = seat_of(reopened(home), ACCOUNT)
    assert seat is not None
    assert seat.abreast == abreast
