"""Names for one run: every symbol and sector gets another one, drawn by the run's seed, and exactly one each."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from prudent.domain.instruments import UNKNOWN_SECTOR, Instrument

PREFIX, OTHER = "ASSET", "another company"
INDEX, INDEX_NAMES = "INDEX", ("SPX", "S&P 500", "S&P", "Dow Jones", "Dow", "Nasdaq", "NASDAQ", "Russell 2000", "SPDR")
# Sectors by how they move with the economy: coarse enough that a sector of few companies names none.
_COARSE = {
    "Materials": "CYCLICAL", "Consumer Discretionary": "CYCLICAL", "Financials": "CYCLICAL", "Real Estate": "CYCLICAL",
    "Consumer Staples": "DEFENSIVE", "Health Care": "DEFENSIVE", "Utilities": "DEFENSIVE",
    "Communication Services": "SENSITIVE", "Energy": "SENSITIVE", "Industrials": "SENSITIVE",
    "Information Technology": "SENSITIVE",
}  # fmt: skip
_ELSE, FUND = "OTHER", "FUND"
# What people say in place of the instrument master's name.
_SAID = {
    "GOOGL": ("Google",), "GOOG": ("Google",), "META": ("Facebook",), "FB": ("Facebook",), "KO": ("Coke",),
    "BRK.B": ("Berkshire", "Buffett"), "AAPL": ("iPhone",), "MSFT": ("Windows",), "TSLA": ("Musk",),
}  # fmt: skip
_FORM = re.compile(
    r"(?:,?\s+(?:Inc|Corp|Corporation|Co|Cos|Company|Companies|Ltd|Limited|plc|PLC|Group|Holdings?|Intl|International|"
    r"Trust|Class|[A-C]|&)\.?)+$"
)
FIRST_WORD_MIN = 5


class Names:
    """The bijection of one run; `symbols` are those that its account may see, `sectors` theirs.

    Other instruments of the master are `another company` wherever a text names them.
    """

    def __init__(self, symbols: Iterable[str], instruments: Sequence[Instrument], *, seed: int) -> None:
        draw = np.random.Generator(np.random.PCG64(seed))
        self.symbols = tuple(sorted(set(symbols)))
        width = max(2, len(str(len(self.symbols))))
        order = draw.permutation(len(self.symbols))
        self._masked = {symbol: f"{PREFIX}_{order[i] + 1:0{width}d}" for i, symbol in enumerate(self.symbols)}
        self._real = {int(masked.rpartition("_")[2]): symbol for symbol, masked in self._masked.items()}
        own = {each.symbol: each for each in instruments}
        sectors = {own[symbol].sector for symbol in self.symbols if symbol in own} - {UNKNOWN_SECTOR}
        self._sectors = _coarse(sorted(sectors), draw)
        self._real_sectors = {_folded(masked): sector for sector, masked in self._sectors.items()}
        self._words = _words(instruments, self._masked, self._sectors)
        longest_first = sorted(self._words, key=len, reverse=True)
        self._pattern = re.compile(r"(?<![\w$])\$?(" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
        self._quoted = re.compile(r'"\$?(?:' + "|".join(re.escape(each) for each in self.symbols) + r')"')
        self._told: dict[str, str] = {}

    def symbol(self, symbol: str) -> str:
        """The pseudonym of a symbol; one that the run does not know is another company."""
        return self._masked.get(symbol, OTHER)

    def sector(self, sector: str) -> str:
        return self._sectors.get(sector, sector if sector in ("", "unknown", UNKNOWN_SECTOR) else _ELSE)

    def text(self, text: str) -> str:
        """A text with every symbol, company and sector that it names replaced."""
        if text not in self._told:
            self._told[text] = self._pattern.sub(lambda match: self._words[match[1]], text)
        return self._told[text]

    def real(self, text: str) -> str:
        """What a model wrote with the real names back; a symbol that it should not know counts as not on the list."""
        text = self._quoted.sub('"(not on the list)"', text)
        text = _PSEUDONYM.sub(lambda match: self._real.get(int(match[1]), match[0]), text)
        return _SECTOR.sub(lambda match: self._real_sectors.get(_folded(match[0]), match[0]), text)

    def named(self, text: str) -> tuple[str, ...]:
        """The real symbols that a text names by symbol or by name; single letters and words of prose do not count."""
        found = {match[1] for match in self._pattern.finditer(text)}
        return tuple(sorted(each for each in found if len(each) > 1 and self._words[each].startswith(PREFIX)))

    def pairs(self) -> dict[str, str]:
        """Real names and pseudonyms, for the record."""
        return {**self._masked, **self._sectors}


_PSEUDONYM = re.compile(rf"\$?\b{PREFIX}[ _-]?0*(\d{{1,4}})\b", re.IGNORECASE)
_SECTOR = re.compile(rf"\b(?:CYCLICAL|DEFENSIVE|SENSITIVE|{_ELSE}|{FUND})[_: -]\d{{1,3}}\b", re.IGNORECASE)


def _folded(sector: str) -> str:
    """A sector's pseudonym however it is written."""
    name, number = re.split(r"[_: -]", sector)
    return f"{name.upper()} {int(number)}"


def _coarse(sectors: Sequence[str], draw: np.random.Generator) -> dict[str, str]:
    """Each sector as its coarse group and a number within it; a fund's own sector stays apart by its colon."""
    groups: dict[str, list[str]] = {}
    for sector in sectors:
        groups.setdefault(f"{FUND}:" if ":" in sector else f"{_COARSE.get(sector, _ELSE)}_", []).append(sector)
    found = {}
    for group, mine in groups.items():
        for number, i in enumerate(draw.permutation(len(mine)), start=1):
            found[mine[i]] = f"{group}{number}"
    return found


def _words(
    instruments: Sequence[Instrument], masked: dict[str, str], sectors: dict[str, str]
) -> dict[str, str]:  # fmt: skip
    """Every word of a text that is replaced, with what it becomes."""
    names = [each.name for each in instruments]
    firsts = [name.split(" ")[0] for name in names]
    words = dict.fromkeys(INDEX_NAMES, INDEX)
    others: dict[str, str] = {}
    for each, first in zip(instruments, firsts):
        own = masked.get(each.symbol, OTHER)
        # A single letter is a word of every text, so only those of the run are looked for.
        aliases = [each.symbol] if len(each.symbol) > 1 or each.symbol in masked else []
        aliases += _aliases(each.name) + list(_SAID.get(each.symbol, ()))
        if len(first) >= FIRST_WORD_MIN and firsts.count(first) == 1:
            aliases.append(first)
        (words if each.symbol in masked else others).update(dict.fromkeys(aliases, own))
    words |= masked | sectors
    words |= {sector.removeprefix("ETF:"): masked[sector[4:]] for sector in sectors if sector[4:] in masked}
    return {word: name for word, name in (others | words).items() if word.strip()}


def _aliases(name: str) -> list[str]:
    """A company's name as people write it: whole, without its legal form, without what stands in brackets."""
    plain = re.sub(r"\s*\([^)]*\)", "", name).strip()
    short = _FORM.sub("", plain).strip(" ,.&")
    return [each for each in dict.fromkeys((name, plain, short)) if len(each) > 2]
