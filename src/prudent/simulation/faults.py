"""The catalogue of faults, and the weather of one seed: how often each strikes, and how often it did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from prudent.domain.errors import InputError
from prudent.simulation.timeline import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One way in which the world misbehaves; `rate` is how often, at each chance, in a seed where it is common."""

    name: str
    group: str
    rate: float
    text: str


def _kinds(group: str, *rows: tuple[str, float, str]) -> tuple[FaultKind, ...]:
    return tuple(FaultKind(name=name, group=group, rate=rate, text=text) for name, rate, text in rows)


CATALOGUE: tuple[FaultKind, ...] = (
    *_kinds(
        "process",
        ("crash_in_transaction", 0.0015, "the process dies after a statement, before its commit"),
        ("crash_after_commit", 0.004, "the process dies right after a commit"),
        ("crash_before_wire", 0.02, "the process dies before the first byte of an order leaves"),
        ("crash_after_wire", 0.02, "the process dies after an order left, before it hears the answer"),
        ("crash_while_asking", 0.003, "the process dies while it asks the venue"),
        ("crash_while_waiting", 0.02, "the process dies while it waits for fills"),
        ("crash_idle", 0.02, "the process dies between two pieces of work"),
        ("crash_at_start", 0.05, "the process dies again while it recovers"),
        ("freeze_short", 0.004, "the process stands still for up to 20 seconds"),
        ("freeze_long", 0.002, "the process stands still for up to two minutes"),
        ("second_copy", 0.3, "a second copy starts while the first is alive"),
        ("restart_slow", 0.1, "the supervisor needs minutes to start the process again"),
    ),
    *_kinds(
        "disk",
        ("database_busy", 0.001, "the database is locked by somebody else"),
        ("disk_full", 0.0008, "the disk is full at one statement"),
        ("disk_full_for_a_while", 0.0003, "the disk is full for up to a minute"),
        ("disk_error", 0.0008, "the disk cannot be written at one statement"),
        ("commit_in_doubt", 0.001, "the commit is durable, but its answer is an error"),
        ("database_unreadable", 0.0001, "a read fails"),
        ("kill_file_unreadable", 0.002, "the file of the kill switch cannot be read"),
    ),
    *_kinds(
        "link",
        ("drop_before_send", 0.02, "the socket closes before the first byte of an order"),
        ("drop_after_send", 0.03, "the socket closes after the whole order left"),
        ("drop_half_sent", 0.02, "the socket closes in the middle of an order, which is lost"),
        ("half_open", 0.015, "the socket looks alive, but nothing written to it arrives"),
        ("upstream_down", 0.001, "the gateway loses its upstream; orders are held there"),
        ("upstream_lost_in_send", 0.03, "the gateway loses its upstream just as an order arrives, and holds it"),
        ("upstream_reset", 0.01, "the upstream comes back with its subscriptions lost"),
        ("held_sent_late", 0.5, "held orders leave a while after the upstream is back"),
        ("gateway_restart", 0.0015, "the gateway restarts; a new session begins"),
        ("held_lost", 0.5, "a restart of the gateway loses what it held"),
        ("lists_empty", 0.6, "after a restart the lists end, empty, until the gateway is synced"),
        ("lists_partial", 0.6, "after a restart the lists end with some rows missing"),
        ("lists_hiccup", 0.03, "for some seconds the lists end with rows missing, and nothing has restarted"),
        ("order_ids_roll_back", 0.5, "after a restart the next valid order id is a lower one"),
        ("link_flaps", 0.02, "the link goes up and down within seconds"),
        ("client_id_in_use", 0.15, "error 326: the old socket is still open there, connecting fails for a while"),
        ("venue_unreachable", 0.002, "a question to the venue fails"),
        ("venue_slow", 0.02, "the venue answers after seconds"),
    ),
    *_kinds(
        "errors",
        ("rejected", 0.02, "error 201: the venue refuses the order"),
        ("rejected_in_a_row", 0.005, "the venue refuses every order for a minute"),
        ("cancel_refused", 0.2, "errors 202 and 10148: too late to cancel"),
        ("cancel_unanswered", 0.1, "a cancel gets no answer"),
        ("expires_early", 0.02, "the venue ends a resting order before the close"),
    ),
    *_kinds(
        "messages",
        ("ack_late", 0.06, "an order reaches the venue up to 45 seconds after it left"),
        ("ack_lost", 0.02, "an order is accepted and no word of it comes"),
        ("message_doubled", 0.05, "a report comes twice"),
        ("message_old", 0.05, "an older report comes after a newer one"),
        ("message_unasked", 0.05, "a report comes that nobody asked for"),
        ("foreign_report", 0.05, "a report of another client's order comes"),
        ("perm_id_zero", 0.04, "an order is shown before it is accepted"),
        ("perm_id_zero_lost", 0.02, "an order is shown before it is accepted, and then lost"),
        ("fill_in_parts", 0.25, "an order is filled in parts"),
        ("fill_slow", 0.15, "an order rests for minutes before it fills"),
        ("fill_seen_late", 0.05, "a fill is shown up to 15 seconds after it happened"),
        ("fill_after_cancel", 0.3, "a fill comes after the cancel was confirmed"),
        ("fills_out_of_order", 0.2, "fills come in another order than they happened"),
        ("bust", 0.01, "an execution is taken back"),
        ("correction", 0.02, "an execution is corrected"),
        ("commission_late", 0.06, "an execution is shown before its commission"),
        ("snapshot_old", 0.02, "positions and cash are shown as they were some seconds ago"),
        ("snapshot_foreign", 0.004, "positions of another account are shown"),
        ("listing_incomplete", 0.03, "one of the lists does not end"),
        ("listing_old", 0.02, "lists show what was seconds ago"),
    ),
    *_kinds(
        "prices",
        ("price_missing", 0.0012, "no price"),
        ("price_nan", 0.0012, "a price that is no number"),
        ("price_zero", 0.0012, "a price of zero"),
        ("price_negative", 0.0012, "a price below zero"),
        ("price_infinite", 0.0012, "a price without end"),
        ("price_crossed", 0.0012, "bid above ask"),
        ("price_tenfold", 0.0012, "ten times the true price"),
        ("price_tenth", 0.0012, "a tenth of the true price"),
        ("price_frozen", 0.0012, "an hours-old price under an old time"),
        ("price_from_the_future", 0.0012, "a price with a time that has not come"),
        ("price_disputed", 0.0012, "a second source with another price"),
        ("spread_wide", 0.0012, "bid and ask far apart"),
        ("symbol_halted", 0.02, "trading in a symbol is halted"),
        ("split_unannounced", 0.002, "a split that nobody announced"),
        ("price_gap", 0.02, "the true price jumps by up to 12 %"),
        ("volume_thin", 0.0012, "hardly any volume"),
        ("prices_unreachable", 0.004, "the source of prices does not answer"),
    ),
    *_kinds(
        "clock",
        ("clock_forward", 0.02, "the machine's clock jumps ahead by up to an hour"),
        ("clock_back", 0.02, "the machine's clock jumps back by up to an hour"),
        ("clock_drift", 0.05, "the machine's clock runs seconds off"),
    ),
    *_kinds(
        "decider",
        ("decider_timeout", 0.02, "the model does not answer"),
        ("decider_failed", 0.02, "the model's answer cannot be read"),
        ("decider_breaks", 0.01, "the decider raises what it must not raise"),
        ("decider_nan", 0.01, "a weight that is no number"),
        ("decider_huge", 0.02, "weights of many times the equity"),
        ("decider_tiny", 0.02, "weights with twelve decimals"),
        ("decider_short", 0.02, "weights below zero"),
        ("decider_unknown_symbol", 0.02, "a symbol that nobody knows"),
        ("decider_lookalike_symbol", 0.02, "a symbol spelt with a letter of another alphabet"),
        ("decider_doubled_symbol", 0.02, "the same symbol twice"),
        ("decider_repeats", 0.05, "yesterday's answer again"),
        ("decider_obeys_headline", 0.05, "everything into the one symbol that a headline named"),
        ("decider_empty", 0.04, "no target at all: sell everything"),
        ("decider_holds", 0.02, "hold"),
        ("decider_flips", 0.05, "the opposite of the answer before"),
    ),
    *_kinds(
        "people",
        ("kill_switch", 0.0006, "somebody stops the platform"),
        ("kill_file_only", 0.0006, "somebody puts the kill file there by hand"),
        ("account_halted", 0.0006, "somebody halts an account"),
        ("account_reducing", 0.002, "somebody lets an account only reduce"),
        ("symbol_halted_by_hand", 0.0006, "somebody halts a symbol"),
        ("limits_tightened", 0.01, "an owner tightens a limit between two cycles"),
        ("rule_added", 0.01, "an owner adds a rule"),
        ("configuration_edited", 0.005, "a file of the configuration is edited under the running process"),
        ("trade_by_hand", 0.0004, "somebody trades at the venue by hand"),
        ("order_by_hand", 0.0004, "somebody leaves an order at the venue by hand"),
        ("cancel_by_hand", 0.004, "somebody cancels one of our orders at the venue"),
        ("cancel_all", 0.004, "somebody cancels all our open orders"),
        ("money_moved", 0.0002, "money comes or goes at the venue"),
        ("cycle_asked_twice", 0.15, "the same due time is asked for twice"),
        ("approval_refused", 0.3, "a person says no"),
        ("approval_late", 0.3, "a person says yes too late"),
        ("approval_of_another_plan", 0.3, "a person says yes to a plan that stands no more"),
        ("reconcile_skipped", 0.1, "the timer of the reconciliation does not fire"),
    ),
)  # fmt: skip
NAMES = tuple(kind.name for kind in CATALOGUE)
GROUPS = tuple(dict.fromkeys(kind.group for kind in CATALOGUE))
ZERO_SHARE = 0.3
GROUP_ZERO_SHARE = 0.25
CALM = frozenset[str]()


def chosen(text: str, catalogue: Sequence[FaultKind] = CATALOGUE) -> frozenset[str]:
    """The kinds that `all`, `none` or a list of names and groups means.

    Raises:
        InputError: a name is neither a kind nor a group.
    """
    names = tuple(kind.name for kind in catalogue)
    groups = tuple(dict.fromkeys(kind.group for kind in catalogue))
    if text in ("all", "none"):
        return frozenset(names) if text == "all" else CALM
    found: set[str] = set()
    for part in (each.strip() for each in text.split(",")):
        if part in groups:
            found |= {kind.name for kind in catalogue if kind.group == part}
        elif part in names:
            found.add(part)
        else:
            raise InputError(
                f"--faults must be all, none, a group ({', '.join(groups)}) or kinds, was {part!r}; "
                "see `invest sim --list`"
            )
    return frozenset(found)


class Weather:
    """How often each fault strikes in one seed: some never, some groups not at all, others three times as often."""

    def __init__(
        self, chance: Random, kinds: Iterable[str], trace: Trace, catalogue: Sequence[FaultKind] = CATALOGUE
    ) -> None:
        wanted = frozenset(kinds)
        self._chance = chance
        self._trace = trace
        self.hits: dict[str, int] = {}
        self.calm = False
        self.rates: dict[str, float] = {}
        groups = tuple(dict.fromkeys(kind.group for kind in catalogue))
        calm_groups = {group for group in groups if chance.random() < GROUP_ZERO_SHARE}
        for kind in catalogue:
            share = chance.random()
            strength = chance.uniform(0.1, 3.0)
            if kind.name in wanted and kind.group not in calm_groups and share >= ZERO_SHARE:
                self.rates[kind.name] = min(kind.rate * strength, 0.9)

    def strikes(self, name: str) -> bool:
        """Whether that fault happens at this chance."""
        rate = self.rates.get(name)
        if rate is None or self.calm or self._chance.random() >= rate:
            return False
        self.force(name)
        return True

    def force(self, name: str) -> None:
        """Count a fault that happens."""
        self.hits[name] = self.hits.get(name, 0) + 1
        self._trace.add(f"  fault {name}")

    def one_of(self, *names: str) -> str | None:
        """The first of these faults that happens now."""
        for name in names:
            if self.strikes(name):
                return name
        return None

    def seconds(self, low: float, high: float) -> float:
        return round(self._chance.uniform(low, high), 3)

    def pick(self, count: int) -> int:
        return self._chance.randrange(count)
