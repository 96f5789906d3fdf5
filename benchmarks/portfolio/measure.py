"""One measured run in this process: CPU time of the work alone, peak memory of the whole process, as a JSON line."""

import json
import resource
import sys
import time
from collections.abc import Callable


def report(
    program: str, version: str, run: Callable[[], tuple[float, int]], **more: Callable[[], object] | float
) -> None:  # fmt: skip
    """Run once and print what it took; `run` gives final equity and orders traded, `more` is asked afterwards."""
    before = time.process_time()
    final, orders = run()
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"program": program, "version": version, "cpu": cpu, "peak_mb": peak, "final": final, "orders": orders}
    json.dump({**row, **{name: each() if callable(each) else each for name, each in more.items()}}, sys.stdout)
    print()
