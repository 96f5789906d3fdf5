"""Keeps finished replies in files named by what was asked, so that an unchanged prompt is not asked, or paid, twice."""

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from prudent.domain.reasoning import REPEAT, Finish, Question, Reply
from prudent.domain.records import Json, canonical, decode, digest, encode
from prudent.ports import LanguageModel

LOG = logging.getLogger("prudent.llm")
_FORMAT = 1


class Cached:
    """`ports.LanguageModel` around another one. Only text is kept, and only that of replies that ended by themselves.

    `identity` is everything beside the question that makes a reply what it is: owner, server, served model and
    parameters. A kept file that cannot be read, or was altered, counts as none; one that cannot be written is left.
    """

    def __init__(self, model: LanguageModel, *, folder: Path, identity: Mapping[str, object]) -> None:
        self._model = model
        self._folder = folder
        self._identity = json.dumps(identity, sort_keys=True, separators=(",", ":"), default=str)

    def ask(self, question: Question) -> Reply:
        key = self.key(question)
        kept = self._kept(key)
        if kept is not None:
            # It costs nothing now: what it cost was counted when it was asked.
            return replace(kept, cached=True, tokens_in=0, tokens_out=0, cost=Decimal(0), seconds=Decimal(0))
        reply = self._model.ask(question)
        if reply.finish is Finish.STOP:
            self._keep(key, reply)
        return reply

    def fallback(self, model: str) -> str | None:
        return self._model.fallback(model)

    def key(self, question: Question) -> str:
        """The content address of a question: account and purpose are no part of it, the number of a repeat is."""
        named: dict[str, Json] = {
            "format": _FORMAT, "identity": self._identity, "model": question.model,
            "messages": encode(question.messages), "schema": sha256(_text(question.schema)).hexdigest(),
            "max_tokens": question.max_tokens,
        }  # fmt: skip
        if question.facts.get(REPEAT):
            named[REPEAT] = question.facts[REPEAT]
        return digest(named)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def _kept(self, key: str) -> Reply | None:
        try:
            document = json.loads(self._path(key).read_text(encoding="utf-8"))
            if document["key"] != key or document["seal"] != digest(document["reply"]):
                return None
            return decode(Reply, document["reply"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            LOG.warning("kept_reply_unreadable", extra={"path": str(self._path(key)), "why": str(error)})
            return None

    def _keep(self, key: str, reply: Reply) -> None:
        document = {"key": key, "reply": encode(reply), "seal": digest(encode(reply))}
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as handle:
                handle.write(canonical(document))
            Path(handle.name).replace(path)
        except OSError as error:
            # A reply that is not kept is only asked again.
            LOG.warning("reply_not_kept", extra={"path": str(path), "why": str(error)})


def _text(schema: Mapping[str, object]) -> bytes:
    return json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()
