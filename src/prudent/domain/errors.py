"""Failures a person meets, each with the exit code that `invest` ends with."""

from typing import ClassVar


class DeskError(Exception):
    """A failure outside the code: `what` was, what must be and what to do, in one message."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"


class Temporary(DeskError):
    """Trying again later may help: a source is down, a lease is held."""

    exit_code = 4
    code = "upstream_unavailable"


class Permanent(DeskError):
    """Trying again will not help; a person must act."""


class InputError(Permanent):
    """An argument or a file given by the user is wrong (exit code 2)."""

    exit_code = 2
    code = "bad_input"


class ConfigError(Permanent):
    """A configuration file or environment variable is wrong (exit code 3)."""

    exit_code = 3
    code = "bad_config"


class BlockedError(Permanent):
    """A gate, the kill switch or a missing price stops the whole request (exit code 5)."""

    exit_code = 5
    code = "blocked"


class VerificationMismatch(Permanent):
    """The book does not agree with the plan or a replay differs from its record (exit code 7)."""

    exit_code = 7
    code = "verification_mismatch"


class ConfirmationMissing(Permanent):
    """A dangerous act lacks its typed confirmation or arming (exit code 8)."""

    exit_code = 8
    code = "confirmation_missing"


class StoreError(Permanent):
    """A database or file of the home cannot be read or written; nothing half-done is left."""

    code = "store_unusable"


class OverBudget(Permanent):
    """A call to a model would cost more than its account or day may spend (exit code 5)."""

    exit_code = 5
    code = "over_budget"


class LookAhead(Permanent):
    """Something asked the market for a value that was not yet known at the clock's time."""

    code = "look_ahead"
