"""A research brief by fixed rules from the same facts that a model is shown: screens, events and words in headlines."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from prudent.domain.reasoning import Regime
from prudent.domain.records import Json
from prudent.reasoning.book import number

THEMES_MAX = VIEWS_MAX = 8
EARNINGS_AVOID_DAYS = 2
SECTOR_STEP = Decimal("0.01")
# What each screen adds to the case for a rise; volume and gaps only strengthen the case that others made.
_SCORES = {"mover_up": 1, "year_high": 2, "mover_down": -1, "year_low": -2}
_RISKS = {"war", "missile", "invasion", "sanctions", "tariff", "tariffs", "embargo", "coup", "ceasefire", "nuclear"}


def brief(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to the purpose `brief`."""
    views = list(_views(facts))[:VIEWS_MAX]
    return {
        "regime": regime_label(facts),
        "themes": _themes(facts),
        "macro_events": [f"{row['date']}: {row['text']}" for row in _rows(facts, "events") if not row["symbol"]],
        "sector_biases": _biases(facts),
        "geopolitical_risks": _risks(facts),
        "avoid": _avoid(facts),
        "views": views,
    }  # fmt: skip


def regime_label(facts: Mapping[str, Json]) -> str:
    """The rule's regime of the facts; SIDEWAYS where there is none."""
    market = facts.get("market")
    found = market.get("regime") if isinstance(market, dict) else None
    label = found.get("rule") if isinstance(found, dict) else None
    return str(label) if label in tuple(Regime) else Regime.SIDEWAYS.value


def _views(facts: Mapping[str, Json]) -> Iterator[Json]:
    """One view a symbol that screens speak of in one direction, the strongest first."""
    named = {str(row["symbol"]): row for row in _rows(facts, "symbols")}
    found: list[tuple[int, str, list[dict[str, Json]]]] = []
    for symbol, row in named.items():
        hits = [hit for hit in _rows(facts, "screens") if hit["symbol"] == symbol]
        score = sum(_SCORES.get(str(hit["screen"]), 0) for hit in hits)
        if score and row.get("liquid") is True:
            found.append((score, symbol, hits))
    for score, symbol, hits in sorted(found, key=lambda each: (-abs(each[0]), each[1])):
        events = [row for row in _rows(facts, "events") if row["symbol"] == symbol]
        conviction = min(Decimal("0.8"), Decimal("0.3") + Decimal("0.1") * (abs(score) + len(hits)))
        yield {
            "symbol": symbol, "sector": named[symbol]["sector"], "direction": "long" if score > 0 else "short",
            "conviction": str(conviction), "thesis": "; ".join(str(hit["text"]) for hit in hits),
            "catalyst": f"{events[0]['text']} on {events[0]['date']}" if events else "none known",
            "evidence": [*(str(hit["id"]) for hit in hits), *(str(row["id"]) for row in events[:1])],
            "expires_days": 5,
        }  # fmt: skip


def _themes(facts: Mapping[str, Json]) -> list[Json]:
    changes = [(str(row["symbol"]), change) for row in _rows(facts, "symbols") if (change := number(row["change"]))]
    up = sum(change > 0 for _symbol, change in changes)
    lines: list[Json] = [f"{up} of {len(changes)} listed symbols are above their last close"] if changes else []
    for screen, words in (("year_high", "at a 52-week high"), ("year_low", "at a 52-week low")):
        hits = [str(hit["symbol"]) for hit in _rows(facts, "screens") if hit["screen"] == screen]
        lines += [f"{', '.join(hits)} {words}"] if hits else []
    return lines[:THEMES_MAX]


def _biases(facts: Mapping[str, Json]) -> dict[str, Json]:
    """One step for each percent that the mean of a sector's changes is away from 0, from -2 to 2."""
    sectors: dict[str, list[Decimal]] = {}
    for row in _rows(facts, "symbols"):
        change = number(row["change"])
        if change is not None and row["sector"] != "unknown":
            sectors.setdefault(str(row["sector"]), []).append(change)
    found: dict[str, Json] = {}
    for sector, changes in sorted(sectors.items()):
        steps = int(sum(changes, Decimal(0)) / len(changes) / SECTOR_STEP)
        if steps:
            found[sector] = max(-2, min(2, steps))
    return found


def _risks(facts: Mapping[str, Json]) -> list[Json]:
    news = facts.get("news")
    items = _rows(news, "items") if isinstance(news, dict) else []
    return [str(row["text"]) for row in items if _RISKS & set(str(row["text"]).lower().split())]


def _avoid(facts: Mapping[str, Json]) -> list[Json]:
    """What reports its earnings in the next days: nobody knows which way it will go."""
    soon = {
        str(row["symbol"]) for row in _rows(facts, "events")
        if row["symbol"] and 0 <= _days_ahead(row, facts) <= EARNINGS_AVOID_DAYS
    }  # fmt: skip
    return [*sorted(soon)]


def _days_ahead(row: Mapping[str, Json], facts: Mapping[str, Json]) -> int:
    """How far away an event is; where the dates are hidden, the facts say it."""
    if "days" in row:
        return int(str(row["days"]))
    return (date.fromisoformat(str(row["date"])) - date.fromisoformat(str(facts["session"]))).days


def _rows(facts: Mapping[str, Json], part: str) -> list[dict[str, Json]]:
    rows = facts.get(part)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
