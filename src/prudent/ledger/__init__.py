"""The memory of the desk on SQL: journal, orders, runs, records and audit; no broker, no market and no clock here."""

from prudent.ledger.store import LedgerStore, open_ledger

__all__ = ["LedgerStore", "open_ledger"]
