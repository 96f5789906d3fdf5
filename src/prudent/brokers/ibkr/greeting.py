"""Asks a port whether a gateway answers there: the handshake of the TWS API alone, which takes no client id."""

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prudent.domain.errors import Permanent, Temporary

# The range of versions that ib_async 2.1 speaks.
LOWEST, HIGHEST = 157, 178
FRAME_MAX = 4096
SIMULATED = "SIMULATED"
_TIME_LENGTH = len("20221228 09:30:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a gateway says first: the version that both will speak, and its time to the second.

    `time` is None where its zone is none that can be read; `said` is the text as it came.
    """

    version: int
    time: datetime | None
    said: str

    @property
    def simulated(self) -> bool:
        """True for our own paper gateway."""
        return SIMULATED in self.said


def greet(host: str, port: int, *, seconds: float = 4.0) -> Greeting:
    """Shake hands and hang up.

    Raises:
        Temporary: nothing listens there, or what does stays silent: a relay before a gateway that is down does.
        Permanent: something else answers there, or a gateway too old to be spoken with.
    """
    where = f"{host}:{port}"
    hello = f"v{LOWEST}..{HIGHEST}".encode()
    try:
        with socket.create_connection((host, port), timeout=seconds) as link:
            link.settimeout(seconds)
            link.sendall(b"API\0" + struct.pack(">I", len(hello)) + hello)
            length = struct.unpack(">I", _exactly(link, 4))[0]
            if not 0 < length <= FRAME_MAX:
                raise Permanent(_else(where))
            fields = _exactly(link, length).split(b"\0")
    except TimeoutError as error:
        raise Temporary(
            f"{where} must answer the handshake of the TWS API within {seconds:g} s, was silent; a relay in front of a "
            "gateway that is down behaves so: start or log in the gateway"
        ) from error
    except OSError as error:
        raise Temporary(
            f"a gateway must listen at {where}, was {error}; start it, or set IBKR_HOST and IBKR_PORT"
        ) from error
    if len(fields) != 3 or fields[2] or not fields[0].isdigit():
        raise Permanent(_else(where))
    version, said = int(fields[0]), fields[1].decode("ascii", "replace")
    if version < LOWEST:
        raise Permanent(f"the gateway at {where} must speak version {LOWEST} or later, was {version}; update it")
    return Greeting(version=version, time=moment(said), said=said)


def moment(said: str) -> datetime | None:
    """`20221228 09:30:00 US/Eastern` in UTC; None for a zone that is no IANA name, as Windows writes them."""
    text, zone = said[:_TIME_LENGTH], said[_TIME_LENGTH:].strip()
    # The paper gateway says after its zone what it is.
    for name in dict.fromkeys((zone, zone.partition(" ")[0])):
        with suppress(ValueError, ZoneInfoNotFoundError, OSError):
            return datetime.strptime(text, "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
    return None


def _exactly(link: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = link.recv(count - len(found))
        if not part:
            raise ConnectionResetError("the other side hung up during the handshake")
        found += part
    return found


def _else(where: str) -> str:
    return f"a gateway of Interactive Brokers must answer at {where}, something else does; set IBKR_PORT to its port"
