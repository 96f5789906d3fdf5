"""What can go wrong over the TWS wire: the gateway's own faults by rates of a seed, the cable, and what is around."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prudent.gateway.faults import Do, Fault, On
from prudent.simulation.faults import CATALOGUE as OWN
from prudent.simulation.faults import FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A fault of the gateway that stands from its start on, each act struck by the seed's rate."""

    kind: FaultKind
    on: On
    do: Do
    args: Mapping[str, float | str | bool] = field(default_factory=dict)

    def armed(self, rate: float, seed: int) -> Fault:
        return Fault(on=self.on, do=self.do, args=self.args, times=None, chance=rate, seed=seed)


_GROUPS = {
    On.PLACE: "gateway_orders", On.FILL: "gateway_fills", On.CANCEL: "gateway_cancels",
    On.REQUEST: "gateway_requests", On.CONNECT: "gateway_logins", On.WHAT_IF: "gateway_margins",
}  # fmt: skip


def _planned(on: On, *rows: tuple[str, float, str, Do, Mapping[str, float | str | bool]]) -> tuple[Planned, ...]:
    return tuple(
        Planned(kind=FaultKind(name=name, group=_GROUPS[on], rate=rate, text=text), on=on, do=do, args=args)
        for name, rate, text, do, args in rows
    )  # fmt: skip


PLANNED: tuple[Planned, ...] = (
    *_planned(
        On.PLACE,
        ("order_told_late", 0.1, "an order is booked and told of up to 12 seconds later",
         Do.DELAY, {"seconds": 0.2, "until": 12.0}),
        ("order_refused", 0.05, "error 201: the order is refused", Do.REJECT, {}),
        ("order_in_parts", 0.15, "its book shows 40 at a time", Do.PARTIAL, {"quantity": 40}),
        ("order_half_filled", 0.1, "its book shows 20 twice and then nothing",
         Do.PARTIAL, {"quantity": 20, "parts": 2}),
        ("order_never_told", 0.05, "an order is booked and only lists show it", Do.SWALLOW, {}),
        ("drop_before_booking", 0.04, "the connection ends, the order was not booked", Do.DROP_BEFORE, {}),
        ("drop_after_booking", 0.04, "the connection ends, the order was booked", Do.DROP_AFTER, {}),
        ("order_told_twice", 0.08, "each message of an order comes twice", Do.DUPLICATE, {}),
        ("order_told_backwards", 0.08, "messages of an order come in the reverse order", Do.REORDER, {}),
        ("order_without_status", 0.08, "executions are told, their status is not", Do.NO_STATUS, {}),
        ("order_costs_late", 0.08, "commissions come 4 seconds later", Do.LATE_COMMISSION, {"seconds": 4.0}),
        ("order_strange_zone", 0.015, "an execution's time names a zone that nobody knows", Do.ZONE, {}),
        ("order_error_201", 0.04, "error 201 after the order was taken", Do.ERROR, {"code": 201}),
        ("order_error_unknown", 0.04, "an unknown error code after the order was taken", Do.ERROR, {"code": 10999}),
        ("order_then_disconnect", 0.04, "the connection ends after the order was told of", Do.DISCONNECT, {}),
        ("order_then_1100", 0.02, "error 1100 right after an order", Do.LINK, {"code": 1100}),
    ),
    *_planned(
        On.FILL,
        ("fill_told_late", 0.08, "an execution is told up to 15 seconds later",
         Do.DELAY, {"seconds": 0.5, "until": 15.0}),
        ("fill_never_told", 0.08, "an execution is not told, only lists show it", Do.SWALLOW, {}),
        ("fill_told_twice", 0.1, "an execution is told twice", Do.DUPLICATE, {}),
        ("fill_told_backwards", 0.08, "an execution's messages come in the reverse order", Do.REORDER, {}),
        ("fill_without_status", 0.08, "an execution without its status", Do.NO_STATUS, {}),
        ("fill_costs_late", 0.1, "its commission comes 10 seconds later", Do.LATE_COMMISSION, {"seconds": 10.0}),
        ("fill_strange_zone", 0.012, "its time names a zone that nobody knows", Do.ZONE, {}),
        ("fill_error", 0.04, "an error code after an execution", Do.ERROR, {"code": 10999}),
        ("fill_then_disconnect", 0.04, "the connection ends after an execution", Do.DISCONNECT, {}),
    ),
    *_planned(
        On.CANCEL,
        ("cancel_late", 0.2, "a cancel is served up to 6 seconds later", Do.DELAY, {"seconds": 0.5, "until": 6.0}),
        ("cancel_refused", 0.2, "error 10148: it cannot be cancelled", Do.REJECT, {"code": 10148}),
        ("cancel_not_heard", 0.2, "a cancel is not heard", Do.SWALLOW, {}),
        ("cancel_error", 0.15, "an error code after a cancel", Do.ERROR, {"code": 10999}),
        ("cancel_then_disconnect", 0.15, "the connection ends after a cancel", Do.DISCONNECT, {}),
    ),
    *_planned(
        On.REQUEST,
        ("request_late", 0.0015, "a request is served up to 12 seconds later",
         Do.DELAY, {"seconds": 0.2, "until": 12.0}),
        ("request_not_heard", 0.0006, "a request is not heard", Do.SWALLOW, {}),
        ("request_answered_twice", 0.002, "an answer comes twice", Do.DUPLICATE, {}),
        ("request_error", 0.0008, "an error after an answer", Do.ERROR, {"code": 321}),
        ("request_then_disconnect", 0.0004, "the connection ends after an answer", Do.DISCONNECT, {}),
        ("request_too_fast", 0.0006, "error 100: too many messages", Do.RATE_LIMIT, {}),
        ("request_too_fast_end", 0.0002, "error 100 and the connection ends", Do.RATE_LIMIT, {"hang_up": True}),
        ("request_then_1100", 0.0002, "error 1100 right after a request", Do.LINK, {"code": 1100}),
    ),
    *_planned(
        On.CONNECT,
        ("start_late", 0.1, "a client is let in up to 8 seconds later", Do.DELAY, {"seconds": 0.2, "until": 8.0}),
        ("start_not_heard", 0.03, "a client is never let in", Do.SWALLOW, {}),
        ("start_refused", 0.06, "a client is not let in", Do.REFUSE, {}),
        ("start_id_in_use", 0.05, "error 326 for an id that is free", Do.REFUSE, {"code": 326}),
        ("start_then_disconnect", 0.05, "the connection ends at once", Do.DISCONNECT, {}),
        ("order_ids_roll_back", 0.2, "the next order id that is offered lies 10 too low", Do.ROLLBACK_IDS, {}),
    ),
    *_planned(
        On.WHAT_IF,
        ("margin_unset", 0.08, "the answer about margin has no figures", Do.WHATIF_UNSET, {}),
        ("margin_unset_first", 0.1, "a first answer about margin has no figures, a second one has",
         Do.WHATIF_UNSET, {"answered": True}),
        ("margin_nan", 0.05, "the figures of margin read NaN", Do.WHATIF_UNSET, {"figures": "NaN"}),
        ("margin_infinite", 0.05, "margin afterwards reads Infinity, only what changes is a number",
         Do.WHATIF_UNSET, {"figures": "Infinity", "changes": True}),
        ("margin_half_told", 0.05, "what changes is told of margin, what it is afterwards is not",
         Do.WHATIF_UNSET, {"changes": True}),
        ("margin_late", 0.1, "a question about margin is answered up to 12 seconds later",
         Do.DELAY, {"seconds": 0.2, "until": 12.0}),
        ("margin_refused", 0.05, "error 201 to a question about margin", Do.REJECT, {}),
        ("margin_error", 0.04, "an unknown error code to a question about margin", Do.REJECT, {"code": 10999}),
        ("margin_not_heard", 0.05, "a question about margin is not heard", Do.SWALLOW, {}),
        ("margin_then_disconnect", 0.04, "the connection ends at a question about margin", Do.DROP_BEFORE, {}),
    ),
)  # fmt: skip
# What stands from a moment on, for as long as the weather says.
QUOTED = tuple(
    Planned(kind=FaultKind(name=name, group="gateway_quotes", rate=0.03, text=text), on=On.TICK, do=do)
    for name, text, do in (
        ("quotes_stale", "quotes stand still", Do.STALE_QUOTES),
        ("quotes_crossed", "quotes show the bid above the ask", Do.CROSSED),
        ("market_gap", "all prices are up to 9 % away, for trades too", Do.GAP),
    )
)
RESTS = "symbol_rests"
_MARKET = (
    FaultKind(name=RESTS, group="gateway_quotes", rate=0.12, text="orders on a symbol rest for minutes"),
)
_CABLE = (
    FaultKind(name="link_slow", group="cable", rate=0.0005, text="a piece arrives up to 25 seconds late"),
    FaultKind(name="link_cut", group="cable", rate=0.0003, text="the connection breaks in the middle of a message"),
)
# What only the simulator's own venue can do, and what its own wire does in ways of its own.
_LEFT_OUT = frozenset({"split_unannounced", "money_moved", "foreign_report"})
_LINK = frozenset({"upstream_down", "upstream_reset", "link_flaps", "gateway_restart", "client_id_in_use"})
_AROUND = frozenset({"process", "disk", "prices", "clock", "decider", "people"})
CATALOGUE: tuple[FaultKind, ...] = (
    *(each for each in OWN if (each.group in _AROUND and each.name not in _LEFT_OUT) or each.name in _LINK),
    *_CABLE,
    *(each.kind for each in (*PLANNED, *QUOTED)),
    *_MARKET,
)
