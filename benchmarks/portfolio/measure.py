"""One measured run in this process: CPU time of the work alone, peak memory of the whole process, as a JSON line."""

import json
import resource
import sys
import time
from collections.abc import Callable


def report(program: str, version: str, run: Callable[[], tuple[float, int]], **more: object) -> None:
    """Run once and print what it took; `run` returns final equity and the number of orders."""
    before = time.process_time()
    final, orders = run()
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"program": program, "version": version, "cpu": cpu, "peak_mb": peak, "final": final, "orders": orders, **more}
    json.dump(row, sys.stdout)
    print()
