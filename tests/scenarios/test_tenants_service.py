"""Two people with the same account names read only their own through the ledger; its pool never mixes them up."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from threading import Lock, Timer

import pytest
from sqlalchemy import select, text
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, mandate, record, report
from tests.postgres import Server

from prudent.domain.errors import InputError, StoreError, Temporary
from prudent.domain.orders import OrderStatus
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.database import TENANT, Transaction
from prudent.ledger.installation import WorkKind, open_installation
from prudent.ledger.postgres import connect
from prudent.ledger.requests import Asked, Requests
from prudent.ledger.schema import SETTINGS, mine

PEOPLE = 20
_VALUE = select(SETTINGS.c.owner_id, SETTINGS.c.value).where(SETTINGS.c.key == "whose")
_MY_VALUE = select(SETTINGS.c.value).where(mine(SETTINGS, "key"))


@pytest.fixture
def url(shared_postgres_url: str) -> str:
    return shared_postgres_url


def live(store: LedgerStore, word: str, cash: str) -> None:
    """An account, an order with its fill, a record; every free text says `word`."""
    store.add_account(mandate(), cash=d(cash), at=MONDAY)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version=word, at=MONDAY)
    cycle = store.next_cycle(run, at=MONDAY)
    buy = intent(word)
    store.approve(run, cycle, (buy,), at=MONDAY)
    store.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
    store.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
    store.record(record(1, cycle, orders=(buy,)), why={buy.order_ref: word})
    store.value(ACCOUNT, nlv=d(cash), at=MONDAY, session=SESSION)
    store.halt(reason=word, at=MONDAY)
    store.set_setting("note", word, at=MONDAY)


def everything(store: LedgerStore) -> str:
    """All that the ledger shows of itself, as text."""
    views = store.views
    shown: list[object] = [
        store.accounts(), views.accounts(), views.account(ACCOUNT), views.positions(ACCOUNT), views.money(ACCOUNT),
        views.runs(), views.decisions(), views.orders(), views.trades(), views.journal(), views.recorded_cycles(),
        views.reasoning(f"{ACCOUNT}/1/1"), views.valuations(ACCOUNT), views.states(), views.rules(ACCOUNT),
        views.guard_counts(ACCOUNT), views.audit(), store.load_record(f"{ACCOUNT}/1/1"), store.state(),
        store.setting("note"), store.pending_orders(ACCOUNT), store.interrupted_cycles(),
        store.history(ACCOUNT, session=SESSION, at=MONDAY), store.verify_audit(), store.waiting(),
    ]  # fmt: skip
    assert all(not is_dataclass(each) or fields(each) for each in shown)
    return repr(shown)


def test_two_people_with_the_same_names_read_only_their_own(url: str, new_owner: Callable[[], str]) -> None:
    ann, bob = open_ledger(url, owner=new_owner()), open_ledger(url, owner=new_owner())
    live(ann, "ANNA", "10000")
    live(bob, "BOBB", "20000")
    anns, bobs = everything(ann), everything(bob)
    assert "ANNA" in anns
    assert "BOBB" in bobs
    for foreign in ("BOBB", "20000", bob.owner):
        assert foreign not in anns
    for foreign in ("ANNA", ann.owner):
        assert foreign not in bobs
    assert (ann.verify_audit().rows, ann.faults()) == (bob.verify_audit().rows, bob.faults())
    assert ann.faults() == ()


def test_messages_about_others_are_those_about_nobody(url: str, new_owner: Callable[[], str]) -> None:
    ann, bob = open_ledger(url, owner=new_owner()), open_ledger(url, owner=new_owner())
    live(ann, "ANNA", "10000")
    bob.add_account(mandate("secret"), cash=d("5"), at=MONDAY)
    for ask in (
        lambda name: ann.account(name), lambda name: ann.load_record(f"{name}/1/1"),
        lambda name: ann.views.account(name), lambda name: ann.flow(name, "deposit", d("1"), at=MONDAY, ref="x"),
        lambda name: ann.set_account_status(name, "closed", at=MONDAY),
    ):  # fmt: skip
        told = []
        for name in ("secret", "absent"):
            with pytest.raises(InputError) as caught:
                ask(name)
            told.append(str(caught.value).replace(name, "X"))
        assert told[0] == told[1]


def test_one_person_waits_for_nobody_else(url: str, new_owner: Callable[[], str]) -> None:
    """Writers take turns per owner: an open transaction of Bob's does not stop Ann, and one of hers would."""
    ann, bob = open_ledger(url, owner=new_owner()), open_ledger(url, owner=new_owner())
    with bob._database.write():
        ann.set_setting("note", "not stopped", at=MONDAY)
    with connect(url) as watching, ann._database.write():
        watching.execute(f"SET ROLE {TENANT}")
        row = watching.execute(
            "SELECT pg_try_advisory_lock(hashtextextended('prudent/' || %s, 0)) AS free", (ann.owner,)
        ).fetchone()
        assert row == {"free": False}


def test_an_installation_knows_who_is_there_and_whose_work_is_due(
    postgres_url: str, new_owner: Callable[[], str]
) -> None:
    people = [open_ledger(postgres_url, owner=new_owner()) for _ in range(3)]
    for person in people:
        person.add_account(mandate(), cash=d("1"), at=MONDAY)
    Requests(people[1]._database).add(Asked(id="r-1", kind="cycle", body={"x": 1}, account=ACCOUNT), at=MONDAY)
    installation = open_installation(postgres_url)
    assert {owner.id for owner in installation.owners()} == {person.owner for person in people}
    assert {owner.role for owner in installation.owners()} == {"user"}
    (work,) = installation.pending_work()
    assert (work.owner, work.kind, work.account, work.ref, work.at) == (
        people[1].owner, WorkKind.REQUEST, ACCOUNT, "r-1", MONDAY,
    )  # fmt: skip
    assert installation.leases() == ()


# The pool


class Trouble(Exception):
    """What a caller's own code may raise inside a transaction."""


def someone(dice: random.Random, people: list[LedgerStore]) -> LedgerStore:
    return people[dice.randrange(len(people))]


def act(dice: random.Random, store: LedgerStore, kept: dict[str, str], lock: Lock) -> str:
    """One transaction of a random kind, with a random end; says which."""
    kind = dice.choice(("read", "read", "write", *SPOILED))
    if kind == "read":
        with store._database.read() as tx:
            check(tx, store.owner, kept)
        return kind
    if kind == "write":
        value = f"{store.owner} {dice.random()}"
        with lock:
            with store._database.write() as tx:
                check(tx, store.owner, kept)
                change(tx, value)
            kept[store.owner] = value
        return kind
    with pytest.raises((StoreError, Temporary, Trouble)) as caught, store._database.write() as tx:
        spoil(tx, kind)
    # A cancellation that comes before its statement is lost.
    return "undone" if kind == "cancelled" and caught.type is Trouble else kind


SPOILED = ("undone", "wrong", "foreign", "broken", "cancelled")


def spoil(tx: Transaction, kind: str) -> None:
    """Change something, then fail in that way."""
    change(tx, "must never be seen")
    connection = tx._cursor.connection  # type: ignore[attr-defined]
    if kind == "wrong":
        tx.all(text("SELECT 1 / 0"))
    elif kind == "foreign":
        tx.run(text("INSERT INTO settings VALUES ('somebody else', 'k', 'v', 'at')"))
    elif kind == "broken":
        connection.close()
        tx.all(_VALUE)
    elif kind == "cancelled":
        timer = Timer(0.005, connection.cancel)
        timer.start()
        try:
            tx.all(text("SELECT pg_sleep(0.2)"))
        finally:
            timer.join()
    raise Trouble


def check(tx: Transaction, owner: str, kept: dict[str, str]) -> None:
    """Without any filter in the statement only this owner's row is there."""
    rows = tx.all(_VALUE)
    assert [row["owner_id"] for row in rows] == [owner]
    assert rows[0]["value"].startswith(owner)


def change(tx: Transaction, value: str) -> None:
    tx.run(
        SETTINGS.update().where(SETTINGS.c.key == "whose").values(value=value)  # every visible row, whoever's
    )


def test_a_pool_under_trouble_never_mixes_people_up(
    postgres: Server, scale: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prudent.ledger.postgres.POOL_SIZE", 3)
    monkeypatch.setattr("prudent.ledger.postgres.POOL_OVERFLOW", 3)
    name = postgres.create()
    people = [open_ledger(postgres.url_of(name), owner=f"person {number}") for number in range(PEOPLE)]
    for person in people:
        person.set_setting("whose", person.owner, at=MONDAY)
    kept = {person.owner: person.owner for person in people}
    locks = {person.owner: Lock() for person in people}
    total, workers = scale(2_000, 20_000), 6

    def work(seed: int) -> Counter[str]:
        dice = random.Random(seed)
        done: Counter[str] = Counter()
        for _ in range(total // workers + 1):
            person = someone(dice, people)
            done[act(dice, person, kept, locks[person.owner])] += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        done = sum(pool.map(work, range(workers)), Counter())
    assert done.total() >= total
    assert min(done[kind] for kind in ("read", "write", *SPOILED)) > 100
    for person in people:
        assert person.setting("whose") == kept[person.owner]
        person.close()
    postgres.drop(name)
