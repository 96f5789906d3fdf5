"""What every ledger promises, as one class: each implementation inherits it and opens itself."""

from tests.contract.ledger_acts import ActsContract
from tests.contract.ledger_corrections import CorrectionsContract
from tests.contract.ledger_memory import MemoryContract
from tests.contract.ledger_orders import OrdersContract
from tests.contract.ledger_permissions import PermissionsContract


class LedgerContract(ActsContract, MemoryContract, OrdersContract, CorrectionsContract, PermissionsContract):
    """The whole contract: acts, what is remembered of them, the order path, and what people allowed."""
