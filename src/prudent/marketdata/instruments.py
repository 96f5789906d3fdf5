"""The instrument master: what each symbol is, from the shipped list and a list of the user's own on top."""

import csv
import difflib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from prudent.domain.errors import InputError
from prudent.domain.futures import root_of_contract
from prudent.domain.instruments import UNKNOWN_SECTOR, Instrument, InstrumentKind, normalise_symbol
from prudent.domain.money import parse_decimal

SHIPPED = Path(__file__).parent / "instruments.csv"
COLUMNS = ("symbol", "venue", "kind", "currency", "lot", "tick", "multiplier", "sector", "name", "tradable")
REQUIRED = COLUMNS[:3]
SUGGESTIONS_MAX = 3
_DEFAULTS = {
    "currency": "USD", "lot": "1", "tick": "0.01", "multiplier": "1", "sector": UNKNOWN_SECTOR, "name": "",
    "tradable": "true",
}  # fmt: skip


class InstrumentMaster:
    """`Instruments` from CSV files; a row of `override` replaces the shipped one of that symbol or adds to them.

    Contract months of known futures are found by their names, `ESZ6`, and stand in no list.
    """

    def __init__(self, override: Path | None = None) -> None:
        self._override = override

    def find(self, symbol: str) -> Instrument | None:
        """The instrument, or `None` for an unknown symbol and for text that is none."""
        found = self._by_symbol.get(symbol)
        if found is not None:
            return found
        try:
            name = normalise_symbol(symbol)
        except InputError:
            return None
        return self._by_symbol.get(name) or _future(name)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._by_symbol.values())

    def suggest(self, symbol: str) -> tuple[str, ...]:
        """Known symbols that a mistyped one, or a company's name, may have meant; the likeliest first."""
        text = symbol.strip().upper()
        named = [i.symbol for i in self._by_symbol.values() if len(text) > 2 and i.name.upper().startswith(text)]
        close = difflib.get_close_matches(text, self._by_symbol, n=SUGGESTIONS_MAX, cutoff=0.6)
        return tuple(dict.fromkeys((*named, *close)))[:SUGGESTIONS_MAX]

    @cached_property
    def _by_symbol(self) -> Mapping[str, Instrument]:
        found = {i.symbol: i for i in _read(SHIPPED)}
        if self._override is not None:
            found.update({i.symbol: i for i in _read(self._override)})
        return dict(sorted(found.items()))


def _future(name: str) -> Instrument | None:
    """The contract month of that name. Its tick is the usual one; the venue's own rounds what leaves."""
    root = root_of_contract(name)
    if root is None:
        return None
    return Instrument(
        symbol=name, venue=root.exchange, kind=InstrumentKind.FUTURE, tick=root.tick, multiplier=root.multiplier,
        name=f"{root.name} {name[len(root.code):]}",
    )  # fmt: skip


def _read(path: Path) -> Iterator[Instrument]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or ())
            for number, row in enumerate(reader, 2):
                yield _instrument(row, f"{path.name} line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"instrument list {path} must be a readable CSV file, but: {error}; give its path") from error


def _check_columns(path: Path, columns: object) -> None:
    given = set(columns) if isinstance(columns, (list, tuple)) else set()
    odd = sorted(str(name) for name in (given - set(COLUMNS)) | (set(REQUIRED) - given))
    if odd:
        raise InputError(
            f"{path.name}: columns must be {', '.join(COLUMNS)} (the first {len(REQUIRED)} required), "
            f"odd or missing: {', '.join(odd)}; correct its first line"
        )


def _instrument(row: Mapping[str, str | None], where: str) -> Instrument:
    text = {name: (row.get(name) or "").strip() or _DEFAULTS.get(name, "") for name in COLUMNS}
    try:
        return Instrument(
            symbol=normalise_symbol(text["symbol"]),
            venue=text["venue"],
            kind=InstrumentKind(text["kind"].lower()),
            currency=text["currency"],
            lot=parse_decimal(text["lot"], "lot"),
            tick=parse_decimal(text["tick"], "tick"),
            multiplier=parse_decimal(text["multiplier"], "multiplier"),
            sector=text["sector"],
            name=text["name"],
            tradable={"true": True, "false": False}[text["tradable"].lower()],
        )
    except KeyError as error:
        was = text["tradable"]
        raise InputError(f"{where}: tradable must be true or false, was {was!r}; correct the row") from error
    except (InputError, ValueError) as error:
        raise InputError(f"{where}: {error}; correct the row") from error
