"""A disk that is full in the middle of a cycle: nothing is corrupt, nothing acknowledged is lost, and work goes on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.homes import new_home

DISK_MB = 24
SEED = 33


def own_disk() -> list[str]:
    """How this user gets a small file system that vanishes with its process; empty where the machine forbids it."""
    unshare = shutil.which("unshare")
    ways = [["--mount"], ["--map-root-user", "--mount"]] if unshare else []
    for way in ways if os.getuid() == 0 else ways[1:]:
        command = [str(unshare), *way, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
        if subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0:
            return [str(unshare), *way]
    return []


OWN_DISK = own_disk()


@pytest.mark.skipif(not OWN_DISK, reason="this user may not mount a small file system; the ledger's own test stands in")
def test_a_disk_that_fills_up_anywhere_in_a_cycle_loses_and_breaks_nothing(
    tmp_path: Path, scale: Callable[[int, int], int]
) -> None:
    home = new_home(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    points = scale(10, 50)
    program = f'exec "$2" -m tests.scenarios.full_disk "$0" "$1" {SEED} {points}'
    script = f'mount -t tmpfs -o size={DISK_MB}m tmpfs "$1" && {program}'
    done = subprocess.run(
        [*OWN_DISK, "sh", "-c", script, str(home), str(disk), sys.executable],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == points
    for each in found:
        assert each["faults"] == [], each
        assert each["orders_lost"] == [], each
        assert each["sent_twice"] is False, each
        assert each["books_agree"] is True, each
        assert each["resumed"] == "completed", each
        assert each["within_a_lot"] is True, each
        assert each["left_by_backup"] == [], each
    refused = [each for each in found if each["ended"] == "refused"]
    assert len(refused) >= points // 2
    for each in refused:
        assert each["refused"] == "StoreError", each
        assert "free" in each["said"], each
        assert "free space" in each["backup_refused"] or not each["backup_refused"], each
    # The points fell into every part of a cycle: before the first order, between orders, and after the last.
    assert len({each["orders_acknowledged"] for each in found}) >= 3
    assert len({each["acknowledged"] for each in found}) >= points // 3
