"""Each way to tamper with the audit chain is found, and the first broken row is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.ledger_build import MONDAY, d, mandate, record

from prudent.domain.records import Json, canonical
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.hash_chain import GENESIS, Anchor, Link, append, link_hash, spelled, verify

Links = list[Link]


def chain(length: int = 6) -> Links:
    head, links = Anchor(seq=0, hash=GENESIS), []
    for number in range(1, length + 1):
        link = append(head, "local", {"event": "noted", "number": number})
        links.append(link)
        head = Anchor(seq=link.seq, hash=link.hash)
    return links


def rehashed(links: Links) -> Links:
    """The whole chain computed anew, as somebody would who knows how."""
    prev, out = GENESIS, []
    for seq, link in enumerate(links, start=1):
        made = replace(link, seq=seq, prev=prev, hash=link_hash(prev, seq, link.owner, link.body))
        out.append(made)
        prev = made.hash
    return out


def edited(links: Links) -> Links:
    return [replace(link, body=link.body.replace("3", "9")) if link.seq == 3 else link for link in links]


TAMPERED: dict[str, tuple[Callable[[Links], Links], int, str]] = {
    "edit": (edited, 3, "was changed"),
    "delete": (lambda links: links[:2] + links[3:], 3, "row 3 is missing"),
    "delete first": (lambda links: links[1:], 1, "row 1 is missing"),
    "insert": (lambda links: [*links[:3], links[2], *links[3:]], 4, "stands where row 4 must be"),
    "reorder": (lambda links: [links[0], links[2], links[1], *links[3:]], 2, "row 2 is missing"),
    "swap owner": (lambda links: [*links[:2], replace(links[2], owner="eve"), *links[3:]], 3, "another owner"),
    "other predecessor": (
        lambda links: [*links[:2], replace(links[2], prev="0" * 64), *links[3:]], 3, "another predecessor",
    ),
    "truncate": (lambda links: links[:4], 5, "rows 5 to 6 were cut off"),
    "truncate all": (lambda _: [], 1, "rows 1 to 6 were cut off"),
    "rewrite": (lambda links: rehashed(edited(links)), 6, "differs from the anchor"),
    "delete and rewrite": (lambda links: rehashed(links[:2] + links[3:]), 6, "cut off"),
}  # fmt: skip


def test_an_untouched_chain_holds() -> None:
    links = chain()
    anchor = Anchor(seq=6, hash=links[-1].hash)
    told = verify(links, owner="local", anchor=anchor)
    assert (told.holds, told.rows, told.head) == (True, 6, anchor)


@pytest.mark.parametrize("kind", TAMPERED)
def test_tampering_is_found_at_the_first_broken_row(kind: str) -> None:
    tamper, seq, what = TAMPERED[kind]
    links = chain()
    told = verify(tamper(links), owner="local", anchor=Anchor(seq=6, hash=links[-1].hash))
    assert told.broken is not None
    assert told.broken.seq == seq
    assert what in told.broken.what


@given(length=st.integers(2, 12), data=st.data())
def test_any_changed_field_of_any_row_is_found(length: int, data: st.DataObject) -> None:
    links = chain(length)
    place = data.draw(st.integers(0, length - 1))
    name = data.draw(st.sampled_from(["body", "prev", "hash", "owner"]))
    was = getattr(links[place], name)
    changed: dict[str, Any] = {name: data.draw(st.text(max_size=5).filter(lambda text: text != was))}
    links[place] = replace(links[place], **changed)
    told = verify(links, owner="local")
    assert told.broken is not None
    assert told.broken.seq == place + 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=12,
    )
)
def test_the_fast_spelling_is_the_canonical_one(data: Json) -> None:
    assert spelled(data).encode() == canonical(data)


@pytest.fixture
def ledger() -> Iterator[LedgerStore]:
    store = open_ledger(":memory:")
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    store.record(record(1, store.next_cycle(run, at=MONDAY)), why={})
    yield store
    store.close()


SQL_TAMPERED = {
    "edit body": ("UPDATE audit SET body = replace(body, '100', '900') WHERE seq = 1", 1),
    "edit column": ("UPDATE audit SET event = 'nothing_happened' WHERE seq = 2", 2),
    "edit account": ("UPDATE audit SET account = 'other' WHERE seq = 2", 2),
    "delete": ("DELETE FROM audit WHERE seq = 2", 2),
    "cut": ("DELETE FROM audit WHERE seq >= 3", 3),
    "record purged": ("DELETE FROM records", 4),
    "record changed": ("UPDATE records SET body = x'00'", 4),
    "cycle renamed": ("UPDATE cycles SET record_digest = 'other'", 4),
}


@pytest.mark.parametrize("kind", SQL_TAMPERED)
def test_a_changed_database_is_found_even_with_its_triggers_off(ledger: LedgerStore, kind: str) -> None:
    statement, seq = SQL_TAMPERED[kind]
    anchor = ledger.audit_head()
    assert ledger.verify_audit(anchor=anchor).holds
    driver = ledger._database.driver
    for trigger in ("audit_no_update", "audit_no_delete"):
        driver.execute(f"DROP TRIGGER {trigger}")
    driver.execute(statement)
    broken = ledger.verify_audit(anchor=anchor).broken
    assert broken is not None
    assert broken.seq == seq


def test_an_unbalanced_journal_is_named(ledger: LedgerStore) -> None:
    assert ledger.faults() == ()
    driver = ledger._database.driver
    driver.execute("DROP TRIGGER journal_lines_no_update")
    driver.execute("UPDATE journal_lines SET amount = '101' WHERE line = 1")
    assert ledger.faults() == ("journal entry 1 sums to 1 USD",)
