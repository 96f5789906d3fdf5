"""The values of fields on the wire: how each form is read, however a client spells it, and how it is written."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import Enum

from prudent.domain.money import plain

Scalar = str | int | bool | Decimal | None

UNSET_TEXT = "1.7976931348623157E308"
SHORT = 10
_UNSET_SIZE = Decimal("1e300")
_UNSET_WHOLE = 2_147_483_647
# The largest 32-bit, 64-bit and 128-bit integers: what clients write for an integer or a size that was never set.
_UNSET = frozenset(map(Decimal, (_UNSET_WHOLE, 2**63 - 1, 2**127 - 1)))
_INFINITE = frozenset({"infinity", "infinite", "inf"})
_TRUE = frozenset({"1", "true"})
_FALSE = frozenset({"", "0", "false"})


class BadField(ValueError):
    """A field cannot be read as what its place demands; the request that holds it is answered with an error."""


class Form(Enum):
    """What a field holds.

    WHOLE reads a missing number as 0, MAYBE as None. AMOUNT writes None as nothing, PRICE as the number that clients
    take for "not known", NUMBER never has None.
    """

    TEXT = "text"
    WHOLE = "whole number"
    MAYBE = "whole number or nothing"
    NUMBER = "number"
    AMOUNT = "number or nothing"
    PRICE = "number, or the largest one for unknown"
    FLAG = "yes or no"


def read(form: Form, text: str) -> Scalar:
    """The value that `text` says; `BadField` if it says none of this form."""
    return _READ[form](text)


def write(form: Form, value: Scalar) -> str:
    """`value` as text; text is passed through, for what a client wrote is told back as it was."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if value is None:
        if form is Form.NUMBER:
            raise BadField("a number must stand here, was none")
        return UNSET_TEXT if form is Form.PRICE else ""
    if isinstance(value, int):
        return str(value)
    return ("Infinity" if value > 0 else "-Infinity") if value.is_infinite() else plain(value)


def number(text: str) -> Decimal | None:
    """A number, None for each of the spellings of "not set"."""
    if not text or not (text := text.strip()):
        return None
    if text.lower() in _INFINITE:
        return Decimal("Infinity")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise BadField(f"a number was expected, was {text[:40]!r}") from error
    if value.is_nan():
        raise BadField("a number was expected, was NaN")
    return None if value in _UNSET or (value.is_finite() and abs(value) > _UNSET_SIZE) else value


def _present(text: str) -> Decimal:
    value = number(text)
    if value is None:
        raise BadField(f"a number was expected, was {text[:40]!r}")
    return value


def _maybe(text: str) -> int | None:
    # Most are short: the large ones, and those in other spellings, may say that nothing was set.
    if len(text) < SHORT and text.isascii() and text.isdigit():
        return int(text)
    value = number(text)
    if value is None:
        return None
    if not value.is_finite() or value != value.to_integral_value():
        raise BadField(f"a whole number was expected, was {text[:40]!r}")
    return int(value)


def _flag(text: str) -> bool:
    if text == "0" or not text:
        return False
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadField(f"1 or 0 was expected, was {text[:40]!r}")


_READ: dict[Form, Callable[[str], Scalar]] = {
    Form.TEXT: str,
    Form.WHOLE: lambda text: _maybe(text) or 0,
    Form.MAYBE: _maybe,
    Form.NUMBER: _present,
    Form.AMOUNT: number,
    Form.PRICE: number,
    Form.FLAG: _flag,
}
