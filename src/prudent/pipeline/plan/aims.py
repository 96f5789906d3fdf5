"""Which holding each symbol is to have, and whether it trades towards it this time: targets, unlisted, bands."""

from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate, Planning, RebalanceTo, Unlisted
from prudent.domain.money import ZERO, plain
from prudent.domain.proposals import Answer, Decision, TargetWeight
from prudent.domain.valuation import ONE, usable
from prudent.pipeline.plan.book import Book, Line

# Targets may miss a full sum by this much: the rounding of their inputs.
SUM_TOLERANCE = Decimal("0.0005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """`weight` is the signed fraction of the base that sizing goes for, `target` the fraction of NAV it stands for;
    an aim with a `code` does not trade, and says why."""

    line: Line
    weight: Decimal
    target: Decimal
    listed: bool
    code: str = ""

    @property
    def trades(self) -> bool:
        return not self.code


def check_targets(decision: Decision, mandate: Mandate) -> dict[str, Decimal]:
    """The decision's targets by symbol, without the cash row.

    Raises:
        InputError: a symbol twice, a short without permission, or more weight than the account may carry.
    """
    targets = [target for target in decision.targets if target.symbol != CASH]
    symbols = [target.symbol for target in targets]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise InputError(f"each symbol must have one target, {', '.join(twice)} had more; merge the rows")
    shorts = sorted(target.symbol for target in targets if target.weight < 0)
    if shorts and not mandate.planning.allow_short:
        raise InputError(
            f"weights must not be below 0 in a long-only account, {', '.join(shorts)} were; "
            "allow shorts for the account or correct the targets"
        )
    _check_gross(targets, mandate)
    return {target.symbol: target.weight for target in targets}


def _check_gross(targets: list[TargetWeight], mandate: Mandate) -> None:
    gross = sum((abs(target.weight) for target in targets), ZERO)
    most = max(ONE, mandate.limits.max_gross_exposure)
    if not gross <= most + SUM_TOLERANCE:
        raise InputError(
            f"the sizes of all target weights must sum to at most {plain(most * 100)} %, was {plain(gross * 100)} %; "
            "lower them, or ask for rescaling"
        )


def check_known(book: Book, targets: dict[str, Decimal], mandate: Mandate) -> None:
    """Refuse targets that cannot be sized; a held symbol without a price has been judged with the NAV already.

    Raises:
        InputError: an unknown symbol, one that cannot be traded, or an unusable price, each named.
    """
    lines = [line for line in book.lines if line.symbol in targets]
    unknown = [line.symbol for line in lines if line.instrument is None]
    if unknown:
        raise InputError(f"symbols must be known instruments, {', '.join(unknown)} were not; correct the targets")
    kinds = [line.symbol for line in lines if not line.tradable]
    if kinds:
        raise InputError(f"targets must be tradable stocks, funds or futures, {', '.join(kinds)} were not; remove them")
    for line in lines:
        given = line.quote.price if line.quote is not None else None
        frozen = line.held != 0 or (given is None and mandate.planning.allow_partial)
        if line.price is None and not frozen:
            what = "FX rate" if usable(given) else "price"
            was = "missing" if given is None or usable(given) else str(given)
            raise InputError(f"the {what} of targeted {line.symbol} must be above 0, was {was}; correct it")


def read_aims(book: Book, decision: Decision, mandate: Mandate) -> tuple[Aim, ...]:
    """One aim per line of the book, in its order.

    Raises:
        InputError: the targets are wrong, or a holding is not listed where every holding must be.
    """
    if decision.answer is not Answer.TRADE:
        return tuple(_keep(line, book, decision.answer.value.lower()) for line in book.lines)
    targets = check_targets(decision, mandate)
    check_known(book, targets, mandate)
    unlisted = [line.symbol for line in book.lines if line.held != 0 and line.symbol not in targets]
    if unlisted and mandate.planning.unlisted is Unlisted.ERROR and not decision.keeps_rest:
        raise InputError(
            f"every holding must be in the targets, {', '.join(unlisted)} were not; "
            "list them with their weight (0 closes), or let unlisted holdings be sold or kept"
        )
    keeps = decision.keeps_rest or mandate.planning.unlisted is Unlisted.KEEP
    return tuple(_aim(line, targets.get(line.symbol), book, mandate, keeps=keeps) for line in book.lines)


def base_of(book: Book, planning: Planning) -> Decimal:
    """What weights are fractions of: NAV, or less of it where only a part is to be deployed.

    Raises:
        InputError: the capital to deploy is no amount above 0.
    """
    capital = planning.capital_to_deploy
    if capital is None:
        return book.nav
    if not (capital.is_finite() and capital > 0):
        raise InputError(f"capital to deploy must be above 0, was {capital}; give an amount of money")
    return min(capital, book.nav)


def _keep(line: Line, book: Book, code: str) -> Aim:
    share = line.value(line.effective) / book.nav if book.nav else ZERO
    return Aim(line=line, weight=ZERO, target=share, listed=False, code=line.code or code)


def _aim(line: Line, weight: Decimal | None, book: Book, mandate: Mandate, *, keeps: bool) -> Aim:
    if weight is None:
        if keeps or line.code in ("no_trading", "not_tradable", "unknown_instrument"):
            return _keep(line, book, "unlisted_kept")
        return Aim(line=line, weight=ZERO, target=ZERO, listed=False, code=line.code)
    share = base_of(book, mandate.planning) / book.nav if book.nav else ZERO
    aim = Aim(line=line, weight=weight, target=weight * share, listed=True, code=line.code)
    return aim if line.code or weight == 0 else _banded(aim, book, mandate.planning)


def _banded(aim: Aim, book: Book, planning: Planning) -> Aim:
    """The aim as the bands leave it: untouched inside, else towards the target, the middle or the edge of its band.

    All in amounts of money, so that a drift of exactly the band's width is inside.
    """
    widths = []
    if planning.band_absolute is not None:
        widths.append(planning.band_absolute)
    if planning.band_relative is not None:
        widths.append(planning.band_relative * abs(aim.target))
    if not widths:
        return aim
    width = min(widths)
    drift = aim.line.value(aim.line.effective) - aim.target * book.nav
    if not abs(drift) > width * book.nav:
        return replace(aim, code="within_band")
    stop = {RebalanceTo.TARGET: ZERO, RebalanceTo.HALF: width / 2, RebalanceTo.BAND: width}[planning.rebalance_to]
    base = base_of(book, planning)
    shift = stop * book.nav / base if base else ZERO
    return replace(aim, weight=aim.weight + shift if drift > 0 else aim.weight - shift)
