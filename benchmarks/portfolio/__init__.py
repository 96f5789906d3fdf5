"""Workload W1: a fully invested portfolio rebalanced to given weights, in our day-batches and in other programs."""
