"""When silence of a venue proves that an order is not there: the conditions, all of which must hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile

from prudent.ports import Link, Listing

ROUNDS_APART = timedelta(seconds=30)
ROUND_AGE_MAX = timedelta(seconds=25)
LISTS_REACH_BACK = timedelta(hours=24)
ROUNDS_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One complete round of questions: when it was asked and which orders it showed."""

    session: str
    asked: datetime
    ended: datetime
    seen: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An order of unknown fate: when and on which session it was sent, and whether the position stands without it."""

    order_ref: str
    sent: datetime
    session: str
    same_day: bool
    explained: bool


@dataclass(slots=True)
class ReconcileMemory:
    """What this process has asked so far, per account: rounds of the live session, and differences not confirmed yet.

    It is not kept over a restart: a new process asks anew.
    """

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    differences: dict[str, dict[str, tuple[Decimal, datetime]]] = field(default_factory=dict)
    looked: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    # Orders that may have left as late as this, by their refs: silence counts from there and not from the claim.
    left: dict[str, datetime] = field(default_factory=dict)

    def asked(self, listing: Listing, link: Link) -> tuple[Round, ...]:
        """Take a round in; those of another session, or from before the link last came up, prove nothing any more."""
        kept = [
            each for each in self.rounds.get(listing.account, ())
            if each.session == link.session and (link.quiet_since is None or each.asked >= link.quiet_since)
        ]  # fmt: skip
        if listing.complete and link.up and listing.session == link.session:
            seen = frozenset(
                (*(order.order_ref for order in listing.orders), *(fill.order_ref for fill in listing.fills))
            )
            kept.append(Round(session=listing.session, asked=listing.asked, ended=listing.ended, seen=seen))
        else:
            # A round that failed breaks the row: what was asked before it does not stand beside what comes after.
            kept = []
        self.rounds[listing.account] = kept[-ROUNDS_KEPT:]
        return tuple(self.rounds[listing.account])

    def confirmed(self, account: str, found: dict[str, Decimal], at: datetime, apart: timedelta) -> frozenset[str]:
        """Which differences stood unchanged since a round at least `apart` ago; the rest is remembered for the next."""
        known = self.differences.get(account, {})
        self.differences[account] = {
            name: known[name] if name in known and known[name][0] == value else (value, at)
            for name, value in found.items()
        }
        return frozenset(
            name for name in found
            if name in known and known[name][0] == found[name] and at - known[name][1] >= apart
        )  # fmt: skip


def rounds_apart(quiet_seconds: int) -> timedelta:
    """How far apart two rounds must be; a venue without quiet time answers at once and for good."""
    return ROUNDS_APART if quiet_seconds > 0 else timedelta(0)


def not_proved(
    order: Missing, rounds: Sequence[Round], link: Link, *, quiet_seconds: int, now: datetime
) -> str:  # fmt: skip
    """What is still missing for the proof that the order is not at the venue; empty when it is proved."""
    quiet = timedelta(seconds=quiet_seconds)
    # Only what was asked since it was last shown counts, the youngest round first.
    without = [*takewhile(lambda each: each.asked >= order.sent and order.order_ref not in each.seen, rounds[::-1])]
    if not link.up or len(without) < 2:
        return "two complete rounds of questions without it"
    last, first = without[0], without[-1]
    conditions = (
        (link.quiet_since is None or last.asked >= link.quiet_since + quiet, f"{quiet_seconds} s of a quiet link"),
        (
            link.session != order.session or last.asked - order.sent >= quiet,
            "a newer session than the one it was sent on, or more time on that one",
        ),
        (last.asked - first.asked >= rounds_apart(quiet_seconds), "two rounds half a minute apart"),
        (now - last.asked <= ROUND_AGE_MAX, "a round that is young enough to judge by"),
        (quiet_seconds == 0 or order.same_day, "the venue's lists of the day it was sent on"),
        (quiet_seconds == 0 or now - order.sent <= LISTS_REACH_BACK, "lists that reach back to when it was sent"),
        (order.explained, "a position that explains itself without it"),
    )
    return next((needed for holds, needed in conditions if not holds), "")
