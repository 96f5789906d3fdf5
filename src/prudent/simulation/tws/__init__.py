"""The wire of the TWS API as a world: the real adapter and the real paper gateway on loops that share virtual time."""
