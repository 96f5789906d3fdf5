"""What guards say of orders: one verdict per guard and order, and the quantities that remain approved."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import TradingState


class Layer(StrEnum):
    """Who set a guard; the order of members is the order of the passes."""

    MODE = "M"
    PLATFORM = "L0"
    ACCOUNT = "L1"
    USER = "L2"
    STRATEGY = "L3"


class Outcome(StrEnum):
    """From mild to severe; `NOT_EVALUATED` = the guard had no input and does not block."""

    NOT_EVALUATED = "not_evaluated"
    PASS = "PASS"
    WARN = "WARN"
    CLIP = "CLIP"
    DEFER = "DEFER"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLabel:
    """A guard of the list as a reader sees it; `limit` in the guard's own unit, `None` = it has none."""

    id: str
    name: str
    layer: Layer
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One guard's word on one order, as a row; `quantity` is the most it lets through."""

    guard: str
    name: str
    layer: Layer
    order_ref: str
    outcome: Outcome
    quantity: Decimal
    observed: Decimal | None = None
    limit: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An order that may go, with the quantity that survived every layer."""

    order_ref: str
    quantity: Decimal
    waits_for_sells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardReport:
    """All verdicts as columns: row = order (`order_refs`), column = guard (`guards`); reasons for non-PASS only."""

    guards: tuple[GuardLabel, ...]
    order_refs: tuple[str, ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    allowed: tuple[tuple[Decimal, ...], ...]
    observed: tuple[tuple[Decimal | None, ...], ...]
    reasons: dict[str, str]
    approved: tuple[Approved, ...]
    sets_state: TradingState | None = None
    sets_state_reason: str = ""

    def verdicts(self) -> Iterator[Verdict]:
        """The same as rows, order by order."""
        for i, ref in enumerate(self.order_refs):
            for j, guard in enumerate(self.guards):
                yield Verdict(
                    guard=guard.id, name=guard.name, layer=guard.layer, order_ref=ref,
                    outcome=self.outcomes[i][j], quantity=self.allowed[i][j], observed=self.observed[i][j],
                    limit=guard.limit, reason=self.reasons.get(f"{ref}|{guard.id}", ""),
                )  # fmt: skip

    def approved_quantity(self, ref: str) -> Decimal:
        return next((a.quantity for a in self.approved if a.order_ref == ref), Decimal(0))
