"""Reads the body of a chat completion: text and thinking apart, why it ended, and token counts that can be true."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from prudent.domain.errors import Permanent, Temporary
from prudent.domain.reasoning import Finish

SHOWN_MAX = 300
_STOPS = frozenset({"stop", "eos", "eos_token", "stop_sequence", "end_turn"})
_OPEN, _CLOSE = "<think>", "</think>"
# How an answer begins that cannot be thinking, whatever stands in its strings.
_ANSWERS = ("{", "[", "```")
# No tokenizer in use makes more tokens than bytes, or fewer than one of so many bytes.
_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One choice of a completion; tokens are None where the server gave no believable count."""

    text: str
    thinking: str
    finish: Finish
    served: str
    tokens_in: int | None
    tokens_out: int | None


def read_completion(body: bytes, *, content_type: str, bytes_in: int, max_tokens: int) -> Completion:
    """What a server answered with status 200.

    Raises:
        Permanent: it is no such server: it answers with a page.
        Temporary: it answered with something else than one whole completion.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        if content_type == "text/html" or body.lstrip()[:1] == b"<":
            raise Permanent(
                "the model server must answer in the OpenAI format, answered with a page; correct the base_url"
            ) from error
        raise Temporary(f"the model server's answer must be JSON, was not ({_shown(body)}); it is not used") from error
    choice = _first_choice(document)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, inside = apart(_text(message.get("content")))
    beside = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    usage = document.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Completion(
        text=text, thinking="\n".join(part for part in (beside, inside) if part),
        finish=_finish(choice.get("finish_reason")), served=shown(document.get("model")),
        tokens_in=_count(usage.get("prompt_tokens"), most=bytes_in + 1_000),
        tokens_out=_count(usage.get("completion_tokens"), most=max(len(body), max_tokens) + 1_000),
    )  # fmt: skip


def apart(text: str) -> tuple[str, str]:
    """The answer, and the thinking before it in `<think>`; thinking that never ends leaves no answer.

    The last closing mark counts: thinking may quote one, and one that stands inside of a JSON answer leaves nothing
    that parses, which is safer than to read what was only thought.
    """
    start = text.lstrip()
    if start.startswith(_ANSWERS) or (not start.startswith(_OPEN) and _CLOSE not in text):
        return text.strip(), ""
    thinking, mark, answer = start.rpartition(_CLOSE)
    if not mark:
        return "", start.removeprefix(_OPEN).strip()
    return answer.strip(), thinking.removeprefix(_OPEN).strip()


def estimated_tokens(size: int) -> int:
    """About how many tokens so many bytes of text are."""
    return -(-size // _BYTES_A_TOKEN)


def problem(body: bytes) -> tuple[str, str]:
    """What a server says is wrong, and the parameter that it names, of a body of any shape."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _shown(body), ""
    error = document.get("error", document) if isinstance(document, dict) else document
    if not isinstance(error, dict):
        return shown(error), ""
    said = error.get("message") or error.get("detail") or json.dumps(error)
    return (shown(said) if isinstance(said, str) else shown(json.dumps(said))), shown(error.get("param"))


def shown(value: object) -> str:
    """Foreign text in one line, printable and cut; nothing for what is no text."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:SHOWN_MAX]).strip()


def _first_choice(document: object) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise Temporary("the model server's answer must be a JSON object, was not; it is not used")
    choices = document.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    said, _name = problem(json.dumps(document.get("error") or "no reason given").encode())
    raise Temporary(f"the model server's answer must hold a choice, had none ({said}); it is not used")


def _text(content: object) -> str:
    """Text as it came: a string, or the text parts of a list."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        return ""
    # What no file and no database can hold: half a surrogate pair, and NUL.
    return content.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _finish(reason: object) -> Finish:
    if reason == "length":
        return Finish.LENGTH
    return Finish.STOP if isinstance(reason, str) and reason in _STOPS else Finish.OTHER


def _count(value: object, *, most: int) -> int | None:
    """A server may lie either way: what cannot be true counts as not told."""
    return value if type(value) is int and 0 < value <= most else None


def _shown(body: bytes) -> str:
    return shown(body[:SHOWN_MAX].decode("utf-8", "replace"))
