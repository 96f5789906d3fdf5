"""The border: one envelope, one message and one exit code for every way a command can end."""

import io
import subprocess
import sys
from decimal import Decimal

import pytest
import typer
from tests.unit.cli.running import run

from prudent.__main__ import spelled_out
from prudent.domain.errors import (
    BlockedError,
    ConfigError,
    ConfirmationMissing,
    InputError,
    Permanent,
    StoreError,
    Temporary,
    VerificationMismatch,
)
from prudent.entrypoints.cli.answer import Answer, Problem, Table, money, percent, quantity
from prudent.entrypoints.cli.app import app as invest
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.confirm import require_typed, require_yes


def one(answer: Answer | Exception) -> typer.Typer:
    """An app whose command `one` answers or raises that, beside a command `other`."""
    app = typer.Typer(rich_markup_mode=None)

    def action(call: Call, *, dry_run: bool = False) -> Answer:
        call.warnings.append("noticed")
        if isinstance(answer, Exception):
            raise answer
        return answer

    command(app, "one")(action)
    command(app, "other")(lambda: Answer())
    return app


ANSWER = Answer(
    data={"cash": Decimal("1234.50"), "rate": Decimal("0.10")},
    blocks=["hello", Table(title="Rows", columns=("name", ">n"), rows=[("a", "1")])],
)


def test_an_answer_is_one_document_with_money_as_text() -> None:
    ended = run(one(ANSWER), "one", "--json")
    assert ended.document == {
        "schema_version": 1, "command": "one", "ok": True, "data": {"cash": "1234.5", "rate": "0.1"},
        "warnings": ["noticed"], "errors": [],
    }  # fmt: skip
    assert (ended.code, ended.err) == (0, "")


def test_an_answer_for_people_has_its_warnings_on_the_other_stream() -> None:
    ended = run(one(ANSWER), "one")
    assert "hello" in ended.out
    assert "Rows" in ended.out
    assert "noticed" not in ended.out
    assert ended.err == "warning: noticed\n"
    assert "\x1b" not in ended.out


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (Permanent("x"), 1, "error"),
        (StoreError("x"), 1, "store_unusable"),
        (InputError("x"), 2, "bad_input"),
        (ConfigError("x"), 3, "bad_config"),
        (Temporary("x"), 4, "upstream_unavailable"),
        (BlockedError("x"), 5, "blocked"),
        (VerificationMismatch("x"), 7, "verification_mismatch"),
        (ConfirmationMissing("x"), 8, "confirmation_missing"),
    ],
)
def test_each_failure_has_its_exit_code_in_both_forms(error: Exception, code: int, name: str) -> None:
    ended = run(one(error), "one")
    assert (ended.code, ended.out, ended.err) == (code, "", "warning: noticed\nerror: x\n")
    told = run(one(error), "one", "--json")
    assert told.code == code
    assert told.document["ok"] is False
    assert told.document["errors"] == [{"code": name, "message": "x"}]


def test_a_refusal_of_the_system_is_no_traceback() -> None:
    ended = run(one(OSError(28, "No space left on device", "/home/x")), "one")
    assert ended.code == 1
    assert "the system refused /home/x: No space left on device; check rights and free space" in ended.err


def test_a_failure_with_data_shows_both() -> None:
    ended = run(one(Answer(data=[1], errors=[Problem(code="c", message="m")], exit_code=6)), "one", "--json")
    assert ended.code == 6
    assert (ended.document["ok"], ended.document["data"]) == (False, [1])


def test_changes_proposed_is_no_failure() -> None:
    ended = run(one(Answer(exit_code=10)), "one", "--json")
    assert (ended.code, ended.document["ok"]) == (10, True)


def test_a_rehearsal_says_so_first_and_last() -> None:
    lines = run(one(ANSWER), "one", "--dry-run").out.strip().splitlines()
    assert (lines[0], lines[-1]) == ("DRY RUN", "DRY RUN")
    told = run(one(ANSWER), "one", "--dry-run", "--json")
    assert told.document["ok"] is True
    assert told.err == "DRY RUN\nDRY RUN\n"


def test_an_unknown_command_is_told_with_the_nearest_one() -> None:
    ended = run(invest, "statsu")
    assert ended.code == 2
    assert "Did you mean 'status'" in ended.err
    assert run(invest, "statsu", "--json").document["errors"][0]["code"] == "bad_input"


@pytest.mark.parametrize(
    "args",
    [("run",), ("run", "a", "--bogus"), ("plan", "--unlisted", "maybe"), ("clock", "advance", "--sessions", "0")],
)
def test_a_wrong_option_or_argument_is_usage(args: tuple[str, ...]) -> None:
    ended = run(invest, *args)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")


def test_alone_it_shows_the_help() -> None:
    ended = run(invest)
    assert ended.code == 2
    assert "Usage: invest" in ended.err


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["--once", "main", "--dry-run"], ["run", "main", "--dry-run"]),
        (["--dry-run", "--once", "main"], ["run", "main", "--dry-run"]),
        (["--home", "/h", "--once", "main"], ["run", "main", "--home", "/h"]),
        (["--all", "--json"], ["run-all", "--json"]),
        (["--home", "/h", "status", "--json"], ["status", "--json", "--home", "/h"]),
        (["--help"], ["--help"]),
        (["--once"], ["run"]),
    ],
)
def test_the_short_forms_mean_the_long_ones(short: list[str], long: list[str]) -> None:
    assert spelled_out(short) == long


def test_typed_confirmation_is_the_exact_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    require_typed("main", "main", act="acting")
    with pytest.raises(ConfirmationMissing, match=r"acting must be confirmed by 'main', nothing was typed; add --con"):
        require_typed("main", None, act="acting")
    with pytest.raises(ConfirmationMissing, match="was 'mian'"):
        require_typed("main", "mian", act="acting")
    with pytest.raises(ConfirmationMissing, match="add --yes"):
        require_yes("Sure?", yes=False)
    require_yes("Sure?", yes=True)


def test_figures_for_people_never_show_nan() -> None:
    assert [money(None), money(Decimal("NaN")), money(Decimal("-1234.5"))] == ["—", "—", "-1,234.50"]
    assert [percent(None), percent(Decimal("0.1234"))] == ["—", "12.34 %"]
    assert [quantity(Decimal("10.00")), quantity(Decimal("1E+3")), quantity(None)] == ["10", "1000", "—"]


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys; from prudent.entrypoints.cli.app import app; from prudent.entrypoints.cli.border import main;"
        "assert main(app, ['--help']) == 0 and main(app, ['version']) == 0;"
        "heavy = {'sqlalchemy', 'alembic', 'numpy', 'pandas', 'polars', 'numba', 'yaml'};"
        "found = heavy & {m.partition('.')[0] for m in sys.modules}; assert not found, found"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
