"""The paper gateway: the TWS API socket protocol in front of the paper exchange, for any client that speaks it."""
