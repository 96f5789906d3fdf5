"""What was found out about a model and a window, kept in the home so that later backtests of both know it."""

import json
from pathlib import Path

from prudent.backtest.evidence import Masking, Probed
from prudent.backtest.masked import trail_of
from prudent.backtest.places import own_folder
from prudent.backtest.request import Request
from prudent.bootstrap import Desk
from prudent.domain.records import canonical, decode, digest, encode

PROBES = Path("data") / "probes"


def masking_of(desk: Desk, request: Request, *, symbols: tuple[str, ...], source: str, folder: Path) -> Masking:
    """What the run in `folder` hid and let through, with the probes of its model on its window, where there are any."""
    if not request.anonymise:
        return Masking()
    leaks = sum(bool(each.leaks) for each in trail_of(folder))
    probed = known_probes(desk, request, symbols=symbols, source=source)
    return Masking(hidden=frozenset(request.anonymise), leaks=leaks, probed=probed)


def keep_probes(desk: Desk, request: Request, probed: Probed, *, symbols: tuple[str, ...], source: str) -> None:
    path = _path(desk, request, symbols, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(canonical(encode(probed)))
    part.replace(path)


def known_probes(desk: Desk, request: Request, *, symbols: tuple[str, ...], source: str) -> Probed | None:
    """The kept probes of this model, as it is configured now, on this window and these symbols."""
    try:
        return decode(Probed, json.loads(_path(desk, request, symbols, source).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        # What cannot be read was not found out.
        return None


def _path(desk: Desk, request: Request, symbols: tuple[str, ...], source: str) -> Path:
    name = request.mandate.model
    own = desk.loaded.settings.language.models.get(name)
    frozen = json.dumps({} if own is None else own.frozen(name), sort_keys=True, default=str)
    key = digest([name, frozen, source, request.first.isoformat(), request.last.isoformat(), *sorted(symbols)])
    return own_folder(desk) / PROBES / f"{key}.json"
