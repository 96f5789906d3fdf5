"""Deciders, one package each and independent of each other: they say what to hold, never how many units or when."""
