"""Benchmarks: a peer and us side by side in one run; ratios hold, seconds depend on the machine."""
