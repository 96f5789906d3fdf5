"""Wires what a desk asks outside of its cycle: language models with their keys and limits, news, fundamentals."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prudent.clock import SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import ConfigError, DeskError
from prudent.domain.people import SealedSecret
from prudent.domain.reasoning import RULES_MODEL, Call
from prudent.domain.redaction import Redactor
from prudent.ledger import LedgerStore
from prudent.llm.budgeted import Budget, Budgeted, Limits, Purse, Spent
from prudent.llm.cached import Cached
from prudent.llm.gates import Gates
from prudent.llm.named import NamedModels
from prudent.llm.served import ServedModel
from prudent.ports import Clock, Fundamentals, Instruments, LanguageModel, News
from prudent.settings import Loaded, access_token
from prudent.settings.environment import environment_secret
from prudent.settings.language import ModelSettings
from prudent.settings.secret_values import secret_values
from prudent.strategies.protection import NAME as PROTECTION

if TYPE_CHECKING:
    from prudent.llm.embedded import EmbeddedServer

GHOSTFOLIO_TOKEN = "GHOSTFOLIO_ACCESS_TOKEN"
# How far back the last decisions of an account are looked for.
RECORDS_SEARCHED = 50
READ_KEPT = 8
_READ: dict[str, CycleRecord] = {}


def secret(loaded: Loaded, ledger: LedgerStore, name: str) -> str | None:
    """A secret of the ledger's owner by its name in the environment (LLM_API_KEY), else as it is stored (llm_api_key).

    Raises:
        StoreError: it is stored, and the key file does not open it.
    """
    found = environment_secret(name)
    if found is not None:
        return found
    sealed = ledger.people.secret(name.lower())
    if sealed is None or sealed.owner != ledger.owner:
        return None
    return _opened(loaded, sealed)


def _opened(loaded: Loaded, sealed: SealedSecret) -> str:
    from prudent.access.envelope import unseal
    from prudent.access.key_file import KEY_FILE, KeyFile

    path = loaded.settings.secrets.key_path or loaded.home / KEY_FILE
    return unseal(sealed, keys=KeyFile(path, lock=loaded.home / "data" / "secrets.lock").read())


def past_records(
    ledger: LedgerStore, account: str, count: int, *, rehearsed: bool, own: str = ""
) -> tuple[CycleRecord, ...]:  # fmt: skip
    """The last records in which the account's strategy decided, newest first, () where there are none.

    A rehearsal never happened: it counts for a rehearsal of another account alone (account `own` reads), which may
    need a brief, and only where nothing else was ever decided.
    """
    rows = ledger.views.decisions(account, limit=RECORDS_SEARCHED).rows
    decided = [row for row in rows if row.record_digest and row.decided_by != PROTECTION]
    real = [row for row in decided if row.mode != Mode.DRY_RUN]
    found = real or (decided if rehearsed and account != own else [])
    if account == own:
        return tuple(ledger.load_record(row.id) for row in found[:count])
    return tuple(_shared(ledger, row.id, row.record_digest or "") for row in found[:count])


def _shared(ledger: LedgerStore, cycle_id: str, digest: str) -> CycleRecord:
    """A record that several accounts read, such as that of a brief, read once: its digest names its bytes."""
    record = _READ.get(digest)
    if record is None:
        record = ledger.load_record(cycle_id)
        if len(_READ) >= READ_KEPT:
            _READ.clear()
        _READ[digest] = record
    return record


class LedgerPurse:
    """A purse in the ledger: what was spent is known over restarts, and beside each account."""

    def __init__(self, ledger: LedgerStore, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def spent(self, account: str | None, day: date) -> Spent:
        found = self._ledger.model_calls.spent(account, day)
        return Spent(tokens=found.tokens, money=found.cost)

    def spend(self, call: Call, spent: Spent, day: date) -> None:
        del day  # the same as the clock's, which the ledger is told
        self._ledger.model_calls.spend(call, tokens=spent.tokens, cost=spent.money, at=self._clock.now())


class LanguageDesk:
    """Opens the configured models of one owner of a home; nothing is read or opened before a model is asked."""

    def __init__(self, loaded: Loaded, ledger: LedgerStore, clock: Clock, *, purse: Purse | None = None) -> None:
        self._loaded = loaded
        self._ledger = ledger
        self._settings = loaded.settings.language
        limits = self._settings.budget
        self._budget = Budget(
            Limits(
                tokens_per_call=limits.tokens_per_call, tokens_per_day=limits.tokens_per_day,
                money_per_day=limits.money_per_day, platform_tokens_per_day=limits.platform_tokens_per_day,
                platform_money_per_day=limits.platform_money_per_day,
            ),
            purse or LedgerPurse(ledger, clock), today=lambda: clock.now().date(),
        )  # fmt: skip

    def models(self) -> NamedModels:
        """Every model that the configuration names, and the built-in `rules`, each behind cache, budget and gate."""
        makers: dict[str, Callable[[], LanguageModel]] = {RULES_MODEL: _rules}
        for name, own in self._settings.models.items():
            makers[name] = partial(self._guarded, name, own)
        fallbacks = {name: own.fallback for name, own in self._settings.models.items() if own.fallback is not None}
        return NamedModels(makers, fallbacks)

    def served(self, name: str, own: ModelSettings) -> ServedModel:
        """A configured model with its key and the limit of seconds that the budget sets."""
        most = self._settings.budget.seconds_per_call
        embedded = own.kind == "embedded"
        return ServedModel(
            name=name, served=name if embedded else own.model or name, base_url=self._server(own), key=self._key(own),
            parameters=own.parameters, seconds=min(own.seconds, most),
            load_seconds=min(own.load_seconds, most), slots=self._slots(own), price_in=own.price_in,
            price_out=own.price_out, fallback=own.fallback,
        )  # fmt: skip

    def direct(self, name: str, own: ModelSettings) -> LanguageModel:
        """The adapter of a model by itself, past cache, budget and gate."""
        if own.kind == "rules":
            return _rules()
        from prudent.llm.openai_compatible import OpenAICompatible

        make = partial(OpenAICompatible, elapsed=_elapsed, redactor=Redactor(self._secrets()))
        served = self.served(name, own)
        if own.kind != "embedded":
            return make(served)
        from prudent.llm.embedded import Embedded

        names = tuple(each for each, other in self._settings.models.items() if self._shares(own, other))
        return Embedded(served, _embedded(own.model, names, _whole(own, "threads", 2), _whole(own, "context", 0)), make)

    def _guarded(self, name: str, own: ModelSettings) -> LanguageModel:
        if own.kind == "rules":
            return _rules()
        served = self.served(name, own)
        gate = gates().of(served.base_url, slots=served.slots)
        model: LanguageModel = Budgeted(self.direct(name, own), served, budget=self._budget, gate=gate)
        if self._settings.cache == "none":
            return model
        identity = {
            "owner": self._ledger.owner, "server": served.base_url, "served": served.served,
            "parameters": dict(served.parameters),
        }  # fmt: skip
        return Cached(model, folder=self._loaded.home / "data" / "llm", identity=identity)

    def _key(self, own: ModelSettings) -> str:
        key = (secret(self._loaded, self._ledger, own.key) or "") if own.key and own.kind != "embedded" else ""
        if not (key.isascii() and key.isprintable() and " " not in key):
            # Said here, for what refuses it further on would repeat it.
            raise ConfigError(f"{own.key} must be one word of printable ASCII, was not; set it anew")
        return key

    def _server(self, own: ModelSettings) -> str:
        """The base URL of a model, or which file is served in this process."""
        return f"embedded:{own.model}" if own.kind == "embedded" else own.base_url or self._settings.base_url or ""

    def _shares(self, own: ModelSettings, other: ModelSettings) -> bool:
        return other.kind == own.kind and self._server(other) == self._server(own)

    def _slots(self, own: ModelSettings) -> int:
        """Slots are a server's: what its most generous model says; an embedded one has one."""
        if own.kind == "embedded":
            return 1
        return max(each.slots for each in self._settings.models.values() if self._shares(own, each))

    def _secrets(self) -> Iterator[str]:
        """Every secret that this process can know, so that no prompt repeats one."""
        yield from secret_values(self._loaded.settings)
        yield access_token() or ""
        for name in sorted({each.key for each in self._settings.models.values() if each.key} | {GHOSTFOLIO_TOKEN}):
            yield environment_secret(name) or ""
        for sealed in self._ledger.people.secrets():
            # What this process cannot open it cannot repeat.
            with suppress(DeskError):
                yield _opened(self._loaded, sealed)


def open_news(loaded: Loaded, clock: Clock, instruments: Instruments) -> News | None:
    """The configured feeds where prices are live; None on a past date, where the feeds of today would be look-ahead."""
    own = loaded.settings.news
    if loaded.settings.data.source != "yahoo" or not own.feeds:
        return None
    from prudent.marketdata.feeds import FeedReader
    from prudent.marketdata.news import FeedNews

    hosts = frozenset((*own.hosts, *(urlsplit(url).hostname or "" for url in own.feeds)))
    read = FeedReader(hosts=hosts, seconds=own.seconds).read
    folder = loaded.home / "data" / "news"
    return FeedNews(clock, instruments, feeds=own.feeds, read=read, folder=folder, minutes=own.minutes)


def open_fundamentals(loaded: Loaded, clock: Clock, instruments: Instruments) -> Fundamentals:
    """Fundamentals where prices are live; elsewhere none, and the reason."""
    from prudent.marketdata.fundamentals import NoFundamentals, YahooFundamentals

    if loaded.settings.data.source != "yahoo":
        return NoFundamentals()
    return YahooFundamentals(clock, instruments, loaded.home / "data" / "fundamentals")


@cache
def _embedded(file: str, names: tuple[str, ...], threads: int, context: int) -> "EmbeddedServer":
    """One server of a process for a file: desks that are opened anew go on with it."""
    from prudent.llm.embedded import EmbeddedServer

    return EmbeddedServer(file, names, threads=threads, context=context)


def _whole(own: ModelSettings, name: str, otherwise: int) -> int:
    said = own.parameters.get(name)
    return said if type(said) is int and said >= 0 else otherwise


@cache
def gates() -> Gates:
    """The gates of this process: its desks share the slots and breakers of model servers."""
    return Gates(elapsed=_elapsed)


def _elapsed() -> float:
    return SystemClock().monotonic()


def _rules() -> LanguageModel:
    from prudent.llm.rules import RulesModel

    return RulesModel()
