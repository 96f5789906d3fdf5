"""The console command `invest`: every command in one tree."""

import typer

from prudent.entrypoints.cli.commands import (
    apply,
    approvals,
    arming,
    backtests,
    books,
    clock,
    config,
    contamination,
    control,
    database,
    decisions,
    gateway,
    ghostfolio,
    home,
    ibkr,
    importing,
    init,
    lookahead,
    models,
    notify,
    orders,
    people,
    planning,
    portfolios,
    price_history,
    processes,
    records,
    report,
    research,
    rules,
    safety,
    schedules,
    simulation,
    sweeps,
    trading,
    whatif,
)

EPILOG = (
    "Exit codes: 0 done, 1 unexpected, 2 wrong arguments or input, 3 wrong configuration, 4 a source is unavailable, "
    "5 blocked by a guard or a missing price, 6 some accounts failed, 7 the book contradicts, 8 confirmation missing, "
    "10 changes proposed (plan --detailed-exitcode), 130 interrupted."
)

app = typer.Typer(
    name="invest",
    help="An AI portfolio manager whose every decision can be checked, proved and replayed.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for _module in (
    init, home, books, portfolios, planning, trading, approvals, control, arming, orders, records, decisions, rules,
    config, apply, importing, clock, schedules, people, models, research, notify, ghostfolio, ibkr, gateway, safety,
    database, price_history, processes, simulation, backtests, sweeps, contamination, report, lookahead, whatif,
):  # fmt: skip
    _module.register(app)
