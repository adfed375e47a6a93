"""Benchmarks of the design's goals, as ratios within one run: `make bench`. No test asserts a time."""
