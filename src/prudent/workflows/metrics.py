"""Figures for Prometheus, computed from the ledger when they are asked for; labels name accounts and outcomes only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from prudent import __version__
from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import DeskError
from prudent.domain.notices import Event
from prudent.ports import Clock
from prudent.workflows.disk import space_of
from prudent.workflows.memory import MIB, resident_mb

if TYPE_CHECKING:
    from prometheus_client import Metric

SECONDS_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)
OPEN_STATUSES = ("running", "waiting")
USER_RULE = "rule:"


@dataclass(slots=True, kw_only=True)
class _Durations:
    """How long an account's finished cycles took, continued from where the last look ended."""

    since: datetime | None = None
    seen: set[tuple[int, int]] = field(default_factory=set)
    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS_BUCKETS) + 1))
    total: float = 0.0

    def add(self, place: tuple[int, int], seconds: float, finished: datetime) -> None:
        if finished == self.since and place in self.seen:
            return
        if finished != self.since:
            self.since, self.seen = finished, set()
        self.seen.add(place)
        self.total += seconds
        bucket = next((i for i, most in enumerate(SECONDS_BUCKETS) if seconds <= most), len(SECONDS_BUCKETS))
        self.counts[bucket] += 1

    def cumulative(self) -> list[tuple[str, float]]:
        names = [*(str(each) for each in SECONDS_BUCKETS), "+Inf"]
        return [(name, float(sum(self.counts[: i + 1]))) for i, name in enumerate(names)]


@dataclass(slots=True, kw_only=True)
class ProcessGauges:
    """What a process knows of itself and no ledger holds."""

    loop_lag_seconds: float = 0.0


class DeskFigures:
    """A Prometheus collector over one desk; safe to be asked by one thread at a time."""

    def __init__(self, desk: Desk, *, wall: Clock, process: ProcessGauges | None = None) -> None:
        self._desk = desk
        self._wall = wall
        self._process = process or ProcessGauges()
        self._durations: dict[str, _Durations] = {}
        self._quote_ages: dict[str, tuple[str, float | None]] = {}

    def collect(self) -> Iterator["Metric"]:
        """Every figure; one that the ledger cannot give now is left out, and `invest_up` says so."""
        started = self._wall.monotonic()
        found: list[Metric] = list(self._machine())
        try:
            accounts = [each.id for each in self._desk.ledger.accounts()]
            for part in (self._cycles, self._orders, self._ages, self._accounts):
                found += part(accounts)
            found += [*self._ledger(), *self._models()]
            healthy = 1.0
        except DeskError:
            healthy = 0.0
        yield from found
        yield _gauge("up", "1 when the ledger answered.", healthy)
        yield _gauge("scrape_seconds", "How long these figures took.", self._wall.monotonic() - started)

    def _machine(self) -> "Iterator[Metric]":
        space = space_of(self._desk)
        yield _gauge("disk_free_bytes", "Free space under the home.", space.free)
        yield _gauge("disk_free_ratio", "Free share of the disk under the home.", space.free / max(1, space.total))
        yield _gauge("process_memory_bytes", "Resident memory of the process that answers.", resident_mb() * MIB)
        yield _gauge("loop_lag_seconds", "Delay of this process's event loop.", self._process.loop_lag_seconds)
        yield _labelled("build", "The running version.", ("version",), [((__version__,), 1.0)])

    def _cycles(self, accounts: Iterable[str]) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        tallies = self._desk.ledger.measures.cycles()
        ended = CounterMetricFamily("invest_cycles", "Cycles that ended, by outcome.", labels=("account", "outcome"))
        for each in tallies:
            if each.kind not in OPEN_STATUSES:
                ended.add_metric((each.account, each.kind), each.count)
        yield ended
        yield _labelled(
            "open_cycles", "Cycles under way or waiting.", ("account", "outcome"),
            [((t.account, t.kind), t.count) for t in tallies if t.kind in OPEN_STATUSES],
        )  # fmt: skip
        took = HistogramMetricFamily(
            "invest_cycle_duration_seconds", "From a cycle's first step to its record.", labels=("account",)
        )
        for account in accounts:
            known = self._continued(account)
            took.add_metric((account,), buckets=known.cumulative(), sum_value=known.total)
        yield took

    def _continued(self, account: str) -> _Durations:
        known = self._durations.setdefault(account, _Durations())
        for each in self._desk.ledger.measures.finished(account, since=known.since):
            known.add(each.place, (each.finished - each.started).total_seconds(), each.finished)
        return known

    def _orders(self, accounts: Iterable[str]) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily

        measures = self._desk.ledger.measures
        yield _labelled(
            "orders", "Orders by state.", ("account", "state"),
            [((t.account, t.kind), t.count) for t in measures.orders()],
        )  # fmt: skip
        unknown = {each.account: each for each in measures.unsettled()}
        now = self._desk.clock.now()
        yield _labelled(
            "unknown_orders", "Orders that were sent without an answer.", ("account",),
            [((account,), unknown[account].count if account in unknown else 0) for account in accounts],
        )  # fmt: skip
        yield _labelled(
            "unknown_order_age_seconds", "Age of the oldest of them.", ("account",),
            [((account,), _age(now, unknown[account].since) if account in unknown else 0) for account in accounts],
        )  # fmt: skip
        refused = CounterMetricFamily(
            "invest_guard_refusals", "Orders that a guard refused.", labels=("account", "guard")
        )
        counts: dict[tuple[str, str], int] = {}
        for each in measures.refusals():
            # A person's own rules are one guard here: their number has no bound, and labels must have one.
            guard = "user_rule" if each.kind.startswith(USER_RULE) else each.kind
            counts[each.account, guard] = counts.get((each.account, guard), 0) + each.count
        for labels, count in sorted(counts.items()):
            refused.add_metric(labels, count)
        yield refused

    def _ages(self, accounts: Iterable[str]) -> "Iterator[Metric]":
        now = self._desk.clock.now()
        lags, idle, quotes = [], [], []
        for account in accounts:
            last = self._desk.ledger.measures.last_cycle(account)
            if last is None:
                continue
            lags.append(((account,), _age(last.started, last.scheduled)))
            idle.append(((account,), _age(now, last.started)))
            oldest = self._quote_age(account, last.id) if last.recorded else None
            if oldest is not None:
                quotes.append(((account,), oldest))
        yield _labelled("cycle_lag_seconds", "From when the last cycle was due to its begin.", ("account",), lags)
        yield _labelled("last_cycle_age_seconds", "Since the last cycle began.", ("account",), idle)
        yield _labelled("quote_age_seconds", "Age of the oldest price of the last decision.", ("account",), quotes)
        reconciled = self._desk.ledger.measures.reconciled()
        yield _labelled(
            "reconcile_age_seconds", "Since the book was compared with the venue.", ("account",),
            [((each.account,), _age(now, each.at)) for each in reconciled],
        )  # fmt: skip
        yield _labelled(
            "reconcile_clean", "1 when both books agreed.", ("account",),
            [((each.account,), float(each.clean)) for each in reconciled],
        )  # fmt: skip

    def _quote_age(self, account: str, cycle: str) -> float | None:
        known = self._quote_ages.get(account)
        if known is None or known[0] != cycle:
            quotes = self._desk.ledger.load_record(cycle).observation.quotes
            ages = [float(quote.age_seconds) for quote in quotes if quote.age_seconds is not None]
            known = self._quote_ages[account] = (cycle, max(ages, default=None))
        return known[1]

    def _accounts(self, accounts: Iterable[str]) -> "Iterator[Metric]":
        rows = [self._desk.ledger.views.account(account) for account in accounts]
        yield _labelled(
            "drawdown_ratio", "Fall of the unit value from its highest.", ("account",),
            [((row.account,), float(row.drawdown)) for row in rows if row.drawdown is not None],
        )  # fmt: skip
        yield _labelled(
            "trading_state", "1 for the state that an account trades under.", ("account", "state"),
            [((row.account, str(state)), float(row.state is state)) for row in rows for state in TradingState],
        )  # fmt: skip

    def _ledger(self) -> "Iterator[Metric]":
        ledger, now, wall = self._desk.ledger, self._desk.clock.now(), self._wall.now()
        yield _gauge("audit_head", "Number of the last row of the audit chain.", ledger.measures.audit_rows())
        unsent, oldest = ledger.notices.unsent_count()
        yield _gauge("notices_unsent", "Notices that some channel has not taken yet.", unsent)
        yield _gauge("notices_unsent_age_seconds", "Age of the oldest.", 0.0 if oldest is None else _age(now, oldest))
        saved = ledger.notices.latest(Event.BACKUP_DONE)
        if saved is not None:
            yield _gauge("backup_age_seconds", "Since the last backup that was done.", _age(now, saved))
        engines = ledger.engines.all()
        yield _gauge("engines_alive", "Engines that beat.", sum(each.lives(wall) for each in engines))
        if engines:
            newest = max(each.beat for each in engines)
            yield _gauge("engine_beat_age_seconds", "Since any engine gave a sign of life.", _age(wall, newest))


    def _models(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily

        calls = CounterMetricFamily(
            "invest_llm_calls", "Calls of language models by how they ended.", labels=("model", "outcome")
        )
        tokens = CounterMetricFamily("invest_llm_tokens", "Tokens of these calls.", labels=("model", "direction"))
        cost = CounterMetricFamily("invest_llm_cost_usd", "What they cost.", labels=("model",))
        counted: dict[tuple[str, str], int] = {}
        for each in self._desk.ledger.model_calls.tally():
            calls.add_metric((each.model, each.outcome), each.calls)
            for direction, count in (("in", each.tokens_in), ("out", each.tokens_out)):
                counted[each.model, direction] = counted.get((each.model, direction), 0) + count
        for labels, count in sorted(counted.items()):
            tokens.add_metric(labels, count)
        for model, dollars in sorted(self._desk.ledger.model_calls.costs().items()):
            cost.add_metric((model,), float(dollars))
        yield from (calls, tokens, cost)


def exposition(figures: DeskFigures) -> tuple[bytes, str]:
    """The figures in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _gauge(name: str, text: str, value: float) -> "Metric":
    return _labelled(name, text, (), [((), value)])


def _labelled(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"invest_{name}", text, labels=labels)
    for given, value in values:
        family.add_metric(given, float(value))
    return family


def _age(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds())
