"""A recorded conversation holds what was said without who said it, and our gateway answers it again."""

import random
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conversations import MASKED_ACCOUNT, OFFICIAL, RECORDED, answers_to, record, said_by
from tests.gateway_homes import played, step_gateway
from tests.wire_words import VERSIONS, message

from prudent.domain.errors import InputError
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import NAMED_REQUESTS
from prudent.gateway.codec.rows import encode
from prudent.gateway.conversation import MASKED, Masks, Speaker, conversation, places

VERSION = 178
TABLES = (*NAMED_REQUESTS.values(), *ANSWERS.values())


@pytest.mark.parametrize("recorded", [RECORDED, *OFFICIAL.values()], ids=lambda path: path.stem)
def test_the_client_that_was_recorded_is_answered_as_it_was(recorded: Path) -> None:
    lines = conversation(recorded)
    with step_gateway(accounts={MASKED_ACCOUNT: Decimal(1_000_000)}) as gateway:
        answers = played(answers_to(gateway.port, lines))
    expected = said_by(lines, Speaker.GATEWAY)
    for number, (answer, before) in enumerate(zip(answers, expected, strict=True)):
        assert answer == before, f"answer {number}; if it is meant to differ, record the conversation anew"


def test_the_installed_client_still_says_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    with step_gateway(accounts={"DU7654321": Decimal(1_000_000)}) as gateway:
        recorder = played(record(gateway.port, path))
    assert recorder.blank == 0
    again, before = conversation(path), conversation(RECORDED)
    assert said_by(again, Speaker.CLIENT) == said_by(before, Speaker.CLIENT)
    assert said_by(again, Speaker.GATEWAY) == said_by(before, Speaker.GATEWAY)
    assert "7654321" not in path.read_text(encoding="ascii")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_every_message_is_placed_by_name(table: object) -> None:
    assert hasattr(table, "rows")
    for version in (VERSIONS[0], 170, VERSION):
        fields = encode(table, message(table, version, random.Random(7)), version)  # type: ignore[arg-type]
        assert [place for place, _name in places(table, fields, version)] == list(range(1, len(fields)))  # type: ignore[arg-type]


def test_account_ids_are_replaced_everywhere_and_keep_their_letters() -> None:
    masks = Masks()
    assert masks.text("DU7654321") == "DU0000001"
    assert masks.text("order of U1234567 (DU7654321) refused") == "order of U0000002 (DU0000001) refused"
    assert masks.text("F2222222 DF3333333") == "F0000003 DF0000004"
    # A local symbol, a price and a time are no accounts.
    assert masks.text("UNH 6EZ6 20221228 09:30:00 US/Eastern") == "UNH 6EZ6 20221228 09:30:00 US/Eastern"


def test_names_of_groups_and_models_are_taken_out_of_orders() -> None:
    table = NAMED_REQUESTS["placeOrder"]
    named = {"faGroup": "My Family", "modelCode": "Retirement", "clearingAccount": "ACME Clearing", "orderRef": "r-1"}
    fields = encode(table, named | {"account": "DU7654321", "orderType": "LMT", "totalQuantity": Decimal(1)}, VERSION)
    kept, blank = Masks().fields(Speaker.CLIENT, fields, VERSION)
    assert not blank
    assert len(kept) == len(fields)
    assert not {"My Family", "Retirement", "ACME Clearing", "DU7654321"} & set(kept)
    assert kept.count(MASKED) == 3
    assert {"r-1", "DU0000001"} <= set(kept)


def test_the_list_of_an_adviser_is_not_kept() -> None:
    fields = encode(ANSWERS["receiveFA"], {"kind": 1, "xml": "<Group><name>Jane Doe</name></Group>"}, VERSION)
    kept, blank = Masks().fields(Speaker.GATEWAY, fields, VERSION)
    assert (kept[-1], blank) == (MASKED, False)


@pytest.mark.parametrize(
    "fields",
    [
        ["65", "1", "Jane Doe", "secret"],
        ["999", "Jane Doe"],
        ["61", "1", "one field too many, Jane Doe"],
        ["49"],
        ["Jane Doe"],
    ],
)
def test_of_what_no_table_knows_only_the_number_is_kept(fields: list[str]) -> None:
    kept, blank = Masks().fields(Speaker.CLIENT, fields, VERSION)
    assert blank
    assert len(kept) == len(fields)
    assert kept[0] in ("", fields[0])
    assert "Jane" not in "".join(kept)


@pytest.mark.parametrize("text", ["", "{}", '{"format": "other"}\n', "no json", "[]\n[]"])
def test_a_file_that_is_no_conversation_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(text, encoding="ascii")
    with pytest.raises(InputError, match="must be a recorded conversation"):
        conversation(path)
