"""Intraday momentum: half-hour cycles inside the session, flat by its close."""

from prudent.strategies.intraday.strategy import Intraday
from prudent.strategies.intraday.windows import why_closed

__all__ = ["Intraday", "why_closed"]
