"""A model that answers from a script, for rehearsals and tests: the same questions get the same replies every time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from prudent.domain.errors import ConfigError, DeskError, Temporary
from prudent.domain.reasoning import Question, Reply

# One answer of a script: a text, a whole reply, a failure to raise, or what makes one from the question.
Line = str | Reply | DeskError | Callable[[Question], "str | Reply | DeskError"]


class Scripted:
    """`ports.LanguageModel` whose models each have a script; the last line is said from then on.

    `asked` is every question in the order of asking.
    """

    def __init__(self, scripts: Mapping[str, Sequence[Line]], *, fallbacks: Mapping[str, str] | None = None) -> None:
        self._scripts = {name: list(lines) for name, lines in scripts.items()}
        self._fallbacks = dict(fallbacks or {})
        self._lock = Lock()
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Reply:
        with self._lock:
            self.asked.append(question)
            line = self._next(question.model)
        said = line(question) if callable(line) else line
        if isinstance(said, DeskError):
            raise said
        if isinstance(said, str):
            return Reply(text=said, model=question.model, served=question.model)
        return replace(said, model=question.model)

    def fallback(self, model: str) -> str | None:
        return self._fallbacks.get(model)

    def _next(self, model: str) -> Line:
        if model not in self._scripts:
            raise ConfigError(f"model must be one of {', '.join(self._scripts)}, was {model!r}; add its script")
        lines = self._scripts[model]
        if not lines:
            raise Temporary(f"the script of model {model} has no line; write one")
        return lines.pop(0) if len(lines) > 1 else lines[0]
