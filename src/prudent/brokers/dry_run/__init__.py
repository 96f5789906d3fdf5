"""Rehearsal over any broker: reads pass through, nothing can leave."""

from prudent.brokers.dry_run.broker import DryRunBroker, Readable

__all__ = ["DryRunBroker", "Readable"]
