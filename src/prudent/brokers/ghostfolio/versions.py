"""What differs between versions of Ghostfolio, found by asking: the path of activities, and how old is too old."""

import re

from prudent.brokers.ghostfolio.wire import Refused, Wire
from prudent.domain.errors import Permanent

ACTIVITIES, ORDER = "/activities", "/order"
OLDEST = (2, 240)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def activities_path(wire: Wire) -> str:
    """`/activities`, or `/order` where the server is older than 2.248.

    Raises:
        Permanent: the server has neither.
    """
    for path in (ACTIVITIES, ORDER):
        try:
            wire.ask(path, {"take": "1"})
        except Refused as error:
            if error.status != 404:
                raise
        else:
            return path
    raise Permanent("Ghostfolio must have a list of activities, has none of ours; this is another server, or too new")


def check_version(text: str) -> None:
    """Refuse an old version; one that says nothing that can be read passes.

    Raises:
        Permanent: it is older than the oldest that this product works with.
    """
    found = _VERSION.match(text)
    if found is not None and (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Permanent(f"Ghostfolio must be {oldest} or newer, was {text}; update it: it takes what this one refuses")
