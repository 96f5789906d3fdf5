"""The planner: one decision over one observed account becomes orders, their weights, costs and reasons."""

from dataclasses import replace
from decimal import Decimal

from prudent.domain.cycles import Observation
from prudent.domain.errors import BlockedError
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.proposals import Decision
from prudent.domain.valuation import ONE
from prudent.pipeline.plan.aims import base_of, read_aims
from prudent.pipeline.plan.book import Book, read_book
from prudent.pipeline.plan.legs import exit_legs, size, yield_to_exits
from prudent.pipeline.plan.rolls import contracted
from prudent.pipeline.plan.rows import cash_effect, order_rows
from prudent.pipeline.plan.summary import accuracy, book_lines, no_trade_codes, plan_hash, turnover, weight_rows


def make_plan(observation: Observation, decision: Decision, mandate: Mandate, *, cycle: str) -> OrderPlan:
    """What it takes to get from the observed book to the decision's: pure, and the same for the same arguments.

    Raises:
        InputError: a target is wrong (unknown, twice, short without permission, too much, without a usable price).
        BlockedError: a holding has no usable price, so there is no NAV, or NAV is below 0.
    """
    named = contracted(observation, decision)
    wanted = (*(t.symbol for t in named.decision.targets), *(e.symbol for e in decision.exits))
    book = read_book(observation, wanted, mandate)
    if book.nav < 0:
        raise BlockedError(f"net asset value must not be below 0, was {book.nav}; fund the account or close it by hand")
    aims = named.stay_out(read_aims(book, named.decision, mandate), decision.exits)
    forced = exit_legs(book, decision.exits)
    sized = size(book, yield_to_exits(aims, decision.exits, forced, book.nav), forced, _sizing(decision, mandate))
    orders = named.marked(order_rows((*forced, *sized.legs), mandate, cycle=cycle, decision_hash=decision.hash))
    lines = book_lines(book, sized.aims)
    weights = weight_rows(book, sized.aims, orders)
    return OrderPlan(
        plan_hash=plan_hash(decision, lines, orders, cycle_of=f"{mandate.account}|{cycle}"),
        account=mandate.account,
        cycle=cycle,
        currency=book.currency,
        nav=book.nav,
        orders=orders,
        weights=weights,
        turnover=turnover(orders, book.nav),
        cash_before=book.cash,
        cash_after=book.cash + cash_effect(orders),
        attainable_accuracy=accuracy((row.reachable, row.target) for row in weights) if book.nav else ONE,
        blocked=book.blocked,
        no_trade_codes=no_trade_codes(decision, sized.aims, orders),
        warnings=(*book.warnings, *_warnings(book, orders, mandate), *sized.warnings),
        book=lines,
        as_of=observation.as_of,
    )


def _sizing(decision: Decision, mandate: Mandate) -> Mandate:
    """A decision that names only what it changes means its weights exactly: a buffer would take off what is held."""
    return replace(mandate, planning=replace(mandate.planning, buffer=ZERO)) if decision.keeps_rest else mandate


def _warnings(book: Book, orders: tuple[PlannedOrder, ...], mandate: Mandate) -> tuple[str, ...]:
    found = []
    capital = mandate.planning.capital_to_deploy
    if capital is not None and base_of(book, mandate.planning) < capital:
        found.append(f"the capital to deploy of {capital} is above NAV; {book.nav} is used")
    short = sum((-o.side.sign * o.notional for o in orders if not o.effect.reduces and o.side.sign < 0), Decimal(0))
    if short:
        found.append(f"proceeds of new shorts ({short}) are in cash_after but cannot be spent")
    return tuple(found)
