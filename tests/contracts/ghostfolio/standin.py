"""A loopback Ghostfolio of a recorded version: its refusals and shapes are the recorded ones, its books are its own."""

import json
import re
import socket
import threading
import uuid
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.contracts.ghostfolio.recorded import Exchange, recorded

TOKEN = "0123456789abcdef" * 8
KNOWN = frozenset({"AAPL", "MSFT", "SPY", "BRK-B", "JPM", "XOM", "AGG", "GLD", "VTI", "IEF", "TLT", "KO", "QQQ"})
_REQUIRED = ("currency", "date", "fee", "quantity", "symbol", "type", "unitPrice")
_OPTIONAL = ("accountId", "comment", "dataSource", "tags", "assetClass", "assetSubClass", "updateAccountBalance")
_HANG_MAX = 20.0


@dataclass(slots=True, kw_only=True)
class Faults:
    """What is wrong with the server now; counts go down with each time that they happen."""

    database_down: bool = False
    redis_down: bool = False
    read_only: bool = False
    provider_down: bool = False
    throttled: bool = False
    export_broken: bool = False
    # How many writes are done and not answered: the wire is cut, or nothing comes.
    cut: int = 0
    hang: int = 0
    # How many writes are answered 201 with an empty body, done or not.
    empty: int = 0
    empty_undone: int = 0
    # How many writes are answered 500, done or not.
    broken: int = 0
    broken_undone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass(slots=True)
class Answered:
    """What is sent back."""

    status: int
    answer: Any
    empty: bool = False
    retry_after: str = ""


@dataclass(slots=True, kw_only=True)
class Books:
    """What the server's one user has."""

    user: str = field(default_factory=lambda: str(uuid.uuid4()))
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    balances: dict[tuple[str, str], float] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    names: dict[str, str | None] = field(default_factory=dict)


class StandIn:
    """A server on loopback; use as a context."""

    def __init__(self, version: str, *, said: str = "", known: frozenset[str] = KNOWN) -> None:
        self.version = version
        self.said = said or version
        self.known = known
        self.recorded = recorded(version)
        self.faults = Faults()
        self.books = Books()
        self.asked: list[Asked] = []
        self.logins = 0
        self.jwt = "jwt-0"
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def path(self) -> str:
        """Where activities are."""
        return "/order" if self.version == "2.247.0" else "/activities"

    def __enter__(self) -> "StandIn":
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def writes(self) -> list[Asked]:
        """Every write that came, logins apart."""
        return [each for each in self.asked if each.method != "GET" and not each.path.startswith("/auth")]

    def expire_logins(self) -> None:
        self.jwt = f"jwt-{uuid.uuid4()}"

    # Answers

    def say(self, label: str) -> Answered:
        """The recorded answer of that label."""
        found: Exchange = self.recorded[label]
        return Answered(found.status, deepcopy(found.answer), empty=found.empty, retry_after=found.retry_after)

    def answer(self, asked: Asked, token: str) -> Answered:
        """What the server says; it may change its books."""
        route = (asked.method, asked.path.split("/")[1])
        if self.faults.redis_down and asked.path in ("/health", "/account") and asked.method == "GET":
            raise TimeoutError
        if route == ("GET", "health"):
            return self._health(asked)
        if route == ("POST", "auth"):
            return self._log_in(asked)
        if self.faults.database_down:
            return self.say("postgres down: account list")
        if token != f"Bearer {self.jwt}":
            return self.say("user: garbage token")
        if self.faults.read_only and asked.method != "GET":
            return self.say("read only: create activity")
        return self._routed(asked, route)

    def _routed(self, asked: Asked, route: tuple[str, str]) -> Answered:
        activities = self.path[1:] if not (self.version == "3.4.0" and route[1] == "order") else "order"
        routes = {
            ("GET", "user"): self._user, ("GET", "export"): self._export, ("GET", "symbol"): self._symbol,
            ("GET", "account"): self._account, ("POST", "account"): self._make_account,
            ("POST", "account-balance"): self._set_balance, ("GET", activities): self._list,
            ("POST", activities): self._add, ("DELETE", activities): self._delete, ("POST", "import"): self._import,
        }  # fmt: skip
        act = routes.get(route)
        if act is None:
            words = f"Cannot {asked.method} /api/v1{asked.path}"
            return Answered(404, {"message": words, "error": "Not Found", "statusCode": 404})
        return act(asked)

    def _health(self, asked: Asked) -> Answered:
        if asked.path.endswith("YAHOO"):
            return self.say("health data provider YAHOO" + (" (offline)" if self.faults.provider_down else ""))
        return self.say("postgres down: health" if self.faults.database_down else "health")

    def _log_in(self, asked: Asked) -> Answered:
        self.logins += 1
        if self.faults.throttled:
            return self.say("rate limit on: auth 11")
        if self.faults.database_down:
            return self.say("postgres down: auth")
        if asked.body != {"accessToken": TOKEN}:
            return self.say("auth anonymous: wrong token")
        found = self.say("auth anonymous: good")
        found.answer["authToken"] = self.jwt
        return found

    def _user(self, _asked: Asked) -> Answered:
        found = self.say("read only: user permissions" if self.faults.read_only else "user")
        found.answer["id"] = self.books.user
        if not self.faults.read_only:
            # The recording keeps the first and last of a long list.
            thing = "Order" if self.version == "2.247.0" else "Activity"
            found.answer["permissions"] += [f"create{thing}", f"update{thing}", f"delete{thing}"]
        return found

    def _export(self, _asked: Asked) -> Answered:
        if self.faults.export_broken:
            return self.say("activity: account of nobody")
        return Answered(200, {"meta": {"version": self.said}, "accounts": [], "activities": []})

    def _symbol(self, asked: Asked) -> Answered:
        _empty, _symbol, source, symbol, *_more = asked.path.split("/")
        there = symbol in (self.known if source == "YAHOO" else self.books.names)
        offline = source == "YAHOO" and self.faults.provider_down
        return self.say("symbol data YAHOO" if there and not offline else "symbol data YAHOO unknown")

    # Accounts

    def _account(self, asked: Asked) -> Answered:
        parts = asked.path.split("/")[2:]
        if not parts:
            return Answered(200, {"accounts": [self._shown(each) for each in self.books.accounts]})
        if parts[0] not in self.books.accounts:
            return self.say("account by id: unknown")
        return Answered(200, self._shown(parts[0]))

    def _shown(self, account_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.say("account by id").answer
        days = sorted(day for each, day in self.books.balances if each == account_id)
        found.update(self.books.accounts[account_id], balance=self.books.balances[account_id, days[-1]])
        return found

    def _make_account(self, asked: Asked) -> Answered:
        body = asked.body
        if "platformId" not in body:
            return self.say("account create: without platformId")
        if set(body) - {"id", "name", "currency", "balance", "platformId", "comment"}:
            return self.say("account create: unknown field")
        if isinstance(body.get("balance"), str):
            return self.say("account create: balance as string")
        if body.get("id") in self.books.accounts:
            return self.say("account create with own id again")
        found = self.say("account create with balance 10000")
        account_id = body.get("id") or str(uuid.uuid4())
        self.books.accounts[account_id] = {
            "id": account_id, **{name: body.get(name) for name in ("name", "currency", "comment", "platformId")}
        }  # fmt: skip
        self.books.balances[account_id, "0000-00-00"] = body.get("balance", 0)
        found.answer.update(self.books.accounts[account_id])
        if "balance" in found.answer:
            found.answer["balance"] = body["balance"]
        return found

    def _set_balance(self, asked: Asked) -> Answered:
        body = asked.body
        if body["accountId"] not in self.books.accounts:
            return self.say("account-balance create: unknown account")
        self.books.balances[body["accountId"], body["date"][:10]] = body["balance"]
        return self.say("account-balance create (past day)")

    # Activities

    def _list(self, asked: Asked) -> Answered:
        one = asked.path.split("/")[2:]
        if one:
            known = next((each for each in self.books.activities if each["id"] == one[0]), None)
            return self.say("activity by id: unknown") if known is None else Answered(200, known)
        if set(asked.query) - {"accounts", "sortColumn", "sortDirection", "skip", "take"}:
            return self.say("activities unknown query field")
        wanted = asked.query.get("accounts", "").split(",")
        rows = [each for each in self.books.activities if wanted == [""] or each["accountId"] in wanted]
        if asked.query.get("sortDirection") == "desc":
            rows = rows[::-1]
        skip = int(asked.query.get("skip", 0))
        return Answered(
            200, {"activities": rows[skip : skip + int(asked.query.get("take", 10**9))], "count": len(rows)}
        )

    def _add(self, asked: Asked) -> Answered:
        body = asked.body
        if (refused := self._odd(body)) is not None:
            return refused
        assert "updateAccountBalance" not in body, "cash must never be moved by an activity"
        if body["dataSource"] == "MANUAL":
            symbol = body["symbol"]
            if body["type"] != "BUY" and not self.books.names.get(symbol):
                return self.say("activity: MANUAL SELL of the GF_ symbol")
            if body["type"] == "BUY" and not symbol.startswith("GF_"):
                symbol, self.books.names[symbol] = str(uuid.uuid4()), symbol
            self.books.names.setdefault(symbol, None)
            return Answered(201, self._written({**body, "symbol": symbol}))
        return Answered(201, self._written(body))

    def _odd(self, body: dict[str, Any]) -> Answered | None:
        """The recorded refusal of a body that no version takes."""
        absent = next((name for name in (*_REQUIRED, "dataSource") if name not in body), None)
        numbers = [body.get(name) for name in ("fee", "quantity", "unitPrice")]
        of_yahoo = body.get("dataSource") == "YAHOO"
        refusals = (
            (absent is not None, f"activity: missing {absent}"),
            (bool(set(body) - {*_REQUIRED, *_OPTIONAL}), "activity: unknown field"),
            (any(isinstance(each, str) for each in numbers), "activity: number as string"),
            (body.get("accountId") not in self.books.accounts, "activity: account of nobody"),
            (of_yahoo and self.faults.provider_down, "activity: YAHOO symbol while Yahoo cannot be reached"),
            (of_yahoo and body.get("symbol") not in self.known, "YAHOO BUY unknown symbol"),
        )
        refused = next((self.say(label) for odd, label in refusals if odd), None)
        if refused is not None and of_yahoo and isinstance(refused.answer.get("message"), list):
            symbol = str(body.get("symbol"))
            refused.answer["message"] = [re.sub('"(ZZZZQ|AAPL)"', f'"{symbol}"', each)
                                         for each in refused.answer["message"]]  # fmt: skip
        return refused

    def _written(self, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.say("YAHOO BUY with comment, fractional").answer
        profile = {
            "symbol": body["symbol"], "dataSource": body["dataSource"], "currency": body["currency"],
            "name": self.books.names.get(body["symbol"]),
        }  # fmt: skip
        found.update({name: body.get(name) for name in (*_REQUIRED, "accountId", "comment") if name != "symbol"})
        found.update(id=str(uuid.uuid4()), SymbolProfile=profile)
        kept = deepcopy(found)
        if self.version == "3.58.0":
            kept["assetProfile"] = deepcopy(profile)
        self.books.activities.append(kept)
        return found

    def _delete(self, asked: Asked) -> Answered:
        one = asked.path.split("/")[2:]
        if not one:
            raise AssertionError("the product must never delete activities by a filter")
        known = next((each for each in self.books.activities if each["id"] == one[0]), None)
        if known is None:
            return self.say("activity delete: unknown")
        self.books.activities.remove(known)
        symbol = known["SymbolProfile"]["symbol"]
        if not any(each["SymbolProfile"]["symbol"] == symbol for each in self.books.activities):
            self.books.names.pop(symbol, None)
        return Answered(200, known)

    def _import(self, asked: Asked) -> Answered:
        for body in asked.body["activities"]:
            if (refused := self._odd(body)) is not None:
                return refused
        for profile in asked.body.get("assetProfiles", ()):
            if "marketData" not in profile and self.version != "3.58.0":
                return self.say("import: SELL with assetProfiles naming it")
            # A profile that is there without a name stays so.
            self.books.names.setdefault(profile["symbol"], profile["name"])
        known = {_same(each) for each in self.books.activities}
        written = [self._written(each) for each in asked.body["activities"] if _same(each) not in known]
        return Answered(201, {"activities": written})


def _same(activity: dict[str, Any]) -> str:
    """What makes two activities one to an import; the account does not."""
    names = ("comment", "currency", "date", "fee", "quantity", "type", "unitPrice")
    profile = activity.get("SymbolProfile", activity)
    return json.dumps([*(activity.get(name) for name in names), profile["symbol"], profile["dataSource"]])


def _handler(server: StandIn) -> type[BaseHTTPRequestHandler]:
    class Asking(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_args: Any) -> None: ...

        def handle_one(self) -> None:
            found = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(found.query).items()}
            path = unquote(found.path.removeprefix("/api/v1")).rstrip("/")
            asked = Asked(method=self.command, path=path, query=query, body=json.loads(text) if text else None)
            with server.lock:
                server.asked.append(asked)
                faults = server.faults
                write = self.command != "GET" and not path.startswith("/auth")
                undone = write and (_take(faults, "empty_undone") or _take(faults, "broken_undone", 500))
                if undone:
                    self.send(undone)
                    return
                try:
                    answer = server.answer(asked, self.headers.get("Authorization") or "")
                except TimeoutError:
                    answer = None
                done = write and answer is not None and answer.status < 300
                after = done and (_take(faults, "empty") or _take(faults, "broken", 500))
                silent = answer is None or (done and _take(faults, "hang"))
                cut = done and not silent and _take(faults, "cut")
            if silent:
                server.stopped.wait(_HANG_MAX)
            if silent or cut:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send(after or answer)

        def send(self, answer: Any) -> None:
            text = b"" if answer.empty else json.dumps(answer.answer).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(text)))
            if text:
                self.send_header("Content-Type", "application/json; charset=utf-8")
            if answer.retry_after:
                self.send_header("retry-after", answer.retry_after)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one  # noqa: N815

    return Asking


def _take(faults: Faults, name: str, status: int = 201) -> Answered | None:
    """One of a count, where there is one left."""
    if not (left := getattr(faults, name)):
        return None
    setattr(faults, name, left - 1)
    if status == 500:
        return Answered(500, {"statusCode": 500, "message": "Internal server error"})
    return Answered(status, None, empty=True)
