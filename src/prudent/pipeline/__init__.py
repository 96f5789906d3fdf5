"""The seven stages of a cycle, one verb each: pure where they judge, at a port where they read or write."""
