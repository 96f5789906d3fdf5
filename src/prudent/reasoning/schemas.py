"""JSON Schemas of the answers, in the part of the language that every server's constrained decoding takes."""

from prudent.domain.reasoning import Regime
from prudent.domain.records import Json


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


_TEXT: dict[str, Json] = {"type": "string"}
_OPTIONAL_NUMBER: dict[str, Json] = {"type": ["number", "null"]}

ANALYSIS: dict[str, Json] = _object(
    {
        "regime": {"type": "string", "enum": [each.value for each in Regime]},
        "sector_scores": {
            "type": "array",
            "items": _object({"sector": _TEXT, "score": {"type": "integer", "enum": [-2, -1, 0, 1, 2]}}),
        },
        "portfolio_health": _TEXT,
        "key_risks": {"type": "array", "items": _TEXT},
    }
)
TRADES: dict[str, Json] = _object(
    {
        "summary": _TEXT,
        "trades": {
            "type": "array",
            "items": _object(
                {
                    "index": {"type": "integer"},
                    "symbol": _TEXT,
                    "action": {"type": "string", "enum": ["BUY", "SELL", "EXIT"]},
                    "amount_usd": _OPTIONAL_NUMBER,
                    "amount_pct": _OPTIONAL_NUMBER,
                    "stop_loss_pct": _OPTIONAL_NUMBER,
                    "take_profit_pct": _OPTIONAL_NUMBER,
                    "time_stop_days": {"type": ["integer", "null"]},
                    "urgency": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
                    "confidence": {"type": "number"},
                    "thesis": _TEXT,
                }
            ),
        },
    }
)
