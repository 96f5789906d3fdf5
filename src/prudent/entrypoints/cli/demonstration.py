"""The demo: a paper account over a month of the sample, then one cycle of the nine accounts that reason, in tables."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.money import ZERO
from prudent.domain.verdicts import Outcome
from prudent.entrypoints.cli.answer import Answer, Table, money, percent
from prudent.entrypoints.cli.applied import remember_applied
from prudent.entrypoints.cli.border import Call
from prudent.entrypoints.cli.commands.books import account_row, accounts_table
from prudent.entrypoints.cli.cycle_view import cycle_blocks
from prudent.entrypoints.cli.decision_view import decision_blocks, in_one_line, told
from prudent.entrypoints.cli.demo_history import NOTHING, Told, describe, tested
from prudent.entrypoints.cli.opening import Opening, open_account, open_described
from prudent.entrypoints.cli.screen import progress
from prudent.entrypoints.cli.starter import FOLDERS, Wishes, create_home
from prudent.workflows.abreast import run_all
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.cycle import at_work, run_account

ACCOUNT, START, CASH = "demo", "2022-11-28", 100_000
MARK = "demo.yaml"
STOP_LOSS = "8%"
SHOWN = "weekly_balanced"


def demonstrate(call: Call, *, reset: bool, sessions: int, history: bool) -> Answer:
    """Make the home, run the first cycle in full and one for each session after it, then the accounts that reason."""
    home = demo_home(call, reset=reset)
    create_home(home, Wishes(start=START, thirteen=True))
    call.home = home
    open_account(call.open(), _opening())
    _add_exits(home)
    desk = call.open()
    with at_work(desk):
        records = list(_cycles(desk, sessions))
    progress("opening the thirteen accounts of two model families ...")
    open_described(desk)
    with at_work(desk):
        reasoned = _reasoned(desk)
    describe(desk)
    past = _past(home) if history else NOTHING
    desk = call.open()
    remember_applied(desk.loaded)
    account = account_row(call, desk, ACCOUNT)
    blocks: list[str | Table] = [
        "DEMO: real daily closes of 2022, prices within the day and volumes synthetic; no network, no keys, no money",
        *cycle_blocks(records[0]),
        _later(records[1:]),
        accounts_table([account]),
        *_reasoned_blocks(desk, reasoned),
        *past.blocks,
        _next_steps(home, records),
    ]
    return Answer(
        data={
            "home": str(home), "account": account, "cycles": [_summary(record) for record in records],
            "reasoned": [
                {"account": each.account, "cycle": each.id, "decision": in_one_line(each)} for each in reasoned
            ],
            "history": past.data,
        },
        blocks=blocks,
    )  # fmt: skip


def _past(home: Path) -> Told:
    progress("two backtests of twenty stocks over 33 years ...")
    return tested(home)


def demo_home(call: Call, *, reset: bool) -> Path:
    """Where the demo lives: the home that was named, emptied with `reset` if it was a demo, else a new folder."""
    if call.home is None:
        return Path(tempfile.mkdtemp(prefix="prudent-demo-"))
    home = call.folder()
    if reset and (home / MARK).exists():
        for name in (*FOLDERS, "config"):
            shutil.rmtree(home / name, ignore_errors=True)
        for name in ("invest.yaml", "invest.schema.json", "KILL", MARK):
            (home / name).unlink(missing_ok=True)
    elif reset and (home / "invest.yaml").exists():
        raise InputError(f"--reset must name the home of a demo, {home} is another one; choose another folder")
    return home


def _opening() -> Opening:
    from decimal import Decimal

    return Opening(
        account=ACCOUNT, cash=Decimal(CASH), positions=None,
        mandate={"name": "Demo", "targets": "json/core.json"},
    )  # fmt: skip


def _add_exits(home: Path) -> None:
    path = home / "config" / "accounts" / f"{ACCOUNT}.yaml"
    mandate = {**yaml.safe_load(path.read_text()), "exits": {"stop_loss": STOP_LOSS}}
    path.write_text(yaml.safe_dump(mandate, sort_keys=False))
    (home / MARK).write_text(f"account: {ACCOUNT}\n")


def _cycles(desk: Desk, sessions: int) -> Iterator[CycleRecord]:
    progress(f"cycle of {desk.clock.now():%Y-%m-%d} ...")
    yield run_account(desk, ACCOUNT)
    for moment in next_sessions(desk, sessions):
        progress(f"cycle of {moment:%Y-%m-%d} ...")
        advance(desk, moment)
        yield run_account(desk, ACCOUNT)


def _reasoned(desk: Desk) -> list[CycleRecord]:
    """One cycle of every account that reasons, offline by the built-in rules.

    Raises:
        DeskError: one of them failed.
    """
    accounts = [each for each in desk.account_ids() if each != ACCOUNT and not desk.why_disabled(each)]
    records = []
    for outcome in run_all(desk, accounts, on_done=lambda each: progress(f"cycle of {each.account} ...")):
        if outcome.record is None:
            raise outcome.error or BlockedError(f"the cycle of {outcome.account} must end with a record, waits")
        records.append(outcome.record)
    return records


def _reasoned_blocks(desk: Desk, records: list[CycleRecord]) -> Iterator[str | Table]:
    shown = next(each for each in records if each.account == SHOWN)
    yield (
        "The accounts that reason, one cycle each: two model families, here both answered by the built-in rules "
        "(rules, no LLM)"
    )
    yield Table(
        title="Decisions", columns=("account", "decision"), rows=[(each.account, in_one_line(each)) for each in records]
    )
    yield f"One of them in full, as `invest decisions show {shown.id}` tells it"
    yield from decision_blocks(told(shown, desk.ledger.views.reasoning(shown.id)))
    disabled = [account for account in desk.account_ids() if desk.why_disabled(account)]
    yield f"not run: {', '.join(disabled)}: {desk.why_disabled(disabled[0])}"


def _later(records: list[CycleRecord]) -> Table:
    return Table(
        title="The month after",
        columns=("cycle", "day", ">NLV", ">orders", ">fills", "exits", "refused or shrunk by", "no trade because"),
        rows=[
            (
                r.id, f"{r.observation.as_of:%Y-%m-%d}", money(r.nlv_after), str(len(r.plan.orders)), str(len(r.fills)),
                ", ".join(f"{e.cause} {e.symbol}" for e in r.decision.exits), _grouped(_stopped(r)),
                ", ".join(r.no_trade_codes),
            )
            for r in records
        ],
    )  # fmt: skip


def _stopped(record: CycleRecord) -> list[str]:
    reports = (record.report, *(phase.report for phase in record.phases))
    found = [
        f"{v.guard} {v.outcome} {record.plan.order(v.order_ref).symbol}"
        for report in reports
        for v in report.verdicts()
        if v.outcome in (Outcome.REJECT, Outcome.CLIP)
    ]
    return list(dict.fromkeys(found))


def _grouped(stopped: list[str]) -> str:
    """`P08 REJECT UNH AAPL; P12 CLIP KO`."""
    symbols: dict[str, list[str]] = {}
    for each in stopped:
        act, symbol = each.rsplit(" ", 1)
        symbols.setdefault(act, []).append(symbol)
    return "; ".join(f"{act} {' '.join(names)}" for act, names in symbols.items())


def _summary(record: CycleRecord) -> dict[str, object]:
    accuracy = record.reconciliation.total_accuracy if record.reconciliation else ZERO
    return {
        "cycle": record.id, "as_of": record.observation.as_of, "nlv_after": record.nlv_after,
        "orders": len(record.plan.orders), "fills": len(record.fills),
        "exits": [f"{e.cause} {e.symbol}" for e in record.decision.exits], "stopped": _stopped(record),
        "accuracy": percent(accuracy), "no_trade_codes": list(record.no_trade_codes),
    }  # fmt: skip


def _next_steps(home: Path, records: list[CycleRecord]) -> str:
    return "\n  ".join((
        "The home stays. Try next:",
        f"export INVEST_HOME={home}",
        "invest status",
        f"invest runs show {ACCOUNT}/1",
        f"invest replay {records[0].id}",
        f"invest trades --account {ACCOUNT}",
        "invest decisions show daily_momentum",
        "invest backtest weekly_balanced --from 2019-01-01 --to 2020-12-31",
        "invest runs compare stocks/b1 stocks/b2",
        "invest run-all --dry-run",
        "invest demo --broker paper-gateway",
        "invest audit verify",
        f"invest clock advance --sessions 1 && invest run {ACCOUNT}",
    ))  # fmt: skip
