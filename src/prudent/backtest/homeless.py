"""A home for one backtest that needs none: its configuration as given, in a folder that goes away."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from prudent.backtest.request import Cadence, FillAt, Request, RunPath
from prudent.backtest.run import Playing, backtest, prepare
from prudent.backtest.walk import Progress
from prudent.bootstrap import CONFIG_FILE, open_desk
from prudent.domain.errors import InputError
from prudent.domain.performance import RunBook
from prudent.marketdata.hours import Hours
from prudent.ports import LanguageModel
from prudent.registry import DATA_SOURCES

ACCOUNT = "backtest"
# The shipped record, whose last year a caller may use as any other.
SAMPLE_FIRST, SAMPLE_LAST = date(1990, 1, 2), date(2022, 12, 28)


def run_homeless(  # noqa: PLR0913 - as its caller
    folder: Path, config: dict[str, object], first: date, last: date, *, model: LanguageModel | str | None,
    progress: Progress | None, data: str, cadence: str, fill: str, cash: Decimal, benchmark: str,
    targets: Mapping[str, object] | None, session: str, path: str,
) -> RunBook:  # fmt: skip
    """Make the home, run the one backtest in it, and give its book."""
    home = folder / "home"
    (home / "data").mkdir(parents=True)
    (home / "json").mkdir()
    if targets is not None:
        (home / "json" / "targets.json").write_text(json.dumps(_targets(targets)), encoding="utf-8")
        config = {**config, "targets": "json/targets.json"}
    if isinstance(model, str):
        config = {**config, "model": model}
    source = data or ("sample" if first >= SAMPLE_FIRST and last <= SAMPLE_LAST else "yahoo")
    settings: dict[str, Any] = {
        "schema_version": 1, "mode": "paper", "data": _source(source), "clock": {"start": last.isoformat()},
        "backtest": {"sealed_days": 0}, "accounts": {ACCOUNT: _plain(config)},
    }  # fmt: skip
    (home / CONFIG_FILE).write_text(yaml.safe_dump(settings), encoding="utf-8")
    desk = open_desk(home)
    try:
        request = Request(
            mandate=desk.mandate(ACCOUNT), first=first, last=last, cadence=_one_of(Cadence, cadence, "cadence"),
            fill=_one_of(FillAt, fill, "fill"), cash=cash, benchmark=benchmark,
            schedule=desk.loaded.settings.accounts[ACCOUNT].schedule, session=_one_of(Hours, session, "session"),
        )  # fmt: skip
        playing = Playing(
            progress=progress, model=None if isinstance(model, str) else model, path=_one_of(RunPath, path, "path")
        )
        return backtest(desk, prepare(desk, request), playing)
    finally:
        desk.ledger.close()


def _targets(weights: Mapping[str, object]) -> dict[str, object]:
    rows = [
        {"symbol": symbol, "weight": weight if isinstance(weight, str) else str(weight)}
        for symbol, weight in weights.items()
    ]
    percent = any(str(each["weight"]).strip().endswith("%") for each in rows)
    return {"unit": "percent" if percent else "fraction", "targets": rows}


def _source(data: str) -> dict[str, str]:
    if data in DATA_SOURCES:
        return {"source": data}
    if Path(data).is_dir():
        return {"source": "files", "path": str(Path(data).absolute())}
    raise InputError(f"data must be sample, yahoo or a folder of daily files, was {data!r}; correct it")


def _plain(config: Mapping[str, object]) -> dict[str, object]:
    return {key: str(value) if isinstance(value, Decimal) else value for key, value in config.items()}


def _one_of(kind: type[Any], value: str, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(each) for each in kind)
        raise InputError(f"{name} must be one of {known}, was {value!r}; correct it") from None
