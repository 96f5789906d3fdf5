"""Kept replies: an unchanged prompt is asked once, and only what is whole and unaltered is given back."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.llm.asking import question

from prudent.domain.errors import Temporary
from prudent.domain.reasoning import Finish, Message, Question, Reply, Speaker
from prudent.llm.cached import Cached
from prudent.llm.scripted import Scripted

IDENTITY = {"owner": "local", "served": "qwen3", "parameters": {"temperature": 0.2}}


def reply(**changes: object) -> Reply:
    fields: dict[str, object] = {
        "text": "{}", "thinking": "hm", "model": "qwen", "served": "qwen3", "tokens_in": 10, "tokens_out": 5,
        "seconds": Decimal("1.5"), "cost": Decimal("0.01"),
    }  # fmt: skip
    return Reply(**{**fields, **changes})  # type: ignore[arg-type]


def cached(folder: Path, inner: Scripted, **identity: object) -> Cached:
    return Cached(inner, folder=folder, identity={**IDENTITY, **identity})


def test_an_unchanged_prompt_is_asked_once_and_costs_nothing_again(tmp_path: Path) -> None:
    inner = Scripted({"qwen": [reply()]})
    first = cached(tmp_path, inner).ask(question())
    second = cached(tmp_path, inner).ask(question(account="other", purpose="pass2"))
    assert len(inner.asked) == 1
    assert (second.text, second.thinking, second.model, second.served) == ("{}", "hm", "qwen", "qwen3")
    assert (first.cached, first.cost) == (False, Decimal("0.01"))
    assert second.cached
    assert not any((second.cost, second.tokens_in, second.tokens_out, second.seconds))


@pytest.mark.parametrize(
    "other",
    [
        lambda: question("else"),
        lambda: question(schema={"type": "object"}),
        lambda: question(max_tokens=65),
        lambda: question(messages=(Message(speaker=Speaker.SYSTEM, text="Answer with ok."),)),
        lambda: question(model="nemotron"),
    ],
)
def test_another_question_is_another_reply(tmp_path: Path, other: Callable[[], Question]) -> None:
    inner = Scripted({"qwen": ["a"], "nemotron": ["b"]})
    cached(tmp_path, inner).ask(question())
    cached(tmp_path, inner).ask(other())
    assert len(inner.asked) == 2


@pytest.mark.parametrize("other", [{"owner": "eve"}, {"served": "qwen4"}, {"parameters": {"temperature": 0.7}}])
def test_another_owner_model_or_parameter_is_another_reply(tmp_path: Path, other: dict[str, object]) -> None:
    inner = Scripted({"qwen": ["a"]})
    cached(tmp_path, inner).ask(question())
    cached(tmp_path, inner, **other).ask(question())
    assert len(inner.asked) == 2


@pytest.mark.parametrize("finish", [Finish.LENGTH, Finish.OTHER])
def test_a_reply_that_was_cut_is_not_kept(tmp_path: Path, finish: Finish) -> None:
    inner = Scripted({"qwen": [reply(finish=finish)]})
    for _ in range(2):
        assert cached(tmp_path, inner).ask(question()).finish is finish
    assert len(inner.asked) == 2


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    inner = Scripted({"qwen": [Temporary("down"), "{}"]})
    with pytest.raises(Temporary):
        cached(tmp_path, inner).ask(question())
    assert cached(tmp_path, inner).ask(question()).text == "{}"


@pytest.mark.parametrize("damage", ["", "{}", "[]", "half", "altered"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: str) -> None:
    inner = Scripted({"qwen": [reply()]})
    cached(tmp_path, inner).ask(question())
    (path,) = tmp_path.rglob("*.json")
    document = json.loads(path.read_text())
    document["reply"]["text"] = '{"actions": ["BUY everything"]}'
    path.write_text({"half": path.read_text()[:40], "altered": json.dumps(document)}.get(damage, damage))
    assert cached(tmp_path, inner).ask(question()).text == "{}"
    assert len(inner.asked) == 2


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cached(tmp_path / "file", Scripted({"qwen": ["{}"]})).ask(question()).text == "{}"


def test_no_file_holds_the_prompt(tmp_path: Path) -> None:
    cached(tmp_path, Scripted({"qwen": ["{}"]})).ask(question("my very private prompt"))
    (path,) = tmp_path.rglob("*.json")
    assert "private" not in path.read_text()
