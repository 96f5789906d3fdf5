"""Which listed symbol a model means; nothing outside the list that it was shown exists here."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.reasoning.json_text import Value
from prudent.reasoning.words import Unusable

_COUNTRY = re.compile(r"[ .](?:US|USA)(?: EQUITY)?$")
SYMBOL_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Listed:
    """The numbered list of a prompt: number 1 is `symbols[0]`; `names` are the instrument master's own."""

    symbols: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, symbols: Sequence[str], names: Mapping[str, str]) -> "Listed":
        """The list with the names that belong to exactly one of its symbols."""
        folded = [_folded(names.get(symbol, "")) for symbol in symbols]
        return cls(
            tuple(symbols),
            {name: symbol for symbol, name in zip(symbols, folded) if name and folded.count(name) == 1},
        )

    def symbol_of(self, symbol: Value, index: Value = None) -> str:
        """The listed symbol that an item names; where it gives the number too, both must agree.

        Raises:
            Unusable: it names nothing on the list, in odd letters, or its number belongs to another symbol.
        """
        if not isinstance(symbol, str) or not symbol.strip():
            raise Unusable("no_symbol", "each item must name a symbol of the list")
        found = self._named(symbol)
        number = _whole(index)
        if number is not None and not (1 <= number <= len(self.symbols) and self.symbols[number - 1] == found):
            raise Unusable("index_disagrees", f"number {number} of the list is not {found}")
        return found

    def _named(self, text: str) -> str:
        plain = unicodedata.normalize("NFKC", text).strip()
        if len(plain) > SYMBOL_LENGTH_MAX:
            raise Unusable("unknown_symbol", "the symbol is not on the list")
        if not plain.isascii() or not plain.isprintable():
            raise Unusable("symbol_not_ascii", "a symbol must be in plain letters")
        by_name = self.names.get(_folded(plain))
        for candidate in (plain, _COUNTRY.sub("", plain.upper())):
            try:
                symbol = normalise_symbol(candidate)
            except InputError:
                continue
            if symbol in self.symbols:
                return symbol
        if by_name is not None:
            return by_name
        raise Unusable("unknown_symbol", "the symbol is not on the list")


def _folded(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip().rstrip(".").casefold()


def _whole(index: Value) -> int | None:
    """The list number of an item, None where it gives none."""
    if index is None or index == "":
        return None
    text = index if isinstance(index, str) else str(index) if isinstance(index, Decimal) else ""
    if not re.fullmatch(r"\s*#?\d{1,4}\s*", text, re.ASCII):
        raise Unusable("index_disagrees", "the number must be that of the list")
    return int(text.strip().lstrip("#"))
