"""What a configuration may say: strict models, each a door to one domain type."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from prudent.domain.accounts import Mode
from prudent.domain.interlocks import effective_mode
from prudent.domain.reasoning import RULES_MODEL
from prudent.settings.accounts import ACCOUNT_ID, AccountSettings
from prudent.settings.channels import NotifySettings
from prudent.settings.gateways import IbkrSettings
from prudent.settings.ghostfolio import GhostfolioSettings
from prudent.settings.language import LanguageSettings
from prudent.settings.log_level import LogSettings
from prudent.settings.news import NewsSettings
from prudent.settings.strict import Strict

SCHEMA_VERSION = 1


def _start(value: object) -> object:
    """A date alone means half an hour after the New York open, when cycles run by default."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(10), ZoneInfo("America/New_York")).astimezone(UTC)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"must name its time zone, was {value.isoformat()}; write {value.isoformat()}Z for UTC")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _unless_off(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false


AccountId = Annotated[str, Field(pattern=ACCOUNT_ID)]


class DataSettings(Strict):
    """Where prices come from; `path` is the folder of the source `files`.

    `second` is a source whose prices must agree with those of the first, and which stands in where that cannot be
    asked; each has `deadline_seconds` to answer.
    `venue` is the simulated venue's file, else one in the home; engines that share a ledger share it too.
    """

    source: Literal["sample", "files", "yahoo", "ibkr"] = "sample"
    second: Literal["none", "yahoo", "ibkr"] = "none"
    deadline_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    path: Path | None = None
    venue: Path | None = None

    @model_validator(mode="after")
    def _two_live_sources(self) -> "DataSettings":
        if self.second != "none" and (self.second == self.source or self.source not in ("yahoo", "ibkr")):
            raise ValueError(
                f"needs `source` yahoo and `second` ibkr, or the other way round, was {self.source} and {self.second}; "
                "correct one, or leave `second` out"
            )
        return self

    @model_validator(mode="after")
    def _folder(self) -> "DataSettings":
        if self.source == "files" and self.path is None:
            raise ValueError("needs `path`, the folder of the price files, when source is files; add data.path")
        return self


class ClockSettings(Strict):
    """Where the simulated clock of a desk on sample or file data begins; `follows: ibkr` takes the gateway's time.

    Only the embedded paper gateway needs the latter: it may stand in the past, or run faster.
    """

    start: Annotated[datetime | None, BeforeValidator(_start)] = None
    follows: Literal["", "ibkr"] = ""


class SwitchSettings(Strict):
    """Switches that can only ever stop orders from leaving; live trading needs the last two on."""

    dry_run: bool = False
    allow_orders: bool = False
    enable_order_exec: bool = False


class DatabaseSettings(Strict):
    """Where the ledger lies: nothing for SQLite in the home, or a `postgresql://` URL for many users and machines."""

    url: str | None = None


class SecretsSettings(Strict):
    """Where the master key of stored secrets lies; nothing for `secrets.key` in the home."""

    key_path: Path | None = None


class EngineSettings(Strict):
    """How the engine works: seconds between looks at the market for protection, and its limits of memory."""

    protection_seconds: Annotated[float | None, Field(gt=0)] = None
    memory_soft_mb: Annotated[int, Field(ge=64)] = 4096
    memory_hard_mb: Annotated[int, Field(ge=128)] = 6144
    workers: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _hard_above_soft(self) -> "EngineSettings":
        if self.memory_hard_mb <= self.memory_soft_mb:
            raise ValueError(f"needs memory_hard_mb above memory_soft_mb {self.memory_soft_mb}; raise it")
        return self


class WebSettings(Strict):
    """Where the web process listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8501


class BackupSettings(Strict):
    """Where `invest backup` puts its files: a folder or an `s3://bucket/prefix` URL; and how many are kept.

    `database_url` is an administrator's, for a ledger on PostgreSQL: the product's own login cannot see every row.
    """

    to: str | None = None
    endpoint: str | None = None
    database_url: str | None = None
    keep: Annotated[int, Field(ge=1)] = 35


class BacktestSettings(Strict):
    """Backtests: the last so many days of a source are sealed, and each version of a strategy may open them once."""

    sealed_days: Annotated[int, Field(ge=0, le=3650)] = 365


class Settings(Strict):
    """`invest.yaml` with `config/accounts/*.yaml`, the environment and the command line on top.

    `initial_budget` is the cash that `invest init` and `invest apply` open an account with, in its currency.
    """

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    mode: Annotated[Mode, BeforeValidator(_unless_off)] = Mode.DRY_RUN
    data: DataSettings = DataSettings()
    clock: ClockSettings = ClockSettings()
    switches: SwitchSettings = SwitchSettings()
    ibkr: IbkrSettings = IbkrSettings()
    database: DatabaseSettings = DatabaseSettings()
    secrets: SecretsSettings = SecretsSettings()
    engine: EngineSettings = EngineSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    language: LanguageSettings = LanguageSettings()
    news: NewsSettings = NewsSettings()
    backup: BackupSettings = BackupSettings()
    backtest: BacktestSettings = BacktestSettings()
    ghostfolio: GhostfolioSettings = GhostfolioSettings()
    logs: LogSettings = LogSettings()
    initial_budget: Annotated[Decimal, Field(ge=0)] = Decimal(10_000)
    accounts: dict[AccountId, AccountSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_models(self) -> "Settings":
        known = (RULES_MODEL, *self.language.models)
        for account, each in self.accounts.items():
            if each.model not in known:
                raise ValueError(
                    f"accounts.{account}.model must be one of {', '.join(known)}, was {each.model!r}; add it under "
                    "language.models"
                )
        return self

    @property
    def effective_mode(self) -> Mode:
        """The mode after `DRY_RUN`: it turns every trading mode into dry-run and never the other way."""
        return effective_mode(self.mode, self.switches.dry_run)
