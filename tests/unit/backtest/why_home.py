"""A home on the sample with one backtest in it, whose guards and stops have acted."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.lookahead.homes import home_of

from prudent.analytics.attribution import Attribution
from prudent.backtest.attributed import attribution_of
from prudent.backtest.recorded import panel_of, recording_of
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import backtest, prepare
from prudent.bootstrap import Desk

FIRST, LAST = date(2016, 1, 4), date(2016, 3, 11)
WEIGHTS = {"AAPL": "0.2", "AMD": "0.08", "JPM": "0.15", "KO": "0.2", "UNH": "0.15", "XOM": "0.2"}
# A limit that one weight is above and that two others drift over, and a stop that January 2016 touched.
CONFIG = {"targets": "json/own.json", "limits": {"max_position_weight": "19%"}, "exits": {"stop_loss": "5%"}}


def targets(weights: Mapping[str, str]) -> str:
    rows = [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]
    return json.dumps({"unit": "fraction", "targets": rows})


def open_home(folder: Path, config: Mapping[str, object], weights: Mapping[str, str]) -> Desk:
    return home_of(folder, {"one": config}, {"own.json": targets(weights)})


def made_in(desk: Desk, cadence: Cadence = Cadence.WEEKLY, last: date = LAST) -> str:
    """The id of a backtest of the home's account."""
    request = Request(mandate=desk.mandate("one"), first=FIRST, last=last, cadence=cadence, cash=Decimal(50_000))
    return backtest(desk, prepare(desk, request)).id


def attributed(desk: Desk, name: str) -> Attribution:
    recording = recording_of(desk, name)
    return attribution_of(recording, panel_of(desk, recording), desk.calendar)
