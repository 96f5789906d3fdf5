"""The paper gateway's market: which contracts there are, when they trade, and what they are quoted at."""
