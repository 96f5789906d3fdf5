"""Writers of one owner in one process take turns before they ask the server: a frozen process costs others one wait."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate
from tests.postgres import Server

from prudent.domain.errors import Temporary
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger import postgres as module

WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
NAMES = ("one", "two", "three")


@pytest.fixture
def new_store(postgres: Server, new_owner: Callable[[], str]) -> Iterator[Callable[[], LedgerStore]]:
    """Ledgers of owners of their own behind one pool."""
    name = postgres.create()
    with ExitStack() as stack:

        def opened() -> LedgerStore:
            store = open_ledger(postgres.url_of(name), owner=new_owner())
            stack.callback(store.close)
            store.add_account(mandate(), cash=d("100"), at=MONDAY)
            return store

        yield opened
    postgres.drop(name)


def waiting(server: Server) -> int:
    with server.admin() as admin:
        return len(admin.execute(WAITING).fetchall())


def test_threads_wait_here_and_not_at_the_server(
    postgres: Server, new_store: Callable[[], LedgerStore]
) -> None:  # fmt: skip
    store = new_store()
    done: list[str] = []
    asked = threading.Barrier(len(NAMES) + 1)

    def write(name: str) -> None:
        asked.wait()
        with store._database.write():
            done.append(name)

    writers = [threading.Thread(target=write, args=(name,)) for name in NAMES]
    with store._database.write():
        for each in writers:
            each.start()
        asked.wait()
        # Each would take its place in the server's queue within milliseconds.
        for each in writers:
            each.join(0.1)
        assert (waiting(postgres), done) == (0, [])
    for each in writers:
        each.join(10)
    assert sorted(done) == sorted(NAMES)


def test_a_turn_that_does_not_come_is_told_and_gives_nothing_away(
    new_store: Callable[[], LedgerStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = new_store(), new_store()
    monkeypatch.setattr(module, "TURN_SECONDS", 0.05)
    with store._database.write():
        with pytest.raises(Temporary, match="is locked by another process"), store._database.write():
            raise AssertionError("two writers of one owner at once")
        # Another owner is not kept by it.
        with other._database.write():
            assert store.account(ACCOUNT).name
    with store._database.write():
        assert store.account(ACCOUNT).name
