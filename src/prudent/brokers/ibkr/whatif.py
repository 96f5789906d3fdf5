"""What orders would do to the margin, asked of the venue before the guards judge them; silence is not a yes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from prudent.brokers.ibkr.codes import Meaning, meaning
from prudent.brokers.ibkr.contracts import Contracts
from prudent.brokers.ibkr.leaving import leaving, wire_contract, wire_order
from prudent.brokers.ibkr.session import IbkrSession
from prudent.brokers.ibkr.words import Refused, Style, figure
from prudent.domain.errors import InputError, Temporary
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import OrderIntent

# One question, all of them together, and how many are under way: a venue that is silent is not asked for ever.
WHAT_IF_SECONDS = 4.0
ALL_SECONDS = 8.0
AT_ONCE = 20
_READY_SECONDS = 5.0
# No question carries the ref of its order: what a gateway might list of it could be taken for the order itself.
REF = "what-if"
# The question's own number was taken, which says nothing of the order.
_NUMBER_TAKEN = 103


class WhatIf:
    """Questions over the market data's connection, whose messages leave the orders' share of the limit alone."""

    def __init__(self, session: IbkrSession, contracts: Contracts, style_of: Callable[[str], Style]) -> None:
        self._session = session
        self._contracts = contracts
        self._style_of = style_of

    def ask(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        """One answer for each intent, in the order given; any thread may ask, and waits `ALL_SECONDS` at most.

        Raises:
            InputError: an account is not one of the venue's.
        """
        asked = [(each, self._session.venue_account(each.account)) for each in intents]
        if not asked:
            return ()
        try:
            return self._session.call(lambda: self._all(asked), ALL_SECONDS + 1.0)
        except Temporary as error:
            return tuple(_silent(each, str(error)) for each in intents)

    # On the session's thread

    async def _all(self, asked: Sequence[tuple[OrderIntent, str]]) -> tuple[MarginAnswer, ...]:
        gate = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.ensure_future(self._one(intent, venue, gate)) for intent, venue in asked]
        _done, late = await asyncio.wait(tasks, timeout=ALL_SECONDS)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        why = f"the gateway must answer all questions about margin within {ALL_SECONDS:g} s, did not"
        return tuple(
            _silent(intent, why) if task in late else task.result() for task, (intent, _venue) in zip(tasks, asked)
        )

    async def _one(self, intent: OrderIntent, venue: str, gate: asyncio.Semaphore) -> MarginAnswer:
        async with gate:
            try:
                return await self._answered(intent, venue)
            except Refused as error:
                code, said = error.shown.code, f"{error.shown.code}: {error.shown.text}"
                if meaning(code) is Meaning.REFUSED and code != _NUMBER_TAKEN:
                    return MarginAnswer(order_ref=intent.order_ref, checked=True, refused=said)
                return _silent(intent, said)
            except (Temporary, InputError) as error:
                return _silent(intent, str(error))

    async def _answered(self, intent: OrderIntent, venue: str) -> MarginAnswer:
        line = self._session.market
        await line.ready(_READY_SECONDS)
        listed = await self._contracts.listed(intent.symbol)
        order = replace(leaving(intent, listed, venue, self._style_of(intent.account)), ref=REF)
        contract, made = wire_contract(listed), wire_order(order, what_if=True)
        # Its number is one of this connection's orders: on the other connection it would take an order's place.
        line.next_id, order_id = line.next_id + 1, line.next_id
        (state,) = await line.ask(
            "what the order would do to the margin", lambda client, asked: client.placeOrder(asked, contract, made),
            number=order_id, seconds=WHAT_IF_SECONDS,
        )  # fmt: skip
        fee = figure(state.commission)
        return MarginAnswer(
            order_ref=intent.order_ref, checked=True,
            initial_change=figure(state.initMarginChange), initial_after=figure(state.initMarginAfter),
            maintenance_change=figure(state.maintMarginChange), maintenance_after=figure(state.maintMarginAfter),
            equity_change=figure(state.equityWithLoanChange), equity_after=figure(state.equityWithLoanAfter),
            # Where it depends on how the order fills, the venue tells a range.
            commission=figure(state.maxCommission) if fee is None else fee, message=state.warningText,
        )  # fmt: skip


def _silent(intent: OrderIntent, why: str) -> MarginAnswer:
    return MarginAnswer(order_ref=intent.order_ref, checked=False, message=why)
