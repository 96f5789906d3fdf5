"""Numbered changes of the ledger's schema; each has a downgrade that keeps journal and audit rows."""

from prudent.ledger.migrations.commands import current, downgrade, known_revisions, upgrade

__all__ = ["current", "downgrade", "known_revisions", "upgrade"]
