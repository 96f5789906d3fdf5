"""Interactive Brokers as a broker and a source of market data, over ib_async in a thread of its own."""
