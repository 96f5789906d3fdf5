"""The proof of absence: it holds when every condition holds, and each missing one is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from prudent.domain.accounts import AccountSnapshot
from prudent.pipeline.absence import Missing, ReconcileMemory, Round, not_proved, rounds_apart
from prudent.ports import Link, Listing

SENT = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
ORDER = Missing(order_ref="R", sent=SENT, session="s1", same_day=True, explained=True)
LINK = Link(session="s2", quiet_since=SENT + timedelta(seconds=10))


def at(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def asked(seconds: float, *seen: str, session: str = "s2") -> Round:
    return Round(session=session, asked=at(seconds), ended=at(seconds + 1), seen=frozenset(seen))


# Reconnected after 10 s, quiet until 70 s, asked at 45 s and at 75 s.
ROUNDS = (asked(45), asked(75))


def test_all_conditions_together_prove_it() -> None:
    assert not_proved(ORDER, ROUNDS, LINK, quiet_seconds=60, now=at(80)) == ""


@pytest.mark.parametrize(
    ("order", "rounds", "link", "now", "needs"),
    [
        (ORDER, (), LINK, 80, "two complete rounds"),
        (ORDER, (asked(75),), LINK, 80, "two complete rounds"),
        (ORDER, (asked(-5), asked(75)), LINK, 80, "two complete rounds"),
        (ORDER, (asked(45, "R"), asked(75)), LINK, 80, "two complete rounds"),
        (ORDER, (asked(45), asked(75, "R")), LINK, 80, "two complete rounds"),
        (ORDER, (asked(15), asked(45), asked(75, "R")), LINK, 80, "two complete rounds"),
        (ORDER, (asked(20), asked(45, "R"), asked(75)), LINK, 80, "two complete rounds"),
        (ORDER, ROUNDS, replace(LINK, up=False), 80, "two complete rounds"),
        (ORDER, (asked(39), asked(69.9)), LINK, 80, "60 s of a quiet link"),
        (ORDER, (asked(50), asked(75)), LINK, 80, "half a minute apart"),
        (ORDER, ROUNDS, LINK, 100.1, "young enough"),
        (replace(ORDER, same_day=False), ROUNDS, LINK, 80, "of the day"),
        (replace(ORDER, explained=False), ROUNDS, LINK, 80, "explains itself"),
        (
            replace(ORDER, session="s2"), (asked(20, session="s2"), asked(59.9, session="s2")),
            replace(LINK, quiet_since=at(-100)), 60, "newer session",
        ),
    ],
)  # fmt: skip
def test_each_condition_is_needed(
    order: Missing, rounds: tuple[Round, ...], link: Link, now: float, needs: str
) -> None:
    assert needs in not_proved(order, rounds, link, quiet_seconds=60, now=at(now))


def test_lists_of_today_prove_nothing_of_yesterday() -> None:
    day = timedelta(days=1, seconds=10)
    late = tuple(replace(each, asked=each.asked + day, ended=each.ended + day) for each in ROUNDS)
    assert "reach back" in not_proved(ORDER, late, LINK, quiet_seconds=60, now=at(80) + day)


def test_more_time_on_the_same_session_will_do() -> None:
    same = replace(ORDER, session="s2")
    link = replace(LINK, quiet_since=at(-100))
    assert not_proved(same, ROUNDS, link, quiet_seconds=60, now=at(80)) == ""


def test_a_venue_without_quiet_time_proves_it_by_two_answers_at_once() -> None:
    now = (asked(0, session="s1"), asked(0, session="s1"))
    order = replace(ORDER, same_day=False)
    assert not_proved(order, now, Link(session="s1"), quiet_seconds=0, now=at(0)) == ""
    assert not_proved(order, now[:1], Link(session="s1"), quiet_seconds=0, now=at(0)) != ""
    assert rounds_apart(0) == timedelta(0)


def listing(seconds: float, session: str = "s2", *, complete: bool = True) -> Listing:
    snapshot = AccountSnapshot(
        account="a", currency="USD", cash=Decimal(0), positions=(), open_orders=(), as_of=at(seconds), source="x"
    )
    return Listing(
        account="a", session=session, asked=at(seconds), ended=at(seconds), complete=complete, orders=(), fills=(),
        snapshot=snapshot,
    )  # fmt: skip


def test_a_failed_round_a_new_session_or_a_lost_link_begin_the_row_anew() -> None:
    memory = ReconcileMemory()
    assert len(memory.asked(listing(20), LINK)) == 1
    assert len(memory.asked(listing(40), LINK)) == 2
    assert memory.asked(listing(50, complete=False), LINK) == ()
    assert len(memory.asked(listing(60), LINK)) == 1
    newer = replace(LINK, session="s3")
    assert memory.asked(listing(70), newer) == ()
    assert len(memory.asked(listing(80, "s3"), newer)) == 1
    # The line was lost and came back on the same session: what was asked before proves nothing.
    assert [each.asked for each in memory.asked(listing(95, "s3"), replace(newer, quiet_since=at(90)))] == [at(95)]
    assert memory.asked(listing(99, "s3"), replace(newer, up=False)) == ()


def test_a_difference_is_confirmed_by_the_same_one_later() -> None:
    memory = ReconcileMemory()
    apart = timedelta(seconds=30)
    two, three = {"AAPL": Decimal(2)}, {"AAPL": Decimal(3)}
    assert memory.confirmed("a", two, at(0), apart) == frozenset()
    assert memory.confirmed("a", two, at(10), apart) == frozenset()
    assert memory.confirmed("a", two, at(30), apart) == {"AAPL"}
    assert memory.confirmed("a", three, at(70), apart) == frozenset()
    assert memory.confirmed("a", {}, at(100), apart) == frozenset()
    assert memory.confirmed("a", three, at(110), apart) == frozenset()
