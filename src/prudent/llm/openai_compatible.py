"""A model behind any OpenAI-compatible server: one question is one completion, asked for as the server can give it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.errors import ConfigError, Permanent, Temporary
from prudent.domain.reasoning import Question, Reply
from prudent.domain.redaction import Redactor
from prudent.llm.completion import Completion, estimated_tokens, problem, read_completion, shown
from prudent.llm.served import ServedModel
from prudent.llm.wire import Answered, exchange, place, too_slow

# How a reply may be asked for, the strictest first.
SHAPES = ("json_schema", "json_object", "plain")
_RETRIABLE = frozenset({408, 409, 425, 429})
_REFUSES_THE_REQUEST = frozenset({400, 422})
_TOO_LONG = re.compile(r"context (?:size|length|window)|maximum context|too (?:long|many tokens)", re.IGNORECASE)
_OF_THE_SHAPE = re.compile(r"response_format|json_schema|grammar", re.IGNORECASE)
_NAMES_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a server turned out to take for a model: the shape of a reply, and which parameters not."""

    shape: str = SHAPES[0]
    left_out: frozenset[str] = frozenset()
    counts_completion: bool = False

    def after(self, said: str, named: str, sent: Mapping[str, object]) -> "Habits | None":
        """What to ask once more with after a refusal in those words; None where nothing is left to leave out."""
        words = {named} if named in sent else set(re.findall(r"\w+", said))
        if "max_tokens" in words & set(sent) and not self.counts_completion:
            return replace(self, counts_completion=True)
        refused = words & (set(sent) - _ALWAYS_SENT)
        if refused:
            return replace(self, left_out=self.left_out | refused)
        if "response_format" in sent:
            return replace(self, shape=SHAPES[SHAPES.index(self.shape) + 1])
        return None


_ALWAYS_SENT = frozenset({"model", "messages", "stream", "response_format", "max_tokens", "max_completion_tokens"})


class OpenAICompatible:
    """`ports.LanguageModel` for one model of one server.

    It asks once; only where a server refuses the request itself (status 400) is it asked again with less: without a
    parameter that it names, or for a looser shape. What it then took is remembered. `elapsed` tells seconds that pass.
    """

    def __init__(self, model: ServedModel, *, elapsed: Callable[[], float], redactor: Redactor | None = None) -> None:
        self.model = model
        self._elapsed = elapsed
        self._redactor = redactor or Redactor()
        self._habits = Habits()
        self._answered = False

    def ask(self, question: Question) -> Reply:
        if question.model != self.model.name:
            raise ConfigError(f"this adapter asks model {self.model.name}, was asked for {question.model!r}")
        start = self._elapsed()
        # Nobody knows whether the server has the model in memory before it has answered once.
        limit = self.model.seconds if self._answered else max(self.model.seconds, self.model.load_seconds)
        habits = self._habits
        while True:
            request = self.request(question, habits)
            left = limit - (self._elapsed() - start)
            if left <= 0:
                raise too_slow(self.model.base_url, limit)
            body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            answered = exchange(self._url("chat/completions"), body=body, headers=self._headers(), seconds=left)
            if answered.status == 200:
                break
            habits = self._less(answered, habits, request)
        found = read_completion(
            answered.body, content_type=answered.content_type, bytes_in=len(body), max_tokens=self._limit(question)
        )
        self._habits, self._answered = habits, True
        return self._reply(found, len(body), self._elapsed() - start)

    def fallback(self, model: str) -> str | None:
        return self.model.fallback if model == self.model.name else None

    def request(self, question: Question, habits: Habits | None = None) -> dict[str, object]:
        """The document that is sent for a question, without any secret."""
        habits = habits or self._habits
        parameters = {name: value for name, value in self.model.parameters.items() if name not in habits.left_out}
        parameters.pop("max_tokens", None)
        document: dict[str, object] = {
            "model": self.model.served,
            "messages": [
                {"role": str(each.speaker), "content": self._redactor.text(each.text)} for each in question.messages
            ],
            **parameters,
            "max_completion_tokens" if habits.counts_completion else "max_tokens": self._limit(question),
            "stream": False,
        }
        if question.schema and habits.shape != "plain":
            document["response_format"] = _format(question, habits.shape)
        return document

    def offered(self) -> tuple[str, ...]:
        """The names of the models that the server says it serves.

        Raises:
            Temporary, Permanent: it cannot be asked, or refuses.
        """
        return offered_models(self.model.base_url, key=self.model.key, seconds=min(self.model.seconds, 20))

    def _limit(self, question: Question) -> int:
        return self.model.max_tokens or question.max_tokens

    def _url(self, path: str) -> str:
        return f"{self.model.base_url}/{path}"

    def _headers(self) -> dict[str, str]:
        return _headers(self.model.key)

    def _less(self, answered: Answered, habits: Habits, request: Mapping[str, object]) -> Habits:
        """How to ask once more after a refusal of the request itself; every other refusal raises."""
        said, named = problem(answered.body)
        if answered.status in _REFUSES_THE_REQUEST or (answered.status >= 500 and _OF_THE_SHAPE.search(said)):
            if _TOO_LONG.search(said):
                raise Permanent(
                    f"model {self.model.name} must be given less text: {self._plain(said)}; shorten the watchlist or "
                    "serve it with a longer context"
                )
            less = habits.after(said, named, request)
            if less is not None:
                return less
        raise _refusal(self.model.base_url, answered, self._plain)

    def _plain(self, said: str) -> str:
        """A server's words without our key, which some repeat."""
        return Redactor((self.model.key,)).text(said)

    def _reply(self, found: Completion, bytes_in: int, seconds: float) -> Reply:
        size_out = len(found.text.encode("utf-8", "replace")) + len(found.thinking.encode("utf-8", "replace"))
        counted_in = estimated_tokens(bytes_in) if found.tokens_in is None else found.tokens_in
        counted_out = estimated_tokens(size_out) if found.tokens_out is None else found.tokens_out
        return Reply(
            text=found.text, thinking=found.thinking, finish=found.finish, model=self.model.name,
            served=found.served or self.model.served, tokens_in=found.tokens_in, tokens_out=found.tokens_out,
            seconds=Decimal(str(round(seconds, 3))), cost=self.model.cost(counted_in, counted_out),
        )  # fmt: skip


def offered_models(base_url: str, *, key: str = "", seconds: float = 20) -> tuple[str, ...]:
    """The names of the models that a server says it serves, as it orders them.

    Raises:
        Temporary, Permanent: it cannot be asked, refuses, or answers something else.
    """
    answered = exchange(f"{base_url}/models", headers=_headers(key), seconds=seconds)
    if answered.status != 200:
        raise _refusal(base_url, answered, Redactor((key,)).text)
    try:
        rows = json.loads(answered.body)["data"]
        names = [shown(row["id"]) for row in rows]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise Permanent(
            f"{place(base_url)} must list its models in the OpenAI format, did not; correct the base_url"
        ) from error
    return tuple(name for name in names if name)[:_NAMES_MAX]


def _headers(key: str) -> dict[str, str]:
    auth = {"Authorization": f"Bearer {key}"} if key else {}
    return {"Content-Type": "application/json", "Accept": "application/json", **auth}


def _format(question: Question, shape: str) -> dict[str, object]:
    if shape == "json_object":
        return {"type": "json_object"}
    name = re.sub(r"\W", "_", question.purpose)[:60] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": question.schema}}


def _refusal(base_url: str, answered: Answered, plain: Callable[[str], str]) -> Permanent | Temporary:
    at, status = place(base_url), answered.status
    said = plain(problem(answered.body)[0]) or "no reason given"
    if 300 <= status < 400:
        to = plain(shown(answered.location)) or "nowhere"
        return Permanent(f"{at} answered {status}, a redirect to {to}, which is not followed; set its final URL")
    if status in (401, 403):
        return Permanent(f"{at} answered {status}: it does not take the API key; set LLM_API_KEY ({said})")
    if status == 404:
        return Permanent(f"{at} answered 404: {said}; `invest models list` shows what it serves")
    if status >= 500 or status in _RETRIABLE or 200 <= status < 300:
        return Temporary(f"{at} answered {status}: {said}; it is asked again later")
    return Permanent(f"{at} answered {status} and will not take the question: {said}; correct the model's settings")
