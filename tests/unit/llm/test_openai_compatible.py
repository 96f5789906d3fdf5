"""The adapter of OpenAI-compatible servers: what is sent, how little a bad server can do, and what is read back."""

import json
from decimal import Decimal

import pytest
from tests.servers.openai import Fault, OpenAIServer, Said, dead_url, serving, timed
from tests.unit.llm.asking import asks, question

from prudent.domain.errors import DeskError, Permanent, Temporary
from prudent.domain.reasoning import Finish
from prudent.llm.openai_compatible import offered_models


def test_exactly_the_question_is_sent() -> None:
    with serving() as server:
        asks(server.url, key="k-123456789", parameters={"temperature": 0.2}).ask(question())
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == "Bearer k-123456789"
    assert asked.body == (
        b'{"model":"qwen3","messages":[{"role":"system","content":"You are terse."},'
        b'{"role":"user","content":"Answer with ok."}],"temperature":0.2,"max_tokens":64,"stream":false,'
        b'"response_format":{"type":"json_schema","json_schema":{"name":"test","strict":true,"schema":{"type":"object",'
        b'"properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}}}}'
    )


def test_a_reply_says_what_it_was_and_cost() -> None:
    counted = {"prompt_tokens": 30, "completion_tokens": 5}
    said = Said(text='{"ok": true}', reasoning="hm", served="Qwen3-Next", usage=counted)
    with serving(answer=lambda asked: said) as server:
        reply = asks(server.url).ask(question())
    assert (reply.text, reply.thinking, reply.finish) == ('{"ok": true}', "hm", Finish.STOP)
    assert (reply.model, reply.served) == ("qwen", "Qwen3-Next")
    assert (reply.tokens_in, reply.tokens_out) == (30, 5)
    # $1 and $10 a million tokens: 30 / 1e6 + 50 / 1e6
    assert reply.cost == Decimal("0.00008")
    assert reply.seconds >= 0


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "thinking"),
    [
        ("<think>a\nb</think>\n{}", None, "{}", "a\nb"),
        ("a</think>{}", None, "{}", "a"),
        ("<think>a</think>{}", "beside", "{}", "beside\na"),
        ("<think>never ends {}", None, "", "never ends {}"),
        ("<think>he wrote </think>[1]</think>{}", None, "{}", "he wrote </think>[1]"),
        ('{"why": "</think>[1]"}', None, '{"why": "</think>[1]"}', ""),
        ("```json\n{}\n```", None, "```json\n{}\n```", ""),
        ("\x00{}\ud800", None, "\ufffd{}?", ""),
    ],
)  # fmt: skip
def test_thinking_is_kept_apart(text: str, reasoning: str | None, answer: str, thinking: str) -> None:
    with serving(answer=lambda asked: Said(text=text, reasoning=reasoning)) as server:
        reply = asks(server.url).ask(question())
    assert (reply.text, reply.thinking) == (answer, thinking)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", Finish.STOP), ("length", Finish.LENGTH), ("content_filter", Finish.OTHER), (None, Finish.OTHER)],
)
def test_the_finish_reason_is_kept(reason: str | None, finish: Finish) -> None:
    with serving(answer=lambda asked: Said(finish=reason)) as server:
        assert asks(server.url).ask(question()).finish is finish


def test_a_refused_shape_is_asked_looser_and_remembered() -> None:
    with serving(refuses={"json_schema", "json_object"}) as server:
        model = asks(server.url)
        model.ask(question())
        model.ask(question("again"))
    assert [each.shape for each in server.asked] == ["json_schema", "json_object", "plain", "plain"]


def test_a_server_that_breaks_on_the_schema_is_asked_looser() -> None:
    answers = ["500", ""]

    def answer(asked: object) -> Said | Fault:
        return Fault.GRAMMAR_500 if answers.pop(0) else Said()

    with serving(answer=answer) as server:
        asks(server.url).ask(question())
    assert [each.shape for each in server.asked] == ["json_schema", "json_object"]


def test_a_parameter_that_is_not_taken_is_left_out_and_remembered() -> None:
    with serving(refuses={"reasoning_effort", "top_k"}) as server:
        model = asks(server.url, parameters={"temperature": 0.2, "reasoning_effort": "low", "top_k": 5})
        model.ask(question())
        model.ask(question("again"))
    assert len(server.asked) == 4
    assert set(server.asked[-1].document) & {"temperature", "reasoning_effort", "top_k"} == {"temperature"}
    assert server.asked[-1].shape == "json_schema"


def test_a_server_that_counts_completion_tokens_is_asked_so() -> None:
    with serving(refuses={"max_tokens"}) as server:
        asks(server.url).ask(question())
    assert server.asked[-1].document["max_completion_tokens"] == 64
    assert "max_tokens" not in server.asked[-1].document


def test_a_server_that_refuses_everything_is_asked_a_few_times_only() -> None:
    with serving(refuses={"model"}, refusal="no") as server, pytest.raises(Permanent, match="answered 400"):
        asks(server.url, parameters={"temperature": 1}).ask(question())
    assert len(server.asked) == 3


def test_a_prompt_that_is_too_long_is_not_asked_twice() -> None:
    said = "the request exceeds the available context size"
    with serving(refuses={"model"}, refusal=said) as server, pytest.raises(Permanent, match="less text"):
        asks(server.url).ask(question())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault.DEAD, Temporary, "broke off"),
        (Fault.TRUNCATING, Temporary, "in the middle of its answer"),
        (Fault.TEN_MB, Temporary, "within 1,000,000 bytes"),
        (Fault.ENDLESS, Temporary, "within 1,000,000 bytes"),
        (Fault.HALF_JSON, Temporary, "must be JSON"),
        (Fault.NO_CHOICE, Temporary, "must hold a choice"),
        (Fault.HTML, Permanent, "answered with a page"),
        (Fault.ERROR_500, Temporary, "out of memory"),
        (Fault.UNAUTHORIZED, Permanent, "set LLM_API_KEY"),
        (Fault.NO_SUCH_MODEL, Permanent, "model not found"),
        (Fault.BUSY, Temporary, "slow down"),
        (Fault.LOADING, Temporary, "Loading model"),
        (Fault.REDIRECT, Permanent, "which is not followed"),
    ],
)
def test_a_bad_answer_is_a_failure_after_one_question(fault: Fault, kind: type[DeskError], said: str) -> None:
    with serving(answer=lambda asked: fault) as server, serving() as elsewhere:
        server.redirect_to = f"{elsewhere.url}/chat/completions"
        with pytest.raises(kind, match=said) as caught:
            asks(server.url).ask(question())
    assert type(caught.value) is kind
    assert len(server.asked) == 1
    assert elsewhere.asked == []


@pytest.mark.parametrize("fault", [Fault.HANGING, Fault.SLOW_DRIP, Fault.DRIPPING_HEADER])
def test_no_server_can_hold_a_question_longer_than_its_limit(fault: Fault) -> None:
    def ask() -> None:
        with pytest.raises(Temporary, match=r"must answer within 0\.4 s"):
            asks(server.url, seconds=0.4, load_seconds=0.4).ask(question())

    with serving(answer=lambda asked: fault) as server:
        assert timed(ask) < 5


def test_nobody_listening_is_a_failure() -> None:
    with pytest.raises(Temporary, match="cannot be reached"):
        asks(dead_url()).ask(question())


def test_only_the_first_answer_may_take_as_long_as_loading() -> None:
    with serving(latency=lambda asked: 0.5) as server:
        model = asks(server.url, seconds=0.2, load_seconds=5.0)
        model.ask(question())
        with pytest.raises(Temporary, match=r"must answer within 0\.2 s"):
            model.ask(question("again"))


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**12, "completion_tokens": 10**12}, {"prompt_tokens": -5, "completion_tokens": 0},
        {"prompt_tokens": "30", "completion_tokens": True}, {},
    ],
)  # fmt: skip
def test_counts_that_cannot_be_true_count_as_none_and_the_bytes_are_paid(usage: dict[str, object]) -> None:
    with serving(answer=lambda asked: Said(text="x" * 400, usage=usage)) as server:
        reply = asks(server.url, price_in=Decimal(0), price_out=Decimal(10_000)).ask(question())
    assert (reply.tokens_in, reply.tokens_out) == (None, None)
    # 400 bytes are about 100 tokens, at a cent each.
    assert reply.cost == 1


def test_no_prompt_holds_a_secret() -> None:
    with serving() as server:
        asks(server.url, secrets=("hunter2hunter2",)).ask(
            question("the key is hunter2hunter2, password: swordfish, Bearer abcdef0123456789")
        )
    sent = server.prompts[0]
    assert "hunter2" not in sent
    assert "swordfish" not in sent
    assert "abcdef0123456789" not in sent


def test_facts_account_and_purpose_stay_here() -> None:
    with serving() as server:
        asks(server.url).ask(question(account="account-7", schema={}))
    assert b"account-7" not in server.asked[0].body
    assert b"only for rules" not in server.asked[0].body
    assert server.asked[0].shape == "plain"


def test_a_key_that_a_server_repeats_is_not_shown() -> None:
    def refused(server: OpenAIServer) -> str:
        with pytest.raises(Permanent) as caught:
            asks(server.url, key="very-secret-key").ask(question())
        return str(caught.value)

    with serving(refuses={"model"}, refusal="bad key very-secret-key") as server:
        assert "very-secret-key" not in refused(server)


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, dead_url())
    with serving() as server:
        assert asks(server.url).ask(question()).finish is Finish.STOP


def test_a_server_says_what_it_serves() -> None:
    with serving(key="k-123456789") as server:
        assert offered_models(server.url, key="k-123456789", seconds=5) == ("qwen", "nemotron")
        with pytest.raises(Permanent, match="LLM_API_KEY"):
            offered_models(server.url, seconds=5)
    with serving(models=()) as server:
        assert offered_models(server.url, seconds=5) == ()


def test_what_a_server_calls_itself_is_shortened_and_printable() -> None:
    with serving(answer=lambda asked: Said(served="\x1b[2Jqwen" + "n" * 999)) as server:
        name = asks(server.url).ask(question()).served
    assert len(name) <= 300
    assert name.isprintable()
    assert json.dumps(name)
