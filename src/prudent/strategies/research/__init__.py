"""The research agent: one brief before each open, read by other accounts; it never trades."""

from prudent.strategies.research.strategy import Research

__all__ = ["Research"]
