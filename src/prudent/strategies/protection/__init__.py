"""Hold everything, and let only the forced exits act: what the protection monitor runs, and a strategy by itself."""

from prudent.strategies.protection.strategy import NAME, Protection

__all__ = ["NAME", "Protection"]
