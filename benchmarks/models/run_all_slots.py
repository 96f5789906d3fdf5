"""W10: `run-all` against a server with seeded latency: how close to the bound of its slots, and how often it swaps.

Forty-eight accounts ask two passes each. The bound is the server's whole work over its slots: less no order of asking
can take. With two models the server swaps in ten seconds; in the order of the accounts it would swap at every one.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.scenarios.homes import reopened
from tests.scenarios.model_homes import BUY_KO, answering, model_home
from tests.servers.openai import seeded_latency, serving

from prudent.workflows.abreast import run_all
from prudent.workflows.cycle import at_work

ACCOUNTS, SLOTS, SWAP_SECONDS = 48, 4, 10.0
LOW, HIGH, SEED = 1.0, 3.0, 7


def measured(case: str, models: tuple[str, ...]) -> Mapping[str, object]:
    latency = seeded_latency(SEED, LOW, HIGH)
    names = [f"account{number}" for number in range(ACCOUNTS)]
    accounts = {name: {"model": models[number % len(models)]} for number, name in enumerate(names)}
    swap = SWAP_SECONDS if len(models) > 1 else 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(answer=answering(BUY_KO), latency=latency, slots=SLOTS, swap_seconds=swap) as server,
    ):
        desk = reopened(model_home(Path(folder), server.url, accounts, slots=SLOTS))
        with at_work(desk):
            # The market's files are read once, whoever comes first.
            run_all(desk, ["core"])
            began, used = perf_counter(), process_time()
            outcomes = run_all(desk, names)
            took, used = perf_counter() - began, process_time() - used
        if any(each.record is None for each in outcomes):
            sys.exit(f"an account failed: {[str(each.error) for each in outcomes if each.error]}")
        work = sum(latency(each) for each in server.asked)
        bound = (work + swap * (len(models) - 1)) / SLOTS
        return {
            "case": case, "accounts": ACCOUNTS, "calls": len(server.asked), "slots": SLOTS, "seconds": round(took, 2),
            "bound": round(bound, 2), "efficiency": round(bound / took, 3), "swaps": server.swaps,
            "cpu_ms_an_account": round(used * 1000 / ACCOUNTS, 1),
            "sequential": round(work + swap * (len(models) - 1), 2),
            "interleaved": round(work + swap * (ACCOUNTS - 1) * (len(models) > 1), 2),
        }  # fmt: skip


def main() -> None:
    cases = {"W10a": ("qwen",), "W10b": ("qwen", "nemotron")}
    for case in sys.argv[1:] or cases:
        sys.stdout.write(json.dumps(measured(case, cases[case])) + "\n")


if __name__ == "__main__":
    main()
