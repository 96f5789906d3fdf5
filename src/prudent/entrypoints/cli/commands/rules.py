"""Commands about user rules: list, add, disable and test."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.rules import RuleCategory, RuleOrigin, UserRule
from prudent.entrypoints.cli.answer import Answer, Table, quantity
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.domain.records import Json
    from prudent.guards.wishes import Wish
    from prudent.ledger.rows import RuleRow

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
ParamOption = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="KEY=VALUE", help="A limit, like max_position_pct=10; repeatable."),
]
SymbolsOption = Annotated[str, typer.Option("--symbols", help="Only these symbols, by commas; default all.")]
AssetsOption = Annotated[str, typer.Option("--assets", help="Only these kinds, like stock,etf; default all.")]
ExcludeOption = Annotated[str, typer.Option("--exclude", help="Never these symbols.")]


def register(app: typer.Typer) -> None:
    """Add the group `rules`."""
    group = typer.Typer(no_args_is_help=True, help="Your own rules; they can only tighten what is allowed.")
    app.add_typer(group, name="rules")
    command(group, "list", group="rules")(list_rules)
    command(group, "add", group="rules")(add)
    command(group, "disable", group="rules")(disable)
    command(group, "test", group="rules")(try_out)


def list_rules(
    call: Call, *, account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None
) -> Answer:
    """List rules with what they refused and shrank, in the latest run and in all, and the custom rules of mandates."""
    from prudent.guards.wishes import wishes

    desk = call.open()
    names = [call.account(desk, account)] if account else [a for a in desk.account_ids() if desk.is_open_account(a)]
    found = [(name, row) for name in names for row in desk.ledger.views.rules(name)]
    custom = [(name, wish) for name in names for wish in wishes(desk.mandate(name))]
    shown = Table(
        title="Custom rules of the mandates", columns=("account", "in words", "which is"),
        rows=[(name, wish.text, wish.mark) for name, wish in custom],
    )  # fmt: skip
    return Answer(
        data=[*(_data(name, row) for name, row in found), *(_custom(name, wish) for name, wish in custom)],
        blocks=[
            Table(
                title="Rules",
                columns=("account", "id", "name", "category", "limits", "active", ">refusals", ">shrinks",
                         ">refusals in all", ">shrinks in all"),
                rows=[
                    (name, row.rule.rule_id, row.rule.rule_name, row.rule.rule_category, _limits(row.rule),
                     "yes" if row.rule.is_active else "no", str(row.refusals), str(row.shrinks),
                     str(row.refusals_total), str(row.shrinks_total))
                    for name, row in found
                ],
                empty="none yet; add one with `invest rules add ACCOUNT NAME --param max_position_pct=10`",
            ),
            *([shown] if custom else []),
        ],
    )  # fmt: skip


def add(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call, account: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the rule is called; its id is made of it.")],
    *, param: ParamOption = None,
    category: Annotated[RuleCategory, typer.Option("--category", help="For the list only.")] = RuleCategory.RISK,
    symbols: SymbolsOption = "", assets: AssetsOption = "", exclude: ExcludeOption = "",
    priority: Annotated[int, typer.Option("--priority", help="Lower is shown first; the tightest decides.")] = 100,
    inactive: Annotated[bool, typer.Option("--inactive", help="Keep it, but do not enforce it yet.")] = False,
    description: Annotated[str, typer.Option("--description", help="Why it is there.")] = "",
) -> Answer:  # fmt: skip
    """Add a rule; one whose limits nothing can enforce is refused unless it is --inactive."""
    from prudent.workflows.beside import account_turn

    desk = call.open()
    account = call.account(desk, account)
    rule = UserRule(
        rule_id=_slug(name), rule_name=name, rule_category=category, enforcement_params=_params(param),
        priority=priority, is_active=not inactive, applies_to_assets=_words(assets),
        applies_to_symbols=_symbols(symbols), exclude_symbols=_symbols(exclude), created_by=RuleOrigin.USER,
        description=description, created_at=desk.clock.now(),
    )  # fmt: skip
    _check(rule)
    with account_turn(desk, account):
        desk.ledger.add_rule(account, rule, at=desk.clock.now())
    return Answer(
        data={"account": account, "rule": rule},
        blocks=[f"added {rule.rule_id} to {account}: {_limits(rule)}; it is frozen into the next run"],
    )


def disable(
    call: Call, account: AccountArgument,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, as `rules list` shows it.")],
) -> Answer:  # fmt: skip
    """Switch a rule off; it stays in the list with what it did."""
    from prudent.workflows.beside import account_turn

    desk = call.open()
    account = call.account(desk, account)
    with account_turn(desk, account):
        desk.ledger.disable_rule(account, rule, at=desk.clock.now())
    return Answer(data={"account": account, "rule_id": rule, "is_active": False}, blocks=[f"{rule} is off"])


def try_out(
    call: Call, account: AccountArgument, *, param: ParamOption = None, symbols: SymbolsOption = "",
    assets: AssetsOption = "", exclude: ExcludeOption = "",
) -> Answer:  # fmt: skip
    """Show what a rule would do to the plan of now, beside the rules in force; nothing is stored.

    Without --param it shows what the rules in force do.
    """
    from prudent.entrypoints.cli.rule_trial import trial

    desk = call.open()
    account = call.account(desk, account)
    tried = UserRule(
        rule_id="test", rule_name="test", rule_category=RuleCategory.RISK, enforcement_params=_params(param),
        applies_to_assets=_words(assets), applies_to_symbols=_symbols(symbols), exclude_symbols=_symbols(exclude),
    )  # fmt: skip
    if param:
        _check(tried)
    effects = trial(desk, account, tried if param else None)
    return Answer(
        data=effects,
        blocks=[
            Table(
                title="Effect on the plan of now",
                columns=("rule", "symbol", "outcome", ">wanted", ">allowed", "reason"),
                rows=[
                    (e.rule, e.symbol, e.outcome, quantity(e.wanted), quantity(e.allowed), e.reason) for e in effects
                ],
                empty="no rule stops or shrinks an order",
            )
        ],
    )


def rule_of(text: str, rule_id: str) -> UserRule:
    """A rule as `rules add` takes it after its name: `max_position_pct=10 --symbols KO,JNJ`; --param may be left out.

    Raises:
        InputError: the text cannot be read, or nothing could enforce the rule.
    """
    import shlex

    scope = {"--symbols": "", "--assets": "", "--exclude": ""}
    params: list[str] = []
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise InputError(f"--rule must be readable, was {text!r}: {error}; close the quotes") from None
    for word in words:
        if word in scope:
            scope[word] = next(words, "")
        elif word != "--param":
            params.append(word)
    rule = UserRule(
        rule_id=rule_id, rule_name=text, rule_category=RuleCategory.RISK, enforcement_params=_params(params),
        applies_to_assets=_words(scope["--assets"]), applies_to_symbols=_symbols(scope["--symbols"]),
        exclude_symbols=_symbols(scope["--exclude"]),
    )  # fmt: skip
    _check(rule)
    return rule


def _check(rule: UserRule) -> None:
    from prudent.guards.user_rules import validate_rule

    validate_rule(rule)


def _params(given: "list[str] | None") -> "dict[str, Json]":
    found: dict[str, Json] = {}
    for text in given or []:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise InputError(f"a rule's parameter must be KEY=VALUE, was {text!r}; write it like max_position_pct=10")
        if key.strip() in found:
            raise InputError(f"parameter {key.strip()} was given twice; leave one out")
        found[key.strip()] = list(_symbols(value)) if key.strip().endswith("symbols") else value.strip()
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(each.strip().lower() for each in text.split(",") if each.strip())


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(normalise_symbol(each) for each in text.split(",") if each.strip())


def _slug(name: str) -> str:
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())
    if not slug:
        raise InputError(f"a rule's name must have letters or digits, was {name!r}; name it")
    return slug[:48]


def _limits(rule: UserRule) -> str:
    return ", ".join(
        f"{key} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in rule.enforcement_params.items()
    )


def _custom(account: str, wish: "Wish") -> dict[str, object]:
    return {"account": account, "rule": wish.rule, "custom": wish.text, "enforced": wish.enforced, "note": wish.note}


def _data(account: str, row: "RuleRow") -> dict[str, object]:
    return {
        "account": account, "rule": row.rule, "refusals": row.refusals, "shrinks": row.shrinks,
        "refusals_total": row.refusals_total, "shrinks_total": row.shrinks_total,
    }  # fmt: skip
