"""Lets a question through only while its account, the day and everybody together can still afford it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from prudent.domain.errors import DeskError, OverBudget
from prudent.domain.reasoning import Call, Question, Reply
from prudent.llm.completion import estimated_tokens
from prudent.llm.gates import Gate
from prudent.llm.served import ServedModel
from prudent.ports import LanguageModel

# Tokens that a server adds of its own around each message.
_AROUND_A_MESSAGE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Tokens and US dollars: of one call, of an account's day, and (`platform_`) of the day of all accounts."""

    tokens_per_call: int
    tokens_per_day: int
    money_per_day: Decimal
    platform_tokens_per_day: int
    platform_money_per_day: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    tokens: int = 0
    money: Decimal = Decimal(0)

    def plus(self, other: "Spent") -> "Spent":
        return Spent(tokens=self.tokens + other.tokens, money=self.money + other.money)


class Purse(Protocol):
    """Remembers what calls cost. `account` None asks for all accounts together."""

    def spent(self, account: str | None, day: date) -> Spent: ...

    def spend(self, call: Call, spent: Spent, day: date) -> None:
        """Called once after every question that reached a server, answered or not."""


class MemoryPurse:
    """A purse that forgets with its process."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str | None, date], Spent] = {}
        self._lock = threading.Lock()

    def spent(self, account: str | None, day: date) -> Spent:
        return self._spent.get((account, day), Spent())

    def spend(self, call: Call, spent: Spent, day: date) -> None:
        with self._lock:
            for account in (call.question.account, None):
                self._spent[account, day] = self.spent(account, day).plus(spent)


class Budget:
    """The limits and the purse that all models of a desk share; what is under way counts as spent."""

    def __init__(self, limits: Limits, purse: Purse, *, today: Callable[[], date]) -> None:
        self.limits = limits
        self.purse = purse
        self._today = today
        self._lock = threading.Lock()
        self._under_way: dict[str, Spent] = {}

    @contextmanager
    def holding(self, account: str, cost: Spent) -> Iterator[date]:
        """Set aside what a call may cost at most while it is under way; gives the day that it counts to.

        Raises:
            OverBudget: it may cost more than is left.
        """
        with self._lock:
            day = self._today()
            self._check(account, day, cost)
            before = self._under_way.get(account, Spent())
            self._under_way[account] = before.plus(cost)
        try:
            yield day
        finally:
            with self._lock:
                held = self._under_way[account]
                self._under_way[account] = held.plus(Spent(tokens=-cost.tokens, money=-cost.money))

    def _check(self, account: str, day: date, cost: Spent) -> None:
        limits = self.limits
        if cost.tokens > limits.tokens_per_call:
            raise OverBudget(
                f"a call may use {limits.tokens_per_call:,} tokens, this one may need {cost.tokens:,}; shorten the "
                "watchlist or raise language.budget.tokens_per_call"
            )
        own = self._under_way.get(account, Spent()).plus(self.purse.spent(account, day))
        _afford(f"account {account}", own, cost, "", limits.tokens_per_day, limits.money_per_day)
        everybody = self.purse.spent(None, day)
        for held in self._under_way.values():
            everybody = everybody.plus(held)
        _afford(
            "all accounts together", everybody, cost, "platform_", limits.platform_tokens_per_day,
            limits.platform_money_per_day,
        )  # fmt: skip


def _afford(who: str, spent: Spent, cost: Spent, prefix: str, tokens: int, money: Decimal) -> None:
    if spent.tokens + cost.tokens > tokens:
        raise OverBudget(
            f"{who} may use {tokens:,} tokens a day, used {spent.tokens:,} and may need {cost.tokens:,} more; raise "
            f"language.budget.{prefix}tokens_per_day or wait for the next day"
        )
    if cost.money > 0 and spent.money + cost.money > money:
        raise OverBudget(
            f"{who} may spend ${money:f} a day on models, spent ${spent.money:f} and may need ${cost.money:f} more; "
            f"raise language.budget.{prefix}money_per_day or wait for the next day"
        )


class Budgeted:
    """`ports.LanguageModel` around one served model: the budget first, then a slot of its server, then the question."""

    def __init__(self, model: LanguageModel, served: ServedModel, *, budget: Budget, gate: Gate) -> None:
        self._model = model
        self._served = served
        self._budget = budget
        self._gate = gate

    def ask(self, question: Question) -> Reply:
        size = _size(question)
        limit = self._served.max_tokens or question.max_tokens
        most = self._cost(size, limit)
        # Waiting for others is no reason to fail: as long as each of them may take, at most.
        patience = self._served.seconds + self._served.load_seconds
        with self._budget.holding(question.account, most) as day:
            with self._gate.passing(self._served.served, seconds=patience):
                try:
                    reply = self._model.ask(question)
                except DeskError as error:
                    # The server may have worked on it all the same.
                    self._spend(Call(question=question, reply=None, error=error.code), self._cost(size, 0), day)
                    raise
            self._spend(Call(question=question, reply=reply), self._of(reply, size), day)
        return reply

    def fallback(self, model: str) -> str | None:
        return self._model.fallback(model)

    def _cost(self, tokens_in: int, tokens_out: int) -> Spent:
        return Spent(tokens=tokens_in + tokens_out, money=self._served.cost(tokens_in, tokens_out))

    def _of(self, reply: Reply, size: int) -> Spent:
        tokens_out = reply.tokens_out
        if tokens_out is None:
            tokens_out = estimated_tokens(len(reply.text) + len(reply.thinking))
        return Spent(tokens=(size if reply.tokens_in is None else reply.tokens_in) + tokens_out, money=reply.cost)

    def _spend(self, call: Call, spent: Spent, day: date) -> None:
        self._budget.purse.spend(call, spent, day)


def _size(question: Question) -> int:
    """About how many tokens a question is."""
    text = sum(len(each.text.encode("utf-8", "replace")) for each in question.messages)
    return estimated_tokens(text) + _AROUND_A_MESSAGE * len(question.messages) + _of_schema(question.schema)


def _of_schema(schema: Mapping[str, object]) -> int:
    return estimated_tokens(len(str(schema)))
