"""The command `sim`: worlds drawn from numbers, in which everything around the desk breaks."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer, Problem, Table
from prudent.entrypoints.cli.border import command
from prudent.entrypoints.cli.screen import progress

if TYPE_CHECKING:
    from prudent.simulation.campaign import Boundary, Tally
    from prudent.simulation.wires import WireKind
    from prudent.simulation.world import Verdict

VIOLATED = 1
LAST_SHOWN = 25


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "sim")(sim)


def sim(  # noqa: PLR0913 - a parameter is an option of the command
    *, seeds: Annotated[str, typer.Option("--seeds", metavar="A..B", help="Both ends included.")] = "0..99",
    wire: Annotated[str, typer.Option("--wire", help="own, or gateway: the TWS API with both ends real.")] = "own",
    faults: Annotated[str, typer.Option("--faults", help="all, none, or groups and kinds with commas.")] = "all",
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Processes at once.")] = 1,
    trace: Annotated[int | None, typer.Option("--trace", metavar="SEED", help="Print what happens in it.")] = None,
    first: Annotated[bool, typer.Option("--first", help="Stop at the first violation.")] = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Kill the process at each numbered point in turn.")] = False,
    list_kinds: Annotated[bool, typer.Option("--list", help="Only list the kinds of faults.")] = False,
) -> Answer:  # fmt: skip
    """Run the desk in simulated worlds full of faults, and check after each event what must hold.

    A seed that violates anything ends the command with 1 and is shown with the command that repeats it.
    Over the wire `gateway` the desk trades through the real adapter at the real paper gateway.
    """
    from prudent.simulation.campaign import seed_range
    from prudent.simulation.faults import chosen
    from prudent.simulation.wires import wire_kind

    kind = wire_kind(wire)
    chosen(faults, kind.catalogue)
    wanted = seed_range(seeds)
    if list_kinds:
        return _kinds(kind)
    if trace is not None:
        return _traced(trace, faults, kind)
    return _matrix(wanted, jobs, kind) if matrix else _seeds(wanted, faults, jobs, kind, first=first)


def _kinds(wire: "WireKind") -> Answer:
    rows = [(kind.name, kind.group, kind.text) for kind in wire.catalogue]
    return Answer(data=rows, blocks=[Table(title="Faults", columns=("fault", "group", "what happens"), rows=rows)])


def _traced(seed: int, faults: str, wire: "WireKind") -> Answer:
    from prudent.simulation.faults import chosen
    from prudent.simulation.world import run_seed

    verdict, world = run_seed(seed, chosen(faults, wire.catalogue), keep=0, wire=wire.name)
    lines = [*world.trace.lines, f"digest {verdict.digest}"]
    data = {"seed": seed, "digest": verdict.digest, "events": lines}
    return _judged([verdict], data, ["\n".join(lines)], (faults, wire.name))


def _seeds(wanted: range, faults: str, jobs: int, wire: "WireKind", *, first: bool) -> Answer:
    from prudent.clock import SystemClock
    from prudent.simulation.campaign import Tally, run_seeds

    clock, tally = SystemClock(), Tally()
    began = clock.monotonic()
    digests: dict[str, str] = {}
    for verdict in run_seeds(wanted, faults, jobs=jobs, wire=wire.name):
        tally.add(verdict)
        digests[str(verdict.seed)] = verdict.digest
        if verdict.violation or tally.seeds % 100 == 0:
            progress(f"{tally.seeds} of {len(wanted)} seeds, {len(tally.failing)} with a violation")
        if first and verdict.violation:
            break
    seconds = clock.monotonic() - began
    data = {
        "seeds": tally.seeds, "violations": len(tally.failing), "orders": tally.orders, "cycles": tally.cycles,
        "points": tally.points, "seconds": round(seconds, 1), "median_faults": tally.median_faults,
        "hits": dict(sorted(tally.hits.items())), "digests": digests,
    }  # fmt: skip
    summary = (
        f"{tally.seeds} seeds in {seconds:.1f} s: {tally.cycles} cycles, {tally.orders} orders, {tally.points} points, "
        f"{sum(tally.hits.values())} faults (median {tally.median_faults} a seed), {len(tally.failing)} violations"
    )
    return _judged(tally.failing, data, [_table(tally, wire), summary], (faults, wire.name))


def _table(tally: "Tally", wire: "WireKind") -> Table:
    rows = [(kind.name, kind.group, str(tally.hits.get(kind.name, 0))) for kind in wire.catalogue]
    return Table(title="Faults", columns=("fault", "group", ">hits"), rows=rows)


def _matrix(wanted: range, jobs: int, wire: "WireKind") -> Answer:
    from prudent.simulation.campaign import run_matrix

    if len(wanted) > 100:
        raise InputError(f"--matrix forces hundreds of crashes a seed: at most 100 seeds, was {len(wanted)}")
    forced: dict[str, int] = {}
    failing: list[tuple[Boundary, Verdict]] = []
    for boundary, verdict in run_matrix(wanted, jobs=jobs, wire=wire.name):
        forced[boundary.name] = forced.get(boundary.name, 0) + 1
        if verdict.violation:
            failing.append((boundary, verdict))
    rows = [(name, str(count)) for name, count in sorted(forced.items())]
    total = sum(forced.values())
    points = [f"seed {b.seed}, point {b.number} ({b.name}): {v.violation} {v.text}" for b, v in failing]
    return Answer(
        data={"seeds": len(wanted), "crashes": total, "violations": points, "points": dict(sorted(forced.items()))},
        blocks=[
            Table(title="Forced crashes", columns=("point", ">crashes"), rows=rows),
            f"{total} crashes at {len(rows)} kinds of points in {len(wanted)} seeds, {len(failing)} violations",
        ],
        errors=[Problem(code="violation", message=text) for text in points],
        exit_code=VIOLATED if failing else 0,
    )


def _judged(
    failing: "list[Verdict]", data: dict[str, object], blocks: list[str | Table], how: tuple[str, str]
) -> Answer:
    from prudent.simulation.campaign import command_of

    found = [verdict for verdict in failing if verdict.violation]
    for verdict in found:
        last = "\n".join(verdict.last[-LAST_SHOWN:])
        blocks.append(
            f"seed {verdict.seed} violates {verdict.violation}: {verdict.text}\n{last}\n"
            f"again: {command_of(verdict, *how)}"
        )
    data["failing"] = [
        {"seed": v.seed, "invariant": v.violation, "text": v.text, "again": command_of(v, *how)} for v in found
    ]
    errors = [Problem(code="violation", message=f"seed {v.seed}: {v.violation}: {v.text}") for v in found]
    return Answer(data=data, blocks=blocks, errors=errors, exit_code=VIOLATED if found else 0)
