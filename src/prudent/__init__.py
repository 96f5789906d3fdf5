"""Prudent: an AI portfolio manager whose every decision can be checked, proved and replayed."""

__version__ = "0.1.0"
