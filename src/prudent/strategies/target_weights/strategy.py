"""The strategy that holds what it is told: a portfolio file, scored signals, or the targets of another account."""

from collections.abc import Mapping
from decimal import Decimal

from prudent.domain.cycles import Observation
from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision, TargetWeight
from prudent.domain.records import Json, decode, encode
from prudent.ports import DecideContext, ReadFile, TargetOf
from prudent.strategies.target_weights.portfolio import Portfolio, Unit, read_portfolio
from prudent.strategies.target_weights.rules import targets_of

ACCOUNT_PREFIX = "account:"
SIGNALS_PREFIX = "signals:"


class TargetWeights:
    """Parameters: `targets` names a file (`json/core.json`), signals (`signals:json/scores.json`) or another account
    whose target weights are mirrored (`account:ID`); `unit` is percent or fraction where the file does not say.
    """

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        source = _source(mandate)
        if source.startswith(ACCOUNT_PREFIX):
            return tuple(sorted({*mandate.universe, *target_of(_mirrored_account(source, mandate))} - {CASH}))
        return _read(source, mandate, read_file)[1].symbols

    def gather(self, context: DecideContext) -> dict[str, Json]:
        source = _source(context.mandate)
        if source.startswith(ACCOUNT_PREFIX):
            return _mirrored(source, context)
        text, portfolio = _read(source, context.mandate, context.read_file)
        return {"source": source, "text": text, "portfolio": encode(portfolio)}

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        source = str(inputs["source"])
        portfolio = decode(Portfolio, inputs["portfolio"])
        if not portfolio.rows and not portfolio.signals:
            return Decision(
                answer=Answer.ABSTAIN,
                reason=f"{source} has no targets yet",
                code="no_targets",
                decided_by=mandate.strategy,
            )
        if source.startswith(ACCOUNT_PREFIX):
            _check_observed(source, portfolio, observation)
        targets = targets_of(portfolio, mandate)
        return Decision(
            answer=Answer.TRADE, targets=targets, reason=f"target weights of {source}", decided_by=mandate.strategy
        )


def standing_targets(mandate: Mandate, read_file: ReadFile) -> tuple[TargetWeight, ...]:
    """What this strategy decides on every day alike; nothing where that depends on another account or is not known.

    Raises:
        DeskError: as `decide` would.
    """
    source = _source(mandate)
    if source.startswith(ACCOUNT_PREFIX):
        return ()
    portfolio = _read(source, mandate, read_file)[1]
    return targets_of(portfolio, mandate) if portfolio.rows or portfolio.signals else ()


def _source(mandate: Mandate) -> str:
    source = mandate.parameters.get("targets")
    if not isinstance(source, str) or not source.strip():
        raise ConfigError(
            f"parameters.targets of {mandate.account} must name a portfolio file, signals: and a file, or account: and "
            f"an account, was {source!r}; add it to the mandate"
        )
    return source.strip()


def _read(source: str, mandate: Mandate, read_file: ReadFile) -> tuple[str, Portfolio]:
    path = source.removeprefix(SIGNALS_PREFIX)
    text = read_file(path)
    portfolio = read_portfolio(text, name=path, unit=_unit(mandate))
    if source.startswith(SIGNALS_PREFIX) and not portfolio.signals:
        raise InputError(f"{path} must hold signals, held weights; drop the prefix {SIGNALS_PREFIX} or add scores")
    return text, portfolio


def _unit(mandate: Mandate) -> Unit | None:
    unit = mandate.parameters.get("unit")
    if unit is None:
        return None
    if unit not in tuple(Unit):
        raise ConfigError(
            f"parameters.unit of {mandate.account} must be percent or fraction, was {unit!r}; correct the mandate"
        )
    return Unit(str(unit))


def _mirrored(source: str, context: DecideContext) -> dict[str, Json]:
    weights: Mapping[str, Decimal] = context.target_of(_mirrored_account(source, context.mandate))
    rows: list[Json] = [{"symbol": symbol, "weight": encode(weights[symbol])} for symbol in sorted(weights)]
    return {"source": source, "text": "", "portfolio": {"rows": rows, "signals": []}}


def _mirrored_account(source: str, mandate: Mandate) -> str:
    account = source.removeprefix(ACCOUNT_PREFIX).strip()
    if account == mandate.account:
        raise ConfigError(f"parameters.targets of {account} must name another account, was itself; correct the mandate")
    return account


def _check_observed(source: str, portfolio: Portfolio, observation: Observation) -> None:
    known = {*observation.fronts, *(instrument.symbol for instrument in observation.instruments)}
    unseen = sorted(row.symbol for row in portfolio.rows if row.symbol not in known and row.symbol != CASH)
    if unseen:
        raise InputError(
            f"every symbol of {source} must be a known instrument, {', '.join(unseen)} were not; "
            "add them to the instrument list"
        )
