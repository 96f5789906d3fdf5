"""Cancels every order behind a gateway, whoever placed it: an act of its own, which no other part calls."""

from collections.abc import Iterable

from prudent.brokers.ibkr.session import IbkrSession
from prudent.domain.errors import Temporary

WAIT_SECONDS = 2.0
_ROUNDS = 3


def cancel_everything(session: IbkrSession, venues: Iterable[str]) -> None:
    """Ask the gateway once to cancel all that is live, and read what became of it; `venues` are its own names.

    It is not asked again: what is still live afterwards is seen in the next snapshot. Any thread may ask.

    Raises:
        Temporary: the gateway cannot be reached, or the connection ended before the question left.
    """
    asked = tuple(venues)
    session.call(lambda: _ended(session, asked))


async def _ended(session: IbkrSession, venues: tuple[str, ...]) -> None:
    connection = await session.ready()
    await session.orders.turn()
    if session.orders.live() is not connection or not connection.is_ready:
        raise Temporary("the session must stay the same while everything is cancelled, did not; ask again")
    connection.client.reqGlobalCancel()

    def is_over() -> bool:
        return all(row.state.is_done for row in session.table if row.account in venues)

    for _ in range(_ROUNDS):
        await session.until(is_over, WAIT_SECONDS)
        for venue in venues:
            await session.round(venue)
        if is_over():
            return
