"""All configured models of a desk under one port: each question goes to the adapter of the model that it names."""

from collections.abc import Callable, Mapping
from threading import Lock

from prudent.domain.errors import ConfigError
from prudent.domain.reasoning import Question, Reply
from prudent.ports import LanguageModel


class NamedModels:
    """`ports.LanguageModel` over one adapter a model; a name that nobody configured raises `ConfigError`.

    An adapter is made when it is first asked: a key that cannot be read must not stop accounts that need no model.
    """

    def __init__(self, makers: Mapping[str, Callable[[], LanguageModel]], fallbacks: Mapping[str, str]) -> None:
        self._makers = dict(makers)
        self._fallbacks = dict(fallbacks)
        self._made: dict[str, LanguageModel] = {}
        self._lock = Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Every model that can be asked, in the order of the configuration."""
        return tuple(self._makers)

    def ask(self, question: Question) -> Reply:
        return self.of(question.model).ask(question)

    def fallback(self, model: str) -> str | None:
        self._known(model)
        return self._fallbacks.get(model)

    def of(self, model: str) -> LanguageModel:
        """The adapter of one model."""
        self._known(model)
        with self._lock:
            if model not in self._made:
                self._made[model] = self._makers[model]()
            return self._made[model]

    def _known(self, model: str) -> None:
        if model not in self._makers:
            known = ", ".join(self._makers)
            raise ConfigError(f"model must be one of {known}, was {model!r}; add it under language.models")
