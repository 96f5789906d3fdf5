"""Sources of prices and facts behind the `MarketData` port, the instrument master and the exchange calendar.

A source here shows nothing that was unknown at the clock's time, and labels every value real, derived or synthetic.
No source reads the wall clock, the environment or another adapter.
"""
