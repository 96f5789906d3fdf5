"""What a trade costs: one commission per cost model, as a kernel over floats and as an exact row function."""

from decimal import Decimal

from prudent.domain.mandate import CostModel
from prudent.domain.money import CENT, ZERO, round_cents, to_cents

NONE = 0
IBKR_FIXED = 1
IBKR_TIERED = 2
XTB = 3
CRYPTO = 4

FIXED_PER_SHARE = 0.005
FIXED_MIN = 1.0
TIERED_PER_SHARE = 0.0035
TIERED_MIN = 0.35
IBKR_MAX_SHARE = 0.01
XTB_SHARE = 0.0008
CRYPTO_SHARE = 0.001
# What trades in contracts, with a multiplier, pays for each one, exchange and clearing included.
CONTRACT_FEE = 2.25

_CODES = {
    CostModel.NONE: NONE,
    CostModel.IBKR_FIXED: IBKR_FIXED,
    CostModel.IBKR_TIERED: IBKR_TIERED,
    CostModel.XTB: XTB,
    CostModel.CRYPTO: CRYPTO,
}
_PER_SHARE = {CostModel.IBKR_FIXED: Decimal("0.005"), CostModel.IBKR_TIERED: Decimal("0.0035")}
_MIN = {CostModel.IBKR_FIXED: Decimal("1.00"), CostModel.IBKR_TIERED: Decimal("0.35")}
_MAX_SHARE = Decimal("0.01")
FUTURE_FEE = Decimal("2.25")
_VALUE_SHARE = {CostModel.XTB: Decimal("0.0008"), CostModel.CRYPTO: Decimal("0.001")}


def model_code(model: CostModel) -> int:
    """The number that stands for `model` in columns."""
    return _CODES[model]


def commission(model_code: int, quantity: float, price: float, multiplier: float) -> float:
    """Commission of trading `quantity` (its size counts) at `price` in the account's currency, to the cent (kernel).

    Where the minimum fee and the maximum share of the value collide, the maximum wins. Futures, whose multiplier is not
    1, pay by the contract at Interactive Brokers.
    """
    size = abs(quantity)
    value = round_cents(size * price * multiplier)
    fee = 0.0
    if multiplier != 1.0 and NONE < model_code <= IBKR_TIERED:
        fee = CONTRACT_FEE * size
    elif model_code == IBKR_FIXED:
        fee = min(max(FIXED_MIN, FIXED_PER_SHARE * size), IBKR_MAX_SHARE * value)
    elif model_code == IBKR_TIERED:
        fee = min(max(TIERED_MIN, TIERED_PER_SHARE * size), IBKR_MAX_SHARE * value)
    elif model_code == XTB:
        fee = XTB_SHARE * value
    elif model_code == CRYPTO:
        fee = CRYPTO_SHARE * value
    return round_cents(fee)


def commission_row(
    model: CostModel, quantity: Decimal, price: Decimal, multiplier: Decimal = Decimal(1)
) -> Decimal:  # fmt: skip
    """The same for one row, exact: `price` in the account's currency."""
    size = abs(quantity)
    value = to_cents(size * price * multiplier)
    if model in _PER_SHARE and multiplier != 1:
        return to_cents(FUTURE_FEE * size)
    if model in _PER_SHARE:
        return to_cents(min(max(_MIN[model], _PER_SHARE[model] * size), _MAX_SHARE * value))
    return to_cents(_VALUE_SHARE.get(model, ZERO) * value)


def split_cost(model: CostModel, parts: int) -> Decimal:
    """The most that trading in `parts` more parts adds to the commission: a minimum each, and its rounding."""
    if model is CostModel.NONE:
        return ZERO
    return max(parts, 0) * (_MIN.get(model, ZERO) + CENT)
