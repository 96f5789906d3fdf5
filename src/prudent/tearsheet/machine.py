"""The figures of a tear sheet for machines: one JSON object, the same in the file and inside the page.

Numbers are decimal strings as in every other record; what is not known is null.
"""

import json
import math
from dataclasses import fields

import numpy as np

from prudent.analytics.trades import closed_trades
from prudent.domain.performance import Benchmark, Floats, Metrics, RunBook
from prudent.domain.records import Json, encode
from prudent.tearsheet.extras import BaselineRow, Extras
from prudent.tearsheet.markup import Markup
from prudent.tearsheet.scales import as_date
from prudent.tearsheet.sheet import Sheet, YearRow, sheet_of
from prudent.tearsheet.thinning import kept_rows
from prudent.tearsheet.verdict import verdict

SCHEMA_VERSION = 1
# Nothing in the block can end it or begin markup, whatever a text of data says.
_SAFE = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def as_json(book: RunBook, figures: Metrics, extras: Extras) -> str:
    """The figures as JSON text with a line end."""
    return json.dumps(report(sheet_of(book, figures, extras)), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def report_block(sheet: Sheet) -> Markup:
    """The figures inside the page."""
    body = json.dumps(report(sheet), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(f'<script type="application/json" id="report-data">{body.translate(_SAFE)}</script>')


def report(sheet: Sheet) -> dict[str, Json]:
    book = sheet.book
    return {
        "schema_version": SCHEMA_VERSION, "id": book.id, "account": book.account, "mode": encode(book.mode),
        "currency": book.mandate.currency, "verdict": verdict(sheet), "partial": book.partial,
        "warnings": list(book.warnings), "evidence": encode(book.evidence), "provenance": encode(book.provenance),
        "mandate_hash": book.mandate.hash, "figures": _finite(encode(sheet.figures)),
        "benchmark": _benchmark(book.benchmark), "years": [_year(each) for each in sheet.years],
        "course": _course(sheet), "fills": len(book.fills),
        "closed_trades": len(closed_trades(book.fills, sheet.extras.splits)), "decisions": len(book.decisions),
        "guards": [encode(each) for each in book.guards], "rules": [encode(each) for each in book.rules],
        "extras": _extras(sheet.extras),
    }  # fmt: skip


def _extras(extras: Extras) -> dict[str, Json]:
    """What is there of what others computed."""
    found: dict[str, Json] = {
        "significance": None if extras.significance is None else _finite(encode(extras.significance)),
        "baselines": [_baseline(each) for each in extras.baselines], "baseline_notes": list(extras.baseline_notes),
        "attribution": [_finite(encode(each)) for each in extras.attribution],
        "shadow": [_finite(encode(each)) for each in extras.shadow],
        "contamination": extras.contamination, "comparison": extras.comparison,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _baseline(row: BaselineRow) -> Json:
    plain = [each.name for each in fields(row) if each.name not in ("days", "level")]
    return _finite({name: encode(getattr(row, name)) for name in plain})


def _benchmark(benchmark: Benchmark | None) -> Json:
    if benchmark is None:
        return None
    last = _number(benchmark.level[-1]) if len(benchmark.level) else None
    return {"name": benchmark.name, "opening": _number(benchmark.opening), "last": last}


def _year(row: YearRow) -> Json:
    return {
        "year": row.year, "total": _number(row.total), "months": [_number(each) for each in row.months],
        "benchmark": _number(row.benchmark), "deepest": _number(row.deepest), "gross": _number(row.gross),
        "flow": _number(row.flow, 2), "value": _number(row.value, 2),
    }  # fmt: skip


def _course(sheet: Sheet) -> Json:
    """Growth of 1 as it is drawn, each stretch by its extremes, with the fall and the value of the same sessions."""
    rows = kept_rows(sheet.growth)
    return {
        "rows": len(sheet.days), "days": [as_date(each).isoformat() for each in sheet.days[rows]],
        "growth": _numbers(sheet.growth[rows], 6), "fall": _numbers(sheet.fall[rows], 6),
        "value": _numbers(sheet.book.nav.nav[rows], 2),
    }  # fmt: skip


def _numbers(values: Floats, places: int) -> list[Json]:
    return [_number(each, places) for each in np.round(values, places)]


def _number(value: float | None, places: int = 8) -> Json:
    if value is None or not math.isfinite(value):
        return None
    return encode(round(float(value), places))


def _finite(encoded: Json) -> Json:
    """Null in place of the words for NaN and infinity."""
    if isinstance(encoded, dict):
        return {name: _finite(each) for name, each in encoded.items()}
    if isinstance(encoded, list):
        return [_finite(each) for each in encoded]
    return None if encoded in ("NaN", "Infinity", "-Infinity") else encoded
