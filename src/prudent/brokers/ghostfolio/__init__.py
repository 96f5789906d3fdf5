"""Ghostfolio over its HTTP interface: a place that shows our books, never one that risk is read from."""

from prudent.brokers.ghostfolio.client import NEEDED, Found, Ghostfolio, Wanted
from prudent.brokers.ghostfolio.mapping import (
    Activity,
    Mark,
    RemoteAccount,
    RemoteActivity,
    account_mark,
    account_uuid,
    alike,
)
from prudent.brokers.ghostfolio.wire import NotSure, Refused, Wire

__all__ = [
    "NEEDED", "Activity", "Found", "Ghostfolio", "Mark", "NotSure", "Refused", "RemoteAccount", "RemoteActivity",
    "Wanted", "Wire", "account_mark", "account_uuid", "alike",
]  # fmt: skip
