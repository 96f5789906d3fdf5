"""What every ledger promises, as one class: each implementation inherits it and opens itself."""

from tests.contract.ledger_acts import ActsContract
from tests.contract.ledger_memory import MemoryContract


class LedgerContract(ActsContract, MemoryContract):
    """The whole contract: acts, and what is remembered of them."""
