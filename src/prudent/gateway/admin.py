"""The admin port: a line of JSON in, a line of JSON out; faults, a stepped clock, accounts and the log."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prudent.domain.errors import DeskError, InputError
from prudent.gateway.faults import Do, Fault, Match, On
from prudent.gateway.pace import StepPace
from prudent.gateway.server import LOOPBACK, listen

if TYPE_CHECKING:
    from prudent.gateway.paper import Paper

LINE_MAX = 64 * 1024
LOG_SHOWN = 1000
CASH = Decimal(1_000_000)
Answer = dict[str, Any]


class Strict(BaseModel):
    """A door: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class MatchModel(Strict):
    symbol: str = ""
    side: Literal["", "BUY", "SELL"] = ""
    client_id: int | None = None
    request: str = ""
    nth: int = 1


class FaultModel(Strict):
    """A fault as a person writes it."""

    on: On
    do: Do
    match: MatchModel = MatchModel()
    args: dict[str, float | str | bool] = {}
    times: int | None = 1
    chance: float = 1.0
    seed: int = 1

    def fault(self) -> Fault:
        return Fault(
            on=self.on, do=self.do, match=Match(**self.match.model_dump()), args=self.args, times=self.times,
            chance=self.chance, seed=self.seed,
        )  # fmt: skip


class Request(Strict):
    """What may be asked; each kind of question takes the fields named after it."""

    ask: Literal["add", "list", "clear", "log", "state", "step", "beat", "reset"]
    fault: FaultModel | None = None
    number: int | None = None
    since: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[float | None, Field(gt=0)] = None
    to: datetime | None = None
    account: str = ""
    cash: Annotated[Decimal, Field(ge=0)] = CASH


class Admin:
    """Answers on a port of this machine only; whoever reaches it can do with the gateway what they like."""

    def __init__(self, paper: "Paper") -> None:
        self._paper = paper
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._kinds: Mapping[str, Callable[[Request], Answer]] = {
            "add": self._add, "list": self._list, "clear": self._clear, "log": self._log, "state": self._state,
            "step": self._step, "beat": self._beat, "reset": self._reset,
        }  # fmt: skip

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the admin port is known once it is started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, port: int, host: str = LOOPBACK) -> None:
        """Begins to listen.

        Raises:
            InputError: the address is not of this machine alone, or something else listens there.
        """
        self._server = await listen(self._welcome, host, port, what="the admin port", limit=LINE_MAX)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for each in self._talks:
                each.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            # Whoever does not speak as one line of JSON is hung up on: a browser that was sent here, for one.
            while line := await reader.readline():
                answer = self.answer(line)
                writer.write(json.dumps(answer).encode("ascii") + b"\n")
                await writer.drain()
                if answer.get("heard") is False:
                    return
        except (OSError, ValueError):
            return
        finally:
            self._talks.discard(task)
            writer.close()

    def answer(self, line: bytes) -> Answer:
        """The answer to one line: `ok` with what was asked for, or `error`."""
        try:
            request = Request.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            return {"ok": False, "heard": False, "error": f"{place}: {first['msg']}"}
        try:
            return {"ok": True, **self._kinds[request.ask](request)}
        except DeskError as error:
            return {"ok": False, "error": str(error)}

    def _add(self, request: Request) -> Answer:
        if request.fault is None:
            raise InputError("add needs a fault, had none; write it under `fault`")
        return {"number": self._paper.faults.add(request.fault.fault())}

    def _list(self, _: Request) -> Answer:
        return {
            "faults": [
                {"number": each.number, "fault": each.fault.to_json(), "seen": each.seen, "fired": each.fired}
                for each in self._paper.faults.all()
            ]
        }

    def _clear(self, request: Request) -> Answer:
        return {"cleared": self._paper.faults.clear(request.number)}

    def _log(self, request: Request) -> Answer:
        """The log from its line `since` on, so many lines at a time; `next` goes on from there."""
        shown = self._paper.faults.log[request.since : request.since + LOG_SHOWN]
        return {"log": [each.to_json() for each in shown], "next": request.since + len(shown)}

    def _state(self, _: Request) -> Answer:
        house = self._paper.house
        return {
            "simulated": True, "now": house.now().isoformat(), "accounts": list(house.accounts),
            "clients": [*sorted(house.sessions)], "open_orders": len(house.floor.open_orders()),
        }  # fmt: skip

    def _step(self, request: Request) -> Answer:
        clock = self._paper.clock
        if not isinstance(clock, StepPace):
            raise InputError("the clock must be a stepped one to be moved, is not; start the gateway with --clock step")
        if (request.seconds is None) == (request.to is None):
            raise InputError("step needs either `seconds` or `to`; give one of them")
        if request.to is not None and request.to.tzinfo is None:
            raise InputError(f"`to` must have a time zone, was {request.to.isoformat()}; write it with +00:00")
        clock.move_to(request.to or clock.now() + timedelta(seconds=request.seconds or 0.0))
        self._paper.house.beat()
        return self._state(request)

    def _beat(self, request: Request) -> Answer:
        self._paper.house.beat()
        return self._state(request)

    def _reset(self, request: Request) -> Answer:
        house, account = self._paper.house, request.account
        if account not in house.accounts:
            known = ", ".join(house.accounts)
            raise InputError(f"account to reset must be one of {known}, was {account!r}; correct it")
        house.act(lambda at: house.floor.reset(account, request.cash, at))
        return self._state(request)
