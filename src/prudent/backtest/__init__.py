"""Backtests: the clock advances and the same cycle runs; kernels may be compiled, never rewritten."""
