"""What every test shares: the `--prove` flag, sizes that grow with it, and hypothesis profiles without a deadline."""

import gc
import os
import shutil
from collections.abc import Callable, Generator

import pytest
from hypothesis import HealthCheck, settings
from tests.postgres import new_owner, postgres, postgres_url, shared_postgres_url

__all__ = ["new_owner", "postgres", "postgres_url", "shared_postgres_url"]

MEMORY_DISK = "/dev/shm"
MEMORY_DISK_BYTES = 4 * 2**30

# `make test` must give the same answer twice, so its examples are derandomized; `make prove` looks further each time.
settings.register_profile(
    "test",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "prove",
    deadline=None,
    max_examples=2_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="run the large sizes of property and oracle tests")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("prove" if config.getoption("--prove") else "test")
    # Thousands of small files are written durably here; a memory disk loses none of them to `kill -9`, and is twice as
    # fast. A folder named by whoever runs the tests comes first.
    if os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free > MEMORY_DISK_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY_DISK)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # All that is imported and collected stays to the end; looking through it for garbage took half of the collection.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """`scale(small, large)`: the first in `make test`, the second in `make prove`."""
    proving = bool(pytestconfig.getoption("--prove"))

    def pick(small: int, large: int) -> int:
        return large if proving else small

    return pick
