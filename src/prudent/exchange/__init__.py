"""The simulated venue: matching, costs and cash as pure functions, on columns and on rows; no store, no clock."""
