"""The gateway that a home trades at: that of its paper values, or the profile for real money, never a mixture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from prudent.brokers.ibkr.modes import PAPER_PORTS, is_paper
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError
from prudent.settings.strict import Strict

if TYPE_CHECKING:
    from prudent.settings import Loaded

GATEWAY_ACCOUNT = r"^[A-Z]{1,2}[A-Z0-9]{3,14}$"
Port = Annotated[int, Field(ge=1, le=65535)]
# What the environment says about a gateway in general must not be ignored in silence where the profile says another.
_SAID_TWICE = (("ibkr.host", "host"), ("ibkr.port", "port"))


class LiveSettings(Strict):
    """The gateway for real money and the accounts behind it that may be touched at all; used in mode live alone."""

    host: str = "127.0.0.1"
    port: Port = 4001
    accounts: Annotated[tuple[Annotated[str, Field(pattern=GATEWAY_ACCOUNT)], ...], Field(min_length=1)]

    @field_validator("port")
    @classmethod
    def _no_paper_port(cls, port: int) -> int:
        if port in PAPER_PORTS:
            raise ValueError(
                f"must not be a paper port, was {port}; write 4001 for a gateway or 7496 for the workstation"
            )
        return port

    @field_validator("accounts")
    @classmethod
    def _no_paper_account(cls, accounts: tuple[str, ...]) -> tuple[str, ...]:
        found = [each for each in accounts if is_paper(each)]
        if found:
            raise ValueError(f"must be accounts of real money, {', '.join(found)} begins with D as paper ones do")
        return accounts


class IbkrSettings(Strict):
    """The paper endpoint of Interactive Brokers (4002, 7497); `live` is the profile for real money, on its own.

    Without `client_id` it is fixed for each owner of accounts.
    """

    host: str = "127.0.0.1"
    port: Port = 4002
    client_id: Annotated[int, Field(ge=0)] | None = None
    live: LiveSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where a home trades, with which kind of money, and the accounts there that may be touched; () in paper: all."""

    host: str
    port: int
    mode: Mode
    allowed: tuple[str, ...] = ()


def gateway_of(loaded: "Loaded") -> Gateway:
    """The gateway of the home's mode as it is written: a dry run of a live home reads where it would trade.

    Raises:
        ConfigError: the mode is live and there is no profile for it.
    """
    ibkr = loaded.settings.ibkr
    if loaded.settings.mode is not Mode.LIVE:
        return Gateway(host=ibkr.host, port=ibkr.port, mode=Mode.PAPER)
    if ibkr.live is None:
        raise ConfigError(
            "mode live needs ibkr.live, its own gateway and the accounts that may be traded; add e.g. "
            "`ibkr: {live: {port: 4001, accounts: [U1234567]}}` to invest.yaml"
        )
    live = ibkr.live
    return Gateway(host=live.host, port=live.port, mode=Mode.LIVE, allowed=live.accounts)


def check_live(loaded: "Loaded", written_in: Path) -> None:
    """Refuse a live desk whose configuration does not say in every place that it is one.

    Raises:
        ConfigError: each thing that is missing or contradicts another.
    """
    gateway = gateway_of(loaded)
    found = [*_not_written(loaded, written_in), *_said_otherwise(loaded), *_not_listed(loaded, gateway)]
    if loaded.settings.data.source not in ("ibkr", "yahoo"):
        found.append(f"data.source must be ibkr or yahoo for real money, was {loaded.settings.data.source}; set it")
    if found:
        raise ConfigError("; ".join(found))


def _not_written(loaded: "Loaded", written_in: Path) -> list[str]:
    origin = loaded.origins.get("mode", "default")
    if origin.startswith(f"{written_in}:"):
        return []
    return [f"mode live must be written in {written_in.name}, came from {origin}; write `mode: live` there"]


def _said_otherwise(loaded: "Loaded") -> list[str]:
    ibkr, found = loaded.settings.ibkr, []
    for key, name in _SAID_TWICE:
        origin = loaded.origins.get(key, "")
        general, live = getattr(ibkr, name), getattr(ibkr.live, name)
        if origin.startswith("env ") and general != live:
            found.append(
                f"{origin.removeprefix('env ')} is {general}, ibkr.live.{name} is {live}: a live gateway is named by "
                "its profile alone; unset the variable, or make them agree"
            )
    return found


def _not_listed(loaded: "Loaded", gateway: Gateway) -> list[str]:
    found = []
    for name, account in loaded.settings.accounts.items():
        there = "" if account.ibkr is None else account.ibkr.account
        if there and is_paper(there):
            found.append(f"account {name} is {there}, a paper one, mode is live; name a live account, or keep it apart")
        elif there and there not in gateway.allowed:
            found.append(
                f"account {name} is {there}, ibkr.live.accounts must have it, has {', '.join(gateway.allowed)}; add it "
                "there if it may be traded"
            )
    return found
