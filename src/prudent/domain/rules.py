"""User rules as structured rows: enforced in code, never interpreted by a model."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from prudent.domain.records import Json


class RuleCategory(StrEnum):
    RISK = "risk"
    STRATEGY = "strategy"
    POSITION_SIZING = "position_sizing"
    TIMING = "timing"
    ENTRY_EXIT = "entry_exit"
    STOP_LOSS = "stop_loss"
    SCREENING = "screening"
    EMERGENCY = "emergency"


class RuleOrigin(StrEnum):
    USER = "user"
    AI_SUGGESTED = "ai_suggested"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRule:
    """One L2 rule; `enforcement_params` holds one key per evaluator, e.g. `{"max_position_pct": "10"}`.

    `applies_to_assets` names instrument kinds, `applies_to_symbols` symbols (both empty = all);
    `exclude_symbols` always wins. Lower `priority` is shown and evaluated first; the tightest rule decides.
    """

    rule_id: str
    rule_name: str
    rule_category: RuleCategory
    enforcement_params: dict[str, Json] = field(default_factory=dict)
    priority: int = 100
    is_active: bool = True
    applies_to_assets: tuple[str, ...] = ()
    applies_to_symbols: tuple[str, ...] = ()
    exclude_symbols: tuple[str, ...] = ()
    created_by: RuleOrigin = RuleOrigin.USER
    description: str = ""
    created_at: datetime | None = None
