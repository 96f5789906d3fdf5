"""The command that makes a home: the thirteen accounts, one account, or none."""

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prudent.domain.errors import ConfirmationMissing, InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.entrypoints.cli.starting_servers import Servers
    from prudent.settings.starting import Starting

ModeName = Literal["dry_run", "paper"]
SourceName = Literal["sample", "yahoo"]
MODES: dict[str, ModeName] = {"dry_run": "dry_run", "paper": "paper"}
SOURCES: dict[str, SourceName] = {"sample": "sample", "yahoo": "yahoo"}
NONE = "none"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "init")(init)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the options, the environment and the person said; `account` empty: the thirteen."""

    mode: ModeName
    source: SourceName
    account: str
    cash: str
    llm_url: str
    ghostfolio_url: str
    zone: str
    log_level: str
    models: tuple[str, str]


def init(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call, *, yes: Annotated[bool, typer.Option("--yes", help="Take the defaults; ask nothing.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Offline: the sample, no servers, no questions.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="A home without accounts.")] = False,
    account: Annotated[str, typer.Option("--account", help="Only this one account on the portfolio core.")] = "",
    mode: Annotated[ModeName, typer.Option("--mode", help="What the home is wired to.")] = "paper",
    source: Annotated[SourceName, typer.Option("--source", help="Where prices come from.")] = "sample",
    cash: Annotated[
        str, typer.Option("--cash", help="Cash of each account; INITIAL_BUDGET. [default: 10000, alone 100000]")
    ] = "",
    llm_url: Annotated[str, typer.Option("--llm-url", help="The model server; LLM_BASE_URL.")] = "",
    qwen: Annotated[str, typer.Option("--qwen", help="Its name for Qwen3-Next.")] = "",
    nemotron: Annotated[str, typer.Option("--nemotron", help="Its name for Nemotron.")] = "",
    ghostfolio_url: Annotated[str, typer.Option("--ghostfolio-url", help="Ghostfolio; GHOSTFOLIO_URL.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="Zone of the schedules; TZ. [default: Europe/Warsaw]")] = "",
    log_level: Annotated[str, typer.Option("--log-level", help="What log files keep; LOG_LEVEL.")] = "",
) -> Answer:  # fmt: skip
    """Make a home with the thirteen paper accounts of two model families, funded; it never overwrites one.

    It looks at the model server and at Ghostfolio where they are given (the token is GHOSTFOLIO_ACCESS_TOKEN) and works
    with neither: then every account decides by the built-in rules, which the answers say.
    """
    from prudent.settings.starting import Starting, starting

    said = Starting() if demo else starting()
    asked = _Asked(
        mode=mode, source="sample" if demo else source, account=account, cash=cash or said.budget,
        llm_url=llm_url or said.llm_url, ghostfolio_url=ghostfolio_url or said.ghostfolio_url,
        zone=zone or said.zone, log_level=log_level or said.log_level, models=(qwen, nemotron),
    )  # fmt: skip
    if empty and account:
        raise InputError("either --empty or --account must be given, were both; leave one out")
    if not yes and not demo:
        asked = _answered(asked, empty=empty)
    if empty:
        return _empty(call, asked)
    return _one(call, asked) if asked.account else _thirteen(call, asked, said)


def _empty(call: Call, asked: _Asked) -> Answer:
    from prudent.entrypoints.cli.starter import Wishes, create_home

    home = call.folder()
    create_home(home, Wishes(mode=asked.mode, source=asked.source))
    return Answer(
        data={"home": str(home), "mode": asked.mode, "source": asked.source, "accounts": []},
        blocks=[
            f"made {home}: mode {asked.mode}, prices {asked.source}, no account",
            f"next:\n  export INVEST_HOME={home}\n  invest accounts add ID --cash 100000 --targets core",
        ],
    )


def _one(call: Call, asked: _Asked) -> Answer:
    """A home with one funded account on the portfolio `core`."""
    from prudent.domain.money import parse_decimal
    from prudent.entrypoints.cli.opening import Opening, open_account
    from prudent.entrypoints.cli.starter import Wishes, create_home
    from prudent.settings import check_account_id

    account, home = asked.account, call.folder()
    check_account_id(account)
    amount = parse_decimal(asked.cash or "100000", "--cash")
    create_home(home, Wishes(mode=asked.mode, source=asked.source))
    call.home = home
    opening = Opening(account=account, cash=amount, positions=None, mandate={"targets": "json/core.json"})
    open_account(call.open(), opening)
    steps = (f"export INVEST_HOME={home}", f"invest plan --account {account}", f"invest run {account}", "invest status")
    return Answer(
        data={"home": str(home), "mode": asked.mode, "source": asked.source, "account": account, "cash": amount},
        blocks=[
            f"made {home}: mode {asked.mode}, prices {asked.source}, account {account} with {amount}",
            "\n  ".join(("next:", *steps)),
        ],
    )


def _thirteen(call: Call, asked: _Asked, said: "Starting") -> Answer:
    from prudent.domain.money import parse_decimal, plain
    from prudent.entrypoints.cli.applied import remember_applied
    from prudent.entrypoints.cli.opening import open_described
    from prudent.entrypoints.cli.starter import Wishes, create_home
    from prudent.settings import LogSettings
    from prudent.settings.starting import ZONE, check_zone

    zone = _zone(call, asked.zone) if asked.zone == said.zone else check_zone(asked.zone)
    budget = parse_decimal(asked.cash or "10000", "--cash")
    if budget <= 0:
        raise InputError(f"the cash of each account must be above 0, was {plain(budget)}; write e.g. 10000")
    level = _level(asked.log_level)
    servers = _servers(asked, said)
    home = call.folder()
    wishes = Wishes(
        mode=asked.mode, source=asked.source, thirteen=True, budget=budget, zone=zone or ZONE, servers=servers,
        log_level=level or LogSettings().level,
    )  # fmt: skip
    create_home(home, wishes)
    call.home = home
    call.warnings += servers.warnings
    desk = call.open()
    opened = open_described(desk)
    remember_applied(desk.loaded)
    disabled = [each for each in opened if desk.why_disabled(each)]
    family = ", ".join(servers.served) if servers.served else "the built-in rules (rules, no LLM)"
    steps = (f"export INVEST_HOME={home}", "invest run-all --dry-run", "invest run-all", "invest decisions list")
    return Answer(
        data={
            "home": str(home), "mode": asked.mode, "source": asked.source, "accounts": list(opened), "cash": budget,
            "disabled": disabled, "llm_url": servers.llm_url or None, "models_offered": list(servers.offered),
            "answered_by": family, "ghostfolio_url": servers.ghostfolio_url or None, "zone": wishes.zone,
        },
        blocks=[
            f"made {home}: mode {asked.mode}, prices {asked.source}, {len(opened)} accounts with {plain(budget)} each",
            *servers.told,
            f"models are answered by {family}",
            f"disabled until they can run: {', '.join(disabled)}",
            "\n  ".join(("next:", *steps)),
        ],
    )  # fmt: skip


def _servers(asked: _Asked, said: "Starting") -> "Servers":
    from prudent.entrypoints.cli.starting_servers import NO_SERVERS, look_at_ghostfolio, look_at_models

    found = NO_SERVERS
    if asked.llm_url:
        found = look_at_models(asked.llm_url, key=said.llm_key, wanted=asked.models)
    if asked.ghostfolio_url:
        found = look_at_ghostfolio(found, asked.ghostfolio_url, token=said.ghostfolio_token)
    return found


def _zone(call: Call, zone: str) -> str:
    """TZ may be what no schedule can use: then it is told, and not followed."""
    from prudent.settings.starting import ZONE, check_zone

    try:
        return check_zone(zone) if zone else ZONE
    except InputError:
        call.warnings.append(f"TZ={zone} is no time zone of the IANA database; schedules are in {ZONE}")
        return ZONE


def _level(text: str) -> str:
    from pydantic import ValidationError

    from prudent.settings import LogSettings

    try:
        return LogSettings.model_validate({"level": text}).level if text else ""
    except ValidationError as error:
        raise InputError(f"the log level must be debug, info, warning or error, was {text!r}; correct it") from error


def _answered(asked: _Asked, *, empty: bool) -> _Asked:
    """A few questions at a terminal; Enter takes the default."""
    if not sys.stdin.isatty():
        raise ConfirmationMissing("init asks questions and nobody can answer here; add --yes to take the defaults")
    found = replace(
        asked,
        mode=MODES[_ask("mode: paper trades in a simulated book, dry_run only shows", asked.mode, tuple(MODES))],
        source=SOURCES[_ask("prices: sample works offline, yahoo is live", asked.source, tuple(SOURCES))],
    )
    if empty:
        return found
    if found.account:
        return replace(found, cash=_ask("its opening cash", found.cash or "100000", ()))
    return replace(
        found,
        cash=_ask("cash of each account", found.cash or "10000", ()),
        llm_url=_url("model server, like http://127.0.0.1:8080/v1", found.llm_url),
        ghostfolio_url=_url("Ghostfolio, like http://localhost:3333", found.ghostfolio_url),
    )


def _url(question: str, default: str) -> str:
    answer = _ask(f"{question}, or none", default or NONE, ())
    return "" if answer.lower() == NONE else answer


def _ask(question: str, default: str, choices: tuple[str, ...]) -> str:
    while True:
        sys.stderr.write(f"{question} [{default}]: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise ConfirmationMissing("init was not answered to the end; nothing was made")
        answer = line.strip() or default
        if not choices or answer in choices:
            return answer
        sys.stderr.write(f"must be one of {', '.join(choices)}, was {answer!r}\n")
