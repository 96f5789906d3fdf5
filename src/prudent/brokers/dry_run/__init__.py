"""Rehearsal over any broker: reads pass through, nothing can leave."""

from prudent.brokers.dry_run.broker import BrokerReads, DryRunBroker, Readable

__all__ = ["BrokerReads", "DryRunBroker", "Readable"]
